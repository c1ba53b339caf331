"""Asks, while a scene is played, when files will have settled, as the API would answer; and holds that to what came."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.api import waits
from functions.api.entry import ports
from layers import bootstrap
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.ports.rows import StepPart

ASKED_EACH_S = 1.0
FILES_AT_ONCE = 25
STAGE = "dev"  # whose reserved concurrency of the reader is the laboratory's: 20

# Of each tenant some, so that not all of those that are asked for are the noisy one's.
UNSETTLED = """
SELECT tenant_id::text, file_id, batch_id, state FROM (
    SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY random()) AS place
      FROM files WHERE state = 'processing' AND removed_at IS NULL) f
 WHERE place <= 10 ORDER BY random() LIMIT %(most)s
"""
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"


@dataclass(frozen=True, slots=True)
class Guess:
    """What was said of a file at a time: it settles so many seconds from then on, at the earliest and at the latest."""

    file_id: str
    at: float
    earliest_s: float
    latest_s: float


class Asker:
    """A thread that asks now and then, until it is told to stop; what broke it is raised then."""

    def __init__(self, owner_url: str, api_url: str, every_s: float = ASKED_EACH_S) -> None:
        os.environ.setdefault("FAIRWAY_STAGE", STAGE)
        bootstrap.forget()
        self.guesses: list[Guess] = []
        self._every_s = every_s
        self._broke: Exception | None = None
        self._owner, self._api = Database(owner_url), Database(api_url)
        self._catalog = PostgresCatalog(self._api)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._owner.close()
        self._api.close()
        if self._broke:
            raise self._broke

    def _ask_on(self) -> None:
        try:
            while not self._stopping.wait(self._every_s):
                self._ask_all()
        except Exception as error:
            self._broke = error

    def _ask_all(self) -> None:
        by_tenant: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._owner.rows(UNSETTLED, most=FILES_AT_ONCE):
            by_tenant[row["tenant_id"]].append(row)
        for tenant_id, rows in by_tenant.items():
            self._ask(tenant_id, rows)

    def _ask(self, tenant_id: str, rows: Sequence[dict[str, Any]]) -> None:
        now = float(self._owner.rows(NOW)[0]["now"])
        steps: dict[Any, dict[str, list[StepPart]]] = defaultdict(lambda: defaultdict(list))
        with self._catalog.transaction() as catalog:
            catalog.act_as(tenant_id)
            for part in catalog.steps_of([row["file_id"] for row in rows]):
                steps[part.file_id][part.step].append(part)
            seen = waits.view(ports(), catalog, [row["batch_id"] for row in rows])
        for row in rows:
            said = waits.waiting(seen, row["state"], row["batch_id"], steps[row["file_id"]])
            if said and said["eta_s"]:
                self.guesses.append(Guess(str(row["file_id"]), now, *map(float, said["eta_s"])))


def kept(guesses: Sequence[Guess], settled_at: Mapping[str, float]) -> list[bool]:
    """For each guess of a file that has settled, whether that was inside its range."""
    return [
        guess.at + guess.earliest_s <= settled_at[guess.file_id] <= guess.at + guess.latest_s
        for guess in guesses
        if guess.file_id in settled_at
    ]
