"""Artifacts: what the steps of a file have made, with a URL for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from functions.api.ports import ApiPorts
from functions.pipelines import STEPS
from layers.domain.corrections import Document, corrected, review_shown, sources
from layers.domain.page import property_of
from layers.domain.step import RECORD, ArtifactKind
from layers.ports.rows import ArtifactRow, FileRow, RecordOfFile, RecordRow

Shown = dict[str, Any]

# Every kind of artifact that a step makes, by name. A record is not a stored object: the API shows its fields.
KINDS: dict[str, ArtifactKind] = {
    kind.name: kind for step in STEPS.values() for kind in step.makes if kind.name != RECORD.name
}
# Fields of an artifact that the API calls by another name.
SHOWN_AS = {"page_count": "pages"}


def facts_of(kind: ArtifactKind) -> dict[str, str]:
    """What the API shows of an artifact besides its URL: the field behind each name."""
    return {SHOWN_AS.get(field, field): field for field in kind.shows}


_FACTS = {name: facts_of(kind) for name, kind in KINDS.items()}


def artifacts_view(ports: ApiPorts, file: FileRow, artifacts: Mapping[str, ArtifactRow], record: Shown | None) -> Shown:
    """All artifacts of a file by kind; None for those that it does not have. `record`: its record as it is shown."""
    return {
        RECORD.name: record,
        **{name: _linked(ports, file, artifacts.get(name), facts) for name, facts in _FACTS.items()},
        "original": _original(ports, file),
    }


def _linked(ports: ApiPorts, file: FileRow, artifact: ArtifactRow | None, facts: Mapping[str, str]) -> Shown | None:
    if artifact is None:
        return None
    # The text of a plain text file is the original itself.
    version_id = file.version_id if artifact.object_key == file.object_key else None
    url = ports.objects.presign_get(artifact.object_key, version_id, media_type=artifact.media_type)
    return {"url": url} | {name: getattr(artifact, field) for name, field in facts.items()}


def _original(ports: ApiPorts, file: FileRow) -> Shown | None:
    if not file.uploaded_at or file.error_code == "infected" or file.original_erased_at:
        return None
    return {
        "url": ports.objects.presign_get(
            file.object_key, file.version_id, download_name=file.name.rpartition("/")[2] or file.name
        )
    }


class RecordViews(NamedTuple):
    """What the API shows of the record of a file: the record of the whole file, one for each of its documents, in order,
    and the review."""

    whole: Shown | None
    documents: list[Shown]
    review: str | None


NO_RECORD = RecordViews(None, [], None)


def record_views(record: RecordOfFile) -> RecordViews:
    documents = documents_of(record)
    views = [_document_view(record, document, number) for number, document in enumerate(documents, 1)]
    for number, view in enumerate(views[1:], 2):
        view["id"] = further_id(record.record_id, number)
    whole = views[0] if len(views) == 1 else _shared_view(record, documents, views[0])
    return RecordViews(whole, views, _review(record, documents))


def record_of_file_view(record: RecordOfFile) -> Shown:
    """The record of a file, the records of its documents, and its review."""
    views = record_views(record)
    return (views.whole or {}) | {"review": views.review, "records": views.documents}


def review_of(record: RecordOfFile | None) -> str | None:
    """The review of a record as it is shown; None without a record."""
    return _review(record, documents_of(record)) if record else None


def _review(record: RecordOfFile, documents: Sequence[Document]) -> str:
    return review_shown(
        record.review, any(document.doubtful for document in documents), any(document.missing for document in documents)
    )


def documents_of(record: RecordOfFile | RecordRow) -> list[Document]:
    """The records of a file's documents, with the values that people set."""
    evidence = getattr(record, "evidence", {})
    first = Document(
        record.fields,
        record.missing,
        record.doubtful,
        evidence,
        record.complete,
        record.lost,
        record.notes,
        record.remembered,
    )
    further = (
        Document(
            other["fields"],
            other["missing"],
            other["doubtful"],
            other["evidence"],
            other["complete"],
            other.get("lost"),
            other["notes"],
            other.get("remembered") or (),
        )
        for other in record.further
    )
    return [
        corrected(document, record.set_values.get(str(number), {}))
        for number, document in enumerate([first, *further], 1)
    ]


def _shared_view(record: RecordOfFile, documents: Sequence[Document], view: Shown) -> Shown:
    """The record of a file with several documents. It has only the values that are the same in all of them, so that no
    value of one document passes for a value of another. `view`: of the first document."""
    first = documents[0]
    shared = shared_fields(documents)
    missing = dict.fromkeys(name for document in documents for name in document.missing)
    doubtful = dict.fromkeys(name for document in documents for name in document.doubtful)
    return view | {
        "fields": shared,
        "by": {name: by for name, by in view["by"].items() if name in shared},
        "evidence": {path: proof for path, proof in first.evidence.items() if property_of(path) in shared},
        "doubtful": [path for path in doubtful if property_of(path) in shared],
        "missing": list(missing),
        "notes": [*record.notes, "this record has only the values that are the same in all documents of the file"],
        "complete": all(document.complete for document in documents),
    }


def shared_fields(documents: Sequence[Document]) -> Shown:
    """The values that are the same in all documents."""
    first, *further = documents
    return {
        name: value
        for name, value in first.fields.items()
        if all(document.fields.get(name) == value for document in further)
    }


def further_id(record_id: UUID, number: int) -> str:
    """The id of the record of a file's document, counted from 1."""
    return f"{record_id}-{number}"


def _document_view(record: RecordOfFile, document: Document, number: int) -> Shown:
    return {
        "id": str(record.record_id),
        "fields": document.fields,
        "by": sources(document, record.set_values.get(str(number), {}), record.found_by),
        "complete": document.complete,
        "missing": document.missing,
        "doubtful": document.doubtful,
        "notes": document.notes,
        "evidence": document.evidence,
        "schema_version": record.schema_version,
        "version": record.version,
    }
