"""Prints office documents to PDF for the workers: `python -m infra.preview_service`, until SIGTERM or SIGINT.

It implements the part of Gotenberg's protocol that Fairway uses: POST /forms/libreoffice/convert with `files` and
`nativePageRanges`, GET /health and GET /metrics. It needs LibreOffice, no other server and no secret.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from waitress import create_server

from infra.preview_service.converter import Converter
from infra.preview_service.service import Service
from layers.adapters.printing.libreoffice_printer import installed
from layers.telemetry.log import log

RETIRE_IDLE_S = 30.0
UNUSED_S = 15.0  # the first documents come sooner, or not for a while
MAX_BODY_BYTES = 256 << 20
SPARE_THREADS = 4  # for /health, /metrics and refusals, even if all others convert or wait


def main() -> int:
    configured = os.environ.get("FAIRWAY_LIBREOFFICE") or "auto"
    program = installed("" if configured == "auto" else configured)
    if program is None:
        print(
            "LibreOffice is not installed here. Install it, or set FAIRWAY_LIBREOFFICE to its folder.", file=sys.stderr
        )
        return 1
    host, port = os.environ.get("FAIRWAY_PREVIEW_HOST") or "127.0.0.1", _number("FAIRWAY_PREVIEW_PORT", 3000)
    at_once, most_waiting = _number("FAIRWAY_PREVIEW_AT_ONCE", 2), _number("FAIRWAY_PREVIEW_QUEUE", 20)
    kept = _number("FAIRWAY_PREVIEW_KEPT", at_once, least=0)
    converter = Converter(program, at_once=at_once, most_waiting=most_waiting, kept=kept)
    with tempfile.TemporaryDirectory(prefix="fairway-preview-") as folder:
        converter.warm_up(Path(folder))
    server = create_server(
        Service(converter),
        host=host,
        port=port,
        threads=at_once + most_waiting + SPARE_THREADS,
        max_request_body_size=MAX_BODY_BYTES,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )
    stop = threading.Event()
    threading.Thread(target=_retire_idle, args=(converter, stop), daemon=True).start()

    def end(*_: Any) -> None:
        stop.set()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    log("preview_service_ready", port=port, pid=os.getpid())
    try:
        server.run()  # returns at SystemExit, after the running requests
    finally:
        converter.close()
    return 0


def _retire_idle(converter: Converter, stop: threading.Event) -> None:
    if not stop.wait(UNUSED_S):
        converter.retire_unused()
    while not stop.wait(RETIRE_IDLE_S):
        converter.retire_idle()


def _number(variable: str, default: int, least: int = 1) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or int(text) < least:
        raise SystemExit(f"{variable} must be a whole number of at least {least}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
