"""What decoders in the sandbox can and can't do to the worker and the host."""

from __future__ import annotations

import contextvars
import functools
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

from layers.decoding import active_time, decoder, fork_server, pausing
from layers.decoding.active_time import CpuTimes, decoder_pids
from layers.decoding.confinement import landlock_version
from layers.decoding.sandbox import Sandbox
from layers.decoding.short_limit import short_limit
from layers.domain.errors import DecoderCrashed, DecoderKilled, PermanentError, Snooze, TakesLong, TransientError
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
SOON_S = 10.0
needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")

HOST = """
import ctypes, json, sys, os, time, subprocess, uuid
from layers.decoding import decoder_host
def sleep(seconds): time.sleep(seconds)
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def burn_in_children():
    burn = "import time; any(time.process_time() > .2 for _ in iter(int, 1))"
    for _ in range(20): subprocess.run([sys.executable, "-S", "-c", burn])
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
    return "printed"
def look(): return dict(os.environ)
def attempt(what, *arguments):
    try: what(*arguments)
    except OSError as error: return type(error).__name__
    return "done"
def call_out(port):
    import socket
    return attempt(socket.create_connection, ("127.0.0.1", port), 2)
def read(path): return open(path, "rb").read().decode()
def peep(target): return attempt(lambda: open(target).read())
def write(target): return attempt(lambda: open(target, "w").write("x"))
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
def slow_token(seconds):
    time.sleep(seconds)
    return token()
def falter(seconds):
    def in_two(stream, answer):
        body = json.dumps(answer).encode()
        for part in (decoder_host.HEADER.pack(len(body)), body):
            stream.write(part)
            stream.flush()
            time.sleep(0.3)
    decoder_host._answer = in_two
    time.sleep(seconds)
    return "printed"
def load(): globals()["LOADED_BY"] = os.getpid()
def loaded_by(): return globals().get("LOADED_BY"), uuid.uuid4().hex
def ends_the_fork_server(): os._exit(9)
def read_after_that(): return "read"
def over_cpu(): os.kill(os.getpid(), 24)  # SIGXCPU
def raise_one(): raise ZeroDivisionError("by zero")
sys.modules["tasks"] = sys.modules["__main__"]
decoder_host.TASKS = {name: f"tasks:{name}" for name, one in list(globals().items()) if callable(one)}
decoder_host.LOADED_FOR = {"loaded_by": "tasks:load", "read_after_that": "tasks:ends_the_fork_server"}
decoder_host.main()
"""


# A host that allows no namespaces to an unprivileged process, like Lambda, and whose kernel has no Landlock.
ON_A_STRICT_HOST = """
from layers.decoding import confinement
confinement.leave_namespaces = lambda: False
confinement.restrict_files = lambda readable, writable: False
"""


def sandbox_running(monkeypatch: pytest.MonkeyPatch, program: str) -> Sandbox:
    start = fork_server.subprocess.Popen

    def started(argv: list[str], **options: Any) -> Any:
        if argv[0] != sys.executable or "layers.decoding.decoder_host" not in argv:
            return start(argv, **options)
        return start([argv[0], "-P", "-B", "-c", program, argv[-1]], **options)

    monkeypatch.setattr(fork_server.subprocess, "Popen", started)
    return Sandbox(max_children=2, memory_bytes=512 << 20, fork_server=fork_server.ForkServer())


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose decoders run the tasks of HOST."""
    box = sandbox_running(monkeypatch, HOST)
    yield box
    box.close()


@pytest.fixture(params=["here", "on a strict host"])
def any_box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The same, on this host and on one with fewer permissions."""
    box = sandbox_running(monkeypatch, HOST if request.param == "here" else ON_A_STRICT_HOST + HOST)
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
    """The processes of this machine with this word as an argument."""
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
    return [*children, *(descendant for child in children for descendant in descendants(child))]


@pytest.fixture
def mark() -> str:
    """A number of seconds to sleep that identifies a process among all others."""
    return f"600.{random.randrange(10**9):09}"


def test_a_decoder_is_kept_for_the_next_call(box: Sandbox) -> None:
    assert call(box, "token") == call(box, "token")


