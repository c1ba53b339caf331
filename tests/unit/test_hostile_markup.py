"""Markup and mail with endless nesting or endless parts are read up to a limit, which a note mentions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.decoders import embedded, messages, web_pages
from tests.hostile import hostile_files


def test_a_page_that_is_nested_too_deep_is_shown_as_text() -> None:
    shown = web_pages.sanitised("<div>" * 100_000 + "Invoice &lt;b&gt; 4711<script>evil()</script>")
    assert shown == "<pre>Invoice &lt;b&gt; 4711</pre>"


@pytest.mark.parametrize("row", ["<tr><td>a<td>b", "<p>a", "<li>a", "<br>", "<div>a</div>", "<option>a"])
def test_a_long_page_does_not_count_as_deep(row: str) -> None:
    assert "<pre>" not in web_pages.sanitised(f"<body><h1>Total</h1>{row * 5000}")


def test_tables_of_a_web_page_have_no_lines_and_those_of_a_csv_have(tmp_path: Path) -> None:
    page, values = tmp_path / "page", tmp_path / "values"
    page.write_text("</div><table border=0><tr><td>Logo<td><table border=1><tr><td>1</table></table>")
    values.write_text("a,b\n1,2\n")
    shown = web_pages.body_of(str(page), "text/html")
    assert shown.startswith("<div class='web'><table border=\"0\">") and '<table border="1">' in shown
    assert "web" not in web_pages.body_of(str(values), "text/csv")


def pages_of(path: Path) -> list[dict[str, Any]]:
    return embedded.read_text(str(path), "message/rfc822")


def test_only_the_first_parts_of_a_mail_with_very_many_are_read_and_a_note_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(hostile_files.mail_of_many_parts(5000))
    (page,) = pages_of(path)
    assert messages.MAX_PARTS - 2 <= page["text"].count("part of many") <= messages.MAX_PARTS
    assert [lost for text, lost in page["notes"] if "too many parts" in text] == [True]


def test_mails_inside_mails_are_read_up_to_a_limit_and_a_note_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(hostile_files.mail_within_mails(3000))
    pages = pages_of(path)
    assert "Subject: level 2999" in pages[0]["text"] and "Subject: level 2900" in pages[99]["text"]
    assert [True for page in pages for text, lost in page.get("notes", ()) if lost]


def test_a_mail_of_some_parts_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(hostile_files.mail_of_many_parts(3))
    (page,) = pages_of(path)
    assert page["text"].count("part of many") == 3 and not page.get("notes")
