"""The child's side of the sandbox: limits itself, then answers one task after the other.

Started as `python -m layers.decoder_host MEMORY_BYTES`; requests and answers are JSON after a length of four bytes.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

from layers.domain.errors import PermanentError

HEADER = struct.Struct(">I")
MOST_FILE_BYTES = 512 * 1024 * 1024
MOST_OPEN_FILES = 256
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

# Task names, and the only functions that a request can reach.
TASKS = {
    "identify": "layers.decoders.identify:identify",
    "pdf_text": "layers.decoders.pdf:read_text",
    "plain_text": "layers.decoders.plain:read_text",
    "ocr": "layers.decoders.ocr:read_pages",
    "picture": "layers.decoders.pictures:picture",
    "image_pdf": "layers.decoders.pictures:pages_as_pdf",
    "text_page": "layers.decoders.plain:as_html",
    "text_picture": "layers.decoders.pictures:picture_of_text",
}


def main() -> None:
    """Serve until the pipe closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not reach the pipe
    _limit(int(sys.argv[1]))
    _answer(answers, {"ready": True})
    requests = sys.stdin.buffer
    while header := requests.read(HEADER.size):
        request = json.loads(requests.read(HEADER.unpack(header)[0]))
        _answer(answers, _carry_out(request["task"], request["arguments"]))


def _carry_out(task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _task(task)(**arguments)}
    except PermanentError as error:
        return {"refused": {"code": error.code, "detail": error.detail}}
    except MemoryError:
        return {
            "refused": {"code": "resource_limit", "detail": "reading the file takes more memory than is allowed"},
            "exhausted": True,
        }
    except Exception as error:
        return {"broke": f"{type(error).__name__}: {error}"}


def _task(name: str) -> Callable[..., Any]:
    module, function = TASKS[name].split(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


def _answer(stream: Any, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    stream.write(HEADER.pack(len(body)) + body)
    stream.flush()


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN_FILES, MOST_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # people's requests come before background decoding
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # No network, where the host allows that; the decoders are told not to fetch anything besides.
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


if __name__ == "__main__":
    main()
