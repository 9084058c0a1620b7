"""What is done about drift, object by object, and which fields of it are left to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops_mesh.mesh.pointers import ANY, Pattern, parsed
from gitops_mesh.mesh.trees import kind_of, mapping, metadata
from gitops_mesh.model.objects import IGNORE_FIELDS, MOST_POINTERS, PREFIX, SETTINGS, Tree
from gitops_mesh.model.settings import IgnoredFields


@dataclass(frozen=True, slots=True)
class DriftRules:
    """What the configuration says of drift; an object's annotations in Git go before it."""

    action: str = "correct"
    """`correct`, `report` or `ignore`."""
    ignored: tuple[IgnoredFields, ...] = ()

    def action_on(self, accepted: Tree) -> str:
        """What is done about drift on the object with this accepted body."""
        said = _annotation(accepted, "drift")
        return said if said in SETTINGS["drift"] else self.action

    def pointers_on(self, accepted: Tree) -> tuple[Pattern, ...]:
        """The fields of the object with this accepted body that are left to others.

        Validation says what is wrong with a pointer; here such a one ignores nothing.
        """
        kind = kind_of(accepted)[1]
        said = _annotation(accepted, IGNORE_FIELDS).split()[:MOST_POINTERS]
        meant = (field for rule in self.ignored if kind in (rule.kinds or (kind,)) for field in rule.fields)
        return tuple(dict.fromkeys(_patterns((*meant, *said), kind)))


DEFAULT = DriftRules()
"""Every drift is corrected, in every field."""


def kept(body: Tree, live: Tree | None, pointers: Sequence[Pattern]) -> Tree:
    """`body` with the live value of every field that the pointers lead to: also none, where live has none.

    Entries of lists are paired by their `name` where both sides have one, else by their place; an entry that
    is on one side only stays as it is in `body`. Our own annotations are never taken from live.
    """
    if live is None:
        return body
    for pattern in pointers:
        body = mapping(_put(body, live, pattern))
    return body


def _annotation(body: Tree, name: str) -> str:
    return str(mapping(metadata(body).get("annotations")).get(PREFIX + name, ""))


def _patterns(pointers: Iterable[str], kind: str) -> Iterator[Pattern]:
    for pointer in pointers:
        try:
            yield parsed(pointer, kind)
        except ValueError:
            continue


def _put(ours: Any, theirs: Any, pattern: Pattern) -> Any:
    """`ours` with what `theirs` has at the pattern; never changed in place."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return _in_mapping(ours, theirs, pattern)
    if isinstance(ours, list) and isinstance(theirs, list):
        return _in_list(ours, theirs, pattern)
    return ours


def _in_mapping(ours: Tree, theirs: Tree, pattern: Pattern) -> Tree:
    name, rest = pattern[0], pattern[1:]
    out = dict(ours)
    for key in dict.fromkeys((*ours, *theirs)) if name == ANY else (name,):
        if str(key).startswith(PREFIX):
            continue
        if rest:
            _below(out, theirs, key, rest)
        elif key in theirs:
            out[key] = theirs[key]
        else:
            out.pop(key, None)
    return out


def _below(out: dict[str, Any], theirs: Tree, key: str, rest: Pattern) -> None:
    """Go on below `key`: what one side lacks is, on the way to a field, a mapping without that field."""
    was = out.get(key, {})
    now = _put(was, theirs.get(key, {}), rest)
    if now or (key in out and (key in theirs or not was)):
        out[key] = now
    else:
        out.pop(key, None)


def _in_list(ours: Sequence[Any], theirs: Sequence[Any], pattern: Pattern) -> list[Any]:
    name, rest = pattern[0], pattern[1:]
    out = list(ours)
    for index, other in _paired(ours, theirs):
        if name in (ANY, str(index)):
            out[index] = _put(ours[index], other, rest) if rest else other
    return out


def _paired(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The entries (by place) of our list that the other one has too, with its entry."""
    before, after = [_name(one) for one in ours], [_name(one) for one in theirs]
    uses = Counter(before), Counter(after)
    for index, name in enumerate(before):
        if name and uses[0][name] == uses[1][name] == 1:
            yield index, theirs[after.index(name)]
        elif index < len(theirs) and name == after[index]:
            yield index, theirs[index]


def _name(entry: Any) -> str:
    return str(mapping(entry).get("name") or "")
