"""Crash points: a worker is killed at each line between claim and commit, one line after the other.

A forked process runs an attempt at a step, and kills itself with SIGKILL when it first reaches a certain line of
Fairway's code. Then another worker takes over, and the files must end like any other files. Each crash affects two files,
which are in one message if the step allows several.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from psycopg.types.json import Jsonb

from functions.dispatch import dispatch
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from functions.upkeep import repeat_unclaimed, rescue_of
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.attempts import recording
from layers.attempts.runner import Runner
from layers.domain.message import WakeUp, bundles
from layers.ports import Ports
from tests.chaos import steps
from tests.chaos.harness import VIOLATIONS_SQL
from tests.fakes import MemoryObjects
from tests.making import Bench, Urls

ROOT = Path(__file__).resolve().parent.parent.parent
TRACED = tuple(str(ROOT / "layers" / name) for name in ("attempts", "decoding/short_limit.py", "adapters/postgres"))
FILES = 2
CRASHING, TAKING_OVER = "crashing", "taking-over"  # the hosts of the two workers


class FolderObjects(MemoryObjects):
    """Objects in a folder, so that they outlive the process that stored them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", "!")

    def put(self, key: str, content: bytes) -> None:
        self._path(key).write_bytes(content)

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        path.write_bytes(self._path(object_key).read_bytes())

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        self.put(object_key, path.read_bytes())
        return path.stat().st_size

    def delete_prefix(self, prefix: str) -> int:
        paths = [path for path in self._folder.iterdir() if path.name.startswith(prefix.replace("/", "!"))]
        for path in paths:
            path.unlink()
        return len(paths)


class Queue:
    """Topics whose messages this process runs itself."""

    def __init__(self) -> None:
        self.waiting: deque[list[WakeUp]] = deque()

    def holds_messages(self, topic: str) -> bool:
        return False

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.waiting.extend(bundles(list(wake_ups)))

    def dispatch_later(self, delay_s: float) -> None:
        return None


@dataclass
class CrashResults:
    """`lines`: at how many lines a worker crashed."""

    lines: int = 0
    faults: list[str] = field(default_factory=list)


def crash_at_each_line(urls: Urls, *, every: int = 1) -> CrashResults:
    """Crash at every `every`-th line of every step. This runs in a separate process, because it forks."""
    argv = [
        sys.executable,
        "-m",
        "tests.chaos.crash_points",
        urls.owner,
        urls.worker,
        urls.api,
        str(every),
        *steps.PARTS,
    ]
    output = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return CrashResults(**json.loads(output))


