"""The application stack: what `chalice package` merges into the template that it derives from `app.py`.

Queues, event sources, permissions and alarms follow from the pipelines and from `.chalice/config.json`; nothing
is said twice. What a linter would hold against a resource and is meant, stands in its Metadata with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from functions.api.problems import MEDIA_TYPE, Problem
from functions.pipelines import INTAKE, PIPELINES, STEPS
from infra.aws import alarms
from infra.aws.layers import Plan
from layers.measures import NAMESPACE

Resource = dict[str, Any]
Resources = dict[str, Resource]
ROOT = Path(__file__).resolve().parent.parent.parent
ARRIVALS, DISPATCH, UPKEEP, MIGRATE, API = "arrivals", "dispatch", "upkeep", "migrate", "api_handler"
TOPICS = (ARRIVALS, *STEPS, DISPATCH)
FUNCTIONS = (*TOPICS, UPKEEP, MIGRATE, API)
RETENTION_S = 14 * 24 * 3600
MOST_RECEIVES = 5
VISIBILITY_FACTOR = 6  # of the function's timeout, as AWS advises, so that a batch may be tried again in between
BATCHES = {ARRIVALS: (10, 0), DISPATCH: (10, 0)}  # messages at once, and the seconds to gather them; else one
PROTECTED = ("prod",)  # stages whose data outlives the stack

AT_ANY = "Supports no narrower resource than all of them."


def stages() -> dict[str, Any]:
    given: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    return given


def setting(stage: str, function: str, name: str, default: Any = None) -> Any:
    """What `.chalice/config.json` says of a function in a stage."""
    of_stage = stages()[stage]
    return of_stage.get("lambda_functions", {}).get(function, {}).get(name, of_stage.get(name, default))


def logical(function: str) -> str:
    """The name that Chalice gives a function's resource."""
    return "APIHandler" if function == API else function.title().replace("_", "")


def merge_template(stage: str) -> dict[str, Any]:
    """Everything that Chalice's template lacks, by the same logical names where it is to be merged in."""
    resources: Resources = {}
    for function in FUNCTIONS:
        resources |= _function(stage, function)
    for topic in TOPICS:
        resources |= _queues(stage, topic)
    resources |= _kafka(stage) | _bucket(stage) | _api(stage) | _migration()
    resources |= alarms.resources(stage, {name: f"fairway-{stage}-{name}" for name in FUNCTIONS})
    return {
        "Description": f"Fairway ({stage}): functions, queues, the bucket, the API and what watches over them.",
        # Parameters that may be empty are used only where a condition says that they are not.
        "Metadata": {"cfn-lint": {"config": {"ignore_checks": ["W1030", "W1031", "W1033"]}}},
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": resources,
        "Outputs": {
            "Bucket": {"Value": {"Ref": "Files"}},
            "MigrateFunction": {"Value": {"Ref": "Migrate"}},
            "ArrivalsQueue": {"Value": {"Ref": "ArrivalsQueue"}},
        },
    }


# --- what a deployment is told ---------------------------------------------------------------------------


def _text(about: str, default: str | None = "") -> dict[str, Any]:
    return {"Type": "String", "Description": about} | ({} if default is None else {"Default": default})


def _number(about: str, default: float) -> dict[str, Any]:
    return {"Type": "Number", "Description": about, "Default": default, "MinValue": 0}


