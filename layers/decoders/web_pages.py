"""Renders previews as one self-contained, sanitised HTML page that loads nothing and runs nothing."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from layers.decoders import (
    books,
    iwork,
    mail_preview,
    office,
    open_slides,
    open_texts,
    packages,
    plain,
    rich_text,
    sheets,
    slides,
)
from layers.decoders.containers import opened_zip
from layers.decoders.hidden_words import without_hidden_words
from layers.decoders.visible_markup import visible_markup
from layers.domain.errors import PermanentError
from layers.domain.formats import IWORK, ODF, OOXML, Kind, format_of

OPEN_TEXT, OPEN_SLIDES, OPEN_DRAWING = f"{ODF}.text", f"{ODF}.presentation", f"{ODF}.graphics"
MAX_TEXT_BYTES = 512 * 1024
MAX_SOURCE_BYTES = 4 << 20
MAX_PAGE_CHARACTERS = 12_000_000
MAX_DEPTH = 1000  # browsers stop at half of it; sanitising takes time quadratic in the depth
MAX_ROWS = 500
MAX_COLUMNS = 60
MAX_TABLE_CELLS = 20_000
MAX_MEMBERS = 1000
PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,")
CUT = "<p class='note'>Only the beginning is shown.</p>"

# The page's own content security policy is the last line of defence behind the sanitiser.
PAGE = """<!doctype html><html lang="und"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
form-action 'none'; base-uri 'none'">
<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview</title><style>
body{{margin:2rem auto;padding:0 1.5rem;max-width:62rem;font:15px/1.55 system-ui,sans-serif;color:#222;background:#fff;
overflow-wrap:anywhere}}pre,code{{font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap}}img{{max-width:100%;height:auto}}img:not([src]){{display:none}}
table{{border-collapse:collapse;margin:.5rem 0 1.5rem}}td,th{{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;
vertical-align:top}}.web td{{border:0;padding:.1rem .25rem}}.web table:has(>*>tr>th)>*>tr>td,
.web table[border]:not([border="0"])>*>tr>td{{border:1px solid #ccc;padding:.2rem .5rem}}.web table table{{margin:0}}thead th,.head td{{background:#f4f4f4;font-weight:600}}h1,h2,h3{{line-height:1.25}}.note{{color:#777}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}}dt{{color:#777}}dd{{margin:0}}
section{{border-bottom:1px solid #ddd;padding-bottom:1rem}}</style></head>
<body>{body}</body></html>
"""

TAG_NAMES = """
a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn
div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark nav ol p pre q
rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr
"""
TAGS = set(TAG_NAMES.split())
REMOVED_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "template",
    "noscript",
    "iframe",
    "object",
    "embed",
    "svg",
    "math",
    "textarea",
    "select",
}
START_OR_END_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
# Tags without content, or whose end tag is often omitted.
NOT_NESTED_NAMES = """
area base body br col colgroup dd dt embed head hr html img input li link meta option p param source tbody td tfoot th
thead tr track wbr
"""
NOT_NESTED = set(NOT_NESTED_NAMES.split())
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "img": {"src", "alt", "width", "height"},
    "table": {"border"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start", "type"},
}


def as_html(path: str, media_type: str, into: str, name: str) -> dict[str, Any]:
    """Write the file as an HTML page for a sandboxed frame."""
    body = body_of(path, media_type)
    (Path(into) / name).write_text(PAGE.format(body=body), encoding="utf-8", errors="replace")
    return {"name": name, "media_type": "text/html; charset=utf-8", "page_count": 1}


def body_of(path: str, media_type: str) -> str:
    """The sanitised body. Raises PermanentError if there is no preview of this type."""
    kind = format_of(media_type).kind
    if (maker := MAKERS.get(media_type) or BY_KIND.get(kind)) is None:
        raise PermanentError("unsupported_type", f"files of type {media_type} can't be shown")
    with packages.canonical(path) as readable:
        return maker(readable, media_type)


def sanitised(markup: str) -> str:
    """Markup without anything that loads, runs, links, submits or covers. Markup that is nested too deep becomes text."""
    import nh3

    markup = markup[:MAX_PAGE_CHARACTERS]
    if _depth(markup) > MAX_DEPTH:
        return f"<pre>{html.escape(plain.without_markup(markup))}</pre>"
    return nh3.clean(
        markup,
        tags=TAGS,
        clean_content_tags=REMOVED_WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=lambda tag, name, value: None if name == "src" and not value.startswith(PICTURES) else value,
        url_schemes={"data"},
        link_rel=None,
    )


def _depth(markup: str) -> int:
    """The greatest depth of nested tags, estimated without building a tree."""
    depth = deepest = 0
    for closes, name in START_OR_END_TAG.findall(markup):
        if name.lower() not in NOT_NESTED:
            depth = max(0, depth - 1) if closes else depth + 1
            deepest = max(deepest, depth)
    return deepest


def _invoice(page: dict[str, Any]) -> str:
    """A structured invoice: its facts as a list, and its lines of goods as a table."""
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value, _ in page["facts"])
    _, _, goods = page["text"].partition("\n\n")
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row.split('   '))}</tr>"
        for row in goods.splitlines()[:MAX_ROWS]
    )
    return f"<dl>{facts}</dl><table>{rows}</table>"


def _text(path: str, media_type: str) -> str:
    if media_type == "application/xml" and (page := plain.structured(path)):
        return _invoice(page)
    more = CUT if Path(path).stat().st_size > MAX_TEXT_BYTES else ""
    return f"<pre>{html.escape(plain.decoded(path, MAX_TEXT_BYTES))}</pre>{more}"


def _json(path: str, media_type: str) -> str:
    if Path(path).stat().st_size > MAX_TEXT_BYTES:
        return _text(path, media_type)
    try:
        laid_out = json.dumps(json.loads(plain.decoded(path, MAX_TEXT_BYTES)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _text(path, media_type)
    return f"<pre>{html.escape(laid_out[: 4 * MAX_TEXT_BYTES])}</pre>"


def _markup(path: str, _media_type: str) -> str:
    return as_laid_out(plain.decoded(path, MAX_SOURCE_BYTES))


def as_laid_out(markup: str) -> str:
    """Markup made for browsers, without what it hides. Most of its tables are for layout, so they have no lines."""
    return f"<div class='web'>{sanitised(visible_markup(markup[:MAX_PAGE_CHARACTERS]))}</div>"


def _markdown(path: str, _media_type: str) -> str:
    from markdown_it import MarkdownIt

    more = CUT if Path(path).stat().st_size > MAX_TEXT_BYTES else ""
    return sanitised(MarkdownIt("commonmark").enable("table").render(plain.decoded(path, MAX_TEXT_BYTES))) + more


def _table(path: str, media_type: str) -> str:
    return _rows(rows_of_table(path, media_type, MAX_ROWS + 1))


def rows_of_table(path: str, media_type: str, max_rows: int) -> list[list[str]]:
    """The first rows of separated values; the delimiter is detected."""
    text = plain.decoded(path, MAX_TEXT_BYTES)
    delimiter = "\t" if media_type.startswith("text/tab") else _delimiter(text)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            rows.append(row)
            if len(rows) >= max_rows:
                break
    except csv.Error:
        rows = [line.split(delimiter) for line in text.splitlines()[:max_rows]]
    return rows


def _delimiter(text: str) -> str:
    start = text[:4096].splitlines()[:20]
    if start and start[0].lower().startswith("sep="):
        return start[0][4:5] or ","
    return max(",;\t|", key=lambda sign: sum(line.count(sign) for line in start))


def _rows(rows: Iterable[list[str]]) -> str:
    """Rows as an HTML table with the first row as its head, with limited rows, columns and cells."""
    lines: list[str] = []
    cells, note = 0, ""
    for number, row in enumerate(rows):
        cells += len(row)
        if number >= MAX_ROWS or cells > MAX_TABLE_CELLS:
            note = CUT
            break
        if len(row) > MAX_COLUMNS:
            note = CUT
        visible = "".join(f"<td>{html.escape(cell[:2000])}</td>" for cell in row[:MAX_COLUMNS])
        lines.append(f"<tr{' class=head' if number == 0 else ''}>{visible}</tr>")
    return f"<table>{''.join(lines)}</table>{note}"


def _sheets(path: str, _media_type: str) -> str:
    shown = sheets.sheets(path, MAX_ROWS + 1)
    hidden = sheets.names_of_hidden(path)
    parts = [f"<h2>{html.escape(name)}</h2>{_rows(rows)}" for name, rows in shown if name not in hidden]
    return "".join(parts[:100])


def _slides(path: str, media_type: str) -> str:
    reader = slides if media_type.startswith(OOXML) else open_slides
    pages = reader.read_text(path)
    return "".join(
        f"<section><p class='note'>{page['number']}</p>{_paragraphs(page['text'])}</section>" for page in pages
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines() if line.strip())


def _word(path: str, media_type: str) -> str:
    """With mammoth, which keeps pictures and tables; with office_oxide if mammoth fails or the document is long."""
    import mammoth

    with opened_zip(path) as archive:
        size = sum(part.file_size for part in archive.infolist() if part.filename == office.DOCUMENT)
    with without_hidden_words(path, office.DOCUMENT, office.STYLES) as (shown, _):
        if size > MAX_SOURCE_BYTES:
            return _office(shown, media_type)
        try:
            with open(shown, "rb") as stream:
                return sanitised(mammoth.convert_to_html(stream).value)
        except Exception:
            return _office(shown, media_type)


def _office(path: str, media_type: str) -> str:
    return sanitised(office.as_html(path, media_type))


def _rich_text(path: str, _media_type: str) -> str:
    return _paragraphs(rich_text.text_of(path)[:MAX_PAGE_CHARACTERS])


def _book(path: str, _media_type: str) -> str:
    return "<hr>".join(as_laid_out(chapter) for chapter in books.chapters(path))


def _mail(path: str, media_type: str) -> str:
    return mail_preview.body_of(path, media_type)


def _archive(path: str, _media_type: str) -> str:
    with opened_zip(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    rows = [["Name", "Bytes", "Changed"], *(_member(member) for member in members[:MAX_MEMBERS])]
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr{' class=head' if not number else ''}>{row}</tr>" for number, row in enumerate(cells))
    return f"<p>{len(members)} files</p><table>{lines}</table>{CUT if len(members) > MAX_MEMBERS else ''}"


def _member(member: zipfile.ZipInfo) -> list[str]:
    year, month, day, hour, minute, _ = member.date_time
    return [member.filename[:500], str(member.file_size), f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}"]


Maker = Callable[[str, str], str]
MAKERS: dict[str, Maker] = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _word,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": _slides,
    OPEN_SLIDES: _slides,
    OPEN_DRAWING: _slides,
    IWORK: lambda path, _: iwork.as_html(path),
    OPEN_TEXT: lambda path, media_type: sanitised(open_texts.as_html(path, media_type)),
    "application/rtf": _rich_text,
    "text/markdown": _markdown,
    "application/json": _json,
}
BY_KIND: dict[Kind, Maker] = {
    Kind.DOCUMENT: _office,
    Kind.SHEETS: _sheets,
    Kind.SLIDES: _office,
    Kind.BOOK: _book,
    Kind.MAIL: _mail,
    Kind.MARKUP: _markup,
    Kind.TABLE: _table,
    Kind.TEXT: _text,
    Kind.ARCHIVE: _archive,
}
