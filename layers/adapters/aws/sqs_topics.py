"""Topics as SQS queues: the queue of a topic is `<prefix><topic>`."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from layers.adapters.aws.sqs_http import SqsHttp
from layers.domain.message import ARRIVALS, DISPATCH, WAKE, WakeUp, announcement, bundle_as_json, bundles
from layers.telemetry.log import log

DEAD_SUFFIX = "-dead"
LONGEST_DELAY_S = 900
MOST_A_REQUEST = 10  # messages; the limit of SQS
GIVEN_BACK_S = 0


class SqsTopics:
    """Publishes wake-ups. One that can't be sent is logged; upkeep publishes it again.

    `signal` is called with a topic and a count after messages were published on it, so that a consumer does not have
    to wait for its next poll.
    """

    is_buffered = False

    def __init__(
        self, client: Callable[[], Any], signal: Callable[[str, int], None] | None = None, *, prefix: str = "fairway-"
    ) -> None:
        self._sqs = SqsHttp(client)
        self._prefix = prefix
        self._urls: dict[str, str] = {}
        self._signal = signal or (lambda topic, count: None)

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        by_topic: dict[str, list[list[WakeUp]]] = defaultdict(list)
        for load in bundles(list(wake_ups)):
            by_topic[load[0].step].append(load)
        for topic, messages in by_topic.items():
            for start in range(0, len(messages), MOST_A_REQUEST):
                chunk = messages[start : start + MOST_A_REQUEST]
                self._send(topic, [json.dumps(bundle_as_json(load)) for load in chunk])

    def holds_messages(self, topic: str) -> bool:
        name = "ApproximateNumberOfMessages"
        try:
            answer = self._sqs.call("GetQueueAttributes", QueueUrl=self._url(topic), AttributeNames=[name])
            return int(answer["Attributes"][name]) > 0
        except Exception as error:
            log("topic_unreachable", topic=topic, detail=str(error))
            return False

    def dispatch_later(self, delay_s: float) -> None:
        self._send(DISPATCH, [json.dumps(WAKE)], delay_s=min(LONGEST_DELAY_S, math.ceil(delay_s)))

    def announce(self, object_keys: Sequence[str]) -> None:
        self._send(ARRIVALS, [json.dumps(announcement(object_keys))])

    def start(self, threads: Mapping[str, int]) -> None:
        """Does nothing: each `receive` calls SQS."""

    def stop(self) -> None:
        """Does nothing: messages that were received and not deleted are received again."""

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        answer = self._sqs.call(
            "ReceiveMessage",
            QueueUrl=self._url(topic),
            MaxNumberOfMessages=min(most, MOST_A_REQUEST),
            WaitTimeSeconds=math.ceil(wait_s),
        )
        return [
            {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
            for message in answer.get("Messages", ())
        ]

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(receipt_handles)]
        if entries:
            self._sqs.call("DeleteMessageBatch", QueueUrl=self._url(topic), Entries=entries)

    def give_back(self, topic: str, records: list[dict[str, Any]]) -> None:
        """Make messages receivable at once instead of after their visibility timeout."""
        for record in records:
            self._sqs.call(
                "ChangeMessageVisibility",
                QueueUrl=self._url(topic),
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=GIVEN_BACK_S,
            )
        self._signal(topic, len(records))

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Each message is sent before it is deleted, so that a crash may duplicate it but can't lose it."""
        moved = 0
        for topic in topics:
            try:
                moved += self._revive(topic, limit)
            except Exception as error:
                log("redrive_failed", topic=topic, detail=str(error))
        return moved

    def _revive(self, topic: str, limit: int) -> int:
        dead, moved = topic + DEAD_SUFFIX, 0
        while moved < limit and (records := self.receive(dead, most=MOST_A_REQUEST, wait_s=0)):
            if not self._send(topic, [record["body"] for record in records]):
                break
            self.delete(dead, [record["receiptHandle"] for record in records])
            moved += len(records)
        return moved

    def is_up(self) -> bool:
        try:
            self._sqs.call("GetQueueUrl", QueueName=f"{self._prefix}dispatch")
        except Exception:
            return False
        return True

    def _send(self, topic: str, bodies: list[str], delay_s: int = 0) -> bool:
        """Send up to ten messages. Returns whether all were accepted."""
        entries = [
            {"Id": str(index), "MessageBody": body, "DelaySeconds": delay_s} for index, body in enumerate(bodies)
        ]
        try:
            answer = self._sqs.call("SendMessageBatch", QueueUrl=self._url(topic), Entries=entries)
        except Exception as error:  # also without credentials to sign with
            log("publish_failed", topic=topic, messages=len(bodies), detail=str(error))
            return False
        if answer.get("Failed"):
            log("publish_failed", topic=topic, messages=len(answer["Failed"]), detail=str(answer["Failed"][0]))
        if not delay_s:
            self._signal(topic, len(bodies))
        return not answer.get("Failed")

    def _url(self, topic: str) -> str:
        if topic not in self._urls:
            self._urls[topic] = self._sqs.call("GetQueueUrl", QueueName=self._prefix + topic)["QueueUrl"]
        return self._urls[topic]
