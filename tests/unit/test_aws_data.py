"""The data stack: its outputs, what it protects, and which connections it allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aws import application, data, network
from infra.aws.parameters import PARAMETERS

KEPT = {"AWS::RDS::DBInstance": "Snapshot", "AWS::SecretsManager::Secret": "Retain"}


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(stage: str) -> dict[str, Any]:
    return data.template(stage)


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


def test_outputs_are_parameters_of_the_application_stack(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) <= set(PARAMETERS)


def test_parameters_of_both_stacks_agree(template: dict[str, Any]) -> None:
    for name in set(template["Parameters"]) & set(PARAMETERS):
        in_data, in_application = template["Parameters"][name], PARAMETERS[name]
        assert in_data["Default"] == in_application["Default"], name
        assert set(in_data.get("AllowedValues", ())) <= set(in_application.get("AllowedValues", ())), name


def test_the_data_of_prod_is_kept_when_the_stack_is_deleted() -> None:
    prod = data.template("prod")
    for kind, policy in KEPT.items():
        found = of_type(prod, kind)
        assert found
        assert {(resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) for resource in found} == {
            (policy, policy)
        }
    (database,) = of_type(prod, "AWS::RDS::DBInstance")
    assert database["Properties"]["DeletionProtection"] is True


def test_other_stages_are_deleted_completely() -> None:
    for resource in data.template("dev")["Resources"].values():
        assert resource.get("DeletionPolicy", "Delete") == "Delete"


def test_nothing_can_be_reached_from_the_internet(template: dict[str, Any]) -> None:
    for rule in of_type(template, "AWS::EC2::SecurityGroupIngress"):
        assert "SourceSecurityGroupId" in rule["Properties"]
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert not any(
        resource["Properties"]["PubliclyAccessible"] for resource in of_type(template, "AWS::RDS::DBInstance")
    )


def test_connections_to_an_msk_cluster_are_allowed_only_if_there_is_one(template: dict[str, Any]) -> None:
    for name, resource in template["Resources"].items():
        assert ("KafkaGroup" in json.dumps(resource)) <= (resource.get("Condition") == "HasKafka"), name
    called = {
        resource["Properties"]["FromPort"]
        for resource in template["Resources"].values()
        if "KafkaGroup" in json.dumps(resource)
    }
    assert called == {network.KAFKA_PORT, 443}


def test_data_is_encrypted_at_rest_and_in_transit(template: dict[str, Any]) -> None:
    (database,) = of_type(template, "AWS::RDS::DBInstance")
    (proxy,) = of_type(template, "AWS::RDS::DBProxy")
    (cache,) = of_type(template, "AWS::ElastiCache::ReplicationGroup")
    assert database["Properties"]["StorageEncrypted"]
    assert proxy["Properties"]["RequireTLS"]
    assert cache["Properties"]["AtRestEncryptionEnabled"]
    assert cache["Properties"]["TransitEncryptionEnabled"]


def test_there_is_an_endpoint_for_each_service_that_functions_call(stage: str) -> None:
    """Their roles tell which services they call. Lambda itself writes logs and traces, outside of the network."""
    written_by_lambda = {"logs", "xray", "ec2"}
    without_endpoint = {"s3", "rds-db", "kafka", "kafka-cluster"}  # a gateway, the proxy, the cluster in the network
    called = {
        action.split(":")[0].replace("bedrock", "bedrock-runtime")
        for name, resource in application.merge_template(stage)["Resources"].items()
        if name.endswith("Role")
        for action in _actions(resource["Properties"]["Policies"])
    }
    assert called - written_by_lambda - without_endpoint == set(network.ENDPOINTS)


def _actions(found: Any) -> list[str]:
    if isinstance(found, list):
        return [action for each in found for action in _actions(each)]
    if not isinstance(found, dict):
        return []
    if "Effect" in found:
        return list(found["Action"])
    return [action for each in found.values() for action in _actions(each)]


def test_the_proxy_allows_the_roles_that_functions_log_in_with() -> None:
    outputs = json.dumps(data.template("dev")["Outputs"])
    assert all(f"postgresql://{role}@" in outputs for role in data.ROLES)


def test_every_variable_in_a_secret_is_a_setting(template: dict[str, Any]) -> None:
    from layers.settings import Settings

    known = {f"FAIRWAY_{name.upper()}" for name in Settings.__dataclass_fields__}
    for secret in of_type(template, "AWS::SecretsManager::Secret"):
        assert secret["Properties"]["GenerateSecretString"]["GenerateStringKey"] in known


def test_no_role_has_wildcards(template: dict[str, Any]) -> None:
    for role in of_type(template, "AWS::IAM::Role"):
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                assert "*" not in named
                assert not [action for action in statement["Action"] if action.endswith("*")]
