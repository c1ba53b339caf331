"""The application stack: what `chalice package` merges into the template that it derives from `app.py`.

Queues, event sources, permissions and alarms follow from the pipelines and from `.chalice/config.json`; nothing
is said twice. What a linter would hold against a resource and is meant, stands in its Metadata with the reason.
"""

from __future__ import annotations

from typing import Any

from infra.aws import alarms, bucket, functions, gateway, queues
from infra.aws.inventory import FUNCTIONS
from infra.aws.parameters import CONDITIONS, PARAMETERS, RULES


def merge_template(stage: str) -> dict[str, Any]:
    """Everything that Chalice's template lacks, by the same logical names where it is to be merged in."""
    return {
        "Description": f"Fairway ({stage}): functions, queues, the bucket, the API and what watches over them.",
        # Parameters that may be empty are used only where a condition says that they are not.
        "Metadata": {"cfn-lint": {"config": {"ignore_checks": ["W1030", "W1031", "W1033"]}}},
        "Parameters": PARAMETERS,
        "Rules": RULES,
        "Conditions": CONDITIONS,
        "Resources": {
            **functions.resources(stage),
            **queues.resources(stage),
            **bucket.resources(stage),
            **gateway.resources(stage),
            **alarms.resources(stage, {name: f"fairway-{stage}-{name}" for name in FUNCTIONS}),
        },
        "Outputs": {
            "Bucket": {"Value": {"Ref": "Files"}},
            "MigrateFunction": {"Value": {"Ref": "Migrate"}},
            "ArrivalsQueue": {"Value": {"Ref": "ArrivalsQueue"}},
        },
    }
