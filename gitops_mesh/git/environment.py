"""The environment and configuration that every git process of ours gets, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gitops_mesh.git.names import PROTOCOLS

KEPT = frozenset(
    {
        "PATH",
        "HOME",  # curl's .netrc; git's own files there are switched off below
        "TMPDIR",
        "SSH_AUTH_SOCK",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    }
)
"""The variables that pass through; above all no other `GIT_*`, which could point git elsewhere or run programs."""

SSH = "ssh -oBatchMode=yes -oConnectTimeout=20"

_FIXED = {
    "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
    "GIT_ASKPASS": "",  # set but empty: nobody is asked
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LANGUAGE": "C",
    "LC_ALL": "C",  # failures are told apart by git's English
    "TZ": "UTC",
}

_CONFIG = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "false"),
    ("core.pager", "cat"),
    ("core.fsync", "committed,reference"),
    ("credential.helper", ""),
    ("color.ui", "false"),
    ("fastimport.unpackLimit", "1"),  # a pack for each commit: few files, synced, quick
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("log.mailmap", "false"),
    ("log.showSignature", "false"),  # else git runs the gpg program that the repository names
    ("push.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    ("trailer.separators", ":"),
    ("transfer.bundleURI", "false"),
    ("transfer.fsckObjects", "true"),
    ("transfer.unpackLimit", "1"),
    ("protocol.allow", "never"),
    *((f"protocol.{name}.allow", "always") for name in PROTOCOLS),
)


def dropped(given: Mapping[str, str]) -> list[str]:
    """The names of this process's variables that git must not see; those in `given` have our value instead."""
    return sorted(name for name in os.environ if name not in KEPT and name not in given and "=" not in name)


def variables(config: Mapping[str, str] | None = None, *, settings_file: str = "", ssh: str = "") -> dict[str, str]:
    """What git gets on top of `KEPT`.

    `config` goes through the environment, not the arguments, since a URL may hold credentials and anybody
    on the machine can read arguments. `settings_file` stands in for the user's global configuration.
    """
    pairs = [*_CONFIG, *(config or {}).items()]
    told = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        told[f"GIT_CONFIG_KEY_{number}"] = key
        told[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**_FIXED, **told, "GIT_CONFIG_GLOBAL": settings_file or os.devnull, "GIT_SSH_COMMAND": ssh or SSH}
