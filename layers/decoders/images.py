"""Opens images: checks their size before a pixel is decoded, finds their pages, and rotates each upright.

Pixels have priority over metadata: wrong metadata is ignored. The intact part of a damaged picture is decoded and marked
with `INCOMPLETE` in the image's `info`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layers.decoders import png_chunks, tiff_directories
from layers.domain.errors import PermanentError

MAX_PIXELS = 100_000_000
BOMB_PIXELS_PER_BYTE = 200  # more than this is a decompression bomb; photographs have less than 10
MAX_FRAMES_SEARCHED = 60  # of an animation, for a frame that is not blank
ORIENTATION = 0x0112  # the EXIF tag
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
INCOMPLETE = "fairway_incomplete"

# The last picture with many pages, kept open, because all earlier pages must be read to find a page.
_last: tuple[tuple[int, int, int], Any, list[int]] | None = None


def open_image(path: str) -> Any:
    """A Pillow image of which only the header was read. Raises PermanentError if it is damaged or has too many pixels."""
    from pi_heif import register_heif_opener
    from PIL import Image, UnidentifiedImageError

    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        image = _opened(path)
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except UnidentifiedImageError:
        raise PermanentError("corrupt", "the picture is damaged and can't be opened") from None
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise PermanentError("corrupt", f"the picture is damaged and can't be opened ({error})") from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, image.width * image.height)
    return image


def is_avif(path: str) -> bool:
    with open(path, "rb") as stream:
        return picture_by_brands(stream.read(512)) == "image/avif"


def picture_by_brands(start: bytes) -> str | None:
    """The type of a picture in an MP4 container, by its brands. `mif1` is ambiguous: pictures of both codings may have it
    first."""
    if start[4:8] != b"ftyp":
        return None
    length = int.from_bytes(start[:4], "big")
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, min(length, 512), 4))]
    if any(brand in (b"avif", b"avis") for brand in brands):
        return "image/avif"
    return "image/heic" if any(brand in HEIF_BRANDS for brand in brands) else None


def _opened(path: str) -> Any:
    from PIL import Image

    if is_avif(path):  # the reader of HEIC would also accept it
        return Image.open(path, formats=["AVIF"])
    try:
        return Image.open(path)
    except Image.DecompressionBombError:
        raise
    except (OSError, ValueError, SyntaxError):
        # Its text or profile may be damaged or too long, which does not affect the pixels.
        pixels = png_chunks.without_metadata(path)
        if pixels is None:
            raise
        return Image.open(io.BytesIO(pixels))


def count_frames(path: str) -> int:
    """The number of pages of a TIFF; 1 for any other picture, animated or not."""
    with open_image(path) as image:
        return len(_page_indexes(path, image))


def frame(path: str, number: int, draft_edge_px: int | None = None, draft_mode: str | None = None) -> Any:
    """One page, counted from 1, rotated by its EXIF orientation. Of an animation it is the first frame that is not
    blank.

    With `draft_edge_px` a JPEG may be decoded at a smaller size, but not below that edge; `draft_mode` `L` skips colors.
    """
    image, indexes = _multi_page(path) if number > 1 else _single(path)
    try:
        if number > len(indexes):
            raise EOFError
        if indexes[number - 1]:
            image.seek(indexes[number - 1])
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path, image.width * image.height)
        if draft_edge_px:
            image.draft(draft_mode, (draft_edge_px, draft_edge_px))
        image = _loaded(path, image, indexes[number - 1])
        return upright(_first_that_shows(image) if number == 1 else image)
    except EOFError:
        raise PermanentError("corrupt", f"page {number} of the picture is missing") from None
    except _bomb_errors():
        raise _too_large(path) from None
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise PermanentError("corrupt", f"page {number} of the picture is damaged ({error})") from None


def is_incomplete(image: Any) -> bool:
    """Whether only a part of the picture could be decoded."""
    return INCOMPLETE in image.info


def orientation_of(image: Any) -> int:
    """The EXIF orientation, 1 to 8; 1 if it is missing or the metadata is damaged."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
        return int(value) if 1 <= int(value) <= 8 else 1
    except Exception:  # Pillow raises any error for damaged metadata
        return 1


def is_shown_everywhere(path: str, max_edge_px: int, max_bytes: int) -> bool:
    """Whether the file itself is a JPEG or PNG that browsers and reading services show upright, in its colors, and that is no
    larger than this."""
    with open_image(path) as image:
        return (
            os.stat(path).st_size <= max_bytes
            and max(image.size) <= max_edge_px
            and orientation_of(image) == 1
            and image.format in ("JPEG", "PNG")
            and image.mode in ("RGB", "L", "1")
            and "transparency" not in image.info
        )


def whole_size(path: str) -> tuple[int, int] | None:
    """The width and height of a picture of which all pixels can be decoded; None for another. Those of a JPEG are decoded at
    an eighth of its size."""
    with open_image(path) as image:
        width, height = image.size
        image.draft(None, (1, 1))
        try:
            image.load()
        except (OSError, ValueError, SyntaxError, RuntimeError):
            return None
        return width, height


