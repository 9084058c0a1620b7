"""What a preset is: how destinations are asked for, and how answers are told apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitops_mesh.mesh.index import Labels
from gitops_mesh.model.routes import Destination

Series = Mapping[str, str]
"""The labels of one counter in an answer."""
Identity = tuple[str, str, str]
"""What tells a destination in the answers: its host, what else it is told by, and that one's value."""

PROCESS = ("cluster", "namespace", "job", "instance", "pod", "kubernetes_pod_name", "pod_name")
"""Labels that tell the processes that count apart, as scrape configurations name them."""
LOST = "?"
"""Stands in an identity for failed requests to a host that name no version."""


class Unclear(Exception):
    """Destinations cannot be told apart by their metrics; the message says what to do."""


class Counted(StrEnum):
    """What a question's answers count."""

    REQUESTS = "requests"
    """All of them, failed ones too."""
    ERRORS = "errors"
    BUCKETS = "buckets"
    """Of a histogram: requests that took at most `le`."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query, whose answer is an instant vector of counters."""

    counted: Counted
    query: str


@dataclass(frozen=True, slots=True)
class Preset:
    """How one kind of metrics is asked for."""

    identity: Callable[[Destination, Labels], Identity]
    """Raises Unclear where a destination's metrics cannot be told at all."""
    overlap: Callable[[Identity, Identity], bool]
    """Whether a request could count for both."""
    questions: Callable[[Collection[Identity]], tuple[Question, ...]]
    of: Callable[[Series, frozenset[Identity]], tuple[Identity, ...]]
    """Which of the destinations that are asked for a counter is about."""
    failed: Callable[[Series], bool]
    """Whether a counter of requests counts failed ones."""
    scale: float
    """Seconds in one unit of `le`."""


def process_of(series: Series) -> str:
    """The process that keeps a counter. Raises Unclear where nothing tells: a sum over processes shows no restart."""
    named = [series.get(name, "") for name in PROCESS]
    if not any(named[3:]):
        raise Unclear("its counters carry neither `instance` nor `pod`; keep one of them, so that restarts can be seen")
    return "\0".join(named)
