"""The table that `make run` prints."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from infra.local.session import _print_table


def file(name: str, *records: dict[str, Any], state: str = "done") -> dict[str, Any]:
    error = {"code": "corrupt", "detail": "the file is damaged"} if state == "failed" else None
    artifacts = {"text": {"source": "ocr"}, "preview": {"url": "x"}, "thumbnail": None}
    return {"name": name, "state": state, "records": records, "artifacts": artifacts, "error": error}


def record(*doubtful: str, **fields: Any) -> dict[str, Any]:
    return {"fields": fields, "doubtful": list(doubtful)}


def printed(*files: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    _print_table(Console(file=out, width=120), list(files))
    return [" ".join(line.replace("│", " ").split()) for line in out.getvalue().splitlines()]


def test_values_that_may_be_wrong_have_a_question_mark() -> None:
    lines = printed(
        file("a.jpg", record("total", "items[0].amount", total=9.8, company="Lian Hing", items=[])),
        file("b.jpg", record(total=12.0, company="Corner [shop]")),
    )
    assert "a.jpg done ocr 9.8 ? Lian Hing [] ? preview" in lines
    assert "b.jpg done ocr 12.0 Corner [shop] preview" in lines
    assert "? 1 record has values that may be wrong; the page shows them beside the file" in lines


def test_without_doubts_nothing_is_said_of_them() -> None:
    assert not any("?" in line for line in printed(file("a.jpg", record(total=9.8)), file("b.jpg", state="failed")))


def test_each_document_of_a_file_has_a_row() -> None:
    lines = printed(file("two.tiff", record(total=1.0), record("total", total=2.0)))
    assert "its document 2 2.0 ?" in lines
