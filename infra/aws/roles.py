"""What each function may do: what it calls, on what it calls it on, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functions.pipelines import INTAKE, PIPELINES, STEPS
from infra.aws.bucket import bucket_arn, objects
from infra.aws.inventory import API, MIGRATE, UPKEEP, Resource, depends_on, logical
from infra.aws.queues import cluster
from infra.aws.spelling import allow, attribute, excused, listed, policy, when
from infra.topics import ARRIVALS, DISPATCH, TOPICS

AT_ANY = "Supports no narrower resource than all of them."


def sends_to(function: str) -> tuple[str, ...]:
    """The topics that a function publishes on: its step's own and those that may follow it, and dispatch.

    The API sends to all: what ended in a dead-letter queue goes back where it came from.
    """
    if function == ARRIVALS:
        return (INTAKE.name, DISPATCH)
    if function == INTAKE.name:
        return (*STEPS, DISPATCH)
    for pipeline in PIPELINES:
        names = [step.name for step in pipeline.steps]
        if function in names:
            return (*names[names.index(function) :], DISPATCH)
    if function in (DISPATCH, UPKEEP):
        return (*STEPS, DISPATCH)
    return TOPICS if function == API else ()


def role(stage: str, function: str) -> Resource:
    statements = [*_common(stage, function), *_of_queues(stage, function), *_of_bucket(stage, function)]
    calls_textract = depends_on(function, "textract")
    if calls_textract:
        names = ("StartDocumentTextDetection", "GetDocumentTextDetection", "DetectDocumentText")
        statements.append(allow([f"textract:{name}" for name in names], "*"))
    reasons = {"xray": AT_ANY, "ec2": AT_ANY, "cloudwatch": AT_ANY} | ({"textract": AT_ANY} if calls_textract else {})
    return {
        "Type": "AWS::IAM::Role",
        "Metadata": {
            "Wildcards": reasons,
            **excused({"CKV_AWS_111": AT_ANY, "CKV_AWS_107": "Database tokens are what it is for."}),
        },
        "Properties": {
            "AssumeRolePolicyDocument": policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            "Policies": [
                {"PolicyName": "what-it-calls", "PolicyDocument": policy(*statements)},
                when(
                    "InVpc",
                    {
                        "PolicyName": "interfaces-in-the-vpc",
                        "PolicyDocument": policy(
                            allow(
                                [
                                    "ec2:CreateNetworkInterface",
                                    "ec2:DescribeNetworkInterfaces",
                                    "ec2:DescribeSubnets",
                                    "ec2:DeleteNetworkInterface",
                                    "ec2:AssignPrivateIpAddresses",
                                    "ec2:UnassignPrivateIpAddresses",
                                ],
                                "*",
                            )
                        ),
                    },
                ),
                *_of_secrets(function),
                *([] if function == MIGRATE else [_of_database(function)]),
                *([_of_kafka(stage, function)] if function == MIGRATE or set(sends_to(function)) & set(STEPS) else []),
                *([_of_bedrock()] if depends_on(function, "extraction") else []),
            ],
        },
    }


def _common(stage: str, function: str) -> list[dict[str, Any]]:
    log = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/aws/lambda/fairway-{stage}-{function}:*"
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::Sub": log}),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]


def _of_queues(stage: str, function: str) -> list[dict[str, Any]]:
    statements = []
    if function in TOPICS:
        takes = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        statements.append(allow(takes, attribute(f"{logical(function)}Queue", "Arn")))
    if topics := sends_to(function):
        arns = [attribute(f"{logical(topic)}Queue", "Arn") for topic in topics]
        statements.append(allow(["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"], arns))
    if function == API:  # a person's redrive takes what was given up and sends it anew
        dead = [attribute(f"{logical(topic)}Dead", "Arn") for topic in TOPICS]
        statements.append(allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueUrl"], dead))
    return statements


def _of_bucket(stage: str, function: str) -> list[dict[str, Any]]:
    """What a function may do with which objects; all of them are this stack's own."""
    reads, writes, deletes = [], [], []
    if function in STEPS:
        reads, writes, deletes = ["originals/*"], ["artifacts/*"], ["artifacts/*"]
        if function == INTAKE.name:
            writes = [*writes, "originals/*"]  # members of an archive are files of their own
    elif function == API:
        reads, writes = ["originals/*", "artifacts/*"], ["originals/*"]  # it signs for those who do
    elif function == ARRIVALS:
        reads, deletes = ["originals/*"], ["originals/*"]
    elif function == UPKEEP:  # the audit looks whether what is recorded is there
        reads, deletes = ["originals/*", "artifacts/*"], ["originals/*", "artifacts/*"]
    elif function == DISPATCH:
        reads, deletes = ["originals/*"], ["originals/*", "artifacts/*"]
    statements = []
    if reads:
        statements.append(allow(["s3:GetObject", "s3:GetObjectVersion"], objects(stage, reads)))
    if writes:
        parts = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(allow(["s3:PutObject", *parts], objects(stage, writes)))
    if deletes:
        statements.append(allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], objects(stage, deletes)))
    if reads:
        lists = ["s3:ListBucket", "s3:ListBucketVersions"]
        statements.append(allow(lists, bucket_arn(stage)))
    return statements


