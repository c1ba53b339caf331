"""Decoders in child processes: what they may do to us, and what they may not."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from layers import sandbox
from layers.domain.errors import DecoderCrashed, PermanentError, TransientError
from layers.sandbox import Sandbox

HOST = """
import sys, os, time, subprocess
from layers import decoder_host
def sleep(seconds): time.sleep(seconds)
def die(): os.kill(os.getpid(), 11)
def leave(): os._exit(3)
def eat(megabytes): return len(bytearray(megabytes << 20))
def start_another(path):
    child = subprocess.Popen(["sleep", "600"])
    open(path, "w").write(str(child.pid))
    time.sleep(600)
def babble(count): return "x" * count
def shout():
    print("a library that prints", flush=True)
    return "said"
def look(): return sorted(os.environ)
def call_out():
    import socket
    socket.create_connection(("127.0.0.1", int(os.environ.get("X", "9"))), 1)
def pid(): return os.getpid()
def raise_one(): raise ZeroDivisionError("by zero")
sys.modules["tasks"] = sys.modules["__main__"]
decoder_host.TASKS = {name: f"tasks:{name}" for name in
    ("sleep", "die", "leave", "eat", "start_another", "babble", "shout", "look", "call_out", "pid", "raise_one")}
decoder_host.main()
"""


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose children do what the tests ask."""
    start = sandbox.subprocess.Popen

    def started(argv: list[str], **options: Any) -> Any:
        return start([argv[0], "-B", "-c", HOST, argv[-1]], **options)

    monkeypatch.setattr(sandbox.subprocess, "Popen", started)
    box = Sandbox(max_children=2, memory_bytes=512 << 20)
    yield box
    box.close()


def call(box: Sandbox, task: str, timeout_s: float = 10.0, **arguments: Any) -> Any:
    return box.call(task, arguments, timeout_s=timeout_s)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def soon(holds: Any) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(holds())


def test_a_child_is_kept_for_the_next_call(box: Sandbox) -> None:
    assert call(box, "pid") == call(box, "pid") != os.getpid()


@pytest.mark.parametrize(("task", "word"), [("die", "SIGSEGV"), ("leave", "exit code 3")])
def test_a_child_that_dies_says_how_and_is_replaced(box: Sandbox, task: str, word: str) -> None:
    before = call(box, "pid")
    with pytest.raises(DecoderCrashed, match=word):
        call(box, task)
    assert call(box, "pid") != before


def test_a_child_killed_while_idle_is_replaced_unnoticed(box: Sandbox) -> None:
    before = call(box, "pid")
    os.kill(before, signal.SIGKILL)
    assert soon(lambda: gone(before))
    assert call(box, "pid") != before


def test_a_child_that_hangs_is_ended_with_all_that_it_started(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with pytest.raises(PermanentError) as caught:
        call(box, "start_another", timeout_s=1.5, path=str(path))
    assert caught.value.code == "timeout"
    assert soon(lambda: gone(int(path.read_text())))
    assert call(box, "shout") == "said"


def test_memory_is_bounded_and_the_next_call_goes_on(box: Sandbox) -> None:
    with pytest.raises(PermanentError) as caught:
        call(box, "eat", megabytes=2000)
    assert caught.value.code == "resource_limit"
    assert call(box, "eat", megabytes=10) == 10 << 20


def test_what_a_library_prints_is_no_answer(box: Sandbox) -> None:
    assert call(box, "shout") == "said"


def test_an_answer_without_bounds_is_refused(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_ANSWER_BYTES", 1000)
    with pytest.raises(PermanentError) as caught:
        call(box, "babble", count=2000)
    assert caught.value.code == "resource_limit"
    assert call(box, "babble", count=10) == "x" * 10


def test_an_error_in_a_decoder_may_pass(box: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TransientError, match="should not"):
        call(box, "raise_one")
    assert "by zero" in capfd.readouterr().err


def test_only_named_tasks_can_be_asked_for(box: Sandbox) -> None:
    with pytest.raises(TransientError):
        call(box, "os:system")


def test_a_child_knows_no_secret_of_ours(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("FAIRWAY_DATABASE_URL", "x")
    names = set(call(box, "look"))
    assert not names & {"AWS_SECRET_ACCESS_KEY", "FAIRWAY_DATABASE_URL", "FAIRWAY_KEY_PEPPER", "HOME"}


def test_threads_share_a_bounded_number_of_children(box: Sandbox) -> None:
    with ThreadPoolExecutor(12) as pool:
        pids = set(pool.map(lambda _: call(box, "pid"), range(60)))
    assert 1 <= len(pids) <= 2


def test_the_time_spent_waiting_for_a_child_does_not_count(box: Sandbox) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: call(box, "sleep", timeout_s=2.0, seconds=0.8), range(6)))


def test_nothing_is_left_when_it_is_closed(box: Sandbox) -> None:
    pid = call(box, "pid")
    box.close()
    assert soon(lambda: gone(pid))
    assert threading.active_count() >= 1
