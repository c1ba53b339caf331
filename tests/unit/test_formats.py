"""The list of formats, and how the pipelines are planned for each kind of file."""

from __future__ import annotations

from collections import Counter

import pytest

from functions.pipelines import INTAKE, PIPELINES
from layers.adapters.printing.libreoffice_printer import installed
from layers.decoders import libreoffice, texts, web_pages
from layers.domain import lifecycle
from layers.domain.file import File
from layers.domain.formats import FORMATS, KEPT, NOT_PRINTED, OFFICE, SEEN, Format, Kind, format_of, kind_of
from layers.domain.page import Identity
from layers.domain.step import Done, Skip


def file_of(media_type: str) -> File:
    return File("f", "t", "d", "b", "name", "key", None, 10, None, media_type=media_type, page_count=1)


def test_each_media_type_and_ending_is_listed_once() -> None:
    for names in (
        Counter(known_format.media_type for known_format in FORMATS),
        Counter(known_format.suffix for known_format in FORMATS),
    ):
        assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("known_format", FORMATS, ids=lambda known_format: known_format.suffix)
def test_each_format_has_a_reader_of_its_text_or_is_seen_or_kept(known_format: Format) -> None:
    if known_format.reader:
        assert known_format.reader == "pdfium" or known_format.reader in texts.READERS
    else:
        assert known_format.kind is Kind.PICTURE or known_format.kind in KEPT


@pytest.mark.parametrize("known_format", FORMATS, ids=lambda known_format: known_format.suffix)
def test_each_format_that_is_neither_drawn_nor_played_can_be_shown_as_a_page(known_format: Format) -> None:
    if known_format.kind not in SEEN | {Kind.VIDEO}:
        assert known_format.media_type in web_pages.MAKERS or known_format.kind in web_pages.BY_KIND
    if known_format.kind in OFFICE and known_format.media_type not in NOT_PRINTED:
        assert known_format.media_type in libreoffice.FILTERS


def test_any_other_text_is_plain_text_and_what_is_unknown_is_of_no_kind() -> None:
    assert format_of("text/x-python").kind is Kind.TEXT
    assert kind_of("application/x-dosexec") is None and kind_of(None) is None
    with pytest.raises(KeyError):
        format_of("application/x-dosexec")


@pytest.mark.parametrize(
    ("media_type", "first_to_run"),
    [
        ("application/pdf", "text"),
        ("image/jpeg", "ocr"),
        ("image/svg+xml", "text"),
        ("text/csv", "text"),
        ("message/rfc822", "text"),
        ("application/vnd.ms-excel", "text"),
        ("application/zip", None),
        ("video/mp4", None),
    ],
)
def test_the_main_pipeline_starts_where_a_kind_has_its_text(media_type: str, first_to_run: str | None) -> None:
    planned = lifecycle.start(PIPELINES[:1], file_of(media_type))
    assert (
        next((planned_step.step for planned_step in planned if isinstance(planned_step.plan, tuple)), None)
        == first_to_run
    )


@pytest.mark.parametrize("media_type", ["text/plain", "application/rtf", "message/rfc822"])
def test_formats_that_cannot_be_rendered_are_never_sent_to_ocr(media_type: str) -> None:
    by_name = {step.name: step for step in PIPELINES[0].steps}
    for name in ("ocr", "textract"):
        assert isinstance(by_name[name].plan(file_of(media_type)), Skip)


def test_a_file_that_is_kept_as_it_is_is_done_once_it_is_known() -> None:
    outcome = Done(identity=Identity("application/zip", None))
    plan = lifecycle.plan_after(INTAKE, PIPELINES, INTAKE, outcome, file_of("application/zip"))
    assert plan.file_state == "done" and plan.error is None
    assert [step.step for step in plan.steps if isinstance(step.plan, tuple)] == ["preview", "thumbnail"]
    assert lifecycle.plan_after(INTAKE, PIPELINES, INTAKE, outcome, file_of("text/plain")).file_state is None


def test_a_place_without_libreoffice_has_none(tmp_path: object) -> None:
    assert installed(str(tmp_path)) is None