PARAMETERS: dict[str, Any] = {
    "ArtifactBucket": _text("The bucket that holds the packages.", None),
    "FunctionKey": _text("The key of the functions' package.", None),
    "TextLayerKey": _text("The key of the layer for reading.", None),
    "OcrLayerKey": _text("The key of the layer for OCR.", None),
    "PicturesLayerKey": _text("The key of the layer for previews and thumbnails.", None),
    "SchemaDigest": _text("What the schema says, as a digest: a new one migrates the database.", None),
    "SubnetIds": _text("Private subnets for the functions, with commas; none: outside of a VPC."),
    "SecurityGroupIds": _text("The functions' security groups, with commas."),
    "DatabaseUrl": _text("PostgreSQL's address for the workers' role, through RDS Proxy; empty where a secret has it."),
    "ApiDatabaseUrl": _text("PostgreSQL's address for the API's role; empty where a secret has it."),
    "DatabaseAuth": {"Type": "String", "AllowedValues": ["iam", "password"], "Default": "iam"},
    "DatabaseResource": _text("RDS Proxy's resource id, prx-..., to which the functions may connect by IAM."),
    "DatabaseInstance": _text("The database instance's identifier, for its alarm."),
    "DatabaseProxy": _text("RDS Proxy's name, for its alarm."),
    "RedisUrl": _text("Valkey's address without its password."),
    "WorkerSecrets": _text("Secrets of variables for every function, with commas."),
    "ApiSecrets": _text("Secrets of variables for the API and for migrations, with commas."),
    "OwnerSecret": _text("The secret of the database's owner, as RDS keeps it."),
    "MigrationSecrets": _text("Secrets of variables for migrations alone, with commas."),
    "AllowedOrigins": _text("Browsers' origins that may upload and read, with commas.", "*"),
    "QuarantineAt": {
        "Type": "Number",
        "Default": 2,
        "MinValue": 1,
        "Description": "How many runs of a step may be lost before it is given up.",
    },
    "OcrLanguages": _text("Tesseract's languages.", "eng"),
    "ReadByTextract": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "on"},
    "TextractEndpoint": _text("Another address of Amazon Textract."),
    "OcrSureFrom": {
        "Type": "Number",
        "Default": 70,
        "MinValue": 0,
        "MaxValue": 100,
        "Description": "Mean confidence of a page under which Textract reads it too.",
    },
    "ExtractionBy": {"Type": "String", "AllowedValues": ["rules", "openai", "bedrock"], "Default": "rules"},
    "ExtractionModel": _text("The model that finds values; on Bedrock its id or that of an inference profile."),
    "ExtractionModelArns": _text("What of Bedrock may be called, with commas; none: the model of that id, here."),
    "ExtractionUrl": _text("The endpoint that speaks OpenAI's chat completions; its key belongs into a secret."),
    "BedrockEndpoint": _text("Another address of Amazon Bedrock."),
    "TextractCallsPerSecond": _number("Calls a second that the account may make; 0: no limit of ours.", 10),
    "ExtractionTokensPerMinute": _number("Tokens a minute that the model takes; 0: no limit of ours.", 0),
    "PreviewConnections": _number("Connections that the preview service bears; 0: no limit of ours.", 0),
    "Transport": {
        "Type": "String",
        "AllowedValues": ["sqs", "kafka"],
        "Default": "sqs",
        "Description": "kafka: functions take wake-ups from an MSK cluster besides; we publish none there yet.",
    },
    "KafkaCluster": _text("The ARN of the MSK cluster, where the transport is Kafka."),
    "LogRetentionDays": {"Type": "Number", "Default": 30, "AllowedValues": [1, 3, 7, 14, 30, 90, 365]},
    "AlarmEmail": _text("Who is told of alarms; none: nobody by mail."),
    "OldestAgeLimit": _number("Seconds that a part may wait at a step before an alarm is raised.", 3600),
    "CostPerHourLimit": {"Type": "Number", "Default": 10, "Description": "US dollars an hour that raise an alarm."},
}

