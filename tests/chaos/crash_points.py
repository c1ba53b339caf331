"""A worker that is killed at each line between claim and commit, one line after the other.

A step's attempt is run by a forked process that ends itself by SIGKILL as it reaches one of our lines for the first
time. Then another worker takes over, and the files have to come to the same end as any others. There are two, which go
together wherever a wake-up may name several.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from psycopg.types.json import Jsonb

from functions.dispatch import dispatch
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from functions.upkeep import repeat_unheard, rescue_of
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.attempts import recording
from layers.attempts.runner import Runner
from layers.domain.message import WakeUp, bundles
from layers.ports import Ports
from tests.chaos import steps
from tests.chaos.harness import WATCH
from tests.fakes import MemoryObjects
from tests.making import Bench, Urls

ROOT = Path(__file__).resolve().parent.parent.parent
WATCHED = tuple(str(ROOT / "layers" / name) for name in ("attempts", "decoding/turns.py", "adapters/postgres"))
FILES = 2
MORTAL, OTHER = "mortal", "other"


class FolderObjects(MemoryObjects):
    """Objects in a folder, so that they outlive who stored them."""

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
        gone = [one for one in self._folder.iterdir() if one.name.startswith(prefix.replace("/", "!"))]
        for one in gone:
            one.unlink()
        return len(gone)


class Queue:
    """A topic that this process runs itself."""

    def __init__(self) -> None:
        self.waiting: deque[list[WakeUp]] = deque()

    def holds_messages(self, topic: str) -> bool:
        return False

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.waiting.extend(bundles(list(wake_ups)))

    def dispatch_later(self, delay_s: float) -> None:
        return None


@dataclass
class Deaths:
    lines: int = 0
    faults: list[str] = field(default_factory=list)


def die_at_each_line(urls: Urls, *, every: int = 1) -> Deaths:
    """The same for all steps, in a process of its own, since it forks."""
    argv = [sys.executable, "-m", "tests.chaos.lines", urls.owner, urls.worker, urls.api, str(every), *steps.PARTS]
    said = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return Deaths(**json.loads(said))


def _die_at_each_line(urls: Urls, every: int, names: Sequence[str]) -> Deaths:
    """Two files for each line of these steps' attempts at which their worker dies, and all files' ends thereafter."""
    bench, deaths = Bench.on(urls), Deaths()
    bench.database.run(WATCH.read_text())
    os.environ |= {"CHAOS_BILLS_URL": urls.worker, "CHAOS_SLOW": "0"}
    tenant_id = bench.tenant()
    with tempfile.TemporaryDirectory(prefix="fairway-lines-") as folder:
        objects = FolderObjects(Path(folder))
        for place, name in enumerate(names):
            lines = count(place * every // len(names), every)
            deaths.lines += _each_line_of(name, lines, bench, urls, objects, tenant_id)
    found = {
        "tenant_id": tenant_id,
        "parts": _parts(),
        "main_steps": list(MAIN_STEPS),
        "side_artifacts": Jsonb(SIDE_ARTIFACTS),
    }
    deaths.faults = [row["fault"] for row in bench.database.rows(FAULTS, **found)]
    return deaths


def _each_line_of(
    name: str, lines: Iterator[int], bench: Bench, urls: Urls, objects: FolderObjects, tenant_id: str
) -> int:
    """How many deaths there were until a worker came to the end alive."""
    for deaths, line in enumerate(lines):
        for _, key in bench.arrived(FILES, tenant_id):
            objects.put(key, b"0123456789")
        died = _in_a_fork(lambda line=line: _run_until(name, line, urls, objects))  # type: ignore[misc]
        _take_over(bench, objects)
        if not died:
            return deaths
    raise AssertionError("there is a last line")


def _runner(store: PostgresStore, objects: FolderObjects, host: str) -> tuple[Runner, Queue]:
    queue = Queue()
    ports = Ports(store, objects, queue, None, None, None)  # type: ignore[arg-type]
    return Runner(ports, steps.INTAKE, steps.PIPELINES, dict.fromkeys(steps.PARTS, 4), host=host), queue


def _drain(runner: Runner, queue: Queue, before: Callable[[str], None] = lambda step: None) -> None:
    dispatch(runner)
    while queue.waiting:
        load = queue.waiting.popleft()
        before(load[0].step)
        runner.run_all(load)
        if not queue.waiting:
            dispatch(runner)


def _take_over(bench: Bench, objects: FolderObjects) -> None:
    """Another worker, and upkeep that knows the first to be dead, bring the files to their end."""
    runner, queue = _runner(bench.store, objects, OTHER)
    rescue_of(runner, MORTAL)
    repeat_unheard(runner, older_than_s=0)
    _drain(runner, queue)


def _run_until(name: str, line: int, urls: Urls, objects: FolderObjects) -> None:
    """Work as usual, and die as the attempt at this step comes to its line of this number, counted as first reached."""
    runner, queue = _runner(PostgresStore(Database(urls.worker)), objects, MORTAL)
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and place not in seen:
            seen.add(place)
            if len(seen) > line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    _drain(runner, queue, lambda step: sys.settrace(trace if step == name else None))


def _in_a_fork(do: Callable[[], None]) -> bool:
    """Whether it died by SIGKILL. Raises AssertionError where it ended otherwise than well."""
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(Exception):
            do()
            status = 0
        os._exit(status)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert ended in (0, -signal.SIGKILL), f"the worker ended with {ended}"
    return ended != 0


def _parts() -> int:
    return sum(steps.PARTS.values())


FAULTS = """
SELECT f.file_id || ' ended as ' || f.state || ' with ' || d.done || ' parts done and ' || d.billed || ' jobs billed' AS fault
  FROM files f, LATERAL (
       SELECT (SELECT count(DISTINCT (step, part)) FROM attempts a WHERE a.file_id = f.file_id AND a.outcome = 'done') AS different,
              (SELECT count(*) FROM attempts a WHERE a.file_id = f.file_id AND a.outcome = 'done') AS done,
              (SELECT count(*) FROM chaos_bills b WHERE starts_with(b.token, f.file_id::text)) AS billed,
              (SELECT count(*) FROM artifacts a WHERE a.file_id = f.file_id) AS artifacts,
              (SELECT count(*) FROM records r WHERE r.file_id = f.file_id) AS records) d
 WHERE f.tenant_id = %(tenant_id)s
   AND (f.state, d.done, d.different, d.billed, d.artifacts, d.records) <> ('done', %(parts)s, %(parts)s, 1, 2, 1)
UNION ALL
SELECT finding || ': ' || count FROM audit_findings(%(tenant_id)s, %(main_steps)s, %(side_artifacts)s)
UNION ALL
SELECT offence || ': ' || what FROM chaos_offences
"""


def main() -> None:
    recording.log = lambda *_, **__: None
    deaths = _die_at_each_line(Urls(*sys.argv[1:4]), int(sys.argv[4]), sys.argv[5:])
    print(json.dumps(asdict(deaths)))


if __name__ == "__main__":
    main()
