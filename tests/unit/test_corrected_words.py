"""Misread words of names and addresses, and what was meant."""

from __future__ import annotations

import pytest

from layers.domain.extraction.corrected_words import corrected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CONFECTIUNERY", "CONFECTIONERY"),
        ("CONFECTiUNERY", "CONFECTIONERY"),
        ("Perindustian", "Perindustrian"),  # a letter is missing
        ("Sirmpang", "Simpang"),  # a letter too many
        ("highlande", "highlande"),  # highlander or highlands
        ("Boulangeríe", "Boulangeríe"),  # known, but for its accent
        ("Bäckereí Hauptstrabe", "Bäckereí Hauptstrabe"),  # two letters for one
        ("UNIHAKKA", "UNIHAKKA"),
        ("MYNEWS 4115O", "MYNEWS 4115O"),
        ("X" * 10_000, "X" * 10_000),
    ],
)
def test_an_unsure_word_one_letter_off_from_a_single_known_one_is_corrected(written: str, meant: str) -> None:
    assert corrected(written, [(written, 50.0)]) == meant


def test_the_accents_of_the_other_letters_stay() -> None:
    assert corrected("Pâtisserfe", [("Pâtisserfe", 50.0)]) == "Pâtisserie"
    assert corrected("TÉLÉCOMMUNICATFONS", [("TÉLÉCOMMUNICATFONS", 50.0)]) == "TÉLÉCOMMUNICATIONS"
    assert corrected("Société Générale", [("Société", 50.0), ("Générale", 50.0)]) == "Société Générale"


def test_only_unsure_words_are_corrected() -> None:
    words = [("SELANGDR,", 50.0), ("PERINDUSTRTAN", 98.0)]
    assert corrected("PERINDUSTRTAN, SELANGDR, 2", words) == "PERINDUSTRTAN, SELANGOR, 2"
