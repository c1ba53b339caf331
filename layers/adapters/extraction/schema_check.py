"""Whether an answer fits a JSON Schema: by `jsonschema`, which is loaded when the first answer comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.domain.extraction.conversation import Fault

MOST_FAULTS = 200


def faults(answer: Any, schema: Mapping[str, Any]) -> list[Fault]:
    """Where an answer does not fit. What is said of each place quotes the schema and never the answer."""
    from itertools import islice

    from jsonschema import Draft202012Validator, FormatChecker

    checker = FormatChecker(formats=("date",))
    errors = Draft202012Validator(dict(schema), format_checker=checker).iter_errors(answer)
    return [
        Fault(tuple(error.absolute_path), _wanted(str(error.validator), error.validator_value))
        for error in islice(errors, MOST_FAULTS)
    ]


def _wanted(keyword: str, value: Any) -> str:
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
