"""Splits a mailbox in the format mbox into its messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layers.decoders.messages import content_of

# A message begins after a blank line and a line that starts with `From `. In a text, no header follows such a line.
START = re.compile(rb"(?:\A\s*|\r?\n\r?\n)From [^\r\n]{0,500}\r?\n(?=>?[A-Za-z][A-Za-z0-9-]{0,60}[ \t]*:)")
# Programs that store messages put a `>` before a line of a text that begins with `From `.
QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def is_mailbox(path: str) -> bool:
    """Whether a file of mail holds several messages."""
    with open(path, "rb") as stream:
        if not stream.read(64).lstrip().startswith(b"From "):
            return False
    starts = START.finditer(content_of(path)[0])
    return next(starts, None) is not None and next(starts, None) is not None


def messages_of(path: str) -> Iterator[tuple[bytes, bool]]:
    """Each message, and whether all of it is there: the last one may be cut at the limit."""
    content, is_whole = content_of(path)
    ends = [*(match.start() for match in START.finditer(content)), len(content)][1:]
    for match, end in zip(START.finditer(content), ends, strict=False):
        yield QUOTED.sub(rb"\1", content[match.end() : end]), is_whole or end < len(content)