CONDITIONS: dict[str, Any] = {
    "InVpc": {"Fn::Not": [{"Fn::Equals": [{"Ref": "SubnetIds"}, ""]}]},
    "UsesKafka": {"Fn::Equals": [{"Ref": "Transport"}, "kafka"]},
    "ByIam": {"Fn::Equals": [{"Ref": "DatabaseAuth"}, "iam"]},
    "HasDatabaseUrl": {"Fn::Not": [{"Fn::Equals": [{"Ref": "DatabaseUrl"}, ""]}]},
    "HasApiDatabaseUrl": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiDatabaseUrl"}, ""]}]},
    "HasRedisUrl": {"Fn::Not": [{"Fn::Equals": [{"Ref": "RedisUrl"}, ""]}]},
    "HasDatabaseInstance": {"Fn::Not": [{"Fn::Equals": [{"Ref": "DatabaseInstance"}, ""]}]},
    "HasDatabaseProxy": {"Fn::Not": [{"Fn::Equals": [{"Ref": "DatabaseProxy"}, ""]}]},
    "HasWorkerSecrets": {"Fn::Not": [{"Fn::Equals": [{"Ref": "WorkerSecrets"}, ""]}]},
    "HasApiSecrets": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiSecrets"}, ""]}]},
    "HasMigrationSecrets": {"Fn::Not": [{"Fn::Equals": [{"Ref": "MigrationSecrets"}, ""]}]},
    "HasOwnerSecret": {"Fn::Not": [{"Fn::Equals": [{"Ref": "OwnerSecret"}, ""]}]},
    "HasTextractEndpoint": {"Fn::Not": [{"Fn::Equals": [{"Ref": "TextractEndpoint"}, ""]}]},
    "UsesBedrock": {"Fn::Equals": [{"Ref": "ExtractionBy"}, "bedrock"]},
    "HasExtractionModel": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExtractionModel"}, ""]}]},
    "HasExtractionModelArns": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExtractionModelArns"}, ""]}]},
    "HasExtractionUrl": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExtractionUrl"}, ""]}]},
    "HasBedrockEndpoint": {"Fn::Not": [{"Fn::Equals": [{"Ref": "BedrockEndpoint"}, ""]}]},
    "TellsByMail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]},
}


# --- functions ---------------------------------------------------------------------------------------------


def _function(stage: str, function: str) -> Resources:
    name = logical(function)
    of: dict[str, Any] = {
        "FunctionName": f"fairway-{stage}-{function}",
        "CodeUri": {"Bucket": {"Ref": "ArtifactBucket"}, "Key": {"Ref": "FunctionKey"}},
        "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
        "Tracing": "Active",
        "Environment": {"Variables": _environment(stage, function)},
        "VpcConfig": _if("InVpc", {"SubnetIds": _list("SubnetIds"), "SecurityGroupIds": _list("SecurityGroupIds")}),
    }
    if layers := Plan.read().functions.get(function):
        of["Layers"] = [{"Ref": f"{layer.title()}Layer"} for layer in layers]
    if function in TOPICS:
        of["Events"] = {f"{name}SqsEventSource": {"Type": "SQS", "Properties": _source(stage, function)}}
    # A new version runs on the schema that it was made for.
    waits_for = [f"{name}Log"] if function == MIGRATE else [f"{name}Log", "Migration"]
    of_lambda = {
        "CKV_AWS_116": "What it is asked stands in queues that have dead-letter queues of their own, or is asked again"
        " by the next schedule or caller.",
        "CKV_AWS_173": "No variable is a secret: those are read from Secrets Manager.",
        "CKV_AWS_45": "What it takes for a secret is how many tokens a model takes.",
        "CKV_AWS_117": "It is in the VPC wherever the database is.",
        "CKV_AWS_115": "The API and migrations share what no step has reserved.",
        "CKV_AWS_272": "Packages come from a private bucket under the digest of their content.",
    }
    return {
        name: {"DependsOn": waits_for, "Metadata": _excused(of_lambda), "Properties": of},
        f"{name}Role": _role(stage, function),
        f"{name}Log": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Metadata": _excused(
                {
                    "CKV_AWS_158": "CloudWatch encrypts it by its own key; no file's content is logged.",
                    "CKV_AWS_338": "LogRetentionDays says how long.",
                    "CKV_AWS_66": "LogRetentionDays says how long.",
                }
            ),
            "Properties": {
                "LogGroupName": f"/aws/lambda/fairway-{stage}-{function}",
                "RetentionInDays": {"Ref": "LogRetentionDays"},
            },
        },
    }


