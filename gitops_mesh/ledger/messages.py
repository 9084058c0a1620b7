"""An entry as a commit's message, and back.

The sentence, the evidence, `[skip ci]`, and the trailers are paragraphs of their own. Only the last
paragraph is read as trailers, by us and by git, and it has nothing in it but ours: evidence that
looks like a trailer stays evidence, and a value never gets a line break into the block.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.errors import LedgerError
from gitops_mesh.git.names import clean_line, clean_text
from gitops_mesh.ledger.paths import identity, key_of
from gitops_mesh.model.ledger import Entry, Recorded
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event

SUBJECT = 120
"""Characters of the first line at most."""
EVIDENCE = 64 * 1024
"""Characters of the body at most."""
SKIP = "\n\n[skip ci]\n\n"
"""Ends the part that a person reads; keeps CI away from the ledger's branch."""

_EVENTS = frozenset(str(event) for event in Event)
_OPTIONAL = {
    "Source-Commit": "source_commit",
    "Rollout": "rollout",
    "Verdict": "verdict",
    "Weights": "weights",
    "By": "by",
}
"""Trailer → the field of Entry that it holds; left out where that is empty."""


def compose(entry: Entry, cluster: str) -> str:
    """The message of an entry's commit. Raises LedgerError for a key that the ledger cannot keep."""
    subject = clean_line(entry.sentence, SUBJECT).lstrip("- ") or str(entry.event)
    evidence = _evidence(entry.evidence)
    head = f"{subject}\n\n{evidence}" if evidence else subject
    return head + SKIP + "".join(f"{name}: {value}\n" for name, value in _trailers(entry, cluster))


def parse(message: str, commit: str, at: float) -> Recorded | None:
    """The entry that a message tells; `None` for one that is not ours, or of an event not known here."""
    head, found, tail = message.rpartition(SKIP)
    trailers = _read(tail) if found else {}
    known = _identity(trailers)
    event = trailers.get("Event", ("",))[0]
    if known is None or event not in _EVENTS:
        return None
    subject, _, evidence = head.partition("\n")
    keys = [key_of(text) for text in trailers.get("Object", ())]
    entry = Entry(
        operation=known[0],
        sequence=known[1],
        event=Event(event),
        sentence=subject,
        at=at,
        objects=tuple(key for key in keys if key is not None),
        evidence=evidence.strip("\n"),
        **{field: trailers.get(name, ("",))[0] for name, field in _OPTIONAL.items()},
    )
    return Recorded(entry, commit, trailers.get("Cluster", ("",))[0])


def known_as(message: str) -> tuple[str, int] | None:
    """What makes an entry unique, whatever its event; `None` for a foreign message."""
    _, found, tail = message.rpartition(SKIP)
    return _identity(_read(tail)) if found else None


def object_line(key: ObjectKey) -> str:
    """The trailer by which the entries of an object are found."""
    return f"Object: {identity(key)}"


def _trailers(entry: Entry, cluster: str) -> Iterator[tuple[str, str]]:
    if not entry.operation or entry.operation != clean_line(entry.operation) or entry.sequence < 0:
        raise LedgerError(f"{entry.operation!r}, {entry.sequence} cannot tell an entry of the ledger from the others")
    optional = {name: clean_line(str(getattr(entry, field))) for name, field in _OPTIONAL.items()}
    told = [
        ("Source-Commit", optional["Source-Commit"]),
        ("Cluster", cluster),
        *(("Object", identity(key)) for key in entry.objects),
        ("Rollout", optional["Rollout"]),
        ("Sequence", str(entry.sequence)),
        ("Operation", entry.operation),
        ("Event", str(entry.event)),
        *((name, optional[name]) for name in ("Verdict", "Weights", "By")),
    ]
    return ((name, value) for name, value in told if value)


def _evidence(text: str) -> str:
    text = clean_text(text)
    if len(text) > EVIDENCE:
        text = text[:EVIDENCE].rstrip() + "\n(cut short)"
    # A line of dashes would end the message for `git interpret-trailers`, and a marker of ours for us.
    lines = [f" {line}" if line.startswith("---") or line == SKIP.strip() else line for line in text.split("\n")]
    return "\n".join(lines)


def _read(block: str) -> dict[str, tuple[str, ...]]:
    trailers: dict[str, tuple[str, ...]] = {}
    for line in block.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            trailers[name] = (*trailers.get(name, ()), value.strip())
    return trailers


def _identity(trailers: dict[str, tuple[str, ...]]) -> tuple[str, int] | None:
    operation, sequence = (trailers.get(name, ("",))[0] for name in ("Operation", "Sequence"))
    return (operation, int(sequence)) if operation and sequence.isascii() and sequence.isdigit() else None
