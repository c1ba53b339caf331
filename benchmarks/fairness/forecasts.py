"""Samples the API's forecasts of when files will settle during a scene, to compare them with the actual times."""

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

SAMPLE_EVERY_S = 1.0
FILES_AT_ONCE = 25
STAGE = "dev"  # it reserves the same concurrency for the reader as the laboratory: 20

# Some files of each tenant: otherwise nearly all would be those of the noisy one.
UNSETTLED = """
SELECT tenant_id::text, file_id, batch_id, state FROM (
    SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY random()) AS position
      FROM files WHERE state = 'processing' AND removed_at IS NULL) f
 WHERE position <= 10 ORDER BY random() LIMIT %(most)s
"""
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast for a file at a time: after how many seconds it settles, at the earliest and at the latest."""

    file_id: str
    at: float
    earliest_s: float
    latest_s: float


class ForecastSampler:
    """A thread that samples forecasts at intervals until it is stopped; an error in it is raised then."""

    def __init__(self, owner_url: str, api_url: str, every_s: float = SAMPLE_EVERY_S) -> None:
        os.environ.setdefault("FAIRWAY_STAGE", STAGE)
        bootstrap.forget()
        self.forecasts: list[Forecast] = []
        self._every_s = every_s
        self._error: Exception | None = None
        self._owner, self._api = Database(owner_url), Database(api_url)
        self._catalog = PostgresCatalog(self._api)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ForecastSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._owner.close()
        self._api.close()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._every_s):
                self._sample_all()
        except Exception as error:
            self._error = error

    def _sample_all(self) -> None:
        by_tenant: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._owner.rows(UNSETTLED, most=FILES_AT_ONCE):
            by_tenant[row["tenant_id"]].append(row)
        for tenant_id, rows in by_tenant.items():
            self._sample(tenant_id, rows)

    def _sample(self, tenant_id: str, rows: Sequence[dict[str, Any]]) -> None:
        now = float(self._owner.rows(NOW)[0]["now"])
        steps: dict[Any, dict[str, list[StepPart]]] = defaultdict(lambda: defaultdict(list))
        with self._catalog.transaction() as catalog:
            catalog.act_as(tenant_id)
            for part in catalog.steps_of([row["file_id"] for row in rows]):
                steps[part.file_id][part.step].append(part)
            view = waits.view(ports(), catalog, [row["batch_id"] for row in rows])
        for row in rows:
            answer = waits.waiting(view, row["state"], row["batch_id"], steps[row["file_id"]])
            if answer and answer["eta_s"]:
                self.forecasts.append(Forecast(str(row["file_id"]), now, *map(float, answer["eta_s"])))


def held(forecasts: Sequence[Forecast], settled_at: Mapping[str, float]) -> list[bool]:
    """For each forecast of a file that has settled: whether it settled within the range."""
    return [
        forecast.at + forecast.earliest_s <= settled_at[forecast.file_id] <= forecast.at + forecast.latest_s
        for forecast in forecasts
        if forecast.file_id in settled_at
    ]
