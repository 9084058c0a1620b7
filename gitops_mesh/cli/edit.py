"""`gitops-mesh edit`."""

from __future__ import annotations

from pathlib import Path

import click

from gitops_mesh.cli.output import CLUSTER, say
from gitops_mesh.errors import ConfigError, ManifestError


@click.command()
@click.argument("object_", metavar="OBJECT")
@click.option("--from-file", type=click.Path(path_type=Path), help="Take the object from a file instead of $EDITOR.")
@click.option("--drop-state", is_flag=True, help="Lose our annotations too, as a replacement by another tool would.")
@CLUSTER
@click.pass_context
def edit(ctx: click.Context, object_: str, from_file: Path | None, drop_state: bool, cluster: str | None) -> None:
    """Change a live OBJECT of a standalone mesh by hand, as `kubectl edit` does on a cluster.

    The daemon sees it as anybody's change: drift is corrected, a lowered weight pauses its rollout.

    \b
    Examples:
      gitops-mesh edit shop/reviews
      gitops-mesh edit DestinationRule/shop/reviews --from-file rule.yaml
    """
    from gitops_mesh import app, config, views
    from gitops_mesh.cluster.standalone.store import Store
    from gitops_mesh.manifests.parse import parse
    from gitops_mesh.manifests.render import to_yaml

    settings = config.load(ctx.obj)
    chosen = app.cluster_settings(settings, cluster)
    store = Store(app.standalone_state(settings, chosen) / "mesh.sqlite")
    found = [live for live in store.objects() if views.named(object_, live.key)]
    if len(found) != 1:
        names = ", ".join(f"{live.key.kind}/{live.key.namespace}/{live.key.name}" for live in found or store.objects())
        raise ConfigError(
            f"{object_!r} names {len(found)} objects", remedy=f"choose from: {names or 'nothing is there'}"
        )
    (live,) = found
    before = to_yaml(live.body)
    after = from_file.read_bytes() if from_file else _edited(before)
    if after is None or after == before.encode():
        say("nothing changed")
        return
    parsed = parse(after, str(from_file or "the edit"))
    errors = [f"{f.path}:{f.line}:{f.column}: {f.message}" for f in parsed.findings if f.is_error]
    if errors or len(parsed.manifests) != 1 or parsed.manifests[0].key != live.key:
        raise ManifestError("\n".join(errors) or f"the edit must be exactly one {live.key}")
    store.replace(live.key, parsed.manifests[0].body, keep_state=not drop_state)
    say(f"{live.key} is changed; the daemon sees it at its next tick")


def _edited(before: str) -> bytes | None:
    """What came back from the editor, `None` when it was left without saving."""
    after = click.edit(before, extension=".yaml")
    return None if after is None else after.encode()
