"""What is fuzzed: each target takes any bytes, and breaks where a parser of ours does not keep what it promises."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from functions.arrivals import OURS, take_arrivals
from layers import entry
from layers.adapters.aws.textract_reader import TextractReader
from layers.adapters.extraction.model_extractor import ModelExtractor
from layers.adapters.extraction.schema_check import faults
from layers.attempts.runner import Runner
from layers.domain.errors import PermanentError, Snooze, TransientError
from layers.domain.extraction import rules, values
from layers.domain.extraction.conversation import Question, Reply
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
    """An object store's news in a message of a queue, whatever it holds: it is taken or dropped, and never given back."""
    event = {"Records": [{"messageId": "m", "body": data.decode("utf-8", "replace")}]}
    store, objects = MemoryStore(now=lambda: 0.0), MemoryObjects()
    runner = _runner(store, objects)
    with contextlib.redirect_stderr(io.StringIO()):
        answer = entry.handle_together(
            event, lambda bodies: take_arrivals(runner, [one for body in bodies for one in entry.arrivals(body)])
        )
    _holds(answer == {"batchItemFailures": []}, "a message that can't be read was given back")
    _holds(not store.steps and not objects.objects, "news of an unknown object did something")


def keys(data: bytes) -> None:
    """An object's key, as it stands and decoded: what counts as ours is two UUIDs under `originals`."""
    key = data.decode("utf-8", "replace")
    body = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "size": 1}}}]}
    for arrival in entry.arrivals(body):
        if OURS.fullmatch(arrival.object_key):
            parts = arrival.object_key.split("/")
            _holds(
                len(parts) == 3 and arrival.object_key.isascii() and ".." not in parts, "a strange key counts as ours"
            )


def wake_ups(data: bytes) -> None:
    """A message for a step: read whole, or refused by an error that its handler knows how to drop."""
    try:
        load = entry.wake_ups(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    _holds(len({one.step for one in load}) == 1, "a message names parts of several steps")
    _holds(
        entry.wake_ups(json.loads(json.dumps(bundle_as_json(load)))) == load, "a message is not read as it was written"
    )


def textract_answers(data: bytes) -> None:
    """What Textract may answer: pages that can be stored, or an error that the runner understands."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    for pages in ([1], list(range(1, 13))):
        reader = TextractReader(lambda: _Says(answer), "bucket")
        with contextlib.suppress(PermanentError, Snooze, TransientError):
            for page in reader.read(FILE, pages, "token", lambda _: Path(__file__), Meter()):
                json.dumps([page.text, page.words], allow_nan=False, default=str).encode()
                _holds(all(isinstance(word.text, str) for word in page.words), "a word that is no text")


def model_answers(data: bytes) -> None:
    """What a model may answer, whole or cut short: what is kept fits the schema, is shown by the text, can be stored."""
    model = _Model(Reply(data[1:].decode("utf-8", "replace"), cut_short=data[:1] == b"-"))
    try:
        found = ModelExtractor(cast(Any, model)).extract(whole([Page(1, SHOWN, (), "native", 100.0)]), SCHEMA, Meter())
    except TransientError:
        return
    _is_storable(found)
    _holds(
        not faults(dict(found.fields), without_required(resolve_references(SCHEMA))),
        "what is kept does not fit the schema",
    )


def extraction_rules(data: bytes) -> None:
    """A document's text: whatever the rules take for a value stands in it."""
    text = data.decode("utf-8", "replace").replace("\x00", "")  # as readers leave it
    found = rules.extract([Page(1, text, (), "native", 100.0)], SCHEMA)
    _is_storable(found)
    for name, proof in found.evidence.items():
        shown = " ".join(text.split())
        _holds(all(word in shown for word in proof.text.split()), f"the evidence of {name} does not stand in the text")


def numbers_and_dates(data: bytes) -> None:
    """A line: every amount, date and currency that is found lies in it."""
    line = data.decode("utf-8", "replace")
    for found in [
        *values.amounts(line),
        *values.dates(line),
        *values.dates(line, month_first=True),
        *values.currencies(line),
    ]:
        _holds(0 <= found.start < found.end <= len(line), "a value lies outside of its line")
        if isinstance(found.value, values.Amount):
            _holds(math.isfinite(found.value.value), "an amount is no finite number")


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (notifications, keys, wake_ups, textract_answers, model_answers, extraction_rules, numbers_and_dates)
}


def _holds(promise: bool, otherwise: str) -> None:
    if not promise:
        raise AssertionError(otherwise)


def _is_storable(found: Extraction) -> None:
    text = json.dumps(extraction_as_json(found), allow_nan=False)
    _holds("\\u0000" not in text, "no database stores a zero character")
    json.loads(text)


class _Model:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        return self._reply

    def is_up(self) -> bool | None:
        return None


class _Says:
    """An SDK client that gives one answer to every call."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation == "start_document_text_detection":
            return lambda **_: {"JobId": "job"}
        return lambda **_: {**self._answer, "NextToken": None} if isinstance(self._answer, dict) else self._answer


def _runner(store: MemoryStore, objects: MemoryObjects) -> Runner:
    none = cast(Any, None)
    ports = Ports(store, objects, MemoryTopics(), none, none, None)
    read = Step("read", lambda file, work: Done())
    return Runner(ports, Step("intake", lambda file, work: Done()), (Pipeline("main", (read,)),), {}, host="fuzz")