def _environment(stage: str, function: str) -> dict[str, Any]:
    secrets = [{"Fn::If": ["HasWorkerSecrets", {"Ref": "WorkerSecrets"}, ""]}]
    if function in (API, MIGRATE):
        secrets.append({"Fn::If": ["HasApiSecrets", {"Ref": "ApiSecrets"}, ""]})
    if function == MIGRATE:
        secrets.append({"Fn::If": ["HasMigrationSecrets", {"Ref": "MigrationSecrets"}, ""]})
    said: dict[str, Any] = {
        "FAIRWAY_STAGE": stage,
        "FAIRWAY_BUCKET": {"Ref": "Files"},
        "FAIRWAY_QUEUE_PREFIX": f"fairway-{stage}-",
        "FAIRWAY_DATABASE_AUTH": {"Ref": "DatabaseAuth"},
        "FAIRWAY_DATABASE_URL": _if("HasDatabaseUrl", {"Ref": "DatabaseUrl"}),
        "FAIRWAY_REDIS_URL": _if("HasRedisUrl", {"Ref": "RedisUrl"}),
        "FAIRWAY_SECRETS": {"Fn::Join": [",", secrets]},
        # Every step plans what follows it, and so knows what the others can do.
        "FAIRWAY_TEXTRACT": {"Ref": "ReadByTextract"},
        "FAIRWAY_OCR_SURE_FROM": {"Ref": "OcrSureFrom"},
        "FAIRWAY_EXTRACTION": {"Ref": "ExtractionBy"},
        "FAIRWAY_EXTRACTION_MODEL": _if("HasExtractionModel", {"Ref": "ExtractionModel"}),
        "FAIRWAY_EXTRACTION_URL": _if("HasExtractionUrl", {"Ref": "ExtractionUrl"}),
        "AWS_ENDPOINT_URL_TEXTRACT": _if("HasTextractEndpoint", {"Ref": "TextractEndpoint"}),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": _if("HasBedrockEndpoint", {"Ref": "BedrockEndpoint"}),
        "FAIRWAY_QUARANTINE_AT": {"Ref": "QuarantineAt"},
        # Any function dispatches what it readied: each must know what the services bear.
        "FAIRWAY_TEXTRACT_CALLS_PER_S": {"Ref": "TextractCallsPerSecond"},
        "FAIRWAY_EXTRACTION_TOKENS_PER_MIN": {"Ref": "ExtractionTokensPerMinute"},
        "FAIRWAY_PREVIEW_CONNECTIONS": {"Ref": "PreviewConnections"},
        "POWERTOOLS_SERVICE_NAME": "fairway",
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }
    if function in (API, MIGRATE):
        said["FAIRWAY_API_DATABASE_URL"] = _if("HasApiDatabaseUrl", {"Ref": "ApiDatabaseUrl"})
    if function == MIGRATE:
        said["FAIRWAY_OWNER_SECRET"] = _if("HasOwnerSecret", {"Ref": "OwnerSecret"})
    if function == API:
        said["FAIRWAY_ALLOWED_ORIGINS"] = {"Ref": "AllowedOrigins"}
    if function == "ocr":
        said["FAIRWAY_OCR_LANGUAGES"] = {"Ref": "OcrLanguages"}
    return said


def _source(stage: str, topic: str) -> dict[str, Any]:
    """How Lambda polls a topic's queue: never for more at once than may run."""
    messages, window_s = BATCHES.get(topic, (1, 0))
    return {
        "Queue": {"Fn::GetAtt": [f"{logical(topic)}Queue", "Arn"]},
        "BatchSize": messages,
        "MaximumBatchingWindowInSeconds": window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": max(2, setting(stage, topic, "reserved_concurrency"))},
        # With Kafka too: S3 speaks none, and neither does what publishes wake-ups so far.
        "Enabled": True,
    }


