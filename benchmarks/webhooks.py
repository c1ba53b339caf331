"""Webhooks under load: an endpoint that is down while events happen and comes back, beside one that works.

    python -m benchmarks.webhooks [--events 20000] [--down-s 60]

One tenant has `--events` events, two for each file, whose endpoint answers 503 for `--down-s` seconds. Another tenant has a
file that ends five times a second. Prints how long its events take from the commit to their arrival, before and after
the first endpoint is back, and how long the first tenant's backlog takes. Exits with 1 if an event is missing or out of order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from statistics import quantiles
from typing import Any

from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from benchmarks.servers import running_servers
from benchmarks.tenants import Tenants
from functions.webhooks import CHECK_EVERY_S, Deliverer
from infra.timers import every
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.webhook_address import networks
from tests.integration.webhook_receiver import Receiver, receiving

TYPES = ["file.done", "file.removed"]
STEADY_EVERY_S = 0.2
AT_ONCE = 1000
ENDPOINT = "INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret) VALUES (%(tenant_id)s, %(url)s, %(types)s, 'secret')"


class Steady:
    """A tenant with an event every fifth of a second, and how long each took from its commit to its arrival."""

    def __init__(self, database: Database, tenant_id: str, receiver: Receiver) -> None:
        self._database, self._tenant_id = database, tenant_id
        self._committed: dict[str, float] = {}
        self.took: dict[str, list[float]] = {}
        self.phase = "down"
        receiver.answer = self._arrived

    def add(self) -> None:
        subject = str(uuid.uuid4())
        events = [_event(self._tenant_id, "file.done", subject)]
        # Before the statement: an event may arrive before its commit has returned.
        self._committed[subject] = time.monotonic()
        self._database.rows("SELECT note_events(%(events)s)", events=Jsonb(events))

    def _arrived(self, received: Any) -> int:
        took_s = time.monotonic() - self._committed[received.event["subject"]]
        self.took.setdefault(self.phase, []).append(took_s)
        return 204


def _event(tenant_id: str, kind: str, subject: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "event_type": kind,
        "dataset_id": subject,
        "subject_id": subject,
        "data": {"file_id": subject, "state": kind.removeprefix("file.")},
    }


def add_events(database: Database, tenant_id: str, count: int) -> None:
    """`count` events of half as many files: all their ends, and then all their removals."""
    subjects = [str(uuid.uuid4()) for _ in range(count // len(TYPES))]
    for kind in TYPES:
        for start in range(0, len(subjects), AT_ONCE):
            events = [_event(tenant_id, kind, subject) for subject in subjects[start : start + AT_ONCE]]
            database.rows("SELECT note_events(%(events)s)", events=Jsonb(events))


def out_of_order(receiver: Receiver) -> int:
    """How many subjects got their events in another order than they happened."""
    seen: dict[str, list[str]] = {}
    for subject, kind in receiver.events:
        if kind not in (kinds := seen.setdefault(subject, [])):
            kinds.append(kind)
    return sum(kinds != TYPES for kinds in seen.values())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=20_000)
    arguments.add_argument("--down-s", type=float, default=60.0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairway-webhooks-") as folder, running_servers(Path(folder)) as servers:
        owner, worker = Database(servers.owner_url), Database(servers.worker_url)
        tenants = Tenants(servers.owner_url, servers.api_url)
        with receiving() as failing, receiving() as working:
            failing.answer = lambda _: 503
            first, second = tenants.add("down"), tenants.add("steady")
            for tenant_id, receiver in ((first, failing), (second, working)):
                owner.run(ENDPOINT, tenant_id=tenant_id, url=receiver.url, types=TYPES)
            steady, stop = Steady(owner, second, working), threading.Event()
            deliverer = Deliverer(
                PostgresWebhooks(worker), HttpWebhookSender(networks("127.0.0.0/8"), "Fairway/benchmark")
            )
            timers = [
                every(CHECK_EVERY_S, stop, "webhooks", deliverer.start_due),
                every(STEADY_EVERY_S, stop, "steady", steady.add),
            ]
            add_events(owner, first, options.events)
            time.sleep(options.down_s)
            probes = len(failing.requests)
            failing.requests.clear()
            failing.answer, steady.phase, began = (lambda _: 204), "recovering", time.monotonic()
            left = "SELECT count(*) AS left FROM webhook_deliveries WHERE tenant_id = %(t)s AND state = 'waiting'"
            while owner.rows(left, t=first)[0]["left"]:
                time.sleep(0.5)
            took_s = time.monotonic() - began
            stop.set()
            for timer in timers:
                timer.join()
            deliverer.finish(30)
            missing = options.events - len({received.headers["webhook-id"] for received in failing.requests})
            disordered = out_of_order(failing)
        tenants.close()
    table = Table("tenant", "figure", "value")
    table.add_row("down", "attempts while it was down", f"{probes}")
    table.add_row("down", f"seconds for {options.events:,} events, from its return on", f"{took_s:.1f}")
    table.add_row("down", "events a second", f"{options.events / took_s:.0f}")
    for phase, took in steady.took.items():
        cuts = quantiles(took, n=100)
        table.add_row(
            "steady", f"{phase}: s to arrive, p50 / p95 / longest", f"{cuts[49]:.2f} / {cuts[94]:.2f} / {max(took):.2f}"
        )
    Console(width=100).print(table)
    if missing or disordered:
        sys.exit(f"{missing} events are missing, {disordered} files have theirs in another order")


if __name__ == "__main__":
    main()
