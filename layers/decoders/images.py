"""Images: opened with their size bounded before a pixel is decoded, turned upright, frame by frame."""

from __future__ import annotations

import os
from typing import Any

from layers.domain.errors import PermanentError

MOST_PIXELS = 100_000_000
BOMB_PIXELS_A_BYTE = 200  # what packs so many into one was made to burst; photographs have less than 10

# The picture of many pages that was looked at last: to find a page one must walk past all before it.
_last: tuple[tuple[int, int, int], Any] | None = None


def open_image(path: str) -> Any:
    """A Pillow image whose header alone was read. Refuses what is damaged or has too many pixels."""
    from PIL import Image, UnidentifiedImageError
    from pillow_heif import register_heif_opener

    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        image = Image.open(path)
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except UnidentifiedImageError:
        raise PermanentError("corrupt", "the picture is damaged and can't be opened") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise PermanentError("corrupt", f"the picture is damaged and can't be opened ({error})") from None
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(path, image.width * image.height)
    return image


def count_frames(path: str) -> int:
    """The number of pages of a TIFF; one for any other picture, animated or not."""
    with open_image(path) as image:
        return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def frame(path: str, number: int, draft_edge_px: int | None = None, draft_mode: str | None = None) -> Any:
    """One frame, from 1, decoded and turned as its EXIF orientation says.

    With `draft_edge_px` a JPEG may be decoded at a fraction of its size, not below that edge; `draft_mode` `L`
    leaves its colors out.
    """
    from PIL import Image, ImageOps

    image = open_image(path) if number == 1 else _many_paged(path)
    try:
        if number > 1:
            image.seek(number - 1)
        if image.width * image.height > MOST_PIXELS:
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
    """The image in RGB or gray, what is transparent shown on white."""
    from PIL import Image

    if image.mode in ("RGB", "L"):
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        ground = Image.new("RGB", whole.size, "white")
        ground.paste(whole, mask=whole.getchannel("A"))
        return ground
    if image.mode.startswith(("I", "F")):
        return _sixteen_bits(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _sixteen_bits(image: Any) -> Any:
    low, high = image.getextrema()
    span = (high - low) or 1
    return image.point(lambda value: value * (255 / span) - low * (255 / span)).convert("L")


def _many_paged(path: str) -> Any:
    """The picture, opened already if it is the one that was looked at last."""
    global _last
    found = os.stat(path)
    which = (found.st_ino, found.st_mtime_ns, found.st_size)
    if _last is None or _last[0] != which:
        _last = (which, open_image(path))
    return _last[1]


def _too_large(path: str, pixels: int = 0) -> PermanentError:
    """Too many pixels: of a file made to burst, or of one that is only large. Beyond Pillow's own limit it counts none."""
    most = f"{MOST_PIXELS // 1_000_000} million pixels"
    if (pixels or 2 * MOST_PIXELS) > BOMB_PIXELS_A_BYTE * os.stat(path).st_size:
        return PermanentError("decompression_bomb", f"the small file unpacks to more than {most}; it is not opened")
    return PermanentError("too_large", f"the picture has more than {most}; send a smaller one")
