"""Films: their first frame, by PyAV where it is installed."""

from __future__ import annotations

from typing import Any

from layers.decoders.images import MOST_PIXELS
from layers.domain.errors import PermanentError

# Named, so that no file can pass for a playlist that opens others.
CONTAINERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}
MOST_PACKETS = 500


def first_frame(path: str, media_type: str) -> Any:
    """The first frame that can be decoded, as a Pillow image, upright; None where PyAV is not installed."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(
            path, format=CONTAINERS[media_type], options={"protocol_whitelist": "file", "enable_drefs": "0"}
        ) as film:
            if not film.streams.video:
                raise PermanentError("corrupt", "the film holds no pictures")
            stream = film.streams.video[0]
            if stream.width * stream.height > MOST_PIXELS:
                raise PermanentError("too_large", "the film's pictures are too large")
            for place, packet in enumerate(film.demux(stream)):
                for frame in packet.decode():
                    image = frame.to_image()  # type: ignore[no-untyped-call]
                    return image.rotate(-frame.rotation, expand=True) if getattr(frame, "rotation", 0) else image
                if place >= MOST_PACKETS:
                    break
    except av.FFmpegError as error:
        raise PermanentError("corrupt", f"the film is damaged and can't be opened ({error})") from None
    raise PermanentError("corrupt", "the film holds no picture that can be drawn")
