"""Alarms and the dashboard: each stands on a metric that the code emits, or on one of AWS's own of a resource here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from functions.pipelines import STEPS
from infra.aws.inventory import logical, services
from infra.topics import TOPICS
from layers.telemetry.metrics import NAMESPACE, SERVICE

AUDITED = ("rows", "objects", "artifacts")
MINUTE_S = 60
# Between tenants that wait: many slices of ten seconds. Where all is fair they are about one apart.
UNFAIR_S = 120


def resources(stage: str, functions: Mapping[str, str]) -> dict[str, Any]:
    """Every alarm by its logical name, who is told, and the dashboard. `functions` maps handlers to function names."""
    found = {
        **_on_queues(stage),
        **_on_steps(stage),
        **_on_the_whole(stage),
        **_on_functions(functions),
        "DatabaseConnectionsAlarm": {
            "Condition": "HasDatabaseInstance",
            **_alarm(
                "Connections to the database near what a small instance allows.",
                ("AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": {"Ref": "DatabaseInstance"}}),
                over=80,
            ),
        },
        "PinnedConnectionsAlarm": {
            "Condition": "HasDatabaseProxy",
            **_alarm(
                "RDS Proxy keeps connections for single functions: something that they send outlives its transaction.",
                ("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned", {"ProxyName": {"Ref": "DatabaseProxy"}}),
                over=10,
                times=5,
            ),
        },
    }
    return {
        **found,
        "Alarms": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": f"fairway-{stage}-alarms"},
            "Metadata": {
                "checkov": {
                    "skip": [
                        {"id": "CKV_AWS_26", "comment": "Alarms can't publish by SNS's own key; they name no content."}
                    ]
                }
            },
        },
        "AlarmsByMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "TellsByMail",
            "Properties": {"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}, "TopicArn": {"Ref": "Alarms"}},
        },
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": f"fairway-{stage}",
                "DashboardBody": {"Fn::Sub": json.dumps(dashboard(stage))},
            },
        },
    }


def own(stage: str, metric: str, **dimensions: str) -> tuple[str, str, dict[str, Any]]:
    """A metric that the code emits, as CloudWatch knows it."""
    return NAMESPACE, metric, {"service": SERVICE, "stage": stage, **dimensions}


def _on_queues(stage: str) -> dict[str, Any]:
    return {
        f"{logical(topic)}DeadLettersAlarm": _alarm(
            f"Messages of {topic} were given up: the status store could not be reached for long.",
            (
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": {"Fn::GetAtt": [f"{logical(topic)}Dead", "QueueName"]}},
            ),
            over=0,
        )
        for topic in TOPICS
    }


def _on_steps(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for step in STEPS:
        found |= {
            f"{logical(step)}ErrorsAlarm": _alarm(
                f"More than a fifth of the attempts of {step} fail by our own fault.",
                own(stage, "Errors", step=step),
                over=0.2,
                statistic="Average",
                times=5,
            ),
            f"{logical(step)}GivenUpAlarm": _alarm(
                f"Files were given up at {step} after the last attempt.",
                own(stage, "GivenUp", step=step),
                over=0,
                statistic="Sum",
            ),
            f"{logical(step)}AgeAlarm": _alarm(
                f"What waits longest at {step} has waited for too long.",
                own(stage, "OldestAge", step=step),
                over={"Ref": "OldestAgeLimit"},
                times=3,
            ),
            f"{logical(step)}FairnessAlarm": _alarm(
                f"At {step} some tenants get far more than their share of what is served while others wait.",
                own(stage, "Ahead", step=step),
                over=UNFAIR_S,
                times=5,
            ),
            f"{logical(step)}ParkedAlarm": _alarm(
                f"Files stay parked at {step}.",
                own(stage, "Parked", step=step),
                over=0,
                times=60,
            ),
        }
    for dependency in services():
        found[f"{logical(dependency)}BreakerAlarm"] = _alarm(
            f"What {dependency} depends on has been down for over ten minutes.",
            own(stage, "BreakerOpen", dependency=dependency),
            over=600,
        )
    return found


def _on_the_whole(stage: str) -> dict[str, Any]:
    upkeep = _alarm(
        "Upkeep has not run for five minutes.", own(stage, "UpkeepRounds"), under=1, statistic="Sum", period_s=300
    )
    upkeep["Properties"]["TreatMissingData"] = "breaching"
    return {
        "UpkeepAlarm": upkeep,
        **{
            f"Audit{logical(of)}Alarm": _alarm(
                f"The audit found {of} that do not add up.", own(stage, "AuditFindings", of=of), over=0
            )
            for of in AUDITED
        },
        "CostAlarm": _alarm(
            "Attempts cost more in an hour than was set as the limit.",
            own(stage, "Cost"),
            over={"Ref": "CostPerHourLimit"},
            statistic="Sum",
            period_s=3600,
        ),
    }


def _on_functions(functions: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for function, name in functions.items():
        title = logical(function)
        of = {"FunctionName": name}
        found[f"{title}ThrottlesAlarm"] = _alarm(
            f"Invocations of {function} are throttled: more is asked than is reserved.",
            ("AWS/Lambda", "Throttles", of),
            over=20,
            statistic="Sum",
            period_s=300,
        )
        found[f"{title}FailuresAlarm"] = _alarm(
            f"Invocations of {function} die or run out of time.",
            ("AWS/Lambda", "Errors", of),
            over=0,
            statistic="Sum",
            times=3,
        )
    return found


def _alarm(
    about: str,
    metric: tuple[str, str, Mapping[str, Any]],
    *,
    over: Any = None,
    under: Any = None,
    statistic: str = "Maximum",
    period_s: int = MINUTE_S,
    times: int = 1,
) -> dict[str, Any]:
    namespace, name, dimensions = metric
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": about,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": statistic,
            "Period": period_s,
            "EvaluationPeriods": times,
            "ComparisonOperator": "GreaterThanThreshold" if under is None else "LessThanThreshold",
            "Threshold": over if under is None else under,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
        },
    }


def dashboard(stage: str) -> dict[str, Any]:
    """What one looks at first: what is done, what fails, what it costs."""
    rows = [
        ("Attempts a minute", "Sum", [own(stage, "Attempts", step=step) for step in STEPS]),
        ("Share of attempts that fail by our fault", "Average", [own(stage, "Errors", step=step) for step in STEPS]),
        ("Duration", "p95", [own(stage, "Duration", step=step) for step in STEPS]),
        ("Longest wait", "Maximum", [own(stage, "OldestAge", step=step) for step in STEPS]),
        ("Parked", "Maximum", [own(stage, "Parked", step=step) for step in STEPS]),
        ("Best served tenant ahead of the worst", "Maximum", [own(stage, "Ahead", step=step) for step in STEPS]),
        ("Given up", "Sum", [own(stage, "GivenUp", step=step) for step in STEPS]),
        ("Breakers open for", "Maximum", [own(stage, "BreakerOpen", dependency=name) for name in services()]),
        ("What the audit found", "Maximum", [own(stage, "AuditFindings", of=of) for of in AUDITED]),
        ("Dollars", "Sum", [own(stage, "Cost")]),
    ]
    return {
        "widgets": [
            {
                "type": "metric",
                "x": 12 * (place % 2),
                "y": 6 * (place // 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": title,
                    "region": "${AWS::Region}",
                    "stat": statistic,
                    "period": MINUTE_S,
                    "metrics": [
                        [namespace, name, *(part for pair in of.items() for part in pair)]
                        for namespace, name, of in metrics
                    ],
                },
            }
            for place, (title, statistic, metrics) in enumerate(rows)
        ]
    }
