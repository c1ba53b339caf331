"""Topics: a queue of SQS and its dead-letter queue for each, how Lambda polls them, and topics of an MSK cluster."""

from __future__ import annotations

from typing import Any

from functions.pipelines import STEPS
from infra.aws.bucket import bucket_arn
from infra.aws.inventory import Resources, logical, setting
from infra.aws.spelling import attribute, excused, policy
from infra.topics import ARRIVALS, DISPATCH, TOPICS

RETENTION_S = 14 * 24 * 3600
MOST_RECEIVES = 5
VISIBILITY_FACTOR = 6  # of the function's timeout, as AWS advises, so that a batch may be tried again in between
BATCHES = {ARRIVALS: (10, 0), DISPATCH: (10, 0)}  # messages at once, and the seconds to gather them; else one


def resources(stage: str) -> Resources:
    found = _kafka(stage)
    for topic in TOPICS:
        found |= _queues(stage, topic)
    return found


def visibility_s(stage: str, topic: str) -> int:
    return VISIBILITY_FACTOR * int(setting(stage, topic, "lambda_timeout"))


def _queues(stage: str, topic: str) -> Resources:
    """A topic's queue, encrypted, and the dead-letter queue that takes from it alone."""
    name = logical(topic)
    own = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": RETENTION_S}
    by_key = excused({"CKV_AWS_27": "Encrypted by SQS's own key: messages hold ids, never content."})
    arn = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:fairway-{stage}-{topic}"
    taken_from = {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": arn}]}
    dead = {"deadLetterTargetArn": attribute(f"{name}Dead", "Arn"), "maxReceiveCount": MOST_RECEIVES}
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
                "Sid": "NewsOfTheBucket",
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
            "Metadata": by_key,
            "Properties": {**own, "QueueName": f"fairway-{stage}-{topic}-dead", "RedriveAllowPolicy": taken_from},
        },
        f"{name}Queue": {
            "Type": "AWS::SQS::Queue",
            "Metadata": by_key,
            "Properties": {
                **own,
                "QueueName": f"fairway-{stage}-{topic}",
                "VisibilityTimeout": visibility_s(stage, topic),
                "RedrivePolicy": dead,
            },
        },
        f"{name}QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Metadata": {"Wildcards": {"sqs": "A denial to all, of whatever comes without TLS."}},
            "Properties": {"Queues": [{"Ref": f"{name}Queue"}], "PolicyDocument": policy(*statements)},
        },
    }


def source(stage: str, topic: str) -> dict[str, Any]:
    """How Lambda polls a topic's queue: never for more at once than may run."""
    messages, window_s = BATCHES.get(topic, (1, 0))
    return {
        "Queue": attribute(f"{logical(topic)}Queue", "Arn"),
        "BatchSize": messages,
        "MaximumBatchingWindowInSeconds": window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": max(2, setting(stage, topic, "reserved_concurrency"))},
        # With Kafka too: S3 speaks none, Kafka can't delay, and a person's redrive goes by queues.
        "Enabled": True,
    }


def cluster(kind: str, name: str = "") -> dict[str, str]:
    """The ARN of the MSK cluster, or of a `topic` or `group` of it."""
    start = f"arn:${{AWS::Partition}}:kafka:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/${{KafkaCluster}}"
    return {"Fn::Sub": f"{start}/{name}" if name else start}


def _kafka(stage: str) -> Resources:
    """The steps' topics on an MSK cluster, by the functions' own roles.

    Their queues are polled as well: they hold what was sent before, and what is redriven.
    """
    return {
        f"{logical(topic)}KafkaSource": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Condition": "UsesKafka",
            "DependsOn": ["Migration"],  # which makes the topics
            "Properties": {
                "EventSourceArn": cluster("cluster"),
                "FunctionName": {"Ref": logical(topic)},
                "Topics": [f"fairway-{stage}-{topic}"],
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 1,
                "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"fairway-{stage}-{topic}"},
            },
        }
        for topic in STEPS
    }
