"""Loads libmagic from its wheel and never from the system, so that library and database always match."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

MAGIC_MIME_TYPE = 0x10
MAGIC_ERROR = 0x200


class LibMagic:
    """An open database. Not safe for several threads."""

    def __init__(self) -> None:
        spec = find_spec("pylibmagic")
        if spec is None or spec.origin is None:
            raise ImportError("the package pylibmagic is not installed")
        folder = Path(spec.origin).parent
        self._library = ctypes.CDLL(str(next(folder.glob("libmagic.so.1*"))))
        self._library.magic_open.restype = ctypes.c_void_p
        self._library.magic_file.restype = ctypes.c_char_p
        self._library.magic_error.restype = ctypes.c_char_p
        self._cookie = ctypes.c_void_p(self._library.magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR))
        if self._library.magic_load(self._cookie, str(folder / "magic.mgc").encode()) != 0:
            raise OSError(f"libmagic's database can't be loaded: {self._library.magic_error(self._cookie)!r}")

    def type_of(self, path: str) -> str:
        """The media type by the file's content."""
        media_type = self._library.magic_file(self._cookie, path.encode())
        return media_type.decode("ascii", "replace") if media_type else "application/octet-stream"


@cache
def libmagic() -> LibMagic:
    return LibMagic()
