"""Decoders in child processes: what they may do to us, and what they may not."""

from __future__ import annotations

import contextvars
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from layers.decoding import confinement, cpu_priority, fork_server, sandbox, turns
from layers.decoding.confinement import landlock_version
from layers.decoding.sandbox import Sandbox
from layers.domain.errors import DecoderCrashed, PermanentError, TakesLong, TransientError

ROOT = Path(__file__).resolve().parent.parent.parent
both_ways = pytest.mark.skipif(
    not cpu_priority.goes_both_ways(), reason="what was moved back can't be brought forward on this host"
)
needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")

HOST = """
import ctypes, json, sys, os, time, subprocess, uuid
from layers.decoding import decoder_host
def sleep(seconds): time.sleep(seconds)
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def die(): ctypes.string_at(0)
def leave(): os._exit(3)
def choke(): decoder_host._answer = lambda *_: 1 / 0
def eat(megabytes): return len(bytearray(megabytes << 20))
def hold(megabytes):
    import mmap
    globals()["HELD"] = mmap.mmap(-1, megabytes << 20)
def start_another(mark):
    subprocess.Popen(["sleep", mark])
    subprocess.Popen(["sleep", mark], start_new_session=True)
    time.sleep(600)
def leave_another(mark): subprocess.Popen(["sleep", mark], start_new_session=True)
def babble(count): return "x" * count
def shout():
    print("a library that prints", flush=True)
    return "said"
def look(): return dict(os.environ)
def attempt(what, *arguments):
    try: what(*arguments)
    except OSError as error: return type(error).__name__
    return "done"
def call_out(port):
    import socket
    return attempt(socket.create_connection, ("127.0.0.1", port), 2)
def read(path): return open(path, "rb").read().decode()
def peep(place): return attempt(lambda: open(place).read())
def write(place): return attempt(lambda: open(place, "w").write("x"))
def strike(target): return attempt(os.kill, target, 0)
def change(path): return attempt(lambda: open(path, "a").write("x"))
def make(into, names, link=None):
    for name in names: open(os.path.join(into, name), "w").write(name)
    if link: os.symlink(link, os.path.join(into, "link"))
def fill(into, megabytes):
    with open(os.path.join(into, "full"), "wb") as stream: stream.truncate(megabytes << 20)
def litter():
    before = os.listdir(".")
    os.makedirs("a/b"); open("a/b/c", "w").write("x"); open("d", "w").write("x")
    return before
def open_many(count): return attempt(lambda: [open("/dev/null") for _ in range(count)])
def token(): return globals().setdefault("TOKEN", uuid.uuid4().hex)
def falter(seconds):
    def in_two(stream, answer):
        body = json.dumps(answer).encode()
        for part in (decoder_host.HEADER.pack(len(body)), body):
            stream.write(part)
            stream.flush()
            time.sleep(0.3)
    decoder_host._answer = in_two
    time.sleep(seconds)
    return "said"
def over_cpu(): os.kill(os.getpid(), 24)  # SIGXCPU
def raise_one(): raise ZeroDivisionError("by zero")
sys.modules["tasks"] = sys.modules["__main__"]
decoder_host.TASKS = {name: f"tasks:{name}" for name, one in list(globals().items()) if callable(one)}
decoder_host.main()
"""


# A host that allows an ordinary process no namespaces, as Lambda does, and whose kernel has no Landlock.
ON_A_STRICT_HOST = """
from layers.decoding import confinement
confinement.leave_namespaces = lambda: False
confinement.wall_in = lambda readable, writable: False
"""


