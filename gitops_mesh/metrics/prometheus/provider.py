"""Increments of every destination in flight, by one query for each metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from gitops_mesh.errors import Unreachable
from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.client import PrometheusClient
from gitops_mesh.metrics.prometheus.counters import Counters, Name, Value
from gitops_mesh.metrics.prometheus.presets import Identity, Preset, Question, Unclear, preset_of
from gitops_mesh.model.measurements import Counts, Measurement, Reading
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import PrometheusSettings
from gitops_mesh.ports import Clock

Watched = Collection[tuple[RouteRef, Destination]]


class PrometheusMetrics:
    """The Metrics port. `labels` tells what a destination's subset selects by.

    Routes that share a destination cannot be told apart in these metrics; each gets all of its requests.
    """

    def __init__(
        self,
        settings: PrometheusSettings,
        labels: Callable[[Destination], Labels],
        clock: Clock,
        *,
        timeout: float = 5.0,
    ) -> None:
        self._preset: Preset = preset_of(settings)
        self._client = PrometheusClient(settings, timeout)
        self._labels = labels
        self._clock = clock
        self._counters = Counters()

    @property
    def asked(self) -> int:
        """How many questions were sent."""
        return self._client.asked

    def read(self, watched: Watched) -> Reading:
        """The increments since the reading before; a failure is a Reading with a `problem`, and loses nothing."""
        at = self._clock.now()
        if not watched:
            return Reading(at)
        try:
            identities = self._identities({destination for _, destination in watched})
            asked = frozenset(identities.values())
            values = [v for question in self._preset.questions(asked) for v in self._ask(question, asked)]
        except (Unreachable, Unclear) as error:
            return Reading(at, problem=str(error))
        except OSError as error:
            return Reading(at, problem=f"the token of Prometheus cannot be read: {error.strerror}")
        increments = self._counters.add(values)
        self._counters.keep(series for series, _, _ in values)
        counts = _counts(increments, self._preset.scale)
        nothing = Counts()
        return Reading(
            at,
            tuple(Measurement(ref, to, counts.get(identities[to], nothing)) for ref, to in sorted(watched)),
        )

    def _identities(self, destinations: Collection[Destination]) -> dict[Destination, Identity]:
        """How each destination is told in the answers. Raises Unclear for two that look the same."""
        found: dict[Destination, Identity] = {}
        taken: dict[tuple[Identity, int], Destination] = {}
        for to in sorted(destinations):
            identity = self._preset.identity(to, self._labels(to))
            other = taken.setdefault((identity, to.port), to)
            if other != to:
                raise Unclear(
                    f"{other} and {to} cannot be told apart by their metrics; give their subsets other labels"
                )
            found[to] = identity
        return found

    def _ask(self, question: Question, asked: Collection[Identity]) -> list[Value]:
        found: list[Value] = []
        for series, value in self._client.ask(question.query):
            counts = question.counts
            if counts == "requests" and self._preset.failed(series):
                counts = "both"
            edge = series.get("le", "")
            process = f"{series.get('instance', '')} {series.get('pod', '')}"
            rest = tuple(sorted(series.items()))
            about = self._preset.of(series, asked)
            found += [((identity, counts, edge, rest), process, value) for identity in about]
        return found


def _counts(increments: Mapping[Name, int], scale: float) -> dict[Identity, Counts]:
    requests: dict[Identity, int] = defaultdict(int)
    errors: dict[Identity, int] = defaultdict(int)
    buckets: dict[Identity, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    for (identity, counts, edge, _), count in increments.items():
        if counts == "buckets":
            buckets[identity][_edge(edge, scale)] += count
            continue
        requests[identity] += count if counts != "errors" else 0
        errors[identity] += count if counts != "requests" else 0
    return {
        identity: Counts(
            requests[identity],
            min(errors[identity], requests[identity]),
            tuple(sorted(buckets[identity].items())),
        )
        for identity in requests.keys() | buckets.keys()
    }


def _edge(text: str, scale: float) -> float:
    try:
        return float(text) * scale
    except ValueError:
        return float("inf")
