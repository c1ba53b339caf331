"""The data stack: a separate network, PostgreSQL behind RDS Proxy, Valkey, and their secrets.

It is separate from the application stack, which each new version updates. Its outputs have the same names as the
application's parameters that receive them.
"""

from __future__ import annotations

from typing import Any

from infra.aws import network
from infra.aws.expressions import allow, assumed_by, attribute, choice, is_set, number, policy, skip_checks, text
from infra.aws.inventory import PROTECTED, Resources
from infra.aws.network import CACHE_PORT, DATABASE_PORT, ZONES

DATABASE, OWNER = "fairway", "fairway"
ROLES = ("fairway_worker", "fairway_api")

PARAMETERS: dict[str, Any] = {
    "NetworkRange": text("Address range of the network; the two subnets are its first two /20 blocks.", "10.86.0.0/16"),
    "TwoZones": choice("Run everything twice, in two zones, at twice the price.", "no", "yes"),
    "DatabaseClass": text("Instance class of the database.", "db.t4g.micro"),
    "DatabaseVersion": text("Major version of PostgreSQL, 18 or later.", "18"),
    "DatabaseStorageGb": number("Initial storage in gigabytes.", 20, MinValue=20),
    "DatabaseMostStorageGb": number("Gigabytes up to which the storage grows automatically.", 100, MinValue=22),
    "BackupDays": number(
        "Days for which the database can be restored to any point in time.", 7, MinValue=1, MaxValue=35
    ),
    "CacheClass": text("Node type of the cache.", "cache.t4g.micro"),
    "ReadByTextract": choice("Whether functions may call Amazon Textract.", "on", "off"),
    "ExtractionBy": choice(
        "Extractor of values; models outside of AWS can't be reached from this network.", "rules", "bedrock"
    ),
    "KafkaGroup": text("Security group of an MSK cluster in this network; empty: no cluster."),
    "FlowLogDays": number("Retention of the network's flow log in days.", 14),
}

CONDITIONS: dict[str, Any] = {
    "InTwoZones": {"Fn::Equals": [{"Ref": "TwoZones"}, "yes"]},
    "ReadsByTextract": {"Fn::Equals": [{"Ref": "ReadByTextract"}, "on"]},
    "HasKafka": is_set("KafkaGroup"),
    "UsesBedrock": {"Fn::Equals": [{"Ref": "ExtractionBy"}, "bedrock"]},
}


def template(stage: str) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Fairway ({stage}): network, PostgreSQL behind RDS Proxy, Valkey, secrets.",
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": network.resources(stage) | _secrets(stage) | _database(stage) | _proxy(stage) | _cache(stage),
        "Outputs": {name: {"Value": value} for name, value in _outputs().items()},
    }


def _outputs() -> dict[str, Any]:
    proxy = "${Proxy.Endpoint}" + f":{DATABASE_PORT}/{DATABASE}"
    worker, api = ({"Fn::Sub": f"postgresql://{role}@{proxy}"} for role in ROLES)
    return {
        "SubnetIds": {"Fn::Join": [",", [{"Ref": f"Subnet{zone}"} for zone in ZONES]]},
        "SecurityGroupIds": {"Ref": "FunctionsGroup"},
        "DatabaseUrl": worker,
        "ApiDatabaseUrl": api,
        # arn:aws:rds:REGION:ACCOUNT:db-proxy:prx-...
        "DatabaseResource": {"Fn::Select": [6, {"Fn::Split": [":", attribute("Proxy", "DBProxyArn")]}]},
        "DatabaseInstance": {"Ref": "Database"},
        "DatabaseProxy": {"Ref": "Proxy"},
        "RedisUrl": {"Fn::Sub": "rediss://${Cache.PrimaryEndPoint.Address}:" + f"{CACHE_PORT}/0"},
        "SharedSecrets": {"Ref": "CacheSecret"},
        "ApiSecrets": {"Ref": "PepperSecret"},
        "MigrationSecrets": {"Ref": "AdminSecret"},
        "OwnerSecret": attribute("Database", "MasterUserSecret.SecretArn"),
        "ReadByTextract": {"Ref": "ReadByTextract"},
        "ExtractionBy": {"Ref": "ExtractionBy"},
    }


def _secrets(stage: str) -> Resources:
    """The secrets of functions: each is a JSON object of environment variables. RDS keeps the owner's password itself."""
    described = {
        "CacheSecret": ("cache", "FAIRWAY_REDIS_PASSWORD", "Password of the cache."),
        "PepperSecret": ("api", "FAIRWAY_KEY_PEPPER", "Pepper that hashes API keys and seals cursors."),
        "AdminSecret": ("admin", "FAIRWAY_ADMIN_KEY", "API key of the first admin."),
    }
    return {
        name: {
            "Type": "AWS::SecretsManager::Secret",
            **_deletion(stage),
            "Metadata": skip_checks(
                {
                    "CKV_AWS_149": "Encrypted with the account's default key; no other account reads it.",
                    "CKV_AWS_198": "A new pepper would invalidate every API key; the other secrets are changed manually.",
                }
            ),
            "Properties": {
                "Name": f"fairway-{stage}-{key}",
                "Description": description,
                "GenerateSecretString": {
                    "SecretStringTemplate": "{}",
                    "GenerateStringKey": variable,
                    "PasswordLength": 48,
                    "ExcludePunctuation": True,
                },
            },
        }
        for name, (key, variable, description) in described.items()
    }


def _deletion(stage: str, protected: str = "Retain") -> dict[str, str]:
    """The policy for a resource that is removed from the stack: `protected` in a protected stage, otherwise Delete."""
    policy_name = protected if stage in PROTECTED else "Delete"
    return {"DeletionPolicy": policy_name, "UpdateReplacePolicy": policy_name}