# --- permissions ---------------------------------------------------------------------------------------------


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


def _role(stage: str, function: str) -> Resource:
    statements = [*_common(stage, function), *_of_queues(stage, function), *_of_bucket(stage, function)]
    if function == "textract":
        names = ("StartDocumentTextDetection", "GetDocumentTextDetection", "DetectDocumentText")
        statements.append(_allow([f"textract:{name}" for name in names], "*"))
    reasons = {"xray": AT_ANY, "ec2": AT_ANY, "cloudwatch": AT_ANY} | (
        {"textract": AT_ANY} if function == "textract" else {}
    )
    return {
        "Type": "AWS::IAM::Role",
        "Metadata": {
            "Wildcards": reasons,
            **_excused({"CKV_AWS_111": AT_ANY, "CKV_AWS_107": "Database tokens are what it is for."}),
        },
        "Properties": {
            "AssumeRolePolicyDocument": _policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            "Policies": [
                {"PolicyName": "what-it-calls", "PolicyDocument": _policy(*statements)},
                _if(
                    "InVpc",
                    {
                        "PolicyName": "interfaces-in-the-vpc",
                        "PolicyDocument": _policy(
                            _allow(
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
                *([_of_kafka()] if function in STEPS or function == DISPATCH else []),
                *([_of_bedrock()] if function == "extraction" else []),
            ],
        },
    }


def _common(stage: str, function: str) -> list[dict[str, Any]]:
    log = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/aws/lambda/fairway-{stage}-{function}:*"
    return [
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::Sub": log}),
        _allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]


def _of_queues(stage: str, function: str) -> list[dict[str, Any]]:
    statements = []
    if function in TOPICS:
        takes = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        statements.append(_allow(takes, {"Fn::GetAtt": [f"{logical(function)}Queue", "Arn"]}))
    if topics := sends_to(function):
        arns = [{"Fn::GetAtt": [f"{logical(topic)}Queue", "Arn"]} for topic in topics]
        statements.append(_allow(["sqs:SendMessage", "sqs:GetQueueUrl"], arns))
    if function == API:  # a person's redrive takes what was given up and sends it anew
        dead = [{"Fn::GetAtt": [f"{logical(topic)}Dead", "Arn"]} for topic in TOPICS]
        statements.append(_allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueUrl"], dead))
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
        statements.append(_allow(["s3:GetObject", "s3:GetObjectVersion"], _objects(stage, reads)))
    if writes:
        parts = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(_allow(["s3:PutObject", *parts], _objects(stage, writes)))
    if deletes:
        statements.append(_allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], _objects(stage, deletes)))
    if reads:
        lists = ["s3:ListBucket", "s3:ListBucketVersions"]
        statements.append(_allow(lists, _bucket_arn(stage)))
    return statements


def _of_secrets(function: str) -> list[Any]:
    kept = {"worker": ("HasWorkerSecrets", "WorkerSecrets")}
    if function in (API, MIGRATE):
        kept["api"] = ("HasApiSecrets", "ApiSecrets")
    if function == MIGRATE:
        kept |= {"migration": ("HasMigrationSecrets", "MigrationSecrets"), "owner": ("HasOwnerSecret", "OwnerSecret")}
    return [
        _if(
            condition,
            {
                "PolicyName": f"secrets-of-{name}",
                "PolicyDocument": _policy(_allow(["secretsmanager:GetSecretValue"], _list(parameter))),
            },
        )
        for name, (condition, parameter) in kept.items()
    ]


def _of_database(function: str) -> Any:
    """By a token, as its own role and as no other."""
    roles = ["fairway_worker", "fairway_api"] if function == API else ["fairway_worker"]
    start = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DatabaseResource}/"
    arns = [{"Fn::Sub": start + role} for role in roles]
    return _if(
        "ByIam",
        {"PolicyName": "database-by-token", "PolicyDocument": _policy(_allow(["rds-db:connect"], arns))},
    )


def _of_bedrock() -> Any:
    """The one model that finds values, or what its inference profile stands for."""
    here = {"Fn::Sub": "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/${ExtractionModel}"}
    models = {"Fn::If": ["HasExtractionModelArns", _list("ExtractionModelArns"), [here]]}
    return _if(
        "UsesBedrock",
        {"PolicyName": "model-on-bedrock", "PolicyDocument": _policy(_allow(["bedrock:InvokeModel"], models))},
    )


def _of_kafka() -> Any:
    group = {"Fn::Sub": "${KafkaCluster}"}
    acts = ["kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", "kafka-cluster:Connect"]
    return _if("UsesKafka", {"PolicyName": "topics-on-kafka", "PolicyDocument": _policy(_allow(acts, group))})


def _allow(actions: Sequence[str], resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


# --- topics ------------------------------------------------------------------------------------------------------


def visibility_s(stage: str, topic: str) -> int:
    return VISIBILITY_FACTOR * int(setting(stage, topic, "lambda_timeout"))


def _queues(stage: str, topic: str) -> Resources:
    """A topic's queue, encrypted, and the dead-letter queue that takes from it alone."""
    name = logical(topic)
    own = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": RETENTION_S}
    by_key = _excused({"CKV_AWS_27": "Encrypted by SQS's own key: messages hold ids, never content."})
    arn = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:fairway-{stage}-{topic}"
    taken_from = {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": arn}]}
    dead = {"deadLetterTargetArn": {"Fn::GetAtt": [f"{name}Dead", "Arn"]}, "maxReceiveCount": MOST_RECEIVES}
    statements = [
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
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
                "Resource": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
                "Condition": {
                    "ArnLike": {"aws:SourceArn": _bucket_arn(stage)},
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
            "Properties": {"Queues": [{"Ref": f"{name}Queue"}], "PolicyDocument": _policy(*statements)},
        },
    }


def _kafka(stage: str) -> Resources:
    """The same topics from an MSK cluster, beside SQS."""
    return {
        f"{logical(topic)}KafkaSource": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Condition": "UsesKafka",
            "Properties": {
                "EventSourceArn": {"Ref": "KafkaCluster"},
                "FunctionName": {"Ref": logical(topic)},
                "Topics": [f"fairway-{stage}-{topic}"],
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": BATCHES.get(topic, (1, 0))[0],
                "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"fairway-{stage}-{topic}"},
            },
        }
        for topic in (*STEPS, DISPATCH)
    }


# --- files --------------------------------------------------------------------------------------------------------


def _bucket_name(stage: str) -> str:
    return f"fairway-{stage}-${{AWS::AccountId}}-${{AWS::Region}}"


def _bucket_arn(stage: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}"}


def _objects(stage: str, prefixes: Sequence[str]) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}/{prefix}"} for prefix in prefixes]


def _bucket(stage: str) -> Resources:
    kept = "Retain" if stage in PROTECTED else "Delete"
    return {
        "Files": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": ["ArrivalsQueuePolicy"],
            "DeletionPolicy": kept,
            "UpdateReplacePolicy": kept,
            "Metadata": _excused(
                {
                    "CKV_AWS_18": "Every object's way stands in the ledger; access logs would be a second bucket of keys.",
                    "CKV_AWS_145": "Encrypted by S3's own key; a key of your own is a property of this resource.",
                }
            ),
            "Properties": {
                "BucketName": {"Fn::Sub": _bucket_name(stage)},
                "VersioningConfiguration": {"Status": "Enabled"},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
                ),
                "CorsConfiguration": {
                    "CorsRules": [
                        {
                            "AllowedOrigins": _list("AllowedOrigins"),
                            "AllowedMethods": ["GET", "HEAD", "PUT"],
                            "AllowedHeaders": ["*"],
                            "ExposedHeaders": ["ETag", "x-amz-version-id"],
                            "MaxAge": 3600,
                        }
                    ]
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "abandoned-uploads",
                            "Status": "Enabled",
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
                        },
                        {
                            # Erasure deletes versions by itself; what escaped it goes in time.
                            "Id": "versions-that-were-replaced",
                            "Status": "Enabled",
                            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                            "ExpiredObjectDeleteMarker": True,
                        },
                    ]
                },
                "NotificationConfiguration": {
                    "QueueConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:*",
                            "Queue": {"Fn::GetAtt": ["ArrivalsQueue", "Arn"]},
                            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "originals/"}]}},
                        }
                    ]
                },
            },
        },
        "FilesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Metadata": {"Wildcards": {"s3": "A denial to all, of whatever comes without TLS."}},
            "Properties": {
                "Bucket": {"Ref": "Files"},
                "PolicyDocument": _policy(
                    {
                        "Sid": "OnlyByTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [_bucket_arn(stage), *_objects(stage, ["*"])],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ),
            },
        },
    }


