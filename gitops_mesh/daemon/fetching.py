"""Fetching the source on a thread of its own, so that a remote that hangs delays no decision."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gitops_mesh.daemon.bell import Bell
from gitops_mesh.daemon.troubles import FIRST, Trouble
from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.model.revisions import Fetch

log = logging.getLogger(__name__)

QUIET = 0.05
"""Seconds without another ring after which a fetch begins: one push touches several files."""
_RINGS = 20
"""Rings that can put a fetch off; a repository that never rests is fetched all the same."""


class Fetcher:
    """Fetches when it is asked, and again with backoff while that fails.

    `news` is called after a fetch that brought a revision or ended an outage, and after the first; `fetched` after
    any that succeeded.
    """

    def __init__(
        self,
        refresh: Callable[[], Fetch],
        news: Callable[[], None],
        fetched: Callable[[], None],
        first: float = FIRST,
    ) -> None:
        self._refresh = refresh
        self._news = news
        self._fetched = fetched
        self._bell = Bell()
        self._ending = threading.Event()
        self._ever = False
        self._trouble = Trouble("the source cannot be fetched", "the source is back", first)

    def ask(self) -> None:
        """Fetch soon; from any thread or signal handler. Asked in mid-fetch, it fetches once more."""
        self._bell.ring()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Fetch at once, then whenever asked. A fetch that hangs at the end is left to its own deadline."""
        thread = threading.Thread(target=self._run, name="fetch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            self._bell.ring()

    def _run(self) -> None:
        while not self._ending.is_set():
            delay = self._once()
            if self._bell.wait(delay):
                self._settle()

    def _settle(self) -> None:
        for _ in range(_RINGS):
            if self._ending.is_set() or not self._bell.wait(QUIET):
                return

    def _once(self) -> float | None:
        """One fetch; the seconds after which to try again, `None` when it succeeded."""
        try:
            got = self._refresh()
        except GitOpsMeshError as error:
            return self._trouble.again(str(error))
        except Exception as error:  # the thread must outlive a mistake of ours; it is logged whole and tried again
            log.exception("fetching the source failed unexpectedly")
            return self._trouble.again(repr(error))
        over = self._trouble.over()
        news = got.changed or over or not self._ever
        self._ever = True
        self._fetched()
        if got.rewritten:
            log.warning("the branch was rewritten: %s does not descend from what was seen before", got.revision)
        if got.changed:
            log.info("HEAD is %s", got.revision)
        if news:
            self._news()
        return None
