"""Receives from Kafka topics: one consumer in each process, and a buffer for each topic."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from layers.adapters.kafka.access import Access
from layers.adapters.kafka.buffers import Buffer, Record
from layers.adapters.kafka.topics import group
from layers.domain.message import ARRIVALS, DISPATCH
from layers.telemetry.log import log

# Small buffers slow a consumer down, because a pause drops messages that the client has prefetched. Steps have small
# ones anyway: a message that waits in one process is not available to the others.
EVENTS_ROOM = 1000
ROOM_A_THREAD = 4
HANDED_OVER = -1  # in place of a partition
POLL_S = 0.1
CLOSE_WAIT_S = 5.0
CHECKED_EVERY_S = 60.0
RETRY_S = 2.0
MAX_WAIT_S = 5


class KafkaSource:
    """The messages of the topics `<prefix><topic>` for one process; `connect` makes its consumer.

    An offset is committed once a thread has taken its message, so that no partition waits for a long step.
    """

    is_buffered = True

    def __init__(self, connect: Callable[[], Any], *, prefix: str = "fairway-") -> None:
        self._connect = connect
        self._prefix = prefix
        self._buffers: dict[str, Buffer] = {}
        self._taken: deque[tuple[str, int, int]] = deque()
        self._handled_here = threading.local()
        self._handed_over = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._paused: set[str] = set()
        self._check_at = time.monotonic() + CHECKED_EVERY_S

    def start(self, threads: Mapping[str, int]) -> None:
        """Receive from these topics, for that many threads each; returns immediately."""
        self._buffers = {
            topic: Buffer(EVENTS_ROOM if topic in (ARRIVALS, DISPATCH) else ROOM_A_THREAD * max(1, count))
            for topic, count in threads.items()
        }
        self._thread = threading.Thread(target=self._run, name="kafka-source", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the group: other processes receive the messages that no thread has taken."""
        self._stopping.set()
        if self._thread:
            self._thread.join(CLOSE_WAIT_S)

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[Record]:
        self._handled_here.topic = topic
        records = self._buffers[topic].take(most, wait_s)
        self._taken += [(topic, record["partition"], record.pop("offset")) for record in records if "offset" in record]
        return records

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        """Does nothing: offsets are committed when threads take messages."""

    def give_back(self, topic: str, records: list[Record]) -> None:
        self._buffers[topic].add_first(records)

    def hand_over(self, topic: str, body: str) -> bool:
        """Give a message directly to an idle thread of this process and topic. Returns whether there is one.

        The calling thread counts as idle if it handles a message of this topic, because it publishes only when it has
        ended. This fills a free slot at once, while the brokers might give the message to a busy process.
        """
        buffer = self._buffers.get(topic)
        if buffer is None or self._stopping.is_set():
            return False
        name = f"{topic}-handed-over-{next(self._handed_over)}"
        record = {"messageId": name, "receiptHandle": name, "body": body, "key": "", "partition": HANDED_OVER}
        return buffer.add_for_idle(record, ends=getattr(self._handled_here, "topic", None) == topic)

    def _store_offsets(self, consumer: Any) -> None:
        """Mark the messages that threads have taken; the client commits their offsets. Only the polling thread may call
        this: in another thread it would deadlock with the poll."""
        from confluent_kafka import KafkaException, TopicPartition

        newest: dict[tuple[str, int], int] = {}
        while self._taken:
            topic, partition, offset = self._taken.popleft()
            newest[topic, partition] = max(offset, newest.get((topic, partition), 0))
        for (topic, partition), offset in newest.items():
            try:
                consumer.store_offsets(offsets=[TopicPartition(self._prefix + topic, partition, offset + 1)])
            except KafkaException:
                pass  # the partition now belongs to another process, which receives the message again

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._consume()
            except Exception as error:
                log("consumer_failed", topic="*", error=error)
                self._stopping.wait(RETRY_S)

    def _consume(self) -> None:
        """Fill the buffers until this source is stopped."""
        consumer = self._connect()
        self._paused.clear()
        try:
            names = [self._prefix + topic for topic in self._buffers]
            consumer.subscribe(names, on_assign=self._gained, on_revoke=self._lost, on_lost=self._lost)
            while not self._stopping.is_set():
                message = consumer.poll(POLL_S)
                if message is not None:
                    self._take_in(message)
                self._store_offsets(consumer)
                self._regulate(consumer)
                if time.monotonic() > self._check_at:
                    self._check(consumer)
            self._store_offsets(consumer)
        finally:
            consumer.close()

    def _take_in(self, message: Any) -> None:
        topic = str(message.topic() or "").removeprefix(self._prefix)
        if message.error():
            log("receive_failed", topic=topic, code=message.error().name(), detail=message.error().str())
            self._stopping.wait(POLL_S)
            return
        number, offset = message.partition(), message.offset()
        self._buffers[topic].add(
            {
                "messageId": f"{topic}-{number}-{offset}",
                "receiptHandle": f"{topic}-{number}-{offset}",
                "body": (message.value() or b"").decode("utf-8", "replace"),
                "key": (message.key() or b"").decode("utf-8", "replace"),
                "partition": number,
                "offset": offset,
            }
        )

    def _regulate(self, consumer: Any) -> None:
        """Pause the topics whose buffers are full; resume those with room again."""
        full = {topic for topic, buffer in self._buffers.items() if buffer.is_full} - self._paused
        free = {topic for topic in self._paused if self._buffers[topic].has_room}
        if full:
            consumer.pause(self._mine(consumer, full))
        if free:
            consumer.resume(self._mine(consumer, free))
        self._paused = (self._paused | full) - free

    def _mine(self, consumer: Any, topics: set[str]) -> list[Any]:
        names = {self._prefix + topic for topic in topics}
        return [partition for partition in consumer.assignment() if partition.topic in names]

    def _gained(self, consumer: Any, partitions: list[Any]) -> None:
        # New partitions of a paused topic are not paused; if its buffer is full, all are paused again.
        self._paused -= {partition.topic.removeprefix(self._prefix) for partition in partitions}
        log("partitions_assigned", partitions=len(partitions))
        self._check_at = time.monotonic() + CHECKED_EVERY_S

    def _lost(self, consumer: Any, partitions: list[Any]) -> None:
        self._store_offsets(consumer)
        for topic, buffer in self._buffers.items():
            buffer.drop({partition.partition for partition in partitions if partition.topic == self._prefix + topic})
        log("partitions_revoked", partitions=len(partitions))

    def _check(self, consumer: Any) -> None:
        """Log the topics of which this process has got no partition for too long."""
        self._check_at = time.monotonic() + CHECKED_EVERY_S
        held = {partition.topic for partition in consumer.assignment()}
        for name in (self._prefix + topic for topic in self._buffers):
            if name not in held:
                count = len(consumer.list_topics(name, timeout=MAX_WAIT_S).topics[name].partitions)
                log("topic_too_narrow", topic=name.removeprefix(self._prefix), detail=too_narrow(name, count))