@pytest.mark.parametrize(("task", "word"), [("die", "SIGSEGV"), ("leave", "exit code 3"), ("choke", "exit code 1")])
def test_a_decoder_that_dies_is_replaced_and_the_error_says_how(any_box: Sandbox, task: str, word: str) -> None:
    before = call(any_box, "token")
    with pytest.raises(DecoderCrashed, match=word):
        call(any_box, task)
    assert call(any_box, "token") != before


def test_a_task_goes_to_the_idle_decoder_that_has_run_it_before(box: Sandbox) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = {called.result() for called in [pool.submit(call, box, "slow_token", seconds=1) for _ in range(2)]}
    assert len(both) == 2
    of_token = call(box, "token")
    for _ in range(3):
        assert call(box, "slow_token", seconds=0) in both - {of_token}
        assert call(box, "token") == of_token


def test_what_a_task_needs_is_loaded_once_for_all_its_decoders(box: Sandbox) -> None:
    loaded_by, _ = call(box, "loaded_by")
    with pytest.raises(DecoderCrashed):
        call(box, "die")
    assert call(box, "loaded_by")[0] == loaded_by is not None


def test_a_fork_server_that_ends_while_it_loads_is_replaced_by_one_that_does_not_load(box: Sandbox) -> None:
    with pytest.raises(TransientError):
        call(box, "read_after_that")
    assert call(box, "read_after_that") == "read"


