"""The rehearsed stack: its secrets, parameters and API, and the resources in the account."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from fairway_client import Client

from infra.aws.deploy import Deployment
from infra.local.installation import API_ROLE, WORKER_ROLE
from tests.rehearsal.ground import ROOT, Ground

STAGE = "rehearsal"
PACKAGE = ROOT / "build" / "aws" / STAGE
POLL_S = 0.3
MODEL = "stand-in.model-v1"
ORIGIN = "https://app.example"


@dataclass
class Stage:
    """The rehearsed deployment. `outputs` are those of the stack, once it is deployed."""

    ground: Ground
    deployment: Deployment
    before: dict[str, list[str]] = field(default_factory=dict)  # resources in the account before the rehearsal
    admin_key: str = field(default_factory=lambda: "fw_" + secrets.token_urlsafe(32))
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, ground: Ground) -> Stage:
        stage = cls(ground, Deployment(ground.session, STAGE, poll_s=POLL_S))
        stage.before = stage.held()
        return stage

    def keep_secrets(self) -> None:
        """Create the secrets that the data stack would create, and the parameters that name them."""
        ground, reached = self.ground, self.ground.reach.url
        secret_values = {
            "shared": {"FAIRWAY_REDIS_URL": reached(ground.redis_url)},
            "worker": {"FAIRWAY_DATABASE_URL": reached(ground.role_urls[WORKER_ROLE])},
            "api": {
                "FAIRWAY_API_DATABASE_URL": reached(ground.role_urls[API_ROLE]),
                "FAIRWAY_KEY_PEPPER": secrets.token_urlsafe(),
            },
            "migration": {
                "FAIRWAY_OWNER_DATABASE_URL": reached(ground.database_url),
                "FAIRWAY_ADMIN_KEY": self.admin_key,
            },
        }
        manager = ground.session.client("secretsmanager")
        arns = {
            name: manager.create_secret(Name=f"fairway-{STAGE}-{name}", SecretString=json.dumps(of))["ARN"]
            for name, of in secret_values.items()
        }
        self.parameters = {
            **{f"{name.title()}Secrets": arn for name, arn in arns.items()},
            "DatabaseAuth": "password",
            "TextractEndpoint": reached(ground.textract_url),
            "ExtractionBy": "bedrock",
            "ExtractionModel": MODEL,
            "BedrockEndpoint": reached(ground.model_url),
            "OcrLanguages": "eng",
            "AllowedOrigins": ORIGIN,
        }

    def deploy(self, package: Path = PACKAGE, **parameters: str) -> None:
        # The policy of the page names the store's address, which the functions know from this variable here.
        with patch.dict(os.environ, AWS_ENDPOINT_URL=self.ground.reach.url(self.ground.endpoint_url)):
            self.outputs = self.deployment.deploy(package, {**self.parameters, **parameters})

    @property
    def api_url(self) -> str:
        """The URL of API Gateway on the emulator."""
        api_id = self.resource("RestAPI")
        return f"{self.ground.endpoint_url}/_aws/execute-api/{api_id}/v1"

    def client(self, key: str | None = None) -> Client:
        return Client(self.api_url, key or self.admin_key, verify=self._trusted())

    def resource(self, logical: str) -> str:
        """The physical id of one of the stack's resources."""
        stacks = self.ground.session.client("cloudformation")
        found = stacks.describe_stack_resource(StackName=self.deployment.stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def call(self, method: str, path: str, key: str | None = None) -> Any:
        """The response of the API, whatever its status."""
        headers = {"Origin": ORIGIN, **({"Authorization": f"Bearer {key}"} if key else {})}
        request = urllib.request.Request(
            self.api_url + path, b"{}" if method == "POST" else None, headers, method=method
        )
        try:
            return self.open(request)
        except urllib.error.HTTPError as response:
            return response

    def put_gateway_responses(self) -> None:
        """Set the gateway responses of the API's definition, which the emulator ignores in templates."""
        template = json.loads((PACKAGE / "template.json").read_text())
        definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        gateway, api_id = self.ground.session.client("apigateway"), self.resource("RestAPI")
        for name, of in definition["x-amazon-apigateway-gateway-responses"].items():
            gateway.put_gateway_response(
                restApiId=api_id, responseType=name, **{**of, "statusCode": str(of["statusCode"])}
            )
        gateway.create_deployment(restApiId=api_id, stageName="v1")

    def open(self, request: urllib.request.Request) -> Any:
        return urllib.request.urlopen(request, timeout=60, context=self._trusted())

    def _trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ground.authorities)

    def enforces_permissions(self) -> bool:
        """Whether the emulator refuses unsigned requests. The one that the rehearsal starts must."""
        try:
            self.open(urllib.request.Request(f"{self.ground.endpoint_url}/{self.outputs['Bucket']}?list-type=2"))
        except urllib.error.HTTPError as refused:
            return refused.code == 403
        return False

    # --- failures ----------------------------------------------------------------------------------------------------

    @contextmanager
    def workers_locked_out(self) -> Iterator[None]:
        """During the block, the worker's role can't log in to the database."""
        with psycopg.connect(self.ground.database_url, autocommit=True) as database:
            database.execute(f"ALTER ROLE {WORKER_ROLE} NOLOGIN")
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [WORKER_ROLE])
            try:
                yield
            finally:
                database.execute(f"ALTER ROLE {WORKER_ROLE} LOGIN")

    @contextmanager
    def hidden_for(self, queue: str, *, seconds: int) -> Iterator[None]:
        """During the block, the queue has this visibility timeout in seconds."""
        sqs, url = self.ground.session.client("sqs"), self.resource(queue)
        name = "VisibilityTimeout"
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(seconds)})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    def depth(self, queue: str) -> int:
        """The number of messages in a queue, including those in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.ground.session.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=self.resource(queue), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    # --- resources in the account ------------------------------------------------------------------------------------

    def keys_with(self, part: str) -> list[str]:
        """The keys of all versions in the bucket that contain this text."""
        s3 = self.ground.session.client("s3")
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=self.outputs["Bucket"])
        return [version["Key"] for page in pages for version in page.get("Versions", ()) if part in version["Key"]]

    def alarms(self) -> list[dict[str, Any]]:
        pages = self.ground.session.client("cloudwatch").get_paginator("describe_alarms").paginate()
        found = [alarm for page in pages for alarm in page["MetricAlarms"]]
        return [alarm for alarm in found if alarm["AlarmName"] not in self.before.get("alarms", ())]

    def refusals(self) -> list[str]:
        """Log lines of functions that lacked a permission. A step that may not write to the bucket is parked."""
        signs = ("AccessDenied", "not authorized", "the object store answered 403", '"outcome":"parked"')
        return [line for line in self.log_lines() if any(sign in line for sign in signs)]

    def log_lines(self) -> list[str]:
        """All log lines of the functions."""
        logs = self.ground.session.client("logs")
        lines: list[str] = []
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
            for group in page["logGroups"]:
                for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    lines += [event["message"] for event in events["events"]]
        return lines

    def forget_secrets(self) -> None:
        manager = self.ground.session.client("secretsmanager")
        for name in ("SharedSecrets", "WorkerSecrets", "ApiSecrets", "MigrationSecrets"):
            manager.delete_secret(SecretId=self.parameters[name], ForceDeleteWithoutRecovery=True)

    def left_over(self) -> dict[str, list[str]]:
        """The resources that the account did not have before the rehearsal, by kind."""
        now = {kind: [name for name in names if name not in self.before.get(kind, ())]
               for kind, names in self.held().items()}  # fmt: skip
        return {kind: names for kind, names in now.items() if names}

    def held(self) -> dict[str, list[str]]:
        """The names of all resources in the account, by kind, without empty kinds."""
        client = self.ground.session.client
        held = {
            "stacks": [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]],
            "buckets": [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
            "queues": client("sqs").list_queues().get("QueueUrls", []),
            "functions": [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]],
            "layers": [layer["LayerName"] for layer in client("lambda").list_layers()["Layers"]],
            "event sources": [
                mapping["UUID"] for mapping in client("lambda").list_event_source_mappings()["EventSourceMappings"]
            ],
            "roles": [role["RoleName"] for role in client("iam").list_roles()["Roles"]],
            "APIs": [rest_api["name"] for rest_api in client("apigateway").get_rest_apis()["items"]],
            "alarms": [alarm["AlarmName"] for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]],
            "dashboards": [
                dashboard["DashboardName"] for dashboard in client("cloudwatch").list_dashboards()["DashboardEntries"]
            ],
            "topics": [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]],
            "rules": [rule["Name"] for rule in client("events").list_rules()["Rules"]],
            "secrets": [secret["Name"] for secret in client("secretsmanager").list_secrets()["SecretList"]],
            "log groups": [
                log_group["logGroupName"] for log_group in client("logs").describe_log_groups()["logGroups"]
            ],
        }
        return {kind: names for kind, names in held.items() if names}


def until(holds: Callable[[], Any], within_s: float = 120.0, every_s: float = POLL_S) -> Any:
    """The result of `holds` once it is true. Raises AssertionError after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"the condition was still false after {within_s:.0f} seconds"
        time.sleep(every_s)
    return found