def too_narrow(name: str, partitions: int) -> str:
    """The message for operators about a topic with fewer partitions than workers."""
    if not partitions:
        return f"Kafka has no topic {name}, or does not let this user see it; `python -m infra.setup` creates topics"
    return (
        f"this worker gets no messages of {name}: its {partitions} partitions serve {partitions} workers at most; "
        "set FAIRWAY_KAFKA_PARTITIONS to the number of workers or more and run `python -m infra.setup`"
    )


def consumer(access: Access, prefix: str, name: str) -> Any:
    """A client that receives for the group of all workers; `name` is the process's name in the brokers' logs."""
    from confluent_kafka import Consumer

    return Consumer(
        access.config(
            group_id=group(prefix),
            client_id=name,
            auto_offset_reset="earliest",
            enable_auto_commit=True,
            auto_commit_interval_ms=1000,
            enable_auto_offset_store=False,  # `receive` stores it
            # The sticky strategies balance the sum over all topics: a worker may get all partitions of some topics and
            # none of others, so that its slots for these stay idle.
            partition_assignment_strategy="roundrobin",
            session_timeout_ms=6000,  # until a dead worker's partitions go to others; no broker allows less
            heartbeat_interval_ms=1000,  # how soon all workers learn of a rebalance, during which none of them receives
            fetch_wait_max_ms=100,
            queued_max_messages_kbytes=256,
            socket_keepalive_enable=True,
        )
    )
