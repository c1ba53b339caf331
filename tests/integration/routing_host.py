"""The API and a worker that recognises kinds and extracts by rules, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from functions.pipelines import INTAKE, PIPELINES, STEPS
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.kinds import PostgresKinds
from layers.adapters.postgres.senders import PostgresSenders
from layers.attempts.runner import Runner
from layers.domain import lifecycle
from layers.domain.file import File
from layers.domain.lifecycle import FilePlan
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Page
from layers.domain.step import Done, Outcome
from layers.ports import Claim, Ports
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset
from tests.making import INTAKE_DONE, Urls

INVOICE = (
    "ACME Ltd", "INVOICE", "Invoice number: 2041", "Invoice date: 14/03/2024", "Bill to: Northwind",
    "Due date: 14/04/2024", "IBAN DE02 1203 0000 0000 2020 51", "Total 1,190.00",
)  # fmt: skip
RECEIPT = ("CORNER SHOP", "RECEIPT", "Cashier: Ann", "Milk 2.00", "TOTAL 2.00", "CASH 5.00", "CHANGE 3.00", "Thank you")
LETTER = ("Dear Ms Miller", "thank you very much for the long letter that you have sent to us in the spring", "Regards")
DOUBTFUL = ("ACME Ltd", "No. 12", "Total 12.00")
NUMBER, TOTAL, COMPANY = {"type": "string"}, {"type": "number"}, {"type": "string"}
INBOX_SCHEMA = {"type": "object", "properties": {"company": COMPANY, "total": TOTAL}}
INVOICE_SCHEMA = {"type": "object", "properties": {"invoice_number": NUMBER, "total": TOTAL}}
RECEIPT_SCHEMA = {"type": "object", "properties": {"company": COMPANY, "total": TOTAL}}
WORK_STEPS = ("text", "routing", "extraction")


@dataclass
class Host:
    api: Api
    tenant_id: str
    caller: httpx.Client
    runner: Runner
    inbox: str = ""
    invoices: str = ""
    receipts: str = ""
    extracted: list[str] = field(default_factory=list)

    @classmethod
    def on(cls, api: Api, urls: Urls, caller: httpx.Client, tenant_id: str) -> Host:
        database = Database(urls.worker, prepares=not urls.is_pooled)
        extra = {"senders": PostgresSenders(database), "kinds": PostgresKinds(database)}
        ports = Ports(
            api.bench.store, MemoryObjects(), MemoryTopics(), cast(Any, None), RulesExtractor(), None, **extra
        )
        host = cls(api, tenant_id, caller, Runner(ports, INTAKE, PIPELINES, dict.fromkeys(WORK_STEPS, 100)))
        host.invoices = new_dataset(caller, name="Invoices", schema=INVOICE_SCHEMA)["id"]
        host.receipts = new_dataset(caller, name="Receipts", schema=RECEIPT_SCHEMA)["id"]
        rules = {"invoice": host.invoices, "receipt": "Receipts"}
        host.inbox = new_dataset(caller, name="Inbox", schema=INBOX_SCHEMA, routing=rules)["id"]
        return host

    def read(self, *lines: str, dataset: str = "", sha256: str = "0" * 64) -> str:
        """A new file whose text is known: what follows is ready or has ended. Returns its id."""
        bench, store, dataset = self.api.bench, self.api.bench.store, dataset or self.inbox
        ((file_id, key),) = bench.files(self.tenant_id, dataset, bench.batch(self.tenant_id, dataset), 1)
        cast(MemoryObjects, self.runner.ports.objects).objects[key] = b"0123456789"
        store.arrive([Arrival(key, "v1")])
        identified = Done(identity=INTAKE_DONE.identity, sha256=sha256, size_bytes=10)
        self.end("intake", identified)
        self.end("text", Done(pages=(page(lines),)))
        return file_id

    def end(self, step: str, outcome: Outcome) -> None:
        """End the ready part of a step with this outcome."""
        for wake_up in self.api.bench.store.dispatch({step: 100}):
            claim = self.api.bench.claim(wake_up)
            self.record(claim, outcome)

    def record(self, claim: Claim, outcome: Outcome) -> Any:
        def plan(file: File) -> FilePlan:
            return lifecycle.plan_after(INTAKE, PIPELINES, STEPS.get(claim.step, INTAKE), outcome, file)

        return self.api.bench.store.record(claim, outcome, plan, cost_s=0, host="h")

    def wake_ups(self, *steps: str) -> list[WakeUp]:
        return self.api.bench.store.dispatch(dict.fromkeys(steps, 100))

    def work(self) -> None:
        """Run everything that is ready to be routed or extracted."""
        topics = cast(MemoryTopics, self.runner.ports.topics)
        self.runner.dispatch({"routing", "extraction"})
        while wake_ups := topics.published:
            topics.published = []
            for step in sorted({wake_up.step for wake_up in wake_ups}):  # a message is of one step
                self.runner.run_all([wake_up for wake_up in wake_ups if wake_up.step == step])

    def upload(self, *lines: str, dataset: str = "") -> dict[str, Any]:
        """A file that was processed."""
        file_id = self.read(*lines, dataset=dataset)
        self.work()
        return self.file(file_id)

    def file(self, file_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/files/{file_id}").json())

    def routing_step(self, file_id: str) -> dict[str, Any] | None:
        steps = self.file(file_id)["pipelines"]["main"]["steps"]
        return next((step for step in steps if step["step"] == "routing"), None)

    def move(self, source: str, target: str, *file_ids: str, **body: Any) -> dict[str, Any]:
        answer = self.caller.post(f"/datasets/{source}/moves", json={"to": target, "file_ids": list(file_ids), **body})
        assert answer.status_code == 202, answer.text
        return cast(dict[str, Any], answer.json())

    def correct(self, file_id: str, **fields: Any) -> None:
        answer = self.caller.patch(f"/files/{file_id}/record", json={"fields": fields}, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text

    def counts(self, dataset: str) -> dict[str, int]:
        """The live files of a dataset by state, as its counters say."""
        by_state = self.caller.get(f"/datasets/{dataset}").json()["counts"]["by_state"]
        return {state: count for state, count in by_state.items() if count}

    def ids(self, dataset: str) -> set[str]:
        return {file["id"] for file in self.caller.get(f"/datasets/{dataset}/files").json()["files"]}

    def value(self, query: str, **parameters: Any) -> Any:
        row = self.api.bench.database.row(f"SELECT ({query}) AS value", **parameters)
        return row["value"] if row else None


def page(lines: Sequence[str]) -> Page:
    return Page(1, "\n".join(lines), source="native", confidence=100.0, width=800, height=1000)
