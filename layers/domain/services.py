"""The services that steps depend on: what people call each, and what its budget counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """`word` is what people call it. `units` are the meter's amounts that its budget counts; empty: it has no budget.

    `port` is the field of `Ports` that holds its adapter, where an installation may be without it or have a free one.
    """

    word: str
    units: tuple[str, ...] = ()
    port: str = ""


OBJECT_STORE = "object_store"  # every step reads or writes it
SERVICES = {
    OBJECT_STORE: Service("the object store"),
    "ocr": Service("OCR"),
    "textract": Service("Textract", units=("calls",), port="paid_reader"),
    "extraction": Service("the model service", units=("input_tokens", "output_tokens"), port="extractor"),
    "preview": Service("the preview service"),
    "scanner": Service("the scanner", port="scanner"),
}


def word_of(service: str) -> str:
    """What people call a service; the name of one that is not listed."""
    known = SERVICES.get(service)
    return known.word if known else f"the {service.replace('_', ' ')} service"


def port_of(service: str | None) -> str:
    """The field of `Ports` that holds a service's adapter; empty where every installation has it."""
    return SERVICES[service].port if service in SERVICES else ""
