"""Increments of every destination in flight, by one query for each metric."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator
from hashlib import blake2b

import orjson

from gitops_mesh.errors import Unreachable
from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.answers import LARGEST
from gitops_mesh.metrics.prometheus.client import PrometheusClient
from gitops_mesh.metrics.prometheus.counters import Counters, Sums, Value
from gitops_mesh.metrics.prometheus.preset import Counted, Identity, Question, Series, Unclear, process_of
from gitops_mesh.metrics.prometheus.presets import PRESETS
from gitops_mesh.metrics.prometheus.telling import Telling, lose, tell
from gitops_mesh.model.measurements import Counts, Measurement, Reading
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import PrometheusSettings
from gitops_mesh.ports import Clock

log = logging.getLogger(__name__)

Watched = Collection[tuple[RouteRef, Destination]]


class PrometheusMetrics:
    """The Metrics port. `labels` tells what a destination's subset selects by, in the DestinationRules that are live;
    `timeout` is of a whole reading, in seconds.

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
        self._preset = PRESETS[settings.preset](settings)
        self._client = PrometheusClient(settings, timeout)
        self._labels = labels
        self._clock = clock
        self._counters = Counters()
        if settings.insecure:
            log.warning("metrics.prometheus.insecure is set: a token or password may go to %s in clear", settings.url)

    @property
    def asked(self) -> int:
        """How many queries were sent."""
        return self._client.asked

    def read(self, watched: Watched) -> Reading:
        """The increments since the reading before; a failure is a Reading with a `problem`, and loses nothing.

        Routes that cannot be told are `unclear`, and cost the others nothing; a problem, when there are no others.
        """
        at = self._clock.now()
        if not watched:
            self._counters.forget()
            return Reading(at)
        try:
            telling = tell(watched, self._preset, self._labels)
            measured = self._measured(telling) if telling.by else ()
        except (Unreachable, Unclear) as error:
            return Reading(at, problem=str(error))
        unclear = tuple(sorted(telling.unclear.items()))
        problem = "" if telling.by else "; ".join(sorted(set(telling.unclear.values())))
        return Reading(at, () if problem else measured, problem, unclear, shared=True)

    def _measured(self, telling: Telling) -> tuple[Measurement, ...]:
        asked = telling.asked
        questions = self._preset.questions(asked)
        answers = self._client.ask([question.query for question in questions])
        values = [
            value
            for question, answer in zip(questions, answers, strict=True)
            for series, count in answer
            for value in self._values(question, series, count, asked)
        ]
        sums = self._counters.add(values, asked, self._clock.monotonic())
        lose(telling, sums)
        return tuple(
            Measurement(ref, to, _counts(sums[identity]))
            for (ref, to), identity in telling.by.items()
            if identity in sums
        )

    def _values(self, question: Question, series: Series, count: float, asked: frozenset[Identity]) -> Iterator[Value]:
        identities = self._preset.of(series, asked)
        edge = 0.0
        if question.counted is Counted.BUCKETS:
            edge = _edge(series.get("le", ""), self._preset.scale)
        if not identities or math.isnan(edge):
            return
        process = process_of(series)
        name = blake2b(orjson.dumps(series, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
        failed = question.counted is Counted.ERRORS or self._preset.failed(series)
        for identity in identities:
            yield Value(identity, question.counted, process, name, edge, failed, count)


def _counts(sums: Sums) -> Counts:
    """Never more errors than requests: they may have been asked for at another moment."""
    if max(sums.requests, *sums.buckets.values(), 0) > LARGEST:
        raise Unclear(f"{sums.requests:,} requests since the reading before are not believable")
    return Counts(sums.requests, min(sums.errors, sums.requests), tuple(sorted(sums.buckets.items())))


def _edge(text: str, scale: float) -> float:
    """An upper edge in seconds; not a number, if it is none."""
    try:
        edge = float(text) * scale
    except ValueError:
        return math.nan
    return edge if edge >= 0 else math.nan
