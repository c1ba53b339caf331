"""What a deployment is told, and what of the application stack hangs on it."""

from __future__ import annotations

from typing import Any

from infra.aws.spelling import choice, is_given, number, text

PARAMETERS: dict[str, Any] = {
    "ArtifactBucket": text("The bucket that holds the packages.", None),
    "FunctionKey": text("The key of the functions' package.", None),
    "TextLayerKey": text("The key of the layer for reading.", None),
    "OcrLayerKey": text("The key of the layer for OCR.", None),
    "PicturesLayerKey": text("The key of the layer for previews and thumbnails.", None),
    "SchemaDigest": text("What the schema says, as a digest: a new one migrates the database.", None),
    "SubnetIds": text("Private subnets for the functions, with commas; none: outside of a VPC."),
    "SecurityGroupIds": text("The functions' security groups, with commas."),
    "DatabaseUrl": text("PostgreSQL's address for the workers' role, through RDS Proxy; empty where a secret has it."),
    "ApiDatabaseUrl": text("PostgreSQL's address for the API's role; empty where a secret has it."),
    "DatabaseAuth": choice("How functions open the database.", "iam", "password"),
    "DatabaseResource": text("RDS Proxy's resource id, prx-..., to which the functions may connect by IAM."),
    "DatabaseInstance": text("The database instance's identifier, for its alarm."),
    "DatabaseProxy": text("RDS Proxy's name, for its alarm."),
    "RedisUrl": text("Valkey's address without its password."),
    "WorkerSecrets": text("Secrets of variables for every function, with commas."),
    "ApiSecrets": text("Secrets of variables for the API and for migrations, with commas."),
    "OwnerSecret": text("The secret of the database's owner, as RDS keeps it."),
    "MigrationSecrets": text("Secrets of variables for migrations alone, with commas."),
    "AllowedOrigins": text("Browsers' origins that may upload and read, with commas.", "*"),
    "QuarantineAt": number("How many runs of a step may be lost before it is given up.", 2, MinValue=1),
    "OcrLanguages": text("Tesseract's languages.", "eng"),
    "ReadByTextract": choice("Whether doubtful pages go to Amazon Textract.", "on", "off"),
    "TextractEndpoint": text("Another address of Amazon Textract."),
    "OcrSureFrom": number("Mean confidence of a page under which Textract reads it too.", 70, MinValue=0, MaxValue=100),
    "ExtractionBy": choice("What finds values in texts.", "rules", "openai", "bedrock"),
    "ExtractionModel": text("The model that finds values; on Bedrock its id or that of an inference profile."),
    "ExtractionModelArns": text("What of Bedrock may be called, with commas; none: the model of that id, here."),
    "ExtractionUrl": text("The endpoint that speaks OpenAI's chat completions; its key belongs into a secret."),
    "BedrockEndpoint": text("Another address of Amazon Bedrock."),
    "TextractCallsPerSecond": number("Calls a second that the account may make; 0: no limit of ours.", 10, MinValue=0),
    "ExtractionTokensPerMinute": number("Tokens a minute that the model takes; 0: no limit of ours.", 0, MinValue=0),
    "PreviewConnections": number("Connections that the preview service bears; 0: no limit of ours.", 0, MinValue=0),
    "Transport": choice(
        "What carries the steps' wake-ups: SQS, or an MSK cluster that knows its callers by IAM.", "sqs", "kafka"
    ),
    "KafkaCluster": text("The MSK cluster as its ARN ends: its name, a slash and its id."),
    "KafkaBrokers": text("The cluster's bootstrap brokers for IAM (port 9098), with commas."),
    "LogRetentionDays": {"Type": "Number", "Default": 30, "AllowedValues": [1, 3, 7, 14, 30, 90, 365]},
    "AlarmEmail": text("Who is told of alarms; none: nobody by mail."),
    "OldestAgeLimit": number("Seconds that a part may wait at a step before an alarm is raised.", 3600, MinValue=0),
    "CostPerHourLimit": number("US dollars an hour that raise an alarm.", 10),
}

RULES: dict[str, Any] = {
    "KafkaIsWhole": {
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
    "InVpc": is_given("SubnetIds"),
    "UsesKafka": {"Fn::Equals": [{"Ref": "Transport"}, "kafka"]},
    "ByIam": {"Fn::Equals": [{"Ref": "DatabaseAuth"}, "iam"]},
    "HasDatabaseUrl": is_given("DatabaseUrl"),
    "HasApiDatabaseUrl": is_given("ApiDatabaseUrl"),
    "HasRedisUrl": is_given("RedisUrl"),
    "HasDatabaseInstance": is_given("DatabaseInstance"),
    "HasDatabaseProxy": is_given("DatabaseProxy"),
    "HasWorkerSecrets": is_given("WorkerSecrets"),
    "HasApiSecrets": is_given("ApiSecrets"),
    "HasMigrationSecrets": is_given("MigrationSecrets"),
    "HasOwnerSecret": is_given("OwnerSecret"),
    "HasTextractEndpoint": is_given("TextractEndpoint"),
    "UsesBedrock": {"Fn::Equals": [{"Ref": "ExtractionBy"}, "bedrock"]},
    "HasExtractionModel": is_given("ExtractionModel"),
    "HasExtractionModelArns": is_given("ExtractionModelArns"),
    "HasExtractionUrl": is_given("ExtractionUrl"),
    "HasBedrockEndpoint": is_given("BedrockEndpoint"),
    "TellsByMail": is_given("AlarmEmail"),
}
