"""Zip exports: the originals of a dataset as zip files, with paths of their records' values and a manifest.

It is written in slices. Each slice writes one zip file, stores it with the manifest so far, and gives the export
back, so that other exports take turns with it, a lost worker costs one slice, and memory and disk do not grow with the
dataset. Each zip file has the manifest of its own files and is complete by itself.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from functions.tables import CsvTable, properties_of, records_of_export
from layers.checksum import sha256_of
from layers.domain.errors import PermanentError
from layers.domain.zip_paths import FILE_NAME, ZipPaths
from layers.ports import Objects
from layers.ports.exports import ExportClaim, Exports, Original
from layers.ports.people import RowPosition

Record = dict[str, Any]
ZIP, CSV = "application/zip", "text/csv; charset=utf-8; header=present"
MANIFEST = "manifest.csv"
NAMES = f"{{{FILE_NAME}}}"  # where the export has no template
COLUMNS = ("path", "archive", "original", "size_bytes", "sha256")  # of the manifest, before those of the record
SLICE_S = 30.0
ARCHIVE_BYTES = 512 * 2**20  # after which an archive ends
ROWS_AT_ONCE = 100
DOWNLOADED_AT_ONCE_BYTES = 32 * 2**20
DOWNLOADED_AT_ONCE = 20
DOWNLOADS = 4


class Place(NamedTuple):
    """Where a slice continues: the position before a page of files, and the files of this page that are done."""

    after: RowPosition | None
    done: list[str]


class Slice(NamedTuple):
    """What a slice has written. `place`: where the next one continues; None if this was the last."""

    rows: int
    place: Place | None
    properties: list[str]
    archive: Path
    archive_name: str
    files: int
    manifest: Path

    def progress(self, manifest_key: str, archives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the next slice reads, and the API once this was the last. `archives`: those of all slices."""
        after, done = self.place or (None, [])
        return {
            "rows": self.rows,
            "after": after,
            "done": done,
            "properties": self.properties,
            "manifest": manifest_key,
            "archives": list(archives),
        }


@dataclass
class ZipSlice:
    """Writes the next zip file of an export.

    `keep`: called before so many bytes are downloaded, with the number of records so far; it raises if the lease is lost
    or the worker stops. `archive_bytes`: after which the zip file ends.
    """

    exports: Exports
    objects: Objects
    claim: ExportClaim
    folder: Path
    keep: Callable[[int, int], None]
    archive_bytes: int = ARCHIVE_BYTES

    def write(self) -> Slice:
        """Write a zip file and the manifest of all so far. There is one even if no record is left."""
        progress = self.claim.progress
        name = f"originals-{len(progress.get('archives', ())) + 1:04}.zip"
        properties = progress.get("properties") or list(properties_of(self.claim.schema or {}))
        manifest, own_manifest = self.folder / MANIFEST, self.folder / f"own-{MANIFEST}"
        archive_path = self.folder / name
        if key := progress.get("manifest"):
            self.objects.download(key, None, manifest)
        with ExitStack() as files:
            self._paths = ZipPaths(self.claim.names or NAMES, _paths_in(manifest))
            self._tables = [
                _table(files.enter_context(_opened(path)), path, properties) for path in (manifest, own_manifest)
            ]
            self._archive, self._name = files.enter_context(ZipFile(archive_path, "w", ZIP_STORED)), name
            rows, added, place = self._add_pages(archive_path)
        with ZipFile(archive_path, "a", ZIP_DEFLATED) as archive:
            archive.write(own_manifest, MANIFEST)
        return Slice(rows, place, properties, archive_path, name, added, manifest)

    def _add_pages(self, archive_path: Path) -> tuple[int, int, Place | None]:
        """Add pages of files until the zip file is large enough or the time is over."""
        progress, deadline = self.claim.progress, time.monotonic() + SLICE_S
        rows, added = progress.get("rows", 0), 0
        after = RowPosition(*progress["after"]) if progress.get("after") else None
        done: list[str] = progress.get("done", [])
        while True:
            page, following = self.exports.rows(self.claim, after, ROWS_AT_ONCE)
            records = {row.file_id: records_of_export(row) for row in page if row.file_id not in done}
            found = {each.file_id: each for each in self.exports.originals(self.claim, list(records))}
            for group in _groups([found[file_id] for file_id in records if file_id in found]):
                if archive_path.stat().st_size >= self.archive_bytes or time.monotonic() >= deadline:
                    return rows, added, Place(after, done)
                self.keep(rows, sum(original.size_bytes for original in group if original.is_kept))
                for original, state in zip(group, self._downloaded(group), strict=True):
                    rows += len(records[original.file_id])
                    added += self._add(original, records[original.file_id], state)
                    done = [*done, original.file_id]
            if following is None:
                return rows, added, None
            after, done = following, []

    def _downloaded(self, group: Sequence[Original]) -> list[str]:
        """Download the originals that are kept to files with their ids as names. Returns what became of each."""
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            return list(pool.map(self._download, group))

    def _download(self, original: Original) -> str:
        if not original.is_kept:
            return "not kept"
        path = self.folder / original.file_id
        try:
            self.objects.download(original.object_key, original.version_id, path)
        except PermanentError as error:
            if error.code not in ("object_missing", "no_access"):
                raise
            return "missing" if error.code == "object_missing" else "no access"
        return "included"

    def _add(self, original: Original, records: Sequence[Record], state: str) -> int:
        """Add an original, and its records to the manifests. Returns how many files that were."""
        about: tuple[Any, ...] = ("", "", state, None, None)
        file = self.folder / original.file_id
        if state == "included":
            first = records[0]
            path = self._paths.path_of(first["fields"], first["file_name"])
            sha256 = sha256_of(file)
            if original.sha256 and sha256 != original.sha256:
                state = "changed"  # these are not the bytes that arrived
            self._archive.write(file, path)
            about = (path, self._name, state, file.stat().st_size, sha256)
            file.unlink()
        for record in records:
            for table in self._tables:
                table.add(record, about)
        return int(bool(about[0]))


def _groups(originals: Sequence[Original]) -> Iterator[list[Original]]:
    """Originals in order, in groups that fit on a small disk."""
    group: list[Original] = []
    size_bytes = 0
    for original in originals:
        is_large = size_bytes + original.size_bytes > DOWNLOADED_AT_ONCE_BYTES
        if group and (is_large or len(group) >= DOWNLOADED_AT_ONCE):
            yield group
            group, size_bytes = [], 0
        group.append(original)
        size_bytes += original.size_bytes
    if group:
        yield group


def _opened(path: Path) -> TextIO:
    return path.open("a", encoding="utf-8", newline="", errors="replace")


def _table(stream: TextIO, path: Path, properties: Sequence[str]) -> CsvTable:
    table = CsvTable(stream, properties, COLUMNS)
    if not path.stat().st_size:
        table.begin()
    return table


def _paths_in(manifest: Path) -> Iterator[str]:
    """The paths that former slices have given."""
    if manifest.exists():
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["path"]:
                    yield row["path"]
