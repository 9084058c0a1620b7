from __future__ import annotations

import pytest

from gitops_mesh.source.recent import Recent


def test_a_value_is_made_once_while_it_is_kept() -> None:
    recent: Recent[str, str] = Recent(2)
    assert recent.get("a", lambda: "one") == "one"
    assert recent.get("a", lambda: "two") == "one"


def test_what_was_used_longest_ago_goes_first() -> None:
    recent: Recent[str, str] = Recent(2)
    for key in ("a", "b", "a", "c"):
        recent.get(key, lambda key=key: key)
    assert recent.get("a", lambda: "again") == "a"
    assert recent.get("b", lambda: "again") == "again"


def test_weights_count_and_what_is_too_heavy_is_not_kept() -> None:
    recent: Recent[str, bytes] = Recent(10, len)
    recent.get("small", lambda: b"1234")
    recent.get("huge", lambda: bytes(11))
    assert recent.get("small", lambda: b"") == b"1234", "the huge one pushed nothing out"
    assert recent.get("huge", lambda: b"new") == b"new"


def test_a_failure_is_not_kept() -> None:
    recent: Recent[str, int] = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 1) == 1
