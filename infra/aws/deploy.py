"""Deploys a package: `python -m infra.aws.deploy STAGE`, to the account and region that the AWS SDK is configured for.

It deploys the data stack first, and then the application stack with the outputs of the data stack as parameters.
`--parameters FILE` names a JSON file with parameters of either stack. With `--no-data` these parameters name an
existing database, Valkey and secrets. With AWS_ENDPOINT_URL set, it deploys to an emulator.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.aws import page

ROOT = Path(__file__).resolve().parent.parent.parent
POLL_S, MAX_POLLS = 5, 360
# The limit of a template inside a request; CloudFormation reads a larger one from a bucket.
MAX_TEMPLATE_BYTES = 51_200


class DeploymentFailed(Exception):
    """A stack could not be created or updated."""


class Deployment:
    """The deployment of one stage. `session` is a boto3 session; a stack's status is polled every `poll_s` seconds."""

    def __init__(self, session: Any, stage: str, *, poll_s: float = POLL_S) -> None:
        self.stage = stage
        self._poll_s = poll_s
        self._s3 = session.client("s3")
        self._stacks = session.client("cloudformation")
        account = session.client("sts").get_caller_identity()["Account"]
        self._region = session.region_name
        self.artifacts = f"fairway-{stage}-artifacts-{account}-{self._region}"

    def deploy_data(self, folder: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update the data stack; returns its outputs, which are parameters of the application stack."""
        return self._put(self.data_stack, folder / "data.json", _known(folder / "data.json", parameters))

    def deploy(self, folder: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update the application stack from a package; returns its outputs."""
        description = json.loads((folder / "package.json").read_text())
        self._ensure_bucket()
        for archive in description["archives"].values():
            self._upload(folder / archive["path"], archive["key"])
        keys = {
            f"{name.title()}{'' if name == 'function' else 'Layer'}Key": archive["key"]
            for name, archive in description["archives"].items()
        }
        own = {"ArtifactBucket": self.artifacts, "SchemaDigest": description["schema"], **keys}
        known = _known(folder / "template.json", parameters)
        outputs = self._put(self.stack, folder / "template.json", {**known, **own})
        if description["has_page"]:
            page.publish(self._s3, folder, outputs["PageBucket"], outputs["EndpointURL"], self._store_origins(outputs))
        return outputs

    @property
    def stack(self) -> str:
        return f"fairway-{self.stage}"

    @property
    def data_stack(self) -> str:
        return f"fairway-{self.stage}-data"

    def remove(self) -> None:
        """Empty the buckets, delete both stacks, and delete the packages."""
        outputs = self.outputs(self.stack)
        for bucket in filter(None, (outputs.get("Bucket"), outputs.get("PageBucket"))):
            self._empty(bucket)
        for stack in (self.stack, self.data_stack):
            if self._describe(stack):
                self._delete(stack)
        self._empty(self.artifacts)
        self._s3.delete_bucket(Bucket=self.artifacts)

    def outputs(self, stack: str) -> dict[str, str]:
        found = self._describe(stack)
        return {output["OutputKey"]: output["OutputValue"] for output in (found or {}).get("Outputs", ())}

    def _store_origins(self, outputs: Mapping[str, str]) -> set[str]:
        """The origins of presigned URLs: with the bucket's name in the host or in the path."""
        scheme, host = urlsplit(os.environ.get("AWS_ENDPOINT_URL") or f"https://s3.{self._region}.amazonaws.com")[:2]
        return {f"{scheme}://{host}", f"{scheme}://{outputs['Bucket']}.{host}"}

    # --- stacks --------------------------------------------------------------------------------------------------

    def _put(self, stack: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        arguments: dict[str, Any] = {
            "StackName": stack,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **self._template(template),
        }
        before = self._describe(stack)
        # After a failed creation a stack can only be deleted.
        if before and before["StackStatus"] == "ROLLBACK_COMPLETE":
            self._delete(stack)
            before = None
        verb = "update" if before else "create"
        try:
            getattr(self._stacks, f"{verb}_stack")(**arguments)
        except self._stacks.exceptions.ClientError as error:
            if "No updates are to be performed" in str(error):
                return self.outputs(stack)
            raise DeploymentFailed(f"{stack}: {error}") from error
        self._wait(stack, f"stack_{verb}_complete")
        return self.outputs(stack)

    def _wait(self, stack: str, until: str) -> None:
        from botocore.exceptions import WaiterError

        config = {"Delay": self._poll_s, "MaxAttempts": int(MAX_POLLS * POLL_S / self._poll_s)}
        try:
            self._stacks.get_waiter(until).wait(StackName=stack, WaiterConfig=config)
        except WaiterError as error:
            raise DeploymentFailed(f"{stack}: {self._reasons(stack) or error}") from error

    def _reasons(self, stack: str) -> str:
        events = self._stacks.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
        return "; ".join(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in reversed(failed)
        )

    def _describe(self, stack: str) -> dict[str, Any] | None:
        try:
            found = self._stacks.describe_stacks(StackName=stack)["Stacks"]
        except self._stacks.exceptions.ClientError:
            return None
        return found[0] if found and not found[0]["StackStatus"].startswith("DELETE_COMPLETE") else None

    def _delete(self, stack: str) -> None:
        self._stacks.delete_stack(StackName=stack)
        self._wait(stack, "stack_delete_complete")

    def _template(self, path: Path) -> dict[str, str]:
        if path.stat().st_size <= MAX_TEMPLATE_BYTES:
            return {"TemplateBody": path.read_text()}
        key = f"fairway/{self.stage}-{path.name}"
        self._s3.put_object(Bucket=self.artifacts, Key=key, Body=path.read_bytes())
        address = self._s3.meta.endpoint_url.rstrip("/")
        return {"TemplateURL": f"{address}/{self.artifacts}/{key}"}

    # --- packages ------------------------------------------------------------------------------------------------

    def _ensure_bucket(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self.artifacts)
            return
        except self._s3.exceptions.ClientError:
            pass
        location = (
            {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        self._s3.create_bucket(Bucket=self.artifacts, **location)
        no_public_access = dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        self._s3.put_public_access_block(Bucket=self.artifacts, PublicAccessBlockConfiguration=no_public_access)

    def _upload(self, path: Path, key: str) -> None:
        """Upload an archive unless the bucket has it: keys contain a digest of the content."""
        try:
            self._s3.head_object(Bucket=self.artifacts, Key=key)
        except self._s3.exceptions.ClientError:
            self._s3.upload_file(str(path), self.artifacts, key)

    def _empty(self, bucket: str) -> None:
        for listed in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
            objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]
            if objects:
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _known(template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that a template declares."""
    declared = json.loads(template.read_text())["Parameters"]
    return {name: value for name, value in parameters.items() if name in declared}


def main() -> None:
    import boto3

    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("stage")
    options.add_argument("--parameters", type=Path, help="a JSON file with parameters of either stack")
    options.add_argument(
        "--no-data", action="store_true", help="deploy no data stack: the parameters name an existing database"
    )
    options.add_argument("--remove", action="store_true", help="delete both stacks and all their data")
    arguments = options.parse_args()
    deployment = Deployment(boto3.session.Session(), arguments.stage)
    if arguments.remove:
        if arguments.stage == "prod":
            sys.exit("The data of prod is protected: empty and delete its stacks manually.")
        deployment.remove()
        return
    parameters = json.loads(arguments.parameters.read_text()) if arguments.parameters else {}
    try:
        folder = ROOT / "build" / "aws" / arguments.stage
        data = {} if arguments.no_data else deployment.deploy_data(folder, parameters)
        outputs = deployment.deploy(folder, {**data, **parameters})
    except DeploymentFailed as error:
        sys.exit(str(error))
    print(json.dumps(outputs, indent=1))


if __name__ == "__main__":
    main()
