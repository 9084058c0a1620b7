import pytest

from gitops_mesh.manifests.places import locate, with_places
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Pointer

TEXT = b"""\
apiVersion: v1
---
# second
spec:
  http:
    - name: a
      route:
        - weight: 5
    - {name: b, on: 1}
  ? [x, y]
  : z
  note: *c
  a: 1
  a: 2
  ~: 3
  !!str q: 4
"""


@pytest.mark.parametrize(
    ("pointer", "key", "place"),
    [
        ((), False, (4, 1)),
        (("spec",), False, (4, 1)),
        (("spec", "http"), False, (5, 3)),
        (("spec", "http", 0), False, (6, 7)),
        (("spec", "http", 0, "name"), False, (6, 13)),
        (("spec", "http", 0, "name"), True, (6, 7)),
        (("spec", "http", 0, "route", 0, "weight"), False, (8, 19)),
        (("spec", "http", 1, "name"), True, (9, 8)),
        (("spec", "http", 1, "true"), True, (9, 17)),
        (("spec", "http", 0, "missing"), True, (6, 7)),
        (("spec", "http", 9, "missing"), False, (5, 3)),
        (("spec", "http", 0, "name", "deeper"), False, (6, 13)),
        (("spec", "note"), False, (12, 9)),
        (("spec", "a"), False, (13, 6)),
        (("spec", "~"), True, (15, 3)),
        (("spec", "q"), False, (16, 12)),
    ],
)
def test_fields_are_found(pointer: Pointer, key: bool, place: tuple[int, int]) -> None:
    assert locate(TEXT, 1, pointer, key=key) == place


def test_what_is_not_there_is_the_beginning() -> None:
    assert locate(TEXT, 7, ("spec",), key=False) == (1, 1)
    assert locate(b"", 0, (), key=False) == (1, 1)


def test_a_file_that_ends_in_an_error_has_places_before_it() -> None:
    assert locate(b"a:\n  b: 1\nc: [", 0, ("a", "b"), key=True) == (2, 3)


def test_findings_get_their_places_and_files_are_read_once() -> None:
    reads: list[str] = []

    def read(path: str) -> bytes:
        reads.append(path)
        return TEXT

    def finding(path: str, pointer: Pointer, line: int = 0) -> Finding:
        return Finding("x", Severity.ERROR, "m", path=path, document=1, pointer=pointer, on_key=True, line=line)

    found = with_places(
        [finding("a", ("spec", "http", 0, "name")), finding("", ()), finding("b", (), line=9), finding("a", ("spec",))],
        read,
    )
    assert [(f.line, f.column) for f in found] == [(6, 7), (0, 0), (9, 0), (4, 1)]
    assert reads == ["a"]
