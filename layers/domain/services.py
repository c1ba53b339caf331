"""The services that steps depend on: their display names, and what their budgets count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """`word` is the display name. `units`: the amounts of a `Meter` that its budget counts; empty if it has no budget.

    `port`: the field of `Ports` with its adapter, for a service that is optional or has a free alternative.
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
    """The display name of a service; made from its name if it is not in the list."""
    known = SERVICES.get(service)
    return known.word if known else f"the {service.replace('_', ' ')} service"


def port_of(service: str | None) -> str:
    """The field of `Ports` with the adapter of a service; empty if every installation has the service."""
    return SERVICES[service].port if service in SERVICES else ""
