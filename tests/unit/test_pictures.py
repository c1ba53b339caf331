"""Pictures are read and displayed by their pixels, independent of their metadata and encoding."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from layers.decoders import identify, images, ocr, pictures
from layers.domain.errors import PermanentError
from tests.pdf_making import scan

LINES = ("NORTHWIND HARDWARE LTD", "Invoice number: NW-20417", "Total due GBP 1,190.00")
SIZE = (900, 600)


def sheet() -> Image.Image:
    return scan(LINES, SIZE, 40)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    packed = io.BytesIO()
    image.save(packed, form, **options)
    return packed.getvalue()


def exif(entries: bytes, count: int) -> bytes:
    return b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + struct.pack("<H", count) + entries + b"\x00" * 4


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value & 0xFFFFFFFF)


def with_exif(content: bytes, block: bytes) -> bytes:
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def png_with(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    content = encoded(image or sheet(), "PNG")
    added = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return content[:33] + added + content[33:]


def letters_on(color: tuple[int, int, int]) -> Image.Image:
    """Letters in a color on a transparent background."""
    image = Image.new("RGBA", SIZE, (*color, 0))
    image.putalpha(sheet().point([255 - value for value in range(256)]))
    return image


def tiff(*frames: tuple[Image.Image, int]) -> bytes:
    """Pages, each with its NewSubfileType."""
    packed = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(packed, True) as writer:
        for image, kind in frames:
            image.save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    return packed.getvalue()


def animation(form: str) -> bytes:
    blank = Image.new("L", SIZE, 255)
    return encoded(blank, form, save_all=True, append_images=[blank, sheet(), sheet()], duration=100)


def sixteen_bit(order: str) -> bytes:
    wide = Image.frombytes("I;16", SIZE, b"".join(struct.pack("<H", 200 * value) for value in sheet().tobytes()))
    if order == "png":
        return encoded(wide, "PNG")
    return encoded(wide if order == "little" else wide.convert("I").convert("I;16B"), "TIFF")


def floating() -> bytes:
    return encoded(sheet().convert("F").point(lambda value: value * 0.004), "TIFF")


JPEG = encoded(sheet(), "JPEG", quality=90)
CASES: dict[str, Callable[[], bytes]] = {
    "orientation out of range": lambda: with_exif(JPEG, exif(entry(0x0112, 3, 1, 77), 1)),
    "exif that points outside": lambda: with_exif(JPEG, exif(entry(0x8769, 4, 1, 999_999) + entry(0x0112, 3, 1, 1), 2)),
    "signed rational in an unsigned field": lambda: with_exif(
        JPEG, exif(entry(0x011A, 5, 1, 26) + entry(0x0112, 3, 1, 1), 2) + struct.pack("<ii", -1, 0)
    ),
    "exif of noise": lambda: with_exif(JPEG, b"Exif\x00\x00" + bytes(range(200))),
    "an orientation as text": lambda: with_exif(JPEG, exif(entry(0x0112, 2, 4, 0x00313233), 1)),
    "large packed text": lambda: png_with((b"zTXt", b"Comment\x00\x00" + zlib.compress(b"x" * 40_000_000))),
    "large international text": lambda: png_with(
        (b"iTXt", b"C\x00\x01\x00\x00\x00" + zlib.compress(b"x" * 40_000_000))
    ),
    "a damaged profile": lambda: png_with((b"iCCP", b"profile\x00\x00nothing packed")),
    "damaged text": lambda: png_with((b"zTXt", b"Comment\x00\x09nothing")),
    "a damaged time": lambda: png_with((b"tIME", b"\x00"), (b"pHYs", b"\x01")),
    "16 bits in PNG": lambda: sixteen_bit("png"),
    "16 bits, low byte first": lambda: sixteen_bit("little"),
    "16 bits, high byte first": lambda: sixteen_bit("big"),
    "floating point": floating,
    "colors for print": lambda: encoded(sheet().convert("CMYK"), "JPEG", quality=90),
    "two pictures in one": lambda: encoded(sheet(), "MPO", save_all=True, append_images=[Image.new("L", SIZE)]),
    "AVIF": lambda: encoded(sheet().convert("RGB"), "AVIF", quality=80),
    "JPEG 2000": lambda: encoded(sheet(), "JPEG2000"),
    "JPEG 2000 without a container": lambda: encoded(sheet(), "JPEG2000", no_jp2=True),
    "white letters on nothing": lambda: encoded(letters_on((255, 255, 255)), "PNG"),
    "light letters on nothing": lambda: encoded(letters_on((240, 230, 200)), "WEBP", lossless=True),
    "black letters on nothing": lambda: encoded(letters_on((0, 0, 0)), "PNG"),
    "a transparent color": lambda: encoded(sheet().point(lambda v: 255 if v > 100 else 0), "PNG", transparency=255),
    "white letters and a transparent color": lambda: encoded(
        sheet().point(lambda v: 0 if v > 100 else 255), "PNG", transparency=0
    ),
    "a palette with transparency": lambda: encoded(letters_on((255, 255, 255)).quantize(16), "PNG"),
    "a small copy first": lambda: tiff((sheet().resize((90, 60)), 1), (sheet(), 0)),
    "a mask and a small copy last": lambda: tiff((sheet(), 0), (sheet(), 4), (sheet().resize((90, 60)), 1)),
    "GIF that starts blank": lambda: animation("GIF"),
    "WebP that starts blank": lambda: animation("WEBP"),
    "PNG that starts blank": lambda: animation("PNG"),
}
DAMAGED: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: JPEG[:-300],
    "progressive JPEG": lambda: encoded(sheet(), "JPEG", quality=90, progressive=True)[:-300],
    "PNG": lambda: encoded(sheet(), "PNG")[:-400],
    "GIF": lambda: encoded(sheet(), "GIF")[:-400],
    "BMP": lambda: encoded(sheet(), "BMP")[:-40_000],
    "JPEG in the middle of a mail's line": lambda: JPEG[: len(JPEG) * 9 // 10],
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], str]:
    def to_file(content: bytes) -> str:
        path = tmp_path / "picture"
        path.write_bytes(content)
        return str(path)

    return to_file


def read(path: str) -> dict[str, Any]:
    identity = identify.identify(path, "picture")
    assert identity["page_count"] == 1
    (page,) = ocr.read_pages(path, identity["media_type"], [1], ["eng"])
    return page


@pytest.mark.parametrize("name", list(CASES))
def test_a_picture_is_read_and_shown_by_its_pixels(write: Any, tmp_path: Path, name: str) -> None:
    path = write(CASES[name]())
    page = read(path)
    assert "NW-20417" in page["text"]
    assert "1,190.00" in page["text"]
    assert page["notes"] == []
    made = pictures.picture(path, identify.identify(path, "x")["media_type"], str(tmp_path), "thumbnail.webp", 320)
    assert made is not None
    with Image.open(tmp_path / "thumbnail.webp") as thumbnail:
        low, high = thumbnail.convert("L").getextrema()
        assert high - low > 100
        assert thumbnail.mode == "RGB"


@pytest.mark.parametrize("name", list(DAMAGED))
def test_the_intact_part_of_a_damaged_picture_is_read_and_noted_as_a_part(
    write: Any, tmp_path: Path, name: str
) -> None:
    path = write(DAMAGED[name]())
    page = read(path)
    assert "NW-20417" in page["text"]
    assert [lost for _, lost in page["notes"]] == [True]
    made = pictures.picture(path, identify.identify(path, "x")["media_type"], str(tmp_path), "thumbnail.webp", 320)
    assert made is not None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_by_its_orientation(write: Any, orientation: int) -> None:
    image = Image.new("L", (60, 40), 255)
    image.paste(0, (0, 0, 20, 10))
    details = Image.Exif()
    details[images.ORIENTATION] = orientation
    shown = images.frame(write(encoded(image, "JPEG", exif=details)), 1)
    corner = {1: (5, 5), 2: (55, 5), 3: (55, 35), 4: (5, 35), 5: (5, 5), 6: (35, 5), 7: (35, 55), 8: (5, 55)}[
        orientation
    ]
    assert shown.getpixel(corner) < 60


def test_avif_is_not_taken_for_heic(write: Any) -> None:
    content = bytearray(encoded(sheet().convert("RGB"), "AVIF"))
    content[8:12] = b"mif1"
    path = write(bytes(content))
    assert identify.identify(path, "photo.heic")["media_type"] == "image/avif"
    assert "NW-20417" in read(path)["text"]


def test_a_picture_without_any_pixels_is_damaged(write: Any) -> None:
    with pytest.raises(PermanentError) as error:
        read(write(JPEG[:300]))
    assert error.value.code == "corrupt"


def turned(content: bytes) -> bytes:
    return with_exif(content, exif(entry(images.ORIENTATION, 3, 1, 6), 1))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


SHOWN_AS_THEY_ARE = {
    "gray.jpg": ("image/jpeg", encoded(sheet(), "JPEG")),
    "colored.jpg": ("image/jpeg", encoded(sheet().convert("RGB"), "JPEG", progressive=True)),
    "gray.png": ("image/png", encoded(sheet(), "PNG")),
}
DRAWN_AGAIN = {
    "turned by its metadata": ("image/jpeg", turned(encoded(sheet(), "JPEG"))),
    "in colors of print": ("image/jpeg", encoded(sheet().convert("CMYK"), "JPEG")),
    "damaged": ("image/jpeg", cut(encoded(sheet(), "JPEG"))),
    "damaged, lossless": ("image/png", cut(encoded(sheet(), "PNG"))),
    "wider than a preview": ("image/jpeg", encoded(sheet().resize((2400, 1600)), "JPEG", quality=60)),
    "of many bytes": ("image/png", encoded(Image.effect_noise((1000, 800), 80), "PNG")),
    "transparent": ("image/png", encoded(letters_on((0, 0, 0)), "PNG")),
    "in a format that not all browsers show": ("image/bmp", encoded(sheet(), "BMP")),
}


@pytest.mark.parametrize("name", SHOWN_AS_THEY_ARE)
def test_a_picture_that_every_browser_shows_is_its_own_preview(write: Any, tmp_path: Path, name: str) -> None:
    media_type, content = SHOWN_AS_THEY_ARE[name]
    shown = pictures.picture_preview(write(content), media_type, str(tmp_path), "preview.webp", 2000)
    assert shown == {"name": "", "media_type": media_type, "width": 900, "height": 600, "page_count": 1}


@pytest.mark.parametrize("name", DRAWN_AGAIN)
def test_another_picture_is_drawn_as_its_preview(write: Any, tmp_path: Path, name: str) -> None:
    media_type, content = DRAWN_AGAIN[name]
    shown = pictures.picture_preview(write(content), media_type, str(tmp_path), "preview.webp", 2000)
    assert shown is not None and shown["name"] == "preview.webp"
    with Image.open(tmp_path / "preview.webp") as preview:
        preview.load()
        assert max(preview.size) <= 2000
