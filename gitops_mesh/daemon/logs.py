"""The daemon's log: one line for each event on the standard error, as `key=value` or JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

QUIET = ("uvicorn", "watchdog", "git", "urllib3", "asyncio")
"""Libraries of which only warnings are told."""


def log_to_stderr(form: str, stream: TextIO | None = None) -> None:
    """Log to the standard error (or `stream`) from now on, as `text` or `json`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMS[form]())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Text(logging.Formatter):
    """`time=2026-01-02T03:04:05Z level=info room=daemon message="HEAD is 5e1f…"`"""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in _fields(self, record).items())


class Json(logging.Formatter):
    """The same as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_fields(self, record))


FORMS = {"text": Text, "json": Json}


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, str]:
    names = record.name.split(".")
    said = {
        "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "level": record.levelname.lower(),
        "room": names[1] if names[0] == "gitops_mesh" and len(names) > 1 else names[0],
        "message": record.getMessage(),
    }
    if record.exc_info:
        said["traceback"] = formatter.formatException(record.exc_info)
    return said


def _quoted(text: str) -> str:
    """As it is if it is one plain word; else in quotes, with what does not print escaped, on one line."""
    if text and all(c.isalnum() or c in "-_.:/" for c in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped) + '"'
