"""What to try while the demo keeps running."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from gitops_mesh.demo.acts import Play
from gitops_mesh.demo.backends import REVIEWS_HOST
from gitops_mesh.demo.layout import LEDGER, ROUTE


def tries(play: Play) -> Iterator[tuple[str, str]]:
    """(what it does, a command line)."""
    where, ports = play.layout, play.layout.ports
    ours = f"gitops-mesh -c {where.config}"
    yield "ask reviews, through the mesh", f"curl -i -H 'Host: {REVIEWS_HOST}' http://127.0.0.1:{ports.mesh}/reviews/1"
    yield "ask from outside, through the gateway", f"curl -H 'Host: shop.example.com' http://127.0.0.1:{ports.gateway}/"
    yield "release something: change the weights", f"$EDITOR {where.clone / ROUTE}"
    yield "… and push it", f"git -C {where.clone} commit -am 'Move reviews' && git -C {where.clone} push"
    yield "see what is under way", f"{ours} status"
    yield "take it into your own hands (also: resume, promote, abort, retry)", f"{ours} pause reviews"
    yield "read the timeline", f"{ours} history reviews"
    yield "… with nothing but git", f"git -C {where.origin} log {LEDGER}"
    yield "what machines read", f"curl http://127.0.0.1:{ports.server}/api/status"
    yield "what the daemon says", f"tail -f {where.log('daemon')}"


def hold(play: Play) -> None:
    """Wait until somebody interrupts. Raises GitOpsMeshError when a part ends by itself."""
    pause = Event()
    while True:
        play.children.check()
        pause.wait(1.0)
