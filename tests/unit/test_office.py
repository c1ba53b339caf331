"""Old documents of Word and PowerPoint are read with their tables, headers, footers and notes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from layers.decoders import office
from layers.domain.errors import PermanentError

SAMPLES = Path(__file__).parent.parent / "samples"
DOC, PPT = "application/msword", "application/vnd.ms-powerpoint"


def lines_of(path: Path, media_type: str) -> list[str]:
    (page,) = office.read_text(str(path), media_type)
    return str(page["text"]).splitlines()


def test_a_row_of_a_table_is_a_line_between_header_and_footer() -> None:
    lines = lines_of(SAMPLES / "joinery-invoice.doc", DOC)
    assert lines[0] == "Brook Street Joinery, 14 Brook Street, Leeds"
    assert "Oak shelf, 120 cm\t4\t62.50\t250.00" in lines
    assert lines[-1] == "VAT number GB 123 4567 89"


def test_slides_are_followed_by_the_notes_of_the_speaker(tmp_path: Path) -> None:
    path = tmp_path / "a.ppt"
    path.write_bytes(gzip.decompress((SAMPLES / "order-review.ppt.gz").read_bytes()))
    lines = lines_of(path, PPT)
    notes = lines.index("Thank the kitchen first; the figures come after.")
    assert lines.index("Spring order review") < lines.index("Notes:") < notes < lines.index("What was ordered")


def test_text_that_the_structure_lacks_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Document:
        def plain_text(self) -> str:
            return "Total 9\nin a box"

        def to_ir(self) -> dict[str, object]:
            return {
                "sections": [{"elements": [{"type": "paragraph", "content": [{"type": "text", "text": "Total 9"}]}]}]
            }

    monkeypatch.setattr(office, "_opened", lambda *_: Document())
    assert lines_of(Path("a.doc"), DOC) == ["Total 9", "in a box"]


@pytest.mark.parametrize(("content", "code"), [(b"\xd0\xcf\x11\xe0 no container", "corrupt"), (b"", "corrupt")])
def test_a_damaged_document_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.doc"
    path.write_bytes(content)
    with pytest.raises(PermanentError) as refused:
        office.read_text(str(path), DOC)
    assert refused.value.code == code
