"""Images: opened with their size bounded before a pixel is decoded, turned upright, frame by frame."""

from __future__ import annotations

from typing import Any

from layers.domain.errors import PermanentError

MOST_PIXELS = 100_000_000


def open_image(path: str) -> Any:
    """A Pillow image whose header alone was read. Refuses what is damaged or has too many pixels."""
    from PIL import Image, UnidentifiedImageError
    from pillow_heif import register_heif_opener

    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        image = Image.open(path)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PermanentError("corrupt", f"the picture is damaged and can't be opened ({error})") from None
    if image.width * image.height > MOST_PIXELS:
        raise _too_large()
    return image


def count_frames(path: str) -> int:
    """The number of pages of a TIFF; one for any other picture, animated or not."""
    with open_image(path) as image:
        return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def frame(path: str, number: int, draft_edge_px: int | None = None) -> Any:
    """One frame, from 1, decoded and turned as its EXIF orientation says.

    With `draft_edge_px` a JPEG may be decoded at a fraction of its size, not below that edge.
    """
    from PIL import Image, ImageOps

    image = open_image(path)
    try:
        if number > 1:
            image.seek(number - 1)
        if image.width * image.height > MOST_PIXELS:
            raise _too_large()
        if draft_edge_px:
            image.draft(None, (draft_edge_px, draft_edge_px))
        return ImageOps.exif_transpose(image)
    except EOFError:
        raise PermanentError("corrupt", f"page {number} of the picture is missing") from None
    except Image.DecompressionBombError:
        raise _too_large() from None
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


def _too_large() -> PermanentError:
    return PermanentError(
        "too_large", f"the picture has more than {MOST_PIXELS // 1_000_000} million pixels; send a smaller one"
    )
