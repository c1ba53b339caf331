"""Runs Fairway on this machine until Ctrl-C: `python -m infra.local [--files FOLDER [--dataset NAME]]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from infra.local import embedded
from infra.local.home import AlreadyRuns, HomeUnusable
from infra.local.ports import PortTaken
from infra.local.postgres import PostgresUnusable
from infra.local.supervisor import StartFailed

DEFAULT_HOME = ".fairway"
DEFAULT_PORT = 8000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

REFUSALS: tuple[type[Exception], ...] = (AlreadyRuns, HomeUnusable, PortTaken, PostgresUnusable, StartFailed)
POLL_S = 0.5  # how often the flag is checked, in case the exception of a signal was swallowed
AT_ONCE_S = 1.0


class Stop(BaseException):
    """Raised in the main thread by a stop signal."""


class StopHandler:
    """Handler of stop signals. It raises Stop and sets a flag too, because a finalizer may swallow the exception. Of signals that
    come at once, such as Ctrl-C with the signal of a terminal that closes, only the first raises: Stop is being handled."""

    was_called = False

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._quiet_until = monotonic, 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.was_called = True
        now = self._monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + AT_ONCE_S
            raise Stop


def main() -> int:
    home = Path(os.environ.get("FAIRWAY_HOME") or DEFAULT_HOME)
    return run_until_stopped(lambda port: embedded.start(home, port, adopts=True))


def run_until_stopped(start: Callable[[int], embedded.Embedded], refusals: tuple[type[Exception], ...] = ()) -> int:
    """Start with the API at the configured port, process files, and run until a stop signal. Returns the exit code.

    If the start raises one of `refusals`, its message is printed.
    """
    arguments = _arguments()
    handler = StopHandler()
    for number in STOP_SIGNALS:
        signal.signal(number, handler)
    try:
        running = start(_port())
    except (*REFUSALS, *refusals) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (Stop, KeyboardInterrupt):
        return 130
    try:
        _run_session(running, arguments)
        while not handler.was_called:
            if not running.supervisor.is_alive():
                print("The supervisor has ended, and so have all processes. See logs/supervisor.log.", file=sys.stderr)
                return 1
            time.sleep(POLL_S)
    except (Stop, KeyboardInterrupt):
        pass
    finally:
        # Stopping takes a few seconds at most; a second Ctrl-C must not interrupt it.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        running.stop()
    return 0


def _run_session(running: embedded.Embedded, arguments: argparse.Namespace) -> None:
    """Process files and print the results. An error is printed, and Fairway keeps running."""
    if find_spec("infra.local.session") is None:
        print(f"Fairway is running at {running.endpoint['api_url']}", flush=True)
        return
    from infra.local import session

    try:
        session.run(running.endpoint, arguments.files, arguments.dataset)
    except Exception:
        traceback.print_exc()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("--files", type=lambda text: Path(text) if text else None, help="a file or folder to process")
    parser.add_argument("--dataset", type=lambda text: text or None, help="the name of the dataset")
    return parser.parse_args()


def _port() -> int:
    text = os.environ.get("FAIRWAY_PORT") or str(DEFAULT_PORT)
    if not text.isdigit() or int(text) > 65535:
        raise PortTaken(f"FAIRWAY_PORT must be a port number (0 to 65535), not {text!r}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
