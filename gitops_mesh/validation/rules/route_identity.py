"""Routes must be told apart, so that an edit of one is not taken for an edit of another."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.findings import Severity
from gitops_mesh.validation.explain import field
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _ambiguous(subject: Subject) -> Iterator[Remark]:
    """Neither name, nor matches, nor destinations are the route's own. An edit of its weights cannot be
    walked: it is applied at once. A name of its own makes it a route of its own.
    """
    for manifest in subject.routed:
        for route in routes(manifest.body):
            if route.ambiguous:
                said = f"{field(route.pointer)} cannot be told apart from another route, so its weights are not walked"
                yield Remark(manifest, said, route.pointer, "give it a `name` that no other route of the object has")


RULES = (Rule("ambiguous-route", Severity.WARNING, _ambiguous),)
