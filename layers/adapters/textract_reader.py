"""Amazon Textract: words with boxes and confidence for one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layers.domain.errors import PermanentError, Snooze, TransientError
from layers.domain.file import File
from layers.domain.page import Page, Word

THROTTLED = {"ThrottlingException", "ProvisionedThroughputExceededException", "LimitExceededException"}
REFUSED = {
    "UnsupportedDocumentException",
    "BadDocumentException",
    "DocumentTooLargeException",
    "InvalidS3ObjectException",
}
THROTTLED_S = 5.0
POLL_S = 3.0


class TextractReader:
    """One text detection job for a file; its token is the caller's, so that asking again finds the same job."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._make_client = client
        self._bucket = bucket
        self._made: Any = None

    def read(self, file: File, page_numbers: Sequence[int], token: str) -> list[Page]:
        """The wanted pages as Textract reads them.

        Raises Snooze while it throttles or is at work, PermanentError for a file that it refuses,
        TransientError when it can't be reached.
        """
        job_id = self._ask(
            "start_document_text_detection",
            DocumentLocation={"S3Object": self._object(file)},
            ClientRequestToken=token[:64],
        )["JobId"]
        blocks: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        while True:
            answer = self._ask("get_document_text_detection", JobId=job_id, **following)
            if answer["JobStatus"] == "IN_PROGRESS":
                raise Snooze(POLL_S, "Amazon Textract is reading the file")
            if answer["JobStatus"] == "FAILED":
                raise PermanentError(
                    "textract_failed", f"Amazon Textract could not read it: {answer.get('StatusMessage')}"
                )
            blocks += answer.get("Blocks", ())
            if not answer.get("NextToken"):
                break
            following = {"NextToken": answer["NextToken"]}
        wanted = set(page_numbers)
        return [page for page in _pages(blocks) if page.number in wanted]

    def _object(self, file: File) -> dict[str, str]:
        place = {"Bucket": self._bucket, "Name": file.object_key}
        return place | {"Version": file.version_id} if file.version_id else place

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        if self._made is None:
            self._made = self._make_client()
        try:
            return getattr(self._made, operation)(**arguments)  # type: ignore[no-any-return]
        except Exception as error:
            code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code")
            if code in THROTTLED:
                raise Snooze(THROTTLED_S, "Amazon Textract is limiting calls") from None
            if code in REFUSED:
                raise PermanentError("textract_refused", f"Amazon Textract does not take this file ({code})") from None
            raise TransientError("textract_unreachable", f"Amazon Textract did not answer ({code or error})") from error


def _pages(blocks: Sequence[dict[str, Any]]) -> list[Page]:
    numbers = sorted({block.get("Page", 1) for block in blocks})
    return [_page(number, [block for block in blocks if block.get("Page", 1) == number]) for number in numbers]


def _page(number: int, blocks: Sequence[dict[str, Any]]) -> Page:
    words = tuple(_word(block) for block in blocks if block["BlockType"] == "WORD")
    text = "\n".join(block["Text"] for block in blocks if block["BlockType"] == "LINE")
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    return Page(number, text, words, "textract", round(confidence, 1), 1.0, 1.0)


def _word(block: dict[str, Any]) -> Word:
    box = block["Geometry"]["BoundingBox"]
    left, top = box["Left"], box["Top"]
    return Word(block["Text"], left, top, left + box["Width"], top + box["Height"], block["Confidence"])
