"""Crash points of webhooks: a worker is killed at each line between the claim of deliveries and the end of an attempt.

A forked process delivers events, and kills itself with SIGKILL when it first reaches a certain line. Then another worker
takes over. A server receives the requests of both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from dataclasses import asdict, dataclass, field
from itertools import count

from psycopg.types.json import Jsonb

from functions.webhooks import Deliverer
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.webhook_address import networks
from tests.chaos.crash_points import ROOT, crash_at, run_in_fork
from tests.integration.webhook_receiver import Receiver, receiving
from tests.making import Bench, Urls

TRACED = tuple(
    str(ROOT / path) for path in ("functions/webhooks.py", "layers/adapters/webhooks", "layers/adapters/postgres")
)
TYPES = ["file.done", "file.removed"]
SUBJECTS = 2
EVENTS = "SELECT event_id::text AS event_id, event_seq, subject_id::text AS subject_id FROM webhook_events ORDER BY event_seq"


@dataclass
class WebhookCrashResults:
    """How many crashes there were, how many requests repeated an earlier one, and what went wrong."""

    lines: int = 0
    repeated: int = 0
    faults: list[str] = field(default_factory=list)


def crash_webhooks_at_each_line(urls: Urls, *, every: int = 1) -> WebhookCrashResults:
    """Crash at every `every`-th line. This runs in a separate process, because it forks."""
    argv = [sys.executable, "-m", "tests.chaos.webhook_crash_points", urls.owner, urls.worker, urls.api, str(every)]
    output = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return WebhookCrashResults(**json.loads(output))


def _die_at_each_line(urls: Urls, every: int) -> WebhookCrashResults:
    bench, results = Bench.on(urls), WebhookCrashResults()
    bench.empty()
    with receiving() as receiver:
        tenant_id = bench.tenant()
        bench.database.run(
            "INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret)"
            " VALUES (%(t)s, %(url)s, %(types)s, 'secret')",
            t=tenant_id, url=receiver.url, types=TYPES,
        )  # fmt: skip
        for line in count(0, every):
            _add_events(bench, tenant_id)
            has_crashed = run_in_fork(lambda line=line: _deliver_until(line, urls))  # type: ignore[misc]
            bench.database.run("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'waiting'")
            _deliverer(urls.worker).run_for(3600)
            if not has_crashed:
                break
            results.lines += 1
        results.faults = _faults(bench, receiver)
        ids = [received.headers["webhook-id"] for received in receiver.requests]
        results.repeated = len(ids) - len(set(ids))
    return results


def _add_events(bench: Bench, tenant_id: str) -> None:
    """Two events of each of some files."""
    subjects = [str(uuid.uuid4()) for _ in range(SUBJECTS)]
    events = [
        {"tenant_id": tenant_id, "event_type": kind, "dataset_id": str(uuid.uuid4()), "subject_id": subject, "data": {}}
        for kind in TYPES
        for subject in subjects
    ]
    bench.database.rows("SELECT note_events(%(events)s)", events=Jsonb(events))


def _deliverer(url: str) -> Deliverer:
    sender = HttpWebhookSender(networks("127.0.0.0/8"), "Fairway/test")
    return Deliverer(PostgresWebhooks(Database(url)), sender, threads=1)


def _deliver_until(line: int, urls: Urls) -> None:
    """Deliver, and crash when line number `line` is reached, in the order in which lines are first reached."""
    trace = crash_at(line, TRACED)
    threading.settrace(trace)
    sys.settrace(trace)
    _deliverer(urls.worker).run_for(3600)


def _faults(bench: Bench, receiver: Receiver) -> list[str]:
    """Events that did not arrive, requests without an event, and events of a subject that arrived in another order."""
    events = bench.database.rows(EVENTS)
    arrived = list(dict.fromkeys(received.headers["webhook-id"] for received in receiver.requests))
    known = {row["event_id"]: row for row in events}
    faults = [f"{event_id} did not arrive" for event_id in set(known) - set(arrived)]
    faults += [f"{event_id} arrived and did not happen" for event_id in set(arrived) - set(known)]
    last: dict[str, int] = {}
    for row in (known[event_id] for event_id in arrived if event_id in known):
        if row["event_seq"] < last.get(row["subject_id"], 0):
            faults.append(f"{row['event_id']} arrived after a later event")
        last[row["subject_id"]] = row["event_seq"]
    waiting = bench.database.rows("SELECT event_seq FROM webhook_deliveries WHERE state <> 'delivered'")
    return faults + [f"the delivery of event {row['event_seq']} is not recorded" for row in waiting]


def main() -> None:
    print(json.dumps(asdict(_die_at_each_line(Urls(*sys.argv[1:4]), int(sys.argv[4])))))


if __name__ == "__main__":
    main()
