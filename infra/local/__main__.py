"""Starts Fairway on this machine and stays up until Ctrl-C: `python -m infra.local [--files FOLDER [--dataset NAME]]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from infra.local import embedded
from infra.local.home import AlreadyRuns
from infra.local.ports import PortTaken
from infra.local.postgres import PostgresUnusable
from infra.local.supervisor import StartFailed

DEFAULT_HOME = ".fairway"
DEFAULT_PORT = 8000
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


KEPT_FOR_S = 0.5  # a signal that was raised where nobody could catch it


class Stop(BaseException):
    """Raised in the main thread by a signal to stop."""


class Stops:
    """What a signal to stop does. It is kept as well as raised: what it interrupts may be a finalizer, which swallows it."""

    came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise Stop


def main() -> int:
    """Run until a signal comes; the exit code."""
    asked = _arguments()
    stops = Stops()
    for number in STOPPING:
        signal.signal(number, stops)
    try:
        home = Path(os.environ.get("FAIRWAY_HOME") or DEFAULT_HOME)
        running = embedded.start(home, _port(), adopts=True)
    except (AlreadyRuns, PortTaken, PostgresUnusable, StartFailed) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"FAIRWAY_HOME can't be used as this user: {error}", file=sys.stderr)
        return 1
    except (Stop, KeyboardInterrupt):
        return 130
    try:
        _hold_session(running, asked)
        while not stops.came:
            time.sleep(KEPT_FOR_S)
    except (Stop, KeyboardInterrupt):
        pass
    finally:
        # Stopping takes a few seconds at most; a second Ctrl-C must not leave half of it undone.
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        running.stop()
    return 0


def _hold_session(running: embedded.Embedded, asked: argparse.Namespace) -> None:
    """The terminal's part. Its failure is shown, and what runs goes on."""
    if find_spec("infra.local.session") is None:
        print(f"Fairway answers at {running.endpoint['api_url']}", flush=True)
        return
    from infra.local import session

    try:
        session.run(running.endpoint, asked.files, asked.dataset)
    except Exception:
        traceback.print_exc()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("--files", type=lambda text: Path(text) if text else None, help="a folder to process")
    parser.add_argument("--dataset", type=lambda text: text or None, help="the dataset's name")
    return parser.parse_args()


def _port() -> int:
    text = os.environ.get("FAIRWAY_PORT") or str(DEFAULT_PORT)
    if not text.isdigit() or int(text) > 65535:
        raise PortTaken(f"FAIRWAY_PORT must be a port's number, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
