"""Manifests as the API sees them: many files, described in one request and taken in portions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Manifest(NamedTuple):
    """A manifest. Its first `taken_count` lines have been taken: each has a file, or is a duplicate of one."""

    manifest_id: UUID
    dataset_id: UUID
    batch_id: UUID
    line_count: int
    taken_count: int
    file_count: int
    duplicate_count: int
    upload_until: datetime
    created_at: datetime


class NewLine(NamedTuple):
    """A file as a line of a manifest describes it. Lines are counted from 0."""

    line: int
    name: str
    size_bytes: int
    media_type: str | None
    sha256: str | None
    modified_at: datetime | None


class DuplicateLine(NamedTuple):
    line: int
    duplicate_of: UUID


class AwaitedLine(NamedTuple):
    """A file whose bytes have not arrived. `is_late`: its time for an upload is over, or ends before a URL would."""

    file_id: UUID
    manifest_line: int
    state: str
    declared_size_bytes: int
    is_late: bool


class SignableFile(NamedTuple):
    """What is needed to sign the upload of a file."""

    file_id: UUID
    manifest_line: int
    name: str
    object_key: str
    declared_size_bytes: int
    declared_sha256: str | None
    multipart_id: str | None


class ManifestCatalog(Protocol):
    """The part of the catalog that concerns manifests."""

    def create_manifest(self, dataset_id: UUID, batch_id: UUID, line_count: int, upload_s: int) -> Manifest:
        """Create a manifest of this many lines for a new batch. Its files may be uploaded within `upload_s` seconds."""

    def manifest(self, manifest_id: str, *, for_update: bool = False) -> Manifest | None:
        """A manifest; None if there is none, or its dataset was removed. With `for_update` it is locked."""

    def take_lines(self, manifest_id: str, new: Sequence[NewLine], duplicates: Sequence[DuplicateLine]) -> Manifest:
        """Create the files of some lines, and store which lines are duplicates. Returns the manifest as it is then."""

    def duplicate_lines(self, manifest_id: str, after: int, limit: int) -> list[DuplicateLine]:
        """Lines after `after` whose content the dataset has already."""

    def awaited_lines(self, batch_id: UUID, after: int, limit: int, upload_s: int) -> list[AwaitedLine]:
        """Files after the line `after` whose bytes have not arrived. `upload_s` is the lifetime of an upload URL."""

    def renew_uploads(self, file_ids: Sequence[UUID], upload_s: int) -> None:
        """Allow `upload_s` more seconds for the uploads of those files that are awaited."""

    def begin_uploads(self, manifest_id: str, line: int, file_ids: Sequence[UUID]) -> list[SignableFile]:
        """Note that uploads are signed up to this line. Returns those of the files that are awaited."""
