"""Both stacks pass the linters: `cfn-lint` for errors in templates, `checkov` for insecure settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.aws import data
from tests.rehearsal.ground import ROOT
from tests.rehearsal.stage import PACKAGE

pytestmark = pytest.mark.timeout(400)
CFN_LINT = ROOT / "build" / "rehearsal-venv" / "bin" / "cfn-lint"
CHECKOV = ROOT / "build" / "checkov-venv" / "bin" / "checkov"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The packaged application stack, and the data stacks of dev and prod."""
    folder = tmp_path_factory.mktemp("templates")
    paths = [PACKAGE / "template.json"]
    for stage in ("dev", "prod"):
        paths.append(folder / f"data-{stage}.json")
        paths[-1].write_text(json.dumps(data.template(stage)))
    return paths


def broken(template: Path, folder: Path, **properties: object) -> Path:
    """The data stack with changed properties of the database."""
    content = json.loads(template.read_text())
    content["Resources"]["Database"]["Properties"] |= properties
    path = folder / "broken.json"
    path.write_text(json.dumps(content))
    return path


def test_cfn_lint_finds_no_error_in_the_templates(templates: list[Path]) -> None:
    result = subprocess.run([str(CFN_LINT), *map(str, templates)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_a_template_that_cloudformation_would_refuse_is_found(templates: list[Path], tmp_path: Path) -> None:
    path = broken(templates[1], tmp_path, AllocatedStorag=20)
    result = subprocess.run([str(CFN_LINT), str(path)], capture_output=True, text=True, check=False)
    assert "AllocatedStorag" in result.stdout


def test_nothing_in_the_templates_is_unsafe_without_a_reason(templates: list[Path]) -> None:
    found, passed = checkov(*templates)
    assert found == []
    assert passed > 100


def test_what_is_unsafe_is_found(templates: list[Path], tmp_path: Path) -> None:
    found, _ = checkov(broken(templates[1], tmp_path, StorageEncrypted=False))
    assert [finding.split(":")[0] for finding in found] == ["CKV_AWS_16"]


def test_every_exception_stands_in_its_place_with_its_reason(templates: list[Path]) -> None:
    for path in templates:
        for name, skip in skipped(json.loads(path.read_text())):
            assert len(skip["comment"]) > 20, (name, skip)


def skipped(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, resource in template["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ()):
            yield name, skip


def checkov(*paths: Path) -> tuple[list[str], int]:
    """The failed checks, as `check: name of the resource`, and the number of passed checks."""
    files = [part for path in paths for part in ("-f", str(path))]
    command = [str(CHECKOV), "--framework", "cloudformation", "--skip-download", "--output", "json", *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(result.stdout)
    found = [f"{check['check_id']}: {check['resource']}" for check in report["results"]["failed_checks"]]
    return found, report["summary"]["passed"]
