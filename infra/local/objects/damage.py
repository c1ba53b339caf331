"""Finds versions whose body is missing or incomplete on disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from infra.local.objects import index
from infra.local.objects.body_files import BodyFiles
from infra.local.objects.reading import open_body
from infra.local.objects.transactions import INDEX, ReadOnly


class Index(Protocol):
    """Gives connections that read the index."""

    def reader(self) -> sqlite3.Connection: ...


def damaged_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Like `damaged`, for a folder that another process may be using. Changes nothing in it."""
    with closing(ReadOnly(folder / INDEX)) as reading:
        for key, version_id in damaged(reading, BodyFiles(folder)):
            if index.find_version(reading.reader(), key, version_id):  # otherwise it was deleted in the meantime
                yield key, version_id


def damaged(reading: Index, bodies: BodyFiles) -> Iterator[tuple[str, str]]:
    """Each version whose body is missing or does not have the size in its row: key and version id."""
    for number in _numbers(reading):
        version = index.by_number(reading.reader(), number)
        if version is None or version.is_marker:
            continue
        try:
            with open_body(reading.reader(), bodies, version) as body:
                if body.seek(0, os.SEEK_END) == version.size_bytes:
                    continue
        except FileNotFoundError:
            pass
        yield version.key, version.version_id


def _numbers(reading: Index) -> Iterable[int]:
    after = 0
    while (
        rows := reading.reader()
        .execute("SELECT number FROM versions WHERE number > ? ORDER BY number LIMIT 1000", (after,))
        .fetchall()
    ):
        for row in rows:
            yield row[0]
        after = rows[-1][0]
