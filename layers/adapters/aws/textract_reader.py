"""Amazon Textract: words with boxes and confidence. Single pages are read by one call each, a long file by a job."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from layers.domain.errors import LIMITING, DependencyDown, PermanentError, Snooze, Throttled, TransientError
from layers.domain.file import File
from layers.domain.imports import place_of
from layers.domain.meter import Meter
from layers.domain.page import Page, Word
from layers.domain.paid_reading import READING, reads_by_one_job, reads_object_directly
from layers.ports import AtOnce, Pace, PagePicture

NAME = "textract"
THROTTLED = {"ThrottlingException", "ProvisionedThroughputExceededException", "LimitExceededException", "Throttling"}
REFUSED = {
    "UnsupportedDocumentException",
    "BadDocumentException",
    "DocumentTooLargeException",
    "InvalidS3ObjectException",
    "InvalidParameterException",
}
FAILED = {"InternalServerError", "InternalFailure", "RequestTimeout", "RequestTimeoutException"}
UNREACHABLE = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"}
THROTTLED_S = 5.0
POLL_S = 3.0
LONGEST_POLL_S = 20.0
HEALTH_KEPT_S = 30.0


class TextractReader:
    """`bucket` is where the files are, if Textract can read the object store (`file.reach`).

    `client` makes an SDK client without retries: steps have their own. `pace` delays each call to keep the rate limit.
    """

    def __init__(self, client: Callable[[], Any], bucket: str, pace: Pace | None = None) -> None:
        self._make_client = client
        self._pace = pace or AtOnce()
        self._bucket = bucket
        self._sdk: Any = None
        self._was_up: tuple[float, bool | None] = (-HEALTH_KEPT_S, None)

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """The pages as read by Textract; a page without any word has no source.

        A few pages are sent one by one, as rendered by `picture`; many are read by one job, which `token` identifies.
        Raises Throttled; Snooze while the job runs; PermanentError if Textract refuses the file; DependencyDown if it
        refuses every call; TransientError if this call failed.
        """
        if reads_by_one_job(file, len(page_numbers)):
            return self._by_job(file, page_numbers, token, meter)
        return [self._at_once(file, number, picture, meter) for number in page_numbers]

    def is_up(self) -> bool | None:
        """Whether Textract answers and accepts the credentials. The call is for a job that does not exist, which costs
        nothing.

        None if this process lacks the permission for the call, which the workers' role may have.
        """
        checked_at, was_up = self._was_up
        if time.monotonic() - checked_at < HEALTH_KEPT_S:
            return was_up
        up: bool | None = True
        try:
            self._client().get_document_text_detection(JobId="0" * 64)
        except Exception as error:
            if not isinstance(_as_error(error), PermanentError | Throttled):
                up = None if _code(error) == "AccessDeniedException" else False
        self._was_up = (time.monotonic(), up)
        return up

    def _at_once(self, file: File, number: int, picture: PagePicture, meter: Meter) -> Page:
        document = (
            {"S3Object": self._object(file)} if reads_object_directly(file) else {"Bytes": picture(number).read_bytes()}
        )
        answer = self._ask("detect_document_text", Document=document)
        meter.add(calls=1, pages=1)
        with _checking_shape():
            return _page(number, answer.get("Blocks") or ())

    def _by_job(self, file: File, page_numbers: Sequence[int], token: str, meter: Meter) -> list[Page]:
        started = self._ask(
            "start_document_text_detection",
            DocumentLocation={"S3Object": self._object(file)},
            ClientRequestToken=token[:64],
        )
        meter.add(calls=1)
        with _checking_shape():
            return self._await_job(started["JobId"], file, page_numbers, meter)

    def _await_job(self, job_id: str, file: File, page_numbers: Sequence[int], meter: Meter) -> list[Page]:
        blocks: list[dict[str, Any]] = []
        next_page: dict[str, str] = {}
        while True:
            answer = self._ask("get_document_text_detection", JobId=job_id, **next_page)
            meter.add(calls=1)
            if answer["JobStatus"] == "IN_PROGRESS":
                raise Snooze(_poll_s(file), READING)
            if answer["JobStatus"] == "FAILED":
                raise PermanentError(
                    "textract_failed", f"Amazon Textract could not read it: {answer.get('StatusMessage')}"
                )
            blocks += answer.get("Blocks") or ()
            if not answer.get("NextToken"):
                break
            next_page = {"NextToken": answer["NextToken"]}
        meter.add(pages=int((answer.get("DocumentMetadata") or {}).get("Pages") or file.page_count or 1))
        return _pages(blocks, page_numbers)

    def _object(self, file: File) -> dict[str, str]:
        bucket, key = place_of(file.object_key) or (self._bucket, file.object_key)
        location = {"Bucket": bucket, "Name": key}
        return location | {"Version": file.version_id} if file.version_id else location

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        self._pace()
        try:
            return getattr(self._client(), operation)(**arguments)  # type: ignore[no-any-return]
        except Exception as error:
            raise _as_error(error) from None

    def _client(self) -> Any:
        if self._sdk is None:
            self._sdk = self._make_client()
        return self._sdk


def _poll_s(file: File) -> float:
    """Seconds until the job is polled again: more for a longer file."""
    return min(LONGEST_POLL_S, POLL_S + (file.page_count or 1) / 20)


def _as_error(error: Exception) -> Exception:
    kind = type(error).__name__
    details = (getattr(error, "response", None) or {}).get("Error", {})
    code = _code(error)
    status = ((getattr(error, "response", None) or {}).get("ResponseMetadata") or {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or status == 429:
        return Throttled(THROTTLED_S, f"Amazon Textract {LIMITING}", NAME)
    if code in REFUSED or code == "InvalidJobIdException":
        return PermanentError("textract_refused", f"Amazon Textract refuses this file ({code}: {_brief(details)})")
    if code == "IdempotentParameterMismatchException":
        return PermanentError("textract_refused", "Amazon Textract has a job of this token for another object")
    if code in FAILED or status == 500:
        return TransientError("textract_failed_once", f"Amazon Textract failed ({code or status})")
    if code:
        # Credentials, permissions, an outage: every other file would get the same error.
        return DependencyDown(NAME, f"Amazon Textract refuses our requests ({code}: {_brief(details)})")
    if kind in UNREACHABLE:
        return DependencyDown(NAME, f"Amazon Textract can't be reached ({kind})")
    if kind in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"):
        return DependencyDown(NAME, f"Amazon Textract can't be called: {error}")
    # A timeout or a broken connection may be caused by this file, so it uses up an attempt.
    return TransientError("textract_timeout", f"Amazon Textract did not answer ({kind})")


def _code(error: Exception) -> str:
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code") or "")


def _brief(details: dict[str, Any]) -> str:
    return " ".join(str(details.get("Message", "")).split())[:200]


@contextmanager
def _checking_shape() -> Iterator[None]:
    """Raises TransientError if a response has an unknown shape."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError(
            "textract_answer", f"Amazon Textract sent a response of an unknown shape ({error!r})"
        ) from None


