"""The part of the catalog for people at a page: sessions, corrections and reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from layers.adapters.postgres.transaction import Transaction, pattern_of
from layers.domain.row_filter import Order
from layers.ports.people import (
    Export,
    PageRow,
    RecordChange,
    RowPage,
    RowPosition,
    SimilarFile,
    TableRow,
    TaughtDocument,
    UndoneReviews,
)
from layers.ports.rows import ArtifactRow, Batch, KeyRow, RecordOfFile, Removal, RemovedFiles, Session

FEW_ROWS = 10_000  # a condition with at most this many rows is selective
MOST_CANDIDATES = 20_000  # rows that one call examines otherwise
MOST_OF_SIMILAR_KEY, MOST_COMPARED = 20, 50  # files that one call looks up by a key, and compares
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class _FoundRow(NamedTuple):
    file_id: UUID
    key: str | None
    is_marker: bool


class PeopleQueries(Transaction):
    """The port `PeopleCatalog`. Its queries are in `people.sql`."""

    def tenant_name(self) -> str:
        return str(self._value("tenant_name"))

    # --- sessions

    def create_code(self, code_hash: bytes, key_id: str, role: str, name: str | None, lifetime_s: float) -> datetime:
        expires_at: datetime = self._value(
            "create_code", code_hash=code_hash.hex(), key_id=key_id, role=role, name=name, lifetime_s=lifetime_s
        )
        return expires_at

    def exchange_code(self, code_hash: bytes, key_hash: bytes, lifetime_s: float) -> Session | None:
        return self._row(
            Session, "exchange_code", code_hash=code_hash.hex(), key_hash=key_hash.hex(), lifetime_s=lifetime_s
        )

    def end_session(self, key_id: str) -> KeyRow | None:
        return self._row(KeyRow, "end_session", key_id=key_id)

    def revoke_sessions_of(self, key_id: str) -> list[UUID]:
        return [row[0] for row in self._tuples("revoke_sessions_of", key_id=key_id)]

    def session_count(self) -> int:
        return int(self._value("session_count"))

    def forget_ended_sessions(self) -> None:
        self._run("forget_ended_sessions")

    # --- corrections and reviews

    def record_of(self, file_id: str) -> RecordOfFile | None:
        return self._row(RecordOfFile, "records_of", file_ids=[file_id])

    def correct_record(
        self,
        file_id: str,
        document: int,
        set_values: Mapping[str, Any],
        changes: Sequence[Mapping[str, Any]],
        key_id: str,
        person: str | None,
    ) -> None:
        self._run(
            "correct_record",
            file_id=file_id,
            document=document,
            set_values=Jsonb(set_values),
            changes=Jsonb(list(changes)),
            key_id=key_id,
            person=person,
        )

    def review_records(
        self,
        dataset_id: str,
        file_ids: Sequence[str],
        review: str,
        request_id: str | None,
        key_id: str,
        person: str | None,
    ) -> tuple[int, int]:
        parameters = {"file_ids": list(file_ids), "review": review, "key_id": key_id, "person": person}
        changed, found = self._tuples("review_records", dataset_id=dataset_id, request_id=request_id, **parameters)[0]
        return changed, found

    def undo_reviews(self, request_id: str, key_id: str, person: str | None) -> UndoneReviews | None:
        rows = self._rows(UndoneReviews, "undo_reviews", request_id=request_id, key_id=key_id, person=person)
        return rows[0] if rows else None

    def page_texts(self, pages: Sequence[tuple[str, int]], most: int) -> dict[tuple[str, int], str]:
        wanted = [{"file_id": file_id, "page": page} for file_id, page in pages]
        found = self._tuples("page_texts", wanted=Jsonb(wanted), most=most)
        return {(str(file_id), page): text for file_id, page, text in found}

    def taught_documents(self, dataset_id: str, limit: int) -> list[TaughtDocument]:
        return self._rows(TaughtDocument, "taught_documents", dataset_id=dataset_id, limit=limit)

    def similar_files(self, file_id: str) -> list[SimilarFile]:
        return self._rows(SimilarFile, "similar_files", file_id=file_id, of_key=MOST_OF_SIMILAR_KEY, most=MOST_COMPARED)

    def learn_senders(self, dataset_id: str, taught: Sequence[Mapping[str, Any]]) -> None:
        self._run("learn_senders", dataset_id=dataset_id, taught=Jsonb(list(taught)))

    def record_changes(self, file_id: str, limit: int) -> list[RecordChange]:
        return self._rows(RecordChange, "record_changes", file_id=file_id, limit=limit)

    def record_change_count(self, file_id: str) -> int:
        return int(self._value("record_change_count", file_id=file_id))

    # --- tables

    def file_ids(
        self,
        dataset_id: str,
        *,
        state: str | None = None,
        batch_id: str | None = None,
        name: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[str]:
        chosen = {"dataset_id": dataset_id, "state": state, "batch_id": batch_id, "after": after, "limit": limit}
        if name is None:
            return [row[0] for row in self._tuples("file_ids", **chosen)]
        return [row[0] for row in self._tuples("file_ids_by_name", name=pattern_of(name), **chosen)]

    def row_versions(self, file_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._tuples("row_versions", file_ids=as_text(file_ids)))

    def table_rows(self, file_ids: Sequence[str]) -> list[TableRow]:
        return self._rows(TableRow, "table_rows", file_ids=as_text(file_ids))

    # --- pages, batches and removals

    def pages_of(self, file_id: str, first: int, limit: int) -> list[PageRow]:
        return self._rows(PageRow, "pages_of", file_id=file_id, first=first, limit=limit)

    def artifacts_of_kinds(self, file_id: str, kinds: Sequence[str]) -> list[ArtifactRow]:
        return self._rows(ArtifactRow, "artifacts_of_kinds", file_id=file_id, kinds=list(kinds))

    def page_count(self, file_id: str) -> int:
        return int(self._value("page_count", file_id=file_id) or 0)

    def batches(self, dataset_id: str, after: str | None, limit: int, label: str | None = None) -> list[Batch]:
        return self._rows(Batch, "batches", dataset_id=dataset_id, after=after, limit=limit, label=label)

    def removals(self, dataset_id: str | None, after: str | None, limit: int) -> list[Removal]:
        if dataset_id is None:
            return self._rows(Removal, "removals_of_tenant", after=after, limit=limit)
        return self._rows(Removal, "removals_of_dataset", dataset_id=dataset_id, after=after, limit=limit)

    def remove_dataset(self, dataset_id: str, undo_s: float, most: int) -> RemovedFiles | None:
        return self._row(RemovedFiles, "remove_dataset", dataset_id=dataset_id, undo_s=undo_s, most=most)

    # --- rows by their values

    def find_rows(
        self,
        dataset_id: str,
        where: Sequence[Mapping[str, Any]],
        order: Order | None,
        after: RowPosition | None,
        limit: int,
    ) -> RowPage:
        file_ids: list[UUID] = []
        phases = (False, True) if order else (True,)
        for without_value in phases:
            if after is not None and after.without_value and not without_value:
                continue
            begins = after if after is not None and after.without_value == without_value else None
            # One row more shows whether there is a further page.
            wanted = limit + 1 - len(file_ids)
            found = self._found(dataset_id, where, order, without_value, begins, wanted)
            rows = [row for row in found if not row.is_marker]
            file_ids += [row.file_id for row in rows]
            if len(file_ids) > limit:
                if len(rows) == 1:  # the last row of this page belongs to the phase before
                    return RowPage(file_ids[:limit], RowPosition(True, None, None, LAST_ID))
                return RowPage(file_ids[:limit], _position(rows[-2], order, without_value))
            if len(rows) < len(found):
                return RowPage(file_ids, _position(found[-1], order, without_value))
        return RowPage(file_ids, None)

    def _found(
        self,
        dataset_id: str,
        where: Sequence[Mapping[str, Any]],
        order: Order | None,
        without_value: bool,
        after: RowPosition | None,
        limit: int,
    ) -> list[_FoundRow]:
        return self._rows(
            _FoundRow,
            "find_rows",
            dataset_id=dataset_id,
            where=Jsonb(list(where)),
            sort=order.field if order else None,
            by=order.by if order else None,
            descending=bool(order and order.descending),
            without_value=bool(order) and without_value,
            after_number=after.number if after else None,
            after_words=after.words if after else None,
            after_id=after.file_id if after else None,
            limit=limit,
            few=FEW_ROWS,
            most=MOST_CANDIDATES,
        )

    def position_before(self, dataset_id: str, file_id: str, order: Order | None) -> RowPosition | None:
        found = self._tuples(
            "row_position", dataset_id=dataset_id, file_id=file_id, field=order.field if order else None
        )
        if not found:
            return None
        number, words = found[0]
        has_value = order is not None and (number if order.by == "number" else words) is not None
        falls = not has_value or (order is not None and order.descending)
        before = UUID(int=UUID(file_id).int + (1 if falls else -1))
        return RowPosition(not has_value, number, words, str(before))

    # --- exports

    def create_export(
        self, dataset_id: str, form: str, where: Sequence[Mapping[str, Any]], order: Order | None, names: str | None
    ) -> Export:
        return self._one(
            Export,
            "create_export",
            dataset_id=dataset_id,
            format=form,
            names=names,
            conditions=Jsonb(list(where)),
            sorted_by=Jsonb(asdict(order)) if order else None,
        )

    def export(self, export_id: str) -> Export | None:
        return self._row(Export, "export", export_id=export_id)

    def open_export_count(self) -> int:
        return int(self._value("open_export_count"))

    def zip_export_count(self) -> int:
        return int(self._value("zip_export_count"))


def _position(row: _FoundRow, order: Order | None, without_value: bool) -> RowPosition:
    if order is None or without_value or row.key is None:
        return RowPosition(True, None, None, str(row.file_id))
    if order.by == "number":
        return RowPosition(False, float(row.key), None, str(row.file_id))
    return RowPosition(False, None, row.key, str(row.file_id))


def as_text(file_ids: Sequence[str]) -> str:
    """Ids as one text: to convert a list of them takes longer than all other parameters of a page of rows."""
    return f"{{{','.join(file_ids)}}}"
