"""Estimates what a step of a file will cost, in seconds, from its pages, bytes and media type.

Only ratios matter: once an attempt has run, its lane is charged the measured time.
"""

from __future__ import annotations

from layers.domain.file import File

LEAST_S = 0.025  # of any step

INTAKE_BYTES_A_S = 20e6  # fetched, hashed and identified

READ_BYTES_A_S = 5e6
OFFICE_S = 1.5  # a converter starts
PICTURE_PIXELS_S = 0.3  # decoded and scaled
PAGE_TEXT_S = 0.02
PAGE_PREVIEW_S = 0.05


def intake_s(file: File) -> float:
    """From the announced size. `schema/functions/arrive.sql` repeats the formula with these constants."""
    return LEAST_S + file.declared_size_bytes / INTAKE_BYTES_A_S


def text_s(file: File) -> float:
    return _fetch_s(file) + (file.page_count or 1) * PAGE_TEXT_S


def preview_s(file: File) -> float:
    return _open_s(file) + (file.page_count or 1) * PAGE_PREVIEW_S


def thumbnail_s(file: File) -> float:
    return _open_s(file)


def _open_s(file: File) -> float:
    """Fetching the file and rendering its first page."""
    media_type = file.media_type or ""
    if media_type.startswith("image/"):
        return PICTURE_PIXELS_S + _fetch_s(file)
    is_office = any(word in media_type for word in ("officedocument", "opendocument", "msword"))
    return (OFFICE_S if is_office else 0.0) + _fetch_s(file)


def _fetch_s(file: File) -> float:
    return (file.size_bytes or 0) / READ_BYTES_A_S
