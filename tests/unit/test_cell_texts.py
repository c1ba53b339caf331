"""Numbers of sheets are read as their cells show them."""

from __future__ import annotations

import pytest

from layers.decoders.sheets import _text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1 + 0.2, "0.3"),
        (1190.0000000000002, "1190"),
        (1189.9999999999998, "1190"),
        (84.60000000000001, "84.6"),
        (231.85, "231.85"),
        (-19.990000000000002, "-19.99"),
        (1190.0, "1190"),
        (0.07, "0.07"),
        (123456789.01, "123456789.01"),
        (1e-7, "1e-07"),
        (1.5e20, "1.5e+20"),
    ],
)
def test_a_number_is_shown_without_the_rounding_errors_of_its_calculation(value: float, shown: str) -> None:
    assert _text(value) == shown
