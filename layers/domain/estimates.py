"""What a step of a file is likely to cost, in seconds, before it has run: by its pages, bytes and media type.

Only ratios matter: an attempt's measured time corrects what its lane was charged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layers.domain.file import File

INTAKE_BYTES_A_S = 20e6  # fetched, hashed and identified
INTAKE_LEAST_S = 0.05

READ_BYTES_A_S = 5e6
OFFICE_S = 1.5  # a converter starts
PICTURE_PIXELS_S = 0.3  # decoded and scaled
PAGE_TEXT_S = 0.02
PAGE_PREVIEW_S = 0.05
PAGE_EXTRACTION_S = 0.05
LEAST_S = 0.05


def intake_cost_s(size_bytes: int) -> float:
    """Of intake, which knows no more than what was announced. As in `schema/functions/arrive.sql`."""
    return INTAKE_LEAST_S + size_bytes / INTAKE_BYTES_A_S


def cost_s(step: str, file: File) -> float:
    """Of a step that takes the whole file at once."""
    return max(LEAST_S, BY_STEP.get(step, _unknown)(file))


def _unknown(file: File) -> float:
    return 1.0


def _text(file: File) -> float:
    return _fetched(file) + (file.page_count or 1) * PAGE_TEXT_S


def _preview(file: File) -> float:
    return _opened(file) + (file.page_count or 1) * PAGE_PREVIEW_S


def _thumbnail(file: File) -> float:
    return _opened(file)


def _extraction(file: File) -> float:
    return 0.1 + (file.page_count or 1) * PAGE_EXTRACTION_S


def _opened(file: File) -> float:
    """To fetch it and to have it drawn."""
    kind = file.media_type or ""
    opening_s = OFFICE_S if "officedocument" in kind or "opendocument" in kind or "msword" in kind else 0.0
    if kind.startswith("image/"):
        opening_s = PICTURE_PIXELS_S
    return opening_s + _fetched(file)


def _fetched(file: File) -> float:
    return (file.size_bytes or 0) / READ_BYTES_A_S


BY_STEP: Mapping[str, Callable[[File], float]] = {
    "text": _text,
    "preview": _preview,
    "thumbnail": _thumbnail,
    "extraction": _extraction,
}
