"""The application stack derives from the steps and from config.json."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from chalice.utils import to_cfn_resource_name

from functions.pipelines import STEPS
from infra.aws import application, dashboard, inventory
from infra.aws.layers import Plan, native_requirements
from infra.topics import ARRIVALS, DISPATCH
from layers.domain.step import Skip, Step
from layers.telemetry.metrics import MEASURES, NAMESPACE

ROOT = Path(__file__).parent.parent.parent
STAGES = ("dev", "prod")
IMPORTS = "ImportBucketArns"


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def resources(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = application.merge_template(stage)["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in resources.items() if resource.get("Type") == kind}


def logged_events() -> set[str]:
    """The events that Fairway logs: the first argument of each call of `log`."""
    found = set()
    for folder in ("functions", "layers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                is_log = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log"
                if is_log and node.args and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                    found.add(node.args[0].value)  # type: ignore[attr-defined]
    return found


def test_every_native_requirement_is_in_a_layer_or_left_out_with_a_reason() -> None:
    plan = Plan.read()
    placed = {requirement for layer in plan.layers.values() for requirement in layer.requirements} | set(plan.left_out)
    assert placed == set(native_requirements())
    assert {layer for layers in plan.by_service.values() for layer in layers} == set(plan.layers)


def test_lambda_polls_for_no_more_messages_than_the_reserved_concurrency(stage: str) -> None:
    for step in STEPS:
        (event,) = application.merge_template(stage)["Resources"][inventory.logical(step)]["Properties"][
            "Events"
        ].values()
        source = event["Properties"]
        reserved = inventory.setting(stage, step, "reserved_concurrency")
        assert source["ScalingConfig"]["MaximumConcurrency"] <= max(2, reserved)
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_visibility_timeout_is_six_times_the_timeout_of_the_function(stage: str, resources: dict[str, Any]) -> None:
    for topic in inventory.TOPICS:
        queue = resources[f"{inventory.logical(topic)}Queue"]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * inventory.setting(stage, topic, "lambda_timeout")
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


def test_a_function_times_out_after_its_step(stage: str) -> None:
    for name, step in STEPS.items():
        assert inventory.setting(stage, name, "lambda_timeout") > step.timeout_s


NEW_STEP = Step("virus_report", lambda file, work: Skip("nothing to report"), timeout_s=45, concurrency=7)


def test_a_step_without_a_line_in_the_config_has_the_settings_of_its_declaration(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, NEW_STEP.name, NEW_STEP)
    assert inventory.setting(stage, NEW_STEP.name, "reserved_concurrency") == 7
    assert inventory.setting(stage, NEW_STEP.name, "lambda_timeout") == 75
    assert inventory.setting(stage, NEW_STEP.name, "lambda_memory_size") == inventory.STEP_MEMORY_MB
    assert Plan.read().layers_of(NEW_STEP.name) == ("text", "office", "pictures")


def test_a_line_in_the_config_wins_over_the_declaration_of_the_step(stage: str) -> None:
    line = inventory.stages()[stage]["lambda_functions"]["ocr"]
    assert {name: inventory.setting(stage, "ocr", name) for name in line} == line


@pytest.mark.parametrize("name", [*inventory.TOPICS, "virus_report", "ocr2x"])
def test_a_function_has_the_logical_id_that_chalice_gives_it(name: str) -> None:
    assert inventory.logical(name) == to_cfn_resource_name(name)


def test_every_wildcard_in_a_policy_has_a_reason(resources: dict[str, Any]) -> None:
    for name, resource in resources.items():
        if resource.get("Type") != "AWS::IAM::Role":
            continue
        for statement in statements_of(resource["Properties"]["Policies"]):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if action.endswith("*")], (name, actions)
            if statement["Resource"] == "*" or "*" in statement["Resource"]:
                services = {action.split(":")[0] for action in actions}
                assert services <= set(resource["Metadata"]["Wildcards"]), (name, actions)


def statements_of(found: Any) -> list[dict[str, Any]]:
    """All statements of policies, including those with a condition."""
    if isinstance(found, list):
        return [statement for each in found for statement in statements_of(each)]
    if not isinstance(found, dict):
        return []
    if "Effect" in found:
        return [found]
    return [statement for each in found.values() for statement in statements_of(each)]


def statements_about(resources: dict[str, Any], function: str, parameter: str) -> list[dict[str, Any]]:
    """The statements of a function's role on resources that a parameter names."""
    role = resources[f"{inventory.logical(function)}Role"]["Properties"]["Policies"]
    return [each for each in statements_of(role) if parameter in parameters_in(each["Resource"])]


@pytest.mark.parametrize("function", inventory.FUNCTIONS)
def test_only_functions_that_import_or_read_originals_read_the_buckets_of_imports(
    function: str, resources: dict[str, Any]
) -> None:
    actions = {action for each in statements_about(resources, function, IMPORTS) for action in each["Action"]}
    reads = function not in (ARRIVALS, inventory.MIGRATE)
    assert actions == ({"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"} if reads else set())