def _database(stage: str) -> Resources:
    return {
        "DatabaseSubnets": {
            "Type": "AWS::RDS::DBSubnetGroup",
            "Properties": {
                "DBSubnetGroupDescription": "Subnets of the database.",
                "SubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES],
            },
        },
        "Database": {
            "Type": "AWS::RDS::DBInstance",
            **_deletion(stage, "Snapshot"),
            "Metadata": skip_checks(
                {
                    "CKV_AWS_157": "The parameter TwoZones decides.",
                    "CKV_AWS_118": "CloudWatch's metrics, one per minute, are enough.",
                    "CKV_AWS_353": "The smallest instance classes do not support Performance Insights.",
                    "CKV_AWS_293": "Only prod is protected; other stages are disposable.",
                }
            ),
            "Properties": {
                "DBInstanceIdentifier": f"fairway-{stage}",
                "DBInstanceClass": {"Ref": "DatabaseClass"},
                "Engine": "postgres",
                "EngineVersion": {"Ref": "DatabaseVersion"},
                "DBName": DATABASE,
                "MasterUsername": OWNER,
                "ManageMasterUserPassword": True,
                "EnableIAMDatabaseAuthentication": True,
                "AllocatedStorage": {"Ref": "DatabaseStorageGb"},
                "MaxAllocatedStorage": {"Ref": "DatabaseMostStorageGb"},
                "StorageType": "gp3",
                "StorageEncrypted": True,
                "MultiAZ": {"Fn::If": ["InTwoZones", True, False]},
                "PubliclyAccessible": False,
                "DBSubnetGroupName": {"Ref": "DatabaseSubnets"},
                "VPCSecurityGroups": [{"Ref": "DatabaseGroup"}],
                "BackupRetentionPeriod": {"Ref": "BackupDays"},
                "CopyTagsToSnapshot": True,
                "AutoMinorVersionUpgrade": True,
                "DeletionProtection": stage in PROTECTED,
                "EnableCloudwatchLogsExports": ["postgresql", "upgrade"],
            },
        },
    }


def _proxy(stage: str) -> Resources:
    """RDS Proxy, which serves many functions with few connections.

    The functions' roles log in by IAM token, the owner by password. Connections can be shared because functions set
    no session state that outlives a transaction (see `layers/adapters/postgres/database.py`).
    """
    users = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${Database.DbiResourceId}/"
    return {
        "ProxyRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": assumed_by("rds.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "database-login",
                        "PolicyDocument": policy(
                            allow(["rds-db:connect"], [{"Fn::Sub": users + role} for role in ROLES]),
                            allow(
                                ["secretsmanager:GetSecretValue"], attribute("Database", "MasterUserSecret.SecretArn")
                            ),
                        ),
                    }
                ],
            },
        },
        "Proxy": {
            "Type": "AWS::RDS::DBProxy",
            "Properties": {
                "DBProxyName": f"fairway-{stage}",
                "EngineFamily": "POSTGRESQL",
                "RequireTLS": True,
                "IdleClientTimeout": 1800,
                "DefaultAuthScheme": "IAM_AUTH",
                "Auth": [
                    {
                        "AuthScheme": "SECRETS",
                        "IAMAuth": "DISABLED",
                        "SecretArn": attribute("Database", "MasterUserSecret.SecretArn"),
                        "ClientPasswordAuthType": "POSTGRES_SCRAM_SHA_256",
                    }
                ],
                "RoleArn": attribute("ProxyRole", "Arn"),
                "VpcSubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES],
                "VpcSecurityGroupIds": [{"Ref": "ProxyGroup"}],
            },
        },
        "ProxyTargets": {
            "Type": "AWS::RDS::DBProxyTargetGroup",
            "Properties": {
                "DBProxyName": {"Ref": "Proxy"},
                "TargetGroupName": "default",
                "DBInstanceIdentifiers": [{"Ref": "Database"}],
                "ConnectionPoolConfigurationInfo": {
                    "MaxConnectionsPercent": 90,
                    "MaxIdleConnectionsPercent": 30,
                    "ConnectionBorrowTimeout": 20,
                },
            },
        },
    }


def _cache(stage: str) -> Resources:
    """Valkey stores hints only, so its data may be lost and is not backed up."""
    reference = "{{resolve:secretsmanager:${CacheSecret}:SecretString:FAIRWAY_REDIS_PASSWORD}}"
    return {
        "CacheSubnets": {
            "Type": "AWS::ElastiCache::SubnetGroup",
            "Properties": {
                "Description": "Subnets of the cache.",
                "SubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES],
            },
        },
        "Cache": {
            "Type": "AWS::ElastiCache::ReplicationGroup",
            "Metadata": skip_checks(
                {"CKV_AWS_191": "Encrypted with ElastiCache's own key; it stores ids and counters."}
            ),
            "Properties": {
                "ReplicationGroupId": f"fairway-{stage}",
                "ReplicationGroupDescription": "Breakers, budgets and work signals.",
                "Engine": "valkey",
                "EngineVersion": "8.0",
                "CacheNodeType": {"Ref": "CacheClass"},
                "NumCacheClusters": {"Fn::If": ["InTwoZones", 2, 1]},
                "AutomaticFailoverEnabled": {"Fn::If": ["InTwoZones", True, False]},
                "MultiAZEnabled": {"Fn::If": ["InTwoZones", True, False]},
                "CacheSubnetGroupName": {"Ref": "CacheSubnets"},
                "SecurityGroupIds": [{"Ref": "CacheGroup"}],
                "AtRestEncryptionEnabled": True,
                "TransitEncryptionEnabled": True,
                "AuthToken": {"Fn::Sub": reference},
            },
        },
    }
