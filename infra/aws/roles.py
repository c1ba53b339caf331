"""The IAM role of each function: it allows only the calls that the function makes, on the resources that it uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functions.pipelines import INTAKE, PIPELINES, STEPS
from infra.aws.bucket import bucket_arn, objects
from infra.aws.expressions import allow, attribute, comma_list, each_with, policy, skip_checks, when
from infra.aws.inventory import API, MIGRATE, UPKEEP, Resource, depends_on, logical, secrets_of
from infra.aws.queues import kafka_arn
from infra.topics import ARRIVALS, DISPATCH, TOPICS

RUN_JOBS = (DISPATCH, UPKEEP)  # such as imports and exports
ALL_RESOURCES = "These actions can't be limited to single resources."


def sends_to(function: str) -> tuple[str, ...]:
    """The topics to which a function publishes: its step's, those of later steps in the pipeline, and dispatch.

    The API publishes to all topics, because a redrive returns dead letters to their queues.
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
    statements = [*_common(stage, function), *_queues(function), *_bucket(stage, function)]
    calls_textract = depends_on(function, "textract")
    if calls_textract:
        names = ("StartDocumentTextDetection", "GetDocumentTextDetection", "DetectDocumentText")
        statements.append(allow([f"textract:{name}" for name in names], "*"))
    services = ("xray", "ec2", "cloudwatch", *(("textract",) if calls_textract else ()))
    return {
        "Type": "AWS::IAM::Role",
        "Metadata": {
            "Wildcards": dict.fromkeys(services, ALL_RESOURCES),
            **skip_checks(
                {
                    "CKV_AWS_111": ALL_RESOURCES,
                    "CKV_AWS_107": "The function logs in to the database with tokens.",
                }
            ),
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
                {"PolicyName": "calls", "PolicyDocument": policy(*statements)},
                when(
                    "InVpc",
                    {
                        "PolicyName": "vpc-network-interfaces",
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
                *_secrets(function),
                *([_import_sources()] if function in (*STEPS, *RUN_JOBS, API) else []),
                *([] if function == MIGRATE else [_database(function)]),
                *([_kafka(stage, function)] if function == MIGRATE or set(sends_to(function)) & set(STEPS) else []),
                *([_bedrock()] if depends_on(function, "extraction") else []),
            ],
        },
    }


def _common(stage: str, function: str) -> list[dict[str, Any]]:
    log = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/aws/lambda/fairway-{stage}-{function}:*"
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::Sub": log}),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]


def _queues(function: str) -> list[dict[str, Any]]:
    statements = []
    if function in TOPICS:
        receives = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        statements.append(allow(receives, attribute(f"{logical(function)}Queue", "Arn")))
    if topics := sends_to(function):
        arns = [attribute(f"{logical(topic)}Queue", "Arn") for topic in topics]
        statements.append(allow(["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"], arns))
    if function == API:  # a redrive moves dead letters back to their queues
        dead = [attribute(f"{logical(topic)}Dead", "Arn") for topic in TOPICS]
        statements.append(allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueUrl"], dead))
    return statements


def _bucket(stage: str, function: str) -> list[dict[str, Any]]:
    """The permissions on the stack's own bucket."""
    reads, writes, deletes = [], [], []
    if function in STEPS:
        reads, writes, deletes = ["originals/*"], ["artifacts/*"], ["artifacts/*"]
        if function == INTAKE.name:
            writes = [*writes, "originals/*"]  # members of an archive become files
    elif function == API:
        # A presigned URL has the permissions of the function that signed it.
        reads, writes = ["originals/*", "artifacts/*"], ["originals/*"]
    elif function == ARRIVALS:
        reads, deletes = ["originals/*"], ["originals/*"]
    elif function in RUN_JOBS:  # the audit checks that recorded objects exist; exports are artifacts
        reads = writes = deletes = ["originals/*", "artifacts/*"]
    statements = []
    if reads:
        statements.append(allow(["s3:GetObject", "s3:GetObjectVersion"], objects(stage, reads)))
    if writes:
        parts = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(allow(["s3:PutObject", *parts], objects(stage, writes)))
    if function in RUN_JOBS:  # they abort the uploads of files that have ended
        ends = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(allow(ends, objects(stage, ["originals/*"])))
        statements.append(allow(["s3:ListBucketMultipartUploads"], bucket_arn(stage)))
    if deletes:
        statements.append(allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], objects(stage, deletes)))
    if reads:
        lists = ["s3:ListBucket", "s3:ListBucketVersions"]
        statements.append(allow(lists, bucket_arn(stage)))
    return statements


