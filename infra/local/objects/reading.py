"""Opens the body of a version: from the index if it is small, otherwise from its file."""

from __future__ import annotations

import io
import sqlite3
from typing import IO

from infra.local.objects.body_files import BodyFiles
from infra.local.objects.index import Version


def open_body(connection: sqlite3.Connection, bodies: BodyFiles, version: Version) -> IO[bytes]:
    """A version's body, as a seekable file. Raises FileNotFoundError if it is missing on disk."""
    row = connection.execute("SELECT body FROM bodies WHERE version_id = ?", (version.version_id,)).fetchone()
    if row is not None:
        return io.BytesIO(row[0])
    try:
        return open(bodies.final_path(version.version_id), "rb")
    except FileNotFoundError:
        # its row was just committed, and the file is moved next
        return open(bodies.arriving_path(version.version_id), "rb")
