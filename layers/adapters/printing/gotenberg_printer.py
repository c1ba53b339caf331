"""Prints office documents to PDF with an HTTP service that has Gotenberg's protocol."""

from __future__ import annotations

import http.client
import re
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from layers.domain.errors import DependencyDown, PermanentError, Snooze, TransientError
from layers.domain.formats import WORKBOOK, format_of
from layers.domain.page import Picture
from layers.ports import Connection

DEPENDENCY = "preview"
CONVERT, VALUES = "/forms/libreoffice/convert", "/forms/libreoffice/values"
UNKNOWN_ROUTE = (404, 405)
HEALTH = "/health"
ANSWER_S = 60.0
HEALTH_S = 3.0
MAX_PDF_BYTES = 200 << 20
CHUNK_BYTES = 1 << 16
MAX_REASON_BYTES = 4096
FIRST_PAGE = "1-1"  # Gotenberg before 8.20 ignores a single number, and prints everything
BUSY_DELAY_S, MAX_BUSY_DELAY_S = 5.0, 60.0
# In answers of old and new versions of Gotenberg, and of Fairway's own service.
PASSWORD_WORDS = re.compile(r"is password-protected\. |a password may be required", re.IGNORECASE)


class GotenbergPrinter:
    """A client of one service. `connected` is a context manager that limits the connections to it."""

    def __init__(self, url: str, *, answer_s: float = ANSWER_S, connected: Connection = nullcontext) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._answer_s = answer_s
        self._connected = connected

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`.

        Raises PermanentError if the service refuses the document, DependencyDown if it can't be reached or its health
        check fails, TransientError if only this document fails, Snooze while all connections to it are in use or it has
        too many documents.
        """
        pdf = into / "printed.pdf"
        with self._connected():
            self._convert(path, media_type, pdf, b"%PDF-", CONVERT, first_page_only=first_page_only)
        return Picture(pdf.name, "application/pdf")

    def with_values(self, path: Path, media_type: str, into: Path) -> Picture | None:
        """The workbook with the values of its formulas, which only our own service can compute; None from another.

        Raises as `to_pdf`.
        """
        workbook = into / "computed.xlsx"
        with self._connected():
            status = self._convert(path, media_type, workbook, b"PK\x03\x04", VALUES, may_answer=UNKNOWN_ROUTE)
        return Picture(workbook.name, WORKBOOK) if status == 200 else None

    def _convert(
        self,
        path: Path,
        media_type: str,
        target: Path,
        mark: bytes,
        route: str,
        *,
        first_page_only: bool = False,
        may_answer: tuple[int, ...] = (),
    ) -> int:
        """Save what the service makes of the document, which begins with `mark`. Returns the status: 200, or one of
        `may_answer`, with which nothing is saved."""
        connection = self._connect(self._answer_s)
        try:
            self._post(connection, path, f"document{format_of(media_type).suffix}", first_page_only, route)
            answer = connection.getresponse()
            if answer.status == 200:
                self._save(answer, target, mark)
            elif answer.status not in may_answer:
                self._raise_refusal(answer)
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            self._raise_failure(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def is_up(self) -> bool:
        """Whether the service's health check succeeds."""
        connection = self._connect(HEALTH_S)
        try:
            connection.request("GET", self._url.path + HEALTH)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def retire_idle(self) -> None:
        return None

    def close(self) -> None:
        return None

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=timeout_s)

    def _post(
        self, connection: http.client.HTTPConnection, path: Path, name: str, first_page_only: bool, route: str
    ) -> None:
        """Send a multipart form with the streamed file. Its file name is generated; the original one is not sent."""
        boundary = secrets.token_hex(16)
        fields = {"nativePageRanges": FIRST_PAGE} if first_page_only else {}
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        head += "Content-Type: application/octet-stream\r\n\r\n"
        tail = f"\r\n--{boundary}--\r\n"
        length = len(head) + path.stat().st_size + len(tail)

        def body() -> Iterator[bytes]:
            yield head.encode()
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
            yield tail.encode()

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
        connection.request("POST", self._url.path + route, body=body(), headers=headers)

    def _save(self, answer: http.client.HTTPResponse, target: Path, mark: bytes) -> None:
        size_bytes = 0
        with target.open("wb") as stream:
            while chunk := answer.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > MAX_PDF_BYTES:
                    raise PermanentError("resource_limit", "the document's PDF is larger than the limit")
                stream.write(chunk)
        with target.open("rb") as stream:
            if mark not in stream.read(1024):
                raise TransientError("preview_failed", "the preview service's answer is not what was requested")

    def _raise_refusal(self, answer: http.client.HTTPResponse) -> NoReturn:
        status, delay = answer.status, answer.headers.get("Retry-After", "")
        # Gotenberg also answers 503 if one document takes too long, but then without Retry-After.
        if status == 429 or (status == 503 and delay):
            delay_s = float(delay) if delay.isdigit() else BUSY_DELAY_S
            raise Snooze(min(delay_s, MAX_BUSY_DELAY_S), "the preview service has too many documents")
        if 400 <= status < 500 and status not in (401, 403, 404, 405, 408):
            reason = answer.read(MAX_REASON_BYTES).decode("utf-8", "replace")
            if PASSWORD_WORDS.search(reason):
                raise PermanentError("password_protected", "the file is protected by a password; send it without one")
            raise PermanentError("corrupt", "the preview service can't print the document; it may be damaged")
        self._raise_failure(f"it answered {status}")

    def _raise_failure(self, detail: str) -> NoReturn:
        """Raise the error for a failed request. It depends on the health check, since a document can cause a failure of
        a service that works."""
        if not self.is_up():
            raise DependencyDown(DEPENDENCY, f"the preview service does not work ({detail})") from None
        raise TransientError("preview_failed", f"the preview service failed on this document ({detail})") from None
