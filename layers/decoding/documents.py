"""Reads documents and draws their previews and thumbnails through the sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from layers.decoding import scratch
from layers.decoding.fork_server import ForkServer
from layers.decoding.sandbox import Sandbox
from layers.domain.errors import DecoderCrashed, DependencyDown, PermanentError, TransientError
from layers.domain.file import ReadingLevel
from layers.domain.formats import NOT_PRINTED, OFFICE, Kind, format_of, kind_of
from layers.domain.page import Identity, Member, Page, Picture, pages_as_read
from layers.domain.paid_reading import MOST_SENT_BYTES, MOST_SENT_PX
from layers.domain.separation import PageMarks, barcodes_of
from layers.ports import OfficePrinter
from layers.telemetry.log import log

THUMBNAIL_PX = 320
PREVIEW_PX = 2000
VIEW_PX = 1600  # A4 at about 140 dots an inch
MOST_VIEW_BYTES = 500_000
PAGE_PX = 2600  # A4 at about 220 dots an inch
# Time limits in seconds: base, extra for each MiB of the file, maximum. A small file that takes long is hostile.
IDENTIFY_S = (10.0, 0.5, 30.0)
TEXT_S = (8.0, 30.0, 100.0)
UNPACK_S = 30.0
MARKS_START_S, MARKS_PAGE_S = 10.0, 1.5
MARKS_LIGHT_PAGE_S = 0.3  # of an ordinary page
OCR_START_S, OCR_PAGE_S = 20.0, 30.0
OCR_LIGHT_PAGE_S = 1.0  # of an ordinary page
PICTURE_S = (10.0, 3.0, 50.0)
PICTURE_LIGHT_S = 0.25  # a photo takes .15 s
PREVIEW_S = (10.0, 5.0, 100.0)
COMPUTED = "the file does not contain the values of its formulas; they were computed"
SHOWN_AS_THEY_ARE = frozenset({"video/mp4", "video/webm"})


class Documents:
    """One sandbox for reading and one for drawing, so that neither waits for the other's decoders.

    `printer` turns office documents into PDF; without one they are shown as HTML. `ocr_engine` is that of the settings. `max_children` and `memory_bytes`
    apply to each sandbox. All methods raise PermanentError and DecoderCrashed as `Sandbox.call` does.
    """

    def __init__(
        self,
        *,
        max_children: int = 4,
        memory_bytes: int = 1 << 30,
        printer: OfficePrinter | None = None,
        ocr_engine: str = "auto",
    ) -> None:
        self._printer, self._ocr_engine = printer, ocr_engine
        fork_server = ForkServer()
        self._readers = Sandbox(max_children=max_children, memory_bytes=memory_bytes, fork_server=fork_server)
        self._drawers = Sandbox(
            max_children=max_children, memory_bytes=memory_bytes, keep_warm=0, fork_server=fork_server
        )

    def identify(self, path: Path, name: str) -> Identity:
        """The media type by content, and the number of pages. Raises PermanentError if the file can't be processed."""
        found = self._readers.call("identify", {"path": str(path), "name": name}, timeout_s=_limit_s(path, IDENTIFY_S))
        return Identity(found["media_type"], found["page_count"])

    def read_text(
        self,
        path: Path,
        media_type: str,
        page_numbers: Sequence[int] | None = None,
        *,
        without_members: bool = False,
    ) -> list[Page]:
        """The text that the pages contain; `source` is None if a page has no usable text. `without_members`: without the
        documents that a mail carries, which are files of the batch."""
        if media_type == "application/pdf":
            wanted = {"path": str(path), "page_numbers": list(page_numbers) if page_numbers else None}
            return pages_as_read(self._readers.call("pdf_text", wanted, timeout_s=_limit_s(path, TEXT_S)))
        arguments = {"path": str(path), "media_type": media_type, "without_members": without_members}
        pages = self._readers.call("text", arguments, timeout_s=_limit_s(path, TEXT_S))
        if _lacks_values(pages) and all(page["source"] for page in pages):
            pages = self._computed(path, media_type) or pages
        return pages_as_read(pages)

    def _computed(self, path: Path, media_type: str) -> list[dict[str, Any]] | None:
        """The pages of a workbook with the values of its formulas, which the file does not contain; None if nothing here
        can compute them."""
        if self._printer is None or kind_of(media_type) is not Kind.SHEETS:
            return None
        folder = scratch.new_folder("computed")
        try:
            if (computed := self._printer.with_values(path, media_type, folder)) is None:
                return None
            arguments = {"path": str(folder / computed.name), "media_type": computed.media_type}
            pages: list[dict[str, Any]] = self._readers.call("text", arguments, timeout_s=_limit_s(path, TEXT_S))
        except (PermanentError, TransientError, DependencyDown) as error:
            log("computing_failed", media_type=media_type, detail=error.detail)
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if _lacks_values(pages):
            return None
        pages[0]["notes"] = [*pages[0].get("notes", ()), [COMPUTED, False]]
        return pages

    def read_images(
        self,
        path: Path,
        media_type: str,
        page_numbers: Sequence[int],
        languages: Sequence[str],
        level: ReadingLevel = "balanced",
        schema: Mapping[str, Any] = MappingProxyType({}),
    ) -> list[Page]:
        """The pages, read by OCR. The lines that show values of the schema matter most."""
        arguments = {
            "path": str(path),
            "media_type": media_type,
            "page_numbers": list(page_numbers),
            "languages": list(languages),
            "level": level,
            "schema": dict(schema),
            "engine": self._ocr_engine,
        }
        try:
            count = max(1, len(page_numbers))
            timeout_s, light_s = OCR_START_S + OCR_PAGE_S * count, OCR_LIGHT_PAGE_S * count
            read = self._readers.call("ocr", arguments, timeout_s=timeout_s, light_s=light_s)
        except DecoderCrashed as error:
            error.dependency = "ocr"  # the next files show whether the file or OCR itself is the cause
            raise
        return pages_as_read(read)

    def members(self, path: Path, media_type: str) -> list[Member]:
        """The files in an archive, a mail or a mailbox. Raises PermanentError if it contains too much or has a
        password."""
        arguments = {"path": str(path), "media_type": media_type}
        listed = self._readers.call("members", arguments, timeout_s=_limit_s(path, IDENTIFY_S))
        return [Member(**member) for member in listed]

    def unpack(self, path: Path, media_type: str, indexes: Sequence[int], into: Path) -> list[Member]:
        """Extract some of these files, by index, into a folder under generated names."""
        arguments = {"path": str(path), "media_type": media_type, "indexes": list(indexes), "into": str(into)}
        return [Member(**member) for member in self._readers.call("unpack", arguments, timeout_s=UNPACK_S)]

    def page_marks(self, path: Path, media_type: str, page_numbers: Sequence[int]) -> list[PageMarks]:
        """The barcodes and the ink on pages of a PDF or a picture."""
        arguments = {"path": str(path), "media_type": media_type, "page_numbers": list(page_numbers)}
        timeout_s, light_s = MARKS_START_S + MARKS_PAGE_S * len(page_numbers), MARKS_LIGHT_PAGE_S * len(page_numbers)
        found = self._readers.call("page_marks", arguments, timeout_s=timeout_s, light_s=light_s)
        return [
            PageMarks(page["number"], barcodes_of(page["barcodes"]), page["ink"], page["is_blank"]) for page in found
        ]

    def copy_pages(self, path: Path, media_type: str, ranges: Sequence[Sequence[int]], into: Path) -> list[Member]:
        """Write a file for each list of page numbers of a PDF or a TIFF into a folder under generated names."""
        arguments = {"path": str(path), "media_type": media_type, "ranges": [*map(list, ranges)], "into": str(into)}
        copied = self._readers.call("copy_pages", arguments, timeout_s=UNPACK_S)
        return [Member(name=member["stored_as"], **member) for member in copied]

    def preview(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """A preview of the file, or None. A Picture with an empty name means that the original itself can be shown."""
        kind = kind_of(media_type)
        if media_type in SHOWN_AS_THEY_ARE:
            return Picture("", media_type)
        if kind is Kind.PDF:
            shown = {"path": str(path), "into": str(into), "name": "preview.pdf"}
            return Picture(**self._drawers.call("pdf_preview", shown, timeout_s=_limit_s(path, PREVIEW_S)))
        if kind is None or kind is Kind.VIDEO:
            return None
        if media_type == "image/tiff":
            pages = {"path": str(path), "into": str(into), "name": "preview.pdf", "edge_px": PREVIEW_PX}
            return Picture(**self._drawers.call("image_pdf", pages, timeout_s=_limit_s(path, PREVIEW_S)))
        if kind in (Kind.PICTURE, Kind.DRAWING):
            return self._picture("picture_preview", path, media_type, into, "preview.webp", PREVIEW_PX)
        if kind in OFFICE and (printed := self._print(path, media_type, into)):
            return printed
        page = {"path": str(path), "media_type": media_type, "into": str(into), "name": "preview.html"}
        return Picture(**self._drawers.call("web_page", page, timeout_s=_limit_s(path, PREVIEW_S)))

    def thumbnail(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """A small image of the first page, or None for a type without pages."""
        kind = kind_of(media_type)
        if kind is None:
            return None
        if kind in (Kind.PDF, Kind.PICTURE, Kind.DRAWING, Kind.VIDEO):
            return self._picture("picture", path, media_type, into, "thumbnail.webp", THUMBNAIL_PX, hashes=True)
        if kind in OFFICE and (printed := self._print(path, media_type, into, first_page_only=True)):
            drawn = into / printed.name, printed.media_type
            return self._picture("picture", *drawn, into, "thumbnail.webp", THUMBNAIL_PX, hashes=True)
        sheet = {"path": str(path), "media_type": media_type, "into": str(into), "name": "thumbnail.webp"}
        return Picture(
            **self._drawers.call("text_picture", sheet | {"edge_px": THUMBNAIL_PX}, timeout_s=_limit_s(path, PICTURE_S))
        )

    def page_picture(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture:
        """A page as PNG or JPEG for a reading service. An empty name means that the original is such an image."""
        page = {
            "path": str(path),
            "media_type": media_type,
            "number": page_number,
            "into": str(into),
            "edge_px": PAGE_PX,
            "max_edge_px": MOST_SENT_PX,
            "max_bytes": MOST_SENT_BYTES,
        }
        return Picture(**self._readers.call("page_picture", page, timeout_s=_limit_s(path, PICTURE_S)))

    def page_view(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture:
        """A page as a person looks at it: PNG or JPEG. An empty name means that the original is such an image.

        Raises PermanentError `no_text` for a page that shows no picture."""
        page = {
            "path": str(path),
            "media_type": media_type,
            "number": page_number,
            "into": str(into),
            "edge_px": VIEW_PX,
            "max_edge_px": VIEW_PX,
            "max_bytes": MOST_VIEW_BYTES,
        }
        return Picture(**self._drawers.call("page_picture", page, timeout_s=_limit_s(path, PICTURE_S)))

    def retire_idle(self) -> None:
        """End the decoders that have been idle for a while."""
        self._readers.retire_idle()
        self._drawers.retire_idle()
        if self._printer:
            self._printer.retire_idle()

    def close(self) -> None:
        self._readers.close()
        self._drawers.close()
        if self._printer:
            self._printer.close()

    def _print(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture | None:
        """The document as a PDF; None if there is no printer or it fails on this document."""
        if self._printer is None or media_type in NOT_PRINTED:
            return None
        try:
            printed = self._printer.to_pdf(path, media_type, into, first_page_only=first_page_only)
            arguments = {"path": str(into / printed.name), "name": format_of(printed.media_type).name}
            found = self._readers.call("identify", arguments, timeout_s=_limit_s(path, IDENTIFY_S))
        except (PermanentError, DecoderCrashed) as error:
            if error.code == "password_protected":
                raise
            log("printing_failed", media_type=media_type, code=error.code, detail=error.detail)
            return None
        return Picture(printed.name, printed.media_type, page_count=found["page_count"])

    def _picture(
        self, task: str, path: Path, media_type: str, into: Path, name: str, edge_px: int, **more: bool
    ) -> Picture | None:
        sizes = {"into": str(into), "name": name, "edge_px": edge_px, **more}
        arguments = {"path": str(path), "media_type": media_type, **sizes}
        drawn = self._drawers.call(task, arguments, timeout_s=_limit_s(path, PICTURE_S), light_s=PICTURE_LIGHT_S)
        return Picture(**drawn) if drawn else None


def _lacks_values(pages: list[dict[str, Any]]) -> bool:
    """Whether a page of a workbook lacks values of its formulas. Takes that sign off the pages."""
    return any(bool(lacks) for lacks in [page.pop("lacks_values", False) for page in pages])


def _limit_s(path: Path, bounds: tuple[float, float, float]) -> float:
    base_s, s_per_mib, max_s = bounds
    return min(max_s, base_s + s_per_mib * path.stat().st_size / (1 << 20))
