"""The supervisor with small Python programs, and the parts of the embedded start that need no server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra.local import process_table
from infra.local.home import AlreadyRuns, Home, HomeUnusable, read_json, write_json
from infra.local.leftovers import MARK, end_leftovers, note_run
from infra.local.logs import rotate, tail
from infra.local.ports import PortTaken, choose_ports
from infra.local.process import Process, Running
from infra.local.supervisor import StartFailed, Supervisor
from infra.readiness import VARIABLE, ReadyPipe, report_ready
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
LONG_S = 20.0


def program(name: str, code: str, tmp_path: Path, **changes: object) -> Process:
    settings: dict[str, object] = {
        "argv": [sys.executable, "-S", "-c", textwrap.dedent(code), str(tmp_path)],
        "env": {"PATH": os.defpath, "NAME": name},
        "cwd": tmp_path,
    }
    return Process(name=name, **{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path)
    yield running
    running.stop()


def lives(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and not found.is_zombie


def test_start_returns_when_every_process_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import pathlib, sys, time; pathlib.Path(sys.argv[1], 'made').touch(); time.sleep(600)"
    supervisor.start([program("a", code, tmp_path, is_ready=lambda: (tmp_path / "made").exists())])
    assert (tmp_path / "made").exists()
    assert lives(supervisor.pids()["a"])


REPORTING = """
    import os, time
    os.write(int(os.environ["FAIRWAY_READY_DESCRIPTOR"]), {report!r})
    time.sleep(600)
"""


def test_a_process_is_ready_when_it_has_reported_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([program("a", REPORTING.format(report=b"ready\n"), tmp_path, reports_ready=True)])
    assert lives(supervisor.pids()["a"])


@pytest.mark.parametrize("report", [b"", b"ready", b"not ready\n"])
def test_nothing_but_the_whole_report_counts(supervisor: Supervisor, tmp_path: Path, report: bytes) -> None:
    code = REPORTING.format(report=report) if report else SLEEP
    with pytest.raises(StartFailed, match="a did not start"):
        supervisor.start([program("a", code, tmp_path, reports_ready=True)], timeout_s=1.0)


def test_what_stands_in_the_log_does_not_matter(supervisor: Supervisor, tmp_path: Path) -> None:
    hostile = b'{"event": "worker_ready", "pid": 1}\n\xff\x00' + b"x" * 5_000_000 + b'\n{"event": "worker_rea'
    (tmp_path / "mute.log").write_bytes(hostile)
    (tmp_path / "ready.log").write_bytes(hostile)
    supervisor.start([program("ready", REPORTING.format(report=b"ready\n"), tmp_path, reports_ready=True)])
    with pytest.raises(StartFailed, match="mute did not start"):
        supervisor.start([program("mute", SLEEP, tmp_path, reports_ready=True)], timeout_s=0.2)


def test_a_report_counts_for_one_life_of_a_process_only(supervisor: Supervisor, tmp_path: Path) -> None:
    code = """
        import os, pathlib, sys, time
        again = pathlib.Path(sys.argv[1], "again")
        if not again.exists():
            again.touch()
            os.write(int(os.environ["FAIRWAY_READY_DESCRIPTOR"]), b"ready\\n")
            sys.exit(1)
        pathlib.Path(sys.argv[1], "second").touch()
        time.sleep(600)
    """
    flag = tmp_path / "second"
    process = program("a", code, tmp_path, reports_ready=True, is_ready=lambda: flag.exists())
    with pytest.raises(StartFailed, match="a did not start"):
        supervisor.start([process], timeout_s=3.0)
    assert flag.exists()


def test_a_report_twice_or_without_a_parent_that_waits_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = ReadyPipe()
    monkeypatch.setenv(VARIABLE, str(os.dup(pipe.writing)))
    pipe.started()
    report_ready()
    report_ready()
    assert pipe.has_reported() and VARIABLE not in os.environ
    pipe.close()
    assert pipe.has_reported()
    unheard = ReadyPipe()
    unheard.close()
    monkeypatch.setenv(VARIABLE, str(unheard.writing))
    report_ready()


def test_output_goes_to_a_log_of_the_process(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([program("talker", SLEEP, tmp_path)])
    assert eventually(lambda: (tmp_path / "talker.log").read_text() == "up\n", LONG_S)


def test_a_change_that_could_not_be_reported_is_reported_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.supervisor.ROTATE_EVERY_S", 0.05)
    reported: list[list[int | None]] = []

    def report(running: Sequence[Running]) -> None:
        reported.append([process.pid for process in running])
        if 2 <= len(reported) <= 3:
            raise OSError(28, "No space left on device")

    supervisor = Supervisor(tmp_path, on_change=report)
    try:
        supervisor.start([program("a", SLEEP, tmp_path)])
        os.kill(supervisor.pids()["a"], signal.SIGKILL)
        assert eventually(lambda: len(reported) == 4, LONG_S)
        assert reported[-1] == [supervisor.pids()["a"]] != reported[0]
    finally:
        supervisor.stop()


def test_a_killed_process_is_restarted(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([program("a", SLEEP, tmp_path), program("b", SLEEP, tmp_path)])
    before = supervisor.pids()
    os.kill(before["a"], signal.SIGKILL)
    assert eventually(lambda: supervisor.pids().get("a") not in (None, before["a"]), LONG_S)
    assert supervisor.pids()["b"] == before["b"]


def test_before_start_runs_before_every_start(supervisor: Supervisor, tmp_path: Path) -> None:
    starts: list[str] = []
    supervisor.start([program("a", SLEEP, tmp_path, before_start=lambda: starts.append("a"))])
    os.kill(supervisor.pids()["a"], signal.SIGKILL)
    assert eventually(lambda: len(starts) == 2 and "a" in supervisor.pids(), LONG_S)


def test_a_failed_start_is_retried(supervisor: Supervisor, tmp_path: Path) -> None:
    tries: list[int] = []

    def break_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("not yet")

    supervisor.start([program("a", SLEEP, tmp_path, before_start=break_once)])
    assert len(tries) == 2


def test_a_process_that_does_not_start_fails_the_start_with_the_end_of_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    broken = program("broken", "raise SystemExit('the disk is full')", tmp_path, is_ready=lambda: False)
    with pytest.raises(StartFailed, match=r"broken did not start\. The end of its log:\n(?s:.*)the disk is full"):
        supervisor.start([broken])


def test_a_process_that_is_never_ready_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="mute did not start"):
        supervisor.start([program("mute", SLEEP, tmp_path, is_ready=lambda: False)], timeout_s=0.1)


def test_processes_stop_in_reverse_order_of_their_start(tmp_path: Path) -> None:
    code = """
        import os, pathlib, signal, sys, time
        def end(*_):
            with open(pathlib.Path(sys.argv[1], "ends"), "a") as ends:
                ends.write(os.environ["NAME"] + "\\n")
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(600)
    """
    supervisor = Supervisor(tmp_path)
    for name in ("first", "second"):
        log = tmp_path / f"{name}.log"
        supervisor.start([program(name, code, tmp_path, is_ready=lambda log=log: "up" in log.read_text())])
    supervisor.stop()
    assert (tmp_path / "ends").read_text().split() == ["second", "first"]


def test_a_process_that_ignores_its_stop_signal_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    supervisor = Supervisor(tmp_path)
    log = tmp_path / "stubborn.log"
    supervisor.start([program("stubborn", code, tmp_path, stop_s=0.1, is_ready=lambda: "up" in log.read_text())])
    pid = supervisor.pids()["stubborn"]
    supervisor.stop()
    assert not lives(pid)


PARENT = """
    import pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
    path = pathlib.Path(sys.argv[1], "grandchild")
    path.with_suffix(".new").write_text(str(child.pid))
    path.with_suffix(".new").rename(path)
    time.sleep(600)
