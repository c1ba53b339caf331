"""Reads spreadsheets with calamine: one page per sheet."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layers.decoders import formulas
from layers.decoders.hidden_cells import Hidden, hidden_cells, hidden_sheets
from layers.decoders.text_pages import hidden_page, text_pages
from layers.domain.errors import PermanentError

MAX_CELLS = 2_000_000
Row = list[str]


def count_sheets(path: str) -> int:
    with _opened(path) as book:
        return len(book.sheet_names)


def names_of_hidden(path: str) -> set[str]:
    """The names of the sheets that are not shown."""
    with _opened(path) as book:
        return hidden_sheets(book)


def read_text(path: str) -> list[dict[str, Any]]:
    """One page per sheet: its name, then one line for each non-empty row, with tabs between cells.

    A page `lacks_values` if it has formulas whose values are not in the file.
    """
    pages = text_pages(
        "\n".join([name, *("\t".join(row).rstrip("\t") for row in rows)]) if rows else "" for name, rows in sheets(path)
    )
    with _opened(path) as book:
        names, hidden = book.sheet_names, hidden_sheets(book)
    for index, name in enumerate(names):
        if name in hidden:
            pages[index] = hidden_page(pages[index], "sheet", name)
    for name, cells in hidden_cells(path).items():
        if name not in hidden and name in names and (cells.rows or cells.columns):
            page = pages[names.index(name)]
            page["notes"] = [[f"the sheet {name} has hidden rows or columns; they were not read", False]]
    for name, count in formulas.count_without_values(path).items():
        if name not in hidden and name in names:
            page = pages[names.index(name)]
            note = f"the file does not contain the values of {count} formulas of the sheet {name}; they were not read"
            page |= {"notes": [*page.get("notes", ()), [note, True]], "lacks_values": True}
    return pages


def sheets(path: str, max_rows: int | None = None) -> Iterator[tuple[str, list[Row]]]:
    """Each sheet's name and its non-empty rows, as far as they are shown. Raises PermanentError `too_large` beyond
    MAX_CELLS."""
    cells = 0
    unseen = hidden_cells(path)
    with _opened(path) as book:
        hidden = hidden_sheets(book)
        for name in book.sheet_names:
            sheet = _sheet(book, name) if name not in hidden else None
            not_shown = unseen.get(name, Hidden())
            rows: list[Row] = []
            first = sheet.start[1] if sheet is not None and sheet.start is not None else 0
            for number, row in enumerate(sheet.iter_rows() if sheet is not None and sheet.end is not None else ()):
                cells += len(row)
                if cells > MAX_CELLS:
                    raise PermanentError("too_large", f"the workbook has more than {MAX_CELLS} cells")
                if number in not_shown.rows:
                    continue
                texts = [_text(value) for at, value in enumerate(row, first) if at not in not_shown.columns]
                if any(texts):
                    rows.append(texts)
                if max_rows is not None and len(rows) >= max_rows:
                    break
            yield name, rows


def _sheet(book: Any, name: str) -> Any:
    from python_calamine import CalamineError

    try:
        return book.get_sheet_by_name(name)
    except CalamineError:  # a sheet with nothing but a chart
        return None


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import python_calamine

    try:
        with python_calamine.load_workbook(path) as book:
            yield book
    except python_calamine.PasswordError:
        raise PermanentError(
            "password_protected", "the workbook is protected by a password; send it without one"
        ) from None
    except python_calamine.CalamineError as error:
        raise PermanentError("corrupt", f"the workbook is damaged and can't be opened ({error})") from None


def _text(value: Any) -> str:
    """A cell's value as a person would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _shortest(value)
    if isinstance(value, datetime.datetime):
        is_date = value.time() == datetime.time()
        return value.date().isoformat() if is_date else value.isoformat(" ", "seconds")
    return str(value).replace("\t", " ").replace("\r", "").replace("\n", " ").strip()


def _shortest(value: float) -> str:
    """A number with the 15 digits that spreadsheets show at most: the others are rounding errors of its calculation."""
    shown = f"{value:.15g}"
    return str(int(float(shown))) if float(shown).is_integer() and abs(value) < 1e15 else shown
