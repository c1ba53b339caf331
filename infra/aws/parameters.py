"""The parameters of the application stack, and the conditions and rules that depend on them."""

from __future__ import annotations

from typing import Any

from infra.aws.expressions import choice, is_set, number, text
from infra.aws.layers import Plan

BUCKET_ARN = "arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
PARAMETERS: dict[str, Any] = {
    "ArtifactBucket": text("Bucket of the packages.", None),
    "FunctionKey": text("Key of the functions' package.", None),
    **{f"{name.title()}LayerKey": text(f"Key of the layer {name}.", None) for name in Plan.read().layers},
    "SchemaDigest": text("Digest of the database schema; a new one starts a migration.", None),
    "SubnetIds": text("Private subnets of the functions, comma-separated; empty: no VPC."),
    "SecurityGroupIds": text("Security groups of the functions, comma-separated."),
    "DatabaseUrl": text("PostgreSQL URL for the workers' role, through RDS Proxy; empty: a secret has it."),
    "ApiDatabaseUrl": text("PostgreSQL URL for the API's role; empty: a secret has it."),
    "DatabaseAuth": choice("How functions log in to the database.", "iam", "password"),
    "DatabaseResource": text("Resource id of RDS Proxy (prx-...) to which functions may connect by IAM."),
    "DatabaseInstance": text("Identifier of the database instance, for its alarm."),
    "DatabaseProxy": text("Name of RDS Proxy, for its alarm."),
    "RedisUrl": text("URL of Valkey, without the password."),
    "SharedSecrets": text("Secrets of all functions, such as Valkey's password and a model's key; comma-separated."),
    "WorkerSecrets": text("Secrets of all functions but the API, such as the workers' database URL; comma-separated."),
    "ApiSecrets": text("Secrets of the API and migrations, such as the pepper of keys; comma-separated."),
    "OwnerSecret": text("Secret with the database owner's name and password, as RDS stores it."),
    "MigrationSecrets": text("Secrets of migrations alone, such as the first admin's key; comma-separated."),
    "ImportBucketArns": text(
        "ARNs of buckets from which may be imported, comma-separated; empty: none.",
        AllowedPattern=f"^({BUCKET_ARN}(,{BUCKET_ARN})*)?$",
        ConstraintDescription="it needs ARNs of whole buckets with commas between them, without wildcards",
    ),
    "AllowedOrigins": text("Origins from which browsers may upload and read, comma-separated.", "*"),
    "QuarantineAt": number("Number of lost attempts after which a step is given up.", 2, MinValue=1),
    "OcrLanguages": text("Languages for Tesseract.", "eng"),
    "ReadByTextract": choice("Whether doubtful pages go to Amazon Textract.", "on", "off"),
    "TextractEndpoint": text("Endpoint to use in place of Amazon Textract's own."),
    "OcrSureFrom": number("Mean confidence below which Textract reads a page too.", 70, MinValue=0, MaxValue=100),
    "ExtractionBy": choice("Extractor of values from texts.", "rules", "openai", "bedrock"),
    "ExtractionModel": text("Model for extraction; on Bedrock the id of a model or of an inference profile."),
    "ExtractionModelArns": text("ARNs that may be invoked on Bedrock, comma-separated; empty: ExtractionModel here."),
    "ExtractionUrl": text("URL of an endpoint for OpenAI chat completions; store its key in a secret."),
    "BedrockEndpoint": text("Endpoint to use in place of Amazon Bedrock's own."),
    "TextractCallsPerSecond": number("Textract calls per second; 0: no limit.", 10, MinValue=0),
    "ExtractionTokensPerMinute": number("Tokens per minute for the model; 0: no limit.", 0, MinValue=0),
    "PreviewConnections": number("Connections to the preview service; 0: no limit.", 0, MinValue=0),
    "Transport": choice("Transport of the steps' messages: SQS, or an MSK cluster with IAM access.", "sqs", "kafka"),
    "KafkaCluster": text("Last part of the MSK cluster's ARN: name, slash, id."),
    "KafkaBrokers": text("The cluster's bootstrap brokers for IAM (port 9098), comma-separated."),
    "LogRetentionDays": {"Type": "Number", "Default": 30, "AllowedValues": [1, 3, 7, 14, 30, 90, 365]},
    "AlarmEmail": text("E-mail address for alarms; empty: no mail."),
    "OldestAgeLimit": number("Seconds that a part may wait at a step before an alarm is raised.", 3600, MinValue=0),
    "CostPerHourLimit": number("US dollars per hour above which an alarm is raised.", 10),
}

RULES: dict[str, Any] = {
    "KafkaIsComplete": {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Transport"}, "kafka"]},
        "Assertions": [
            {
                "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]},
                "AssertDescription": f"Transport=kafka needs {name}.",
            }
            for name in ("KafkaCluster", "KafkaBrokers", "SubnetIds")
        ],
    }
}

CONDITIONS: dict[str, Any] = {
    "InVpc": is_set("SubnetIds"),
    "UsesKafka": {"Fn::Equals": [{"Ref": "Transport"}, "kafka"]},
    "UsesIamLogin": {"Fn::Equals": [{"Ref": "DatabaseAuth"}, "iam"]},
    "HasDatabaseUrl": is_set("DatabaseUrl"),
    "HasApiDatabaseUrl": is_set("ApiDatabaseUrl"),
    "HasRedisUrl": is_set("RedisUrl"),
    "HasDatabaseInstance": is_set("DatabaseInstance"),
    "HasDatabaseProxy": is_set("DatabaseProxy"),
    "HasSharedSecrets": is_set("SharedSecrets"),
    "HasWorkerSecrets": is_set("WorkerSecrets"),
    "HasApiSecrets": is_set("ApiSecrets"),
    "HasMigrationSecrets": is_set("MigrationSecrets"),
    "HasOwnerSecret": is_set("OwnerSecret"),
    "HasImportBuckets": is_set("ImportBucketArns"),
    "HasTextractEndpoint": is_set("TextractEndpoint"),
    "UsesBedrock": {"Fn::Equals": [{"Ref": "ExtractionBy"}, "bedrock"]},
    "HasExtractionModel": is_set("ExtractionModel"),
    "HasExtractionModelArns": is_set("ExtractionModelArns"),
    "HasExtractionUrl": is_set("ExtractionUrl"),
    "HasBedrockEndpoint": is_set("BedrockEndpoint"),
    "SendsAlarmMail": is_set("AlarmEmail"),
}
