"""Draws thumbnails of formats without pages: their first lines or cells on a sheet of paper."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from layers.decoders import books, iwork, packages, plain, sheets, texts, web_pages
from layers.decoders.containers import opened_zip
from layers.decoders.images import frame
from layers.decoders.paper import SHOWN_BYTES, Sheet, sheet_with_lines, wrapped
from layers.decoders.pictures import saved
from layers.domain.errors import PermanentError
from layers.domain.formats import IWORK, Kind, format_of, kind_of

MAX_COLUMNS = 8
MAX_GRID_ROWS = 40
RULE = 205


def picture_of_text(path: str, media_type: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    """The start of the file as a WebP: a book's cover, a table as a grid, else the first lines."""
    with packages.canonical(path) as readable:
        return _picture(readable, media_type, into, name, edge_px)


def _picture(path: str, media_type: str, into: str, name: str, edge_px: int) -> dict[str, Any]:
    kind = kind_of(media_type)
    if media_type == IWORK:
        return saved(iwork.picture(path, edge_px), into, name, edge_px)
    if kind is Kind.BOOK and (cover := _cover(path, into)) is not None:
        return saved(cover, into, name, edge_px)
    if kind is Kind.TABLE:
        return saved(
            _grid(web_pages.rows_of_table(path, media_type, MAX_GRID_ROWS), edge_px), into, name, edge_px, is_drawn=True
        )
    if kind is Kind.SHEETS:
        rows = next((rows for _, rows in sheets.sheets(path, max_rows=MAX_GRID_ROWS) if rows), [])
        return saved(_grid(rows, edge_px), into, name, edge_px, is_drawn=True)
    return saved(sheet_with_lines(_lines(path, media_type), edge_px), into, name, edge_px, is_drawn=True)


def _lines(path: str, media_type: str) -> list[str]:
    if kind_of(media_type) is Kind.ARCHIVE:
        with opened_zip(path) as archive:
            return [member.filename for member in islice(archive.infolist(), 60)]
    if format_of(media_type).reader == "plain":
        invoice = plain.structured(path) if media_type == "application/xml" else None
        text = invoice["text"] if invoice else plain.decoded(path, SHOWN_BYTES)
    else:
        text = next((page["text"] for page in texts.read_text(path, media_type) if page["text"].strip()), "")
    return wrapped(text)


def _grid(rows: list[list[str]], edge_px: int) -> Any:
    """Cells in columns as wide as their texts, up to the edge of the sheet."""
    sheet = Sheet(edge_px, [cell for row in rows[:MAX_GRID_ROWS] for cell in row[:MAX_COLUMNS]])
    rows = [[cell.strip()[:40] for cell in row[:MAX_COLUMNS]] for row in rows[: sheet.most_lines]]
    count = max((len(row) for row in rows), default=0)
    end = sheet.image.width - sheet.margin
    widest = sheet.image.width / 2.5
    widths = [
        min(widest, 6 + max((sheet.width(row[column]) for row in rows if column < len(row)), default=0))
        for column in range(count)
    ]
    for number, row in enumerate(rows):
        left, top = float(sheet.margin), sheet.margin + number * sheet.line_px
        for cell, width in zip(row, widths, strict=False):
            if left >= end:
                break
            right = min(left + width, end)
            ground = 243 if number == 0 else 255
            sheet.draw.rectangle((left, top, right, top + sheet.line_px), outline=RULE, fill=ground)
            while cell and sheet.width(cell) > right - left - 4:
                cell = cell[:-1]
            sheet.write(left + 3, top + 1, cell)
            left = right
    return sheet.image


def _cover(path: str, into: str) -> Any:
    try:
        content = books.cover_of(path)
        if not content:
            return None
        picture = Path(into) / "cover"
        picture.write_bytes(content)
        return frame(str(picture), 1, draft_edge_px=1000)
    except PermanentError:
        return None
