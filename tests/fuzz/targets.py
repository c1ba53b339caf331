"""Fuzz targets: each takes any bytes and raises AssertionError if a parser violates its contract."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from functions.arrivals import ORIGINAL_KEY, take_arrivals
from layers import entry
from layers.adapters.aws.textract_reader import TextractReader
from layers.adapters.extraction.model_extractor import ModelExtractor
from layers.adapters.extraction.schema_check import faults
from layers.attempts.runner import Runner
from layers.domain.errors import PermanentError, Snooze, TransientError
from layers.domain.extraction import rules
from layers.domain.extraction.amounts import Amount, amounts
from layers.domain.extraction.conversation import Question, Reply
from layers.domain.extraction.currency import currencies
from layers.domain.extraction.dates import dates
from layers.domain.extraction.schemas import resolve_references, without_required
from layers.domain.extraction.windows import whole
from layers.domain.extraction_json import extraction_as_json
from layers.domain.file import File, Reach
from layers.domain.message import bundle_as_json
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Page
from layers.domain.step import Done, Pipeline, Step
from layers.ports import Ports
from tests.fakes import MemoryObjects, MemoryStore, MemoryTopics
from tests.fuzz.reading_targets import READING_TARGETS

SHOWN = "ACME Trading\nDate 5 March 2024\nInvoice no 17-b\nCoffee 3.00\nTea 2.00\nTotal RM 1,234.50"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title", "total"],
    "properties": {
        "title": {"type": "string", "maxLength": 30},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "minimum": 0},
        "count": {"type": "integer"},
        "currency": {"type": "string"},
        "invoice number": {"type": "string"},
        "address": {"type": "string"},
        "kind": {"type": "string", "enum": ["Coffee", "Tea"]},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "seller": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
FILE = File(
    "0190a3f2-8d2f-7c4b-8e3a-2b3c4d5e6f70", "0190a3f2-7c1e-7b3a-9d2f-1a2b3c4d5e6f", "d", "b", "a.pdf", "originals/a/b",
    None, 5, None, media_type="application/pdf", page_count=12, reach=Reach(),
)  # fmt: skip


def notifications(data: bytes) -> None:
    """A notification of the object store with any content: it is handled or dropped, never returned to its topic."""
    event = {"Records": [{"messageId": "m", "body": data.decode("utf-8", "replace")}]}
    store, objects = MemoryStore(now=lambda: 0.0), MemoryObjects()
    runner = _runner(store, objects)
    with contextlib.redirect_stderr(io.StringIO()):
        answer = entry.handle_together(
            event,
            lambda bodies: take_arrivals(runner, [arrival for body in bodies for arrival in entry.arrivals(body)]),
        )
    _check(answer == {"batchItemFailures": []}, "a malformed message was returned to its topic")
    _check(not store.steps and not objects.objects, "a notification of an unknown object had an effect")


def keys(data: bytes) -> None:
    """An object key, raw and decoded: only keys of two UUIDs under `originals` are those of files."""
    key = data.decode("utf-8", "replace")
    body = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "size": 1}}}]}
    for arrival in entry.arrivals(body):
        if ORIGINAL_KEY.fullmatch(arrival.object_key):
            parts = arrival.object_key.split("/")
            _check(
                len(parts) == 3 and arrival.object_key.isascii() and ".." not in parts,
                "a foreign key is taken for the key of a file",
            )


def wake_ups(data: bytes) -> None:
    """A message for a step: read completely, or refused with an error on which the handler drops it."""
    try:
        bundle = entry.wake_ups(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    _check(len({wake_up.step for wake_up in bundle}) == 1, "a message names parts of several steps")
    _check(
        entry.wake_ups(json.loads(json.dumps(bundle_as_json(bundle)))) == bundle,
        "a message can't be read back as written",
    )


def textract_answers(data: bytes) -> None:
    """Any response of Textract: pages that can be stored, or an error that the runner handles."""
    try:
        response = json.loads(data)
    except (ValueError, RecursionError):
        return
    for pages in ([1], list(range(1, 13))):
        reader = TextractReader(lambda: _TextractClient(response), "bucket")
        with contextlib.suppress(PermanentError, Snooze, TransientError):
            for page in reader.read(FILE, pages, "token", lambda _: Path(__file__), Meter()):
                json.dumps([page.text, page.words], allow_nan=False, default=str).encode()
                _check(all(isinstance(word.text, str) for word in page.words), "a word is not text")


def model_answers(data: bytes) -> None:
    """Any reply of a model, complete or truncated: the values that are kept fit the schema and can be stored."""
    model = _Model(Reply(data[1:].decode("utf-8", "replace"), cut_short=data[:1] == b"-"))
    try:
        found = ModelExtractor(cast(Any, model)).extract(whole([Page(1, SHOWN, (), "native", 100.0)]), SCHEMA, Meter())
    except TransientError:
        return
    _is_storable(found)
    _check(
        not faults(dict(found.fields), without_required(resolve_references(SCHEMA))),
        "a value that was kept does not fit the schema",
    )


def extraction_rules(data: bytes) -> None:
    """Any text of a document: the evidence of each value that the rules find is in it."""
    text = data.decode("utf-8", "replace").replace("\x00", "")  # readers remove zero characters
    found = rules.extract([Page(1, text, (), "native", 100.0)], SCHEMA)
    _is_storable(found)
    for name, proof in found.evidence.items():
        shown = " ".join(text.split())
        _check(all(word in shown for word in proof.text.split()), f"the evidence of {name} is not in the text")


def numbers_and_dates(data: bytes) -> None:
    """Any line: each amount, date and currency found is within it."""
    line = data.decode("utf-8", "replace")
    for found in [
        *amounts(line),
        *dates(line),
        *dates(line, month_first=True),
        *currencies(line),
    ]:
        _check(0 <= found.start < found.end <= len(line), "a value is outside its line")
        if isinstance(found.value, Amount):
            _check(math.isfinite(found.value.value), "an amount is not finite")


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        *(notifications, keys, wake_ups, textract_answers, model_answers, extraction_rules, numbers_and_dates),
        *READING_TARGETS,
    )
}


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _is_storable(found: Extraction) -> None:
    text = json.dumps(extraction_as_json(found), allow_nan=False)
    _check("\\u0000" not in text, "a zero character can't be stored in the database")
    json.loads(text)


class _Model:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        return self._reply

    def is_up(self) -> bool | None:
        return None


class _TextractClient:
    """An SDK client that returns the same response to every call."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation == "start_document_text_detection":
            return lambda **_: {"JobId": "job"}
        return lambda **_: {**self._response, "NextToken": None} if isinstance(self._response, dict) else self._response


def _runner(store: MemoryStore, objects: MemoryObjects) -> Runner:
    none = cast(Any, None)
    ports = Ports(store, objects, MemoryTopics(), none, none, None)
    read = Step("read", lambda file, work: Done())
    return Runner(ports, Step("intake", lambda file, work: Done()), (Pipeline("main", (read,)),), {}, host="fuzz")
