"""The reaper of a decoder: a parent process that reads no file and ends the decoder with everything that it started."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import NoReturn


def reap(decoder: int, life: int, end: int, woken: int, waker: int) -> NoReturn:
    """Wait until the decoder ends or the pipe `life` closes, end its descendants, and write its exit code to `end`.

    `woken` and `waker` are the two ends of a pipe that SIGCHLD writes to.
    """
    os.close(0)
    os.close(1)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = select.poll()
    waiting.register(life, select.POLLIN)
    waiting.register(woken, select.POLLIN)
    while True:
        ended, status = os.waitpid(decoder, os.WNOHANG)
        if ended:
            break
        if life in (descriptor for descriptor, _ in waiting.poll()):
            os.kill(decoder, signal.SIGKILL)
            _, status = os.waitpid(decoder, 0)
            break
        os.read(woken, 4096)
    _end_orphans()
    os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _end_orphans() -> None:
    """End the processes that the decoder left behind. In a separate process namespace there are none."""
    own_pid = os.getpid()
    while True:
        try:
            children = Path(f"/proc/{own_pid}/task/{own_pid}/children").read_text().split()
        except OSError:
            return
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)  # this process now adopts the child's own children
        if not children:
            return