# --- the API ---------------------------------------------------------------------------------------------------------

# What API Gateway answers by itself, in the contract's words. It knows no route: it says that a token is missing.
REFUSALS: dict[str, tuple[str, str]] = {
    "MISSING_AUTHENTICATION_TOKEN": ("not_found", "there is no such address, or not for this method"),
    "RESOURCE_NOT_FOUND": ("not_found", "there is no such address"),
    "REQUEST_TOO_LARGE": ("too_large", "the request's body is larger than 10 MB"),
    "UNSUPPORTED_MEDIA_TYPE": ("invalid_request", "send JSON"),
    "THROTTLED": ("rate_limited", "too many requests; wait a second"),
    "QUOTA_EXCEEDED": ("rate_limited", "too many requests; wait a second"),
    "INTEGRATION_TIMEOUT": ("unavailable", "no answer came in time; ask again"),
    "INTEGRATION_FAILURE": ("unavailable", "no answer came; ask again"),
    "DEFAULT_4XX": ("invalid_request", "the gateway did not take the request"),
    "DEFAULT_5XX": ("unavailable", "the gateway could not answer; ask again"),
}


def _refusal(code: str, detail: str) -> dict[str, Any]:
    problem = Problem(code, detail)
    headers = {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        "gatewayresponse.header.Content-Type": f"'{MEDIA_TYPE}'",
    }
    return {
        "statusCode": problem.status,
        "responseParameters": headers,
        "responseTemplates": {"application/json": json.dumps(problem.body())},
    }


