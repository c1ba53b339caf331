"""Creates the queue and the dead-letter queue of each topic, if they are missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from layers.adapters.aws.sqs_topics import DEAD_SUFFIX

VISIBILITY_S = 120
VISIBILITY_GRACE_S = 60
RETENTION_S = 14 * 24 * 3600
MAX_RECEIVES = 5


def visibility_s() -> dict[str, int]:
    """The visibility timeout of each topic, which is longer than the time limit of its step."""
    from functions.pipelines import STEPS
    from infra.topics import TOPICS

    steps = {name: max(VISIBILITY_S, int(step.timeout_s) + VISIBILITY_GRACE_S) for name, step in STEPS.items()}
    return {topic: steps.get(topic, VISIBILITY_S) for topic in TOPICS}


def ensure_queues(sqs: Any, prefix: str, visibility_s: Mapping[str, int]) -> list[str]:
    """Create or correct the queues of all topics. Returns the names of those that were changed."""
    changed = []
    for topic, seconds in visibility_s.items():
        name, retention = prefix + topic, {"MessageRetentionPeriod": str(RETENTION_S)}
        dead_arn, is_new = ensure_queue(sqs, name + DEAD_SUFFIX, retention)
        changed += [name + DEAD_SUFFIX] if is_new else []
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES})
        attributes = {**retention, "VisibilityTimeout": str(seconds), "RedrivePolicy": redrive}
        changed += [name] if ensure_queue(sqs, name, attributes)[1] else []
    return changed


def ensure_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> tuple[str, bool]:
    """Create a queue, or correct its attributes. Returns its ARN, and whether anything was changed."""
    # create_queue fails if the queue exists with other attributes, so they are set separately.
    try:
        url, is_new = sqs.get_queue_url(QueueName=name)["QueueUrl"], False
    except sqs.exceptions.QueueDoesNotExist:
        url, is_new = sqs.create_queue(QueueName=name)["QueueUrl"], True
    current = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
    wanted = {key: value for key, value in attributes.items() if not _same(current.get(key), value)}
    if wanted:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)
    return str(current["QueueArn"]), is_new or bool(wanted)


def accept_events(sqs: Any, name: str, bucket: str) -> tuple[str, bool]:
    """Let Amazon S3 send a bucket's events to a queue. Returns the queue's ARN, and whether anything was changed."""
    arn, _ = ensure_queue(sqs, name, {})
    return ensure_queue(sqs, name, {"Policy": _accepts_events_of(bucket, arn)})


def _same(current: str | None, wanted: str) -> bool:
    """Whether two attributes are equal. Policies are compared as JSON, which servers format differently."""
    if not wanted.startswith("{"):
        return bool(current == wanted)
    try:
        return bool(_plain(json.loads(current or "null")) == _plain(json.loads(wanted)))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, int) else value


def _accepts_events_of(bucket: str, queue_arn: str) -> str:
    partition, account = queue_arn.split(":")[1], queue_arn.split(":")[4]
    statement = {
        "Sid": "EventsOfTheBucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
