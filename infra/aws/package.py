"""Builds the package of a stage: `python -m infra.aws.package STAGE`, run by Lambda's version of Python.

The result is in build/aws/STAGE/: data.json and template.json (the templates of the data stack and the application
stack), function.zip, layers/NAME.zip, and package.json, which lists the archives with their object keys and sizes.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.aws import application, archives, data, gateway, inventory, layers, page

ROOT = layers.ROOT
# Of a function and its layers, unzipped: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
# Top-level packages that only Chalice's command line and pip use.
NOT_NEEDED = ("pip", "setuptools", "wheel", "inquirer", "blessed", "jinxed", "wcwidth", "click", "editor", "readchar", "runs", "xmod", "yaml", "_yaml", "pkg_resources", "_distutils_hack", "packaging")  # fmt: skip
# Parts of packages that Fairway never imports.
NOT_CALLED = ("aws_lambda_powertools/event_handler/", "aws_lambda_powertools/utilities/data_classes/", "boto3/data/", "boto3/examples/", "chalice/cli/", "confluent_kafka/kafkatest/", "confluent_kafka/schema_registry/", "confluent_kafka/avro/")  # fmt: skip
# The AWS services that functions call. The SDK's data of all other services is left out.
SERVICES = ("s3", "sqs", "secretsmanager", "rds", "textract", "bedrock-runtime", "sts")


class TooLarge(Exception):
    """A function and its layers exceed the size that Lambda accepts."""


def package(stage: str, into: Path) -> dict[str, Any]:
    """Build the package of a stage in a folder; returns the content of package.json."""
    architecture = str(inventory.stages()[stage].get("lambda_architecture", "x86_64"))
    into.mkdir(parents=True, exist_ok=True)
    plan = layers.Plan.read()
    for name in plan.layers:
        (into / "layers").mkdir(exist_ok=True)
        shutil.copyfile(layers.build(name, architecture, plan), into / "layers" / f"{name}.zip")
    with tempfile.TemporaryDirectory(prefix="fairway-package-") as scratch:
        chalice_output = run_chalice(stage, Path(scratch))
        slim(chalice_output / "deployment.zip", into / "function.zip", Path(scratch) / "function")
        template = finish(json.loads((chalice_output / "sam.json").read_text()))
    (into / "template.json").write_text(json.dumps(template, indent=1))
    (into / "data.json").write_text(json.dumps(data.template(stage), indent=1))
    description = describe(stage, architecture, into, plan) | {"has_page": page.pack(into)}
    (into / "package.json").write_text(json.dumps(description, indent=1))
    check_sizes(description, plan)
    return description


def run_chalice(stage: str, scratch: Path) -> Path:
    """Run `chalice package` with Fairway's template merged in. Returns its output folder."""
    merge = scratch / "merge.json"
    merge.write_text(json.dumps(application.merge_template(stage)))
    out = scratch / "chalice"
    environment = {
        **os.environ,
        "AWS_DEFAULT_REGION": "us-east-1",
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    chalice = Path(sys.executable).with_name("chalice")
    command = [str(chalice), "package", "--stage", stage, "--merge-template", str(merge), str(out)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return out


def slim(deployment: Path, archive: Path, scratch: Path) -> None:
    """Repack Chalice's deployment package with compiled modules and without the files that are never imported."""
    archives.unpack(deployment, scratch)
    sys.pycache_prefix = None  # the compiled modules are part of the package
    compileall.compile_dir(
        scratch, quiet=2, legacy=False, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    archives.pack(scratch, archive, excluded=is_not_needed)


def is_not_needed(name: str) -> bool:
    top = name.split("/", 1)[0]
    package_name = top.split("-", 1)[0].removesuffix(".dist").lower() if top.endswith(".dist-info") else top
    if name.endswith(".pyc") and ".cpython-312." not in name:
        return True
    if package_name in NOT_NEEDED or layers.is_never_imported(name):
        return True
    parts = name.split("/")
    if parts[:2] == ["botocore", "data"] and len(parts) > 3:
        return parts[2] not in SERVICES
    return name.startswith(NOT_CALLED)


def finish(template: dict[str, Any]) -> dict[str, Any]:
    """Make the changes that a merge can't: remove Chalice's role and queue names, replace its response to preflights."""
    template["Resources"].pop("DefaultRole")
    gateway.allow_origins(template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"])
    for resource in template["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "SQS":
                event["Properties"]["Queue"].pop("Fn::Sub")
    return template


def describe(stage: str, architecture: str, folder: Path, plan: layers.Plan) -> dict[str, Any]:
    """The content of package.json: the archives with their keys and sizes, and a digest of the schema."""
    archive_paths = {"function": folder / "function.zip"}
    archive_paths |= {name: folder / "layers" / f"{name}.zip" for name in plan.layers}
    schema = sorted((ROOT / "schema").rglob("*.sql"))
    return {
        "stage": stage,
        "architecture": architecture,
        "schema": hashlib.sha256(b"".join(path.read_bytes() for path in schema)).hexdigest()[:20],
        "archives": {
            name: {
                "path": str(path.relative_to(folder)),
                "key": f"fairway/{name}-{archives.digest(path)}.zip",
                "zipped_bytes": path.stat().st_size,
                "unzipped_bytes": archives.unzipped_bytes(path),
            }
            for name, path in archive_paths.items()
        },
    }


def check_sizes(description: dict[str, Any], plan: layers.Plan) -> None:
    """Raise TooLarge if a function with its layers exceeds Lambda's limit."""
    sizes = {name: archive["unzipped_bytes"] for name, archive in description["archives"].items()}
    for function in inventory.FUNCTIONS:
        total = sizes["function"] + sum(sizes[name] for name in plan.layers_of(function))
        if total > MAX_UNZIPPED_BYTES:
            raise TooLarge(
                f"{function} and its layers have {total >> 20} MiB unzipped; Lambda allows {MAX_UNZIPPED_BYTES >> 20} MiB"
            )


def main() -> None:
    stage = sys.argv[1]
    description = package(stage, ROOT / "build" / "aws" / stage)
    for archive in description["archives"].values():
        zipped, unzipped = archive["zipped_bytes"] / 2**20, archive["unzipped_bytes"] / 2**20
        print(f"{archive['path']:24} {zipped:6.1f} MiB zipped {unzipped:6.1f} MiB unzipped")
    if not description["has_page"]:
        print("The package has no web page: install its libraries first with `python -m infra.web_modules`.")
    print(f"The package for {description['architecture']} is in build/aws/{stage}.")


if __name__ == "__main__":
    main()
