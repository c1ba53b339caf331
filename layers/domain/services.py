"""The services that steps depend on: what people call each, and what its budget counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """`word` is what people call it. `units` are the names of a meter that its budget counts; empty: it has no budget."""

    word: str
    units: tuple[str, ...] = ()


OBJECT_STORE = "object_store"  # every step reads or writes it
SERVICES = {
    OBJECT_STORE: Service("the object store"),
    "ocr": Service("OCR"),
    "textract": Service("Textract", units=("calls",)),
    "extraction": Service("the model service", units=("input_tokens", "output_tokens")),
    "preview": Service("the preview service"),
    "scanner": Service("the scanner"),
}


def word_of(service: str) -> str:
    """What people call a service; one that is not listed goes by its name."""
    known = SERVICES.get(service)
    return known.word if known else f"the {service.replace('_', ' ')} service"
