"""Checks this host: the languages, LibreOffice, fonts and disks that a worker uses."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from infra.setup.results import Result, ok, warning, wrong
from layers.decoders import paper, tessdata
from layers.decoders.nets import models
from layers.ports import OfficePrinter
from layers.settings import Settings

FULL_BYTES, NEARLY_FULL_BYTES = 256 << 20, 2 << 30  # that are free
NEARLY_FULL, AMPLE_BYTES = 0.05, 20 << 30  # 5 % of a large disk may still be enough


def check_ocr(used: Collection[str], by_networks: Collection[str] = ()) -> Iterator[Result]:
    """Whether Tesseract and the languages are installed. `used`: those of the settings and of all datasets;
    `by_networks`: those that need no files of Tesseract."""
    if not shutil.which(tessdata.program()):
        yield wrong("Tesseract is not installed on this host: install its package, or set FAIRWAY_TESSERACT")
        return
    missing = sorted({*used} - {*tessdata.installed_languages(), *by_networks})
    if missing:
        yield wrong(
            f"Datasets or settings name languages that are not installed on this host: {', '.join(missing)}. Put "
            "`<code>.traineddata` of each in the folder of FAIRWAY_TESSDATA, or install the packages of Tesseract "
            f"(Debian: {' '.join(f'tesseract-ocr-{code}' for code in missing)})"
        )
    else:
        yield ok(f"OCR reads {', '.join(sorted(used))}")
    if by_networks and not models.can_run():
        yield wrong(
            "onnxruntime does not work on this host, so that Tesseract reads all pages, and fewer languages: reinstall "
            "the packages of requirements/native.txt, or set FAIRWAY_OCR_ENGINE=tesseract"
        )


def check_printing(settings: Settings, printer: OfficePrinter | None) -> Result:
    """Which program or service prints office documents."""
    if printer is None and settings.libreoffice == "off":
        return ok("office documents are shown as HTML, since FAIRWAY_LIBREOFFICE is off")
    if printer is None:
        return warning(
            "LibreOffice is not installed on this host, so office documents are shown as HTML: install it (Debian: "
            "libreoffice-core libreoffice-writer libreoffice-calc libreoffice-impress), or set FAIRWAY_PREVIEW_URL"
        )
    if not settings.preview_url:
        return ok("LibreOffice prints office documents")
    if printer.is_up():
        return ok(f"{settings.preview_url} prints office documents")
    return wrong(f"The preview service at {settings.preview_url} is down: previews of office documents wait for it")


def check_fonts() -> Result:
    """Whether Chinese, Japanese and Korean texts can be drawn."""
    if paper.east_asian_font():
        return ok("thumbnails show Chinese, Japanese and Korean texts")
    return warning(
        "No font with Chinese, Japanese and Korean characters is installed on this host: thumbnails and previews show "
        "boxes in their place. Install one (Debian: fonts-noto-cjk)"
    )


def check_disks(folders: Sequence[Path] | None = None) -> Iterator[Result]:
    """Whether the disks of these folders have space; by default those for scratch files and for FAIRWAY_HOME."""
    if folders is None:
        folders = [Path(tempfile.gettempdir()), *map(Path, filter(None, [os.environ.get("FAIRWAY_HOME")]))]
    for folder in folders:
        if folder.exists():
            usage = shutil.disk_usage(folder)
            yield judge_disk(folder, usage.free, usage.total)


def judge_disk(folder: Path, free_bytes: int, total_bytes: int) -> Result:
    text = f"The disk of {folder} has {free_bytes >> 20} of {total_bytes >> 20} MiB left"
    if free_bytes < FULL_BYTES:
        return wrong(f"{text}: decoders and databases fail when it is full. Free space there")
    if free_bytes < NEARLY_FULL_BYTES or free_bytes < min(NEARLY_FULL * total_bytes, AMPLE_BYTES):
        return warning(f"{text}: free space there")
    return ok(text[0].lower() + text[1:])
