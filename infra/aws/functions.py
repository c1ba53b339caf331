"""The Lambda functions with their layers, settings, event sources and logs, and the migration that precedes them."""

from __future__ import annotations

import json
from typing import Any

from functions.pipelines import STEPS
from functions.schedules import ALWAYS, SCHEDULES
from infra.aws.expressions import attribute, comma_list, skip_checks, when
from infra.aws.inventory import API, FUNCTIONS, MIGRATE, UPKEEP, Resources, depends_on, logical, secrets_of, setting
from infra.aws.layers import Plan
from infra.aws.queues import event_source
from infra.aws.roles import role
from infra.topics import TOPICS
from layers.telemetry.metrics import NAMESPACE


def resources(stage: str) -> Resources:
    """Every function with its role and log, the layers, and the migration."""
    found: Resources = _layers() | _migration()
    for function in FUNCTIONS:
        found |= {
            logical(function): _function(stage, function),
            f"{logical(function)}Role": role(stage, function),
            f"{logical(function)}Log": _log(stage, function),
        }
    return found


def _function(stage: str, function: str) -> dict[str, Any]:
    name = logical(function)
    properties: dict[str, Any] = {
        "FunctionName": f"fairway-{stage}-{function}",
        "CodeUri": {"Bucket": {"Ref": "ArtifactBucket"}, "Key": {"Ref": "FunctionKey"}},
        "Role": attribute(f"{name}Role", "Arn"),
        "Tracing": "Active",
        "Environment": {"Variables": _environment(stage, function)},
        "VpcConfig": when(
            "InVpc", {"SubnetIds": comma_list("SubnetIds"), "SecurityGroupIds": comma_list("SecurityGroupIds")}
        ),
    }
    if function in STEPS:
        # Chalice takes these from config.json only, where a new step has no line.
        properties |= {
            "Timeout": setting(stage, function, "lambda_timeout"),
            "MemorySize": setting(stage, function, "lambda_memory_size"),
            "ReservedConcurrentExecutions": setting(stage, function, "reserved_concurrency"),
        }
    if layers := Plan.read().layers_of(function):
        properties["Layers"] = [{"Ref": f"{layer.title()}Layer"} for layer in layers]
    if function in TOPICS:
        properties["Events"] = {f"{name}SqsEventSource": {"Type": "SQS", "Properties": event_source(stage, function)}}
    if function == UPKEEP:
        properties["Events"] = _schedules()
    return {
        # Code of a new version needs the schema of that version.
        "DependsOn": [f"{name}Log"] if function == MIGRATE else [f"{name}Log", "Migration"],
        "Metadata": skip_checks(
            {
                "CKV_AWS_116": "Failed messages go to the dead-letter queues of their queues; other invocations are"
                " repeated by the next schedule or by the caller.",
                "CKV_AWS_173": "No variable is a secret: secrets are read from Secrets Manager.",
                "CKV_AWS_45": "The finding is a number of tokens per minute, not a secret.",
                "CKV_AWS_117": "The function is in a VPC if the database is.",
                "CKV_AWS_115": "The API and migrations share the unreserved concurrency.",
                "CKV_AWS_272": "Packages come from a private bucket, under the digest of their content.",
            }
        ),
        "Properties": properties,
    }


def _schedules() -> dict[str, Any]:
    """EventBridge's rules for the schedules that start jobs; Chalice makes the one for upkeep itself."""
    return {
        f"{schedule.name.title()}Schedule": {
            "Type": "Schedule",
            "Properties": {
                "Description": f"It {schedule.purpose}.",
                "Schedule": schedule.when.as_eventbridge,
                "Input": json.dumps(_event(schedule.name)),
            },
        }
        for schedule in SCHEDULES
        if schedule.kinds and schedule.name not in ALWAYS
    }


def _event(schedule: str) -> dict[str, Any]:
    """An event with the members that Chalice reads from each event of EventBridge."""
    empty = dict.fromkeys(("id", "account", "time", "region"), "")
    return {
        **empty,
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "fairway.schedules",
        "resources": [],
        "detail": {"schedule": schedule},
    }


