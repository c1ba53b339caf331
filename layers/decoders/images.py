"""Opens images: checks their size before a pixel is decoded, and turns each frame upright."""

from __future__ import annotations

import os
from typing import Any

from layers.domain.errors import PermanentError

MAX_PIXELS = 100_000_000
BOMB_PIXELS_PER_BYTE = 200  # more than this is a decompression bomb; photographs have less than 10

# The last picture with many pages, kept open: finding a page means reading past all pages before it.
_last: tuple[tuple[int, int, int], Any] | None = None


def open_image(path: str) -> Any:
    """A Pillow image of which only the header was read. Raises PermanentError if it is damaged or has too many pixels."""
    from pi_heif import register_heif_opener
    from PIL import Image, UnidentifiedImageError

    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        image = Image.open(path)
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except UnidentifiedImageError:
        raise PermanentError("corrupt", "the picture is damaged and can't be opened") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise PermanentError("corrupt", f"the picture is damaged and can't be opened ({error})") from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, image.width * image.height)
    return image


def count_frames(path: str) -> int:
    """The number of pages of a TIFF; 1 for any other picture, animated or not."""
    with open_image(path) as image:
        return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def frame(path: str, number: int, draft_edge_px: int | None = None, draft_mode: str | None = None) -> Any:
    """One frame, counted from 1, turned as its EXIF orientation says.

    With `draft_edge_px` a JPEG may be decoded at a smaller size, but not below that edge; `draft_mode` `L` skips colors.
    """
    from PIL import Image, ImageOps

    image = open_image(path) if number == 1 else _multi_page(path)
    try:
        if number > 1:
            image.seek(number - 1)
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path, image.width * image.height)
        if draft_edge_px:
            image.draft(draft_mode, (draft_edge_px, draft_edge_px))
        return ImageOps.exif_transpose(image)
    except EOFError:
        raise PermanentError("corrupt", f"page {number} of the picture is missing") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise PermanentError("corrupt", f"page {number} of the picture is damaged ({error})") from None


def on_white(image: Any) -> Any:
    """The image in RGB or gray, with transparency replaced by white."""
    from PIL import Image

    if image.mode in ("RGB", "L"):
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        background = Image.new("RGB", whole.size, "white")
        background.paste(whole, mask=whole.getchannel("A"))
        return background
    if image.mode.startswith(("I", "F")):
        return _sixteen_bits(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _sixteen_bits(image: Any) -> Any:
    low, high = image.getextrema()
    span = (high - low) or 1
    return image.point(lambda value: value * (255 / span) - low * (255 / span)).convert("L")


def _multi_page(path: str) -> Any:
    """The picture; still open if it is the one that was read last."""
    global _last
    status = os.stat(path)
    version = (status.st_ino, status.st_mtime_ns, status.st_size)
    if _last is None or _last[0] != version:
        _last = (version, open_image(path))
    return _last[1]


def _too_large(path: str, pixels: int = 0) -> PermanentError:
    """The error for too many pixels. `pixels` is 0 where Pillow refused the image, which means twice its limit or more."""
    limit = f"{MAX_PIXELS // 1_000_000} million pixels"
    if (pixels or 2 * MAX_PIXELS) > BOMB_PIXELS_PER_BYTE * os.stat(path).st_size:
        return PermanentError("decompression_bomb", f"the small file unpacks to more than {limit}; it is not opened")
    return PermanentError("too_large", f"the picture has more than {limit}; send a smaller one")
