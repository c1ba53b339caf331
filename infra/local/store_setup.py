"""Creates the queues of the embedded start, which forgets them when it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

BUCKET = "fairway"
ORIGINALS = "originals/"
ARRIVALS = "arrivals"
QUEUE_PREFIX = "fairway-"
DEAD_SUFFIX = "-dead"
VISIBILITY_S = 120
RETENTION_S = 14 * 24 * 3600
MAX_RECEIVES = 5


def set_up(endpoint_url: str, key_id: str, secret: str, visibility_s: Mapping[str, int]) -> None:
    """Create everything that is missing. `visibility_s` maps each topic to its visibility timeout."""
    session = boto3.session.Session(key_id, secret, region_name="us-east-1")
    config = Config(retries={"max_attempts": 3}, connect_timeout=3, read_timeout=10)
    sqs = session.client("sqs", endpoint_url=endpoint_url, config=config)
    for topic, seconds in visibility_s.items():
        create_queue(sqs, topic, seconds)


def create_queue(sqs: Any, topic: str, visibility_s: int) -> None:
    """Create a topic's queue and its dead-letter queue."""
    name = QUEUE_PREFIX + topic
    retention = {"MessageRetentionPeriod": str(RETENTION_S)}
    dead_url = _put_queue(sqs, name + DEAD_SUFFIX, retention)
    dead = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
    redrive = json.dumps({"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": MAX_RECEIVES})
    _put_queue(sqs, name, {**retention, "VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive})


def _put_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    # create_queue fails if the queue exists with other attributes, so they are set separately.
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=dict(attributes))
    return str(url)


if __name__ == "__main__":
    arguments = json.load(sys.stdin)
    set_up(arguments["endpoint_url"], arguments["key_id"], arguments["secret"], arguments["visibility_s"])
