"""A plan as people and programs read it: sentences, a YAML diff, JSON, Markdown for a pull request.

Everything shown comes from a repository or a cluster that anybody may have written to: sentences hold
no character that moves a terminal, Markdown holds all of it inside code, and no Secret's content is shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from gitops_mesh.manifests.render import to_yaml
from gitops_mesh.mesh.trees import kind_of, mapping
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.plan import Change, Cutover, Delete, Drift, ObjectPlan, Plan, Shift, Update
from gitops_mesh.model.routes import RouteRef, SplitRecord
from gitops_mesh.plan.fields import written
from gitops_mesh.plan.sentences import printable, sentences

__all__ = ["as_json", "as_markdown", "sentences", "unified"]

LIMIT = 60_000
"""Characters of a Markdown rendering; GitHub takes 65,536 in a comment."""
_LONGEST = 5_000
"""Lines of an object that are compared: the time it takes grows with their square."""


def unified(old: Tree | None, new: Tree | None, title: str) -> str:
    """A unified diff of two bodies as YAML, `None` being no object; empty when they read the same.

    A Secret's content is never shown.
    """
    before, after = _lines(old), _lines(new)
    was = printable(f"{title} (now)") if old is not None else "/dev/null"
    wanted = printable(f"{title} (Git)") if new is not None else "/dev/null"
    if max(len(before), len(after)) > _LONGEST and before != after:
        return f"--- {was}\n+++ {wanted}\n@@ {len(before)} and {len(after)} lines: too long to compare here @@\n"
    return "".join(f"{line}\n" for line in difflib.unified_diff(before, after, was, wanted, lineterm=""))


def as_json(plan: Plan, steps: Mapping[RouteRef, int] | None = None) -> dict[str, Any]:
    """The plan as a JSON-like tree, stable in its order; shares are percentages.

    `sentences` is the plan in words; `objects` are in the order they are written.
    """
    return {
        "sentences": sentences(plan, steps),
        "refused": plan.refused,
        "objects": [
            {
                "object": _key(found.key),
                "scope": found.scope,
                "wave": found.wave.name.lower().replace("_", "-"),
                "changes": [_change(change, steps or {}) for change in found.changes],
            }
            for found in plan.objects
        ],
        "findings": [_finding(finding) for finding in plan.findings],
    }


def as_markdown(
    plan: Plan,
    before: Mapping[ObjectKey, Tree] | None = None,
    steps: Mapping[RouteRef, int] | None = None,
    limit: int = LIMIT,
) -> str:
    """The plan for a pull request: what it means, then the raw diff, in at most `limit` characters.

    `before` holds the accepted (or live) bodies that the diff starts from.
    """
    told = sentences(plan, steps)
    if not told:
        return "No changes.\n"
    head = [f"- {_code(sentence)}\n" for sentence in told]
    head += [f"- {finding.severity}: {_code(printable(finding.message))}\n" for finding in plan.findings]
    diff = ""
    for found in plan.objects:
        if len(diff) > limit:
            break
        diff += _diff(found, before or {})
    return _capped(head, diff, limit)


def _capped(head: list[str], diff: str, limit: int) -> str:
    """The head as far as it goes, then the diff as far as that goes; what is left out is said."""
    out, more = "", "- … and {} more\n"
    for index, line in enumerate(head):
        if len(out) + len(line) + len(more) + 10 > limit:
            return out + more.format(len(head) - index)
        out += line
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", diff)), default=0))
    frame = f"\n<details><summary>Diff</summary>\n\n{fence}diff\n", f"{fence}\n\n</details>\n"
    cut = "… cut: the whole diff is longer than what may be shown here\n"
    room = limit - len(out) - sum(map(len, frame)) - len(cut)
    if not diff or room < 0:
        return out
    shown = diff if len(diff) <= room else diff[: diff.rfind("\n", 0, room) + 1] + cut
    return out + frame[0] + shown + frame[1]


def _diff(found: ObjectPlan, before: Mapping[ObjectKey, Tree]) -> str:
    wanted = found.admitted if found.desired is None else found.desired
    return unified(before.get(found.key), wanted, str(found.key))


def _lines(body: Tree | None) -> list[str]:
    if body is None:
        return []
    shown = dict(body)
    if kind_of(body) == ("", "Secret"):
        for name in ("data", "stringData"):
            if name in shown:
                shown[name] = dict.fromkeys(map(str, mapping(shown[name])), "(not shown)")
    return [printable(line) for line in to_yaml(shown).splitlines()]


def _code(text: str) -> str:
    """`text` as inline code, in which neither Markdown, HTML nor mentions mean anything."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"


def _change(change: Change, steps: Mapping[RouteRef, int]) -> dict[str, Any]:
    kind = {"type": type(change).__name__.lower()}
    match change:
        case Update(fields=fields):
            return {**kind, "fields": [written(pointer) for pointer in fields]}
        case Shift(ref=ref, base=base, target=target):
            walk = {"steps": steps[ref]} if ref in steps else {}
            return {**kind, "route": ref.route, "base": _record(base), "target": _record(target), **walk}
        case Cutover(reasons=reasons, routes=routes, elsewhere=elsewhere):
            others = [{"object": _key(ref.key), "route": ref.route} for ref in elsewhere]
            return {**kind, "reasons": list(reasons), "routes": list(routes), "elsewhere": others}
        case Delete(waits=waits):
            return {**kind, "waits": waits}
        case Drift(fields=fields, routes=routes, missing=missing, action=action):
            what = {"fields": [written(p) for p in fields], "routes": list(routes), "missing": missing}
            return {**kind, **what, "action": action}
        case _:
            return {**kind}


def _record(record: SplitRecord) -> list[dict[str, Any]]:
    labels = dict(record.labels)
    return [
        {
            "host": to.host,
            "subset": to.subset,
            "port": to.port,
            "percent": round(float(share * 100), 4),
            "labels": dict(labels.get(to, ())),
        }
        for to, share in record.split.shares
    ]


def _key(key: ObjectKey) -> dict[str, str]:
    return {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message,
        "path": finding.path,
        "object": _key(finding.object) if finding.object else None,
    }
