"""Decodes the first frame of a video with PyAV, if that is installed."""

from __future__ import annotations

from typing import Any

from layers.decoders.images import MAX_PIXELS
from layers.domain.errors import PermanentError

# The container format is fixed, so that no file is opened as a playlist, which could open other files.
CONTAINERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}
MAX_PACKETS = 500


def first_frame(path: str, media_type: str) -> Any:
    """The first decodable frame as an upright Pillow image, or None if PyAV is not installed."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(
            path, format=CONTAINERS[media_type], options={"protocol_whitelist": "file", "enable_drefs": "0"}
        ) as film:
            if not film.streams.video:
                raise PermanentError("corrupt", "the video has no pictures")
            stream = film.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise PermanentError("too_large", "the video's pictures are too large")
            for number, packet in enumerate(film.demux(stream)):
                for frame in packet.decode():
                    image = frame.to_image()  # type: ignore[no-untyped-call]
                    return image.rotate(-frame.rotation, expand=True) if getattr(frame, "rotation", 0) else image
                if number >= MAX_PACKETS:
                    break
    except av.FFmpegError as error:
        raise PermanentError("corrupt", f"the video is damaged and can't be opened ({error})") from None
    raise PermanentError("corrupt", "no picture of the video can be decoded")
