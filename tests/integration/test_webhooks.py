"""Webhooks: events that are delivered exactly as they happened, in order, to endpoints that may fail."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.api import entry
from functions.webhooks import Deliverer
from layers.adapters.postgres.exports import PostgresExports
from layers.adapters.postgres.webhooks import CLAIMED_AT_ONCE, PostgresWebhooks
from layers.adapters.webhooks.sender import HttpWebhookSender
from layers.domain.breaker import FAILURES_TO_OPEN
from layers.domain.file import File
from layers.domain.message import Arrival
from layers.domain.step import Failed
from layers.domain.webhook import EVENT_TYPES, GIVE_UP_AFTER_S, Sent, Verdict, retry_delay
from layers.domain.webhook_address import networks
from layers.ports import FilePlan
from layers.ports.webhooks import WebhookSender
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import new_dataset, problem
from tests.integration.webhook_outage import (
    TYPES,
    DeliveryClock,
    add_events,
    ends_and_removals,
    most_attempts,
    out_of_order,
    sent_twice,
)
from tests.integration.webhook_receiver import Received, Receiver, receiving
from tests.making import INTAKE_DONE, Bench, Urls

LOOPBACK = networks("127.0.0.0/8")
OUTBOX = ("webhook_events", "webhook_deliveries", "webhook_attempts")
ENDED = {"failed": Failed("unreadable", "it can't be read")}


class Tenant:
    """A tenant with a dataset, and files whose main pipeline is one step."""

    def __init__(self, api: Api) -> None:
        self.api, self.bench = api, api.bench
        self.id = api.bench.tenant()
        self.caller = api.caller(self.id)
        self.dataset_id = new_dataset(self.caller)["id"]

    def webhook(self, url: str, *types: str) -> dict[str, Any]:
        answer = self.caller.post("/webhooks", json={"url": url, "event_types": list(types or EVENT_TYPES)})
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def end_files(self, *states: str) -> list[str]:
        """A batch of files that end in these states. Returns their ids."""
        names = [{"name": f"{index}.txt", "size_bytes": 10} for index in range(len(states))]
        batch = self.caller.post(f"/datasets/{self.dataset_id}/batches", json={"files": names}).json()
        ids = [file["id"] for file in batch["files"]]
        for file_id, state in zip(ids, states, strict=True):
            if state:
                end_file(self.bench, self.id, file_id, state)
        return ids

    def deliveries(self, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        return self.caller.get(f"/webhooks/{webhook['id']}/deliveries", params=query).json()["deliveries"]  # type: ignore[no-any-return]


def end_file(bench: Bench, tenant_id: str, file_id: str, state: str) -> None:
    """Let a file arrive, and let its intake end its main pipeline in this state."""
    bench.store.arrive([Arrival(f"originals/{tenant_id}/{file_id}", "v1")])
    error = ("intake", "unreadable", "it can't be read") if state == "failed" else None
    for wake_up in bench.store.dispatch({"intake": 1000}):
        planner = partial(_plan, FilePlan((), state, error))
        bench.store.record(bench.claim(wake_up), ENDED.get(state, INTAKE_DONE), planner, cost_s=0, host="h")


def _plan(plan: FilePlan, _file: File) -> FilePlan:
    return plan


@pytest.fixture
def tenant(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    api.bench.empty()
    settings = replace(entry.ports().settings, webhook_networks="127.0.0.0/8")
    replace_ports(monkeypatch, settings=settings)
    yield Tenant(api)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def deliver(bench: Bench, sender: WebhookSender | None = None) -> None:
    """Deliver everything that is due."""
    webhooks = PostgresWebhooks(bench.store._database)
    Deliverer(webhooks, sender or HttpWebhookSender(LOOPBACK, "Fairway/test")).run_for(3600)


def let_time_pass(bench: Bench) -> None:
    """Make every retry and every probe due."""
    bench.database.run("UPDATE webhook_endpoints SET probe_at = now() WHERE probe_at IS NOT NULL")
    bench.database.run("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'waiting'")


# --- events ------------------------------------------------------------------------------------------


def test_each_end_of_a_file_is_delivered_with_a_signature(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url)
    done, partial, failed = tenant.end_files("done", "partial", "failed")
    deliver(tenant.bench)
    files = [event for event in receiver.events if event[1].startswith("file.")]
    assert sorted(files) == sorted([(done, "file.done"), (partial, "file.partial"), (failed, "file.failed")])
    assert all(received.is_signed_by(webhook["secret"]) for received in receiver.requests)
    (event,) = [received.event for received in receiver.requests if received.event["subject"] == failed]
    assert event["source"] == f"/datasets/{tenant.dataset_id}"
    assert event["data"]["error"] == {"step": "intake", "code": "unreadable"}
    assert {received.headers["content-type"] for received in receiver.requests} == {"application/cloudevents+json"}


def test_an_event_carries_ids_and_no_content(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url)
    tenant.end_files("failed")
    deliver(tenant.bench)
    sent = b"".join(received.body for received in receiver.requests)
    assert b"0.txt" not in sent and b"can't be read" not in sent


def test_a_removal_and_its_undo_are_delivered_in_their_order(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.done", "file.removed", "file.restored")
    (file_id,) = tenant.end_files("done")
    removal = tenant.caller.delete(f"/files/{file_id}").json()
    tenant.caller.post(f"/removals/{removal['id']}/undo")
    deliver(tenant.bench)
    assert receiver.events == [(file_id, "file.done"), (file_id, "file.removed"), (file_id, "file.restored")]
    sequences = [received.event["sequence"] for received in receiver.requests]
    assert sequences == sorted(sequences)
    assert receiver.requests[1].event["data"]["removal_id"] == removal["id"]


def test_an_event_that_nobody_subscribed_to_is_not_stored(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.failed")
    other = Tenant(tenant.api)
    other.end_files("failed")
    tenant.end_files("done")
    off = tenant.webhook(receiver.url, "file.done")
    assert tenant.caller.put(f"/webhooks/{off['id']}", json={"enabled": False}).status_code == 200
    tenant.end_files("done")
    assert tenant.bench.database.rows("SELECT 1 AS one FROM webhook_events") == []


def test_an_approval_an_applied_plan_and_an_export_are_events(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "record.approved", "plan.applied", "export.ready")
    (file_id,) = tenant.end_files("done")
    tenant.bench.database.run(
        "INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete)"
        " SELECT file_id, tenant_id, dataset_id, 1, '{}', '[]', '{}', true FROM files WHERE file_id = %(f)s",
        f=file_id,
    )
    for state in ("approved", "approved", "open", "approved"):
        assert tenant.caller.put(f"/files/{file_id}/review", json={"state": state}).status_code == 200
    plan_id = tenant.caller.post(f"/datasets/{tenant.dataset_id}/plans", json={}).json()["id"]
    export_id = tenant.caller.post(f"/datasets/{tenant.dataset_id}/exports", json={"format": "csv"}).json()["id"]
    tenant.bench.database.run("UPDATE plans SET state = 'applied' WHERE plan_id = %(p)s", p=plan_id)
    tenant.bench.database.run("UPDATE plans SET state = 'applied' WHERE plan_id = %(p)s", p=plan_id)
    exports = PostgresExports(tenant.bench.store._database)
    claim = exports.claim(60)
    assert claim and exports.finish(claim, 3, "artifacts/a", 9)
    deliver(tenant.bench)
    assert sorted(receiver.events) == sorted(
        [(file_id, "record.approved")] * 2 + [(plan_id, "plan.applied"), (export_id, "export.ready")]
    )


# --- settled batches ---------------------------------------------------------------------------------


def batches_settled(receiver: Receiver) -> list[dict[str, Any]]:
    return [received.event["data"]["by_state"] for received in receiver.requests]


def test_a_batch_settles_once_its_last_file_has(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "batch.settled")
    *_, last = tenant.end_files("done", "failed", "")
    deliver(tenant.bench)
    assert batches_settled(receiver) == []
    end_file(tenant.bench, tenant.id, last, "done")
    deliver(tenant.bench)
    assert batches_settled(receiver) == [{"done": 2, "failed": 1}]


def test_two_files_that_settle_at_the_same_time_settle_their_batch_once(
    tenant: Tenant, receiver: Receiver, database_urls: Urls
) -> None:
    tenant.webhook(receiver.url, "batch.settled")
    first, second = tenant.end_files("", "")
    end = "UPDATE files SET state = 'failed' WHERE file_id = %s"
    with psycopg.connect(database_urls.worker) as one, psycopg.connect(database_urls.worker) as other:
        one.execute(end, [first])
        other.execute(end, [second])
        one.commit()
        deliver(tenant.bench)
        assert batches_settled(receiver) == []
        other.commit()
    deliver(tenant.bench)
    deliver(tenant.bench)
    assert batches_settled(receiver) == [{"failed": 2}]


def test_a_batch_settles_again_after_a_redrive(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "batch.settled")
    (file_id,) = tenant.end_files("failed")
    deliver(tenant.bench)
    tenant.bench.database.run("UPDATE files SET state = 'processing' WHERE file_id = %(f)s", f=file_id)
    tenant.bench.database.run("UPDATE files SET state = 'done' WHERE file_id = %(f)s", f=file_id)
    deliver(tenant.bench)
    assert batches_settled(receiver) == [{"failed": 1}, {"done": 1}]


def test_deciding_about_a_batch_does_not_wait_for_a_request_that_holds_it(
    tenant: Tenant, receiver: Receiver, database_urls: Urls
) -> None:
    tenant.webhook(receiver.url, "batch.settled")
    tenant.end_files("done")
    with psycopg.connect(database_urls.owner) as other:
        other.execute("SELECT 1 FROM batches FOR UPDATE")
        deliver(tenant.bench)
        assert batches_settled(receiver) == []
    deliver(tenant.bench)
    assert batches_settled(receiver) == [{"done": 1}]


# --- without endpoints -------------------------------------------------------------------------------


def statements(url: str, do: str, *values: Any) -> list[str]:
    """The statements that run on the server because of one, also those of functions and triggers."""
    found: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
            " SET auto_explain.log_level = notice; SET auto_explain.log_format = json"
        )
        connection.add_notice_handler(lambda notice: found.append(notice.message_primary or ""))
        connection.execute(do, values)
    return [text for text in found if "plan:" in text]


def test_without_an_endpoint_the_end_of_a_file_needs_no_further_statement(
    tenant: Tenant, receiver: Receiver, database_urls: Urls
) -> None:
    first, second = tenant.end_files("", "")
    end = "UPDATE files SET state = 'done' WHERE file_id = %s"
    without = statements(database_urls.owner, end, first)
    # The update, and the three statements of its trigger: changes, whether a count changes, and counts.
    assert len(without) == 4
    tenant.webhook(receiver.url, "file.done")
    assert len(statements(database_urls.owner, end, second)) > 4


# --- delivery ----------------------------------------------------------------------------------------


def test_an_endpoint_that_comes_back_gets_everything_in_order_and_nobody_else_waits(
    tenant: Tenant, receiver: Receiver
) -> None:
    other = Tenant(tenant.api)
    with receiving() as healthy:
        other.webhook(healthy.url, "file.done")
        tenant.webhook(receiver.url, "file.done", "file.removed")
        receiver.answer = lambda _: 503
        ids = tenant.end_files(*["done"] * 30)
        for file_id in ids[:10]:
            tenant.caller.delete(f"/files/{file_id}")
        others = other.end_files(*["done"] * 10)
        deliver(tenant.bench)
        assert sorted(healthy.events) == sorted((file_id, "file.done") for file_id in others)
        tried = len(receiver.requests)
        assert FAILURES_TO_OPEN <= tried < FAILURES_TO_OPEN + 8  # then the breaker opened
        deliver(tenant.bench)
        assert len(receiver.requests) == tried
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    assert len(receiver.requests) == tried + 1  # one probe
    receiver.requests.clear()
    receiver.answer = lambda _: 200
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    expected = [(file_id, "file.done") for file_id in ids] + [(file_id, "file.removed") for file_id in ids[:10]]
    assert sorted(receiver.events) == sorted(expected)
    for file_id in ids[:10]:
        assert [kind for subject, kind in receiver.events if subject == file_id] == ["file.done", "file.removed"]


def test_a_later_event_of_a_file_waits_for_an_earlier_one_that_fails(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.done", "file.removed")
    first, second = tenant.end_files("done", "done")
    for file_id in (first, second):
        tenant.caller.delete(f"/files/{file_id}")
    refused = [(first, "file.done")]

    def answer(received: Received) -> int:
        return 500 if (received.event["subject"], received.event["type"]) in refused else 204

    receiver.answer = answer
    deliver(tenant.bench)
    assert (first, "file.removed") not in receiver.events
    assert (second, "file.removed") in receiver.events
    refused.clear()
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    assert receiver.events[-2:] == [(first, "file.done"), (first, "file.removed")]


def test_a_delivery_of_a_lost_worker_is_repeated_with_the_same_id(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.done")
    tenant.end_files("done")
    webhooks = PostgresWebhooks(tenant.bench.store._database)
    (lost,) = webhooks.claim(60)
    deliver(tenant.bench)
    assert receiver.requests == []
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    assert [received.headers["webhook-id"] for received in receiver.requests] == [str(lost.event_id)]
    assert not webhooks.end(lost, Sent(200), Verdict("delivered"))


def test_tenants_take_turns(tenant: Tenant, receiver: Receiver) -> None:
    other = Tenant(tenant.api)
    tenant.webhook(receiver.url, "file.done")
    other.webhook(receiver.url, "file.done")
    tenant.end_files(*["done"] * 60)
    other.end_files("done")
    webhooks = PostgresWebhooks(tenant.bench.store._database)
    first, second = webhooks.claim(60), webhooks.claim(60)
    assert {len(first), len(second)} == {CLAIMED_AT_ONCE, 1}


def test_claiming_reads_as_little_of_a_backlog_that_grew_after_its_plan_was_made(
    tenant: Tenant, receiver: Receiver, database_urls: Urls
) -> None:
    endpoint = tenant.webhook(receiver.url)
    subjects = [str(uuid.uuid4()) for _ in range(4000)]
    with psycopg.connect(database_urls.worker, autocommit=True) as connection:
        for _ in range(8):  # PostgreSQL keeps a plan from the sixth call on
            blocks_of_claim(connection)
        for kind in ("file.done", "file.removed"):
            connection.execute("SELECT note_events(%s)", [Jsonb([event(tenant.id, kind, each) for each in subjects])])
        assert blocks_of_claim(connection) < 1000
        # All first events are delivered, and PostgreSQL has not removed their dead entries.
        connection.execute(
            "UPDATE webhook_deliveries d SET state = 'delivered', lease_id = NULL, ended_at = now() FROM webhook_events e"
            " WHERE e.event_seq = d.event_seq AND d.endpoint_id = %s AND e.event_type = 'file.done'",
            [endpoint["id"]],
        )
        blocks_of_claim(connection)  # marks the dead entries
        assert blocks_of_claim(connection) < 1000


def event(tenant_id: str, kind: str, subject: str) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "event_type": kind, "dataset_id": subject, "subject_id": subject, "data": {}}


def blocks_of_claim(connection: psycopg.Connection[Any]) -> int:
    """How many blocks a claim reads."""
    row = connection.execute(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT count(*) FROM claim_deliveries(60, 20, 80)"
    ).fetchone()
    assert row
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def test_deliveries_of_one_endpoint_share_a_connection(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.done")
    tenant.end_files(*["done"] * CLAIMED_AT_ONCE)
    deliver(tenant.bench)
    assert (len(receiver.requests), len(receiver.connections)) == (CLAIMED_AT_ONCE, 1)


def test_a_redirect_is_not_followed_and_gone_switches_the_webhook_off(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    receiver.answer = lambda _: 302
    tenant.end_files("done")
    deliver(tenant.bench)
    assert len(receiver.requests) == 1
    (delivery,) = tenant.deliveries(webhook)
    assert (delivery["state"], delivery["last_attempt"]["status"]) == ("waiting", 302)
    receiver.answer = lambda _: 410
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    shown = tenant.caller.get(f"/webhooks/{webhook['id']}").json()
    assert (shown["enabled"], shown["disabled_because"]) == (False, "it answered 410 Gone")
    tenant.end_files("done")
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    assert len(receiver.requests) == 2
    receiver.answer = lambda _: 200
    tenant.caller.put(f"/webhooks/{webhook['id']}", json={"enabled": True})
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    assert len(receiver.requests) == 3


def test_a_delivery_is_given_up_after_a_day(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done", "file.removed")
    receiver.answer = lambda _: 500
    (file_id,) = tenant.end_files("done")
    tenant.caller.delete(f"/files/{file_id}")
    tenant.bench.database.run("UPDATE webhook_deliveries SET since = now() - interval '25 h'")
    deliver(tenant.bench)
    assert [delivery["state"] for delivery in tenant.deliveries(webhook, state="failed")] == ["failed", "failed"]


def test_an_endpoint_that_is_down_for_more_than_a_day_loses_only_what_is_older(
    tenant: Tenant, receiver: Receiver
) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    receiver.answer = lambda _: None
    tenant.end_files(*["done"] * 10)
    deliver(tenant.bench)
    tenant.bench.database.run("UPDATE webhook_endpoints SET failing_since = now() - interval '25 h'")
    tenant.bench.database.run("UPDATE webhook_deliveries SET since = now() - interval '25 h'")
    tenant.end_files("done")
    let_time_pass(tenant.bench)
    deliver(tenant.bench)
    states = [delivery["state"] for delivery in tenant.deliveries(webhook)]
    assert states == ["waiting"] + ["failed"] * 10


def test_an_hour_of_outage_costs_few_attempts_and_no_event(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, *TYPES)
    clock, events = DeliveryClock(tenant.bench.database, tenant.id), ends_and_removals(tenant.id, 100)
    receiver.answer = lambda _: 503
    add_events(tenant.bench.database, events)
    while True:
        deliver(tenant.bench)
        wait_s = clock.until_next_s()
        assert wait_s is not None
        if clock.skipped_s + wait_s > 3600:
            break
        clock.skip(wait_s)
    assert 60 < len(receiver.requests) <= most_attempts(3600)
    shown = tenant.caller.get(f"/webhooks/{webhook['id']}").json()
    assert shown["next_probe_at"] and shown["failures"] == len(receiver.requests)
    receiver.requests.clear()
    receiver.answer = lambda _: 204
    clock.skip(wait_s)
    deliver(tenant.bench)
    assert (len(receiver.requests), sent_twice(receiver), out_of_order(receiver)) == (len(events), 0, 0)
    assert len({subject for subject, _ in receiver.events}) == 100
    shown = tenant.caller.get(f"/webhooks/{webhook['id']}").json()
    assert (shown["next_probe_at"], shown["failures"]) == (None, 0)
    assert tenant.deliveries(webhook, state="waiting") == []


def test_a_delivery_that_fails_is_tried_at_growing_intervals_for_a_day(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    clock, waits = DeliveryClock(tenant.bench.database, tenant.id), list[float]()
    receiver.answer = lambda _: 503
    tenant.end_files("done")
    deliver(tenant.bench)
    while (wait_s := clock.until_next_s()) is not None:
        waits.append(wait_s)
        clock.skip(wait_s)
        deliver(tenant.bench)
    assert len(receiver.requests) == len(waits) + 1
    assert sum(waits) == pytest.approx(GIVE_UP_AFTER_S, rel=0.01)
    for attempt, wait_s in enumerate(waits[:-1], 1):  # the last attempt is made when the day is over
        assert retry_delay(attempt, 0.0) * 0.99 < wait_s < retry_delay(attempt, 1.0) * 1.01
    (failed,) = tenant.deliveries(webhook, state="failed")
    assert failed["attempts"] == len(receiver.requests)


# --- the log, redelivery, secrets --------------------------------------------------------------------


def test_a_test_event_goes_to_one_webhook_and_the_log_shows_it(tenant: Tenant, receiver: Receiver) -> None:
    webhook, other = tenant.webhook(receiver.url), tenant.webhook(receiver.url)
    event_id = tenant.caller.post(f"/webhooks/{webhook['id']}/test").json()["event_id"]
    deliver(tenant.bench)
    assert receiver.events == [(webhook["id"], "endpoint.test")]
    shown = tenant.caller.get(f"/webhooks/{webhook['id']}/deliveries/{event_id}").json()
    assert (shown["state"], [attempt["status"] for attempt in shown["history"]]) == ("delivered", [204])
    assert tenant.deliveries(other) == []


def test_an_event_can_be_delivered_again_with_its_id(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    tenant.end_files("done")
    deliver(tenant.bench)
    (delivery,) = tenant.deliveries(webhook)
    path = f"/webhooks/{webhook['id']}/deliveries/{delivery['event_id']}"
    assert tenant.caller.post(f"{path}/redeliver").json()["state"] == "waiting"
    deliver(tenant.bench)
    assert [received.headers["webhook-id"] for received in receiver.requests] == [delivery["event_id"]] * 2
    assert len({received.body for received in receiver.requests}) == 1
    assert len(tenant.caller.get(path).json()["history"]) == 2


def test_what_was_given_up_can_be_delivered_again_at_once(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    tenant.end_files("done", "done")
    tenant.bench.database.run("UPDATE webhook_deliveries SET state = 'failed', ended_at = now()")
    path = f"/webhooks/{webhook['id']}/redeliveries"
    assert tenant.caller.post(path, json={"since": "2999-01-01T00:00:00Z"}).json()["count"] == 0
    assert tenant.caller.post(path, json={"since": "2020-01-01T00:00:00Z"}).json()["count"] == 2
    deliver(tenant.bench)
    assert len(receiver.requests) == 2


def test_while_a_secret_is_replaced_both_sign(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    new = tenant.caller.post(f"/webhooks/{webhook['id']}/secret").json()["secret"]
    assert new != webhook["secret"]
    tenant.end_files("done")
    deliver(tenant.bench)
    assert all(receiver.requests[0].is_signed_by(secret) for secret in (webhook["secret"], new))
    tenant.bench.database.run("UPDATE webhook_endpoints SET former_secret_until = now()")
    tenant.end_files("done")
    deliver(tenant.bench)
    assert receiver.requests[1].is_signed_by(new) and not receiver.requests[1].is_signed_by(webhook["secret"])


def test_a_secret_is_shown_once(tenant: Tenant, receiver: Receiver) -> None:
    body = {"url": receiver.url, "event_types": ["file.done"]}
    created, repeated = (
        tenant.caller.post("/webhooks", json=body, headers={"Idempotency-Key": "k"}).json() for _ in range(2)
    )
    assert created["secret"].startswith("whsec_") and repeated["secret"] is None
    assert created["id"] == repeated["id"]
    assert "secret" not in tenant.caller.get(f"/webhooks/{created['id']}").json()


def test_a_deleted_webhook_gets_nothing_more(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url)
    tenant.end_files("done")
    assert tenant.caller.delete(f"/webhooks/{webhook['id']}").status_code == 200
    tenant.end_files("done")
    deliver(tenant.bench)
    assert receiver.requests == []
    assert tenant.bench.database.rows("SELECT 1 AS one FROM webhook_deliveries") == []
    problem(tenant.caller.get(f"/webhooks/{webhook['id']}/deliveries"), 404, "not_found")


def test_the_end_of_a_file_does_not_depend_on_an_endpoint_that_is_being_deleted(
    tenant: Tenant, receiver: Receiver, database_urls: Urls
) -> None:
    tenant.webhook(receiver.url)
    (file_id,) = tenant.end_files("")
    with psycopg.connect(database_urls.owner) as other:
        other.execute("DELETE FROM webhook_endpoints")
        end_file(tenant.bench, tenant.id, file_id, "done")
    assert tenant.caller.get(f"/files/{file_id}").json()["state"] == "done"
    deliver(tenant.bench)
    assert receiver.requests == []


def test_another_tenants_webhook_does_not_exist(tenant: Tenant, receiver: Receiver) -> None:
    webhook = tenant.webhook(receiver.url, "file.done")
    tenant.end_files("done")
    (delivery,) = tenant.deliveries(webhook)
    other = tenant.api.caller()
    path = f"/webhooks/{webhook['id']}"
    for answer in (
        other.get(path),
        other.put(path, json={"enabled": False}),
        other.delete(path),
        other.post(f"{path}/secret"),
        other.post(f"{path}/test"),
        other.get(f"{path}/deliveries"),
        other.get(f"{path}/deliveries/{delivery['event_id']}"),
        other.post(f"{path}/deliveries/{delivery['event_id']}/redeliver"),
        other.post(f"{path}/redeliveries", json={"since": "2020-01-01T00:00:00Z"}),
    ):
        problem(answer, 404, "not_found")
    assert other.get("/webhooks").json() == {"webhooks": []}
    deliver(tenant.bench)
    assert len(receiver.requests) == 1


def test_the_number_of_webhooks_and_their_addresses_are_limited(tenant: Tenant) -> None:
    for _ in range(10):
        tenant.webhook("https://hooks.example/")
    body = {"url": "https://hooks.example/", "event_types": ["file.done"]}
    problem(tenant.caller.post("/webhooks", json=body), 429, "quota_exceeded")
    refused = tenant.caller.post("/webhooks", json=body | {"url": "https://169.254.169.254/latest"})
    problem(refused, 400, "invalid_request")
    assert refused.json()["errors"][0]["pointer"] == "/url"


def test_old_events_are_forgotten_with_their_log(tenant: Tenant, receiver: Receiver) -> None:
    tenant.webhook(receiver.url, "file.done")
    tenant.end_files("done", "done")
    deliver(tenant.bench)
    webhooks = PostgresWebhooks(tenant.bench.store._database)
    assert webhooks.forget(7, 100) == 0
    tenant.bench.database.run(
        "UPDATE webhook_events SET occurred_at = now() - interval '8 days'"
        " WHERE event_seq = (SELECT min(event_seq) FROM webhook_events)"
    )
    assert webhooks.forget(7, 100) == 1
    for table in OUTBOX:
        assert len(tenant.bench.database.rows(f"SELECT 1 AS one FROM {table}")) == 1, table
