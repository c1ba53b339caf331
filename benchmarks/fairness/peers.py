"""The other two orders, on the same store: who came first, and a file of each tenant in turn."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from layers.adapters.postgres_store import PostgresStore
from layers.database import Database
from layers.domain.message import WakeUp

ROOM = """
SELECT count(*) AS in_flight FROM steps WHERE step = %(step)s AND state IN ('queued', 'running')
"""
TAKE_FIRST = """
UPDATE steps s SET state = 'queued', queued_at = clock_timestamp()
  FROM (SELECT file_id, step, part FROM steps WHERE state = 'ready' AND step = %(step)s
         ORDER BY step, ready_at, file_id, part LIMIT %(room)s FOR UPDATE) r
 WHERE (s.file_id, s.step, s.part) = (r.file_id, r.step, r.part)
RETURNING s.file_id, s.part, s.attempt + 1 AS attempt, s.ready_at
"""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS steps_by_age ON steps (step, ready_at, file_id, part) WHERE state = 'ready'",
    "CREATE INDEX IF NOT EXISTS steps_by_tenant ON steps (step, tenant_id, ready_at, file_id) WHERE state = 'ready'",
)
TENANTS = "SELECT tenant_id FROM lanes WHERE step = %(step)s AND active"
OLDEST_FILE = """
SELECT file_id FROM steps WHERE state = 'ready' AND step = %(step)s AND tenant_id = %(tenant_id)s
 ORDER BY step, tenant_id, ready_at, file_id LIMIT 1
"""
TAKE_OF_FILE = """
UPDATE steps s SET state = 'queued', queued_at = clock_timestamp()
  FROM (SELECT file_id, step, part FROM steps WHERE state = 'ready' AND step = %(step)s AND file_id = %(file_id)s
         ORDER BY part LIMIT %(room)s FOR UPDATE) r
 WHERE (s.file_id, s.step, s.part) = (r.file_id, r.step, r.part)
RETURNING s.file_id, s.part, s.attempt + 1 AS attempt, s.ready_at
"""


WITHOUT = "DROP INDEX IF EXISTS steps_by_age, steps_by_tenant"


class FirstComeStore(PostgresStore):
    """Dispatches whatever has been ready for longest."""

    def __init__(self, database: Database, owner: Database) -> None:
        super().__init__(database)
        self._rows = database.rows
        self._turn = threading.Lock()
        for index in INDEXES:
            owner.run(index)

    def dispatch(self, caps: Mapping[str, int]) -> list[WakeUp]:
        with self._turn:
            return [wake_up for step, cap in caps.items() for wake_up in self._fill(step, cap - self._in_flight(step))]

    def _in_flight(self, step: str) -> int:
        return int(self._rows(ROOM, step=step)[0]["in_flight"])

    def _fill(self, step: str, room: int) -> list[WakeUp]:
        return self._take(TAKE_FIRST, step, room) if room > 0 else []

    def _take(self, query: str, step: str, room: int, **more: object) -> list[WakeUp]:
        rows = self._rows(query, step=step, room=room, **more)
        rows.sort(key=lambda row: (row["ready_at"], str(row["file_id"]), row["part"]))
        return [WakeUp(str(row["file_id"]), step, row["part"], row["attempt"]) for row in rows]


class RoundRobinStore(FirstComeStore):
    """Dispatches one file of each tenant in turn, with all its parts, whatever it costs."""

    def __init__(self, database: Database, owner: Database) -> None:
        super().__init__(database, owner)
        self._turns = 0
        self._last_turn: dict[tuple[str, str], int] = {}
        self._unfinished: dict[str, str] = {}  # by step: the file whose parts found no room yet

    def _fill(self, step: str, room: int) -> list[WakeUp]:
        waiting = [str(row["tenant_id"]) for row in self._rows(TENANTS, step=step)]
        taken: list[WakeUp] = []
        while len(taken) < room:
            file_id = self._unfinished.pop(step, None) or self._next_file(step, waiting)
            if file_id is None:
                break
            parts = self._take(TAKE_OF_FILE, step, room - len(taken), file_id=file_id)
            taken += parts
            if parts and len(taken) == room:
                self._unfinished[step] = file_id
        return taken

    def _next_file(self, step: str, waiting: list[str]) -> str | None:
        """The oldest file of the tenant whose last turn is longest past; who has none is taken out of those waiting."""
        while waiting:
            tenant_id = min(waiting, key=lambda tenant: self._last_turn.get((step, tenant), 0))
            rows = self._rows(OLDEST_FILE, step=step, tenant_id=tenant_id)
            if rows:
                self._turns += 1
                self._last_turn[step, tenant_id] = self._turns
                return str(rows[0]["file_id"])
            waiting.remove(tenant_id)
        return None
