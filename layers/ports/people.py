"""The part of the catalog for people at a page: sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.row_filter import Order
from layers.ports.rows import ArtifactRow, Batch, KeyRow, RecordOfFile, Removal, RemovedFiles, Session


class RecordChange(NamedTuple):
    """What a person changed in a record: a value, or its review (`field` is None). Without `key_id`, a new extraction has
    ended the review."""

    document: int
    action: str
    field: str | None
    before: Any
    after: Any
    key_id: UUID | None
    person: str | None
    changed_at: datetime


class UndoneReviews(NamedTuple):
    """What an undo of reviews has done: `file_ids` have their former review; `found` is the number of files whose review the
    request had set."""

    dataset_id: UUID
    file_ids: list[UUID]
    found: int


class SimilarFile(NamedTuple):
    """What is compared of a file to find those that are likely the same document."""

    file_id: UUID
    name: str
    page_count: int | None
    page_hash: str | None
    values: dict[str, Any]
    has_text: bool


class Export(NamedTuple):
    """An export as its owner sees it. `progress` has the archives of a zip export."""

    export_id: UUID
    dataset_id: UUID
    format: str
    names: str | None
    state: str
    rows_written: int
    progress: dict[str, Any]
    object_key: str | None
    size_bytes: int | None
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    ended_at: datetime | None


class TableRow(NamedTuple):
    """A file as a table shows it. Ids, times and `fields`, `missing`, `doubtful` and `cut` (the names of values that are
    too long for a table) are texts, the latter of JSON.

    `steps` has `step:state` of each part, separated by spaces. The record's columns are None without a record;
    `is_plain`: it has one document and no values that a person set. `labels` are those of the batch, which never change;
    `archive_id`: the file from which it was taken, with its pages there. `moved`: {"from", "by", "at"} of its last move.
    `version` is that of `row_versions`.
    """

    file_id: str
    batch_id: str
    name: str
    state: str
    size_bytes: int
    media_type: str | None
    created_at: str
    updated_at: str
    error_step: str | None
    error_code: str | None
    error_detail: str | None
    steps: str | None
    thumbnail_key: str | None
    thumbnail_type: str | None
    width: int | None
    height: int | None
    record_version: int | None
    fields: str | None
    cut: str | None
    missing: str | None
    doubtful: str | None
    review: str | None
    is_plain: bool | None
    labels: Sequence[str]
    archive_id: str | None
    first_page: int | None
    last_page: int | None
    kind: str | None
    kind_probability: float | None
    kind_by: str | None
    moved: dict[str, str] | None
    version: str


class PageRow(NamedTuple):
    """A page as it was read. Each word is a list: text, box (x0, y0, x1, y1), confidence; see `layers/domain/page.py`."""

    page_number: int
    source: str | None
    confidence: float
    width: float
    height: float
    turned: int
    words: list[list[Any]]


class TaughtDocument(NamedTuple):
    """A document whose record people have corrected or approved: these values, and the numbers and domains that it shows."""

    file_id: UUID
    document: int
    values: dict[str, Any]
    keys: list[str]


class RowPosition(NamedTuple):
    """A position among rows. `without_value`: it is among the rows without the value by which they are sorted; otherwise
    `number` or `words` is that value."""

    without_value: bool
    number: float | None
    words: str | None
    file_id: str


class RowPage(NamedTuple):
    """Files in order. `following` is the position at which the search continues; None at its end. A page may have fewer
    files than wanted, because each call reads a bounded number of rows."""

    file_ids: list[UUID]
    following: RowPosition | None


class PeopleCatalog(Protocol):
    """What a person at a page reads and changes, in the transaction of a `Catalog`."""

    def tenant_name(self) -> str: ...

    # --- sessions

    def create_code(self, code_hash: bytes, key_id: str, role: str, name: str | None, lifetime_s: float) -> datetime:
        """Create a one-time code of a key. Returns when it expires."""

    def exchange_code(self, code_hash: bytes, key_hash: bytes, lifetime_s: float) -> Session | None:
        """Exchange a code for the key of a session. Returns None if the code is unknown, was used or has expired, or if its
        key was revoked. Needs no tenant."""

    def end_session(self, key_id: str) -> KeyRow | None:
        """Revoke the key of a session. Returns None for any other key."""

    def revoke_sessions_of(self, key_id: str) -> list[UUID]:
        """Revoke the keys of all sessions that a key has created. Returns their ids."""

    def session_count(self) -> int:
        """The number of the tenant's codes and sessions that have not expired."""

    def forget_ended_sessions(self) -> None:
        """Delete the tenant's expired codes, and the keys of sessions that expired long ago."""

    # --- corrections and reviews

    def record_of(self, file_id: str) -> RecordOfFile | None: ...

    def correct_record(
        self,
        file_id: str,
        document: int,
        set_values: Mapping[str, Any],
        changes: Sequence[Mapping[str, Any]],
        key_id: str,
        person: str | None,
    ) -> None:
        """Store the values of a record that people set, with the history of this change of one document. The file is
        locked."""

    def review_records(
        self,
        dataset_id: str,
        file_ids: Sequence[str],
        review: str,
        request_id: str | None,
        key_id: str,
        person: str | None,
    ) -> tuple[int, int]:
        """Set the review of records. Returns the number of files whose review changed, and of files that have a record.
        `request_id`: a new id, by which the changes can be undone together; None for changes that cannot."""

    def undo_reviews(self, request_id: str, key_id: str, person: str | None) -> UndoneReviews | None:
        """Give records the review that they had before a request set it, but not those whose review was changed since then.
        None if no request with this id changed a review."""

    def page_texts(self, pages: Sequence[tuple[str, int]], most: int) -> dict[tuple[str, int], str]:
        """The first `most` characters of pages, by file and number. A page whose text was erased is left out."""

    def taught_documents(self, dataset_id: str, limit: int) -> list[TaughtDocument]:
        """The newest documents of a dataset whose records people have corrected or approved."""

    def learn_senders(self, dataset_id: str, taught: Sequence[Mapping[str, Any]]) -> None:
        """Store the keys of documents whose records a person has corrected or approved, in place of those before:
        [{"file_id", "document", "text_keys", "value_keys"}]."""

    def similar_files(self, file_id: str) -> list[SimilarFile]:
        """A live file and the live files of its dataset that may be the same document, at most 50 of them."""

    def record_changes(self, file_id: str, limit: int) -> list[RecordChange]:
        """What people changed in a record, oldest first."""

    def record_change_count(self, file_id: str) -> int: ...

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
        """The ids of a page of live files, as `files` lists them."""

    def row_versions(self, file_ids: Sequence[str]) -> dict[str, str]:
        """What the rows of the live files among these depend on, by the file's id: while it is the same, so is the row, apart
        from why the file waits."""

    def table_rows(self, file_ids: Sequence[str]) -> list[TableRow]:
        """The rows of the live files among these, in any order."""

    # --- pages, batches and removals

    def pages_of(self, file_id: str, first: int, limit: int) -> list[PageRow]:
        """Pages of a file from this number on."""

    def artifacts_of_kinds(self, file_id: str, kinds: Sequence[str]) -> list[ArtifactRow]: ...

    def page_count(self, file_id: str) -> int: ...

    def batches(self, dataset_id: str, after: str | None, limit: int, label: str | None = ...) -> list[Batch]:
        """A page of a dataset's batches, newest first; all, or those with a label."""

    def removals(self, dataset_id: str | None, after: str | None, limit: int) -> list[Removal]:
        """A page of the removals of a dataset, or of the tenant, newest first."""

    def remove_dataset(self, dataset_id: str, undo_s: float, most: int) -> RemovedFiles | None:
        """Remove a dataset. It is hidden at once; at most `most` of its files are marked now, and upkeep marks the others.
        Returns None if there is no such dataset."""

    # --- rows by their values

    def find_rows(
        self,
        dataset_id: str,
        where: Sequence[Mapping[str, Any]],
        order: Order | None,
        after: RowPosition | None,
        limit: int,
    ) -> RowPage:
        """A page of the live files that fulfil all conditions (of `layers/domain/row_filter.py`), in this order or newest
        first."""

    def position_before(self, dataset_id: str, file_id: str, order: Order | None) -> RowPosition | None:
        """The position just before a file's row; None if there is no such live file in the dataset."""

    # --- exports

    def create_export(
        self, dataset_id: str, form: str, where: Sequence[Mapping[str, Any]], order: Order | None, names: str | None
    ) -> Export:
        """A new export. `names`: the template of the paths in a zip file."""

    def export(self, export_id: str) -> Export | None: ...

    def open_export_count(self) -> int:
        """The number of the tenant's exports that have not ended."""

    def zip_export_count(self) -> int:
        """The number of the tenant's zip exports that are kept or being written."""
