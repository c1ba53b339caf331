"""The review loop: what a person corrects or approves in one record is right in the next file of the same sender."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from layers.adapters.postgres.senders import PostgresSenders
from layers.domain.page import Page, Word
from tests.integration.conftest import Api
from tests.integration.extracting_host import ExtractingHost, extracting
from tests.integration.test_api import new_dataset
from tests.making import Urls

SCHEMA = {
    "type": "object",
    "required": ["company"],
    "properties": {
        "company": {"type": "string"},
        "address": {"type": "string"},
        "total": {"type": "number"},
    },
}
NAME, MISREAD = "LIAN HING STATIONERY SDN BHD", "LAN HlNG STATI0NERY SDN BHD"
REST = ("NO. 32, JALAN SR 1/9, 43300 SERI KEMBANGAN, SELANGOR", "TEL: 03-5886 4100", "Pen 2.00", "TOTAL 2.00")


class Host(ExtractingHost):
    def upload(self, *lines: str) -> dict[str, Any]:
        """The record of a new file whose page shows these lines."""
        (file_id,) = self.extract([page(lines)])
        return self.record(file_id) | {"file_id": file_id}

    def record(self, file_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/files/{file_id}/record").json())

    def correct(self, file_id: str, **body: Any) -> None:
        answer = self.caller.patch(f"/files/{file_id}/record", json=body, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text

    def review(self, file_id: str, state: str) -> None:
        assert self.caller.put(f"/files/{file_id}/review", json={"state": state}).status_code == 200

    def remembered(self) -> int:
        """The number of documents that the memory knows."""
        row = self.api.bench.database.row(
            "SELECT count(DISTINCT file_id) AS files FROM sender_keys WHERE dataset_id = %(id)s", id=self.dataset
        )
        return int(row["files"]) if row else 0


def page(lines: Sequence[str]) -> Page:
    words = tuple(
        Word(word, 0.1 * at, 0.03 * row, 0.1 * at + 0.09, 0.03 * row + 0.02, 80.0)
        for row, line in enumerate(lines)
        for at, word in enumerate(line.split())
    )
    return Page(1, "\n".join(lines), words, "ocr", 80.0, 800, 1000)


@pytest.fixture
def host(api: Api, database_urls: Urls) -> Iterator[Host]:
    with extracting(Host, api, database_urls, SCHEMA, senders=PostgresSenders) as host:
        yield host


def test_one_correction_makes_the_next_file_of_the_sender_right(host: Host) -> None:
    first = host.upload(MISREAD, *REST)
    assert (first["fields"]["company"], first["by"]["company"]) == (MISREAD, "rules")
    host.correct(first["file_id"], fields={"company": NAME})
    second = host.upload("LIAN H1NG STATIONERY S0N BHD", *REST)
    assert (second["fields"]["company"], second["by"]["company"]) == (NAME, "memory")
    assert second["by"]["total"] == "rules"
    proof = second["evidence"]["company"]
    assert (proof["text"], proof["page"]) == ("LIAN H1NG STATIONERY S0N BHD", 1)
    assert proof["probability"] > first["evidence"]["company"]["probability"]


def test_an_approval_teaches_all_values_and_its_end_forgets_them(host: Host) -> None:
    first = host.upload(NAME, *REST)
    host.review(first["file_id"], "approved")
    assert host.upload(MISREAD, *REST)["by"]["company"] == "memory"
    host.review(first["file_id"], "rejected")
    assert host.upload(MISREAD, *REST)["by"]["company"] == "rules"
    assert host.remembered() == 0


def test_a_reset_value_teaches_nothing(host: Host) -> None:
    first = host.upload(MISREAD, *REST)
    host.correct(first["file_id"], fields={"company": NAME})
    host.correct(first["file_id"], reset=["company"])
    assert host.upload(MISREAD, *REST)["fields"]["company"] == MISREAD
    assert host.remembered() == 0


def test_the_same_correction_twice_teaches_once(host: Host) -> None:
    first = host.upload(MISREAD, *REST)
    host.correct(first["file_id"], fields={"company": NAME})
    keys = "SELECT count(*) AS n FROM sender_keys WHERE file_id = %(id)s"
    before = host.api.bench.database.row(keys, id=first["file_id"])
    host.correct(first["file_id"], fields={"company": NAME})
    host.review(first["file_id"], "approved")
    host.review(first["file_id"], "approved")
    after = host.api.bench.database.row(keys, id=first["file_id"])
    assert before and after and after["n"] >= before["n"] > 0
    assert host.remembered() == 1


def test_many_records_that_are_approved_at_once_teach_too(host: Host) -> None:
    first = host.upload(NAME, *REST)
    body = {"state": "approved", "where": [{"field": "company", "op": "eq", "value": NAME}]}
    assert host.caller.post(f"/datasets/{host.dataset}/reviews", json=body).json()["changed"] == 1
    assert host.upload(MISREAD, *REST)["by"]["company"] == "memory"
    assert first["by"]["company"] == "rules"


def test_a_removed_file_teaches_nothing_and_an_undo_brings_its_lesson_back(host: Host) -> None:
    first = host.upload(NAME, *REST)
    host.review(first["file_id"], "approved")
    removal = host.caller.delete(f"/files/{first['file_id']}").json()
    assert host.upload(MISREAD, *REST)["by"]["company"] == "rules"
    host.caller.post(f"/removals/{removal['id']}/undo")
    assert host.upload(MISREAD, *REST)["by"]["company"] == "memory"


def test_an_erased_file_leaves_nothing_in_the_memory(host: Host) -> None:
    first = host.upload(NAME, *REST)
    host.review(first["file_id"], "approved")
    removal = host.api.bench.remove(host.tenant_id, host.dataset, [first["file_id"]])
    host.api.bench.store.erase(removal, [first["file_id"]], 0)
    assert host.remembered() == 0


def test_other_datasets_and_tenants_learn_nothing(host: Host) -> None:
    first = host.upload(NAME, *REST)
    host.review(first["file_id"], "approved")
    same_tenant = Host(
        host.api, host.tenant_id, host.caller, host.runner, new_dataset(host.caller, schema=SCHEMA)["id"]
    )
    assert same_tenant.upload(MISREAD, *REST)["by"]["company"] == "rules"
    other_id = host.api.bench.tenant()
    with host.api.caller(other_id) as caller:
        other = Host(host.api, other_id, caller, host.runner, new_dataset(caller, schema=SCHEMA)["id"])
        assert other.upload(MISREAD, *REST)["by"]["company"] == "rules"
    with host.api.bench.tenants(other_id) as catalog:
        catalog.learn_senders(
            host.dataset, [{"file_id": first["file_id"], "document": 1, "text_keys": [], "value_keys": []}]
        )
    assert host.remembered() == 1  # another tenant can't make it forget


def test_an_id_of_another_dataset_teaches_nothing_in_this_one(host: Host) -> None:
    first = host.upload(NAME, *REST)
    other = new_dataset(host.caller, schema=SCHEMA)["id"]
    body = {"state": "approved", "file_ids": [first["file_id"]]}
    assert host.caller.post(f"/datasets/{other}/reviews", json=body).json()["changed"] == 0
    assert host.remembered() == 0


def test_a_text_that_is_erased_takes_its_keys_with_it(host: Host) -> None:
    first = host.upload(NAME, *REST)
    host.review(first["file_id"], "approved")
    host.api.bench.database.run(
        "SELECT purge_files(gen_random_uuid(), %(d)s, 'text', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 10)",
        d=host.dataset,
    )
    keys = host.api.bench.database.rows("SELECT key FROM sender_keys WHERE dataset_id = %(d)s", d=host.dataset)
    shown = {row["key"] for row in keys}
    assert "w:11an" in shown or "w:1ian" in shown  # of the approved name
    assert "n:58864100" not in shown  # of the page alone


def test_the_review_queue_begins_with_the_least_probable_record(host: Host) -> None:
    def probability(record: dict[str, Any]) -> float:
        return math.prod(evidence["probability"] for evidence in record["evidence"].values())

    def queue() -> list[str]:
        rows = host.caller.get(f"/datasets/{host.dataset}/rows", params={"sort": "@probability"}).json()["rows"]
        return [row["id"] for row in rows]

    records = [host.upload(NAME, *REST), host.upload("LlAN_H1NG 5TATl0NERY", *REST)]
    least, most = sorted(records, key=probability)
    assert probability(least) < probability(most)
    assert queue() == [least["file_id"], most["file_id"]]
    host.correct(least["file_id"], fields={"company": NAME, "address": REST[0]})
    assert queue() == [most["file_id"], least["file_id"]]


def test_sure_from_decides_by_probability_which_values_a_person_checks(host: Host) -> None:
    host.caller.put(f"/datasets/{host.dataset}", json={"sure_from": 99.9})
    first = host.upload(NAME, *REST)
    assert (set(first["doubtful"]), first["review"]) == ({"company", "address", "total"}, "needed")
    host.caller.put(f"/datasets/{host.dataset}", json={"sure_from": 1})
    assert host.upload(NAME, *REST)["doubtful"] == []


def test_in_a_new_dataset_a_value_that_is_wrong_more_often_than_one_time_in_five_needs_a_review(host: Host) -> None:
    assert host.caller.get(f"/datasets/{host.dataset}").json()["sure_from"] == 80
    record = host.upload("LlAN_H1NG 5TATl0NERY", *REST)
    unsure = {path for path, proof in record["evidence"].items() if proof["probability"] < 80}
    assert "company" in unsure and unsure <= set(record["doubtful"])
    assert record["review"] == "needed"


def test_known_senders_are_listed_with_those_that_may_be_the_same(host: Host) -> None:
    for name in (NAME, NAME, "LIAN HING STATIONARY SDN BHD"):
        host.correct(host.upload(name, *REST)["file_id"], fields={"company": name})
    shown = host.caller.get(f"/datasets/{host.dataset}/senders").json()
    assert [(sender["name"], sender["examples"]) for sender in shown["senders"]] == [
        (NAME, 2),
        ("LIAN HING STATIONARY SDN BHD", 1),
    ]
    assert shown["alike"] == [[NAME, "LIAN HING STATIONARY SDN BHD"]]
