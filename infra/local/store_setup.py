"""Creates the bucket, the queues and the event notification in the embedded store, which forgets them when it ends."""

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
    config = Config(retries={"max_attempts": 3}, connect_timeout=3, read_timeout=10, s3={"addressing_style": "path"})
    sqs = session.client("sqs", endpoint_url=endpoint_url, config=config)
    arns = {topic: create_queue(sqs, topic, seconds) for topic, seconds in visibility_s.items()}
    create_bucket(session.client("s3", endpoint_url=endpoint_url, config=config), arns[ARRIVALS])


def create_queue(sqs: Any, topic: str, visibility_s: int) -> str:
    """Create a topic's queue and its dead-letter queue; returns the ARN of the queue."""
    name = QUEUE_PREFIX + topic
    retention = {"MessageRetentionPeriod": str(RETENTION_S)}
    dead_arn = _put_queue(sqs, name + DEAD_SUFFIX, retention)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES})
    return _put_queue(sqs, name, {**retention, "VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive})


def create_bucket(s3: Any, arrivals_arn: str) -> None:
    try:
        s3.create_bucket(Bucket=BUCKET)
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        pass
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_cors(
        Bucket=BUCKET,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": ["*"],
                    "AllowedMethods": ["GET", "HEAD", "PUT"],
                    "AllowedHeaders": ["*"],
                    "ExposeHeaders": ["ETag", "x-amz-version-id"],
                    "MaxAgeSeconds": 3600,
                }
            ]
        },
    )
    by_prefix = {"Key": {"FilterRules": [{"Name": "prefix", "Value": ORIGINALS}]}}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"Id": ARRIVALS, "QueueArn": arrivals_arn, "Events": ["s3:ObjectCreated:*"], "Filter": by_prefix}
            ]
        },
    )


def _put_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    # create_queue fails if the queue exists with other attributes, so they are set separately.
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=dict(attributes))
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


if __name__ == "__main__":
    arguments = json.load(sys.stdin)
    set_up(arguments["endpoint_url"], arguments["key_id"], arguments["secret"], arguments["visibility_s"])
