import pytest

from gitops_mesh.manifests.durations import is_duration, is_timeout, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("200ms", 0.2),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("0", 0),
        ("+2s", 2),
        ("-1m", -60),
        ("7us", 7e-6),
        ("7µs", 7e-6),
        ("3ns", 3e-9),
    ],
)
def test_go_durations_are_seconds(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("text", ["", "5", "s", "1d", "1 s", "1s ", ".s", "1s-1s", "٣s", "1" * 200 + "s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)
    assert not is_duration(text)


def test_a_timeout_is_at_least_a_millisecond() -> None:
    assert is_timeout("1ms")
    assert not is_timeout("999us")
    assert is_duration("0s")
    assert not is_duration("-1s")
