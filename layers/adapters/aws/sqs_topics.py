"""Topics as SQS queues: one queue `<prefix><topic>` each."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from layers.adapters.aws.sqs_http import SqsHttp
from layers.domain.message import WakeUp, bundle_as_json, bundles
from layers.telemetry.log import log

DEAD_SUFFIX = "-dead"
LONGEST_DELAY_S = 900
MOST_A_REQUEST = 10  # messages, by the API of SQS
GIVEN_BACK_S = 0


class SqsTopics:
    """Publishes wake-ups. What can't be sent is logged and left: upkeep publishes it again.

    `ring` is called with a topic's name after something was published on it, so that a consumer on the
    same machines need not wait for its poll.
    """

    def __init__(
        self, client: Callable[[], Any], ring: Callable[[str, int], None] | None = None, *, prefix: str = "fairway-"
    ) -> None:
        self._link = SqsHttp(client)
        self._prefix = prefix
        self._urls: dict[str, str] = {}
        self._ring = ring or (lambda topic, count: None)

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
            answer = self._link.ask("GetQueueAttributes", QueueUrl=self._url(topic), AttributeNames=[name])
            return int(answer["Attributes"][name]) > 0
        except Exception as error:
            log("topic_not_seen", topic=topic, detail=str(error))
            return False

    def dispatch_later(self, delay_s: float) -> None:
        self._send("dispatch", ['{"wake": true}'], delay_s=min(LONGEST_DELAY_S, math.ceil(delay_s)))

    def receive(self, topic: str, *, most: int, wait_s: int) -> list[dict[str, Any]]:
        """Up to `most` messages as SQS records of a Lambda event; an empty list after `wait_s` seconds of none."""
        answer = self._link.ask(
            "ReceiveMessage", QueueUrl=self._url(topic), MaxNumberOfMessages=most, WaitTimeSeconds=wait_s
        )
        return [
            {"messageId": one["MessageId"], "receiptHandle": one["ReceiptHandle"], "body": one["Body"]}
            for one in answer.get("Messages", ())
        ]

    def delete(self, topic: str, receipt_handles: list[str]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(receipt_handles)]
        if entries:
            self._link.ask("DeleteMessageBatch", QueueUrl=self._url(topic), Entries=entries)

    def give_back(self, topic: str, receipt_handles: list[str]) -> None:
        """Let messages be received again shortly, well before their visibility timeout."""
        for handle in receipt_handles:
            self._link.ask(
                "ChangeMessageVisibility",
                QueueUrl=self._url(topic),
                ReceiptHandle=handle,
                VisibilityTimeout=GIVEN_BACK_S,
            )
        self._ring(topic, len(receipt_handles))

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Each message is sent anew before it is deleted, so that a crash doubles it and never loses it."""
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
            self._link.ask("GetQueueUrl", QueueName=f"{self._prefix}dispatch")
        except Exception:
            return False
        return True

    def _send(self, topic: str, bodies: list[str], delay_s: int = 0) -> bool:
        """Send up to ten messages; whether all were taken."""
        entries = [
            {"Id": str(place), "MessageBody": body, "DelaySeconds": delay_s} for place, body in enumerate(bodies)
        ]
        try:
            answer = self._link.ask("SendMessageBatch", QueueUrl=self._url(topic), Entries=entries)
        except Exception as error:  # what it takes to sign, such as credentials, may be missing too
            log("publish_failed", topic=topic, messages=len(bodies), detail=str(error))
            return False
        if answer.get("Failed"):
            log("publish_failed", topic=topic, messages=len(answer["Failed"]), detail=str(answer["Failed"][0]))
        if not delay_s:
            self._ring(topic, len(bodies))
        return not answer.get("Failed")

    def _url(self, topic: str) -> str:
        if topic not in self._urls:
            self._urls[topic] = self._link.ask("GetQueueUrl", QueueName=self._prefix + topic)["QueueUrl"]
        return self._urls[topic]
