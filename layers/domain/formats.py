"""The only list of accepted formats: media type, name, kind, suffix and reader of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What people call a file. It decides how the file is processed."""

    PDF = "PDF"
    PICTURE = "picture"
    DRAWING = "drawing"  # shapes and text, not pixels
    DOCUMENT = "document"
    SHEETS = "sheets"
    SLIDES = "slides"
    BOOK = "book"
    MAIL = "mail"
    MARKUP = "markup"
    TABLE = "table"
    TEXT = "text"
    ARCHIVE = "archive"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Format:
    """`reader` names the reader of the text that it contains (empty: none). `suffix` is the usual suffix of its name.

    `holds_pictures`: OCR reads the pictures in it if it contains little text.
    """

    media_type: str
    name: str
    kind: Kind
    suffix: str
    reader: str = ""
    holds_pictures: bool = False


OOXML = "application/vnd.openxmlformats-officedocument"
WORKBOOK = f"{OOXML}.spreadsheetml.sheet"
ODF = "application/vnd.oasis.opendocument"
IWORK = "application/vnd.apple.iwork"
MAIL, MAILBOX, OUTLOOK = "message/rfc822", "application/mbox", "application/vnd.ms-outlook"

FORMATS = (
    Format("application/pdf", "PDF", Kind.PDF, ".pdf", "pdfium"),
    Format("image/jpeg", "JPEG", Kind.PICTURE, ".jpg"),
    Format("image/png", "PNG", Kind.PICTURE, ".png"),
    Format("image/gif", "GIF", Kind.PICTURE, ".gif"),
    Format("image/tiff", "TIFF", Kind.PICTURE, ".tiff"),
    Format("image/webp", "WebP", Kind.PICTURE, ".webp"),
    Format("image/bmp", "BMP", Kind.PICTURE, ".bmp"),
    Format("image/heic", "HEIC", Kind.PICTURE, ".heic"),
    Format("image/avif", "AVIF", Kind.PICTURE, ".avif"),
    Format("image/jp2", "JPEG 2000", Kind.PICTURE, ".jp2"),
    Format("image/svg+xml", "SVG", Kind.DRAWING, ".svg", "drawing"),
    Format(f"{OOXML}.wordprocessingml.document", "Word", Kind.DOCUMENT, ".docx", "word", True),
    Format("application/msword", "Word 97", Kind.DOCUMENT, ".doc", "office"),
    Format(f"{ODF}.text", "OpenDocument text", Kind.DOCUMENT, ".odt", "open_text", True),
    Format("application/rtf", "Rich Text", Kind.DOCUMENT, ".rtf", "rich_text"),
    Format(f"{OOXML}.spreadsheetml.sheet", "Excel", Kind.SHEETS, ".xlsx", "calamine", True),
    Format("application/vnd.ms-excel", "Excel 97", Kind.SHEETS, ".xls", "calamine"),
    Format(f"{ODF}.spreadsheet", "OpenDocument sheets", Kind.SHEETS, ".ods", "calamine", True),
    Format(f"{OOXML}.presentationml.presentation", "PowerPoint", Kind.SLIDES, ".pptx", "slides", True),
    Format("application/vnd.ms-powerpoint", "PowerPoint 97", Kind.SLIDES, ".ppt", "office"),
    Format(f"{ODF}.presentation", "OpenDocument slides", Kind.SLIDES, ".odp", "open_slides", True),
    Format(f"{ODF}.graphics", "OpenDocument drawing", Kind.SLIDES, ".odg", "open_slides", True),
    Format(IWORK, "Pages, Numbers, Keynote", Kind.DOCUMENT, ".pages", "iwork", True),
    Format("application/epub+zip", "EPUB", Kind.BOOK, ".epub", "book"),
    Format(MAIL, "mail", Kind.MAIL, ".eml", "mail", True),
    Format(MAILBOX, "mailbox", Kind.MAIL, ".mbox", "mail", True),
    Format(OUTLOOK, "Outlook mail", Kind.MAIL, ".msg", "mail", True),
    Format("text/html", "HTML", Kind.MARKUP, ".html", "html"),
    Format("text/markdown", "Markdown", Kind.MARKUP, ".md", "plain"),
    Format("text/x-rst", "reStructuredText", Kind.TEXT, ".rst", "plain"),
    Format("application/xml", "XML", Kind.TEXT, ".xml", "plain"),
    Format("application/json", "JSON", Kind.TEXT, ".json", "plain"),
    Format("application/x-ndjson", "JSON lines", Kind.TEXT, ".jsonl", "plain"),
    Format("text/csv", "CSV", Kind.TABLE, ".csv", "plain"),
    Format("text/tab-separated-values", "TSV", Kind.TABLE, ".tsv", "plain"),
    Format("text/plain", "plain text", Kind.TEXT, ".txt", "plain"),
    Format("application/zip", "Zip", Kind.ARCHIVE, ".zip"),
    Format("video/mp4", "MP4", Kind.VIDEO, ".mp4"),
    Format("video/quicktime", "QuickTime", Kind.VIDEO, ".mov"),
    Format("video/webm", "WebM", Kind.VIDEO, ".webm"),
    Format("video/x-matroska", "Matroska", Kind.VIDEO, ".mkv"),
    Format("video/x-msvideo", "AVI", Kind.VIDEO, ".avi"),
)

BY_MEDIA_TYPE = {known.media_type: known for known in FORMATS}
SEEN = frozenset({Kind.PDF, Kind.PICTURE, Kind.DRAWING})
KEPT = frozenset({Kind.ARCHIVE, Kind.VIDEO})
HOLDS_FILES = frozenset({"application/zip", MAIL, MAILBOX})  # that become files of their own if the batch asks for it
OFFICE = frozenset({Kind.DOCUMENT, Kind.SHEETS, Kind.SLIDES})
NOT_PRINTED = frozenset({IWORK})


def format_of(media_type: str | None) -> Format:
    """The format of a media type; any other text is plain text. Raises KeyError for a type that is not accepted."""
    found = BY_MEDIA_TYPE.get(media_type or "")
    if found is None and (media_type or "").startswith("text/"):
        return BY_MEDIA_TYPE["text/plain"]
    return found or BY_MEDIA_TYPE[media_type or ""]


def kind_of(media_type: str | None) -> Kind | None:
    """The kind of a file of this media type; None if the type is unknown or not accepted."""
    try:
        return format_of(media_type).kind
    except KeyError:
        return None