def upright(image: Any) -> Any:
    """The image rotated by its EXIF orientation, without metadata: damaged metadata could not be written again."""
    from PIL import Image

    turns = Image.Transpose
    turn = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }.get(orientation_of(image))
    turned = image.transpose(turn) if turn is not None else image.copy()
    for name in ("transparency", INCOMPLETE):
        if name in image.info:
            turned.info[name] = image.info[name]
    return turned


# --- pages and frames ----------------------------------------------------------------------------------


def _page_indexes(path: str, image: Any) -> list[int]:
    """The frames of a file that are pages: of a TIFF all but smaller copies and masks, of other formats the first."""
    if image.format != "TIFF":
        return [0]
    with open(path, "rb") as stream:
        indexes = tiff_directories.page_indexes(stream)
    return indexes or list(range(int(getattr(image, "n_frames", 1))))


def _single(path: str) -> tuple[Any, list[int]]:
    image = open_image(path)
    return image, _page_indexes(path, image)


def _multi_page(path: str) -> tuple[Any, list[int]]:
    """The picture and the indexes of its pages. The last picture stays open."""
    global _last
    status = os.stat(path)
    version = (status.st_ino, status.st_mtime_ns, status.st_size)
    if _last is None or _last[0] != version:
        _last = (version, *_single(path))
    return _last[1], _last[2]


def _first_that_shows(image: Any) -> Any:
    """The image, or the first frame of the animation that has more than one color."""
    if not getattr(image, "is_animated", False) or image.format in ("TIFF", "MPO"):
        return image
    first = image.copy()
    first.info = dict(image.info)
    for index in range(min(image.n_frames, MAX_FRAMES_SEARCHED)):
        try:
            image.seek(index)
            if not _is_of_one_color(image):
                return image
        except (EOFError, OSError, ValueError, SyntaxError):
            break
    return first


def _is_of_one_color(image: Any) -> bool:
    from PIL import ImageStat

    return max(ImageStat.Stat(on_ground(image.copy())).stddev) < 3.0


# --- damaged pixels ------------------------------------------------------------------------------------


def _loaded(path: str, image: Any, index: int) -> Any:
    """The image with its pixels decoded, or with the intact ones if some are missing."""
    try:
        image.load()
        return image
    except _bomb_errors():
        raise
    except (OSError, SyntaxError, ValueError):
        whole = _opened(path)
        if index:
            whole.seek(index)
        with _missing_pixels_allowed():
            whole.load()
        whole.info[INCOMPLETE] = True
        return whole


@contextmanager
def _missing_pixels_allowed() -> Iterator[None]:
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _bomb_errors() -> type[Exception]:
    from PIL import Image

    return Image.DecompressionBombError


def _too_large(path: str, pixels: int = 0) -> PermanentError:
    """The error for too many pixels. `pixels` is 0 if Pillow refused the image, which means at least twice its limit."""
    limit = f"{MAX_PIXELS // 1_000_000} million pixels"
    if (pixels or 2 * MAX_PIXELS) > BOMB_PIXELS_PER_BYTE * os.stat(path).st_size:
        return PermanentError("decompression_bomb", f"the small file unpacks to more than {limit}; it is not opened")
    return PermanentError("too_large", f"the picture has more than {limit}; send a smaller one")


# --- colors --------------------------------------------------------------------------------------------


def on_ground(image: Any) -> Any:
    """The image in RGB or gray, with transparency replaced by the background on which most of it is visible."""
    has_transparency = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if has_transparency:
        whole = image.convert("RGBA")
        alpha = whole.getchannel("A")
        from PIL import Image

        background = Image.new("RGB", whole.size, _ground_of(whole.convert("L"), alpha))
        background.paste(whole, mask=alpha)
        return background
    if image.mode in ("RGB", "L"):
        return image
    if image.mode.startswith(("I", "F")):
        return _stretched(image)
    if image.mode == "LAB":
        return image.getchannel("L")
    return image.convert("L" if image.mode == "1" else "RGB")


def _ground_of(gray: Any, alpha: Any) -> tuple[int, int, int]:
    """White, black or gray: the first background on which few pixels become invisible."""
    histogram = gray.histogram(alpha.point([255 * (value >= 64) for value in range(256)]))
    visible = max(1, sum(histogram))
    lost = {ground: sum(histogram[max(0, ground - 60) : ground + 61]) / visible for ground in (255, 0, 128)}
    ground = next(
        (ground for ground, share in lost.items() if share < 0.25), min(lost, key=lambda candidate: lost[candidate])
    )
    return ground, ground, ground


def _stretched(image: Any) -> Any:
    """A picture of more than 8 bits in gray, from its darkest to its lightest value."""
    wide = image.convert("F")
    low, high = wide.getextrema()
    if not low < high:  # all pixels have one value, or are not numbers
        return wide.point(lambda value: value * 0 + 255).convert("L")
    scale = 255 / (high - low)
    return wide.point(lambda value: value * scale - low * scale).convert("L")
