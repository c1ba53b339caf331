"""The parts of a request's transaction that concern manifests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from layers.adapters.postgres.transaction import Transaction, array_text
from layers.ports.manifests import AwaitedLine, DuplicateLine, Manifest, NewLine, SignableFile


class ManifestQueries(Transaction):
    """The port `ManifestCatalog`. Its queries are in `manifests.sql`."""

    def create_manifest(self, dataset_id: UUID, batch_id: UUID, line_count: int, upload_s: int) -> Manifest:
        return self._one(
            Manifest,
            "create_manifest",
            dataset_id=dataset_id,
            batch_id=batch_id,
            line_count=line_count,
            upload_s=upload_s,
        )

    def manifest(self, manifest_id: str, *, for_update: bool = False) -> Manifest | None:
        return self._row(Manifest, "manifest_locked" if for_update else "manifest", manifest_id=manifest_id)

    def take_lines(self, manifest_id: str, new: Sequence[NewLine], duplicates: Sequence[DuplicateLine]) -> Manifest:
        if new:
            self._run(
                "take_files",
                manifest_id=manifest_id,
                lines=array_text([str(each.line) for each in new]),
                names=array_text([each.name for each in new]),
                sizes=array_text([str(each.size_bytes) for each in new]),
                media_types=array_text([each.media_type for each in new]),
                sha256s=array_text([each.sha256 for each in new]),
                modified=array_text([each.modified_at.isoformat() if each.modified_at else None for each in new]),
            )
        if duplicates:
            self._run(
                "keep_duplicates",
                manifest_id=manifest_id,
                lines=array_text([str(each.line) for each in duplicates]),
                file_ids=array_text([str(each.duplicate_of) for each in duplicates]),
            )
        return self._one(Manifest, "count_taken", manifest_id=manifest_id, files=len(new), duplicates=len(duplicates))

    def duplicate_lines(self, manifest_id: str, after: int, limit: int) -> list[DuplicateLine]:
        return self._rows(DuplicateLine, "manifest_duplicates", manifest_id=manifest_id, after=after, limit=limit)

    def awaited_lines(self, batch_id: UUID, after: int, limit: int, upload_s: int) -> list[AwaitedLine]:
        return self._rows(AwaitedLine, "awaited_lines", batch_id=batch_id, after=after, limit=limit, upload_s=upload_s)

    def renew_uploads(self, file_ids: Sequence[UUID], upload_s: int) -> None:
        self._run("renew_uploads", file_ids=list(file_ids), upload_s=upload_s)

    def begin_uploads(self, manifest_id: str, line: int, file_ids: Sequence[UUID]) -> list[SignableFile]:
        self._run("begin_uploads", manifest_id=manifest_id, line=line)
        return self._rows(SignableFile, "awaited_files", file_ids=list(file_ids))
