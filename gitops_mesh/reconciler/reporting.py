"""Telling the forge of every new HEAD whether it validates: the status that a pull request's reader sees."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gitops_mesh.errors import Unreachable
from gitops_mesh.ports import Clock, Forge
from gitops_mesh.reconciler.desired import Desired

log = logging.getLogger(__name__)

RETRY = 60.0
"""Seconds until a status that could not be set is tried again."""


class Reporter:
    """Sets the commit's status once for each HEAD, off the decision loop."""

    def __init__(self, forge: Forge, background: Callable[[Callable[[], None]], None], clock: Clock) -> None:
        self._forge = forge
        self._background = background
        self._clock = clock
        self._told = ""
        self._not_before = 0.0

    def tell(self, desired: Desired) -> None:
        """Report this HEAD, unless it was reported (or has just failed to be)."""
        if desired.head == self._told or self._clock.now() < self._not_before:
            return
        self._told = desired.head
        errors = sum(finding.is_error for finding in desired.findings)
        summary = f"{errors} error findings: this revision stays out of the mesh" if errors else "valid"
        self._background(lambda: self._report(desired.head, ok=not errors, summary=summary))

    def _report(self, revision: str, *, ok: bool, summary: str) -> None:
        try:
            self._forge.report(revision, ok, summary)
        except Unreachable as error:
            log.warning("the forge was not told of %s, and is told again later: %s", revision[:9], error)
            self._not_before = self._clock.now() + RETRY
            self._told = ""
