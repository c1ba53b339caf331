"""The functions: their code, layers, settings and logs, what starts them, and the migration that all wait for."""

from __future__ import annotations

from typing import Any

from functions.pipelines import STEPS
from infra.aws.inventory import API, FUNCTIONS, MIGRATE, Resources, depends_on, logical, setting
from infra.aws.layers import Plan
from infra.aws.queues import source
from infra.aws.roles import role
from infra.aws.spelling import attribute, excused, listed, when
from infra.topics import TOPICS
from layers.telemetry.metrics import NAMESPACE


def resources(stage: str) -> Resources:
    """Every function with its role and log, the layers, and the migration."""
    found: Resources = _layers() | _migration()
    for function in FUNCTIONS:
        found |= _function(stage, function)
    return found


def _function(stage: str, function: str) -> Resources:
    name = logical(function)
    of: dict[str, Any] = {
        "FunctionName": f"fairway-{stage}-{function}",
        "CodeUri": {"Bucket": {"Ref": "ArtifactBucket"}, "Key": {"Ref": "FunctionKey"}},
        "Role": attribute(f"{name}Role", "Arn"),
        "Tracing": "Active",
        "Environment": {"Variables": _environment(stage, function)},
        "VpcConfig": when("InVpc", {"SubnetIds": listed("SubnetIds"), "SecurityGroupIds": listed("SecurityGroupIds")}),
    }
    if function in STEPS:  # Chalice sets these by config.json alone, where a step may have no line
        of["Timeout"] = setting(stage, function, "lambda_timeout")
        of["MemorySize"] = setting(stage, function, "lambda_memory_size")
        of["ReservedConcurrentExecutions"] = setting(stage, function, "reserved_concurrency")
    if layers := Plan.read().layers_of(function):
        of["Layers"] = [{"Ref": f"{layer.title()}Layer"} for layer in layers]
    if function in TOPICS:
        of["Events"] = {f"{name}SqsEventSource": {"Type": "SQS", "Properties": source(stage, function)}}
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
        name: {"DependsOn": waits_for, "Metadata": excused(of_lambda), "Properties": of},
        f"{name}Role": role(stage, function),
        f"{name}Log": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Metadata": excused(
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
        "FAIRWAY_KAFKA_BROKERS": when("UsesKafka", {"Ref": "KafkaBrokers"}),
        "FAIRWAY_KAFKA_AUTH": when("UsesKafka", "iam"),
        "FAIRWAY_DATABASE_AUTH": {"Ref": "DatabaseAuth"},
        "FAIRWAY_DATABASE_URL": when("HasDatabaseUrl", {"Ref": "DatabaseUrl"}),
        "FAIRWAY_REDIS_URL": when("HasRedisUrl", {"Ref": "RedisUrl"}),
        "FAIRWAY_SECRETS": {"Fn::Join": [",", secrets]},
        # Every step plans what follows it, and so knows what the others can do.
        "FAIRWAY_TEXTRACT": {"Ref": "ReadByTextract"},
        "FAIRWAY_OCR_SURE_FROM": {"Ref": "OcrSureFrom"},
        "FAIRWAY_EXTRACTION": {"Ref": "ExtractionBy"},
        "FAIRWAY_EXTRACTION_MODEL": when("HasExtractionModel", {"Ref": "ExtractionModel"}),
        "FAIRWAY_EXTRACTION_URL": when("HasExtractionUrl", {"Ref": "ExtractionUrl"}),
        "AWS_ENDPOINT_URL_TEXTRACT": when("HasTextractEndpoint", {"Ref": "TextractEndpoint"}),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": when("HasBedrockEndpoint", {"Ref": "BedrockEndpoint"}),
        "FAIRWAY_QUARANTINE_AT": {"Ref": "QuarantineAt"},
        # Any function dispatches what it readied: each must know what the services bear.
        "FAIRWAY_TEXTRACT_CALLS_PER_S": {"Ref": "TextractCallsPerSecond"},
        "FAIRWAY_EXTRACTION_TOKENS_PER_MIN": {"Ref": "ExtractionTokensPerMinute"},
        "FAIRWAY_PREVIEW_CONNECTIONS": {"Ref": "PreviewConnections"},
        "POWERTOOLS_SERVICE_NAME": "fairway",
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }
    if function in (API, MIGRATE):
        said["FAIRWAY_API_DATABASE_URL"] = when("HasApiDatabaseUrl", {"Ref": "ApiDatabaseUrl"})
    if function == MIGRATE:
        said["FAIRWAY_OWNER_SECRET"] = when("HasOwnerSecret", {"Ref": "OwnerSecret"})
    if function == API:
        said["FAIRWAY_ALLOWED_ORIGINS"] = {"Ref": "AllowedOrigins"}
    if depends_on(function, "ocr"):
        said["FAIRWAY_OCR_LANGUAGES"] = {"Ref": "OcrLanguages"}
    return said


def _migration() -> Resources:
    """Migrates by the new version's function, before any other function is replaced."""
    return {
        "Migration": {
            "Type": "Custom::Migration",
            "Properties": {
                "ServiceToken": attribute("Migrate", "Arn"),
                "ServiceTimeout": 600,
                "SchemaDigest": {"Ref": "SchemaDigest"},
                "Brokers": when("UsesKafka", {"Ref": "KafkaBrokers"}),  # whose topics it makes
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
        for name in Plan.read().requirements
    }
