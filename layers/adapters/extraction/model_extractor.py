"""Extraction by a language model: its answer is corrected once, and only values that are in the text are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.adapters.extraction.schema_check import faults
from layers.domain.errors import PermanentError, TransientError
from layers.domain.extraction.answers import parse_answer, without_nulls, without_paths
from layers.domain.extraction.conversation import (
    Fault,
    Reply,
    TooLong,
    correction,
    question,
)
from layers.domain.extraction.merging import merge
from layers.domain.extraction.schemas import format_path, resolve_references, without_required
from layers.domain.extraction.verification import verify
from layers.domain.extraction.windows import LEAST_BYTES, Window, halves
from layers.domain.meter import Meter
from layers.domain.page import Extraction
from layers.ports import Model

NOT_AN_OBJECT = Fault((), "must be one JSON object")


class ModelExtractor:
    """Any model behind the port `Model`."""

    pays_by_call = True

    def __init__(self, model: Model) -> None:
        self._model = model

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        """The values that are in the window's text, each with its evidence.

        Raises the errors of the model, and TransientError if it twice did not answer with a JSON object.
        """
        resolved = resolve_references(schema)
        try:
            return self._extract(window, resolved, meter)
        except TooLong:
            if window.size_bytes <= LEAST_BYTES:
                raise PermanentError("model_too_small", "the model can't read even a short piece of the text") from None
            parts = enumerate(halves(window))
            return merge({index: self.extract(half, schema, meter) for index, half in parts}, schema)

    def is_up(self) -> bool | None:
        return self._model.is_up()

    def _extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        shape = without_required(schema)
        prompt = question(window, schema)
        reply = self._model.ask(prompt, meter)
        answer, wrong = _check(reply, shape)
        if wrong and not reply.cut_short:
            again = self._model.ask(prompt, meter, (reply, correction(wrong)))
            better, still_wrong = _check(again, shape)
            if isinstance(better, dict) or answer is None:
                reply, answer, wrong = again, better, still_wrong
        if not isinstance(answer, dict):
            if not reply.cut_short:
                raise TransientError("model_answer", "the model did not answer with a JSON object, twice")
            answer, wrong = {}, []
        refused = [fault.path for fault in wrong if fault.path]
        found = verify(without_paths(answer, refused), schema, window)
        unread = [f"{window.name}: the answer was cut short"] if reply.cut_short else []
        unread += ["the text after the last window"] if window.leaves_rest else []
        dropped = dict.fromkeys((*found.dropped, *map(format_path, refused)))
        return Extraction(
            found.fields,
            found.missing,
            found.evidence,
            tuple(unread),
            tuple(name for name in dropped if name not in found.missing),
        )


def _check(reply: Reply, shape: Mapping[str, Any]) -> tuple[Any, list[Fault]]:
    answer = parse_answer(reply)
    if not isinstance(answer, dict):
        return None, [NOT_AN_OBJECT]
    answer = without_nulls(answer, shape)
    return answer, faults(answer, shape)