def made(monkeypatch: pytest.MonkeyPatch, program: str) -> Sandbox:
    start = fork_server.subprocess.Popen

    def started(argv: list[str], **options: Any) -> Any:
        if argv[0] != sys.executable or "layers.decoding.decoder_host" not in argv:
            return start(argv, **options)
        return start([argv[0], "-P", "-B", "-c", program, argv[-1]], **options)

    monkeypatch.setattr(fork_server.subprocess, "Popen", started)
    return Sandbox(max_children=2, memory_bytes=512 << 20, nursery=fork_server.Nursery())


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose children do what the tests ask."""
    box = made(monkeypatch, HOST)
    yield box
    box.close()


@pytest.fixture(params=["here", "on a strict host"])
def any_box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The same, here and where the host allows less."""
    box = made(monkeypatch, HOST if request.param == "here" else ON_A_STRICT_HOST + HOST)
    yield box
    box.close()


def call(box: Sandbox, task: str, timeout_s: float = 10.0, **arguments: Any) -> Any:
    return box.call(task, arguments, timeout_s=timeout_s)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def running(word: str) -> list[int]:
    """The processes of this machine with this word on their command line."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in line.read_bytes().split(b"\0") and not gone(int(line.parent.name)):
                found.append(int(line.parent.name))
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*children, *(one for child in children for one in descendants(child))]


@pytest.fixture
def mark() -> str:
    """Seconds to sleep by which a process is known among all others."""
    return f"600.{random.randrange(10**9):09}"


def soon(holds: Any) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(holds())


def test_a_child_is_kept_for_the_next_call(box: Sandbox) -> None:
    assert call(box, "token") == call(box, "token")


@pytest.mark.parametrize(("task", "word"), [("die", "SIGSEGV"), ("leave", "exit code 3"), ("choke", "exit code 1")])
def test_a_child_that_dies_says_how_and_is_replaced(any_box: Sandbox, task: str, word: str) -> None:
    before = call(any_box, "token")
    with pytest.raises(DecoderCrashed, match=word):
        call(any_box, task)
    assert call(any_box, "token") != before


def test_a_child_killed_while_idle_is_replaced_unnoticed(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.children()
    os.kill(child, signal.SIGKILL)
    assert soon(lambda: gone(child))
    assert call(box, "token") != before


def test_a_child_that_hangs_is_ended_with_all_that_it_started(any_box: Sandbox, mark: str) -> None:
    with pytest.raises(PermanentError) as caught:
        call(any_box, "start_another", timeout_s=1.5, mark=mark)
    assert caught.value.code == "timeout"
    assert soon(lambda: not running(mark))
    assert call(any_box, "shout") == "said"


def test_what_a_task_leaves_running_is_ended_with_its_child(any_box: Sandbox, mark: str) -> None:
    before = call(any_box, "token")
    call(any_box, "leave_another", mark=mark)
    assert soon(lambda: not running(mark))
    assert call(any_box, "token") != before


def test_what_forks_decoders_is_replaced_when_it_has_ended_and_takes_none_with_it(box: Sandbox) -> None:
    before = call(box, "token")
    forker = box._nursery._program
    assert forker
    forker.kill()
    forker.wait()
    assert call(box, "token") == before
    with pytest.raises(DecoderCrashed):
        call(box, "die")
    assert call(box, "token") != before


def test_no_decoder_holds_open_what_another_lives_by(box: Sandbox) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: call(box, "sleep", seconds=0.5), range(2)))
    first, second = box._idle
    first.kill()
    assert soon(lambda: gone(first.pid)) and call(box, "token") and second.lives()


def test_decoders_end_with_whoever_started_them(tmp_path: Path, mark: str) -> None:
    program = (
        "import sys, time; from layers.decoding.sandbox import Sandbox\n"
        "print(len(Sandbox()._take().folder.name), flush=True)\ntime.sleep(float(sys.argv[1]))"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, mark], stdout=subprocess.PIPE, cwd=ROOT)
    assert owner.stdout and owner.stdout.readline()
    assert soon(lambda: len(descendants(owner.pid)) == 3)  # what forks, a warden, and its decoder
    children = descendants(owner.pid)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert soon(lambda: all(gone(child) for child in children))


def test_memory_is_bounded_and_the_next_call_goes_on(any_box: Sandbox) -> None:
    with pytest.raises(PermanentError) as caught:
        call(any_box, "eat", megabytes=2000)
    assert caught.value.code == "resource_limit"
    assert call(any_box, "eat", megabytes=10) == 10 << 20


def test_what_a_child_holds_already_is_not_counted_against_the_next_file(any_box: Sandbox) -> None:
    call(any_box, "hold", megabytes=200)
    assert call(any_box, "eat", megabytes=400) == 400 << 20
    call(any_box, "hold", megabytes=200)
    with pytest.raises(PermanentError) as refused:
        call(any_box, "eat", megabytes=600)
    assert refused.value.code == "resource_limit"


def test_a_child_that_has_grown_is_replaced(box: Sandbox) -> None:
    before = call(box, "token")
    call(box, "eat", megabytes=300)
    assert call(box, "token") != before


def test_open_files_are_bounded(any_box: Sandbox) -> None:
    assert call(any_box, "open_many", count=1000) == "OSError"


def test_what_a_library_prints_is_no_answer(box: Sandbox) -> None:
    assert call(box, "shout") == "said"


def test_an_answer_without_bounds_is_refused(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_ANSWER_BYTES", 1000)
    with pytest.raises(PermanentError) as caught:
        call(box, "babble", count=2000)
    assert caught.value.code == "resource_limit"
    assert call(box, "babble", count=10) == "x" * 10


def test_a_decoder_that_breaks_is_tried_again_like_one_that_dies(
    box: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DecoderCrashed, match="should not"):
        call(box, "raise_one")
    assert "by zero" in capfd.readouterr().err


def test_only_named_tasks_can_be_asked_for(box: Sandbox) -> None:
    with pytest.raises(TransientError):
        call(box, "os:system")


def test_a_child_knows_no_secret_of_ours(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("FAIRWAY_DATABASE_URL", "x")
    known = {"PATH", "LANG", "LC_CTYPE", "PYTHONPATH", "TMPDIR", "OMP_THREAD_LIMIT", "MALLOC_ARENA_MAX"}
    assert set(call(box, "look")) <= known | set(fork_server.PASSED_ON)


# --- files -------------------------------------------------------------------------------------------


def test_the_file_to_be_read_is_handed_over_and_taken_back(box: Sandbox, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_text("what a stranger sent")
    assert call(box, "read", path=str(original)) == "what a stranger sent"
    assert original.stat().st_nlink == 1


@needs_landlock
def test_the_file_to_be_read_can_not_be_changed(box: Sandbox, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_text("what a stranger sent")
    assert call(box, "change", path=str(original)) == "PermissionError"


@needs_landlock
@pytest.mark.parametrize("place", ["/etc/passwd", "/proc/1/environ", str(ROOT / "pyproject.toml"), str(ROOT)])
def test_no_other_file_can_be_read(box: Sandbox, place: str) -> None:
    assert call(box, "peep", place=place) == "PermissionError"


@needs_landlock
def test_nothing_can_be_written_elsewhere(box: Sandbox, tmp_path: Path) -> None:
    assert call(box, "write", place=str(tmp_path / "new")) == "PermissionError"
    assert call(box, "write", place=str(ROOT / "layers" / "new.py")) == "PermissionError"
    assert call(box, "write", place="new") == "done"


def test_no_other_process_can_be_reached(box: Sandbox) -> None:
    assert call(box, "strike", target=os.getpid()) in ("ProcessLookupError", "PermissionError")


def test_what_is_made_arrives_where_it_is_wanted(any_box: Sandbox, tmp_path: Path) -> None:
    call(any_box, "make", into=str(tmp_path), names=["a.webp", "b"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.webp": "a.webp", "b": "b"}
    call(any_box, "make", into=str(tmp_path), names=[])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_among_what_is_made_is_refused(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        call(box, "make", into=str(tmp_path), names=[], link="/etc/passwd")
    assert caught.value.code == "resource_limit"
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_is_bounded(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_MADE_BYTES", 1 << 20)
    with pytest.raises(PermanentError) as caught:
        call(box, "fill", into=str(tmp_path), megabytes=2)
    assert caught.value.code == "resource_limit"


def test_a_call_finds_nothing_of_the_one_before(any_box: Sandbox) -> None:
    assert call(any_box, "litter") == []
    assert call(any_box, "litter") == []


def test_a_child_leaves_no_folder_behind(box: Sandbox) -> None:
    folder = Path(call(box, "look")["TMPDIR"]).parent
    assert folder.is_dir()
    box.close()
    assert not folder.exists()


# --- the network -------------------------------------------------------------------------------------


def test_nobody_can_be_called(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        assert call(box, "call_out", port=listener.getsockname()[1]) != "done"
        with pytest.raises(TimeoutError):
            listener.accept()


# --- threads and time --------------------------------------------------------------------------------


def test_threads_share_a_bounded_number_of_children(box: Sandbox) -> None:
    with ThreadPoolExecutor(12) as pool:
        tokens = set(pool.map(lambda _: call(box, "token"), range(60)))
    assert 1 <= len(tokens) <= 2


def test_a_child_outlives_the_thread_that_first_needed_it(box: Sandbox) -> None:
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(call, box, "token").result()
    assert call(box, "token") == before


def test_the_time_spent_waiting_for_a_child_does_not_count(box: Sandbox) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: call(box, "sleep", timeout_s=2.0, seconds=0.8), range(6)))


def niceness(child: int) -> int:
    """Of a decoder by its warden, as others meet it: its session's, where sessions are what processors are shared by."""
    if cpu_priority.sessions_are_groups():
        return int(Path(f"/proc/{child}/autogroup").read_text().split()[-1])
    return os.getpriority(os.PRIO_PGRP, child)


