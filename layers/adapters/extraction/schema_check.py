"""Checks a model's answer against a JSON Schema with `jsonschema`, which is imported at first use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.domain.extraction.conversation import Fault

MAX_FAULTS = 200


def faults(answer: Any, schema: Mapping[str, Any]) -> list[Fault]:
    """The faults of an answer, at most `MAX_FAULTS`. Their texts may quote the schema but not the answer."""
    from itertools import islice

    from jsonschema import Draft202012Validator, FormatChecker

    checker = FormatChecker(formats=("date",))
    errors = Draft202012Validator(dict(schema), format_checker=checker).iter_errors(answer)
    return [
        Fault(tuple(error.absolute_path), _requirement(str(error.validator), error.validator_value))
        for error in islice(errors, MAX_FAULTS)
    ]


def _requirement(keyword: str, value: Any) -> str:
    match keyword:
        case "type":
            return f"must be of the type {value}"
        case "enum":
            return f"must be one of {value}"
        case "format":
            return "must be a date as YYYY-MM-DD"
        case "additionalProperties":
            return "has properties that the schema does not name"
        case _:
            return f"{keyword} is {value}"
