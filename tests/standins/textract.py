"""A stand-in for Amazon Textract (JSON 1.1 by X-Amz-Target): DetectDocumentText, and jobs on stored objects.

`python -m tests.standins.textract --port 4599`, then AWS_ENDPOINT_URL_TEXTRACT=http://127.0.0.1:4599. It reads
no image and returns the lines of its settings. It has the settings of every stand-in (`tests/standins/server.py`):
- `always` and `next` may be `right`, `outage` (503), `failure` (500), `denied` (AccessDeniedException), `hang_up`, or
  the name of any error of Textract's, such as `BadDocumentException`.
- `pages` are the lines of each page; `documents` are the same by object key; `confidence` is that of every word.
- `job_polls` and `job_s`: after how many polls, or seconds, a job is done; `job_status` is its result.
- `blocks_a_page` splits long answers (NextToken); `most_jobs` is how many jobs may run at once.
It refuses what Textract refuses: unsigned calls, bytes that are not PNG or JPEG or are over 5 MB, a token that was
used for another object, an unknown job.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.standins.server import Answer, Served, Settings, Standin, main

MOST_SENT_BYTES = 5 * 1024 * 1024
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
LIMITS = "ProvisionedThroughputExceededException"
STATUS = {"outage": (503, "ServiceUnavailable"), "failure": (500, "InternalServerError"),
          "denied": (400, "AccessDeniedException")}  # fmt: skip


@dataclass
class TextractSettings(Settings):
    pages: list[list[str]] = field(default_factory=lambda: [["Stand-in of Textract", "Total 9.00"]])
    documents: dict[str, list[list[str]]] = field(default_factory=dict)
    confidence: float = 99.0
    job_polls: int = 0
    job_s: float = 0.0
    job_status: str = "SUCCEEDED"
    blocks_a_page: int = 1000
    most_jobs: int = 100


@dataclass
class Job:
    token: str
    location: dict[str, Any]
    polls_left: int
    ready_at: float


class Textract(Standin):
    settings_type = TextractSettings
    settings: TextractSettings
    content_type = "application/x-amz-json-1.1"

    def reset(self) -> None:
        super().reset()
        self.jobs: dict[str, Job] = {}

    def is_probe(self, method: str, path: str, body: bytes) -> bool:
        return b'"JobId": "' + b"0" * 64 in body

    def throttled(self) -> Answer:
        return _refused(LIMITS, "Rate exceeded")

    def answer(self, due: Any, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        operation = (headers.get("X-Amz-Target") or "").removeprefix("Textract.")
        request = json.loads(body or b"{}")
        with self.lock:
            self.counts[operation] += 1
            self.asked.append((operation, _without_bytes(request)))
            if "AWS4-HMAC-SHA256" not in (headers.get("Authorization") or ""):
                return _refused("MissingAuthenticationTokenException", "the call is not signed")
            if due in STATUS:
                status, code = STATUS[due]
                return _refused(code, "as configured", status)
            if due != "right":
                return _refused(str(due), "as configured")
            match operation:
                case "DetectDocumentText":
                    return self._detect(request.get("Document") or {})
                case "StartDocumentTextDetection":
                    return self._start(request)
                case "GetDocumentTextDetection":
                    return self._get(request)
            return _refused("UnknownOperationException", operation)

    def _detect(self, document: dict[str, Any]) -> Answer:
        if "Bytes" in document:
            content = base64.b64decode(document["Bytes"])
            if len(content) > MOST_SENT_BYTES:
                return _refused("DocumentTooLargeException", f"{len(content)} bytes")
            if not content.startswith(PICTURES):
                return _refused("UnsupportedDocumentException", "bytes must be PNG or JPEG")
            lines = self.settings.pages[min(self.counts["sent_pages"], len(self.settings.pages) - 1)]
            self.counts["sent_pages"] += 1
        else:
            pages = self._of(document["S3Object"])
            if len(pages) > 1:
                return _refused("UnsupportedDocumentException", "more than one page")
            lines = pages[0] if pages else []
        self.counts["pages"] += 1
        return Answer(200, {"DocumentMetadata": {"Pages": 1}, "Blocks": blocks(1, lines, self.settings.confidence)})

    def _start(self, request: dict[str, Any]) -> Answer:
        token, location = request.get("ClientRequestToken") or "", request["DocumentLocation"]["S3Object"]
        for job_id, job in self.jobs.items():
            if token and job.token == token:
                if job.location != location:
                    return _refused("IdempotentParameterMismatchException", "another object")
                return Answer(200, {"JobId": job_id})
        if sum(not self._is_done(job) for job in self.jobs.values()) >= self.settings.most_jobs:
            return _refused("LimitExceededException", "too many jobs")
        job_id = f"{len(self.jobs) + 1:064d}"
        ready_at = time.monotonic() + self.settings.job_s
        self.jobs[job_id] = Job(token, location, self.settings.job_polls, ready_at)
        self.counts["jobs"] += 1
        self.counts["pages"] += len(self._of(location))
        return Answer(200, {"JobId": job_id})

    def _get(self, request: dict[str, Any]) -> Answer:
        job = self.jobs.get(request["JobId"])
        if job is None:
            return _refused("InvalidJobIdException", "no such job")
        if not self._is_done(job):
            job.polls_left -= 1
            return Answer(200, {"JobStatus": "IN_PROGRESS"})
        if self.settings.job_status not in ("SUCCEEDED", "PARTIAL_SUCCESS"):
            return Answer(200, {"JobStatus": self.settings.job_status, "StatusMessage": "as configured"})
        pages = self._of(job.location)
        found = [block for n, lines in enumerate(pages, 1) for block in blocks(n, lines, self.settings.confidence)]
        start = int(request.get("NextToken") or 0)
        end = start + min(self.settings.blocks_a_page, request.get("MaxResults") or 1000)
        more = {"NextToken": str(end)} if end < len(found) else {}
        body = {"JobStatus": self.settings.job_status, "DocumentMetadata": {"Pages": len(pages)}}
        return Answer(200, body | {"Blocks": found[start:end], **more})

    def _is_done(self, job: Job) -> bool:
        return job.polls_left <= 0 and time.monotonic() >= job.ready_at

    def _of(self, location: dict[str, Any]) -> list[list[str]]:
        return self.settings.documents.get(location["Name"], self.settings.pages)


def blocks(page: int, lines: Sequence[str], confidence: float = 99.0) -> list[dict[str, Any]]:
    """The blocks of a page: one PAGE, a LINE for each line below the last, and a WORD for each word, side by side."""
    found = [_block("PAGE", "", page, confidence, (0.0, 0.0, 1.0, 1.0))]
    for row, text in enumerate(lines):
        top = 0.1 + row * 0.05
        found.append(_block("LINE", text, page, confidence, (0.1, top, 0.8, 0.04)))
        found += [
            _block("WORD", word, page, confidence, (0.1 + column * 0.1, top, 0.09, 0.04))
            for column, word in enumerate(text.split())
        ]
    return found


def _block(kind: str, text: str, page: int, confidence: float, box: tuple[float, ...]) -> dict[str, Any]:
    bounds = dict(zip(("Left", "Top", "Width", "Height"), box, strict=True))
    shown = {"Text": text, "Confidence": confidence} if kind != "PAGE" else {}
    return {"BlockType": kind, "Page": page, "Geometry": {"BoundingBox": bounds}, **shown}


def _refused(code: str, message: str, status: int = 400) -> Answer:
    return Answer(status, {"__type": code, "message": message})


def _without_bytes(request: dict[str, Any]) -> dict[str, Any]:
    document = request.get("Document")
    if isinstance(document, dict) and "Bytes" in document:
        return {**request, "Document": {"Bytes": f"{len(document['Bytes'])} characters of base64"}}
    return request


def served(**settings: Any) -> Served:
    """A running stand-in with these settings; the block gets its address."""
    return Served(Textract(**settings))


if __name__ == "__main__":
    main(Textract(), "A stand-in for Amazon Textract.")
