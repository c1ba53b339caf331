"""Files with secrets, which only their owner may read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


class BadSecretFile(Exception):
    """A file can't be used; the text says what to change."""


def check_private(path: Path) -> None:
    """Raises BadSecretFile if others than its owner may read a file, and OSError."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadSecretFile(f"others than its owner may read {path}; run `chmod 600 {path}`")


def first_line(path: Path, what: str) -> str:
    """The secret in a file; `what` names it in messages. Raises BadSecretFile."""
    try:
        check_private(path)
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSecretFile(f"the {what} can't be read from {path}: {error}") from None
    if not lines or not lines[0]:
        raise BadSecretFile(f"{path} is empty; its first line has to be the {what}")
    return lines[0]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, so that there is always a whole one. Raises OSError."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")  # for its owner alone
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(target)
