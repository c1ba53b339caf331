"""Kafka as the transport of the steps' messages on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.pipelines import STEPS
from infra.aws import application, inventory
from infra.aws.roles import sends_to

STAGE = "dev"
NOTHING = {"Ref": "AWS::NoValue"}
PUBLISHERS = [
    function for function in inventory.FUNCTIONS if set(sends_to(function)) & set(STEPS) and function != inventory.API
]


def deployed(*conditions: str) -> dict[str, Any]:
    """The resources of the stack if these conditions hold and no others."""
    resources = application.merge_template(STAGE)["Resources"]
    there = {name: resource for name, resource in resources.items() if resource.get("Condition") in (None, *conditions)}
    found: dict[str, Any] = decided(there, conditions)
    return found


def decided(value: Any, conditions: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [kept for each in value if (kept := decided(each, conditions)) != NOTHING]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        return decided(yes if condition in conditions else no, conditions)
    return {name: kept for name, each in value.items() if (kept := decided(each, conditions)) != NOTHING}


def allowed(resources: dict[str, Any], function: str) -> dict[str, set[str]]:
    """A function's permissions on Kafka: each action with the last parts of its resources' ARNs."""
    found: dict[str, set[str]] = {}
    for of in resources[f"{inventory.logical(function)}Role"]["Properties"]["Policies"]:
        if of["PolicyName"] == "kafka-topics":
            for statement in of["PolicyDocument"]["Statement"]:
                on = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                ends = {
                    resource if isinstance(resource, str) else resource["Fn::Sub"].split("${AWS::AccountId}:")[1]
                    for resource in on
                }
                for action in statement["Action"]:
                    found.setdefault(action, set()).update(ends)
    return found


def topic(step: str, kind: str = "topic") -> str:
    return f"{kind}/${{KafkaCluster}}/fairway-{STAGE}-{step}"


def test_without_kafka_the_template_does_not_mention_it() -> None:
    resources = deployed()
    assert "afka" not in json.dumps(resources)
    assert "AWS::Lambda::EventSourceMapping" not in {resource.get("Type") for resource in resources.values()}


def test_each_step_consumes_its_own_topic() -> None:
    found = [
        mapping
        for mapping in deployed("UsesKafka").values()
        if mapping.get("Type") == "AWS::Lambda::EventSourceMapping"
    ]
    topics = {mapping["Properties"]["FunctionName"]["Ref"]: mapping["Properties"]["Topics"] for mapping in found}
    assert topics == {inventory.logical(step): [f"fairway-{STAGE}-{step}"] for step in STEPS}
    assert all(mapping["DependsOn"] == ["Migration"] for mapping in found)  # the migration creates the topics


@pytest.mark.parametrize("function", PUBLISHERS)
def test_a_publishing_function_has_the_brokers_and_may_write_to_its_topics(function: str) -> None:
    resources = deployed("UsesKafka")
    variables = resources[inventory.logical(function)]["Properties"]["Environment"]["Variables"]
    assert (variables["FAIRWAY_KAFKA_BROKERS"], variables["FAIRWAY_KAFKA_AUTH"]) == ({"Ref": "KafkaBrokers"}, "iam")
    assert variables["FAIRWAY_QUEUE_PREFIX"] == f"fairway-{STAGE}-"
    may = allowed(resources, function)
    assert may["kafka-cluster:WriteData"] == {topic(step) for step in sends_to(function) if step in STEPS}
    assert may["kafka-cluster:Connect"] == {"cluster/${KafkaCluster}"}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_may_read_only_its_own_topic_in_its_own_group(step: str) -> None:
    may = allowed(deployed("UsesKafka"), step)
    assert may["kafka-cluster:ReadData"] == {topic(step)}
    assert may["kafka-cluster:AlterGroup"] == {topic(step, "group")}
    assert may["kafka:GetBootstrapBrokers"] == {"cluster/${KafkaCluster}"}


def test_only_migrations_create_topics() -> None:
    resources = deployed("UsesKafka")
    makers = {
        function for function in inventory.FUNCTIONS if "kafka-cluster:CreateTopic" in allowed(resources, function)
    }
    assert makers == {inventory.MIGRATE}
    assert allowed(resources, inventory.MIGRATE)["kafka-cluster:CreateTopic"] == {topic(step) for step in STEPS}
    assert resources["Migration"]["Properties"]["Brokers"] == {"Ref": "KafkaBrokers"}


def test_the_api_may_describe_topics_but_not_write_to_them() -> None:
    may = allowed(deployed("UsesKafka"), inventory.API)
    assert set(may) == {"kafka-cluster:Connect", "kafka-cluster:DescribeTopic"}


def test_queues_stay_for_what_kafka_cannot_do() -> None:
    """S3 events, delayed messages and manual redrives."""
    assert {name for name in deployed() if name.endswith("Queue")} <= set(deployed("UsesKafka"))
    for name in inventory.TOPICS:
        (event,) = deployed("UsesKafka")[inventory.logical(name)]["Properties"]["Events"].values()
        assert event["Properties"]["Enabled"]


def test_kafka_needs_a_cluster_brokers_and_a_network() -> None:
    (rule,) = application.merge_template(STAGE)["Rules"].values()
    needed = {assertion["Assert"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"] for assertion in rule["Assertions"]}
    assert needed == {"KafkaCluster", "KafkaBrokers", "SubnetIds"}
