"""The vocabulary from CLDR."""

from __future__ import annotations

from infra import cldr
from layers.domain.extraction import cldr as written


def test_the_committed_vocabulary_is_what_the_script_writes() -> None:
    """Run `python -m infra.cldr > layers/domain/extraction/cldr.py` after a change."""
    signs, codes, decimals = cldr.currencies()
    assert "\n".join(cldr.vocabulary("months")) == written.MONTHS.strip()
    assert "\n".join(cldr.vocabulary("days")) == written.WEEKDAYS.strip()
    assert [line.split("\t")[0] for line in written.SIGNS.strip().splitlines()] == list(signs)
    assert written.CODES.split() == codes
    assert written.DECIMALS.split() == [f"{code}:{count}" for code, count in sorted(decimals.items())]


def test_the_vocabulary_holds_months_of_at_least_forty_languages() -> None:
    assert len({line.split()[1] for line in written.MONTHS.strip().splitlines()}) >= 40