def test_nothing_is_allowed_on_the_buckets_of_imports_unless_the_operator_names_them(resources: dict[str, Any]) -> None:
    assert application.merge_template("dev")["Parameters"][IMPORTS]["Default"] == ""
    for policy in resources["UpkeepRole"]["Properties"]["Policies"]:
        if IMPORTS in parameters_in(policy):
            assert policy["Fn::If"][0] == "HasImportBuckets" and policy["Fn::If"][2] == {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(
    ("named", "objects"),
    [
        ("arn:aws:s3:::inbox", ["arn:aws:s3:::inbox/*"]),
        ("arn:aws:s3:::inbox,arn:aws-cn:s3:::a.b", ["arn:aws:s3:::inbox/*", "arn:aws-cn:s3:::a.b/*"]),
    ],
)
def test_the_parameter_of_imports_names_each_bucket_and_its_objects(
    named: str, objects: list[str], resources: dict[str, Any]
) -> None:
    reads, lists = statements_about(resources, "text", IMPORTS)
    assert evaluated(reads["Resource"], {IMPORTS: named}) == objects
    assert evaluated(lists["Resource"], {IMPORTS: named}) == named.split(",")


@pytest.mark.parametrize(
    ("named", "is_accepted"),
    [
        ("", True),
        ("arn:aws:s3:::inbox", True),
        ("arn:aws:s3:::inbox,arn:aws-us-gov:s3:::other.inbox", True),
        ("*", False),
        ("arn:aws:s3:::*", False),
        ("arn:aws:s3:::inbox/*", False),
        ("arn:aws:s3:::inbox,", False),
        ("arn:aws:sqs:::inbox", False),
        ("inbox", False),
    ],
)
def test_the_parameter_of_imports_takes_whole_buckets_without_wildcards(named: str, is_accepted: bool) -> None:
    pattern = application.merge_template("dev")["Parameters"][IMPORTS]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, named)) is is_accepted


def evaluated(found: Any, parameters: dict[str, str]) -> Any:
    """The value of an expression of references, joins and splits."""
    if isinstance(found, list):
        return [evaluated(each, parameters) for each in found]
    if not isinstance(found, dict):
        return found
    ((function, operand),) = found.items()
    if function == "Ref":
        return parameters[operand]
    separator, of = operand[0], evaluated(operand[1], parameters)
    return separator.join(of) if function == "Fn::Join" else of.split(separator)


@pytest.mark.parametrize("function", [DISPATCH, inventory.UPKEEP])
def test_functions_that_run_jobs_store_the_originals_of_imports_and_the_archives_of_exports(
    function: str, resources: dict[str, Any]
) -> None:
    role = resources[f"{inventory.logical(function)}Role"]["Properties"]["Policies"]
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        (statement,) = [
            each for each in statements_of(role) if action in each["Action"] and not parameters_in(each["Resource"])
        ]
        assert {arn["Fn::Sub"].partition("/")[2] for arn in statement["Resource"]} == {"originals/*", "artifacts/*"}


SECRETS = {
    inventory.API: {"SharedSecrets", "ApiSecrets"},
    inventory.MIGRATE: {"SharedSecrets", "WorkerSecrets", "ApiSecrets", "MigrationSecrets", "OwnerSecret"},
}


@pytest.mark.parametrize("function", inventory.FUNCTIONS)
def test_a_function_gets_and_may_read_only_the_secrets_that_it_needs(function: str, resources: dict[str, Any]) -> None:
    name = inventory.logical(function)
    needed = SECRETS.get(function, {"SharedSecrets", "WorkerSecrets"})
    variables = resources[name]["Properties"]["Environment"]["Variables"]
    readable = [
        statement["Resource"]
        for statement in statements_of(resources[f"{name}Role"]["Properties"]["Policies"])
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    assert {parameter for parameter in parameters_in(variables) if parameter.endswith(("Secret", "Secrets"))} == needed
    assert parameters_in(readable) == needed


@pytest.mark.parametrize("function", inventory.FUNCTIONS)
def test_the_api_and_the_workers_log_in_to_the_database_as_their_own_role_only(
    function: str, resources: dict[str, Any]
) -> None:
    name = inventory.logical(function)
    variables = set(resources[name]["Properties"]["Environment"]["Variables"])
    urls = variables & {"FAIRWAY_DATABASE_URL", "FAIRWAY_API_DATABASE_URL"}
    roles = [
        arn["Fn::Sub"].rpartition("/")[2]
        for statement in statements_of(resources[f"{name}Role"]["Properties"]["Policies"])
        if "rds-db:connect" in statement["Action"]
        for arn in statement["Resource"]
    ]
    if function == inventory.API:
        assert (urls, roles) == ({"FAIRWAY_API_DATABASE_URL"}, ["fairway_api"])
    elif function == inventory.MIGRATE:  # it creates both roles, as the owner
        assert (len(urls), roles) == (2, [])
    else:
        assert (urls, roles) == ({"FAIRWAY_DATABASE_URL"}, ["fairway_worker"])


def parameters_in(found: Any) -> set[str]:
    """The names that a part of the template refers to."""
    if isinstance(found, list):
        return {name for each in found for name in parameters_in(each)}
    if not isinstance(found, dict):
        return set()
    own = {found["Ref"]} if "Ref" in found else set()
    return own | {name for each in found.values() for name in parameters_in(each)}


def test_every_alarm_and_widget_uses_a_metric_that_the_code_emits(stage: str, resources: dict[str, Any]) -> None:
    events = logged_events()
    emitted = {
        measure.name: {"service", "stage", *measure.dimensions}
        for event, measures in MEASURES.items()
        for measure in measures
        if event in events
    }
    watched = [
        (resource["MetricName"], {pair["Name"] for pair in resource["Dimensions"]})
        for resource in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if resource["Namespace"] == NAMESPACE
    ]
    for widget in dashboard.dashboard(stage)["widgets"]:
        watched += [(metric[1], set(metric[2::2])) for metric in widget["properties"]["metrics"]]
    assert watched
    for name, dimensions in watched:
        assert emitted.get(name) == dimensions, name


def test_the_template_is_plain_json(stage: str) -> None:
    assert json.loads(json.dumps(application.merge_template(stage)))["Parameters"]


def test_no_parameter_has_the_name_of_a_resource(stage: str) -> None:
    template = application.merge_template(stage)
    assert not set(template["Parameters"]) & set(template["Resources"])