def _api(stage: str) -> Resources:
    refusals = {name: _refusal(*said) for name, said in REFUSALS.items()}
    excused = {
        "CKV_AWS_120": "Answers are one tenant's and change by the second: nothing is to be cached.",
        "CKV_AWS_76": "Access logs need a role set for the whole account; the function logs what fails.",
    }
    return {
        "RestAPI": {
            "Metadata": _excused(excused),
            "Properties": {
                "DefinitionBody": {"x-amazon-apigateway-gateway-responses": refusals},
                "TracingEnabled": True,
                "MethodSettings": [
                    {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
                ],
            },
        }
    }


def _migration() -> Resources:
    """Migrates by the new version's function, before any other function is replaced."""
    return {
        "Migration": {
            "Type": "Custom::Migration",
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": ["Migrate", "Arn"]},
                "ServiceTimeout": 600,
                "SchemaDigest": {"Ref": "SchemaDigest"},
            },
        },
        **{
            f"{name.title()}Layer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {
                    "LayerName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
                    "Content": {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": {"Ref": f"{name.title()}LayerKey"}},
                    "CompatibleRuntimes": ["python3.12"],
                },
            }
            for name in Plan.read().requirements
        },
    }


# --- spelling ----------------------------------------------------------------------------------------------------------


def _if(condition: str, value: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def _list(parameter: str) -> dict[str, Any]:
    return {"Fn::Split": [",", {"Ref": parameter}]}


def _excused(reasons: Mapping[str, str]) -> dict[str, Any]:
    return {"checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}}
