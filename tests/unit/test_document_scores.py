"""The benchmark of documents counts what was read, what is wrong and what was lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.documents.inputs import Document, documents
from benchmarks.documents.readers import Reading
from benchmarks.documents.scoring import Score, row, score

INVOICE = "NORTHWIND\nInvoice number: NW-1\nInvoice date: 11 March 2024\nTotal due GBP 90.00"
OTHER = INVOICE.replace("NW-1", "NW-2").replace("11 March", "12 March").replace("90.00", "75.50")
RIGHT = {"invoice_number": "NW-1", "date": "2024-03-11", "total": 90.0}


@pytest.mark.parametrize(
    ("values", "never", "right", "wrong"),
    [
        ([RIGHT], {}, 3, 0),
        ([RIGHT | {"total": 9.0}], {}, 2, 1),
        ([{"total": 1.0}, {"total": 90.0}], {}, 1, 0),
        ([{"company": "Northwind"}], {}, 1, 0),
        ([], {"invoice_number": "NW-1", "total": 5.0}, 0, 1),
    ],
)
def test_values_are_compared_with_the_best_fitting_expectation(
    values: list[dict[str, object]], never: dict[str, object], right: int, wrong: int
) -> None:
    found = score(Document(Path("a"), None, values, never), {"text": INVOICE})
    assert (found.right, found.wrong) == (right, wrong)


def test_an_answer_without_text_has_nothing_right_and_nothing_wrong() -> None:
    document = Document(Path("a"), INVOICE, [RIGHT])
    for answer in ({"error": "no"}, {"died": True}, {"text": ""}, {"text": None}):
        assert score(document, answer) == Score(0.0, 0, 0, 3, has_text=False)


def test_of_several_documents_only_shared_values_count() -> None:
    pages = [
        {"number": number, "text": text, "words": [], "source": "native", "confidence": 100.0}
        for number, text in enumerate((INVOICE, OTHER), 1)
    ]
    found = score(Document(Path("a"), None, [RIGHT], {"total": 75.5}), {"pages": pages})
    assert (found.right, found.wrong) == (0, 0)


def test_a_file_is_lost_if_another_reader_has_its_text() -> None:
    own = [
        Score(1.0, 2, 1, 3, has_text=True),
        Score(0.0, 0, 0, 2, has_text=False),
        Score(None, 0, 0, 0, has_text=False),
    ]
    shown = row("x", Reading([], 6.0, 1), own, [True, True, False])
    assert list(shown.values()) == ["x", "0.500", "2 of 5", "1", "1", "1", "2.00"]


def test_texts_beside_documents_are_expectations_and_no_documents(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("a.pdf", "b.docx", "plain.txt", "data.json", "gone.pdf.txt", "a.pdf.txt"):
        (folder / name).write_text(name)
    (folder / "b.docx.json").write_text(json.dumps([{"text": "one"}, {"text": "two"}]))
    found = {one.path.name: one.text for one in documents(tmp_path) if one.path.parent == folder}
    assert found == {"a.pdf": "a.pdf.txt", "b.docx": "one\ntwo", "plain.txt": None, "data.json": None}
