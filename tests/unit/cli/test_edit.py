"""`edit`: a live object changed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.manifests.render import to_yaml
from gitops_mesh.model.objects import ObjectKey, Write
from tests.fakes.commands import Run
from tests.fakes.configs import LEAST

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
BODY = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "reviews", "namespace": "shop"},
    "spec": {"hosts": ["reviews"]},
}


class Live:
    """A standalone mesh's store with one object in it, and a file to edit from."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "gitops-mesh.yaml"
        self.config.write_text(LEAST)
        state = folder / ".gitops-mesh/clusters/demo"
        state.mkdir(parents=True)
        self.store = Store(state / "mesh.sqlite")
        with self.store.transaction() as transaction:
            transaction.write(Write(KEY, BODY, {"origin": '"a.yaml"'}, None))
        self.file = folder / "edited.yaml"

    def edit(self, run: Run, text: str | bytes, *words: str) -> tuple[int, str, str]:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        told = run("-c", self.config, "edit", "shop/reviews", "--from-file", self.file, *words)
        return told.code, told.out, told.err


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def test_it_replaces_the_body_and_keeps_our_state(run: Run, live: Live) -> None:
    code, out, _ = live.edit(run, to_yaml(BODY).replace("- reviews", "- other"))
    assert (code, out) == (0, "VirtualService shop/reviews is changed; the daemon sees it at its next tick\n")
    (found,) = live.store.objects()
    assert found.body["spec"] == {"hosts": ["other"]}
    assert found.state == {"origin": '"a.yaml"'}


def test_the_state_goes_too_when_asked(run: Run, live: Live) -> None:
    live.edit(run, to_yaml(BODY).replace("- reviews", "- other"), "--drop-state")
    assert live.store.objects()[0].state == {}


def test_nothing_changed_writes_nothing(run: Run, live: Live) -> None:
    before = live.store.objects()
    assert live.edit(run, to_yaml(BODY))[1] == "nothing changed\n"
    assert live.store.objects() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (to_yaml(BODY).replace("name: reviews", "name: ratings"), "must be exactly one VirtualService shop/reviews"),
        ("a: [", "edited.yaml:2:1: this is not YAML"),
        (b"\xff\xfe\x00", "edited.yaml:1:"),
        ("", "must be exactly one VirtualService shop/reviews"),
    ],
)
def test_what_is_not_that_object_changes_nothing(run: Run, live: Live, text: str | bytes, said: str) -> None:
    before = live.store.objects()
    code, _, err = live.edit(run, text)
    assert code == 1
    assert said in err
    assert live.store.objects() == before


def test_the_editor_is_the_user_s(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/-.reviews/-\\ other/")
    monkeypatch.delenv("VISUAL", raising=False)
    assert run("-c", live.config, "edit", "reviews").code == 0
    assert live.store.objects()[0].body["spec"] == {"hosts": ["other"]}
