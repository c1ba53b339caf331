"""Moves: a person moves files, they are extracted anew, the rules learn from it, and an undo takes all of it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from functions.api import moves
from layers.domain.kinds.learnt import Example, Model, trained
from tests.integration.conftest import Api
from tests.integration.routing_host import INVOICE, LETTER, RECEIPT, Host
from tests.integration.test_api import new_dataset
from tests.making import Urls

# The rules take this sender's papers for invoices.
ODD = (
    "Brightwater Logistics", "INVOICE of carriage", "Invoice number {n}", "Bill to: depot {n}", "Due date 14/04/2024",
    "Goods received {n} pallets", "Total {n}.00",
)  # fmt: skip


@pytest.fixture
def host(api: Api, database_urls: Urls) -> Iterator[Host]:
    api.bench.empty()
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as caller:
        yield Host.on(api, database_urls, caller, tenant_id)


def odd(n: int) -> tuple[str, ...]:
    return tuple(line.format(n=n) for line in ODD)


def test_a_moved_file_is_extracted_with_the_schema_of_its_new_dataset(host: Host) -> None:
    file = host.upload(*INVOICE)
    moved = host.move(host.invoices, host.receipts, file["id"])
    assert (moved["count"], moved["not_moved"]) == (1, [])
    host.work()
    after = host.file(file["id"])
    assert (after["dataset_id"], after["state"]) == (host.receipts, "done")
    assert set(after["artifacts"]["record"]["fields"]) == {"company", "total"}
    assert (after["moved"]["from"], after["moved"]["by"]) == (host.invoices, "person")
    assert host.counts(host.invoices) == {} and host.counts(host.receipts) == {"done": 1}


def test_values_of_the_former_schema_are_not_shown_while_the_file_is_extracted_anew(host: Host) -> None:
    file = host.upload(*INVOICE)
    host.move(host.invoices, host.receipts, file["id"])
    between = host.file(file["id"])
    assert (between["state"], between["stage"]) == ("processing", "extraction")
    assert between["artifacts"]["record"]["fields"] == {}
    assert host.value("SELECT count(*) FROM row_values WHERE field <> '@probability'") == 0


def test_values_that_a_person_set_stay_where_the_target_has_the_field_and_come_back_with_the_file(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    host.correct(file_id, total=7.5, invoice_number="X-9")
    moved = host.move(host.invoices, host.receipts, file_id)
    host.work()
    record = host.caller.get(f"/files/{file_id}/record").json()
    assert record["fields"]["total"] == 7.5 and record["by"]["total"] == "person"
    assert "invoice_number" not in record["fields"]
    where = '[{"field": "total", "op": "eq", "value": 7.5}]'
    rows = host.caller.get(f"/datasets/{host.receipts}/rows", params={"where": where}).json()["rows"]
    assert [row["id"] for row in rows] == [file_id]
    undone = host.caller.post(f"/moves/{moved['id']}/undo").json()
    assert (undone["count"], undone["not_moved"]) == (1, [])
    host.work()
    record = host.caller.get(f"/files/{file_id}/record").json()
    assert (record["fields"]["invoice_number"], record["fields"]["total"]) == ("X-9", 7.5)
    assert host.file(file_id)["dataset_id"] == host.invoices


def test_a_value_of_another_type_is_set_aside(host: Host) -> None:
    texts = new_dataset(
        host.caller, name="Texts", schema={"type": "object", "properties": {"total": {"type": "string"}}}
    )
    file_id = host.upload(*INVOICE)["id"]
    host.correct(file_id, total=7.5)
    host.move(host.invoices, texts["id"], file_id)
    host.work()
    assert host.caller.get(f"/files/{file_id}/record").json()["by"].get("total") != "person"


def test_a_review_ends_with_a_move(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    host.caller.put(f"/files/{file_id}/review", json={"state": "approved"})
    host.move(host.invoices, host.receipts, file_id)
    host.work()
    assert host.file(file_id)["review"] in ("open", "needed")
    changes = host.caller.get(f"/files/{file_id}/record/history").json()["changes"]
    assert [(change["from"], change["to"]) for change in changes] == [("open", "approved"), ("approved", "open")]


def test_files_that_cannot_be_moved_now_are_named_with_the_reason(host: Host) -> None:
    done = host.upload(*RECEIPT)["id"]
    busy = host.read(*LETTER)
    elsewhere = new_dataset(host.caller, name="Elsewhere")["id"]
    moved = host.move(host.inbox, elsewhere, busy, done)
    reasons = {each["id"]: each["reason"] for each in moved["not_moved"]}
    assert moved["count"] == 0 and moved["id"] is None
    assert "being processed" in reasons[busy] and "not in the dataset" in reasons[done]


@pytest.mark.parametrize("body", [{}, {"to": "self"}, {"to": "foreign"}, {"to": "nonsense"}])
def test_the_target_is_another_dataset_of_the_tenant(host: Host, api: Api, body: dict[str, str]) -> None:
    file_id = host.upload(*INVOICE)["id"]
    with api.caller() as other:
        foreign = new_dataset(other, name="Foreign")["id"]
    named = {"self": host.invoices, "foreign": foreign}
    body = {"to": named.get(body["to"], body["to"])} if body else body
    answer = host.caller.post(f"/datasets/{host.invoices}/moves", json={**body, "file_ids": [file_id]})
    assert answer.status_code in (400, 422) and answer.json()["errors"][0]["pointer"] == "/to", answer.text
    assert host.file(file_id)["dataset_id"] == host.invoices


def test_another_tenant_moves_nothing(host: Host, api: Api) -> None:
    file_id = host.upload(*INVOICE)["id"]
    with api.caller() as other:
        own, to = (new_dataset(other, name=name)["id"] for name in ("Own", "To"))
        answer = other.post(f"/datasets/{own}/moves", json={"to": to, "file_ids": [file_id]}).json()
        assert answer["count"] == 0 and answer["not_moved"] == [{"id": file_id, "reason": "it is not in the dataset"}]
        moved = host.move(host.invoices, host.receipts, file_id)
        assert other.post(f"/moves/{moved['id']}/undo").status_code == 404
        assert other.get(f"/datasets/{host.inbox}/routing").status_code == 404
    with api.caller(host.tenant_id, role="viewer") as viewer:
        body = {"to": host.invoices, "file_ids": [file_id]}
        assert viewer.post(f"/datasets/{host.receipts}/moves", json=body).status_code == 403


def test_rows_are_moved_by_their_values(host: Host) -> None:
    one, two = host.upload(*RECEIPT)["id"], host.upload(*RECEIPT)["id"]
    host.correct(two, total=99.0)
    where = [{"field": "total", "op": "eq", "value": 99}]
    answer = host.caller.post(f"/datasets/{host.receipts}/moves", json={"to": host.invoices, "where": where}).json()
    assert answer["count"] == 1 and host.ids(host.receipts) == {one} and host.ids(host.invoices) == {two}


def test_a_repeated_request_moves_once(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    body, key = {"to": host.receipts, "file_ids": [file_id]}, {"Idempotency-Key": "move-1"}
    answers = [host.caller.post(f"/datasets/{host.invoices}/moves", json=body, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert host.value("SELECT count(*) FROM file_moves WHERE moved_by = 'person'") == 1


def test_a_move_is_in_the_audit_log(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    host.move(host.invoices, host.receipts, file_id)
    entries = host.caller.get("/audit-log").json()["entries"]
    assert any("/moves" in str(entry) for entry in entries)


def test_an_undo_leaves_files_that_were_moved_again_or_removed(host: Host) -> None:
    again, gone, stays = (host.upload(*INVOICE)["id"] for _ in range(3))
    moved = host.move(host.invoices, host.receipts, again, gone, stays)
    host.work()
    host.move(host.receipts, host.inbox, again)
    host.work()
    host.caller.delete(f"/files/{gone}")
    undone = host.caller.post(f"/moves/{moved['id']}/undo").json()
    assert undone["count"] == 1 and {each["id"] for each in undone["not_moved"]} == {again, gone}
    host.work()
    assert host.ids(host.invoices) == {stays} and host.ids(host.inbox) == {again}
    assert host.caller.post(f"/moves/{moved['id']}/undo").json()["count"] == 0


# --- what moves teach --------------------------------------------------------------------------------


def routing(host: Host, dataset: str = "") -> dict[str, object]:
    return host.caller.get(f"/datasets/{dataset or host.inbox}/routing").json()  # type: ignore[no-any-return]


def test_moves_teach_the_dataset_that_sent_the_files_and_the_next_one_is_right(host: Host) -> None:
    for lines in (INVOICE, INVOICE, RECEIPT):
        host.upload(*lines)
    wrong = [host.upload(*odd(n))["id"] for n in range(11, 17)]
    assert set(wrong) <= host.ids(host.invoices)
    host.move(host.invoices, host.receipts, *wrong)
    host.work()
    assert host.file(wrong[0])["kind"] == {"name": "receipt", "probability": 100.0, "doubtful": False, "by": "person"}
    shown = routing(host)
    assert shown["taught"] == {"receipt": 6} and shown["model"]["is_used"]  # type: ignore[index]
    right = host.upload(*odd(44))
    assert (right["dataset_id"], right["kind"]["name"], right["kind"]["by"]) == (host.receipts, "receipt", "learnt")
    assert host.upload(*INVOICE)["dataset_id"] == host.invoices


def test_what_a_dataset_was_taught_is_worked_out_once_until_it_is_taught_more(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def counted(examples: Sequence[Example]) -> Model:
        runs.append(len(examples))
        return trained(examples)

    monkeypatch.setattr(moves, "trained", counted)
    wrong = [host.upload(*odd(n))["id"] for n in range(11, 15)]
    host.move(host.invoices, host.receipts, *wrong[:3])
    assert routing(host) == routing(host)
    assert (len(runs), routing(host)["taught"]) == (1, {"receipt": 3})
    host.work()
    host.move(host.invoices, host.receipts, wrong[3])
    assert (routing(host)["taught"], len(runs)) == ({"receipt": 4}, 2)


def test_an_undo_forgets_what_the_move_taught(host: Host) -> None:
    wrong = [host.upload(*odd(n))["id"] for n in range(11, 17)]
    moved = host.move(host.invoices, host.receipts, *wrong)
    host.work()
    assert host.file(wrong[0])["kind"]["by"] == "person"
    host.caller.post(f"/moves/{moved['id']}/undo")
    host.work()
    assert routing(host)["taught"] == {}
    assert (host.file(wrong[0])["kind"]["name"], host.file(wrong[0])["kind"]["by"]) == ("invoice", "rules")
    assert host.upload(*odd(44))["dataset_id"] == host.invoices


def test_a_file_that_is_moved_back_teaches_that_it_is_of_no_kind_that_is_sent(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    host.move(host.invoices, host.inbox, file_id)
    host.work()
    assert routing(host)["taught"] == {"other": 1}


def test_the_kind_may_be_named(host: Host) -> None:
    file_id = host.upload(*LETTER)["id"]
    host.move(host.inbox, host.invoices, file_id, kind="statement")
    assert routing(host)["taught"] == {"statement": 1}


def test_an_approved_record_teaches_that_the_rule_was_right_until_the_approval_ends(host: Host) -> None:
    file_id = host.upload(*INVOICE)["id"]
    host.caller.put(f"/files/{file_id}/review", json={"state": "approved"})
    assert routing(host)["taught"] == {"invoice": 1}
    host.caller.put(f"/files/{file_id}/review", json={"state": "rejected"})
    assert routing(host)["taught"] == {}


def test_erased_files_are_forgotten_and_tenants_learn_apart(host: Host, api: Api, database_urls: Urls) -> None:
    wrong = [host.upload(*odd(n))["id"] for n in range(11, 17)]
    host.move(host.invoices, host.receipts, *wrong)
    host.work()
    other_tenant = api.bench.tenant()
    with api.caller(other_tenant) as caller:
        other = Host.on(api, database_urls, caller, other_tenant)
        assert other.upload(*odd(44))["dataset_id"] == other.invoices
    for file_id in wrong:
        host.caller.delete(f"/files/{file_id}?undo_window_s=0")
    for removal_id, pairs in host.api.bench.store.removals_due(100):
        host.api.bench.store.erase(removal_id, [file_id for _, file_id in pairs], 0)
    assert routing(host)["taught"] == {}


def test_a_moved_file_leaves_the_memory_of_senders_and_the_plans_of_its_former_dataset(host: Host) -> None:
    file_id = host.upload(*RECEIPT)["id"]
    host.correct(file_id, company="Corner Shop & Sons")
    assert host.value("SELECT count(*) FROM sender_keys WHERE dataset_id = %(id)s", id=host.receipts) > 0
    host.move(host.receipts, host.inbox, file_id)
    assert host.value("SELECT count(*) FROM sender_keys WHERE dataset_id = %(id)s", id=host.receipts) == 0
    assert host.value("SELECT count(*) FROM sender_keys WHERE dataset_id = %(id)s", id=host.inbox) > 0


def test_an_endpoint_learns_of_a_move(host: Host) -> None:
    host.api.bench.database.run(
        "INSERT INTO webhook_endpoints (tenant_id, url, event_types, secret) VALUES (%(t)s, 'https://h', '{file.moved}', 's')",
        t=host.tenant_id,
    )
    file_id = host.upload(*INVOICE)["id"]
    data = host.value("SELECT data FROM webhook_events WHERE event_type = 'file.moved'")
    assert (data["file_id"], data["dataset_id"], data["from_dataset_id"], data["moved_by"]) == (
        file_id,
        host.invoices,
        host.inbox,
        "rule",
    )
