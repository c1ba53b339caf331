"""The application stack: the resources that are merged into the template that `chalice package` makes from `app.py`.

Queues, event sources, permissions and alarms derive from the steps and from `.chalice/config.json`. If a resource
fails a linter's check on purpose, its Metadata gives the reason.
"""

from __future__ import annotations

from typing import Any

from infra.aws import alarms, bucket, dashboard, functions, gateway, page, queues
from infra.aws.inventory import FUNCTIONS
from infra.aws.parameters import CONDITIONS, PARAMETERS, RULES


def merge_template(stage: str) -> dict[str, Any]:
    """Everything that Chalice's template lacks. Resources that Chalice defines too have the same logical ids."""
    return {
        "Description": f"Fairway ({stage}): functions, queues, bucket, API, page, alarms and dashboard.",
        # cfn-lint does not recognise that an optional parameter is used only under the condition that it is set.
        "Metadata": {"cfn-lint": {"config": {"ignore_checks": ["W1030", "W1031", "W1033"]}}},
        "Parameters": PARAMETERS,
        "Rules": RULES,
        "Conditions": CONDITIONS,
        "Resources": {
            **functions.resources(stage),
            **queues.resources(stage),
            **bucket.resources(stage),
            **page.resources(stage),
            **gateway.resources(stage),
            **alarms.resources(stage, {name: f"fairway-{stage}-{name}" for name in FUNCTIONS}),
            **dashboard.resources(stage),
        },
        "Outputs": {
            "Bucket": {"Value": {"Ref": "Files"}},
            "MigrateFunction": {"Value": {"Ref": "Migrate"}},
            "ArrivalsQueue": {"Value": {"Ref": "ArrivalsQueue"}},
            **page.OUTPUTS,
        },
    }
