"""Paths in a zip file hold on every file system, are given once, and can't leave their folder."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.api.records import cell
from layers.domain.zip_paths import (
    MOST_PART_BYTES,
    BadTemplate,
    ZipPaths,
    checked,
    safe_file_name,
    safe_name,
)

SCHEMA = {
    "$defs": {"day": {"type": "string", "format": "date"}},
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "date": {"$ref": "#/$defs/day"},
        "total": {"type": "number"},
        "paid": {"type": "boolean"},
        "net.year": {"type": "string"},
        "items": {"type": "array", "items": {"type": "string"}},
    },
}
RECORD = {"company": "Müller & Söhne", "date": "2026-01-31", "total": 9.5, "paid": True, "net.year": "first"}


def path(template: str, fields: dict[str, Any] = RECORD, file_name: str = "scan 7.PDF") -> str:
    return ZipPaths(checked(template, SCHEMA)).path_of(fields, file_name)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{company}/{date}.pdf", "Müller & Söhne/2026-01-31.PDF"),
        ("{date.year}/{date.month}/{date.day} {@name}", "2026/01/31 scan 7.PDF"),
        ("{total} {paid} {net.year}", "9.5 true first.PDF"),
        ("all/No. {total}", "all/No. 9.5.PDF"),
        ("receipt.jpeg", "receipt.PDF"),
    ],
)
def test_a_path_has_the_values_and_the_extension_of_the_original(template: str, expected: str) -> None:
    assert path(template) == expected


def test_a_value_that_is_missing_or_no_date_is_named() -> None:
    assert path("{company}/{date.year}/{date}", {"date": "last week"}) == "no company/no date.year/last week.PDF"
    assert path("{company}", {"company": ["a"]}) == "no company.PDF"


def test_a_file_without_an_extension_gets_none() -> None:
    assert path("{company}", file_name="scan") == "Müller & Söhne"
    assert path("{@name}", file_name="a/b\\.hidden") == "hidden"


@pytest.mark.parametrize(
    "template",
    [
        "{unknown}",
        "{items}",
        "{company.year}",
        "{@name.year}",
        "{company",
        "company}",
        "/{company}",
        "{company}/",
        "a//b",
        "../{company}",
        "a/./b",
        "a\\b",
        "a\x00b",
        "/".join("abcdefghi"),
        "x" * 301,
    ],
)
def test_a_template_that_can_not_be_filled_is_refused_with_a_reason(template: str) -> None:
    with pytest.raises(BadTemplate) as refused:
        checked(template, SCHEMA)
    assert str(refused.value)


def test_equal_paths_are_numbered_also_where_case_or_form_of_letters_is_ignored() -> None:
    paths = ZipPaths("{company}")
    names = ["Café", "CAFÉ", unicodedata.normalize("NFD", "café"), "Cafe"]
    given_out = [paths.path_of({"company": name}, "a.pdf") for name in names]
    assert given_out == ["Café.pdf", "CAFÉ (2).pdf", "café (3).pdf", "Cafe.pdf"]


def test_numbering_goes_on_after_the_paths_that_were_given_before() -> None:
    paths = ZipPaths("{company}", ["A.pdf", "A (2).pdf"])
    assert [paths.path_of({"company": "A"}, "a.pdf") for _ in range(2)] == ["A (3).pdf", "A (4).pdf"]


def test_a_folder_and_a_file_never_have_the_same_path() -> None:
    paths = ZipPaths("{company}/{date}")
    assert paths.path_of({"company": "A", "date": "B"}, "x") == "A/B"
    deeper = ZipPaths("{company}/{date}/{total}", ["A/B"])
    assert deeper.path_of({"company": "A", "date": "B", "total": 1}, "x") == "A/B_/1"
    flat = ZipPaths("{company}", ["A/B"])
    assert flat.path_of({"company": "A"}, "x") == "A (2)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x", "C__x"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("=1+1", "_1+1"),
        ("\u202egpj.exe", "gpj.exe"),
        ("a\n\tb", "a b"),
        (" . ", "_"),
    ],
)
def test_a_name_is_safe_and_stays_readable(text: str, expected: str) -> None:
    assert safe_name(text) == expected


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_value_becomes_one_part_of_a_path(value: str, file_name: str) -> None:
    path = ZipPaths("{company}/{@name}").path_of({"company": value}, file_name)
    folder, name = path.split("/")
    assert PureWindowsPath(path).parts == PurePosixPath(path).parts == (folder, name)
    assert not PureWindowsPath(path).is_reserved()
    for part in (folder, name):
        assert part == part.strip(" .")
        assert 0 < len(part.encode()) <= MOST_PART_BYTES + 10
        assert part.isprintable()
    assert cell(path) == path, "the manifest has the path as it is"


def test_a_path_of_many_folders_fits_on_windows() -> None:
    path = ZipPaths("/".join(["{company}"] * 8)).path_of({"company": "x" * 500}, "a.jpeg")
    assert len(path) < 240


@given(st.text(max_size=300))
def test_a_safe_name_of_a_file_stays_as_it_is(name: str) -> None:
    once = safe_file_name(name)
    assert safe_file_name(once) == once
