"""Starts decoder processes by forking them from a process that has already imported the decoders' libraries.

Starting Python and importing the libraries takes 0.1 to 0.2 s of processor time, forking 0.01 s. The fork server never
reads an untrusted file, has one thread, and has no secret in its memory. Opening the networks of OCR takes .2 s, so it opens
them once, before it forks the first decoder for OCR; later decoders share them.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from layers.domain.errors import TransientError

ROOT = Path(__file__).resolve().parents[2]
INHERITED_VARIABLES = (
    "LD_LIBRARY_PATH",
    "PYTHONPYCACHEPREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "TESSDATA_PREFIX",
    "FAIRWAY_TESSDATA",
    "FAIRWAY_TESSERACT",
)
START_S, END_S = 20.0, 5.0
MAX_REPLY_BYTES = 4096


def is_readable(descriptor: int, within_s: float) -> bool:
    """Whether a descriptor has data, or is closed at the other end, within this time."""
    waiting = select.poll()  # select.select() takes no descriptor above 1,023
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(within_s * 1000))


class DecoderProcess:
    """A decoder process with pipes for its input and output.

    It runs as long as the pipe `life` is open. It is not a child of this process, so its reaper writes its exit code to
    `end`.
    """

    def __init__(self, pid: int, stdin: int, stdout: int, life: int, end: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb")
        self.stdout = os.fdopen(stdout, "rb")
        self._life, self._end = life, end
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """Its exit code in the form of `subprocess`, or None while it is running."""
        return self.wait(0.0)

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None if it is still running after the timeout."""
        if self._exit_code is None and self._end >= 0 and is_readable(self._end, timeout_s):
            self._exit_code = int(os.read(self._end, 16) or -signal.SIGKILL)
        return self._exit_code

    def release(self) -> None:
        """Make its reaper end it with everything that it started."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1

    def close(self) -> None:
        """Release it and close all pipes."""
        self.release()
        for pipe in (self.stdin, self.stdout):
            try:
                pipe.close()
            except OSError:
                pass  # unsent bytes of a request
        if self._end >= 0:
            os.close(self._end)
            self._end = -1


class ForkServer:
    """Starts decoders with a process that runs `layers/decoding/decoder_host.py`.

    That process starts at first use and is replaced when it has ended. Threads may share this object.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._program: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._ended_while_loading: set[str] = set()

    def start_decoder(self, memory_bytes: int, folder: Path, task: str) -> DecoderProcess:
        """A new decoder that works in a folder. Its first task will be `task`, which may need something to be loaded.

        Raises TransientError if it cannot be started. If the fork server ends during this, nothing is loaded for that task
        again: its decoders load it, and only they end.
        """
        (stdin, request_pipe), (answer_pipe, stdout), (life, our_life), (our_end, end) = (os.pipe() for _ in range(4))
        passed = (stdin, stdout, life, end)
        load_for = "" if task in self._ended_while_loading else task
        request = json.dumps({"memory_bytes": memory_bytes, "folder": str(folder), "load_for": load_for}).encode()
        try:
            pid = self._fork(request, passed)
        except OSError as error:
            self._ended_while_loading.add(task)
            for descriptor in (request_pipe, answer_pipe, our_life, our_end):
                os.close(descriptor)
            raise TransientError("decoder_start", f"a decoder process could not be started ({error})") from error
        finally:
            for descriptor in passed:
                os.close(descriptor)
        return DecoderProcess(pid, request_pipe, answer_pipe, our_life, our_end)

    def close(self) -> None:
        """End the fork server. Decoders that it started continue."""
        with self._lock:
            self._end()

    def _fork(self, request: bytes, descriptors: tuple[int, ...]) -> int:
        """The process id of a new reaper."""
        with self._lock:
            try:
                connection = self._socket or self._start()
                try:
                    socket.send_fds(connection, [request], descriptors)
                except ConnectionError:  # it ended while it was idle
                    self._end()
                    connection = self._start()
                    socket.send_fds(connection, [request], descriptors)
                if reply := connection.recv(MAX_REPLY_BYTES):
                    return int(reply)
                raise ConnectionError("the fork server has ended")
            except OSError:
                self._end()
                raise

    def _start(self) -> socket.socket:
        environment = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
        environment |= {"PATH": os.defpath, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
        environment |= {"OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._program = subprocess.Popen(
                    [sys.executable, "-P", "-m", "layers.decoding.decoder_host", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=None,
                    env=environment,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(),),
                )
            except OSError:
                ours.close()
                raise
        ours.settimeout(START_S)
        self._socket = ours
        return ours

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()  # which ends the fork server
            self._socket = None
        if self._program is not None:
            try:
                self._program.wait(END_S)
            except subprocess.TimeoutExpired:
                self._program.kill()
                self._program.wait()
            self._program = None
