"""The data stack: what it hands to the application, what it protects, who may reach what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aws import application, data
from infra.aws.parameters import PARAMETERS

KEPT = {"AWS::RDS::DBInstance": "Snapshot", "AWS::SecretsManager::Secret": "Retain"}


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(stage: str) -> dict[str, Any]:
    return data.template(stage)


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in template["Resources"].values() if one["Type"] == kind]


def test_its_outputs_are_parameters_of_the_application(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) <= set(PARAMETERS)


def test_what_both_stacks_are_told_means_the_same(template: dict[str, Any]) -> None:
    for name in set(template["Parameters"]) & set(PARAMETERS):
        ours, theirs = template["Parameters"][name], PARAMETERS[name]
        assert ours["Default"] == theirs["Default"], name
        assert set(ours.get("AllowedValues", ())) <= set(theirs.get("AllowedValues", ())), name


def test_prods_data_outlives_the_stack_and_cannot_be_deleted_by_mistake() -> None:
    prod = data.template("prod")
    for kind, policy in KEPT.items():
        found = of_type(prod, kind)
        assert found
        assert {(one["DeletionPolicy"], one["UpdateReplacePolicy"]) for one in found} == {(policy, policy)}
    (database,) = of_type(prod, "AWS::RDS::DBInstance")
    assert database["Properties"]["DeletionProtection"] is True


def test_another_stage_goes_without_a_trace() -> None:
    for one in data.template("dev")["Resources"].values():
        assert one.get("DeletionPolicy", "Delete") == "Delete"


def test_nothing_is_reached_from_outside(template: dict[str, Any]) -> None:
    for rule in of_type(template, "AWS::EC2::SecurityGroupIngress"):
        assert "SourceSecurityGroupId" in rule["Properties"]
    kinds = {one["Type"] for one in template["Resources"].values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert not any(one["Properties"]["PubliclyAccessible"] for one in of_type(template, "AWS::RDS::DBInstance"))


def test_the_way_to_an_msk_cluster_is_there_only_where_there_is_one(template: dict[str, Any]) -> None:
    for name, one in template["Resources"].items():
        assert ("KafkaGroup" in json.dumps(one)) <= (one.get("Condition") == "HasKafka"), name
    called = {
        one["Properties"]["FromPort"] for one in template["Resources"].values() if "KafkaGroup" in json.dumps(one)
    }
    assert called == {data.KAFKA_PORT, 443}


def test_whatever_keeps_or_carries_data_is_encrypted(template: dict[str, Any]) -> None:
    (database,) = of_type(template, "AWS::RDS::DBInstance")
    (proxy,) = of_type(template, "AWS::RDS::DBProxy")
    (cache,) = of_type(template, "AWS::ElastiCache::ReplicationGroup")
    assert database["Properties"]["StorageEncrypted"]
    assert proxy["Properties"]["RequireTLS"]
    assert cache["Properties"]["AtRestEncryptionEnabled"]
    assert cache["Properties"]["TransitEncryptionEnabled"]


def test_there_is_an_endpoint_for_each_service_that_a_function_in_the_network_calls(stage: str) -> None:
    """By what their roles allow; logs and traces are written by Lambda itself, outside of the network."""
    written_by_lambda = {"logs", "xray", "ec2"}
    by_another_way = {"s3", "rds-db", "kafka", "kafka-cluster"}  # a gateway, the proxy, the cluster in the network
    called = {
        action.split(":")[0].replace("bedrock", "bedrock-runtime")
        for name, one in application.merge_template(stage)["Resources"].items()
        if name.endswith("Role")
        for action in _actions(one["Properties"]["Policies"])
    }
    assert called - written_by_lambda - by_another_way == set(data.ENDPOINTS)


def _actions(found: Any) -> list[str]:
    if isinstance(found, list):
        return [one for each in found for one in _actions(each)]
    if not isinstance(found, dict):
        return []
    if "Effect" in found:
        return list(found["Action"])
    return [one for each in found.values() for one in _actions(each)]


def test_the_proxys_roles_are_those_that_functions_log_in_as() -> None:
    said = json.dumps(data.template("dev")["Outputs"])
    assert all(f"postgresql://{role}@" in said for role in data.ROLES)


def test_a_secret_holds_variables_that_are_settings(template: dict[str, Any]) -> None:
    from layers.settings import Settings

    known = {f"FAIRWAY_{name.upper()}" for name in Settings.__dataclass_fields__}
    for secret in of_type(template, "AWS::SecretsManager::Secret"):
        assert secret["Properties"]["GenerateSecretString"]["GenerateStringKey"] in known


def test_no_role_of_it_may_do_anything_to_everything(template: dict[str, Any]) -> None:
    for role in of_type(template, "AWS::IAM::Role"):
        for one in role["Properties"]["Policies"]:
            for statement in one["PolicyDocument"]["Statement"]:
                named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                assert "*" not in named
                assert not [action for action in statement["Action"] if action.endswith("*")]
