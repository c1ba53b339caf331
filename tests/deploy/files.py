"""Reads the files in deploy/ as data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "fairway"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SETTING = re.compile(r"\b(?:FAIRWAY|AWS)_[A-Z0-9_]+\b")
# Variables of compose.yaml and the chart themselves, and of the AWS SDK.
OF_OTHERS = {
    "FAIRWAY_IMAGE",
    "FAIRWAY_METRICS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SHARED_CREDENTIALS_FILE",
}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def values() -> dict[str, Any]:
    return dict(yaml.safe_load((CHART / "values.yaml").read_text()))


def texts() -> dict[str, str]:
    """The text of every file, by its path in deploy/."""
    paths = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.relative_to(DEPLOY).parts]
    return {str(path.relative_to(DEPLOY)): path.read_text() for path in paths}


def named_settings() -> dict[str, set[str]]:
    """The settings in each file."""
    return {name: set(SETTING.findall(text)) - OF_OTHERS for name, text in texts().items()}


def queries() -> dict[str, str]:
    """Every query for Prometheus, by its alert or panel."""
    groups = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"]
    found = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    dashboard = json.loads((CHART / "files" / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        found |= {f"panel {panel['title']}": target["expr"] for target in panel["targets"]}
    for number, line in enumerate(re.findall(r"query: (max.*)$", (CHART / "templates/workers.yaml").read_text(), re.M)):
        found[f"trigger {number}"] = line
    return found
