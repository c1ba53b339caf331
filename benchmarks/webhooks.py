"""Webhooks under load: an endpoint that is down while events happen and comes back, beside one that works.

    python -m benchmarks.webhooks [--events 20000] [--down-s 60] [--down-hours 1]

One tenant has `--events` events, two for each file, whose endpoint answers 503 for `--down-s` seconds. With `--down-hours` it
is down for so long by the times that are stored of its deliveries: whenever nothing is due, they are moved to the next attempt.
Another tenant has a file that ends five times a second, in real time.

Prints how long its events take from the commit to their arrival, before and after the first endpoint is back, how many attempts
the outage cost, and how long the first tenant's backlog takes. Exits with 1 if an event is missing, repeated or out of order,
if the breaker did not open and close, or if there were more attempts than its probes allow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.servers import Servers, running_servers, value_of
from benchmarks.starting import keep
from benchmarks.tenants import Tenants
from functions.webhooks import CHECK_EVERY_S, Deliverer
from infra.timers import every
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.webhook_address import networks
from tests.integration.webhook_outage import (
    TYPES,
    DeliveryClock,
    add_events,
    ends_and_removals,
    file_event,
    most_attempts,
    out_of_order,
    sent_twice,
)
from tests.integration.webhook_receiver import Receiver, receiving

STEADY_EVERY_S = 0.2
POLL_S = 0.05
ENDPOINT = "INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret) VALUES (%(tenant_id)s, %(url)s, %(types)s, 'secret')"
LEFT = "SELECT count(*) AS left FROM webhook_deliveries WHERE tenant_id = %(tenant_id)s AND state = 'waiting'"
IS_OPEN = "SELECT probe_at IS NOT NULL AS is_open FROM webhook_endpoints WHERE tenant_id = %(tenant_id)s"
TARGETS = {"events missing": "0", "events twice": "0", "files in another order": "0", "breaker": "opened, closed"} | {
    f"the other tenant, {phase}: p95, s": "1" for phase in ("down", "recovering")
}


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
        # Before the statement: an event may arrive before its commit has returned.
        self._committed[subject] = time.monotonic()
        add_events(self._database, [file_event(self._tenant_id, "file.done", subject)])

    def results(self) -> dict[str, float]:
        found = {}
        for phase, took in self.took.items():
            cuts = quantiles(took, n=100)
            for name, took_s in (("median", cuts[49]), ("p95", cuts[94]), ("longest", max(took))):
                found[f"the other tenant, {phase}: {name}, s"] = round(took_s, 2)
        return found

    def _arrived(self, received: Any) -> int:
        took_s = time.monotonic() - self._committed[received.event["subject"]]
        self.took.setdefault(self.phase, []).append(took_s)
        return 204


@contextmanager
def delivering(servers: Servers, steady: Steady) -> Iterator[None]:
    """A worker's deliveries, and the events of the steady tenant."""
    stop, sender = threading.Event(), HttpWebhookSender(networks("127.0.0.0/8"), "Fairway/benchmark")
    deliverer = Deliverer(PostgresWebhooks(Database(servers.worker_url)), sender)
    timers = [
        every(CHECK_EVERY_S, stop, "webhooks", deliverer.start_due),
        every(STEADY_EVERY_S, stop, "steady", steady.add),
    ]
    try:
        yield
    finally:
        stop.set()
        for timer in timers:
            timer.join()
        deliverer.finish(30)


def pass_hours(clock: DeliveryClock, hours: float) -> None:
    """Let an outage last so long: whenever nothing is due, the time of the next attempt comes at once."""
    began = time.monotonic()
    while (left_s := hours * 3600 - clock.skipped_s - (time.monotonic() - began)) > 0:
        wait_s = clock.until_next_s()
        if wait_s is not None and wait_s > 0:
            clock.skip(min(wait_s, left_s))
        time.sleep(POLL_S)


def outage(servers: Servers, options: argparse.Namespace) -> dict[str, Any]:
    owner, tenants = Database(servers.owner_url), Tenants(servers.owner_url, servers.api_url)
    first, second = tenants.add("down"), tenants.add("steady")
    with receiving() as failing, receiving() as working:
        failing.answer = lambda _: 503
        for tenant_id, receiver in ((first, failing), (second, working)):
            owner.run(ENDPOINT, tenant_id=tenant_id, url=receiver.url, types=TYPES)
        steady = Steady(owner, second, working)
        with delivering(servers, steady):
            add_events(owner, events := ends_and_removals(first, options.events // len(TYPES)))
            if options.down_hours:
                pass_hours(DeliveryClock(owner, first), options.down_hours)
            else:
                time.sleep(options.down_s)
            opened, attempts = value_of(owner, IS_OPEN, tenant_id=first), len(failing.requests)
            failing.requests.clear()
            failing.answer, steady.phase, began = (lambda _: 204), "recovering", time.monotonic()
            while value_of(owner, LEFT, tenant_id=first):
                time.sleep(0.5)
            took_s = time.monotonic() - began
            is_open = value_of(owner, IS_OPEN, tenant_id=first)
        tenants.close()
        return {
            "seconds down": round(options.down_hours * 3600 or options.down_s),
            "attempts while it was down": attempts,
            f"{len(events):,} events delivered after, s": round(took_s, 1),
            "events a second": round(len(events) / took_s),
            "events missing": len(events) - len({each.headers["webhook-id"] for each in failing.requests}),
            "events twice": sent_twice(failing),
            "files in another order": out_of_order(failing),
            "breaker": f"{'opened' if opened else 'not opened'}, {'not closed' if is_open else 'closed'}",
            **steady.results(),
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=20_000)
    arguments.add_argument("--down-s", type=float, default=60.0)
    arguments.add_argument("--down-hours", type=float, default=0.0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairway-webhooks-") as folder, running_servers(Path(folder)) as servers:
        results = outage(servers, options)
    most = most_attempts(results["seconds down"])
    keep("webhooks", results, TARGETS | {"attempts while it was down": str(most)})
    wrong = [
        name for name, target in TARGETS.items() if target in ("0", "opened, closed") and str(results[name]) != target
    ]
    if wrong or results["attempts while it was down"] > most:
        sys.exit(f"wrong: {', '.join(wrong) or 'attempts while it was down'}")


if __name__ == "__main__":
    main()
