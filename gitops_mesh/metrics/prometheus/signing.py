"""How requests are signed in: a bearer token or a password, from the environment or a file, read at every request."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from gitops_mesh.errors import Unreachable
from gitops_mesh.model.settings import PrometheusSettings

_LONGEST = 65_536
"""Bytes of a file with a secret."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The header to send, and the secrets in it, which no message may repeat."""

    headers: dict[str, str]
    secrets: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """The text without the secrets, should the other side repeat them."""
        for secret in self.secrets:
            text = text.replace(secret, "(secret)")
        return text


def signature(settings: PrometheusSettings) -> Signature:
    """What the settings sign in with, as it is now. Raises Unreachable, naming the file or variable at fault."""
    if settings.token_file or settings.token_env:
        token = _secret("token", settings.token_file, settings.token_env)
        if not (token.isascii() and token.isprintable()) or " " in token:
            where = settings.token_file or f"the environment variable {settings.token_env}"
            raise Unreachable(f"the token in {where} has characters that no token can have")
        return Signature({"Authorization": f"Bearer {token}"}, (token,))
    if settings.username:
        password = _secret("password", settings.password_file, settings.password_env)
        coded = b64encode(f"{settings.username}:{password}".encode()).decode()
        return Signature({"Authorization": f"Basic {coded}"}, (coded, password))
    return Signature({})


def _secret(what: str, file: str, variable: str) -> str:
    where = file or f"the environment variable {variable}"
    try:
        text = _read(Path(file)) if file else os.environ.get(variable, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unreachable(f"the {what} for Prometheus in {where} cannot be read: {said}") from error
    if not text:
        raise Unreachable(f"there is no {what} for Prometheus in {where}")
    return text


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_LONGEST).decode().strip()