def _pages(blocks: Sequence[dict[str, Any]], page_numbers: Sequence[int]) -> list[Page]:
    by_page: dict[int, list[dict[str, Any]]] = {number: [] for number in page_numbers}
    for block in blocks:
        if (number := block.get("Page", 1)) in by_page:
            by_page[number].append(block)
    return [_page(number, some) for number, some in by_page.items()]


def _page(number: int, blocks: Sequence[dict[str, Any]]) -> Page:
    words = tuple(_word(block) for block in blocks if block["BlockType"] == "WORD")
    if not words:
        return Page(number)
    text = "\n".join(block["Text"] for block in blocks if block["BlockType"] == "LINE")
    confidence = sum(word.confidence for word in words) / len(words)
    return Page(number, text, words, "textract", round(confidence, 1), 1.0, 1.0)


def _word(block: dict[str, Any]) -> Word:
    box = block["Geometry"]["BoundingBox"]
    left, top = box["Left"], box["Top"]
    x0, y0, x1, y1, confidence = numbers = [
        float(number) for number in (left, top, left + box["Width"], top + box["Height"], block["Confidence"])
    ]
    if not isinstance(block["Text"], str) or not all(map(math.isfinite, numbers)):
        raise ValueError("a word without text or box")
    return Word(block["Text"], x0, y0, x1, y1, confidence)
