"""Artifacts: what the steps of a file have made, with a URL for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from functions.api.ports import ApiPorts
from functions.pipelines import STEPS
from layers.domain.page import property_of
from layers.domain.step import RECORD, ArtifactKind
from layers.ports.rows import ArtifactRow, FileRow, RecordOfFile

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


def artifacts_view(
    ports: ApiPorts, file: FileRow, artifacts: Mapping[str, ArtifactRow], record: RecordOfFile | None
) -> Shown:
    """All artifacts of a file by kind; None for those that it does not have."""
    return {
        RECORD.name: _shared_view(record) if record else None,
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
    if not file.uploaded_at or file.error_code == "infected":
        return None
    return {"url": ports.objects.presign_get(file.object_key, file.version_id, download_name=file.name)}


def records_view(record: RecordOfFile | None) -> list[Shown]:
    """One record for each document of a file, in order."""
    if record is None:
        return []
    first = _record_view(record)
    further = enumerate(record.further, 2)
    return [first, *(first | other | {"id": further_id(record.record_id, number)} for number, other in further)]


def _shared_view(record: RecordOfFile) -> Shown:
    """The record of a file. If the file holds several documents, it has only the values that are the same in all of
    them, so that no value of one document passes for a value of another."""
    view = _record_view(record)
    if not record.further:
        return view
    shared = {
        name: value
        for name, value in record.fields.items()
        if all(further["fields"].get(name) == value for further in record.further)
    }
    missing = dict.fromkeys(name for document in (view, *record.further) for name in document["missing"])
    doubtful = dict.fromkeys(name for document in (view, *record.further) for name in document["doubtful"])
    return view | {
        "fields": shared,
        "evidence": {path: proof for path, proof in record.evidence.items() if property_of(path) in shared},
        "doubtful": [path for path in doubtful if property_of(path) in shared],
        "missing": list(missing),
        "notes": [*record.notes, "this record has only the values that are the same in all documents of the file"],
        "complete": record.complete and all(further["complete"] for further in record.further),
    }


def further_id(record_id: UUID, number: int) -> str:
    """The id of the record of a file's document, counted from 1."""
    return f"{record_id}-{number}"


def _record_view(record: RecordOfFile) -> Shown:
    return {
        "id": str(record.record_id),
        "fields": record.fields,
        "complete": record.complete,
        "missing": record.missing,
        "doubtful": record.doubtful,
        "notes": record.notes,
        "evidence": record.evidence,
        "schema_version": record.schema_version,
    }
