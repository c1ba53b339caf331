"""Variants of the packaged stack: a newer version, and one that lacks a permission."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from infra.aws import archives
from tests.rehearsal.stage import PACKAGE


def with_a_migration(folder: Path, statement: str) -> Path:
    """The same package with one migration more, as the next version would bring it."""
    made = _copied(PACKAGE, folder)
    described = json.loads((made / "package.json").read_text())
    function = described["archives"]["function"]
    with zipfile.ZipFile(made / function["path"], "a", zipfile.ZIP_DEFLATED) as archive:
        number = sum(name.startswith("schema/migrations/") for name in archive.namelist())
        archive.writestr(f"schema/migrations/9{number:03}_pre_rehearsed.sql", statement)
    digest = archives.digest(made / function["path"])
    function["key"] = f"fairway/function-{digest}.zip"
    described["schema"] = digest
    (made / "package.json").write_text(json.dumps(described))
    return made


def without_permission(package: Path, folder: Path, role: str, action: str) -> Path:
    """The same package, but a role may not do one thing."""
    made = _copied(package, folder)
    template = json.loads((made / "template.json").read_text())
    taken = sum(_take(statement, action) for statement in _statements(template["Resources"][role]))
    assert taken == 1, f"{role} is allowed {action} in {taken} statements"
    (made / "template.json").write_text(json.dumps(template))
    return made


def _copied(package: Path, folder: Path) -> Path:
    return Path(shutil.copytree(package, folder / "package"))


def _take(statement: dict[str, Any], action: str) -> bool:
    if action not in statement["Action"]:
        return False
    statement["Action"].remove(action)
    return True


def _statements(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return [one for each in found for one in _statements(each)]
    if not isinstance(found, dict):
        return []
    if found.get("Effect") == "Allow" and "Resource" in found:
        return [found]
    return [one for each in found.values() for one in _statements(each)]
