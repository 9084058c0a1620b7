"""The store beyond the contract of a cluster: several processes, crashes, files that cannot be used."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_mesh.cluster.standalone.rows import explained
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.errors import ClusterError
from gitops_mesh.model.objects import LiveObject, ObjectKey, Write

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")


def body(note: str = "") -> dict[str, object]:
    metadata = {"name": "reviews", "namespace": "shop"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {"note": note},
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "deep" / "mesh.sqlite")
    yield found
    found.close()


def test_a_new_store_was_never_written(store: Store) -> None:
    assert store.revision() == 0
    assert store.objects() == ()


def test_every_write_raises_the_revision_and_a_deletion_does_too(store: Store) -> None:
    seen = [store.revision()]
    for change in (
        lambda: store.replace(KEY, body("a"), keep_state=True),
        lambda: store.annotate(KEY, "request", "{}"),
        lambda: store.remove(KEY),
        lambda: store.replace(KEY, body("a"), keep_state=True),
    ):
        change()
        seen.append(store.revision())
    assert seen == sorted(set(seen))


def test_what_changes_nothing_raises_nothing(store: Store) -> None:
    store.replace(KEY, body("a"), keep_state=True)
    before = store.revision()
    store.replace(KEY, body("a"), keep_state=True)
    assert not store.remove(ObjectKey("", "Service", "shop", "gone"))
    assert store.revision() == before


def test_another_connection_sees_edits_at_once(store: Store) -> None:
    other = Store(store.path)
    store.replace(KEY, body("a"), keep_state=True)
    assert [live.body["spec"] for live in other.objects()] == [{"note": "a"}]
    other.replace(KEY, body("b"), keep_state=True)
    assert [live.body["spec"] for live in store.objects()] == [{"note": "b"}]
    other.close()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    live = store.replace(KEY, body("a"), keep_state=True)

    def fail() -> None:
        with store.transaction() as transaction:
            transaction.put(KEY, body("b"), {})
            assert [found.body["spec"] for found in transaction.objects()] == [{"note": "b"}]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.objects() == (live,)
    again = store.replace(KEY, body("c"), keep_state=True)
    assert store.objects() == (again,)


def test_annotating_what_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(ClusterError, match="there is no VirtualService shop/reviews"):
        store.annotate(KEY, "request", "{}")


def test_writers_in_threads_wait_for_each_other_and_lose_nothing(store: Store) -> None:
    def work(number: int) -> None:
        mine = Store(store.path)
        for turn in range(10):
            mine.replace(ObjectKey("", "Service", "shop", f"{number}-{turn}"), body(), keep_state=False)
        mine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.objects()) == 30
    assert len({live.version for live in store.objects()}) == 30


def test_a_killed_writer_leaves_whole_waves_only(store: Store) -> None:
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2])\n"
        "from gitops_mesh.cluster.standalone.store import Store\n"
        "from gitops_mesh.model.objects import ObjectKey\n"
        "s = Store(pathlib.Path(sys.argv[1]))\n"
        "b = {'metadata': {}, 'spec': {}}\n"
        "for wave in range(10**6):\n"
        "    with s.transaction() as t:\n"
        "        for i in range(5):\n"
        "            t.put(ObjectKey('', 'A', 'n', str(i)), {**b, 'spec': {'wave': wave}}, {'epoch': str(wave)})\n"
        "    print(wave, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(store.path), str(Path.cwd())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split()]
    waves = {(live.body["spec"]["wave"], live.state["epoch"]) for live in store.objects()}
    assert len(waves) == 1
    ((wave, epoch),) = waves
    assert str(wave) == epoch
    assert wave >= said[-1]


def test_versions_go_on_after_the_file_was_closed(store: Store) -> None:
    live = store.replace(KEY, body("a"), keep_state=True)
    store.close()
    again = Store(store.path)
    with again.transaction() as transaction:
        written = transaction.write(Write(KEY, body("b"), {}, live.version))
    assert isinstance(written, LiveObject)
    assert int(written.version) > int(live.version)
    again.close()


@pytest.mark.parametrize(
    "content",
    [b"this is no database at all, but long enough to be looked at" * 20, b"SQLite format 3\0" + b"\xff" * 5000],
)
def test_a_damaged_file_is_told_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mesh.sqlite").write_bytes(content)
    with pytest.raises(ClusterError) as caught:
        Store(tmp_path / "mesh.sqlite")
    assert "mesh.sqlite" in caught.value.message
    assert "move it away" in caught.value.remedy


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mesh.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(ClusterError, match="another program"):
        Store(path)


def test_a_layout_of_another_version_is_not_guessed_at(store: Store) -> None:
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(ClusterError, match="has layout 99"):
        Store(store.path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match=r"mesh\.sqlite"):
        Store(tmp_path / "file" / "mesh.sqlite")


def test_a_full_disk_is_told_and_nothing_is_half_written(store: Store) -> None:
    live = store.replace(KEY, body("a"), keep_state=True)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ClusterError) as caught:
        store.replace(KEY, body("b" * 100_000), keep_state=True)
    assert "the disk is full" in caught.value.message
    assert "make room" in caught.value.remedy
    assert store.objects() == (live,)


def test_a_writer_that_waits_too_long_says_that_another_process_holds_it(store: Store) -> None:
    hasty = Store(store.path, busy_timeout=0.05)
    with store.transaction(), pytest.raises(ClusterError, match="another process holds it"):
        hasty.replace(KEY, body(), keep_state=False)
    hasty.close()


def test_an_unknown_complaint_is_passed_on() -> None:
    told = explained(sqlite3.OperationalError("some novelty"), Path("x"))
    assert "some novelty" in told.message
    assert told.remedy
