"""`gitops-mesh init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gitops_mesh.cli.output import say
from gitops_mesh.errors import GitOpsMeshError


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Lay out a mesh repository to start from in DIRECTORY.

    \b
    Example:
      gitops-mesh init shop
      cd shop && git init -b main && git add . && git commit -m 'Begin the mesh'
      gitops-mesh validate .
    """
    import shutil

    from gitops_mesh import shipped

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise GitOpsMeshError(f"{directory} is not empty", remedy="name a folder that is empty or not there yet")
    ignore = shutil.ignore_patterns(".gitops-mesh", ".git")  # somebody may have tried it out in place
    shutil.copytree(shipped.repo_template(), directory, dirs_exist_ok=True, ignore=ignore)
    say(f"laid out {directory}:")
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        say(f"  {file.relative_to(directory)}")
    say("next:")
    say(f"  cd {shlex.quote(str(directory))}   # and read README.md")
    say("  git init -b main && git add . && git commit -m 'Begin the mesh'")
    say("  gitops-mesh validate .")
