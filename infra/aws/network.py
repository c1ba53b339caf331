"""The network of the data stack: private subnets, security groups, endpoints of AWS services, a flow log.

Nothing in it reaches the internet or can be reached from there. Functions call AWS services through endpoints.
"""

from __future__ import annotations

from infra.aws.expressions import allow, assumed_by, attribute, policy, skip_checks, when
from infra.aws.inventory import Resource, Resources

DATABASE_PORT, CACHE_PORT = 5432, 6379
KAFKA_PORT = 9098  # IAM access control
ZONES = ("A", "B")  # one subnet in each: RDS requires two, even if everything runs in one
# The services that functions call, each with the condition under which its endpoint is needed. The endpoint of S3 is a
# gateway, which is free of charge.
ENDPOINTS = {"sqs": None, "secretsmanager": None, "textract": "ReadsByTextract", "bedrock-runtime": "UsesBedrock"}
# The services that Lambda's pollers of an MSK cluster call from the cluster's network.
POLLER_ENDPOINTS = {"lambda": "HasKafka", "sts": "HasKafka"}


def resources(stage: str) -> Resources:
    return _network() | _endpoints() | _flow_log(stage)


def _network() -> Resources:
    subnets: Resources = {}
    for index, zone in enumerate(ZONES):
        subnets[f"Subnet{zone}"] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Network"},
                "AvailabilityZone": {"Fn::Select": [index, {"Fn::GetAZs": ""}]},
                "CidrBlock": {"Fn::Select": [index, {"Fn::Cidr": [{"Ref": "NetworkRange"}, len(ZONES), 12]}]},
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
        "FunctionsGroup": _group("Functions: they accept no connections."),
        "ProxyGroup": _group("RDS Proxy: functions may connect."),
        "DatabaseGroup": _group("PostgreSQL: only RDS Proxy may connect."),
        "CacheGroup": _group("Valkey: functions may connect."),
        "EndpointsGroup": _group("Endpoints of AWS services: functions may connect."),
        **_connection("FunctionsGroup", "ProxyGroup", DATABASE_PORT),
        **_connection("ProxyGroup", "DatabaseGroup", DATABASE_PORT),
        **_connection("FunctionsGroup", "CacheGroup", CACHE_PORT),
        **_connection("FunctionsGroup", "EndpointsGroup", 443),
        # Lambda's pollers are in the cluster's own security group.
        **_connection("FunctionsGroup", "KafkaGroup", KAFKA_PORT, "HasKafka"),
        **_connection("KafkaGroup", "KafkaGroup", KAFKA_PORT, "HasKafka"),
        **_connection("KafkaGroup", "EndpointsGroup", 443, "HasKafka"),
        "FunctionsToS3": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Ref": "FunctionsGroup"},
                "Description": "S3 through the gateway endpoint - the network has no other route out.",
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "0.0.0.0/0",
            },
        },
    }


def _group(description: str) -> Resource:
    # Without any rule, AWS adds one that allows all traffic.
    nowhere = {
        "CidrIp": "127.0.0.1/32",
        "IpProtocol": "-1",
        "Description": "Replaces the default rule that allows all traffic.",
    }
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Metadata": skip_checks({"CKV_AWS_382": "Each outbound rule names one group and one port."}),
        "Properties": {
            "GroupDescription": description.replace(":", " -"),
            "VpcId": {"Ref": "Network"},
            "SecurityGroupEgress": [nowhere],
        },
    }


def _connection(source: str, target: str, port: int, condition: str = "") -> Resources:
    """Allow connections from one security group to another at one port, under a condition if one is given."""
    conditional = {"Condition": condition} if condition else {}
    port_rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    description = f"{source.removesuffix('Group')} to {target.removesuffix('Group').lower()}"
    name = source.removesuffix("Group") + "To" + target.removesuffix("Group")
    return {
        f"{name}Out": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            **conditional,
            "Properties": {
                **port_rule,
                "GroupId": {"Ref": source},
                "DestinationSecurityGroupId": {"Ref": target},
                "Description": description,
            },
        },
        f"{name}In": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            **conditional,
            "Properties": {
                **port_rule,
                "GroupId": {"Ref": target},
                "SourceSecurityGroupId": {"Ref": source},
                "Description": description,
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
    for service, condition in {**ENDPOINTS, **POLLER_ENDPOINTS}.items():
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
            "Metadata": skip_checks(
                {
                    "CKV_AWS_158": "CloudWatch encrypts it with its own key; it contains addresses of a private network.",
                    "CKV_AWS_338": "The parameter FlowLogDays sets the retention.",
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
                "AssumeRolePolicyDocument": assumed_by("vpc-flow-logs.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "write-log",
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
