"""The child's side of the sandbox: confines itself, then answers one task after the other.

Started as `python -m layers.decoding.decoder_host LINK` (`layers/decoding/fork_server.py`). For each message on the socket LINK it forks a
process, which parts in two: a warden that touches no stranger's byte, and the decoder, its child. The warden ends the
decoder, with all that it started, when the pipe `life` closes, which it does with whoever asked for it. `folder` holds
`given`, where the file to be read lies; in its `room` and `made` alone can be written, and the first is where it works.
Requests and answers are JSON after a length of four bytes.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from layers.decoding import confinement
from layers.domain.errors import PermanentError

HEADER = struct.Struct(">I")
RETIRED_AT_BYTES = 280 * 1024 * 1024

# Task names, and the only functions that a request can reach.
TASKS = {
    "identify": "layers.decoders.identify:identify",
    "members": "layers.decoders.archives:members",
    "unpack": "layers.decoders.archives:unpack",
    "pdf_text": "layers.decoders.pdf:read_text",
    "text": "layers.decoders.texts:read_text",
    "ocr": "layers.decoders.ocr:read_pages",
    "second_ocr": "layers.decoders.rapid:read_pages",
    "picture": "layers.decoders.pictures:picture",
    "page_picture": "layers.decoders.page_pictures:page_picture",
    "image_pdf": "layers.decoders.pictures:pages_as_pdf",
    "web_page": "layers.decoders.web_pages:as_html",
    "office_pdf": "layers.decoders.libreoffice:as_pdf",
    "text_picture": "layers.decoders.sheet_of_paper:picture_of_text",
}

# Loaded before all but the first decoder is forked, where it is installed. Nothing that starts threads.
LOADED = (
    *sorted({place.split(":")[0] for name, place in TASKS.items() if name not in ("second_ocr", "office_pdf")}),
    *("PIL.ImageDraw", "PIL.ImageFont", "PIL.ImageOps", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"),
    *("PIL.WebPImagePlugin", "pypdfium2", "html.parser", "textwrap", "zipfile"),
)


def main() -> None:
    """Fork a decoder for each message, until the socket closes."""
    link = socket.socket(fileno=int(sys.argv[1]))
    begun = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(link, 4096, 4)
        if not message:
            return
        if begun == 1:  # whoever needs one alone should not wait for what others will need
            _load()
        begun += 1
        child = os.fork()
        if not child:
            link.close()
            _begin(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        link.send(str(child).encode())
        _forget_children()


def _load() -> None:
    for module in LOADED:
        try:
            importlib.import_module(module)
        except Exception:  # who needs it says what is wrong with it
            pass


def _begin(told: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Become a warden, in a session of its own, and its decoder."""
    os.setsid()
    requests, answers, life, end = descriptors
    for descriptor, place in ((requests, 0), (answers, 1)):
        os.dup2(descriptor, place)
        os.close(descriptor)
    folder = Path(told["folder"])
    os.environ["TMPDIR"] = str(folder / "room")
    os.chdir(folder / "room")
    alone = confinement.leave_namespaces()
    confinement.adopt_orphans()
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    decoder = os.fork()
    if decoder:
        _ward(decoder, life, end, woken, waker)
    for descriptor in (life, end, woken, waker):
        os.close(descriptor)
    _serve(told["memory_bytes"], folder, alone)
    sys.exit()


# --- the warden --------------------------------------------------------------------------------------


def _ward(decoder: int, life: int, end: int, woken: int, waker: int) -> NoReturn:
    """Wait for the decoder's end or for the order to end it; say how it ended."""
    os.close(0)
    os.close(1)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ended, status = os.waitpid(decoder, os.WNOHANG)
        if ended:
            break
        if life in select.select([life, woken], [], [])[0]:
            os.kill(decoder, signal.SIGKILL)
            _, status = os.waitpid(decoder, 0)
            break
        os.read(woken, 4096)
    _end_orphans()
    os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _end_orphans() -> None:
    """End what the decoder left behind; where it had a process namespace of its own, there is nothing."""
    me = os.getpid()
    while True:
        try:
            children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
        except OSError:
            return
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)  # its own children are ours now
        if not children:
            return


# --- the decoder -------------------------------------------------------------------------------------


def _serve(memory_bytes: int, folder: Path, alone: bool) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not reach the pipe
    confinement.die_with_parent(signal.SIGKILL)
    confinement.limit(memory_bytes, counts_own_processes=alone)
    confinement.drop_privileges()
    own = [
        os.environ[name] for name in ("TESSDATA_PREFIX", "FAIRWAY_TESSDATA", "FAIRWAY_TESSERACT") if name in os.environ
    ]
    confinement.wall_in([folder / "given", *own], [folder / "room", folder / "made"])
    _answer(answers, {"ready": True})
    requests = sys.stdin.buffer
    while header := requests.read(HEADER.size):
        request = json.loads(requests.read(HEADER.unpack(header)[0]))
        confinement.allow_cpu(request["timeout_s"])
        confinement.allow_memory(memory_bytes)
        answer = _carry_out(request["task"], request["arguments"])
        if _has_grown(memory_bytes) or _forget_children():
            answer["exhausted"] = True
        _answer(answers, answer)


def _has_grown(memory_bytes: int) -> bool:
    """Whether the process once needed so much memory that it had better be replaced."""
    most_bytes = max(RETIRED_AT_BYTES, memory_bytes // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > most_bytes


def _forget_children() -> bool:
    """Forget those that have ended; whether another lives."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


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


if __name__ == "__main__":
    main()
