"""Speaks Amazon Textract's wire protocol (JSON 1.1 by X-Amz-Target), as scripted: a stand-in for tests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOCKS_A_PAGE = 3


def line(page: int, text: str, confidence: float = 99.0) -> list[dict[str, Any]]:
    """The blocks of one line: the LINE, and a WORD for each of its words, side by side."""
    words = text.split()
    box = {"Left": 0.1, "Top": 0.2, "Width": 0.8, "Height": 0.05}
    blocks = [
        {"BlockType": "LINE", "Text": text, "Page": page, "Confidence": confidence, "Geometry": {"BoundingBox": box}}
    ]
    for place, word in enumerate(words):
        own = {**box, "Left": 0.1 + place * 0.1, "Width": 0.09}
        blocks.append(
            {
                "BlockType": "WORD",
                "Text": word,
                "Page": page,
                "Confidence": confidence,
                "Geometry": {"BoundingBox": own},
            }
        )
    return blocks


@dataclass
class Script:
    """What it answers. `refusals` are given first, in order: (HTTP status, error code) or seconds of silence."""

    blocks: Sequence[dict[str, Any]] = ()
    refusals: list[tuple[int, str] | float] = field(default_factory=list)
    polls_until_done: int = 0
    job_status: str = "SUCCEEDED"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)

    def answer(self, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append((operation, body))
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, tuple):
                return refusal[0], {"__type": refusal[1], "message": "scripted"}
            time.sleep(refusal)
        if operation == "StartDocumentTextDetection":
            job_id = self.jobs.setdefault(body["ClientRequestToken"], f"job-{len(self.jobs) + 1}")
            return 200, {"JobId": job_id}
        if operation == "GetDocumentTextDetection":
            return self._job(body)
        return 400, {"__type": "UnknownOperationException", "message": operation}

    def _job(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["JobId"] not in self.jobs.values():
            return 400, {"__type": "InvalidJobIdException", "message": "no such job"}
        if self.polls_until_done > 0:
            self.polls_until_done -= 1
            return 200, {"JobStatus": "IN_PROGRESS"}
        if self.job_status != "SUCCEEDED":
            return 200, {"JobStatus": self.job_status, "StatusMessage": "scripted"}
        start = int(body.get("NextToken", 0))
        end = start + BLOCKS_A_PAGE
        more = {"NextToken": str(end)} if end < len(self.blocks) else {}
        return 200, {"JobStatus": "SUCCEEDED", "Blocks": list(self.blocks[start:end]), **more}


@contextmanager
def textract(script: Script) -> Iterator[str]:
    """The address of a stand-in that answers by the script."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].removeprefix("Textract.")
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = script.answer(operation, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the caller may have given up
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
