"""The data stack: a network of its own, PostgreSQL behind RDS Proxy, Valkey, and the secrets that open them.

It stands apart from the application stack, which comes and goes with each version. Its outputs are named as the
parameters of the application that they are for. Nothing in it reaches the internet, nor is reached from there: what
the functions call outside of the network they call by endpoints.
"""

from __future__ import annotations

from typing import Any

from infra.aws.inventory import PROTECTED
from infra.aws.spelling import allow, attribute, choice, excused, is_given, number, policy, text, when

Resource = dict[str, Any]
Resources = dict[str, Resource]
DATABASE, DATABASE_PORT, CACHE_PORT = "fairway", 5432, 6379
OWNER, ROLES = "fairway", ("fairway_worker", "fairway_api")
ZONES = ("A", "B")  # a subnet in each: RDS wants two, whether or not anything runs in both
# What functions call by name inside of the network, and when. S3 has a gateway, which costs nothing.
ENDPOINTS = {"sqs": None, "secretsmanager": None, "textract": "ReadsByTextract", "bedrock-runtime": "UsesBedrock"}
# What Lambda's pollers of an MSK cluster call: they stand in the cluster's network.
POLLERS_ENDPOINTS = {"lambda": "HasKafka", "sts": "HasKafka"}
KAFKA_PORT = 9098  # where callers are known by IAM

PARAMETERS: dict[str, Any] = {
    "NetworkRange": text("The network's addresses; the two subnets are its halves' first /20.", "10.86.0.0/16"),
    "TwoZones": choice("Everything twice, in two zones, for the price of two.", "no", "yes"),
    "DatabaseClass": text("The database's instance class.", "db.t4g.micro"),
    "DatabaseVersion": text("PostgreSQL's major version: 18 or later.", "18"),
    "DatabaseStorageGb": number("Gigabytes to begin with.", 20, MinValue=20),
    "DatabaseMostStorageGb": number("Gigabytes up to which its storage grows by itself.", 100, MinValue=22),
    "BackupDays": number("For how many days the database can be put back to any moment.", 7, MinValue=1, MaxValue=35),
    "CacheClass": text("The cache's node type.", "cache.t4g.micro"),
    "ReadByTextract": choice("Whether functions may call Amazon Textract.", "on", "off"),
    "ExtractionBy": choice("What finds values; a model outside of AWS is not reached from here.", "rules", "bedrock"),
    "KafkaGroup": text("The security group of an MSK cluster in this network; none: there is none."),
    "FlowLogDays": number("For how many days it is kept which addresses talked.", 14),
}

CONDITIONS: dict[str, Any] = {
    "InTwoZones": {"Fn::Equals": [{"Ref": "TwoZones"}, "yes"]},
    "ReadsByTextract": {"Fn::Equals": [{"Ref": "ReadByTextract"}, "on"]},
    "HasKafka": is_given("KafkaGroup"),
    "UsesBedrock": {"Fn::Equals": [{"Ref": "ExtractionBy"}, "bedrock"]},
}


def template(stage: str) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Fairway ({stage}): network, PostgreSQL behind RDS Proxy, Valkey, secrets.",
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": _network() | _flow_log(stage) | _endpoints() | _secrets(stage) | _database(stage)
        | _proxy(stage) | _cache(stage),
        "Outputs": {name: {"Value": value} for name, value in _outputs().items()},
    }  # fmt: skip


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
        "WorkerSecrets": {"Ref": "CacheSecret"},
        "ApiSecrets": {"Ref": "PepperSecret"},
        "MigrationSecrets": {"Ref": "AdminSecret"},
        "OwnerSecret": attribute("Database", "MasterUserSecret.SecretArn"),
        "ReadByTextract": {"Ref": "ReadByTextract"},
        "ExtractionBy": {"Ref": "ExtractionBy"},
    }


# --- the network -------------------------------------------------------------------------------------------------------


