"""Batch separation through the API, a worker and the sandbox: parts, retries, redrives, and barcodes as values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from functions.pipelines import INTAKE, PIPELINES
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.attempts.runner import Runner
from layers.decoding.documents import Documents
from layers.domain.errors import TransientError
from layers.domain.message import Arrival
from layers.ports import Ports
from tests import scans
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset

SIZE = (827, 1170)  # A4 at 100 dots an inch
SCHEMA = {
    "type": "object",
    "properties": {"asset": {"type": "string", "x-barcode": "A-"}, "total": {"type": "number"}},
    "required": ["asset"],
}


def page(*barcodes: str, text: str = "") -> Any:
    sheet = scans.sheet(SIZE)
    if text:
        scans.with_text(sheet, text, 1, (80, 700))
    for at, barcode in enumerate(barcodes):
        scans.with_barcode(sheet, barcode, "QRCode", (100, 100 + 250 * at), 6)
    return sheet


class Objects(MemoryObjects):
    """Refuses some uploads."""

    refused_from = 10**9

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        if object_key.startswith("originals/") and len(self.parts()) >= self.refused_from:
            self.refused_from = 10**9
            raise TransientError("object_store", "the object store is away")
        return super().upload(path, object_key, media_type)

    def parts(self) -> list[str]:
        return [key for key in self.objects if key.startswith("originals/")]


@dataclass
class Host:
    """The API, and a worker with a sandbox that takes files in; its objects raise no events by themselves."""

    api: Api
    caller: httpx.Client
    runner: Runner
    objects: Objects
    dataset: str
    runs: frozenset[str] = frozenset({"intake"})  # the steps that it runs; the others stay queued

    def upload(self, name: str, content: bytes, **options: Any) -> str:
        described = {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        answer = self.caller.post(f"/datasets/{self.dataset}/batches", json={"files": [described], **options})
        assert answer.status_code == 201, answer.text
        file_id = str(answer.json()["files"][0]["id"])
        self.objects.objects[self._key_of(file_id)] = content
        self.run()
        return file_id

    def run(self) -> None:
        """Deliver the events of all objects again, and run what is ready until nothing is."""
        topics = cast(MemoryTopics, self.runner.ports.topics)
        while True:
            self.api.bench.store.arrive([Arrival(key, "v1") for key in self.objects.parts()])
            self.api.bench.store.wake_due(100)  # on a busy machine a part may run again as a long one
            self.runner.dispatch({"intake"})
            wake_ups = [wake_up for wake_up in topics.published if wake_up.step in self.runs]
            topics.published = []
            if not wake_ups:
                return
            for wake_up in [*wake_ups, *wake_ups]:  # a broker may deliver twice
                self.runner.run(wake_up)

    def due(self) -> None:
        """Let all delays pass."""
        self.api.bench.database.run("UPDATE steps SET due_at = now() - interval '1 s' WHERE due_at IS NOT NULL")
        self.api.bench.store.wake_due(100)
        self.run()

    def file(self, file_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/files/{file_id}").json())

    def files(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self.caller.get(f"/datasets/{self.dataset}/files").json()["files"])

    def content(self, file_id: str) -> bytes:
        return self.objects.objects[self._key_of(file_id)]

    def _key_of(self, file_id: str) -> str:
        row = self.api.bench.database.row("SELECT object_key FROM files WHERE file_id = %(id)s", id=file_id)
        assert row
        return str(row["object_key"])


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    documents = Documents(max_children=1)
    yield documents
    documents.close()


@pytest.fixture
def host(api: Api, documents: Documents) -> Iterator[Host]:
    api.bench.empty()
    objects = Objects()
    ports = Ports(api.bench.store, objects, MemoryTopics(), documents, RulesExtractor(), None)
    concurrency = {"intake": 100, "text": 100, "extraction": 100}
    with api.caller(api.bench.tenant()) as caller:
        dataset = new_dataset(caller, schema=SCHEMA)["id"]
        yield Host(api, caller, Runner(ports, INTAKE, PIPELINES, concurrency), objects, dataset)


def shape(host: Host, file_id: str) -> list[tuple[str, list[int]]]:
    """The names of the files that a scan was separated into, with their pages."""
    return [(host.file(each["id"])["name"], each["pages"]) for each in host.file(file_id)["separated"]["files"]]


SCAN = ("one", "", "PATCHT", "two", "three", "PATCHT", "four")


def scan(kind: str = "pdf") -> bytes:
    pages = [page("PATCHT") if text == "PATCHT" else page(text=text) for text in SCAN]
    return scans.pdf(pages) if kind == "pdf" else scans.tiff(pages, compression="tiff_lzw")


@pytest.mark.parametrize("kind", ["pdf", "tiff"])
def test_a_scan_becomes_a_file_for_each_document_between_its_separators(host: Host, kind: str) -> None:
    file_id = host.upload(f"scan.{kind}", scan(kind), separation={"blank_pages": "drop"})
    assert shape(host, file_id) == [
        (f"scan, page 1.{kind}", [1]),
        (f"scan, pages 4-5.{kind}", [4, 5]),
        (f"scan, page 7.{kind}", [7]),
    ]
    whole = host.file(file_id)
    assert [(each["page"], each["why"], each["text"]) for each in whole["separated"]["left_out"]] == [
        (2, "blank", None),
        (3, "separator", "PATCHT"),
        (6, "separator", "PATCHT"),
    ]
    sentence = "separated into 3 files; separator pages 3, 6 left out; blank page 2 left out"
    assert whole["separated"]["reason"] == sentence
    assert {step["state"] for step in whole["pipelines"]["main"]["steps"]} == {"skipped"} and whole["state"] == "done"
    for each in whole["separated"]["files"]:
        part = host.file(each["id"])
        taken_from = {"id": file_id, "first_page": each["pages"][0], "last_page": each["pages"][-1]}
        assert part["taken_from"] == taken_from and part["separated"] is None
        assert part["batch_id"] == whole["batch_id"]
        assert part["sha256"] == hashlib.sha256(host.content(each["id"])).hexdigest()
    assert len(host.files()) == 4


def test_a_scan_without_separators_stays_one_file(host: Host) -> None:
    content = scans.pdf([page(text="one"), page(), page(text="two")])
    file_id = host.upload("scan.pdf", content, separation={"blank_pages": "drop"})
    separated = host.file(file_id)["separated"]
    assert separated["files"] == separated["left_out"] == [] and len(host.files()) == 1
    assert separated["reason"] == "no separator page was found, so it stays one file with its blank page 2"
    assert host.file(host.upload("again.pdf", content + b"\n"))["separated"] is None


def test_a_separation_that_is_interrupted_anywhere_makes_each_file_once(host: Host) -> None:
    for refused_from in (1, 2, 3):
        before = len(host.files())
        host.objects.refused_from = len(host.objects.parts()) + refused_from
        content = scan() + b"\n" * refused_from
        file_id = host.upload("scan.pdf", content, separation={}, allow_duplicates=True)
        host.due()
        outcomes = [attempt["outcome"] for attempt in host.caller.get(f"/files/{file_id}/history").json()["attempts"]]
        assert set(outcomes) > {"done"}
        assert [pages for _, pages in shape(host, file_id)] == [[1, 2], [4, 5], [7]]
        assert len(host.files()) == before + 4
        assert all(file["state"] != "failed" and file["error"] is None for file in host.files())


def test_a_redrive_makes_nothing_new_and_brings_no_removed_part_back(host: Host) -> None:
    host.runs = frozenset({"intake", "preview", "thumbnail"})  # a redrive needs the end of all its steps
    file_id = host.upload("scan.pdf", scan(), separation={})
    removed = host.file(file_id)["separated"]["files"][1]["id"]
    assert host.caller.delete(f"/files/{removed}").status_code == 202
    before = {file["id"]: file["sha256"] for file in host.files()}
    assert host.caller.post(f"/files/{file_id}/redrive", json={"step": "intake"}).status_code == 202
    host.run()
    assert {file["id"]: file["sha256"] for file in host.files()} == before
    separated = host.file(file_id)["separated"]["files"]
    assert [each["pages"] for each in separated] == [[1, 2], [4, 5], [7]]
    assert [each["id"] is None for each in separated] == [False, True, False]


def test_the_parts_count_against_the_quota(host: Host) -> None:
    host.upload("scan.pdf", scan(), separation={})
    stored = sum(len(content) for key, content in host.objects.objects.items() if key in host.objects.parts())
    with host.api.bench.tenants(str(host.api.bench.database.rows("SELECT tenant_id FROM tenants")[0]["tenant_id"])) as catalog:  # fmt: skip
        use = catalog.tenant_use()
    assert (use["day"], use["bytes"], len(host.objects.parts())) == (4, stored, 4)


def test_the_value_of_a_barcode_is_in_the_record_with_its_place(host: Host) -> None:
    host.runs = frozenset({"intake", "text", "ocr", "extraction"})
    pages = [page("A-77", text="Total 12.00"), page("PATCHT"), page("B-1", text="Total 13.00")]
    file_id = host.upload("scan.pdf", scans.pdf(pages), separation={})
    rows = host.api.bench.database.rows("SELECT name, barcodes FROM files ORDER BY file_id")
    assert [[code[:3] for code in row["barcodes"] or ()] for row in rows] == [
        [[1, "QR Code", "A-77"], [2, "QR Code", "PATCHT"], [3, "QR Code", "B-1"]],
        [[1, "QR Code", "A-77"]],
        [[1, "QR Code", "B-1"]],
    ]
    first, second = (host.file(each["id"]) for each in host.file(file_id)["separated"]["files"])
    assert first["artifacts"]["record"]["fields"] == {"asset": "A-77", "total": 12.0}
    proof = first["artifacts"]["record"]["evidence"]["asset"]
    assert (proof["page"], proof["text"]) == (1, "A-77") and proof["box"][1] < 0.25
    assert second["artifacts"]["record"]["fields"] == {"total": 13.0} and second["state"] == "partial"
    assert second["artifacts"]["record"]["missing"] == ["asset"]


@pytest.mark.parametrize(
    "separation",
    [
        {"blank_pages": "remove"},
        {"separators": [""]},
        {"separators": ["a"] * 21},
        {"separators": ["a\0"]},
        {"unknown": 1},
        [],
    ],
)
def test_a_separation_that_is_not_valid_is_refused(host: Host, separation: Any) -> None:
    described = {"name": "a.pdf", "size_bytes": 1}
    answer = host.caller.post(
        f"/datasets/{host.dataset}/batches", json={"files": [described], "separation": separation}
    )
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_request", answer.text
