"""The queue and dead-letter queue of each topic, how Lambda polls them, and the steps' topics on an MSK cluster."""

from __future__ import annotations

from typing import Any

from functions.pipelines import STEPS
from infra.aws.bucket import bucket_arn
from infra.aws.expressions import attribute, policy, skip_checks
from infra.aws.inventory import Resources, logical, setting
from infra.topics import ARRIVALS, DISPATCH, TOPICS

RETENTION_S = 14 * 24 * 3600
MAX_RECEIVES = 5
# Of the function's timeout, as https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html advises.
VISIBILITY_FACTOR = 6
BATCHES = {ARRIVALS: (10, 0), DISPATCH: (10, 0)}  # messages per batch, seconds to collect them; else (1, 0)


def resources(stage: str) -> Resources:
    found = _kafka_sources(stage)
    for topic in TOPICS:
        found |= _queues(stage, topic)
    return found


def visibility_s(stage: str, topic: str) -> int:
    return VISIBILITY_FACTOR * int(setting(stage, topic, "lambda_timeout"))


def _queues(stage: str, topic: str) -> Resources:
    """A topic's encrypted queue, and the dead-letter queue that takes messages from this queue only."""
    name = logical(topic)
    common = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": RETENTION_S}
    encryption = skip_checks({"CKV_AWS_27": "Encrypted with SQS's own key: messages contain ids, never content."})
    arn = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:fairway-{stage}-{topic}"
    allowed_sources = {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": arn}]}
    redrive = {"deadLetterTargetArn": attribute(f"{name}Dead", "Arn"), "maxReceiveCount": MAX_RECEIVES}
    statements = [
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": attribute(f"{name}Queue", "Arn"),
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    if topic == ARRIVALS:
        statements.append(
            {
                "Sid": "EventsOfTheBucket",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": attribute(f"{name}Queue", "Arn"),
                "Condition": {
                    "ArnLike": {"aws:SourceArn": bucket_arn(stage)},
                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                },
            }
        )
    return {
        f"{name}Dead": {
            "Type": "AWS::SQS::Queue",
            "Metadata": encryption,
            "Properties": {
                **common,
                "QueueName": f"fairway-{stage}-{topic}-dead",
                "RedriveAllowPolicy": allowed_sources,
            },
        },
        f"{name}Queue": {
            "Type": "AWS::SQS::Queue",
            "Metadata": encryption,
            "Properties": {
                **common,
                "QueueName": f"fairway-{stage}-{topic}",
                "VisibilityTimeout": visibility_s(stage, topic),
                "RedrivePolicy": redrive,
            },
        },
        f"{name}QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Metadata": {"Wildcards": {"sqs": "It denies every request that does not use TLS."}},
            "Properties": {"Queues": [{"Ref": f"{name}Queue"}], "PolicyDocument": policy(*statements)},
        },
    }


def event_source(stage: str, topic: str) -> dict[str, Any]:
    """How Lambda polls a topic's queue: never for more messages at once than the function's reserved concurrency."""
    messages, window_s = BATCHES.get(topic, (1, 0))
    return {
        "Queue": attribute(f"{logical(topic)}Queue", "Arn"),
        "BatchSize": messages,
        "MaximumBatchingWindowInSeconds": window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": max(2, setting(stage, topic, "reserved_concurrency"))},
        # Also with Kafka: S3 events, delayed messages and manual redrives always go through queues.
        "Enabled": True,
    }


def kafka_arn(kind: str, name: str = "") -> dict[str, str]:
    """The ARN of the MSK cluster, or of a `topic` or `group` on it."""
    start = f"arn:${{AWS::Partition}}:kafka:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/${{KafkaCluster}}"
    return {"Fn::Sub": f"{start}/{name}" if name else start}


def _kafka_sources(stage: str) -> Resources:
    """The steps' topics on an MSK cluster, as event sources of their functions.

    The queues stay event sources too: earlier messages and redriven ones are in them.
    """
    return {
        f"{logical(step)}KafkaSource": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Condition": "UsesKafka",
            "DependsOn": ["Migration"],  # the migration creates the topics
            "Properties": {
                "EventSourceArn": kafka_arn("cluster"),
                "FunctionName": {"Ref": logical(step)},
                "Topics": [f"fairway-{stage}-{step}"],
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 1,
                "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"fairway-{stage}-{step}"},
            },
        }
        for step in STEPS
    }
