"""An outage of a webhook's endpoint: events that wait for it, and a clock that lets hours pass within seconds."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from functions.webhooks import THREADS
from layers.adapters.postgres.database import Database
from layers.domain.breaker import FAILURES_TO_OPEN, FIRST_PROBE_S, LONGEST_PROBE_S
from tests.integration.webhook_receiver import Receiver

TYPES = ["file.done", "file.removed"]
AT_ONCE = 1000
SHORTEST_OF_DELAY = 0.75  # of a delay that is spread at random
# Of the events of a file only the first that waits can be sent.
NEXT = """
SELECT extract(epoch FROM min(greatest(f.due_at, coalesce(e.probe_at, f.due_at))) - clock_timestamp())::double precision AS wait_s
  FROM (SELECT DISTINCT ON (d.subject_id) d.endpoint_id, d.due_at FROM webhook_deliveries d
         WHERE d.tenant_id = %(tenant_id)s AND d.state = 'waiting' ORDER BY d.subject_id, d.event_seq) f
  JOIN webhook_endpoints e USING (endpoint_id)
HAVING NOT EXISTS (SELECT 1 FROM webhook_deliveries c WHERE c.tenant_id = %(tenant_id)s AND c.lease_id IS NOT NULL)
"""
MOVE_ENDPOINTS = """
UPDATE webhook_endpoints SET probe_at = probe_at - make_interval(secs => %(s)s),
                             failing_since = failing_since - make_interval(secs => %(s)s)
 WHERE tenant_id = %(tenant_id)s
"""
# Deliveries that were never tried are due already.
MOVE_DELIVERIES = """
UPDATE webhook_deliveries SET due_at = due_at - make_interval(secs => %(s)s), since = since - make_interval(secs => %(s)s)
 WHERE tenant_id = %(tenant_id)s AND state = 'waiting' AND lease_id IS NULL AND attempts > 0
"""


class DeliveryClock:
    """Lets time pass for the deliveries of one tenant: the times that PostgreSQL stores of them are moved into the past."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database, self._tenant_id = database, tenant_id
        self.skipped_s = 0.0

    def until_next_s(self) -> float | None:
        """Seconds until the next attempt is due; None if nothing waits, or an attempt is being made."""
        row = self._database.row(NEXT, tenant_id=self._tenant_id)
        return row["wait_s"] if row else None

    def skip(self, seconds: float) -> None:
        self._database.run(MOVE_ENDPOINTS, tenant_id=self._tenant_id, s=seconds)
        self._database.run(MOVE_DELIVERIES, tenant_id=self._tenant_id, s=seconds)
        self.skipped_s += seconds


def most_attempts(down_s: float) -> int:
    """The most attempts that an outage of this length costs, however many deliveries wait: those that open the breaker, one of
    each thread at that moment, and the probes."""
    growing, growing_s = 0, FIRST_PROBE_S
    while growing_s < LONGEST_PROBE_S:
        growing, growing_s = growing + 1, growing_s * 2
    return int(FAILURES_TO_OPEN) + THREADS + growing + round(down_s / (LONGEST_PROBE_S * SHORTEST_OF_DELAY)) + 1


def file_event(tenant_id: str, kind: str, subject: str) -> dict[str, Any]:
    """An event of a file, as the triggers write it."""
    return {
        "tenant_id": tenant_id,
        "event_type": kind,
        "dataset_id": subject,
        "subject_id": subject,
        "data": {"file_id": subject, "state": kind.removeprefix("file.")},
    }


def add_events(database: Database, events: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(events), AT_ONCE):
        database.rows("SELECT note_events(%(events)s)", events=Jsonb(events[start : start + AT_ONCE]))


def ends_and_removals(tenant_id: str, files: int) -> list[dict[str, Any]]:
    """The events of files that all ended, and then were all removed."""
    subjects = [str(uuid.uuid4()) for _ in range(files)]
    return [file_event(tenant_id, kind, subject) for kind in TYPES for subject in subjects]


def out_of_order(receiver: Receiver) -> int:
    """How many subjects got their events in another order than they happened, or not all of them."""
    seen: dict[str, list[str]] = {}
    for subject, kind in receiver.events:
        if kind not in (kinds := seen.setdefault(subject, [])):
            kinds.append(kind)
    return sum(kinds != TYPES for kinds in seen.values())


def sent_twice(receiver: Receiver) -> int:
    """How many requests repeated an event."""
    times = Counter(received.headers["webhook-id"] for received in receiver.requests)
    return sum(count - 1 for count in times.values())
