import pytest

from gitops_mesh.plan.guard import refusal
from tests.fakes.meshes import key


@pytest.mark.parametrize(
    ("leaving", "managed", "refused"),
    [
        (0, 0, False),
        (1, 3, False),
        (3, 3, False),
        (4, 20, False),
        (4, 19, True),
        (10, 50, False),
        (10, 49, True),
        (11, 10_000, True),
    ],
)
def test_many_deletions_or_a_large_share_want_consent(leaving: int, managed: int, *, refused: bool) -> None:
    keys = [key(name=f"vs-{n:02}") for n in range(leaving)]
    assert bool(refusal(keys, managed)) is refused


def test_it_names_some_and_says_what_to_do() -> None:
    told = refusal([key(name=f"vs-{n:02}") for n in range(12)], 30)
    assert "12 of 30" in told
    assert "VirtualService shop/vs-00" in told
    assert "and 9 more" in told
    assert "`Allow-Prune: yes`" in told
