"""The fork server's program: forks a decoder for each request, which confines itself and then runs tasks.

Run as `python -m layers.decoding.decoder_host SOCKET` by `layers/decoding/fork_server.py`. For each message on the socket it
forks a process that forks again: the reaper, and its child, the decoder. `folder` in the message contains `input`, with the
file to read; the decoder can write to `scratch`, its working folder, and to `output`. Requests and answers are JSON after a
length of four bytes.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from layers.decoding import confinement, reaper
from layers.domain.errors import PermanentError

HEADER = struct.Struct(">I")
RETIRED_AT_BYTES = 240 * 1024 * 1024  # of memory beside what it shares, or a quarter of what it may map if that is more

# Task names and their functions. A request can reach no other function.
TASKS = {
    "identify": "layers.decoders.identify:identify",
    "members": "layers.decoders.archives:members",
    "unpack": "layers.decoders.archives:unpack",
    "page_marks": "layers.decoders.page_marks:page_marks",
    "copy_pages": "layers.decoders.page_ranges:copy_pages",
    "pdf_text": "layers.decoders.pdf_text:read_text",
    "text": "layers.decoders.embedded:read_text",
    "ocr": "layers.decoders.ocr:read_pages",
    "picture": "layers.decoders.pictures:picture",
    "picture_preview": "layers.decoders.pictures:picture_preview",
    "page_picture": "layers.decoders.page_pictures:page_picture",
    "pdf_preview": "layers.decoders.pictures:pdf_preview",
    "image_pdf": "layers.decoders.pictures:pages_as_pdf",
    "web_page": "layers.decoders.web_pages:as_html",
    "office_pdf": "layers.decoders.libreoffice:as_pdf",
    "office_values": "layers.decoders.libreoffice:with_values",
    "text_picture": "layers.decoders.text_thumbnails:picture_of_text",
}

# Imported before the second decoder is forked, if installed. None of these starts threads.
PRELOADED = (
    *sorted(
        {function.split(":")[0] for name, function in TASKS.items() if name not in ("office_pdf", "office_values")}
    ),
    *("PIL.ImageDraw", "PIL.ImageFilter", "PIL.ImageFont", "PIL.ImageOps", "PIL.ImageStat"),
    *("pi_heif", "pypdfium2", "zxingcpp"),
    *("mammoth", "markdown_it", "nh3", "office_oxide", "python_calamine"),
    *("heapq", "html.parser", "numpy.ma", "textwrap", "zipfile"),
    "layers.decoders.nets.pages",
    "layers.domain.extraction.rules",
)
# Called before the first decoder for a task is forked. All later decoders share the memory of what it loads.
LOADED_FOR = {"ocr": "layers.decoders.nets.models:load"}


def main() -> None:
    """Fork a decoder for each message, until the socket closes."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    forked = 0
    loaded: set[str] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        if not message:
            return
        if forked == 1:  # not for the first: a process that needs a single decoder should not wait for all imports
            _preload()
        forked += 1
        request = json.loads(message)
        if request["load_for"] in LOADED_FOR and request["load_for"] not in loaded:
            loaded.add(request["load_for"])
            _load(LOADED_FOR[request["load_for"]])
        child = os.fork()
        if not child:
            connection.close()
            _start_decoder(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(str(child).encode())
        _reap_ended_children()


def _preload() -> None:
    for module in PRELOADED:
        try:
            importlib.import_module(module)
        except Exception:  # a decoder that needs it reports the error
            pass
    _load("PIL.Image:init")  # all formats of pictures


def _load(function: str) -> None:
    try:
        _function(function)()
    except Exception:  # a decoder that needs it reports the error
        pass


def _start_decoder(message: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Become a reaper, which leads a separate session, and fork its decoder."""
    os.setsid()
    requests, answers, life, end = descriptors
    for descriptor, standard in ((requests, 0), (answers, 1)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    folder = Path(message["folder"])
    os.environ["TMPDIR"] = str(folder / "scratch")
    os.chdir(folder / "scratch")
    has_own_processes = confinement.leave_namespaces()
    confinement.adopt_orphans()
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    decoder = os.fork()
    if decoder:
        reaper.reap(decoder, life, end, woken, waker)
    for descriptor in (life, end, woken, waker):
        os.close(descriptor)
    _serve(message["memory_bytes"], folder, has_own_processes)
    sys.exit()


# --- the decoder -----------------------------------------------------------------------------------------


def _serve(memory_bytes: int, folder: Path, has_own_processes: bool) -> None:
    sys.dont_write_bytecode = True  # it may write into its own folders only
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not reach the answer pipe
    confinement.die_with_parent(signal.SIGKILL)
    confinement.limit(memory_bytes, counts_own_processes=has_own_processes)
    confinement.drop_privileges()
    engine_folders = [
        os.environ[name] for name in ("TESSDATA_PREFIX", "FAIRWAY_TESSDATA", "FAIRWAY_TESSERACT") if name in os.environ
    ]
    confinement.restrict_files([folder / "input", *engine_folders], [folder / "scratch", folder / "output"])
    _answer(answers, {"ready": True})
    at_start = _most_memory_bytes()
    requests = sys.stdin.buffer
    while header := requests.read(HEADER.size):
        request = json.loads(requests.read(HEADER.unpack(header)[0]))
        confinement.allow_cpu(request["timeout_s"])
        confinement.allow_memory(memory_bytes)
        answer = _run_task(request["task"], request["arguments"])
        has_grown = _most_memory_bytes() - at_start > max(RETIRED_AT_BYTES, memory_bytes // 4)
        if has_grown or _reap_ended_children():
            answer["exhausted"] = True  # this process has to be replaced
        _answer(answers, answer)


def _most_memory_bytes() -> int:
    """The most resident memory that this process has had, with what it shares with the fork server."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _reap_ended_children() -> bool:
    """Collect the exit codes of ended children. Returns whether another child is still running."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _run_task(task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _function(TASKS[task])(**arguments)}
    except PermanentError as error:
        return {"refused": {"code": error.code, "detail": error.detail}}
    except MemoryError:
        return {
            "refused": {"code": "resource_limit", "detail": "reading the file needs more memory than is allowed"},
            "exhausted": True,
        }
    except Exception as error:
        return {"crashed": f"{type(error).__name__}: {error}"}


def _function(path: str) -> Callable[..., Any]:
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def _answer(stream: Any, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    stream.write(HEADER.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
