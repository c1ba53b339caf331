"""The names of countries and regions that may end an address."""

from __future__ import annotations

import pytest

from infra.regions import names
from layers.domain.extraction import regions
from layers.domain.extraction.known_regions import is_region


def test_the_committed_names_are_what_the_script_writes() -> None:
    """Run `python -m infra.regions > layers/domain/extraction/regions.py` after a change."""
    assert " ".join(regions.NAMES.split()).split(", ") == names()


@pytest.mark.parametrize(
    "line",
    [
        "SELANGOR", "Selangor Darul Ehsan.", "Darul Ehsan", "Selangor D.E., Malaysia", "Österreich", "CÔTE D’IVOIRE", "New South Wales",
        "Goa, India", "Kuala Lumpur (Malaysia)", "Россия", "São Paulo - Brasil",
    ],
)  # fmt: skip
def test_a_line_of_regions_is_known(line: str) -> None:
    assert is_region(line)


@pytest.mark.parametrize("line", ["", "TAX INVOICE", "Malaysia Airlines", "Thank you", "State", "Table 5", "1"])
def test_other_lines_are_no_regions(line: str) -> None:
    assert not is_region(line)
