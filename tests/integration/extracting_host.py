"""The API and a worker that extracts by rules, on a real database with objects in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx

from functions.pipelines import INTAKE, PIPELINES
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.adapters.postgres.database import Database
from layers.attempts.runner import Runner
from layers.domain.message import Arrival
from layers.domain.page import Page
from layers.domain.step import Done, Part, PlannedStep, Skip
from layers.ports import FilePlan, Ports
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset
from tests.making import INTAKE_DONE, Urls


@dataclass
class ExtractingHost:
    api: Api
    tenant_id: str
    caller: httpx.Client
    runner: Runner
    dataset: str

    @property
    def topics(self) -> MemoryTopics:
        return cast(MemoryTopics, self.runner.ports.topics)

    def extract(self, pages: Sequence[Page], count: int = 1) -> list[str]:
        """Create files with these pages, and extract their records. Returns their ids."""
        bench, store = self.api.bench, self.api.bench.store
        batch = bench.batch(self.tenant_id, self.dataset)
        files = bench.files(self.tenant_id, self.dataset, batch, count)
        cast(MemoryObjects, self.runner.ports.objects).objects |= {key: b"0123456789" for _, key in files}
        store.arrive([Arrival(key, "v1") for _, key in files])
        plan = [PlannedStep("text", (Part(),)), PlannedStep("ocr", Skip("read")), PlannedStep("textract", Skip("read"))]
        for wake_up in store.dispatch({"intake": 100}):
            store.record(bench.claim(wake_up), INTAKE_DONE, lambda _: FilePlan(plan), cost_s=0, host="h")
        read, ready = Done(pages=tuple(pages)), FilePlan([PlannedStep("extraction", (Part(),))])
        for wake_up in store.dispatch({"text": 100}):
            store.record(bench.claim(wake_up), read, lambda _: ready, cost_s=0, host="h")
        self.runner.dispatch({"extraction"})
        self.work()
        return [file_id for file_id, _ in files]

    def work(self) -> None:
        """Run all published steps."""
        while wake_ups := self.topics.published:
            self.topics.published = []
            self.runner.run_all(wake_ups)


Host = TypeVar("Host", bound=ExtractingHost)


@contextmanager
def extracting(
    kind: type[Host], api: Api, urls: Urls, schema: Mapping[str, Any], **adapters: Callable[[Database], Any]
) -> Iterator[Host]:
    """A host of a new tenant with a dataset, in an empty database. `adapters` are further ports, by name."""
    api.bench.empty()
    database = Database(urls.worker, prepares=not urls.is_pooled)
    further = {name: adapter(database) for name, adapter in adapters.items()}
    ports = Ports(api.bench.store, MemoryObjects(), MemoryTopics(), cast(Any, None), RulesExtractor(), None, **further)
    runner = Runner(ports, INTAKE, PIPELINES, {"intake": 100, "text": 100, "extraction": 100})
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as caller:
        yield kind(api, tenant_id, caller, runner, new_dataset(caller, schema=schema)["id"])
