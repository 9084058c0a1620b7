"""SIGKILL before and after every write, push and checkpoint: nothing is lost, repeated or half-applied.

The points are found by counting side effects, not by a list. Time is virtual; Git, SQLite and processes are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LANES = 2
"""Drivers that share the points of a story."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", ["promotion", "rollback"])
def test_a_crash_anywhere_changes_nothing(story: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.scenarios.crash_driver", story]
    drivers = [
        subprocess.Popen(
            [*command, str(tmp_path / f"lane{lane}"), str(lane), str(LANES)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for lane in range(1, LANES + 1)
    ]
    lives = []
    for driver in drivers:
        out, err = driver.communicate(timeout=580)
        assert driver.returncode == 0, err.decode()[-3000:]
        lives += [json.loads(line) for line in out.splitlines()]
    uninterrupted = [life for life in lives if not life["died"]]
    assert uninterrupted, "every life died: the points were not exhausted"
    expected = uninterrupted[0]
    assert len(lives) > 30, "fewer side effects than a story has"
    for life in lives:
        for part in ("events", "routing", "pushed", "outbox"):
            assert life[part] == expected[part], f"killed at point {life['at']}: {part} differ"
