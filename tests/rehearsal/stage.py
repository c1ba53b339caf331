"""The stack on its ground: its secrets, its parameters, its API, and a look at what stands in the account."""

from __future__ import annotations

import json
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairway_client import Client

from infra.aws.deploy import Deployment
from infra.local.embedded import API_ROLE, WORKER_ROLE
from tests.rehearsal.ground import ROOT, Ground

STAGE = "rehearsal"
PACKAGE = ROOT / "build" / "aws" / STAGE
POLL_S = 0.3
MODEL = "stand-in.model-v1"


@dataclass
class Stage:
    """The rehearsed deployment. `outputs` are the stack's, once it was made."""

    ground: Ground
    deployment: Deployment
    admin_key: str = field(default_factory=lambda: "fw_" + secrets.token_urlsafe(32))
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, ground: Ground) -> Stage:
        return cls(ground, Deployment(ground.session, STAGE, poll_s=POLL_S))

    def keep_secrets(self) -> None:
        """What the data stack would keep in Secrets Manager, and the parameters that name it."""
        ground = self.ground
        kept = {
            "worker": {
                "FAIRWAY_DATABASE_URL": ground.role_urls[WORKER_ROLE],
                "FAIRWAY_REDIS_URL": ground.redis_url,
                "FAIRWAY_KEY_PEPPER": secrets.token_urlsafe(),
            },
            "api": {"FAIRWAY_API_DATABASE_URL": ground.role_urls[API_ROLE]},
            "migration": {"FAIRWAY_OWNER_DATABASE_URL": ground.database_url, "FAIRWAY_ADMIN_KEY": self.admin_key},
        }
        manager = ground.session.client("secretsmanager")
        arns = {
            name: manager.create_secret(Name=f"fairway-{STAGE}-{name}", SecretString=json.dumps(of))["ARN"]
            for name, of in kept.items()
        }
        self.parameters = {
            "WorkerSecrets": arns["worker"],
            "ApiSecrets": arns["api"],
            "MigrationSecrets": arns["migration"],
            "DatabaseAuth": "password",
            "TextractEndpoint": ground.textract_url,
            "ExtractionBy": "bedrock",
            "ExtractionModel": MODEL,
            "BedrockEndpoint": ground.model_url,
            "OcrLanguages": "eng",
        }

    def deploy(self, package: Path = PACKAGE, **parameters: str) -> None:
        self.outputs = self.deployment.deploy(package, {**self.parameters, **parameters})

    @property
    def api_url(self) -> str:
        """API Gateway's address on the emulator."""
        api_id = self.resource("RestAPI")
        return f"{self.ground.endpoint_url}/_aws/execute-api/{api_id}/v1"

    def client(self, key: str | None = None) -> Client:
        trusted = ssl.create_default_context(cafile=str(self.ground.authorities))
        return Client(self.api_url, key or self.admin_key, verify=trusted)

    def resource(self, logical: str) -> str:
        """The physical id of one of the stack's resources."""
        stacks = self.ground.session.client("cloudformation")
        found = stacks.describe_stack_resource(StackName=self.deployment.stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def refusals(self) -> list[str]:
        """What the functions were not allowed to do, as their logs tell."""
        return [line for line in self.log_lines() if "AccessDenied" in line or "not authorized" in line]

    def log_lines(self, functions: Sequence[str] = ()) -> list[str]:
        """All that the functions logged."""
        logs = self.ground.session.client("logs")
        lines: list[str] = []
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
            for group in page["logGroups"]:
                if functions and group["logGroupName"].rsplit("-", 1)[-1] not in functions:
                    continue
                for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    lines += [one["message"] for one in events["events"]]
        return lines


def until(holds: Callable[[], Any], within_s: float = 120.0, every_s: float = POLL_S) -> Any:
    """What `holds` answers once it is true. Raises AssertionError when the time is up."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"it did not come true within {within_s:.0f} seconds"
        time.sleep(every_s)
    return found