def _of_secrets(function: str) -> list[Any]:
    kept = {"worker": ("HasWorkerSecrets", "WorkerSecrets")}
    if function in (API, MIGRATE):
        kept["api"] = ("HasApiSecrets", "ApiSecrets")
    if function == MIGRATE:
        kept |= {"migration": ("HasMigrationSecrets", "MigrationSecrets"), "owner": ("HasOwnerSecret", "OwnerSecret")}
    return [
        when(
            condition,
            {
                "PolicyName": f"secrets-of-{name}",
                "PolicyDocument": policy(allow(["secretsmanager:GetSecretValue"], listed(parameter))),
            },
        )
        for name, (condition, parameter) in kept.items()
    ]


def _of_database(function: str) -> Any:
    """By a token, as its own role and as no other."""
    roles = ["fairway_worker", "fairway_api"] if function == API else ["fairway_worker"]
    start = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DatabaseResource}/"
    arns = [{"Fn::Sub": start + role} for role in roles]
    return when(
        "ByIam",
        {"PolicyName": "database-by-token", "PolicyDocument": policy(allow(["rds-db:connect"], arns))},
    )


def _of_bedrock() -> Any:
    """The one model that finds values, or what its inference profile stands for."""
    here = {"Fn::Sub": "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/${ExtractionModel}"}
    models = {"Fn::If": ["HasExtractionModelArns", listed("ExtractionModelArns"), [here]]}
    return when(
        "UsesBedrock",
        {"PolicyName": "model-on-bedrock", "PolicyDocument": policy(allow(["bedrock:InvokeModel"], models))},
    )


def _of_kafka(stage: str, function: str) -> Any:
    """What it publishes on, and for a step what Lambda takes from its topic in its name.

    Migrations make topics, and the API looks whether they are there: what a person redrives goes by queues.
    """

    def topics(names: Iterable[str]) -> list[Any]:
        return [cluster("topic", f"fairway-{stage}-{name}") for name in names]

    statements = [allow(["kafka-cluster:Connect"], cluster("cluster"))]
    if published := [topic for topic in sends_to(function) if topic in STEPS]:
        acts = ["kafka-cluster:DescribeTopic", *([] if function == API else ["kafka-cluster:WriteData"])]
        statements.append(allow(acts, topics(published)))
    if function in STEPS:
        group = cluster("group", f"fairway-{stage}-{function}")
        looks = [
            "kafka:DescribeClusterV2",
            "kafka:GetBootstrapBrokers",
            "kafka-cluster:DescribeClusterDynamicConfiguration",
        ]
        statements += [
            allow(looks, cluster("cluster")),
            allow(["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], topics([function])),
            allow(["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], group),
            allow(["ec2:DescribeVpcs", "ec2:DescribeSecurityGroups"], "*"),
        ]
    if function == MIGRATE:
        makes = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:AlterTopic"]
        statements.append(allow(makes, topics(STEPS)))
    return when("UsesKafka", {"PolicyName": "topics-on-kafka", "PolicyDocument": policy(*statements)})