@pytest.fixture
def one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which what was moved back can't be brought forward again."""
    monkeypatch.setattr(cpu_priority, "goes_both_ways", lambda: False)
    monkeypatch.setattr(cpu_priority, "sessions_are_groups", lambda: False)


@pytest.fixture
def without_privilege(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that lets us bring nothing forward but sessions."""
    if not cpu_priority.sessions_are_groups():
        pytest.skip("processors are not shared out among sessions here")
    monkeypatch.setattr(cpu_priority, "can_lower_nice", lambda: False)


def test_where_nothing_can_be_brought_forward_a_file_that_takes_long_costs_its_child(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, one_way: None
) -> None:
    monkeypatch.setattr(sandbox, "GIVES_WAY_S", 1.0)
    before = call(box, "token")
    (child,) = box.children()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call, box, "sleep", seconds=2)
        assert soon(lambda: os.getpriority(os.PRIO_PGRP, child) == sandbox.LAST_NICE)
        slow.result()
    assert call(box, "token") != before


@both_ways
def test_a_file_that_uses_much_gives_way_to_the_others_and_its_child_comes_forward_again(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.children()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call, box, "burn", seconds=sandbox.GOES_ON_CPU_S + 1, timeout_s=60)
        assert soon(lambda: niceness(child) == sandbox.LAST_NICE)
        slow.result()
    assert call(box, "token") == before
    assert niceness(child) == confinement.NICE


def test_nobody_has_to_be_privileged_to_bring_a_child_forward(box: Sandbox, without_privilege: None) -> None:
    before = call(box, "token")
    (child,) = box.children()
    as_it_was = os.getpriority(os.PRIO_PGRP, child)
    call(box, "burn", seconds=sandbox.GOES_ON_CPU_S + 0.5, timeout_s=60)
    assert call(box, "token") == before
    assert (niceness(child), os.getpriority(os.PRIO_PGRP, child)) == (confinement.NICE, as_it_was)


@both_ways
def test_a_file_that_uses_nothing_gives_way_to_nobody(box: Sandbox) -> None:
    call(box, "token")
    (child,) = box.children()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call, box, "sleep", seconds=2 * sandbox.GOES_ON_CPU_S + 1)
        while not slow.done():
            assert niceness(child) == confinement.NICE
            time.sleep(0.05)


def test_a_child_that_could_not_take_its_place_itself_is_put_there(monkeypatch: pytest.MonkeyPatch) -> None:
    box = made(monkeypatch, "from layers.decoding import confinement\nconfinement.NICE = 0\n" + HOST)
    call(box, "token")
    (child,) = box.children()
    assert niceness(child) == confinement.NICE
    box.close()


@both_ways
def test_a_child_that_is_slow_to_begin_stands_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    box = made(monkeypatch, "import time\nwhile time.process_time() < 0.8: pass\n" + HOST)
    call(box, "token")
    (child,) = box.children()
    assert niceness(child) == confinement.NICE
    box.close()


@both_ways
def test_what_uses_much_in_its_turn_asks_early_whether_it_may_go_on(box: Sandbox) -> None:
    call(box, "token")
    (child,) = box.children()
    asked: list[int] = []

    def may_go_on() -> bool:
        asked.append(niceness(child))
        return True

    with turns.turn_of(20.0, may_go_on) as turn:
        call(box, "burn", seconds=sandbox.GOES_ON_CPU_S + 0.5, timeout_s=60)
    assert asked == [sandbox.HEAVIER_NICE] and turn.went_on


@both_ways
def test_what_uses_much_and_may_not_go_on_leaves_its_place_at_once(box: Sandbox) -> None:
    call(box, "token")
    began = time.monotonic()
    with turns.turn_of(60.0, lambda: False), pytest.raises(TakesLong):
        call(box, "burn", seconds=600, timeout_s=500)
    assert time.monotonic() - began < 30


@both_ways
def test_what_stands_behind_others_does_not_wait_for_a_processor_in_a_place_of_the_short(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(box, "token")
    began = time.monotonic()
    used_s = 0.5 * (sandbox.LIGHT_CPU_S + sandbox.GOES_ON_CPU_S)
    monkeypatch.setattr(
        sandbox, "_time_of", lambda pid: sandbox._Time(min(time.monotonic() - began, used_s), time.monotonic())
    )
    with turns.turn_of(60.0, lambda: False), pytest.raises(TakesLong):
        call(box, "sleep", seconds=600, timeout_s=500)
    assert sandbox.PATIENCE_S < time.monotonic() - began < 30
    with turns.turn_of(60.0, lambda: False, expected_s=sandbox.PATIENCE_S):
        call(box, "sleep", seconds=2 * sandbox.PATIENCE_S)


@both_ways
def test_who_has_used_little_comes_before_who_has_used_more(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.children()
    with turns.turn_of(60.0, expected_s=30.0), ThreadPoolExecutor(1) as pool:
        burns = {"seconds": sandbox.LIGHT_CPU_S + 1, "timeout_s": 60}
        slow = pool.submit(contextvars.copy_context().run, call, box, "burn", **burns)
        assert soon(lambda: niceness(child) == sandbox.HEAVIER_NICE)
        slow.result()
    assert call(box, "token") == before
    assert niceness(child) == confinement.NICE


@both_ways
def test_what_is_known_to_use_more_does_so_with_the_others(box: Sandbox) -> None:
    call(box, "token")
    (child,) = box.children()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(box.call, "burn", {"seconds": 1}, timeout_s=60, light_s=60.0)
        while not slow.done():
            assert niceness(child) == confinement.NICE
            time.sleep(0.05)


def test_what_waits_in_its_turn_is_not_taken_for_long(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_time_of", lambda pid: sandbox._Time(0.0, time.monotonic()))
    with turns.turn_of(0.5):
        call(box, "sleep", seconds=1.5)


def test_what_has_used_more_than_was_expected_waits_no_longer_than_its_turn(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, one_way: None
) -> None:
    monkeypatch.setattr(sandbox, "_time_of", lambda pid: sandbox._Time(time.monotonic(), 10 * time.monotonic()))
    call(box, "token")
    began = time.monotonic()
    with turns.turn_of(0.5), pytest.raises(TakesLong):
        call(box, "sleep", seconds=600, timeout_s=500)
    assert 0.9 < time.monotonic() - began < 1.8


@both_ways
def test_what_has_waited_for_long_behind_the_others_comes_forward(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(box, "token")
    (child,) = box.children()
    waited_s = 0.0
    monkeypatch.setattr(sandbox, "_time_of", lambda pid: sandbox._Time(time.monotonic(), waited_s))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call, box, "sleep", seconds=4, timeout_s=60)
        assert soon(lambda: niceness(child) == sandbox.LAST_NICE)
        waited_s = sandbox.COMES_FORWARD_AFTER * sandbox.MOST_WAITS * 60 + 1
        assert soon(lambda: niceness(child) == confinement.NICE)
        slow.result()


def test_a_short_turn_ends_without_a_verdict_on_the_file(box: Sandbox) -> None:
    before = call(box, "token")
    with turns.turn_of(0.2), pytest.raises(TakesLong):
        call(box, "sleep", seconds=600, timeout_s=500)
    with turns.turn_of(20.0):
        assert call(box, "token") != before
        with pytest.raises(PermanentError):
            call(box, "sleep", seconds=600, timeout_s=0.2)


def test_what_goes_on_after_its_turn_does_so_behind_the_others_and_has_all_its_time(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.children()
    asked: list[int] = []

    def may_go_on() -> bool:
        asked.append(niceness(child))
        return True

    with turns.turn_of(0.2, may_go_on) as turn:
        call(box, "sleep", seconds=1.5)
        assert call(box, "token") == before
        with pytest.raises(PermanentError):
            call(box, "sleep", seconds=600, timeout_s=0.5)
    assert asked == [sandbox.LAST_NICE] and turn.went_on and turn.most_s == float("inf")


def test_what_went_on_after_its_turn_has_all_its_time_for_its_answer_too(box: Sandbox) -> None:
    call(box, "token")
    with turns.turn_of(0.2, lambda: True):
        assert call(box, "falter", seconds=1) == "said"


def test_what_is_known_to_take_long_is_left_to_a_child_behind_the_others(box: Sandbox, one_way: None) -> None:
    first = call(box, "token")
    (child,) = box.children()
    with turns.turn_of(float("inf")):
        assert call(box, "token") == first
        assert os.getpriority(os.PRIO_PGRP, child) == sandbox.LAST_NICE
    second = call(box, "token")
    assert second != first
    with turns.turn_of(float("inf")):
        assert call(box, "token") == first
    assert call(box, "token") == second


@both_ways
def test_what_is_known_to_take_long_starts_behind_the_others(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.children()
    with turns.turn_of(float("inf")), ThreadPoolExecutor(1) as pool:
        slow = pool.submit(contextvars.copy_context().run, call, box, "sleep", seconds=1)
        assert soon(lambda: niceness(child) == sandbox.LAST_NICE)
        slow.result()
    assert niceness(child) == confinement.NICE
    assert call(box, "token") == before


def test_children_may_stand_further_behind_from_the_start(box: Sandbox) -> None:
    box._nice = 12
    before = call(box, "token")
    (child,) = box.children()
    assert os.getpriority(os.PRIO_PGRP, child) == 12
    assert call(box, "token") == before


def test_what_burns_its_time_on_several_processors_has_had_it(monkeypatch: pytest.MonkeyPatch) -> None:
    box = made(monkeypatch, ON_A_STRICT_HOST + HOST)
    with pytest.raises(PermanentError) as caught:
        call(box, "over_cpu")
    assert caught.value.code == "timeout"


def test_nothing_is_left_when_it_is_closed(any_box: Sandbox) -> None:
    call(any_box, "token")
    (child,) = any_box.children()
    any_box.close()
    assert soon(lambda: gone(child))
