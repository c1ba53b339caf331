"""Deploys a package: `python -m infra.aws.deploy STAGE`, to the account and region that the AWS SDK finds.

First the data stack, then the application stack with the former's outputs as parameters. `--parameters FILE` names a
JSON object of parameters of either; with `--no-data` it says where a database, a Valkey and secrets are that stand
already. With AWS_ENDPOINT_URL the same goes to an emulator.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
POLL_S, LONGEST_POLLS = 5, 360
MOST_TEMPLATE_BYTES = 51_200  # in a call; a larger one is read from a bucket


class DeploymentFailed(Exception):
    """A stack could not be made as it was described."""


class Deployment:
    """One stage in one account. `session` makes the SDK's clients; `poll_s` is how often a stack is looked at."""

    def __init__(self, session: Any, stage: str, *, poll_s: float = POLL_S) -> None:
        self.stage = stage
        self._poll_s = poll_s
        self._s3 = session.client("s3")
        self._stacks = session.client("cloudformation")
        account = session.client("sts").get_caller_identity()["Account"]
        self._region = session.region_name
        self.artifacts = f"fairway-{stage}-artifacts-{account}-{self._region}"

    def deploy_data(self, folder: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make or update the data stack; its outputs, which are parameters of the application stack."""
        return self._put(self.data_stack, folder / "data.json", _known(folder / "data.json", parameters))

    def deploy(self, folder: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make or update the application stack from a package; its outputs."""
        given = json.loads((folder / "package.json").read_text())
        self._ensure_bucket()
        for one in given["archives"].values():
            self._upload(folder / one["path"], one["key"])
        keys = {
            f"{name.title()}{'' if name == 'function' else 'Layer'}Key": one["key"]
            for name, one in given["archives"].items()
        }
        own = {"ArtifactBucket": self.artifacts, "SchemaDigest": given["schema"], **keys}
        known = _known(folder / "template.json", parameters)
        return self._put(self.stack, folder / "template.json", {**known, **own})

    @property
    def stack(self) -> str:
        return f"fairway-{self.stage}"

    @property
    def data_stack(self) -> str:
        return f"fairway-{self.stage}-data"

    def remove(self) -> None:
        """Delete both stacks, the bucket emptied first, and the packages."""
        bucket = self.outputs(self.stack).get("Bucket")
        if bucket:
            self._empty(bucket)
        for stack in (self.stack, self.data_stack):
            if self._describe(stack):
                self._delete(stack)
        self._empty(self.artifacts)
        self._s3.delete_bucket(Bucket=self.artifacts)

    def outputs(self, stack: str) -> dict[str, str]:
        found = self._describe(stack)
        return {one["OutputKey"]: one["OutputValue"] for one in (found or {}).get("Outputs", ())}

    # --- stacks --------------------------------------------------------------------------------------------------

    def _put(self, stack: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        arguments: dict[str, Any] = {
            "StackName": stack,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **self._template(template),
        }
        before = self._describe(stack)
        if before and before["StackStatus"] == "ROLLBACK_COMPLETE":  # it was never made, and can't be changed
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

        config = {"Delay": self._poll_s, "MaxAttempts": int(LONGEST_POLLS * POLL_S / self._poll_s)}
        try:
            self._stacks.get_waiter(until).wait(StackName=stack, WaiterConfig=config)
        except WaiterError as error:
            raise DeploymentFailed(f"{stack}: {self._reasons(stack) or error}") from error

    def _reasons(self, stack: str) -> str:
        events = self._stacks.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("FAILED")]
        return "; ".join(
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '')}" for one in reversed(failed)
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
        if path.stat().st_size <= MOST_TEMPLATE_BYTES:
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
        elsewhere = (
            {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        self._s3.create_bucket(Bucket=self.artifacts, **elsewhere)
        blocked = dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        self._s3.put_public_access_block(Bucket=self.artifacts, PublicAccessBlockConfiguration=blocked)

    def _upload(self, path: Path, key: str) -> None:
        """Store an archive, unless one of its content is there."""
        try:
            self._s3.head_object(Bucket=self.artifacts, Key=key)
        except self._s3.exceptions.ClientError:
            self._s3.upload_file(str(path), self.artifacts, key)

    def _empty(self, bucket: str) -> None:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages:
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if objects:
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _known(template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Those of the parameters that a template takes."""
    taken = json.loads(template.read_text())["Parameters"]
    return {name: value for name, value in parameters.items() if name in taken}


def main() -> None:
    import boto3

    asked = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    asked.add_argument("stage")
    asked.add_argument("--parameters", type=Path, help="a JSON object of parameters of either stack")
    asked.add_argument("--no-data", action="store_true", help="make no data stack: the parameters name another's")
    asked.add_argument("--remove", action="store_true", help="delete both stacks and all that they hold")
    given = asked.parse_args()
    deployment = Deployment(boto3.session.Session(), given.stage)
    if given.remove:
        if given.stage == "prod":
            sys.exit("prod's data is protected: empty and delete its stacks by hand")
        deployment.remove()
        return
    parameters = json.loads(given.parameters.read_text()) if given.parameters else {}
    try:
        folder = ROOT / "build" / "aws" / given.stage
        data = {} if given.no_data else deployment.deploy_data(folder, parameters)
        found = deployment.deploy(folder, {**data, **parameters})
    except DeploymentFailed as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