def _import_sources() -> Any:
    """Read the buckets of others: imports list and copy objects, and everything that reads originals reads those in place.

    A store that may not be listed answers a missing object like one that may not be read.
    """
    statements = [
        allow(["s3:GetObject", "s3:GetObjectVersion"], each_with("ImportBucketArns", "/*")),
        allow(["s3:ListBucket"], comma_list("ImportBucketArns")),
    ]
    return when("HasImportBuckets", {"PolicyName": "import-sources", "PolicyDocument": policy(*statements)})


def _secrets(function: str) -> list[Any]:
    parameters = [*secrets_of(function), *(["OwnerSecret"] if function == MIGRATE else [])]
    return [
        when(
            f"Has{parameter}",
            {
                "PolicyName": f"{parameter.removesuffix('Secrets').removesuffix('Secret').lower()}-secrets",
                "PolicyDocument": policy(allow(["secretsmanager:GetSecretValue"], comma_list(parameter))),
            },
        )
        for parameter in parameters
    ]


def _database(function: str) -> Any:
    """Log in by token as the function's own database role."""
    role = "fairway_api" if function == API else "fairway_worker"
    start = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DatabaseResource}/"
    arns = [{"Fn::Sub": start + role}]
    return when(
        "UsesIamLogin",
        {"PolicyName": "database-login", "PolicyDocument": policy(allow(["rds-db:connect"], arns))},
    )


def _bedrock() -> Any:
    """Invoke the model for extraction, or the models of its inference profile."""
    here = {"Fn::Sub": "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/${ExtractionModel}"}
    models = {"Fn::If": ["HasExtractionModelArns", comma_list("ExtractionModelArns"), [here]]}
    return when(
        "UsesBedrock",
        {"PolicyName": "bedrock-model", "PolicyDocument": policy(allow(["bedrock:InvokeModel"], models))},
    )


def _kafka(stage: str, function: str) -> Any:
    """Publish to topics on the MSK cluster; for a step also consume its topic, which Lambda does with its role.

    Migrations create the topics. The API only checks that they exist: redrives go through queues.
    """

    def topics(names: Iterable[str]) -> list[Any]:
        return [kafka_arn("topic", f"fairway-{stage}-{name}") for name in names]

    statements = [allow(["kafka-cluster:Connect"], kafka_arn("cluster"))]
    if published := [topic for topic in sends_to(function) if topic in STEPS]:
        actions = ["kafka-cluster:DescribeTopic", *([] if function == API else ["kafka-cluster:WriteData"])]
        statements.append(allow(actions, topics(published)))
    if function in STEPS:
        group = kafka_arn("group", f"fairway-{stage}-{function}")
        describes = [
            "kafka:DescribeClusterV2",
            "kafka:GetBootstrapBrokers",
            "kafka-cluster:DescribeClusterDynamicConfiguration",
        ]
        statements += [
            allow(describes, kafka_arn("cluster")),
            allow(["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], topics([function])),
            allow(["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], group),
            allow(["ec2:DescribeVpcs", "ec2:DescribeSecurityGroups"], "*"),
        ]
    if function == MIGRATE:
        creates = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:AlterTopic"]
        statements.append(allow(creates, topics(STEPS)))
    return when("UsesKafka", {"PolicyName": "kafka-topics", "PolicyDocument": policy(*statements)})
