"""Variants of the package: a newer version, and one with a permission removed."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from infra.aws import archives
from tests.rehearsal.stage import PACKAGE


def with_a_migration(folder: Path, statement: str) -> Path:
    """The package with one more migration, like a next version."""
    copy = _copied(PACKAGE, folder)
    described = json.loads((copy / "package.json").read_text())
    function = described["archives"]["function"]
    with zipfile.ZipFile(copy / function["path"], "a", zipfile.ZIP_DEFLATED) as archive:
        number = sum(name.startswith("schema/migrations/") for name in archive.namelist())
        archive.writestr(f"schema/migrations/9{number:03}_pre_rehearsed.sql", statement)
    digest = archives.digest(copy / function["path"])
    function["key"] = f"fairway/function-{digest}.zip"
    described["schema"] = digest
    (copy / "package.json").write_text(json.dumps(described))
    return copy


def without_permission(package: Path, folder: Path, role: str, action: str) -> Path:
    """The package with one action removed from a role."""
    copy = _copied(package, folder)
    template = json.loads((copy / "template.json").read_text())
    removed = sum(_remove(statement, action) for statement in _statements(template["Resources"][role]))
    assert removed == 1, f"{role} allows {action} in {removed} statements"
    (copy / "template.json").write_text(json.dumps(template))
    return copy


def _copied(package: Path, folder: Path) -> Path:
    return Path(shutil.copytree(package, folder / "package"))


def _remove(statement: dict[str, Any], action: str) -> bool:
    if action not in statement["Action"]:
        return False
    statement["Action"].remove(action)
    return True


def _statements(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return [statement for each in found for statement in _statements(each)]
    if not isinstance(found, dict):
        return []
    if found.get("Effect") == "Allow" and "Resource" in found:
        return [found]
    return [statement for each in found.values() for statement in _statements(each)]
