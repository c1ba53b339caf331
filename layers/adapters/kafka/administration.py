"""Administers topics: creates them, adds partitions, checks them, and counts the messages that a group has not received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from layers.adapters.kafka.access import Access

MAX_WAIT_S = 5
CREATE_WAIT_S = 30
KEPT_MS = 24 * 3600 * 1000  # upkeep publishes older messages again
BROKERS_CHOICE = -1


def brokers_answer(access: Access) -> bool:
    """Whether the brokers answer. Raises the client's errors if they can't be reached."""
    return bool(_admin(access).list_topics(timeout=MAX_WAIT_S).brokers)


def partitions_of(access: Access, topics: Iterable[str]) -> dict[str, int]:
    """How many partitions each of these topics has; 0 if it does not exist. Raises the client's errors."""
    known = _admin(access).list_topics(timeout=MAX_WAIT_S).topics
    return {name: len(known[name].partitions) if name in known else 0 for name in topics}


def ensure_topics(access: Access, partitions: Mapping[str, int], replication: int = BROKERS_CHOICE) -> list[str]:
    """Create missing topics with these numbers of partitions, and add partitions to topics with fewer.

    `replication` is how many brokers store each partition of a new topic. Returns the changed topics.
    """
    client = _client()
    present = partitions_of(access, partitions)
    new = [
        client.NewTopic(name, count, replication, config={"retention.ms": str(KEPT_MS)})
        for name, count in partitions.items()
        if not present[name]
    ]
    wider = [client.NewPartitions(name, count) for name, count in partitions.items() if 0 < present[name] < count]
    admin = _admin(access)
    for changes in (
        admin.create_topics(new, operation_timeout=CREATE_WAIT_S) if new else {},
        admin.create_partitions(wider, operation_timeout=CREATE_WAIT_S) if wider else {},
    ):
        for change in changes.values():
            change.result(CREATE_WAIT_S)
    return sorted([topic.topic for topic in new] + [topic.topic for topic in wider])


def unreceived(access: Access, group: str, topic: str) -> int:
    """How many messages of a topic a group has not received yet. Raises the client's errors."""
    from confluent_kafka import TopicPartition

    admin, spec = _admin(access), _client().OffsetSpec
    partitions = [TopicPartition(topic, number) for number in range(partitions_of(access, [topic])[topic])]
    if not partitions:
        return 0
    received = _committed(admin, group, partitions)
    ends = admin.list_offsets({partition: spec.latest() for partition in partitions}, request_timeout=MAX_WAIT_S)
    begins = admin.list_offsets({partition: spec.earliest() for partition in partitions}, request_timeout=MAX_WAIT_S)
    return sum(
        max(
            0,
            end.result(MAX_WAIT_S).offset
            - max(received[partition.partition], begins[partition].result(MAX_WAIT_S).offset),
        )
        for partition, end in ends.items()
    )


def _committed(admin: Any, group: str, partitions: list[Any]) -> dict[int, int]:
    """The offset that a group has committed in each partition; negative if none."""
    from confluent_kafka import ConsumerGroupTopicPartitions

    query = [ConsumerGroupTopicPartitions(group, partitions)]
    answer = admin.list_consumer_group_offsets(query, request_timeout=MAX_WAIT_S)[group].result(MAX_WAIT_S)
    return {partition.partition: partition.offset for partition in answer.topic_partitions}


def _admin(access: Access) -> Any:
    return _client().AdminClient(access.config())


def _client() -> Any:
    from confluent_kafka import admin

    return admin
