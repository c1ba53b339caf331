"""Temporary files for content that readers can only open by its path."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stored(content: bytes, suffix: str = "") -> Iterator[str]:
    """The path of a file with this content, which exists as long as the block runs."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as stream:
        stream.write(content)
        stream.flush()
        yield stream.name
