"""Made scans: pages with text, barcodes, noise and tilt, as PDF or TIFF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageChops, ImageDraw

A4 = (1654, 2339)  # at 200 dots an inch
TEXT = "Invoice 4711 of the 3rd of March: twelve pallets of paper, to be paid within thirty days"


def sheet(size: tuple[int, int] = A4) -> Image.Image:
    return Image.new("L", size, 255)


def with_text(page: Image.Image, text: str = TEXT, lines: int = 20, at: tuple[int, int] = (150, 900)) -> Image.Image:
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        draw.text((at[0], at[1] + 60 * line), text, fill=0, font_size=32)
    return page


def with_barcode(
    page: Image.Image, text: str, symbology: str = "Code128", at: tuple[int, int] = (300, 300), scale: int = 4
) -> Image.Image:
    import zxingcpp

    image = zxingcpp.write_barcode_to_image(
        zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, symbology)), scale=scale
    )
    height, width = image.shape[:2]
    page.paste(Image.frombytes("L", (width, height), bytes(memoryview(image))), at)  # type: ignore[arg-type]
    return page


def with_patch(page: Image.Image, bars: str = "NWNW", at: tuple[int, int] = (500, 200)) -> Image.Image:
    """The page, at 200 dots an inch, with the stripes of a patch code, narrow or wide, three inches long."""
    draw, top = ImageDraw.Draw(page), at[1]
    for bar in bars:
        height = 40 if bar == "W" else 16
        draw.rectangle((at[0], top, at[0] + 600, top + height - 1), fill=0)
        top += height + 16
    return page


def scanned(page: Image.Image, tilt: float = 0.0, noise: float = 0.0) -> Image.Image:
    """The page turned by some degrees, with grain of this standard deviation."""
    if tilt:
        page = page.rotate(tilt, Image.Resampling.BICUBIC, expand=tilt % 90 == 0, fillcolor=255)
    if noise:
        page = ImageChops.add(page, Image.effect_noise(page.size, noise), offset=-128)
    return page


def pdf(pages: Sequence[Image.Image]) -> bytes:
    return _saved(pages, "PDF", resolution=200)


def tiff(pages: Sequence[Image.Image], **options: Any) -> bytes:
    return _saved(pages, "TIFF", **options)


def _saved(pages: Sequence[Image.Image], kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    first, *rest = pages
    first.save(out, kind, save_all=True, append_images=rest, **options)
    return out.getvalue()
