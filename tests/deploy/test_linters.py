"""Linters of deploy/ that pip installs, and systemd's own if it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, UNITS

BIN = Path(sys.executable).parent
EXPOSURE = 30  # tenths; systemd calls up to 4.0 OK


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_compose_file_follows_its_schema() -> None:
    run(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))


def test_the_dockerfile_passes_hadolint() -> None:
    run(str(BIN / "hadolint"), str(DEPLOY / "Dockerfile"))


def test_the_script_passes_shellcheck() -> None:
    run(str(BIN / "shellcheck"), str(DEPLOY / "secrets.sh"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_understood_by_systemd_and_confined(unit: Path, tmp_path: Path) -> None:
    copied = tmp_path / unit.name
    copied.write_text(unit.read_text().replace("/opt/fairway/.venv/bin/python", sys.executable))
    result = subprocess.run(["systemd-analyze", "verify", str(copied)], capture_output=True, text=True, check=False)
    about_us = [line for line in (result.stdout + result.stderr).splitlines() if unit.name.split("@")[0] in line]
    assert about_us == []
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(copied))
