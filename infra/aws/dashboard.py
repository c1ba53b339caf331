"""The CloudWatch dashboard: throughput, failures, durations and cost."""

from __future__ import annotations

import json
from typing import Any

from functions.pipelines import STEPS
from infra.aws.alarms import AUDITED, PERIOD_S, own
from infra.aws.inventory import Resources, services


def resources(stage: str) -> Resources:
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": f"fairway-{stage}",
                "DashboardBody": {"Fn::Sub": json.dumps(dashboard(stage))},
            },
        }
    }


def dashboard(stage: str) -> dict[str, Any]:
    """The dashboard's body: one widget for each question, two side by side."""
    widgets = [
        ("Attempts per minute", "Sum", [own(stage, "Attempts", step=step) for step in STEPS]),
        (
            "Share of attempts that fail because of a fault in Fairway",
            "Average",
            [own(stage, "Errors", step=step) for step in STEPS],
        ),
        ("Duration", "p95", [own(stage, "Duration", step=step) for step in STEPS]),
        ("Longest wait", "Maximum", [own(stage, "OldestAge", step=step) for step in STEPS]),
        ("Parked", "Maximum", [own(stage, "Parked", step=step) for step in STEPS]),
        (
            "Lead of the best served tenant over the worst",
            "Maximum",
            [own(stage, "Ahead", step=step) for step in STEPS],
        ),
        ("Given up", "Sum", [own(stage, "GivenUp", step=step) for step in STEPS]),
        ("Breakers open for", "Maximum", [own(stage, "BreakerOpen", dependency=name) for name in services()]),
        ("Audit findings", "Maximum", [own(stage, "AuditFindings", of=of) for of in AUDITED]),
        ("US dollars", "Sum", [own(stage, "Cost")]),
    ]
    return {
        "widgets": [
            {
                "type": "metric",
                "x": 12 * (index % 2),
                "y": 6 * (index // 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": title,
                    "region": "${AWS::Region}",
                    "stat": statistic,
                    "period": PERIOD_S,
                    "metrics": [
                        [namespace, name, *(part for pair in dimensions.items() for part in pair)]
                        for namespace, name, dimensions in metrics
                    ],
                },
            }
            for index, (title, statistic, metrics) in enumerate(widgets)
        ]
    }