"""


def test_stopping_kills_grandchildren_in_other_sessions(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start([program("parent", PARENT, tmp_path, is_ready=lambda: (tmp_path / "grandchild").exists())])
    grandchild = int((tmp_path / "grandchild").read_text())
    assert lives(grandchild)
    supervisor.stop()
    assert not lives(grandchild)


def run_supervisor(tmp_path: Path, code: str) -> subprocess.Popen[bytes]:
    """A supervisor in its own process, with `parent` as a supervised process."""
    script = f"""
import sys, time
from pathlib import Path
from infra.local.process import Process
from infra.local.supervisor import Supervisor
home = Path(sys.argv[1])
supervisor = Supervisor(home, adopts=True)
supervisor.start([Process("parent", [sys.executable, "-S", "-c", {textwrap.dedent(code)!r}, str(home)], {{}}, home,
                          is_ready=lambda: (home / "grandchild").exists())])
(home / "pid.new").write_text(str(supervisor.pids()["parent"]))
(home / "pid.new").rename(home / "pid")
sys.stdin.read()
supervisor.stop()
"""
    return subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE)


def test_orphans_of_a_crashed_process_are_killed(tmp_path: Path) -> None:
    with run_supervisor(tmp_path, PARENT) as outer:
        assert eventually((tmp_path / "pid").exists, LONG_S)
        orphan = int((tmp_path / "grandchild").read_text())
        assert lives(orphan)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert eventually(lambda: not lives(orphan), LONG_S)
        assert eventually(lambda: int((tmp_path / "grandchild").read_text()) != orphan, LONG_S)
        outer.communicate()
    assert outer.returncode == 0
    assert not lives(int((tmp_path / "grandchild").read_text()))


def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    with run_supervisor(tmp_path, PARENT) as outer:
        assert eventually((tmp_path / "pid").exists, LONG_S)
        child = int((tmp_path / "pid").read_text())
        outer.kill()
        assert eventually(lambda: not lives(child), LONG_S)
    os.kill(int((tmp_path / "grandchild").read_text()), signal.SIGKILL)


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "import time; time.sleep(600)"], env={MARK: "run-1"}, start_new_session=True
    )
    assert eventually(
        lambda: [process for process in process_table.marked_with(f"{MARK}=run-1") if process.pid == child.pid], LONG_S
    )
    yield child
    child.kill()
    child.wait()


def note_stray(path: Path, stray: subprocess.Popen[bytes], *, started_later: int = 0, run_id: str = "other") -> None:
    entry = process_table.entry(stray.pid)
    assert entry is not None
    process = Process("worker-1", [], {}, path.parent)
    note_run(path, run_id, [Running(process, 1, child=stray, started=entry.started + started_later)])


def test_a_process_that_a_killed_run_left_behind_is_ended(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    note_stray(tmp_path / "run.json", stray)
    assert end_leftovers(tmp_path / "run.json") == ["worker-1"]
    assert stray.wait() == -signal.SIGKILL
    assert not (tmp_path / "run.json").exists()


def test_another_process_with_the_recorded_pid_is_left_alone(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    note_stray(tmp_path / "run.json", stray, started_later=1)
    assert end_leftovers(tmp_path / "run.json") == []
    assert stray.poll() is None


def test_pids_of_an_earlier_boot_are_ignored(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    note_stray(tmp_path / "run.json", stray, run_id="run-1")
    write_json(tmp_path / "run.json", {**read_json(tmp_path / "run.json"), "boot_id": "another"})
    assert end_leftovers(tmp_path / "run.json") == []
    assert stray.poll() is None


def test_a_grandchild_with_the_mark_of_the_run_is_ended(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    note_run(tmp_path / "run.json", "run-1", [])
    end_leftovers(tmp_path / "run.json")
    assert stray.wait() == -signal.SIGKILL


def test_a_home_is_locked_by_one_start_at_a_time(tmp_path: Path) -> None:
    first = Home(tmp_path / "home")
    first.open_lock()
    with pytest.raises(AlreadyRuns, match=rf"process {os.getpid()}.*kill {os.getpid()}"):
        Home(tmp_path / "home").open_lock()
    first.release_lock()
    Home(tmp_path / "home").open_lock()


def test_secrets_are_created_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.open_lock()
    created = home.secrets()
    assert Home(tmp_path / "home").secrets() == created
    assert (
        len(
            {
                created.database_password,
                created.redis_password,
                created.store_secret,
                created.api_key,
                created.key_pepper,
            }
        )
        == 5
    )
    assert (tmp_path / "home" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_damaged_secrets_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"api_key": ')
    with pytest.raises(HomeUnusable):
        Home(tmp_path).secrets()
    assert (tmp_path / "secrets.json").read_text() == '{"api_key": '


def test_ports_are_kept_while_they_are_free(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", ("a", "b"), 0)
    assert len(set(first.values())) == 3
    assert choose_ports(tmp_path / "ports.json", ("a", "b"), 0) == first


def test_a_port_in_use_is_replaced(tmp_path: Path) -> None:
    import socket

    first = choose_ports(tmp_path / "ports.json", ("a", "b"), 0)
    with socket.create_server(("127.0.0.1", first["a"])):
        second = choose_ports(tmp_path / "ports.json", ("a", "b"), 0)
        assert second["a"] != first["a"]
        assert second["b"] == first["b"]
        with pytest.raises(PortTaken, match="FAIRWAY_PORT=0"):
            choose_ports(tmp_path / "ports.json", ("b",), first["a"])


def test_a_requested_api_port_does_not_replace_the_saved_one(tmp_path: Path) -> None:
    picked = choose_ports(tmp_path / "ports.json", (), 0)["api"]
    other = choose_ports(tmp_path / "elsewhere.json", (), 0)["api"]
    assert choose_ports(tmp_path / "ports.json", (), other) == {"api": other}
    assert choose_ports(tmp_path / "ports.json", (), 0) == {"api": picked}


def test_a_large_log_is_rotated_while_its_writer_continues(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"old " * 100)
        assert rotate(path, max_bytes=100)
        writer.write(b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "a.log.1").read_bytes() == b"old " * 100


def test_a_small_log_is_not_rotated(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    assert not rotate(tmp_path / "a.log", max_bytes=100)
    assert tail(tmp_path / "a.log", lines=1) == "two"


def test_the_process_table_knows_this_process_and_its_parent() -> None:
    me = process_table.entry(os.getpid())
    assert me is not None and me.parent == os.getppid()
    assert process_table.lives(me.pid, me.started)
    assert not process_table.lives(me.pid, me.started + 1)
    assert me.pid in {process.pid for process in process_table.descendants([os.getppid()])}
