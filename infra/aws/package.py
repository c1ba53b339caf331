"""Makes what is deployed: `python -m infra.aws.package STAGE`, under Lambda's own Python.

build/aws/STAGE/ then holds data.json and template.json, the data stack and the application stack; function.zip;
layers/NAME.zip; and package.json, which says under which keys the archives are to be stored.
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

from infra.aws import application, archives, data, gateway, inventory, layers

ROOT = layers.ROOT
MOST_BYTES = 250 * 1024 * 1024  # of a function and its layers, unzipped
# What Chalice itself draws in for its command line, and what pip leaves behind.
NOT_NEEDED = ("pip", "setuptools", "wheel", "inquirer", "blessed", "jinxed", "wcwidth", "click", "editor", "readchar", "runs", "xmod", "yaml", "_yaml", "pkg_resources", "_distutils_hack", "packaging")  # fmt: skip
# Parts of packages that nothing here calls.
NOT_CALLED = ("aws_lambda_powertools/event_handler/", "aws_lambda_powertools/utilities/data_classes/", "boto3/data/", "boto3/examples/", "chalice/cli/", "kafka/benchmarks/", "kafka/cli/")  # fmt: skip
# Of the SDK's descriptions of services, those that are called.
SERVICES = ("s3", "sqs", "secretsmanager", "rds", "textract", "bedrock-runtime", "sts")


class TooLarge(Exception):
    """A function would not be taken by Lambda."""


def package(stage: str, into: Path) -> dict[str, Any]:
    """Make the package of a stage; what package.json holds."""
    architecture = str(inventory.stages()[stage].get("lambda_architecture", "x86_64"))
    into.mkdir(parents=True, exist_ok=True)
    plan = layers.Plan.read()
    for name in plan.requirements:
        (into / "layers").mkdir(exist_ok=True)
        shutil.copyfile(layers.build(name, architecture, plan), into / "layers" / f"{name}.zip")
    with tempfile.TemporaryDirectory(prefix="fairway-package-") as scratch:
        made = run_chalice(stage, Path(scratch))
        slim(made / "deployment.zip", into / "function.zip", Path(scratch) / "function")
        template = finish(json.loads((made / "sam.json").read_text()))
    (into / "template.json").write_text(json.dumps(template, indent=1))
    (into / "data.json").write_text(json.dumps(data.template(stage), indent=1))
    found = describe(stage, architecture, into, plan)
    (into / "package.json").write_text(json.dumps(found, indent=1))
    check_sizes(found, plan)
    return found


def run_chalice(stage: str, scratch: Path) -> Path:
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


def slim(given: Path, archive: Path, scratch: Path) -> None:
    """Repack the function without what it never imports, with its modules compiled."""
    archives.unpack(given, scratch)
    compileall.compile_dir(
        scratch, quiet=2, legacy=False, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    archives.pack(scratch, archive, left_out=is_not_needed)


def is_not_needed(name: str) -> bool:
    top = name.split("/", 1)[0]
    package_name = top.split("-", 1)[0].removesuffix(".dist").lower() if top.endswith(".dist-info") else top
    if name.endswith(".pyc") and ".cpython-312." not in name:
        return True
    if package_name in NOT_NEEDED or layers.is_dead_weight(name):
        return True
    parts = name.split("/")
    if parts[:2] == ["botocore", "data"] and len(parts) > 3:
        return parts[2] not in SERVICES
    return name.startswith(NOT_CALLED)


def finish(template: dict[str, Any]) -> dict[str, Any]:
    """What can be merged in but not away: Chalice's role, its guesses at queues' names, its answer to preflights."""
    template["Resources"].pop("DefaultRole")
    gateway.allow_origins(template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"])
    for resource in template["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "SQS":
                event["Properties"]["Queue"].pop("Fn::Sub")
    return template


def describe(stage: str, architecture: str, folder: Path, plan: layers.Plan) -> dict[str, Any]:
    archive_paths = {"function": folder / "function.zip"}
    archive_paths |= {name: folder / "layers" / f"{name}.zip" for name in plan.requirements}
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


def check_sizes(found: dict[str, Any], plan: layers.Plan) -> None:
    """Raises TooLarge where a function and its layers are more than Lambda unzips."""
    sizes = {name: one["unzipped_bytes"] for name, one in found["archives"].items()}
    for function in inventory.FUNCTIONS:
        total = sizes["function"] + sum(sizes[name] for name in plan.layers_of(function))
        if total > MOST_BYTES:
            raise TooLarge(f"{function} and its layers take {total >> 20} MiB of {MOST_BYTES >> 20}")


def main() -> None:
    stage = sys.argv[1]
    found = package(stage, ROOT / "build" / "aws" / stage)
    for one in found["archives"].values():
        print(f"{one['path']:24} {one['zipped_bytes'] / 2**20:6.1f} MiB, {one['unzipped_bytes'] / 2**20:6.1f} unzipped")
    print(f"build/aws/{stage} is ready: data.json, template.json ({found['architecture']})")


if __name__ == "__main__":
    main()