def _log(stage: str, function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Metadata": skip_checks(
            {
                "CKV_AWS_158": "CloudWatch encrypts it with its own key; the content of files is not logged.",
                "CKV_AWS_338": "The parameter LogRetentionDays sets the retention.",
                "CKV_AWS_66": "The parameter LogRetentionDays sets the retention.",
            }
        ),
        "Properties": {
            "LogGroupName": f"/aws/lambda/fairway-{stage}-{function}",
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        },
    }


def _environment(stage: str, function: str) -> dict[str, Any]:
    secrets = [{"Fn::If": [f"Has{name}", {"Ref": name}, ""]} for name in secrets_of(function)]
    variables: dict[str, Any] = {
        "FAIRWAY_STAGE": stage,
        "FAIRWAY_BUCKET": {"Ref": "Files"},
        "FAIRWAY_QUEUE_PREFIX": f"fairway-{stage}-",
        "FAIRWAY_TOPICS": when("UsesKafka", "kafka"),
        "FAIRWAY_KAFKA_BROKERS": when("UsesKafka", {"Ref": "KafkaBrokers"}),
        "FAIRWAY_KAFKA_AUTH": when("UsesKafka", "iam"),
        "FAIRWAY_DATABASE_AUTH": {"Ref": "DatabaseAuth"},
        "FAIRWAY_REDIS_URL": when("HasRedisUrl", {"Ref": "RedisUrl"}),
        "FAIRWAY_SECRETS": {"Fn::Join": [",", secrets]},
        # All functions get these: every step plans the next one, and the plan depends on the available services.
        "FAIRWAY_TEXTRACT": {"Ref": "ReadByTextract"},
        "FAIRWAY_OCR_SURE_FROM": {"Ref": "OcrSureFrom"},
        "FAIRWAY_EXTRACTION": {"Ref": "ExtractionBy"},
        "FAIRWAY_EXTRACTION_MODEL": when("HasExtractionModel", {"Ref": "ExtractionModel"}),
        "FAIRWAY_EXTRACTION_URL": when("HasExtractionUrl", {"Ref": "ExtractionUrl"}),
        "AWS_ENDPOINT_URL_TEXTRACT": when("HasTextractEndpoint", {"Ref": "TextractEndpoint"}),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": when("HasBedrockEndpoint", {"Ref": "BedrockEndpoint"}),
        "FAIRWAY_QUARANTINE_AT": {"Ref": "QuarantineAt"},
        # All functions get these: any of them may dispatch any step, and dispatch respects the services' budgets.
        "FAIRWAY_TEXTRACT_CALLS_PER_S": {"Ref": "TextractCallsPerSecond"},
        "FAIRWAY_EXTRACTION_TOKENS_PER_MIN": {"Ref": "ExtractionTokensPerMinute"},
        "FAIRWAY_PREVIEW_CONNECTIONS": {"Ref": "PreviewConnections"},
        "POWERTOOLS_SERVICE_NAME": "fairway",
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }
    if function != API:
        variables["FAIRWAY_DATABASE_URL"] = when("HasDatabaseUrl", {"Ref": "DatabaseUrl"})
    if function in (API, MIGRATE):
        variables["FAIRWAY_API_DATABASE_URL"] = when("HasApiDatabaseUrl", {"Ref": "ApiDatabaseUrl"})
    if function == MIGRATE:
        variables["FAIRWAY_OWNER_SECRET"] = when("HasOwnerSecret", {"Ref": "OwnerSecret"})
    if function == API:
        variables["FAIRWAY_ALLOWED_ORIGINS"] = {"Ref": "AllowedOrigins"}
    if depends_on(function, "ocr"):
        variables["FAIRWAY_OCR_LANGUAGES"] = {"Ref": "OcrLanguages"}
    return variables


def _migration() -> Resources:
    """A custom resource that migrates with the new version's code, before any other function is replaced."""
    return {
        "Migration": {
            "Type": "Custom::Migration",
            "Properties": {
                "ServiceToken": attribute("Migrate", "Arn"),
                "ServiceTimeout": 600,
                "SchemaDigest": {"Ref": "SchemaDigest"},
                "Brokers": when("UsesKafka", {"Ref": "KafkaBrokers"}),  # the migration creates their topics
            },
        }
    }


def _layers() -> Resources:
    return {
        f"{name.title()}Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {
                "LayerName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
                "Content": {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": {"Ref": f"{name.title()}LayerKey"}},
                "CompatibleRuntimes": ["python3.12"],
            },
        }
        for name in Plan.read().layers
    }
