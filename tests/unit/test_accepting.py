"""The header Accept chooses the media type that suits best."""

from __future__ import annotations

import pytest

from functions.api.accepting import chosen

OFFERED = {"json": "application/json", "csv": "text/csv; charset=utf-8", "arrow": "application/vnd.apache.arrow.stream"}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("Application/VND.Apache.Arrow.Stream", "arrow"),
        ("application/json;q=0.5, application/vnd.apache.arrow.stream", "arrow"),
        ("application/vnd.apache.arrow.stream;q=0.5, application/*", "json"),
        ("application/*;q=0.9, text/csv ; q=1.0", "csv"),
        ("text/*", "csv"),
        ("*/*, application/json;q=0", "csv"),
        ("application/json;q=0", None),
        ("application/json;q=much", None),
        ("application/vnd.apache.arrow.file", None),
        ("text/html", None),
    ],
)
def test_the_best_offer_is_chosen(accept: str, form: str | None) -> None:
    assert chosen(accept, OFFERED) == form
