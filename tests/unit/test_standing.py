"""Who stands how far behind others, and whether that can be undone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.decoding import cpu_priority

SLEEPS = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def leader() -> Iterator[int]:
    """A process that leads a session."""
    process = subprocess.Popen(SLEEPS, start_new_session=True)
    yield process.pid
    process.kill()
    process.wait()


def test_anybody_moves_a_session_back(leader: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_priority, "can_lower_nice", lambda: False)
    monkeypatch.setattr(cpu_priority, "sessions_are_groups", lambda: False)
    assert cpu_priority.move(leader, 12)
    assert os.getpriority(os.PRIO_PGRP, leader) == 12


def test_what_has_ended_is_not_moved() -> None:
    process = subprocess.Popen(SLEEPS, start_new_session=True)
    process.kill()
    process.wait()
    assert not cpu_priority.move(process.pid, 12)


@pytest.mark.skipif(not cpu_priority.goes_both_ways(), reason="nothing can be brought forward on this host")
def test_what_was_moved_back_is_brought_forward_again(leader: int) -> None:
    assert cpu_priority.move(leader, 12)
    assert cpu_priority.move(leader, 5)
    if cpu_priority.can_lower_nice():
        assert os.getpriority(os.PRIO_PGRP, leader) == 5


def test_trying_it_leaves_this_process_where_it_was() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    cpu_priority.can_lower_nice.__wrapped__()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


@pytest.mark.parametrize(
    ("membership", "files", "is_first"),
    [
        ("0::/\n", ["cgroup.controllers"], True),
        ("0::/user.slice/session-1.scope\n", ["cgroup.controllers"], True),
        ("0::/user.slice/session-1.scope\n", ["cgroup.controllers", "user.slice/cpu.weight"], False),
        ("0::/\n", ["cgroup.controllers", "cpu.weight"], False),  # in a container
        ("0::/\n", [], False),  # it can't be told
        ("5:cpu,cpuacct:/\n0::/\n", ["cpu/release_agent"], True),
        ("5:cpu,cpuacct:/\n0::/\n", ["cpu/cpu.shares"], False),  # in a container
        ("5:cpu,cpuacct:/a\n0::/\n", ["cpu/release_agent"], False),
        ("", [], False),
    ],
)
def test_sessions_count_for_what_no_control_group_has_a_share_for(
    membership: str, files: list[str], is_first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "membership").write_text(membership)
    (tmp_path / "switch").write_text("1\n")
    monkeypatch.setattr(cpu_priority, "GROUPS", tmp_path)
    monkeypatch.setattr(cpu_priority, "OF_PROCESSES", tmp_path / "membership")
    monkeypatch.setattr(cpu_priority, "SESSIONS_ARE_GROUPS", tmp_path / "switch")
    assert cpu_priority.sessions_are_groups.__wrapped__() is is_first


def test_sessions_count_for_nothing_where_the_kernel_has_that_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "switch").write_text("0\n")
    monkeypatch.setattr(cpu_priority, "SESSIONS_ARE_GROUPS", tmp_path / "switch")
    assert not cpu_priority.sessions_are_groups.__wrapped__()
