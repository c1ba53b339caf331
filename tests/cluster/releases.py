"""Finds an older release of Fairway in the history of this repository, to run it beside the current one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from infra.local.api_and_workers import ROOT
from layers.version import VERSION

MIGRATIONS = "schema/migrations/"
# Releases with this file run on Kafka, and read what a newer one stores. Before it, a word of OCR that stands sideways made an
# older worker fail.
SIDE_BY_SIDE = "tests/unit/test_mixed_releases.py"


def older_release() -> str:
    """The commit to upgrade from: the newest tagged release before this version, or, while none is tagged, the oldest
    commit that can run beside a newer one. The current migrations extend its own. Skips the test if the history has no
    such commit."""
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("an upgrade needs the full history of the repository; this folder is not a clone, or a shallow one")
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").split()
    candidates = [tag for tag in tags if tag != f"v{VERSION}"]
    if not candidates:
        candidates = git("log", "--format=%H", "--topo-order", "--reverse", "--", MIGRATIONS, SIDE_BY_SIDE).split()
    for commit in candidates:
        if can_be_upgraded(commit):
            return git("rev-parse", f"{commit}^{{commit}}")
    pytest.skip(
        "the history has no older release that can run beside this one and whose migrations the current ones extend"
    )


def can_be_upgraded(commit: str) -> bool:
    """Whether a commit can run beside a newer one, and the current migrations contain all of its own and more."""
    return bool(git("ls-tree", commit, SIDE_BY_SIDE)) and migrations_of(commit) < migrations_of("HEAD")


def migrations_of(commit: str) -> set[str]:
    """Name and content hash of each migration, as git lists them."""
    return set(git("ls-tree", commit, MIGRATIONS).splitlines())


def export(commit: str, folder: Path) -> Path:
    """Write the files of a commit to a folder."""
    content = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def git(*arguments: str) -> str:
    """The output of a git command in this repository; empty if it fails."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()
