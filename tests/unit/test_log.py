"""Logging never raises an error, whatever happens to standard error, and an incomplete line does not damage the next."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from infra.consumer import Consumer
from infra.timers import ended, every
from infra.worker import watch
from layers.telemetry.log import about, log
from tests.fakes import PolledSource

FULL = Path("/dev/full")  # every write to it fails, as on a full disk


def run(code: str, stderr: Any) -> str:
    """The output of a new process, which must succeed."""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=stderr, timeout=60, check=True)
    return done.stdout.decode()


def test_a_full_disk_does_not_stop_what_logs() -> None:
    code = """
import threading
from layers.telemetry.log import log
threads = [threading.Thread(target=lambda: [log("e", number=i, error=ValueError("x" * 9000)) for i in range(200)]) for _ in range(4)]
[one.start() for one in threads]; [one.join() for one in threads]
print("went on")
"""
    with FULL.open("w") as full:
        assert run(code, full) == "went on\n"


def test_a_closed_standard_error_does_not_stop_what_logs() -> None:
    code = "import sys, os; from layers.telemetry.log import log; {}; log('e'); print('went on')"
    for close in ("os.close(2)", "sys.stderr.close()", "sys.stderr = None"):
        assert run(code.format(close), subprocess.DEVNULL) == "went on\n", close


def test_a_line_that_was_cut_short_does_not_break_the_next_and_lost_lines_are_counted(tmp_path: Path) -> None:
    code = """
import resource, signal
from layers.telemetry.log import log
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
for number in range(5):
    log("before", number=number, text="x" * 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log("after", number=5)
log("after", number=6)
"""
    path = tmp_path / "log"
    with path.open("ab") as file:
        run(code, file)
    lines, whole = path.read_text().splitlines(), []
    for line in lines:
        try:
            whole.append(json.loads(line))
        except ValueError:
            assert line.startswith('{"at": '), "only what was cut short is not a line of JSON"
    assert len(lines) - len(whole) == 1
    assert [line["event"] for line in whole] == ["before", "log_lines_lost", "after", "after"]
    assert whole[1]["lines"] == 4 and [line["number"] for line in whole[2:]] == [5, 6]


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_field_that_has_no_text_does_not_stop_what_logs(capsys: pytest.CaptureFixture[str]) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for field in (Unprintable(), circle, {(1, 2): "x"}, "\ud800"):
        with about(file="f"):
            log("odd", field=field)
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["odd"] * 4


class FailingTopics(PolledSource):
    """Topics whose `receive` always fails; counts the attempts."""

    def __init__(self, enough: int) -> None:
        self.left = enough
        self.had_enough = threading.Event()

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        self.left -= 1
        if self.left <= 0:
            self.had_enough.set()
        raise OSError("away")

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        raise OSError("away")


def test_consumers_and_timers_go_on_while_nothing_can_be_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    topics, stop, calls = FailingTopics(6), threading.Event(), threading.Semaphore(0)

    def failing() -> None:
        calls.release()
        raise OSError("away")

    monkeypatch.setattr("infra.consumer.random.uniform", lambda *_: 0.01)
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        consumer = Consumer("w", cast(Any, topics), None, {"text": (lambda *_: None, 2)})
        consumer.start()
        timer = every(0.01, stop, "failing", failing)
        try:
            assert topics.had_enough.wait(30)
            assert all(calls.acquire(timeout=30) for _ in range(3))
            assert consumer.ended_threads() == [] and timer.is_alive()
        finally:
            consumer.stop()
            stop.set()
            timer.join(30)
            monkeypatch.undo()


class Ending(BaseException):
    """Not an Exception: nothing catches it before the end of the thread."""


def test_a_consumer_that_has_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    has_ended = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: has_ended.set())

    class Topics(FailingTopics):
        def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
            raise Ending

    consumer = Consumer("w", cast(Any, Topics(1)), None, {"text": (lambda *_: None, 1)})
    consumer.start()
    try:
        assert has_ended.wait(30)
        for thread in threading.enumerate():
            if thread.name == "text-0":
                thread.join(30)
        assert consumer.ended_threads() == ["text-0"]
        assert watch(threading.Event(), consumer, [], 60, lambda: None, each_s=0) == 1
    finally:
        consumer.stop()
    assert consumer.ended_threads() == [], "after a stop every thread may end"


def test_the_names_of_threads_that_ended_are_given() -> None:
    done = threading.Thread(target=lambda: None, name="done")
    done.start()
    done.join()
    assert ended([done, threading.main_thread()]) == ["done"]


def test_a_worker_ends_with_its_timers() -> None:
    done = threading.Thread(target=lambda: None, name="pulse")
    done.start()
    done.join()
    consumer = Consumer("w", cast(Any, FailingTopics(1)), None, {})
    ticks: list[int] = []
    assert watch(threading.Event(), consumer, [done], 60, lambda: ticks.append(1), each_s=0) == 1
    assert len(ticks) == 1