def _network() -> Resources:
    subnets: Resources = {}
    for place, zone in enumerate(ZONES):
        subnets[f"Subnet{zone}"] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Network"},
                "AvailabilityZone": {"Fn::Select": [place, {"Fn::GetAZs": ""}]},
                "CidrBlock": {"Fn::Select": [place, {"Fn::Cidr": [{"Ref": "NetworkRange"}, len(ZONES), 12]}]},
                "MapPublicIpOnLaunch": False,
            },
        }
        subnets[f"Routes{zone}"] = {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"SubnetId": {"Ref": f"Subnet{zone}"}, "RouteTableId": {"Ref": "Routes"}},
        }
    return {
        "Network": {
            "Type": "AWS::EC2::VPC",
            "Properties": {
                "CidrBlock": {"Ref": "NetworkRange"},
                "EnableDnsHostnames": True,
                "EnableDnsSupport": True,
            },
        },
        **subnets,
        "Routes": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Network"}}},
        "FunctionsGroup": _group("Functions: they call, and nobody calls them."),
        "ProxyGroup": _group("RDS Proxy: functions call it."),
        "DatabaseGroup": _group("PostgreSQL: RDS Proxy alone calls it."),
        "CacheGroup": _group("Valkey: functions call it."),
        "EndpointsGroup": _group("Endpoints of services: functions call them."),
        **_way("FunctionsGroup", "ProxyGroup", DATABASE_PORT),
        **_way("ProxyGroup", "DatabaseGroup", DATABASE_PORT),
        **_way("FunctionsGroup", "CacheGroup", CACHE_PORT),
        **_way("FunctionsGroup", "EndpointsGroup", 443),
        # Lambda's pollers bear the cluster's own group.
        **_way("FunctionsGroup", "KafkaGroup", KAFKA_PORT, "HasKafka"),
        **_way("KafkaGroup", "KafkaGroup", KAFKA_PORT, "HasKafka"),
        **_way("KafkaGroup", "EndpointsGroup", 443, "HasKafka"),
        "FunctionsToS3": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Ref": "FunctionsGroup"},
                "Description": "The object store, by the network's gateway to it: there is no other way out.",
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "0.0.0.0/0",
            },
        },
    }


def _group(about: str) -> Resource:
    nowhere = {"CidrIp": "127.0.0.1/32", "IpProtocol": "-1", "Description": "In the place of AWS's way to everywhere."}
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Metadata": excused({"CKV_AWS_382": "Every way out stands by itself, to one group and port."}),
        "Properties": {
            "GroupDescription": about.replace(":", " -"),
            "VpcId": {"Ref": "Network"},
            "SecurityGroupEgress": [nowhere],
        },
    }


def _way(source: str, target: str, port: int, condition: str = "") -> Resources:
    """Let one group call another at one port, where the condition holds."""
    where = {"Condition": condition} if condition else {}
    at = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    about = f"{source.removesuffix('Group')} to {target.removesuffix('Group').lower()}"
    name = source.removesuffix("Group") + "To" + target.removesuffix("Group")
    return {
        f"{name}Out": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            **where,
            "Properties": {
                **at,
                "GroupId": {"Ref": source},
                "DestinationSecurityGroupId": {"Ref": target},
                "Description": about,
            },
        },
        f"{name}In": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            **where,
            "Properties": {
                **at,
                "GroupId": {"Ref": target},
                "SourceSecurityGroupId": {"Ref": source},
                "Description": about,
            },
        },
    }


def _endpoints() -> Resources:
    found: Resources = {
        "ObjectsEndpoint": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": {"Ref": "Network"},
                "VpcEndpointType": "Gateway",
                "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
                "RouteTableIds": [{"Ref": "Routes"}],
            },
        }
    }
    for service, condition in {**ENDPOINTS, **POLLERS_ENDPOINTS}.items():
        found[service.title().replace("-", "") + "Endpoint"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            **({"Condition": condition} if condition else {}),
            "Properties": {
                "VpcId": {"Ref": "Network"},
                "VpcEndpointType": "Interface",
                "ServiceName": {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{service}"},
                "PrivateDnsEnabled": True,
                "SecurityGroupIds": [{"Ref": "EndpointsGroup"}],
                "SubnetIds": [{"Ref": "SubnetA"}, when("InTwoZones", {"Ref": "SubnetB"})],
            },
        }
    return found


def _flow_log(stage: str) -> Resources:
    return {
        "FlowLogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Metadata": excused(
                {
                    "CKV_AWS_158": "CloudWatch encrypts it by its own key; it holds addresses of a private network.",
                    "CKV_AWS_338": "FlowLogDays says how long.",
                }
            ),
            "Properties": {
                "LogGroupName": f"/fairway/{stage}/network",
                "RetentionInDays": {"Ref": "FlowLogDays"},
            },
        },
        "FlowLogRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _assumed_by("vpc-flow-logs.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "writes-the-log",
                        "PolicyDocument": policy(
                            allow(
                                ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                                attribute("FlowLogGroup", "Arn"),
                            )
                        ),
                    }
                ],
            },
        },
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceType": "VPC",
                "ResourceId": {"Ref": "Network"},
                "TrafficType": "REJECT",
                "LogGroupName": {"Ref": "FlowLogGroup"},
                "DeliverLogsPermissionArn": attribute("FlowLogRole", "Arn"),
            },
        },
    }


