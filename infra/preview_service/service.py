"""The HTTP application: serves a part of Gotenberg's protocol with a converter."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.preview_service.converter import Busy, Converter
from infra.preview_service.forms import BadForm, read_form
from layers.domain.errors import DecoderCrashed, PermanentError, Snooze, TransientError
from layers.domain.formats import WORKBOOK
from layers.telemetry import prometheus
from layers.telemetry.log import log
from layers.telemetry.prometheus import Sample

CONVERT, HEALTH, METRICS = "/forms/libreoffice/convert", "/health", "/metrics"
VALUES = "/forms/libreoffice/values"  # not in Gotenberg: a workbook with the values of its formulas
TEXT = "text/plain; charset=UTF-8"
CHUNK_BYTES = 1 << 16
TITLES = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
    422: "Unprocessable Content", 503: "Service Unavailable",
}  # fmt: skip
# The status and the sentence for each reason why a document can't be printed, in Gotenberg's words if it has any. All
# are 4xx, because trying again would not help.
REFUSALS = {
    "password_protected": (400, "The document '{name}' is password-protected. Send it without a password."),
    "corrupt": (
        400,
        "LibreOffice could not read the document '{name}'. Ensure the file is not corrupted and that its extension "
        "matches its actual format.",
    ),
    "too_large": (413, "The document '{name}' is too large to be printed."),
    "timeout": (422, "The document '{name}' takes too long to be printed."),
    "crashed": (422, "LibreOffice crashed twice on the document '{name}'."),
}
OTHER_REFUSAL = (422, "The document '{name}' can't be printed: {detail}.")
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Answer = tuple[int, dict[str, str], Iterable[bytes]]


class Service:
    """A WSGI application."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        start_response(f"{status} {TITLES[status]}", list(headers.items()))
        return body

    def _answer(self, environ: dict[str, Any]) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path in (CONVERT, VALUES):
            return self._convert(environ, path == VALUES) if method == "POST" else _text(405, "Method Not Allowed")
        if method not in ("GET", "HEAD"):
            return _text(405 if path in (HEALTH, METRICS) else 404, "Method Not Allowed")
        if path == HEALTH:
            return self._health()
        if path == METRICS:
            return 200, {"Content-Type": prometheus.MEDIA_TYPE}, [prometheus.text(samples(self._converter)).encode()]
        return _text(404, "Not Found")

    def _convert(self, environ: dict[str, Any], computes: bool) -> Answer:
        folder, began, name = Path(tempfile.mkdtemp(prefix="fairway-preview-")), time.monotonic(), ""
        keeps_folder = False
        try:
            length = int(environ.get("CONTENT_LENGTH") or -1)
            form = read_form(environ.get("CONTENT_TYPE", ""), length, environ["wsgi.input"], folder)
            name = form.name
            (folder / "printed").mkdir()
            made = self._converter.convert(form, folder / "printed", computes)
            keeps_folder = True
            media_type = WORKBOOK if computes else "application/pdf"
            headers = {"Content-Type": media_type, "Content-Length": str(made.stat().st_size)}
            log("converted", media_type=form.media_type, ms=round((time.monotonic() - began) * 1000))
            return 200, headers, _SentOnce(made, folder)
        except BadForm as error:
            return _text(400, str(error))
        except Busy as error:
            return _text(503, str(error), **{"Retry-After": str(error.retry_after_s)})
        except (Snooze, TransientError) as error:
            log("conversion_failed", detail=str(error))
            return _text(503, "The host has no resources for a conversion. Retry shortly.", **{"Retry-After": "10"})
        except (PermanentError, DecoderCrashed) as error:
            code = "crashed" if isinstance(error, DecoderCrashed) else error.code
            log("conversion_refused", code=code, detail=error.detail)
            status, sentence = REFUSALS.get(code, OTHER_REFUSAL)
            return _text(status, sentence.format(name=name, detail=error.detail))
        finally:
            if not keeps_folder:
                shutil.rmtree(folder, ignore_errors=True)

    def _health(self) -> Answer:
        works = self._converter.works
        state = "up" if works else "down"
        details = {"libreoffice": {"status": state, "timestamp": datetime.now(UTC).isoformat()}}
        body = json.dumps({"status": state, "details": details}).encode()
        return 200 if works else 503, {"Content-Type": "application/json"}, [body]


class _SentOnce:
    """The content of a file. Its folder is removed once it has been sent."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._file, self._folder = path.open("rb"), folder

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def samples(converter: Converter) -> list[Sample]:
    """The metrics of the service."""
    return [
        Sample("preview_waiting", converter.waiting),
        Sample("preview_idle_processes", converter.processes),
        Sample("preview_conversion_seconds", converter.spent_s),
        *(Sample("preview_conversions", count, {"outcome": name}) for name, count in converter.outcomes.items()),
    ]


def _text(status: int, text: str, **headers: str) -> Answer:
    return status, {"Content-Type": TEXT, **headers}, [text.encode()]