def test_the_networks_of_ocr_start_no_thread_so_that_a_process_that_has_loaded_them_can_be_forked() -> None:
    program = """
import os, sys
from layers.decoders.nets import models
models.load()
print(models.open_net.cache_info().currsize, len(os.listdir("/proc/self/task")))
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment, text=True
    )
    assert output.stdout.split() == ["3", "1"]


def test_the_fork_server_has_imported_what_the_usual_files_need_and_started_no_thread(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from layers.decoding import decoder_host
decoder_host._preload()
print(len(os.listdir("/proc/self/task")))
known = set(sys.modules)
for path in sorted(Path(sys.argv[1]).iterdir()):
    found = decoder_host._run_task("identify", {"path": str(path), "name": path.name})
    for task in ("picture", "web_page", "text_picture") if "value" in found else ():
        shown = {"path": str(path), "media_type": found["value"]["media_type"], "into": sys.argv[2], "name": "shown"}
        decoder_host._run_task(task, shown | ({} if task == "web_page" else {"edge_px": 320}))
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - known}))
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", program, str(ROOT / "events" / "samples"), str(tmp_path)]
    output = subprocess.run(arguments, capture_output=True, check=True, env=environment, text=True)
    threads, imported = output.stdout.splitlines()
    assert threads == "1"
    assert not {"PIL", "layers", "mammoth", "nh3", "numpy", "office_oxide", "pi_heif"} & set(imported.split())


def test_a_decoder_killed_while_idle_is_replaced_without_an_error(box: Sandbox) -> None:
    before = call(box, "token")
    (child,) = box.idle_pids()
    os.kill(child, signal.SIGKILL)
    assert eventually(lambda: gone(child), SOON_S)
    assert call(box, "token") != before


def test_a_hanging_decoder_is_ended_with_everything_that_it_started(any_box: Sandbox, mark: str) -> None:
    with pytest.raises(PermanentError) as caught:
        call(any_box, "start_another", timeout_s=1.5, mark=mark)
    assert caught.value.code == "timeout"
    assert eventually(lambda: not running(mark), SOON_S)
    assert call(any_box, "shout") == "printed"


def test_processes_that_a_task_leaves_running_end_with_its_decoder(any_box: Sandbox, mark: str) -> None:
    before = call(any_box, "token")
    call(any_box, "leave_another", mark=mark)
    assert eventually(lambda: not running(mark), SOON_S)
    assert call(any_box, "token") != before


def test_a_fork_server_that_has_ended_is_replaced_and_its_decoders_live_on(box: Sandbox) -> None:
    before = call(box, "token")
    program = box._fork_server._program
    assert program
    program.kill()
    program.wait()
    assert call(box, "token") == before
    with pytest.raises(DecoderCrashed):
        call(box, "die")
    assert call(box, "token") != before


def test_no_decoder_holds_the_life_pipe_of_another(box: Sandbox) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: call(box, "sleep", seconds=0.5), range(2)))
    first, second = box._idle
    first.kill()
    assert eventually(lambda: gone(first.pid), SOON_S) and call(box, "token") and second.is_alive()


def test_decoders_end_with_the_process_that_started_them(tmp_path: Path, mark: str) -> None:
    program = (
        "import sys, time; from layers.decoding.sandbox import Sandbox\n"
        'print(len(Sandbox()._take("token").folder.name), flush=True)\ntime.sleep(float(sys.argv[1]))'
    )
    owner = subprocess.Popen([sys.executable, "-c", program, mark], stdout=subprocess.PIPE, cwd=ROOT)
    assert owner.stdout and owner.stdout.readline()
    assert eventually(lambda: len(descendants(owner.pid)) == 3, SOON_S)  # the fork server, a reaper, and its decoder
    children = descendants(owner.pid)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert eventually(lambda: all(gone(child) for child in children), SOON_S)


def test_memory_is_limited_and_the_next_call_works(any_box: Sandbox) -> None:
    with pytest.raises(PermanentError) as caught:
        call(any_box, "eat", megabytes=2000)
    assert caught.value.code == "resource_limit"
    assert call(any_box, "eat", megabytes=10) == 10 << 20


def test_memory_that_a_decoder_holds_already_does_not_count_for_the_next_file(any_box: Sandbox) -> None:
    call(any_box, "hold", megabytes=200)
    assert call(any_box, "eat", megabytes=400) == 400 << 20
    call(any_box, "hold", megabytes=200)
    with pytest.raises(PermanentError) as refused:
        call(any_box, "eat", megabytes=600)
    assert refused.value.code == "resource_limit"


def test_a_decoder_that_has_grown_is_replaced(box: Sandbox) -> None:
    before = call(box, "token")
    call(box, "eat", megabytes=300)
    assert call(box, "token") != before


def test_open_files_are_limited(any_box: Sandbox) -> None:
    assert call(any_box, "open_many", count=1000) == "OSError"


def test_output_of_a_library_does_not_reach_the_answer(box: Sandbox) -> None:
    assert call(box, "shout") == "printed"


def test_an_answer_over_the_limit_is_refused(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(PermanentError) as caught:
        call(box, "babble", count=2000)
    assert caught.value.code == "resource_limit"
    assert call(box, "babble", count=10) == "x" * 10


def test_an_unexpected_error_of_a_decoder_counts_as_a_crash(box: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DecoderCrashed, match="unexpected error"):
        call(box, "raise_one")
    assert "by zero" in capfd.readouterr().err


def test_only_listed_tasks_can_be_requested(box: Sandbox) -> None:
    with pytest.raises(TransientError):
        call(box, "os:system")


def test_a_decoder_has_no_secret_in_its_environment(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("FAIRWAY_DATABASE_URL", "x")
    known = {
        "PATH",
        "LANG",
        "LC_CTYPE",
        "PYTHONPATH",
        "TMPDIR",
        "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
        "MALLOC_ARENA_MAX",
    }
    assert set(call(box, "look")) <= known | set(fork_server.INHERITED_VARIABLES)


# --- files -------------------------------------------------------------------------------------------


def test_the_input_file_is_linked_for_the_call_only(box: Sandbox, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_text("the content")
    assert call(box, "read", path=str(original)) == "the content"
    assert original.stat().st_nlink == 1


@needs_landlock
def test_the_input_file_can_not_be_changed(box: Sandbox, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_text("the content")
    assert call(box, "change", path=str(original)) == "PermissionError"


@needs_landlock
@pytest.mark.parametrize("target", ["/etc/passwd", "/proc/1/environ", str(ROOT / "pyproject.toml"), str(ROOT)])
def test_no_other_file_can_be_read(box: Sandbox, target: str) -> None:
    assert call(box, "peep", target=target) == "PermissionError"


@needs_landlock
def test_a_decoder_can_write_only_to_its_own_folders(box: Sandbox, tmp_path: Path) -> None:
    assert call(box, "write", target=str(tmp_path / "new")) == "PermissionError"
    assert call(box, "write", target=str(ROOT / "layers" / "new.py")) == "PermissionError"
    assert call(box, "write", target="new") == "done"


def test_no_other_process_can_be_signalled(box: Sandbox) -> None:
    assert call(box, "strike", target=os.getpid()) in ("ProcessLookupError", "PermissionError")


def test_output_files_arrive_in_the_requested_folder(any_box: Sandbox, tmp_path: Path) -> None:
    call(any_box, "make", into=str(tmp_path), names=["a.webp", "b"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.webp": "a.webp", "b": "b"}
    call(any_box, "make", into=str(tmp_path), names=[])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_in_the_output_is_refused(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        call(box, "make", into=str(tmp_path), names=[], link="/etc/passwd")
    assert caught.value.code == "resource_limit"
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_the_output_is_limited(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_OUTPUT_BYTES", 1 << 20)
    with pytest.raises(PermanentError) as caught:
        call(box, "fill", into=str(tmp_path), megabytes=2)
    assert caught.value.code == "resource_limit"


def test_a_call_finds_no_files_of_the_one_before(any_box: Sandbox) -> None:
    assert call(any_box, "litter") == []
    assert call(any_box, "litter") == []


def test_a_decoder_leaves_no_folder_behind(box: Sandbox) -> None:
    folder = Path(call(box, "look")["TMPDIR"]).parent
    assert folder.is_dir()
    box.close()
    assert not folder.exists()


# --- the network -------------------------------------------------------------------------------------


def test_a_decoder_can_not_connect_to_anything(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        assert call(box, "call_out", port=listener.getsockname()[1]) != "done"
        with pytest.raises(TimeoutError):
            listener.accept()


# --- threads and time --------------------------------------------------------------------------------


def test_threads_share_a_limited_number_of_decoders(box: Sandbox) -> None:
    with ThreadPoolExecutor(12) as pool:
        tokens = set(pool.map(lambda _: call(box, "token"), range(60)))
    assert 1 <= len(tokens) <= 2


def test_a_decoder_outlives_the_thread_that_started_it(box: Sandbox) -> None:
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(call, box, "token").result()
    assert call(box, "token") == before


def test_waiting_for_a_free_decoder_does_not_count(box: Sandbox) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: call(box, "sleep", timeout_s=2.0, seconds=0.8), range(6)))


def test_a_call_over_the_short_limit_is_stopped_without_a_verdict(box: Sandbox) -> None:
    before = call(box, "token")
    with short_limit(0.2), pytest.raises(TakesLong):
        call(box, "sleep", seconds=600, timeout_s=500)
    with short_limit(20.0):
        assert call(box, "token") != before
        with pytest.raises(PermanentError):
            call(box, "sleep", seconds=600, timeout_s=0.2)


def test_an_answer_that_comes_in_pieces_is_read_to_its_end(box: Sandbox) -> None:
    assert call(box, "falter", seconds=1) == "printed"


def test_waiting_for_a_processor_never_ends_a_call(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_time, "decoder_cpu_times", lambda pid: CpuTimes(0.0, time.monotonic()))
    with short_limit(0.3):
        call(box, "sleep", seconds=1.5, timeout_s=0.5)


def test_a_call_that_gets_no_processor_for_very_long_starts_again_later(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_time, "decoder_cpu_times", lambda pid: CpuTimes(0.0, time.monotonic()))
    monkeypatch.setattr(decoder, "MAX_WAITING_S", 0.5)
    with pytest.raises(Snooze):
        call(box, "sleep", seconds=600, timeout_s=500)


def test_what_ended_children_used_counts(box: Sandbox) -> None:
    with pytest.raises(PermanentError) as caught:
        call(box, "burn_in_children", timeout_s=1.0)
    assert caught.value.code == "timeout"


def states(reaper_pid: int) -> set[str]:
    """The states of a decoder and its children: T is stopped."""
    lines = (Path(f"/proc/{pid}/stat").read_text() for pid in decoder_pids(reaper_pid))
    return {line.rsplit(")", 1)[1].split()[0] for line in lines}


@pytest.fixture
def one_processor(monkeypatch: pytest.MonkeyPatch) -> pausing.RunningCalls:
    """Room for one running call; others are paused once they are not light."""
    calls = pausing.RunningCalls(1, has_idle_processor=lambda: False)
    monkeypatch.setattr(decoder, "PausableCall", functools.partial(pausing.PausableCall, calls=calls))
    return calls


def test_a_heavy_call_is_paused_while_a_light_one_runs(box: Sandbox, one_processor: pausing.RunningCalls) -> None:
    call(box, "token")
    (reaper,) = box.idle_pids()
    with ThreadPoolExecutor(1) as pool, short_limit(60.0):
        heavy = pool.submit(contextvars.copy_context().run, call, box, "burn", seconds=1.0, timeout_s=5.0)
        assert eventually(lambda: states(reaper) == {"R"}, SOON_S)
        light = one_processor.start(is_long=False)
        assert eventually(
            lambda: one_processor.must_pause(light, pausing.LIGHT) is False and states(reaper) == {"T"}, SOON_S
        )
        time.sleep(0.5)
        assert states(reaper) == {"T"} and not heavy.done()
        one_processor.end(light)
        heavy.result()


def test_time_in_which_a_call_is_paused_does_not_count(box: Sandbox, one_processor: pausing.RunningCalls) -> None:
    call(box, "token")
    (reaper,) = box.idle_pids()
    with ThreadPoolExecutor(1) as pool, short_limit(60.0):
        heavy = pool.submit(contextvars.copy_context().run, call, box, "burn", seconds=0.5, timeout_s=4.0)
        light = one_processor.start(is_long=False)
        assert eventually(lambda: states(reaper) == {"T"}, SOON_S)
        time.sleep(4.5)
        one_processor.end(light)
        heavy.result()


def test_a_short_call_that_is_paused_for_long_gives_up_its_slot(
    box: Sandbox, one_processor: pausing.RunningCalls
) -> None:
    call(box, "token")
    one_processor.start(is_long=False)
    with short_limit(1.0), pytest.raises(TakesLong):
        call(box, "burn", seconds=0.5, timeout_s=60.0)


def test_processes_on_one_host_share_its_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    calls = pausing.RunningCalls(4, has_idle_processor=lambda: False)
    calls.share_processors(2)
    first, second = calls.start(is_long=False), calls.start(is_long=False)
    assert not calls.must_pause(second, pausing.HEAVY)  # two of the four processors
    third = calls.start(is_long=False)
    assert calls.must_pause(second, pausing.HEAVY)
    calls.end(third)
    calls.share_processors(9)
    assert calls.must_pause(second, pausing.HEAVY)
    calls.end(first)
    assert not calls.must_pause(second, pausing.HEAVY)  # one call always runs


def test_no_call_is_paused_while_a_processor_is_idle() -> None:
    idle = [True]
    calls = pausing.RunningCalls(1, has_idle_processor=lambda: idle[0])
    heavy = calls.start(is_long=False)
    calls.start(is_long=False)
    assert not calls.must_pause(heavy, pausing.HEAVY)
    idle[0] = False
    assert calls.must_pause(heavy, pausing.HEAVY)


def test_a_paused_decoder_can_be_ended(box: Sandbox, one_processor: pausing.RunningCalls) -> None:
    call(box, "token")
    (reaper,) = box.idle_pids()
    one_processor.start(is_long=False)
    with ThreadPoolExecutor(1) as pool, short_limit(60.0):
        heavy = pool.submit(contextvars.copy_context().run, call, box, "burn", seconds=600.0, timeout_s=60.0)
        assert eventually(lambda: states(reaper) == {"T"}, SOON_S)
        os.kill(decoder_pids(reaper)[0], signal.SIGKILL)
        with pytest.raises(DecoderKilled):
            heavy.result()
    assert eventually(lambda: gone(reaper), SOON_S)


def test_a_decoder_ended_by_the_cpu_limit_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    box = sandbox_running(monkeypatch, ON_A_STRICT_HOST + HOST)
    with pytest.raises(PermanentError) as caught:
        call(box, "over_cpu")
    assert caught.value.code == "timeout"


def test_closing_the_sandbox_ends_its_decoders(any_box: Sandbox) -> None:
    call(any_box, "token")
    (child,) = any_box.idle_pids()
    any_box.close()
    assert eventually(lambda: gone(child), SOON_S)
