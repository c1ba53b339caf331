"""Routing: a file is recognised, moved by a rule and extracted once, whatever happens to messages and workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from functions.pipelines import STEPS
from layers.domain.errors import StoreUnreachable
from layers.domain.kinds.decision import Recognised
from layers.domain.message import Arrival
from layers.domain.step import Done, Later, Routed
from layers.ports import Claim
from tests.fakes import MemoryTopics
from tests.integration.conftest import Api
from tests.integration.routing_host import DOUBTFUL, INVOICE, LETTER, RECEIPT, Host, page
from tests.integration.test_api import new_dataset
from tests.making import INTAKE_DONE, Urls

ROUTING = STEPS["routing"]


@pytest.fixture
def host(api: Api, database_urls: Urls) -> Iterator[Host]:
    api.bench.empty()
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as caller:
        yield Host.on(api, database_urls, caller, tenant_id)


# --- the setting -------------------------------------------------------------------------------------


def test_a_rule_names_a_dataset_by_its_id_or_its_name(host: Host) -> None:
    shown = host.caller.get(f"/datasets/{host.inbox}").json()["routing"]
    assert shown == {"invoice": host.invoices, "receipt": host.receipts}
    host.caller.put(f"/datasets/{host.receipts}", json={"name": "Till slips"})
    routing = host.caller.get(f"/datasets/{host.inbox}/routing").json()
    assert routing["rules"]["receipt"] == {"dataset_id": host.receipts, "name": "Till slips"}


def test_a_rule_names_an_existing_dataset_of_the_tenant_other_than_its_own(host: Host, api: Api) -> None:
    with api.caller() as other:
        foreign = new_dataset(other, name="Foreign")["id"]
    new_dataset(host.caller, name="Twice")
    new_dataset(host.caller, name="Twice")
    for named in (foreign, "Foreign", "Nowhere", "Twice", host.inbox, "Inbox"):
        answer = host.caller.put(f"/datasets/{host.inbox}", json={"routing": {"invoice": named}})
        assert answer.status_code == 400 or answer.status_code == 422, (named, answer.text)
        assert answer.json()["errors"][0]["pointer"] == "/routing/invoice", answer.text
    assert host.caller.put(f"/datasets/{host.inbox}", json={"routing": {"poem": host.invoices}}).status_code >= 400
    assert host.caller.get(f"/datasets/{host.inbox}").json()["routing"]["invoice"] == host.invoices


def test_rules_are_replaced_as_a_whole_and_an_empty_object_removes_them(host: Host) -> None:
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {"statement": host.invoices}})
    assert host.caller.get(f"/datasets/{host.inbox}").json()["routing"] == {"statement": host.invoices}
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {}})
    assert host.caller.get(f"/datasets/{host.inbox}").json()["routing"] == {}
    assert host.value("SELECT routing IS NULL FROM datasets WHERE dataset_id = %(id)s", id=host.inbox)


# --- a file on its way -------------------------------------------------------------------------------


def test_a_file_is_sent_by_its_kind_and_extracted_once_with_the_schema_of_its_new_dataset(host: Host) -> None:
    file = host.upload(*INVOICE)
    assert (file["dataset_id"], file["state"]) == (host.invoices, "done")
    assert file["artifacts"]["record"]["fields"] == {"invoice_number": "2041", "total": 1190.0}
    assert file["kind"]["name"] == "invoice" and not file["kind"]["doubtful"] and file["kind"]["by"] == "rules"
    assert (file["moved"]["from"], file["moved"]["by"]) == (host.inbox, "rule")
    attempts = host.caller.get(f"/files/{file['id']}/history").json()["attempts"]
    assert [attempt["step"] for attempt in attempts] == ["intake", "text", "routing", "extraction"]
    assert host.upload(*RECEIPT)["dataset_id"] == host.receipts


def test_a_kind_without_a_rule_stays_and_says_so(host: Host) -> None:
    file = host.upload(*LETTER)
    assert (file["dataset_id"], file["kind"]["name"], file["moved"]) == (host.inbox, "other", None)
    step = host.routing_step(file["id"])
    assert step and "no rule sends this kind" in step["reason"]


def test_a_doubtful_kind_is_shown_and_not_sent(host: Host) -> None:
    file = host.upload(*DOUBTFUL)
    assert file["dataset_id"] == host.inbox and file["kind"]["doubtful"] and file["kind"]["probability"] < 90
    step = host.routing_step(file["id"])
    assert step and "doubtful" in step["reason"]


def test_a_file_with_documents_of_several_kinds_stays(host: Host) -> None:
    file_id = host.read(*INVOICE)
    invoice, receipt = page(INVOICE), page((*RECEIPT, "Date 01/02/2024"))
    host.api.bench.database.run("DELETE FROM pages WHERE file_id = %(id)s", id=file_id)
    host.api.bench.database.run(
        "INSERT INTO pages (file_id, page_number, tenant_id, source, confidence, width, height, text, words, begins_document)"
        " SELECT %(id)s, n, %(tenant)s, 'native', 100, 800, 1000, t, '[]', n = 2 FROM (VALUES (1, %(one)s), (2, %(two)s)) v(n, t)",
        id=file_id, tenant=host.tenant_id, one=invoice.text, two=receipt.text,
    )  # fmt: skip
    host.work()
    assert host.file(file_id)["dataset_id"] == host.inbox
    step = host.routing_step(file_id)
    assert step and "several kinds" in step["reason"]


def test_a_dataset_without_rules_has_no_step_for_them(host: Host) -> None:
    file = host.upload(*INVOICE, dataset=host.receipts)
    assert host.routing_step(file["id"]) is None and file["kind"] is None and file["dataset_id"] == host.receipts
    assert host.value("SELECT count(*) FROM steps WHERE step = 'routing' AND file_id = %(id)s", id=file["id"]) == 0
    row = host.caller.get(f"/datasets/{host.receipts}/rows").json()["rows"][0]
    assert row["kind"] is None and "skipped" in row["steps"]


def test_rules_that_were_removed_on_the_way_let_the_file_stay(host: Host) -> None:
    file_id = host.read(*INVOICE)
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {}})
    host.work()
    assert host.file(file_id)["dataset_id"] == host.inbox and host.file(file_id)["state"] == "done"


def test_rules_that_were_removed_before_the_text_was_read_are_skipped(host: Host) -> None:
    bench, store = host.api.bench, host.api.bench.store
    ((file_id, key),) = bench.files(host.tenant_id, host.inbox, bench.batch(host.tenant_id, host.inbox), 1)
    store.arrive([Arrival(key, "v1")])
    host.end("intake", INTAKE_DONE)
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {}})
    host.end("text", Done(pages=(page(INVOICE),)))
    assert host.api.bench.states(file_id)["routing", 0] == "skipped"
    host.work()
    assert host.file(file_id)["state"] == "done"


def test_a_file_is_routed_at_most_once_in_a_reading(host: Host) -> None:
    """Invoices sends invoices on, and the last dataset sends them back."""
    last = new_dataset(host.caller, name="Last", routing={"invoice": host.inbox})["id"]
    host.caller.put(f"/datasets/{host.invoices}", json={"routing": {"invoice": last}})
    file = host.upload(*INVOICE)
    assert file["dataset_id"] == host.invoices
    assert host.value("SELECT count(*) FROM file_moves WHERE file_id = %(id)s", id=file["id"]) == 1


def test_a_removed_target_lets_the_file_stay_and_says_why(host: Host) -> None:
    host.caller.delete(f"/datasets/{host.invoices}")
    file = host.upload(*INVOICE)
    step = host.routing_step(file["id"])
    assert file["dataset_id"] == host.inbox and step and "was removed" in step["reason"]
    assert file["state"] == "done"


def claimed(host: Host) -> Claim:
    (wake_up,) = host.wake_ups("routing")
    return host.api.bench.claim(wake_up)


def decision(host: Host) -> Done:
    return Done(
        reason="sent to Invoices", routed=Routed(Recognised("invoice", 99.0, "rules"), host.inbox, host.invoices)
    )


def test_a_target_that_is_removed_while_the_kind_is_recognised_lets_the_file_stay(host: Host) -> None:
    file_id = host.read(*INVOICE)
    claim = claimed(host)
    host.caller.delete(f"/datasets/{host.invoices}")
    host.record(claim, decision(host))
    host.work()
    step = host.routing_step(file_id)
    assert host.file(file_id)["dataset_id"] == host.inbox and step and "was removed" in step["reason"]
    assert host.file(file_id)["state"] == "done"


def test_a_file_whose_dataset_is_removed_meanwhile_is_not_saved_from_it(host: Host) -> None:
    file_id = host.read(*INVOICE)
    claim = claimed(host)
    host.caller.delete(f"/datasets/{host.inbox}")
    assert host.record(claim, decision(host)).removed
    assert host.caller.get(f"/files/{file_id}").status_code == 404
    assert host.ids(host.invoices) == set()


# --- each effect once --------------------------------------------------------------------------------


def test_a_second_worker_with_the_same_message_moves_nothing(host: Host) -> None:
    file_id = host.read(*INVOICE)
    (wake_up,) = host.wake_ups("routing")
    first = host.api.bench.store.claim(wake_up, "one", 60, durably=False)
    assert first and host.api.bench.store.claim(wake_up, "two", 60, durably=False) is None
    host.record(first, decision(host))
    assert host.record(first, decision(host)).fenced
    host.work()
    assert host.value("SELECT count(*) FROM file_moves WHERE file_id = %(id)s", id=file_id) == 1
    assert host.value("SELECT count(*) FROM attempts WHERE step = 'extraction' AND file_id = %(id)s", id=file_id) == 1


def test_a_worker_that_comes_too_late_moves_nothing(host: Host) -> None:
    file_id = host.read(*INVOICE)
    late = claimed(host)
    host.record(late, Later(0.0, "its lease ended"))
    host.api.bench.store.wake_due(10)
    host.work()
    assert host.file(file_id)["dataset_id"] == host.invoices
    assert host.record(late, decision(host)).fenced
    assert host.value("SELECT count(*) FROM file_moves WHERE file_id = %(id)s", id=file_id) == 1


def test_an_outcome_that_does_not_commit_moves_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = host.read(*INVOICE)
    claim = claimed(host)
    host.api.bench.database.run("ALTER TABLE file_moves RENAME TO file_moves_away")
    try:
        with pytest.raises(Exception, match="file_moves"):
            host.record(claim, decision(host))
    finally:
        host.api.bench.database.run("ALTER TABLE file_moves_away RENAME TO file_moves")
    assert host.ids(host.inbox) == {file_id} and host.ids(host.invoices) == set()
    assert host.api.bench.states(file_id)["routing", 0] == "running"
    host.record(claim, decision(host))
    assert host.ids(host.inbox) == set() and host.ids(host.invoices) == {file_id}


def test_the_store_that_is_away_at_the_end_is_asked_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = host.read(*INVOICE)
    store = host.runner.ports.store
    record_all, calls = store.record_all, list[int]()

    def sometimes(*arguments: Any, **others: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            record_all(*arguments, **others)  # it was recorded, and the answer was lost
            raise StoreUnreachable("away")
        return record_all(*arguments, **others)

    monkeypatch.setattr(store, "record_all", sometimes)
    host.work()
    host.work()
    assert host.file(file_id)["dataset_id"] == host.invoices
    assert host.value("SELECT count(*) FROM file_moves WHERE file_id = %(id)s", id=file_id) == 1


def test_many_files_in_one_message_go_each_its_way(host: Host) -> None:
    files = {host.read(*lines): lines for _ in range(4) for lines in (INVOICE, RECEIPT, LETTER)}
    host.work()
    assert host.ids(host.invoices) == {file_id for file_id, lines in files.items() if lines is INVOICE}
    assert host.ids(host.receipts) == {file_id for file_id, lines in files.items() if lines is RECEIPT}
    assert host.ids(host.inbox) == {file_id for file_id, lines in files.items() if lines is LETTER}
    assert cast(MemoryTopics, host.runner.ports.topics).published == []


# --- what is kept by dataset -------------------------------------------------------------------------


def test_counts_listings_rows_and_batches_are_right_after_a_move(host: Host) -> None:
    file = host.upload(*INVOICE)
    host.upload(*LETTER)
    assert host.counts(host.inbox) == {"partial": 1} or host.counts(host.inbox) == {"done": 1}
    assert host.counts(host.invoices) == {"done": 1}
    assert host.ids(host.invoices) == {file["id"]}
    where = '[{"field": "total", "op": "eq", "value": 1190}]'
    rows = host.caller.get(f"/datasets/{host.invoices}/rows", params={"where": where}).json()["rows"]
    assert [row["id"] for row in rows] == [file["id"]] and rows[0]["kind"]["name"] == "invoice"
    assert rows[0]["moved"] == file["moved"] and rows[0]["moved"]["from"] == host.inbox
    where = '[{"field": "@kind", "op": "eq", "value": "invoice"}]'
    assert len(host.caller.get(f"/datasets/{host.invoices}/rows", params={"where": where}).json()["rows"]) == 1
    assert host.caller.get(f"/datasets/{host.inbox}/rows", params={"where": where}).json()["rows"] == []
    batch = host.caller.get(f"/batches/{file['batch_id']}").json()
    assert batch["counts"]["files"] == 1 and batch["dataset_id"] == host.inbox
    host.api.bench.store.fold_counts(1000)
    assert host.counts(host.invoices) == {"done": 1}
    for table in ("row_values", "similar_keys", "records"):
        wrong = host.value(
            f"SELECT count(*) FROM {table} t JOIN files f USING (file_id) WHERE t.dataset_id <> f.dataset_id"
        )
        assert wrong == 0, table


def test_the_labels_of_its_batch_find_a_file_in_its_new_dataset(host: Host) -> None:
    file = host.upload(*INVOICE)
    host.api.bench.database.run("UPDATE batches SET labels = '{may}' WHERE batch_id = %(id)s", id=file["batch_id"])
    where = '[{"field": "@label", "op": "eq", "value": "may"}]'
    rows = host.caller.get(f"/datasets/{host.invoices}/rows", params={"where": where}).json()["rows"]
    assert [row["id"] for row in rows] == [file["id"]]
    assert host.caller.get(f"/datasets/{host.inbox}/rows", params={"where": where}).json()["rows"] == []


def test_readers_of_changes_learn_that_a_file_has_left_and_that_it_has_come(host: Host) -> None:
    cursors = {
        dataset: host.caller.get(f"/datasets/{dataset}/files").json()["changes_cursor"]
        for dataset in (host.inbox, host.invoices)
    }
    file_id = host.upload(*INVOICE)["id"]
    left = host.caller.get(f"/datasets/{host.inbox}/changes", params={"after": cursors[host.inbox]}).json()
    came = host.caller.get(f"/datasets/{host.invoices}/changes", params={"after": cursors[host.invoices]}).json()
    assert (left["removed"], left["files"]) == ([file_id], [])
    assert [file["id"] for file in came["files"]] == [file_id] and came["removed"] == []


def test_content_that_a_rule_has_sent_on_is_a_duplicate_in_the_dataset_that_sent_it(host: Host) -> None:
    digest = "ab" * 32
    file_id = host.read(*INVOICE, sha256=digest)
    host.work()
    again = {"files": [{"name": "again.pdf", "size_bytes": 10, "sha256": digest}]}
    answer = host.caller.post(f"/datasets/{host.inbox}/batches", json=again).json()
    assert answer["files"][0]["duplicate_of"] == file_id
    assert host.caller.post(f"/datasets/{host.receipts}/batches", json=again).json()["files"][0]["id"] is not None


def test_retention_of_the_target_reaches_a_file_that_is_older_than_its_mark(host: Host) -> None:
    older = host.read(*INVOICE)
    newer = host.read(*INVOICE, dataset=host.invoices)
    marked = "INSERT INTO purge_marks (dataset_id, kind, reached) VALUES (%(dataset)s, 'text', %(newer)s)"
    host.api.bench.database.run(marked, dataset=host.invoices, newer=newer)
    host.work()
    assert host.file(older)["dataset_id"] == host.invoices
    reached = host.value("SELECT reached FROM purge_marks WHERE dataset_id = %(d)s", d=host.invoices)
    assert str(reached) < older


def test_the_audit_finds_nothing_after_moves(host: Host) -> None:
    for lines in (INVOICE, RECEIPT, LETTER):
        host.upload(*lines)
    with host.api.caller(role="admin") as admin:
        audit = admin.get("/operations/audit").json()
    assert (audit["lost"], audit["doubled"], audit["findings"]) == (0, 0, {})


# --- running again -----------------------------------------------------------------------------------


def test_a_reading_that_runs_again_keeps_a_file_where_a_person_has_reviewed_it(host: Host) -> None:
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {"receipt": host.receipts}})
    file = host.upload(*INVOICE)
    assert file["dataset_id"] == host.inbox
    host.correct(file["id"], total=5.0)
    host.caller.put(f"/datasets/{host.inbox}", json={"routing": {"invoice": host.invoices}})
    assert host.caller.post(f"/files/{file['id']}/redrive", json={"step": "text"}).status_code == 202
    host.end("text", Done(pages=(page(INVOICE),)))
    host.work()
    step = host.routing_step(file["id"])
    assert host.file(file["id"])["dataset_id"] == host.inbox and step and "a person" in step["reason"]


def test_a_reading_that_runs_again_without_rules_is_not_routed(host: Host) -> None:
    file = host.upload(*INVOICE, dataset=host.receipts)
    assert host.caller.post(f"/files/{file['id']}/redrive", json={"step": "text"}).status_code == 202
    host.end("text", Done(pages=(page(INVOICE),)))
    host.work()
    assert host.file(file["id"])["state"] == "done" and host.routing_step(file["id"]) is None
    assert host.caller.post(f"/files/{file['id']}/redrive", json={"step": "extraction"}).status_code == 202
    host.work()
    assert host.file(file["id"])["state"] == "done"


def test_extraction_that_runs_again_is_not_routed_again(host: Host) -> None:
    file = host.upload(*DOUBTFUL)
    assert host.caller.post(f"/files/{file['id']}/redrive", json={"step": "extraction"}).status_code == 202
    host.work()
    assert host.value("SELECT count(*) FROM attempts WHERE step = 'routing' AND file_id = %(id)s", id=file["id"]) == 1
