"""Begins decoders' processes: each is forked from one that has loaded already what decoders need.

To start a Python and to load its libraries takes a decoder .1 to .2 seconds of a processor, to fork it a hundredth. The
forking process sees no stranger's byte, has one thread, and knows nothing that a decoder must not know.
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
PASSED_ON = ("LD_LIBRARY_PATH", "TESSDATA_PREFIX", "FAIRWAY_TESSDATA", "FAIRWAY_TESSERACT")
BEGIN_S, END_S = 20.0, 5.0
MOST_BYTES = 4096


class Process:
    """A process of a nursery's, with pipes to what it reads and from what it writes.

    It lives as long as we hold `life`, and says by `end` how it ended: it is nobody's child that we could wait for.
    """

    def __init__(self, pid: int, stdin: int, stdout: int, life: int, end: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb")
        self.stdout = os.fdopen(stdout, "rb")
        self._life, self._end = life, end
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, as `subprocess` has them, or None while it lives."""
        return self.wait(0.0)

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None where it still lives after so long."""
        if self._code is None and self._end >= 0 and select.select([self._end], [], [], timeout_s)[0]:
            self._code = int(os.read(self._end, 16) or -signal.SIGKILL)
        return self._code

    def let_go(self) -> None:
        """Have it end, with all that it started."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1

    def close(self) -> None:
        self.let_go()
        for pipe in (self.stdin, self.stdout):
            try:
                pipe.close()
            except OSError:
                pass  # what was still to be written
        if self._end >= 0:
            os.close(self._end)
            self._end = -1


class Nursery:
    """Begins processes by `layers/decoding/decoder_host.py`, from one of its own that begins when it is needed, anew where it has
    ended. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._program: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None

    def begin(self, memory_bytes: int, folder: Path) -> Process:
        """A process that works in a folder. Raises TransientError where there can be none."""
        (stdin, to_it), (from_it, stdout), (life, ours), (its_end, end) = (os.pipe() for _ in range(4))
        theirs = (stdin, stdout, life, end)
        told = json.dumps({"memory_bytes": memory_bytes, "folder": str(folder)}).encode()
        try:
            pid = self._begun(told, theirs)
        except OSError as error:
            for descriptor in (to_it, from_it, ours, its_end):
                os.close(descriptor)
            raise TransientError("decoder_start", f"a decoder process could not be started ({error})") from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Process(pid, to_it, from_it, ours, its_end)

    def close(self) -> None:
        """End it. What it began lives on."""
        with self._lock:
            self._end()

    def _begun(self, told: bytes, descriptors: tuple[int, ...]) -> int:
        with self._lock:
            try:
                link = self._link or self._start()
                try:
                    socket.send_fds(link, [told], descriptors)
                except ConnectionError:  # it has ended while there was nothing to do
                    self._end()
                    link = self._start()
                    socket.send_fds(link, [told], descriptors)
                if answer := link.recv(MOST_BYTES):
                    return int(answer)
                raise ConnectionError("the process that forks decoders has ended")
            except OSError:
                self._end()
                raise

    def _start(self) -> socket.socket:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "MALLOC_ARENA_MAX": "2"}
        environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._program = subprocess.Popen(
                    [sys.executable, "-P", "-B", "-m", "layers.decoding.decoder_host", str(theirs.fileno())],
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
        ours.settimeout(BEGIN_S)
        self._link = ours
        return ours

    def _end(self) -> None:
        if self._link is not None:
            self._link.close()  # its sign
            self._link = None
        if self._program is not None:
            try:
                self._program.wait(END_S)
            except subprocess.TimeoutExpired:
                self._program.kill()
                self._program.wait()
            self._program = None
