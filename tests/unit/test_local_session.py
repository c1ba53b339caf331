"""What `make run` does with a folder: it uploads as `fairway upload` does, and prints the records."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from infra.local import session
from tests.fakes.fairway import FakeFairway

DATASET = {"id": "d", "name": "inbox", "counts": {"files": 0, "by_state": {}}}
SETTLED = {"main": {"state": "done"}}


def shown(name: str) -> dict[str, Any]:
    """A file that was processed."""
    artifacts = {"text": {"source": "native"}, "record": {}, "original": {}}
    record = {"fields": {"total": 9.5}, "doubtful": []}
    return {
        "id": name, "name": name, "batch_id": "b-m0", "state": "done", "stage": None, "pipelines": SETTLED,
        "artifacts": artifacts, "records": [record], "error": None,
    }  # fmt: skip


@pytest.fixture
def fairway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFairway:
    monkeypatch.setenv("FAIRWAY_HOME", str(tmp_path / "home"))
    fake = FakeFairway()

    def answer(request: httpx.Request) -> httpx.Response | None:
        called = f"{request.method} {request.url.path}"
        if called == "GET /datasets":
            return httpx.Response(200, json={"datasets": [], "next_cursor": None})
        if called == "POST /datasets":
            return httpx.Response(201, json=DATASET)
        if called == "GET /datasets/d/files":
            files = [shown(name) for name in fake.names()]
            return httpx.Response(200, json={"files": files, "next_cursor": None, "changes_cursor": "c"})
        return None

    fake.answer = answer
    return fake


def test_a_folder_is_uploaded_and_its_records_are_printed(fairway: FakeFairway, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "in").mkdir(parents=True)
    for name in ("a.txt", "in/b.txt"):
        (inbox / name).write_text(name)
    console = Console(file=io.StringIO(), width=140)
    session._process(console, fairway.client(), inbox, None)
    output = console.file.getvalue()  # type: ignore[attr-defined]
    assert "a.txt" in output and "in/b.txt" in output and "9.5" in output and "2 done" in output
    assert set(fairway.objects.values()) == {b"a.txt", b"in/b.txt"}
    assert list((tmp_path / "home" / "uploads").glob("*.sqlite3"))


def test_an_empty_folder_is_named(fairway: FakeFairway, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=140)
    session._process(console, fairway.client(), tmp_path, None)
    assert "There are no files" in console.file.getvalue()  # type: ignore[attr-defined]


# --- the table -------------------------------------------------------------------------------------------


def file(name: str, *records: dict[str, Any], state: str = "done") -> dict[str, Any]:
    error = {"code": "corrupt", "detail": "the file is damaged"} if state == "failed" else None
    artifacts = {"text": {"source": "ocr"}, "preview": {"url": "x"}, "thumbnail": None}
    return {"name": name, "state": state, "records": records, "artifacts": artifacts, "error": error}


def record(*doubtful: str, **fields: Any) -> dict[str, Any]:
    return {"fields": fields, "doubtful": list(doubtful)}


def printed(*files: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    session._print_table(Console(file=out, width=120), list(files))
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
