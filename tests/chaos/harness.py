"""The chaos harness: processes files with real topics, a real object store and crashing workers, then checks the results.

During this, files are removed, batches are cancelled, and the clock steps back.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from functions.audit import walk_objects, walk_recorded
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from infra.local.object_store import REGION
from infra.local.store_setup import BUCKET, QUEUE_PREFIX
from layers.adapters.aws.s3_storage import S3Storage
from layers.attempts.runner import Runner
from layers.domain.errors import StoreUnreachable
from layers.ports import Ports
from tests.chaos import steps
from tests.fakes import MemoryTopics
from tests.making import Bench, Urls
from tests.store_server import KEY_ID, StoreServer

READY = b"ready"  # the first line of the fork server
ROOT = Path(__file__).resolve().parent.parent.parent
VIOLATIONS_SQL = Path(__file__).parent / "violations.sql"
BATCH = 10
WAVE = 500  # files that are announced together before they are uploaded
UPLOADS_AT_ONCE = 8
CHECK_S = 0.5  # between two checks of whether all files are settled
CONTENT = b"0123456789"
EXTRA_NOTIFICATIONS = 2
# Setting the clock back is the same as moving all recorded times forward.
CLOCK_BACK = (
    "UPDATE steps SET "
    + ", ".join(
        f"{column} = {column} + make_interval(secs => %(s)s)"
        for column in ("ready_at", "queued_at", "due_at", "lease_expires_at")
    )
    + " WHERE state IN ('ready', 'queued', 'running', 'retrying', 'parked')",
    "UPDATE lane_clocks SET in_flight_since = in_flight_since + make_interval(secs => %(s)s)",
    "UPDATE batch_lanes SET ready_mark = ready_mark + make_interval(secs => %(s)s)",
)


@dataclass(frozen=True)
class ChaosPlan:
    """Which faults happen, and how often.

    `crash_chance` is per call of a port, `slow_chance` per step. The shares are of all files (`removed_share`), of all
    batches (`cancelled_share`) and of all removals (`undone_share`): exact numbers, so that no run is left without
    work. `seed` chooses which ones.
    """

    files: int
    workers: int = 2
    kill_every_s: float = 1.0
    freeze_every_s: float = 6.0
    crash_chance: float = 1 / 400
    slow_chance: float = 1 / 100
    removed_share: float = 0.1
    undone_share: float = 0.5
    cancelled_share: float = 0.1
    clock_back_s: float = 2.0
    clock_every_s: float = 3.0
    timeout_s: float = 120.0
    seed: int = field(default_factory=lambda: random.randrange(1 << 32))


@dataclass
class Results:
    """The events of a run. `effects` has for each step the minimum, mean and maximum over all files of the number of done
    parts, relative to the number that each file must have."""

    counts: dict[str, float] = field(default_factory=dict)
    effects: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Chaos:
    def __init__(self, urls: Urls, store: StoreServer, plan: ChaosPlan, home: Path) -> None:
        self.plan = plan
        self._urls, self._store = urls, store
        self._log_path = home / "workers.log"
        self._bench = Bench.on(urls)
        self._owner = self._bench.database
        self._owner.run(VIOLATIONS_SQL.read_text())
        self._endpoint = f"http://127.0.0.1:{store.ports['store']}"
        config = Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 5}, max_pool_connections=UPLOADS_AT_ONCE * 2
        )
        session = boto3.session.Session(KEY_ID, store.secret, region_name=REGION)
        self._s3 = session.client("s3", endpoint_url=self._endpoint, config=config)
        self._sqs = session.client("sqs", endpoint_url=self._endpoint, config=config)
        self._arrivals = self._sqs.get_queue_url(QueueName=f"{QUEUE_PREFIX}arrivals")["QueueUrl"]
        self._tenants = [self._bench.tenant() for _ in range(3)]
        self._pending_actions: list[Callable[[], None]] = []
        self._random = random.Random(plan.seed)
        self._cancelled = choose(-(-plan.files // BATCH), plan.cancelled_share, self._random)
        self._removed = choose(plan.files, plan.removed_share, self._random)
        self._undone = self._random.sample(sorted(self._removed), round(len(self._removed) * plan.undone_share))
        self._audit_count = 0
        self.results = Results()

    def run(self) -> Results:
        """Upload all files, wait until all are settled, and count the effects."""
        began = time.monotonic()
        server = self._start()
        try:
            self._await_workers(server)
            with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
                for since in range(0, self.plan.files, WAVE):
                    self._upload_wave(pool, since, began)
            self._act_until(lambda: not self._pending_actions, began)
            self._act_until(self._is_settled, began)
        finally:
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=30)
        if server.returncode or not output:
            raise AssertionError(f"the fork server ended with {server.returncode} and the output {output!r}")
        self.results.counts |= {"took_s": round(time.monotonic() - began, 1), **json.loads(output.splitlines()[-1])}
        self._count()
        return self.results

    def _await_workers(self, server: subprocess.Popen[bytes]) -> None:
        """Wait until the fork server has installed its handler of SIGTERM and forked the first workers."""
        assert server.stdout
        line = server.stdout.readline()
        if line.strip() != READY:
            raise AssertionError(f"the fork server did not start: it wrote {line!r} and ended with {server.poll()}")

    def _start(self) -> subprocess.Popen[bytes]:
        plan = self.plan
        environment = {
            **os.environ,
            "FAIRWAY_DATABASE_URL": self._urls.worker,
            "FAIRWAY_REDIS_URL": self._store.redis_url,
            "FAIRWAY_BUCKET": BUCKET,
            "FAIRWAY_QUARANTINE_AT": "1000000",
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": self._store.secret,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
            "CHAOS_DATABASE_URL": self._urls.worker,
            "CHAOS_CRASH_CHANCE": str(plan.crash_chance),
            "CHAOS_SLOW_CHANCE": str(plan.slow_chance),
            "CHAOS_KILL_EVERY_S": str(plan.kill_every_s),
            "CHAOS_FREEZE_EVERY_S": str(plan.freeze_every_s),
        }
        argv = [sys.executable, "-m", "tests.chaos.fork_server", str(self._log_path), str(plan.workers)]
        return subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE)

    # --- what users do -------------------------------------------------------------------------------

    def _announce(self, since: int) -> list[list[tuple[str, str]]]:
        """Create the batches of a wave: the files of each batch. The removals and cancellations among them are added to
        the pending actions, in random order."""
        batches = []
        for start in range(since, min(since + WAVE, self.plan.files), BATCH):
            tenant_id = self._tenants[start // BATCH % len(self._tenants)]
            dataset_id = self._bench.dataset(tenant_id)
            batch_id = self._bench.batch(tenant_id, dataset_id)
            files = self._bench.files(tenant_id, dataset_id, batch_id, min(BATCH, self.plan.files - start))
            batches.append(files)
            if start // BATCH in self._cancelled:
                self._pending_actions.append(lambda t=tenant_id, b=batch_id: self._cancel(t, b))  # type: ignore[misc]
            for number, (file_id, _) in enumerate(files, start):
                if number in self._removed:
                    undone = number in self._undone
                    self._pending_actions.append(
                        lambda t=tenant_id, d=dataset_id, f=file_id, u=undone: self._remove(t, d, f, u)
                    )  # type: ignore[misc]
        self._random.shuffle(self._pending_actions)
        return batches

    def _upload_wave(self, pool: ThreadPoolExecutor, since: int, began: float) -> None:
        uploads = [pool.submit(self._upload, batch) for batch in self._announce(since)]
        self._act_until(lambda: all(upload.done() for upload in uploads), began)
        for upload in uploads:
            upload.result()

    def _upload(self, files: list[tuple[str, str]]) -> None:
        """Store each object, and send its notification twice more than the object store does."""
        for _, key in files:
            version = self._s3.put_object(Bucket=BUCKET, Key=key, Body=CONTENT).get("VersionId")
            body = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "versionId": version}}}
            entries = [
                {"Id": str(n), "MessageBody": json.dumps({"Records": [body]}), "DelaySeconds": random.randint(0, 2)}
                for n in range(EXTRA_NOTIFICATIONS)
            ]
            self._sqs.send_message_batch(QueueUrl=self._arrivals, Entries=entries)

    def _cancel(self, tenant_id: str, batch_id: str) -> None:
        self._bench.cancel(tenant_id, batch_id)
        self._note("batches cancelled")

    def _remove(self, tenant_id: str, dataset_id: str, file_id: str, undone: bool) -> None:
        removal_id = self._bench.remove(tenant_id, dataset_id, [file_id], 3600 if undone else 0)
        self._note("files removed")
        if undone:
            time.sleep(random.random() * 0.1)
            self._bench.undo(tenant_id, removal_id)
            self._note("removals undone")

    # --- the clock -----------------------------------------------------------------------------------

    def _act_until(self, condition: Callable[[], bool], began: float) -> None:
        """Carry out pending actions, set the clock back and audit, until the condition is true."""
        next_clock_step, next_check = time.monotonic() + self.plan.clock_every_s, 0.0
        while True:
            if time.monotonic() >= next_check:
                if condition():
                    return
                next_check = time.monotonic() + CHECK_S
            if time.monotonic() - began > self.plan.timeout_s:
                message = f"not settled in {self.plan.timeout_s:.0f} s with seed {self.plan.seed}: {self._left()}"
                raise AssertionError(message)
            if self._pending_actions:
                self._pending_actions.pop()()
            if time.monotonic() >= next_clock_step:
                next_clock_step = time.monotonic() + self.plan.clock_every_s
                self._set_clock_back()
                self._audit()
            time.sleep(0.05)

    def _set_clock_back(self) -> None:
        for statement in CLOCK_BACK:
            for _ in range(20):
                with suppress(StoreUnreachable):  # a deadlock with a dispatcher: this update locks rows in any order
                    self._owner.run(statement, s=self.plan.clock_back_s)
                    break
        self._note("clock set back")

    def _audit(self) -> None:
        self._audit_count += 1
        findings = dict(self._bench.store.audit_rows(-1, 100_000, MAIN_STEPS, SIDE_ARTIFACTS) or {})
        if findings:
            self.results.faults.append(f"an audit during the run found {findings}")

    def _is_settled(self) -> bool:
        return not any(self._left().values())

    def _left(self) -> dict[str, int]:
        row = self._owner.row(
            "SELECT (SELECT count(*) FROM files WHERE removed_at IS NULL AND state IN ('uploading', 'processing')) AS files,"
            " (SELECT count(*) FROM steps WHERE state NOT IN ('done', 'skipped', 'failed', 'cancelled')) AS parts,"
            " (SELECT count(*) FROM removals WHERE erased_at IS NULL AND undone_at IS NULL) AS removals"
        )
        assert row
        return row

    # --- results -------------------------------------------------------------------------------------

    def _count(self) -> None:
        self._count_effects()
        self._count_paid_jobs()
        for row in self._owner.rows("SELECT violation, detail, count(*) AS times FROM chaos_violations GROUP BY 1, 2"):
            self.results.faults.append(f"{row['violation']}, {row['times']} times ({row['detail']})")
        self._audit()
        self._count_objects()
        records = [_log_record(line) for line in self._log_path.read_text(errors="replace").splitlines()]
        events = Counter(record.get("event") for record in records)
        outcomes = Counter(record.get("outcome") for record in records if record.get("event") == "attempt")
        self.results.counts |= {"attempts": sum(outcomes.values()), "late results rejected": outcomes["fenced"]}
        self.results.counts["audits"] = self._audit_count
        self.results.faults += [
            f"the log has {name} {events[name]} times"
            for name in ("audit_alarm", "step_failed", "message_failed")
            if events[name]
        ]

    def _count_effects(self) -> None:
        states = self._owner.rows("SELECT state, count(*) AS files FROM files WHERE removed_at IS NULL GROUP BY 1")
        counted = {row["state"]: row["files"] for row in states}
        erased = self._owner.row("SELECT count(*) AS files FROM tombstones")
        assert erased
        self.results.counts |= {f"files {state}": files for state, files in counted.items()}
        self.results.counts["files erased"] = erased["files"]
        if sum(counted.values()) + erased["files"] != self.plan.files:
            self.results.faults.append(f"{self.plan.files} files were announced, but there are {counted} and {erased}")
        if set(counted) - {"done", "cancelled"}:
            self.results.faults.append(f"files ended neither done nor cancelled: {counted}")
        for name, parts in steps.PARTS.items():
            row = self._owner.row(EFFECTS, step=name, parts=parts)
            assert row
            self.results.effects[name] = (row["least"], row["mean"], row["most"])

    def _count_paid_jobs(self) -> None:
        row = self._owner.row(PAID_JOBS)
        assert row
        self.results.effects["jobs billed"] = (row["least"], row["mean"], row["most"])
        self.results.counts["paid calls"] = row["calls"]

    def _count_objects(self) -> None:
        """Run both walks of the audit over everything that is stored, then compare the bucket with the database."""
        client = lambda: self._s3  # noqa: E731
        objects = S3Storage(client, BUCKET, self._endpoint, REGION)
        ports = Ports(self._bench.store, objects, MemoryTopics(), None, None, None)  # type: ignore[arg-type]
        runner = Runner(ports, steps.INTAKE, steps.PIPELINES, {})
        for walk, name in ((walk_objects, "objects"), (walk_recorded, "artifacts")):
            self._owner.run("UPDATE audit_walks SET reached = '', rested_at = NULL")
            while walk(runner, 0.0) or self._bench.store.walk(name)[0]:
                continue
        found = self._owner.row("SELECT findings FROM last_audit('objects')")
        if found and set(found["findings"]) - {"walk"}:
            self.results.faults.append(f"the walk from the database to the bucket found {found['findings']}")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="artifacts/")
        stored = Counter(listed["Key"].split("/")[3] for page in pages for listed in page.get("Contents", ()))
        kept = self._owner.rows("SELECT kind, count(*) AS files FROM artifacts GROUP BY 1")
        if stored != Counter({row["kind"]: row["files"] for row in kept}):
            self.results.faults.append(f"the bucket holds {dict(stored)}, but the database has {kept}")
        self.results.counts["objects of artifacts"] = sum(stored.values())

    def _note(self, event: str) -> None:
        self.results.counts[event] = self.results.counts.get(event, 0) + 1


def choose(count: int, share: float, randomness: random.Random) -> set[int]:
    """A random choice of the numbers below `count`: this share of them, but at least one and never all."""
    number = min(max(1, round(count * share)), count - 1) if share else 0
    return set(randomness.sample(range(count), number))


EFFECTS = """
SELECT min(done)::float8 AS least, avg(done)::float8 AS mean, max(done)::float8 AS most
  FROM (SELECT count(a.file_id)::float8 / %(parts)s AS done
          FROM files f LEFT JOIN attempts a ON a.file_id = f.file_id AND a.step = %(step)s AND a.outcome = 'done'
         WHERE f.state = 'done' AND f.removed_at IS NULL GROUP BY f.file_id) d
"""
PAID_JOBS = """
SELECT min(jobs)::float8 AS least, avg(jobs)::float8 AS mean, max(jobs)::float8 AS most, sum(calls)::integer AS calls
  FROM (SELECT count(b.token) AS jobs, coalesce(sum(b.calls), 0) AS calls
          FROM files f LEFT JOIN chaos_paid_jobs b ON starts_with(b.token, f.file_id::text)
         WHERE f.state = 'done' AND f.removed_at IS NULL GROUP BY f.file_id) d
"""


def _log_record(line: str) -> dict[str, Any]:
    """A line of the log as JSON, or an empty record for any other line."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
