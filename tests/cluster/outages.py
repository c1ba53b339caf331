"""Killed servers and hosts, rebalances, and messages that are lost, repeated or out of order: `make test-cluster`."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.cluster.cluster import PARTITIONS, PREFIX
from infra.topics import ARRIVALS, TOPICS
from layers.adapters.kafka import administration
from layers.adapters.kafka.topics import group, producer
from tests.cluster.ground import HOSTS, Ground, wait_for

pytestmark = pytest.mark.timeout(600)
FILES = 40
STORE_AWAY_S = 12.0
LONGEST_S = 60.0


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    made = Ground(tmp_path_factory.mktemp("cluster") / "home")
    try:
        for name in HOSTS:
            made.start_host(name)
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def balance(ground: Ground) -> Iterator[None]:
    """After each test, the audit finds each accepted file once."""
    yield
    ground.balance()


def test_a_killed_broker_comes_back_and_all_files_settle(ground: Ground, tmp_path: Path) -> None:
    before = ground.upload(tmp_path / "before", FILES)
    ground.kill("kafka")
    # The store can't send the events of these objects; the sweep of the bucket finds them.
    during = ground.upload(tmp_path / "during", FILES // 4)
    for batch in (before, during):
        ground.settled(*batch)


def test_no_attempt_is_spent_while_the_store_is_away(ground: Ground, tmp_path: Path) -> None:
    batch = ground.upload(tmp_path / "away", FILES)
    store = ground.pid_of("store")
    os.kill(store, signal.SIGSTOP)
    try:
        time.sleep(STORE_AWAY_S)
    finally:
        os.kill(store, signal.SIGCONT)
    files = ground.settled(*batch)
    spent = [
        one
        for file in files
        for one in ground.client.call("GET", f"/files/{file['id']}/history")["attempts"]
        if one["outcome"] in ("failed", "retry")
    ]
    assert spent == []


def test_nothing_is_lost_with_a_host_that_never_comes_back(ground: Ground, tmp_path: Path) -> None:
    batch = ground.upload(tmp_path / "host", FILES)
    ground.kill_host("host-b")
    ground.settled(*batch)
    ground.start_host("host-c")


def test_new_partitions_are_used_without_a_restart(ground: Ground, tmp_path: Path) -> None:
    first = ground.upload(tmp_path / "narrow", FILES // 2)
    wider = {PREFIX + topic: PARTITIONS + 4 for topic in TOPICS}
    assert administration.ensure_topics(ground.access, wider, 1) == sorted(wider)
    ground.settled(*first)
    # Workers keep most messages for themselves, so it takes some before one goes to a new partition.
    batches: list[tuple[str, str]] = []
    while not any(in_new_partitions(ground, PREFIX + topic) for topic in TOPICS if topic != ARRIVALS):
        assert len(batches) < 10
        batches.append(ground.upload(tmp_path / f"wide-{len(batches)}", FILES))
        ground.settled(*batches[-1])
    wait_for(lambda: not any(unread(ground, topic) for topic in TOPICS), LONGEST_S)


def test_nothing_is_lost_when_hosts_join_and_leave_under_load(ground: Ground, tmp_path: Path) -> None:
    batch = ground.upload(tmp_path / "rebalance", 2 * FILES)
    moved = ground.events("partitions_revoked")
    for name in ("host-guest-1", "host-guest-2"):
        ground.start_host(name)
        wait_for(lambda name=name: ground.events("partitions_assigned", name), LONGEST_S)
        ground.stop_host(name)
    assert ground.events("partitions_revoked") > moved
    ground.settled(*batch)


def test_messages_redelivered_in_another_order_change_nothing(ground: Ground, tmp_path: Path) -> None:
    dataset_id, batch_id = ground.upload(tmp_path / "again", FILES // 2)
    files = ground.settled(dataset_id, batch_id)
    attempts, records = ground.attempts(files), list(ground.client.records(dataset_id))
    client = producer(ground.access)
    for topic, body in reversed(all_messages(ground)):
        client.produce(topic, body)
    assert client.flush(LONGEST_S) == 0
    wait_for(lambda: not any(unread(ground, topic) for topic in TOPICS), LONGEST_S)
    assert ground.attempts(files) == attempts
    assert list(ground.client.records(dataset_id)) == records


def test_lost_messages_only_cost_time(ground: Ground, tmp_path: Path) -> None:
    batch = ground.upload(tmp_path / "lost", FILES)
    for _ in range(10):
        lose_all_messages(ground)
    ground.settled(*batch)


def test_a_client_may_announce_an_upload(ground: Ground) -> None:
    dataset = ground.client.dataset("announced")
    content = b"Invoice announced\nTotal: EUR 7.00\n" + uuid.uuid4().hex.encode()
    body = {"files": [{"name": "a.txt", "size_bytes": len(content)}]}
    batch = ground.client.call("POST", f"/datasets/{dataset['id']}/batches", body)
    (file,) = batch["files"]
    assert ground.client.announce(file["id"])["state"] == "uploading"
    ground.client.put(file["upload"], content)
    ground.client.announce(file["id"])
    (settled,) = ground.settled(dataset["id"], batch["id"])
    assert ground.client.announce(settled["id"])["state"] == "done"


def test_both_apis_show_the_same(ground: Ground) -> None:
    port = ground.cluster.installation.ports["api-2"]
    headers = {"Authorization": f"Bearer {ground.cluster.endpoint['api_key']}"}
    second = httpx.get(f"http://127.0.0.1:{port}/datasets", headers=headers, trust_env=False).json()
    first = ground.client.call("GET", "/datasets")
    assert [one["id"] for one in second["datasets"]] == [one["id"] for one in first["datasets"]]


# --- messages ----------------------------------------------------------------------------------------


def all_messages(ground: Ground) -> list[tuple[str, bytes]]:
    """Every message that the brokers store, as (topic, body)."""
    consumer: Any = Consumer(
        ground.access.config(group_id=f"test-{uuid.uuid4()}", auto_offset_reset="earliest", enable_auto_commit=False)
    )
    found: list[tuple[str, bytes]] = []
    try:
        consumer.subscribe([PREFIX + topic for topic in TOPICS])
        quiet_until = time.monotonic() + 10
        while time.monotonic() < quiet_until:
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                found.append((message.topic(), message.value()))
                quiet_until = time.monotonic() + 3
    finally:
        consumer.close()
    assert found
    return found


def in_new_partitions(ground: Ground, topic: str) -> int:
    """How many messages of a topic are in the partitions that were added."""
    consumer: Any = Consumer(ground.access.config(group_id="test-offsets"))
    try:
        added = [TopicPartition(topic, number) for number in range(PARTITIONS, PARTITIONS + 4)]
        ranges = [consumer.get_watermark_offsets(one, timeout=10) for one in added]
        return sum(high - low for low, high in ranges)
    finally:
        consumer.close()


def unread(ground: Ground, topic: str) -> int:
    return administration.unreceived(ground.access, group(PREFIX), PREFIX + topic)


def lose_all_messages(ground: Ground) -> None:
    """Delete all messages from the topics."""
    counts = administration.partitions_of(ground.access, [PREFIX + topic for topic in TOPICS])
    everything = [TopicPartition(topic, number, -1) for topic, count in counts.items() for number in range(count)]
    admin = AdminClient(ground.access.config())  # in a variable, because its calls are answered only while it exists
    for done in admin.delete_records(everything).values():
        done.result(LONGEST_S)
