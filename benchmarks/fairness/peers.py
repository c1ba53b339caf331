"""Two other dispatch orders on the same store: first come first served, and round robin over tenants by file."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.domain.message import WakeUp

IN_FLIGHT = """
SELECT count(*) AS wake_ups FROM steps WHERE step = %(step)s AND state IN ('queued', 'running') AND NOT rides
"""
# Each wake-up names as many parts as it may, of any tenant.
TAKE = """
UPDATE steps s SET state = 'queued', queued_at = clock_timestamp(), rides = (%(taken)s + r.position - 1) %% %(bundle)s > 0
  FROM (SELECT *, row_number() OVER (ORDER BY ready_at, file_id, part) AS position
          FROM (SELECT file_id, step, part, ready_at FROM steps WHERE state = 'ready' AND step = %(step)s {of_file}
                 ORDER BY step, {order} LIMIT %(most)s FOR UPDATE) r) r
 WHERE (s.file_id, s.step, s.part) = (r.file_id, r.step, r.part)
RETURNING s.file_id, s.part, s.attempt + 1 AS attempt, s.rides, r.position
"""
TAKE_FIRST = TAKE.format(of_file="", order="ready_at, file_id, part")
TAKE_OF_FILE = TAKE.format(of_file="AND file_id = %(file_id)s", order="part")
INDEXES = (
    "CREATE INDEX IF NOT EXISTS steps_by_age ON steps (step, ready_at, file_id, part) WHERE state = 'ready'",
    "CREATE INDEX IF NOT EXISTS steps_by_tenant ON steps (step, tenant_id, ready_at, file_id) WHERE state = 'ready'",
)
TENANTS = "SELECT tenant_id FROM lanes WHERE step = %(step)s AND active"
OLDEST_FILE = """
SELECT file_id FROM steps WHERE state = 'ready' AND step = %(step)s AND tenant_id = %(tenant_id)s
 ORDER BY step, tenant_id, ready_at, file_id LIMIT 1
"""
WITHOUT = "DROP INDEX IF EXISTS steps_by_age, steps_by_tenant"


class FirstComeStore(PostgresStore):
    """Dispatches the part that has been ready for longest."""

    def __init__(self, database: Database, owner: Database) -> None:
        super().__init__(database)
        self._rows = database.rows
        self._turn = threading.Lock()
        for index in INDEXES:
            owner.run(index)

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        bundles: Mapping[str, int] | None = None,
        ceilings: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        taken: list[WakeUp] = []
        with self._turn:
            for step, cap in caps.items():
                room = cap - int(self._rows(IN_FLIGHT, step=step)[0]["wake_ups"])
                bundle = (bundles or {}).get(step, 1)
                if room > 0:
                    taken += self._fill(step, room * bundle, bundle)
        return taken

    def _fill(self, step: str, room: int, bundle: int) -> list[WakeUp]:
        return self._take(TAKE_FIRST, step, room, bundle)

    def _take(self, query: str, step: str, most: int, bundle: int, taken: int = 0, **more: object) -> list[WakeUp]:
        rows = self._rows(query, step=step, most=most, bundle=bundle, taken=taken, **more)
        rows.sort(key=lambda row: row["position"])
        return [WakeUp(str(row["file_id"]), step, row["part"], row["attempt"], row["rides"]) for row in rows]


class RoundRobinStore(FirstComeStore):
    """Dispatches one file of each tenant in turn, with all its parts, at any cost."""

    def __init__(self, database: Database, owner: Database) -> None:
        super().__init__(database, owner)
        self._turns = 0
        self._last_turn: dict[tuple[str, str], int] = {}
        self._unfinished: dict[str, str] = {}  # by step: the file whose parts are not all dispatched

    def _fill(self, step: str, room: int, bundle: int) -> list[WakeUp]:
        waiting = [str(row["tenant_id"]) for row in self._rows(TENANTS, step=step)]
        taken: list[WakeUp] = []
        while len(taken) < room:
            file_id = self._unfinished.pop(step, None) or self._next_file(step, waiting)
            if file_id is None:
                break
            parts = self._take(TAKE_OF_FILE, step, room - len(taken), bundle, len(taken), file_id=file_id)
            taken += parts
            if parts and len(taken) == room:
                self._unfinished[step] = file_id
        return taken

    def _next_file(self, step: str, waiting: list[str]) -> str | None:
        """The oldest file of the tenant whose last turn is longest ago. Tenants without files are removed from `waiting`."""
        while waiting:
            tenant_id = min(waiting, key=lambda tenant: self._last_turn.get((step, tenant), 0))
            rows = self._rows(OLDEST_FILE, step=step, tenant_id=tenant_id)
            if rows:
                self._turns += 1
                self._last_turn[step, tenant_id] = self._turns
                return str(rows[0]["file_id"])
            waiting.remove(tenant_id)
        return None
