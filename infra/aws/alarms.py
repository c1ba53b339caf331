"""CloudWatch alarms on Fairway's own metrics and on AWS's metrics of the stack's resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.pipelines import STEPS
from infra.aws.expressions import attribute, skip_checks
from infra.aws.inventory import Resources, logical, services
from infra.topics import TOPICS
from layers.telemetry.metrics import NAMESPACE, SERVICE

AUDITED = ("rows", "objects", "artifacts")
PERIOD_S = 60
# How many seconds of service a waiting tenant may be ahead of another one. A slice is ten seconds long, and fair
# dispatch keeps the difference near one slice.
UNFAIR_S = 120


def resources(stage: str, functions: Mapping[str, str]) -> Resources:
    """All alarms and the topic that they notify. `functions` maps handlers to the names of their functions."""
    return {
        **_queue_alarms(),
        **_step_alarms(stage),
        **_breaker_alarms(stage),
        **_system_alarms(stage),
        **_function_alarms(functions),
        **_database_alarms(),
        "Alarms": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": f"fairway-{stage}-alarms"},
            "Metadata": skip_checks(
                {
                    "CKV_AWS_26": "CloudWatch alarms can't publish to a topic under SNS's own key; they contain no content of files."
                }
            ),
        },
        "AlarmsByMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "SendsAlarmMail",
            "Properties": {"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}, "TopicArn": {"Ref": "Alarms"}},
        },
    }


def own(stage: str, metric: str, **dimensions: str) -> tuple[str, str, dict[str, Any]]:
    """One of Fairway's own metrics: its namespace, name and dimensions in CloudWatch."""
    return NAMESPACE, metric, {"service": SERVICE, "stage": stage, **dimensions}


def _queue_alarms() -> Resources:
    return {
        f"{logical(topic)}DeadLettersAlarm": _alarm(
            f"Messages of {topic} went to the dead-letter queue: the database was unreachable for too long.",
            (
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": attribute(f"{logical(topic)}Dead", "QueueName")},
            ),
            over=0,
        )
        for topic in TOPICS
    }


def _step_alarms(stage: str) -> Resources:
    found: Resources = {}
    for step in STEPS:
        found |= {
            f"{logical(step)}ErrorsAlarm": _alarm(
                f"More than a fifth of the attempts of {step} fail because of a fault in Fairway.",
                own(stage, "Errors", step=step),
                over=0.2,
                statistic="Average",
                periods=5,
            ),
            f"{logical(step)}GivenUpAlarm": _alarm(
                f"Step {step} gave up on files after the last attempt.",
                own(stage, "GivenUp", step=step),
                over=0,
                statistic="Sum",
            ),
            f"{logical(step)}AgeAlarm": _alarm(
                f"The oldest waiting part of {step} has waited longer than OldestAgeLimit.",
                own(stage, "OldestAge", step=step),
                over={"Ref": "OldestAgeLimit"},
                periods=3,
            ),
            f"{logical(step)}FairnessAlarm": _alarm(
                f"At step {step} some tenants get far more than their share while others wait.",
                own(stage, "Ahead", step=step),
                over=UNFAIR_S,
                periods=5,
            ),
            f"{logical(step)}ParkedAlarm": _alarm(
                f"Files have been parked at step {step} for an hour.",
                own(stage, "Parked", step=step),
                over=0,
                periods=60,
            ),
        }
    return found


def _breaker_alarms(stage: str) -> Resources:
    return {
        f"{logical(service)}BreakerAlarm": _alarm(
            f"The service {service} has been down for more than ten minutes.",
            own(stage, "BreakerOpen", dependency=service),
            over=600,
        )
        for service in services()
    }


def _system_alarms(stage: str) -> Resources:
    upkeep = _alarm(
        "Upkeep has not run for five minutes.", own(stage, "UpkeepRounds"), under=1, statistic="Sum", period_s=300
    )
    upkeep["Properties"]["TreatMissingData"] = "breaching"
    return {
        "UpkeepAlarm": upkeep,
        **{
            f"Audit{logical(of)}Alarm": _alarm(
                f"The audit found inconsistent {of}.", own(stage, "AuditFindings", of=of), over=0
            )
            for of in AUDITED
        },
        "CostAlarm": _alarm(
            "The attempts of one hour cost more than CostPerHourLimit.",
            own(stage, "Cost"),
            over={"Ref": "CostPerHourLimit"},
            statistic="Sum",
            period_s=3600,
        ),
    }


def _function_alarms(functions: Mapping[str, str]) -> Resources:
    found: Resources = {}
    for function, name in functions.items():
        dimensions = {"FunctionName": name}
        found[f"{logical(function)}ThrottlesAlarm"] = _alarm(
            f"Function {function} is throttled: it gets more invocations than its reserved concurrency allows.",
            ("AWS/Lambda", "Throttles", dimensions),
            over=20,
            statistic="Sum",
            period_s=300,
        )
        found[f"{logical(function)}FailuresAlarm"] = _alarm(
            f"Invocations of function {function} crash or time out.",
            ("AWS/Lambda", "Errors", dimensions),
            over=0,
            statistic="Sum",
            periods=3,
        )
    return found


def _database_alarms() -> Resources:
    return {
        "DatabaseConnectionsAlarm": {
            "Condition": "HasDatabaseInstance",
            **_alarm(
                "The database has almost as many connections as a small instance allows.",
                ("AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": {"Ref": "DatabaseInstance"}}),
                over=80,
            ),
        },
        "PinnedConnectionsAlarm": {
            "Condition": "HasDatabaseProxy",
            **_alarm(
                "RDS Proxy pins connections to single clients: a function sends session state to the database.",
                ("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned", {"ProxyName": {"Ref": "DatabaseProxy"}}),
                over=10,
                periods=5,
            ),
        },
    }


def _alarm(
    description: str,
    metric: tuple[str, str, Mapping[str, Any]],
    *,
    over: Any = None,
    under: Any = None,
    statistic: str = "Maximum",
    period_s: int = PERIOD_S,
    periods: int = 1,
) -> dict[str, Any]:
    """An alarm that is raised when the metric is over (or under) the threshold in `periods` consecutive periods."""
    namespace, name, dimensions = metric
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": statistic,
            "Period": period_s,
            "EvaluationPeriods": periods,
            "ComparisonOperator": "GreaterThanThreshold" if under is None else "LessThanThreshold",
            "Threshold": over if under is None else under,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
        },
    }