def _die_at_each_line(urls: Urls, every: int, names: Sequence[str]) -> CrashResults:
    """Process two files for each line of these steps at which a worker crashes, then check how all files ended."""
    bench, crashes = Bench.on(urls), CrashResults()
    bench.database.run(VIOLATIONS_SQL.read_text())
    os.environ |= {"CHAOS_DATABASE_URL": urls.worker, "CHAOS_SLOW_CHANCE": "0"}
    tenant_id = bench.tenant()
    bench.database.run(
        "INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret)"
        " VALUES (%(t)s, 'https://hooks.invalid/', ARRAY['file.done', 'file.partial', 'file.failed'], 'secret')",
        t=tenant_id,
    )
    with tempfile.TemporaryDirectory(prefix="fairway-lines-") as folder:
        objects = FolderObjects(Path(folder))
        for index, name in enumerate(names):
            lines = count(index * every // len(names), every)
            crashes.lines += _crash_at_lines(name, lines, bench, urls, objects, tenant_id)
    parameters = {
        "tenant_id": tenant_id,
        "parts": _parts(),
        "main_steps": list(MAIN_STEPS),
        "side_artifacts": Jsonb(SIDE_ARTIFACTS),
    }
    crashes.faults = [row["fault"] for row in bench.database.rows(FAULTS, **parameters)]
    return crashes


def _crash_at_lines(
    name: str, lines: Iterator[int], bench: Bench, urls: Urls, objects: FolderObjects, tenant_id: str
) -> int:
    """Crash at these lines of a step until an attempt ends without reaching its line. Returns the number of crashes."""
    for crashes, line in enumerate(lines):
        for _, key in bench.arrived(FILES, tenant_id):
            objects.put(key, b"0123456789")
        has_crashed = run_in_fork(lambda line=line: _run_until(name, line, urls, objects))  # type: ignore[misc]
        _take_over(bench, objects)
        if not has_crashed:
            return crashes
    raise AssertionError("a step has a finite number of lines")


def _runner(
    store: PostgresStore, objects: FolderObjects, host: str, may_follow: Collection[str] = ()
) -> tuple[Runner, Queue]:
    queue = Queue()
    ports = Ports(store, objects, queue, None, None, None)  # type: ignore[arg-type]
    concurrency = dict.fromkeys(steps.PARTS, 4)
    return Runner(ports, steps.INTAKE, steps.PIPELINES, concurrency, host=host, may_follow=may_follow), queue


def _drain(runner: Runner, queue: Queue, before: Callable[[str], None] = lambda step: None) -> None:
    """Run all messages until nothing is dispatched. `before` is called with the step of each message."""
    dispatch(runner)
    while queue.waiting:
        bundle = queue.waiting.popleft()
        before(bundle[0].step)
        runner.run_all(bundle)
        if not queue.waiting:
            dispatch(runner)


def _take_over(bench: Bench, objects: FolderObjects) -> None:
    """Another worker reclaims the leases of the first, which has crashed, and processes the files to their end."""
    runner, queue = _runner(bench.store, objects, TAKING_OVER)
    rescue_of(runner, CRASHING)
    repeat_unclaimed(runner, older_than_s=0)
    _drain(runner, queue)


def _run_until(name: str, line: int, urls: Urls, objects: FolderObjects) -> None:
    """Process files, and crash when an attempt at this step reaches its line number `line`, in the order in which lines
    are first reached. The lines of intake are also those of the steps that follow it in the same thread."""
    may_follow = steps.PARTS if name == steps.INTAKE.name else ()
    runner, queue = _runner(PostgresStore(Database(urls.worker)), objects, CRASHING, may_follow)
    trace = crash_at(line, TRACED)
    _drain(runner, queue, lambda step: sys.settrace(trace if step == name else None))


def crash_at(line: int, traced: tuple[str, ...]) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that kills this process when it reaches line number `line` of the files whose paths begin so, in the
    order in which lines are first reached."""
    reached: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(traced):
            return None
        position = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and position not in reached:
            reached.add(position)
            if len(reached) > line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def run_in_fork(function: Callable[[], None]) -> bool:
    """Run a function in a forked process. Returns whether SIGKILL ended it. Raises AssertionError if it failed otherwise."""
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(Exception):
            function()
            status = 0
        os._exit(status)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert exit_code in (0, -signal.SIGKILL), f"the worker ended with {exit_code}"
    return exit_code != 0


def _parts() -> int:
    return sum(steps.PARTS.values())


FAULTS = """
SELECT f.file_id || ' ended as ' || f.state || ' with ' || d.done || ' parts done and ' || d.billed || ' jobs billed' AS fault
  FROM files f, LATERAL (
       SELECT (SELECT count(DISTINCT (step, part)) FROM attempts a WHERE a.file_id = f.file_id AND a.outcome = 'done') AS distinct_done,
              (SELECT count(*) FROM attempts a WHERE a.file_id = f.file_id AND a.outcome = 'done') AS done,
              (SELECT count(*) FROM chaos_paid_jobs b WHERE starts_with(b.token, f.file_id::text)) AS billed,
              (SELECT count(*) FROM artifacts a WHERE a.file_id = f.file_id) AS artifacts,
              (SELECT count(*) FROM records r WHERE r.file_id = f.file_id) AS records) d
 WHERE f.tenant_id = %(tenant_id)s
   AND (f.state, d.done, d.distinct_done, d.billed, d.artifacts, d.records) <> ('done', %(parts)s, %(parts)s, 1, 2, 1)
UNION ALL
SELECT finding || ': ' || count FROM audit_findings(%(tenant_id)s, %(main_steps)s, %(side_artifacts)s)
UNION ALL
SELECT violation || ': ' || detail FROM chaos_violations
UNION ALL
SELECT f.file_id || ' has the events ' || coalesce(string_agg(v.event_type, ', '), 'none')
  FROM files f LEFT JOIN webhook_events v ON v.subject_id = f.file_id
 WHERE f.tenant_id = %(tenant_id)s
 GROUP BY f.file_id HAVING array_agg(v.event_type) IS DISTINCT FROM ARRAY['file.done']
"""


def main() -> None:
    recording.log = lambda *_, **__: None
    crashes = _die_at_each_line(Urls(*sys.argv[1:4]), int(sys.argv[4]), sys.argv[5:])
    print(json.dumps(asdict(crashes)))


if __name__ == "__main__":
    main()
