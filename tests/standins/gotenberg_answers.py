"""Requests to a preview service, and what a real Gotenberg answered to them: tests/samples/gotenberg/answers.json.

    python -m tests.standins.gotenberg_answers http://127.0.0.1:3000 8.26.0 > tests/samples/gotenberg/answers.json

asks the Gotenberg at this address again. PDFs are recorded as their number of pages and the beginning of their text.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pypdfium2 as pdfium

ROOT = Path(__file__).parent.parent
SAMPLES, OTHERS = ROOT.parent / "events" / "samples", ROOT / "samples"
RECORDED = OTHERS / "gotenberg" / "answers.json"
LETTER, SLIDES = SAMPLES / "joinery-invoice.docx", SAMPLES / "order-review.pptx"
LOCKED = OTHERS / "gotenberg" / "locked-letter.docx"  # its password is "fairway"
GARBAGE = b"PK\x03\x04" + bytes(range(256)) * 20
CONVERT = "/forms/libreoffice/convert"
MOST_TEXT = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A request: a document under a file name with the fields of its form; without a name, a form without a file."""

    name: str
    document: Path | bytes = b""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.document.read_bytes() if isinstance(self.document, Path) else self.document


CASES = {
    "all pages": Case("document.pptx", SLIDES),
    "the first page by a range": Case("document.pptx", SLIDES, {"nativePageRanges": "1-1"}),
    "the first page by its number": Case("document.pptx", SLIDES, {"nativePageRanges": "1"}),
    "two pages by their numbers": Case("document.pptx", SLIDES, {"nativePageRanges": "1,3"}),
    "a range that is none": Case("document.docx", LETTER, {"nativePageRanges": "one"}),
    "a letter": Case("document.docx", LETTER),
    "a letter with a password": Case("document.docx", LOCKED),
    "a text under the name of a letter": Case("document.docx", b"This is no letter."),
    "garbage under the name of a letter": Case("document.docx", GARBAGE),
    "a damaged letter": Case("document.docx", LETTER.read_bytes()[:3000]),
    "an empty letter": Case("document.docx", b""),
    "a program": Case("document.exe", b"x"),
    "no document": Case(""),
}


def ask(url: str, case: Case) -> httpx.Response:
    files: Any = {"files": (case.name, case.content)} if case.name else {"other": (None, "")}
    return httpx.post(url + CONVERT, files=files, data=case.fields, timeout=120, trust_env=False)


def facts_of(answer: httpx.Response) -> dict[str, Any]:
    """An answer without what differs from run to run."""
    facts: dict[str, Any] = {"status": answer.status_code, "content_type": answer.headers["content-type"]}
    if answer.headers["content-type"] != "application/pdf":
        return facts | {"text": answer.text}
    document = pdfium.PdfDocument(answer.content)
    try:
        text = document[0].get_textpage().get_text_range()
        return facts | {"pages": len(document), "begins": " ".join(text.split())[:MOST_TEXT]}
    finally:
        document.close()


def recorded() -> dict[str, dict[str, Any]]:
    """The recorded answers by the names of CASES."""
    return json.loads(RECORDED.read_text())["answers"]  # type: ignore[no-any-return]


def main() -> None:
    url, release = sys.argv[1:3]
    answers = {name: facts_of(ask(url, case)) for name, case in CASES.items()}
    print(json.dumps({"gotenberg": release, "answers": answers}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
