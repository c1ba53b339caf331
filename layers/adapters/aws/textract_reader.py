"""Amazon Textract: words with boxes and confidence, of single pages at once or of a long file by one job."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from layers.domain.errors import LIMITING, DependencyDown, PermanentError, Snooze, Throttled, TransientError
from layers.domain.file import File
from layers.domain.meter import Meter
from layers.domain.page import Page, Word
from layers.domain.paid_reading import READING, as_it_is, by_one_job
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
ASKED_AGAIN_S = 30.0


class TextractReader:
    """`bucket` is where Textract finds the files, if it can reach the object store at all (`file.reach`).

    The client is one without retries of its own: a step's are the ones that count. Each call waits for its turn.
    """

    def __init__(self, client: Callable[[], Any], bucket: str, pace: Pace | None = None) -> None:
        self._make_client = client
        self._pace = pace or AtOnce()
        self._bucket = bucket
        self._made: Any = None
        self._was_up: tuple[float, bool | None] = (-ASKED_AGAIN_S, None)

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """The wanted pages as Textract reads them; one on which it finds no word has no source.

        Few pages are handed over one by one, drawn as `picture` gives them; many are read by one job, which the
        token names. Raises Throttled, Snooze while the job is at work, PermanentError for a file that it refuses,
        DependencyDown where it works for nobody, TransientError where this call failed.
        """
        if by_one_job(file, len(page_numbers)):
            return self._by_job(file, page_numbers, token, meter)
        return [self._at_once(file, number, picture, meter) for number in page_numbers]

    def is_up(self) -> bool | None:
        """Whether it answers and takes our credentials: asked for a job that is none, which costs nothing.

        None where this very process may not ask: the workers' role may have the right that the API's has not.
        """
        asked_at, was_up = self._was_up
        if time.monotonic() - asked_at < ASKED_AGAIN_S:
            return was_up
        up: bool | None = True
        try:
            self._client().get_document_text_detection(JobId="0" * 64)
        except Exception as error:
            if not isinstance(_as_verb(error), PermanentError | Throttled):
                up = None if _code(error) == "AccessDeniedException" else False
        self._was_up = (time.monotonic(), up)
        return up

    def _at_once(self, file: File, number: int, picture: PagePicture, meter: Meter) -> Page:
        document = {"S3Object": self._object(file)} if as_it_is(file) else {"Bytes": picture(number).read_bytes()}
        answer = self._ask("detect_document_text", Document=document)
        meter.add(calls=1, pages=1)
        with _understood():
            return _page(number, answer.get("Blocks") or ())

    def _by_job(self, file: File, page_numbers: Sequence[int], token: str, meter: Meter) -> list[Page]:
        started = self._ask(
            "start_document_text_detection",
            DocumentLocation={"S3Object": self._object(file)},
            ClientRequestToken=token[:64],
        )
        meter.add(calls=1)
        with _understood():
            return self._await_job(started["JobId"], file, page_numbers, meter)

    def _await_job(self, job_id: str, file: File, page_numbers: Sequence[int], meter: Meter) -> list[Page]:
        blocks: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        while True:
            answer = self._ask("get_document_text_detection", JobId=job_id, **following)
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
            following = {"NextToken": answer["NextToken"]}
        meter.add(pages=int((answer.get("DocumentMetadata") or {}).get("Pages") or file.page_count or 1))
        return _pages(blocks, page_numbers)

    def _object(self, file: File) -> dict[str, str]:
        place = {"Bucket": self._bucket, "Name": file.object_key}
        return place | {"Version": file.version_id} if file.version_id else place

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        self._pace()
        try:
            return getattr(self._client(), operation)(**arguments)  # type: ignore[no-any-return]
        except Exception as error:
            raise _as_verb(error) from None

    def _client(self) -> Any:
        if self._made is None:
            self._made = self._make_client()
        return self._made


def _poll_s(file: File) -> float:
    """Seconds until the job is looked at again: longer for a longer file."""
    return min(LONGEST_POLL_S, POLL_S + (file.page_count or 1) / 20)


def _as_verb(error: Exception) -> Exception:
    kind = type(error).__name__
    said = (getattr(error, "response", None) or {}).get("Error", {})
    code = _code(error)
    status = ((getattr(error, "response", None) or {}).get("ResponseMetadata") or {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or status == 429:
        return Throttled(THROTTLED_S, f"Amazon Textract {LIMITING}", NAME)
    if code in REFUSED or code == "InvalidJobIdException":
        return PermanentError("textract_refused", f"Amazon Textract does not take this file ({code}: {_brief(said)})")
    if code == "IdempotentParameterMismatchException":
        return PermanentError("textract_refused", "Amazon Textract knows this file's job for another object")
    if code in FAILED or status == 500:
        return TransientError("textract_failed_once", f"Amazon Textract failed ({code or status})")
    if code:
        # Keys, rights, a service that is out: nothing of the file's, and the next file would meet the same.
        return DependencyDown(NAME, f"Amazon Textract does not take our requests ({code}: {_brief(said)})")
    if kind in UNREACHABLE:
        return DependencyDown(NAME, f"Amazon Textract can't be reached ({kind})")
    if kind in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"):
        return DependencyDown(NAME, f"Amazon Textract can't be asked: {error}")
    # An answer in time, or a whole one, may fail for this very file: it spends an attempt.
    return TransientError("textract_timeout", f"Amazon Textract did not answer ({kind})")


def _code(error: Exception) -> str:
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code") or "")


def _brief(said: dict[str, Any]) -> str:
    return " ".join(str(said.get("Message", "")).split())[:200]


@contextmanager
def _understood() -> Iterator[None]:
    """An answer of another shape than Textract's is a call that failed."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError(
            "textract_answer", f"Amazon Textract gave an answer of a strange shape ({error!r})"
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
    places = [float(one) for one in (left, top, left + box["Width"], top + box["Height"], block["Confidence"])]
    if not isinstance(block["Text"], str) or not all(map(math.isfinite, places)):
        raise ValueError("a word that is none")
    return Word(block["Text"], *places)