def _assumed_by(service: str) -> dict[str, Any]:
    who = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return policy({**who, "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}})


# --- secrets -----------------------------------------------------------------------------------------------------------


def _secrets(stage: str) -> Resources:
    """Each is a JSON object of variables, as the functions read them. The database's owner has RDS's own."""
    made = {
        "CacheSecret": ("cache", "FAIRWAY_REDIS_PASSWORD", "What functions open the cache with."),
        "PepperSecret": ("api", "FAIRWAY_KEY_PEPPER", "What the API's keys are hashed with and cursors sealed."),
        "AdminSecret": ("admin", "FAIRWAY_ADMIN_KEY", "The first admin's key of the API."),
    }
    return {
        name: {
            "Type": "AWS::SecretsManager::Secret",
            **_kept(stage),
            "Metadata": excused(
                {
                    "CKV_AWS_149": "Encrypted by the account's own key for secrets; no other account reads it.",
                    "CKV_AWS_198": "Another pepper would void every key; the others are changed by hand.",
                }
            ),
            "Properties": {
                "Name": f"fairway-{stage}-{key}",
                "Description": about,
                "GenerateSecretString": {
                    "SecretStringTemplate": "{}",
                    "GenerateStringKey": variable,
                    "PasswordLength": 48,
                    "ExcludePunctuation": True,
                },
            },
        }
        for name, (key, variable, about) in made.items()
    }


def _kept(stage: str, policy_of_data: str = "Retain") -> dict[str, str]:
    """What becomes of a resource when it leaves the stack."""
    kept = policy_of_data if stage in PROTECTED else "Delete"
    return {"DeletionPolicy": kept, "UpdateReplacePolicy": kept}


# --- PostgreSQL --------------------------------------------------------------------------------------------------------


def _database(stage: str) -> Resources:
    return {
        "DatabaseSubnets": {
            "Type": "AWS::RDS::DBSubnetGroup",
            "Properties": {
                "DBSubnetGroupDescription": "Where the database may stand.",
                "SubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES],
            },
        },
        "Database": {
            "Type": "AWS::RDS::DBInstance",
            **_kept(stage, "Snapshot"),
            "Metadata": excused(
                {
                    "CKV_AWS_157": "TwoZones says whether it stands in two.",
                    "CKV_AWS_118": "Performance Insights and CloudWatch show what is looked at; a minute is enough.",
                    "CKV_AWS_353": "The smallest classes have none; DatabaseClass may be one that has.",
                    "CKV_AWS_293": "prod is protected; other stages are for throwing away.",
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
    """Many functions on few connections. The roles come by tokens of AWS all the way; the owner by its password.

    A token is as good as the function's permission. So that connections can be shared, nothing that the functions
    send sets what outlives a transaction: see `layers/adapters/postgres/database.py`.
    """
    users = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${Database.DbiResourceId}/"
    return {
        "ProxyRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _assumed_by("rds.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "connects",
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


# --- Valkey ------------------------------------------------------------------------------------------------------------


def _cache(stage: str) -> Resources:
    """It holds hints only and may be lost: nothing of it is kept."""
    opened_by = "{{resolve:secretsmanager:${CacheSecret}:SecretString:FAIRWAY_REDIS_PASSWORD}}"
    return {
        "CacheSubnets": {
            "Type": "AWS::ElastiCache::SubnetGroup",
            "Properties": {
                "Description": "Where the cache may stand.",
                "SubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES],
            },
        },
        "Cache": {
            "Type": "AWS::ElastiCache::ReplicationGroup",
            "Metadata": excused({"CKV_AWS_191": "Encrypted by ElastiCache's own key; it holds ids and counters."}),
            "Properties": {
                "ReplicationGroupId": f"fairway-{stage}",
                "ReplicationGroupDescription": "Hints: breakers, budgets, bells.",
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
                "AuthToken": {"Fn::Sub": opened_by},
            },
        },
    }
