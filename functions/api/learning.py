"""Learning: what a person corrects or approves in a record teaches the memory of senders in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from functions.api import datasets
from functions.api.artifacts import documents_of
from functions.api.requests import Request
from layers.domain.extraction.schemas import resolve_references
from layers.domain.learning.memory import Example
from layers.domain.learning.properties import sender_properties, sender_values
from layers.domain.learning.sender_keys import MOST_CHARACTERS, keys_of_text, keys_of_values
from layers.domain.learning.senders import Sender, alike, senders_of
from layers.ports.rows import RecordOfFile

MOST_TAUGHT = 200  # records of one request, the newest
MOST_SHOWN, MOST_VALUES = 1000, 20  # documents, and values of a property of a sender


class Lesson(NamedTuple):
    """What the record of one document teaches: values of its sender. `page` is the first page that shows a value."""

    file_id: str
    document: int
    values: dict[str, str]
    page: int


def show(request: Request, dataset_id: str) -> tuple[int, Any]:
    schema = resolve_references(datasets.existing(request, dataset_id).schema)
    taught = request.catalog.taught_documents(dataset_id, MOST_SHOWN)
    examples = [Example(row.values, frozenset(row.keys)) for row in taught]
    senders = senders_of(examples, sender_properties(schema))
    pairs = [[senders[first].name, senders[second].name] for first, second in alike(senders)]
    return 200, {"senders": [_sender_view(sender) for sender in senders], "alike": pairs}


def _sender_view(sender: Sender) -> dict[str, Any]:
    values = {
        name: [{"value": value, "examples": count} for value, count in counts.most_common(MOST_VALUES)]
        for name, counts in sender.values.items()
    }
    return {"name": sender.name, "examples": sender.examples, "values": values}


def learn(request: Request, dataset_id: str, file_ids: Sequence[str]) -> None:
    """Learn from the records of these files as they are now: values that a person set, and all values of approved records.
    A record that teaches nothing any more is forgotten."""
    newest = sorted(file_ids, reverse=True)[:MOST_TAUGHT]
    schema = resolve_references(datasets.existing(request, dataset_id).schema)
    records = request.catalog.records_of([UUID(file_id) for file_id in newest])
    lessons = [lesson for record in records for lesson in _lessons(record, schema)]
    pages = [(lesson.file_id, lesson.page) for lesson in lessons if lesson.values]
    texts = request.catalog.page_texts(pages, MOST_CHARACTERS)
    taught = [_taught(lesson, texts.get((lesson.file_id, lesson.page), "")) for lesson in lessons]
    if taught:
        request.catalog.learn_senders(dataset_id, taught)


def _lessons(record: RecordOfFile, schema: dict[str, Any]) -> Iterator[Lesson]:
    for number, document in enumerate(documents_of(record), 1):
        set_by_person = record.set_values.get(str(number), {})
        values = {
            name: value
            for name, value in document.fields.items()
            if record.review == "approved" or name in set_by_person
        }
        pages = [proof["page"] for proof in document.evidence.values() if "page" in proof]
        yield Lesson(str(record.file_id), number, sender_values(values, schema), min(pages, default=1))


def _taught(lesson: Lesson, text: str) -> dict[str, Any]:
    text_keys = keys_of_text(text.splitlines()) if lesson.values else frozenset()
    return {
        "file_id": lesson.file_id,
        "document": lesson.document,
        "text_keys": sorted(text_keys),
        "value_keys": sorted(keys_of_values(lesson.values)),
    }
