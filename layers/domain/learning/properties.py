"""Which properties of a schema describe the sender of a document, so that they are the same in its other documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from layers.domain.extraction import labels

OF_SENDER = re.compile(r"^(?:vendor|supplier|seller|merchant|company|store|shop|issuer|sender|creditor|biller)\b")
OF_OTHERS = re.compile(
    r"\b(?:customer|client|buyer|recipient|payer|debtor|ship|shipping|delivery|bill to|billing|invoice)\b"
)
DETAIL = re.compile(
    r"^(?:(?:tax|vat|gst|registration|company|business) (?:id|no|nr|number|registration number)|vat|gstin|siret|siren|ein|abn|"
    r"iban|bic|swift|(?:tele)?phone|tel|fax|(?:phone|telephone|fax) (?:no|number)|e ?mail|website|url|domain)$"
)
LONGEST_VALUE = 300  # characters


def sender_properties(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The properties of a resolved schema that name its sender, such as `company`, `vendor_address` or `iban`."""
    properties = schema.get("properties") or {}
    return tuple(name for name, each in properties.items() if _is_text(each) and _is_of_sender(labels.words_of(name)))


def sender_values(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, str]:
    """The values that describe the sender."""
    kept = {name: values.get(name) for name in sender_properties(schema)}
    return {
        name: value
        for name, value in kept.items()
        if isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_VALUE
    }


def _is_text(schema: Mapping[str, Any]) -> bool:
    return (
        schema.get("type", "string") == "string"
        and "enum" not in schema
        and schema.get("format") not in ("date", "time")
    )


def _is_of_sender(words: str) -> bool:
    if OF_OTHERS.search(words):
        return False
    return words in labels.COMPANIES or words in labels.ADDRESSES or bool(OF_SENDER.match(words) or DETAIL.match(words))
