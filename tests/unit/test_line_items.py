"""Items of tables: rows below a header, in columns that are aligned or separated, checked against the sums below."""

from __future__ import annotations

from typing import Any

import pytest

from layers.domain.extraction.merging import merge
from layers.domain.extraction.rules import extract
from layers.domain.extraction.tables.checking import with_checked_sums
from layers.domain.page import Evidence, Extraction, Page
from tests.drawn_pages import page

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {"description": TEXT, "quantity": NUMBER, "unit_price": NUMBER, "amount": NUMBER},
}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}, "total": NUMBER}}
Row = tuple[str, float, float, float]


def rows(found: Extraction) -> list[tuple[Any, ...]]:
    items: Any = found.fields.get("items", [])
    return [tuple(item.get(name) for name in ITEM["properties"]) for item in items]


ENGLISH = """Invoice
Description               Qty   Unit price     Amount
Hammer, large               2        12.50      25.00
Nails 4 x 40 mm             1         3.00       3.00
with a long handle
Paint brush                10         0.50       5.00
Subtotal                                        33.00
VAT 20 %                                         6.60
Total                                           39.60"""
GERMAN = """Pos  Artikel              Menge   Einzelpreis   Gesamt
1    Schrauben M8           100        0,12 €   12,00 €
2    Pinsel                   2        4,50 €    9,00 €
Summe netto                                     21,00 €
MwSt 19 %                                        3,99 €
Gesamtbetrag                                    24,99 €"""
FRENCH = """DESIGNATION               P.U.   QTE   TOTAL
CAFE CREME               12,00     2    24,00
CHOCOLAT CHAUD           12,00     1    12,00
TOTAL FACTURE                           36,00"""
SPANISH = """Concepto                 Cantidad    Precio    Importe
Tornillos                     100      0,12      12,00
Brocha                          2      4,50       9,00
Base imponible                                   21,00
IVA 21 %                                          4,41
Total a pagar                                    25,41"""
DUTCH = """Artikel                 Aantal  Prijs per stuk   BTW   Prijs incl. BTW
Tablet 16 GB                 1        € 399,00   21%   €  399,00
Hoes                         2         € 35,00   21%    €  70,00
Subtotaal                                              € 469,00"""
SECTIONS = """Description            Quantity   Unit Price   Taxes    Amount
--- Tools ---
Beeswax                 1.00 kg        42.00   15.00%   $ 42.00
Chair                1.00 Units        70.00   15.00%   $ 70.00
Subtotal                                               $ 112.00
--- Food ---
Truffles                15.00 g        10.00            $ 150.00
Subtotal                                               $ 150.00
Total                                                  $ 262.00"""
ABOVE = """ITEM       QTY    PRICE   AMOUNT
CURRY MIXED VEGE
515          1    16.85    16.85 SR
TI GUAN YIN TEA
822          1     3.18     3.18 SR
Total                      20.03"""
BELOW = """Item       Qty  S/Price  S/Price   Amount Tax
9555         1    20.00    21.20    21.20 SR
CRISPO OIL 800G
9557         2     1.89     2.00     4.00 SR
SOAP BAR
Total Sales (Inclusive of GST)      25.20"""


RULED = """| Description      | Qty |   Price |  Amount |
| Hammer, large    |   2 |   12.50 |   25.00 |
| Nails            |   1 |    3.00 |    3.00 |
| Total            |     |         |   28.00 |"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RULED, [("Hammer, large", 2, 12.5, 25), ("Nails", 1, 3, 3)]),
        (ENGLISH, [("Hammer, large", 2, 12.5, 25), ("Nails 4 x 40 mm with a long handle", 1, 3, 3), ("Paint brush", 10, 0.5, 5)]),
        (GERMAN, [("Schrauben M8", 100, 0.12, 12), ("Pinsel", 2, 4.5, 9)]),
        (FRENCH, [("CAFE CREME", 2, 12, 24), ("CHOCOLAT CHAUD", 1, 12, 12)]),
        (SPANISH, [("Tornillos", 100, 0.12, 12), ("Brocha", 2, 4.5, 9)]),
        (DUTCH, [("Tablet 16 GB", 1, 399, 399), ("Hoes", 2, 35, 70)]),
        (SECTIONS, [("Beeswax", 1, 42, 42), ("Chair", 1, 70, 70), ("Truffles", 15, 10, 150)]),
        (ABOVE, [("CURRY MIXED VEGE", 1, 16.85, 16.85), ("TI GUAN YIN TEA", 1, 3.18, 3.18)]),
        (BELOW, [("CRISPO OIL 800G", 1, 21.2, 21.2), ("SOAP BAR", 2, 2, 4)]),
    ],
)  # fmt: skip
def test_the_rows_of_a_table_are_items(text: str, expected: list[Row]) -> None:
    found = extract([page(text)], SCHEMA)
    assert rows(found) == expected
    assert found.doubtful == ()


@pytest.mark.parametrize("mark", ["\t", ";", "|"])
def test_the_cells_of_a_plain_text_are_separated(mark: str) -> None:
    table = [
        ("name", "qty", "price", "total"),
        ("Hammer", "2", "12.5", "25"),
        (f'"Nails{mark} long"', "1", "3", "3"),
        ("Total", "", "", "28"),
    ]
    text = "\n".join(mark.join(row) for row in table)
    found = extract([Page(1, text, source="native")], SCHEMA)
    assert rows(found) == [("Hammer", 2, 12.5, 25), (f"Nails{mark} long", 1, 3, 3)]
    assert found.doubtful == ()


def test_each_value_of_an_item_has_evidence_in_its_own_cell() -> None:
    found = extract([page(ENGLISH)], SCHEMA)
    proof = found.evidence["items[2].quantity"]
    assert (proof.text, proof.page) == ("10", 1)
    assert proof.box is not None and proof.box[0] == pytest.approx(0.27, abs=0.02)
    assert found.evidence["items[1].description"].text == "Nails 4 x 40 mm with a long handle"


@pytest.mark.parametrize(
    "wrong",
    [
        ENGLISH.replace("5.00\nSub", "6.00\nSub"),  # the sum is another one
        ENGLISH.replace("        12.50", "        12.00"),  # a price does not make its amount
        "Description   Amount\nConsulting    90.00\nTotal         90.00",  # a sum of one proves nothing
        "Description  Qty   Price    Tax   Amount\nCard           1  278.61  40.39   319.00\nTotal                            319.00",
    ],
)
def test_items_that_no_sum_confirms_are_doubtful(wrong: str) -> None:
    found = extract([page(wrong)], SCHEMA)
    assert rows(found) and found.doubtful == ("items",)


@pytest.mark.parametrize(
    "text",
    [
        "GST Summary   Amount(RM)   Tax(RM)\nSR 6 %   20.00   1.20\nTotal   20.00   1.20",
        "Payment mode    Amount\nCash            6.60",
        "A letter about the price of things.\nIt mentions a total of 12.00 and an amount of 3.00.",
    ],
)
def test_tables_of_taxes_and_payments_are_no_items(text: str) -> None:
    assert rows(extract([page(text)], SCHEMA)) == []


def test_a_property_of_the_schemas_own_has_the_column_with_its_label() -> None:
    item = {
        "type": "object",
        "properties": {"description": TEXT, "amount": NUMBER, "batch": TEXT | {"x-labels": ["Lot"]}},
    }
    text = "Description     Lot     Amount\nHammer          A17      25.00\nNails           B3        3.00\nTotal                    28.00"
    found = extract([page(text)], {"properties": {"purchases": {"type": "array", "items": item}}})
    assert found.fields["purchases"] == [
        {"description": "Hammer", "amount": 25.0, "batch": "A17"},
        {"description": "Nails", "amount": 3.0, "batch": "B3"},
    ]


def long_table(count: int, per_page: int = 50) -> list[Page]:
    """Pages of one table, each with the header and a footer."""
    header = "Description            Qty      Price       Amount"
    items = [
        f"Part number {number:05} {number % 7 + 1:8}  {1.25:9.2f}  {1.25 * (number % 7 + 1):11.2f}"
        for number in range(count)
    ]
    total = f"Total {sum(1.25 * (number % 7 + 1) for number in range(count)):42.2f}"
    pages = [items[at : at + per_page] for at in range(0, count, per_page)]
    return [
        page(
            "\n".join([header, *part, *([total] if number == len(pages) else []), f"Page {number} of {len(pages)}"]),
            number,
        )
        for number, part in enumerate(pages, 1)
    ]


def test_no_row_of_3200_is_lost_and_their_sum_is_checked() -> None:
    found = merge({0: extract(long_table(3200), SCHEMA)}, SCHEMA)
    assert [row[0] for row in rows(found)] == [f"Part number {number:05}" for number in range(3200)]
    assert all(f"items[{number}].amount" in found.evidence for number in range(3200))
    assert found.doubtful == () and found.notes == ()


def test_rows_beyond_the_lines_that_are_read_are_named_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layers.domain.extraction.lines.MOST_LINES", 120)
    found = extract(long_table(200), SCHEMA)
    assert found.notes and found.notes[0].lost
    assert found.doubtful == ("items",)


def windows_of(count: int, size: int, overlap: int, total: float) -> dict[int, Extraction]:
    """What a model answers for windows of a long table, each of which shows the last items of the one before."""
    found = {}
    for window, start in enumerate(range(0, count, size)):
        numbers = range(max(0, start - overlap), min(count, start + size))
        items = [{"description": f"part {number}", "amount": 1.25} for number in numbers]
        evidence = {
            f"items[{at}].{name}": Evidence(1, "", None, at=100 * number + len(name))
            for at, number in enumerate(numbers)
            for name in ("description", "amount")
        }
        found[window] = Extraction({"items": items} | ({"total": total} if start + size >= count else {}), (), evidence)
    return found


@pytest.mark.parametrize(("total", "doubtful"), [(4000.0, ()), (4001.25, ("items",))])
def test_items_of_overlapping_windows_are_joined_without_loss_and_checked(
    total: float, doubtful: tuple[str, ...]
) -> None:
    whole = merge(windows_of(3200, 150, 4, total), SCHEMA)
    assert [row[0] for row in rows(whole)] == [f"part {number}" for number in range(3200)]
    assert with_checked_sums(whole, SCHEMA).doubtful == doubtful


def test_a_record_without_sums_leaves_its_items_as_they_are() -> None:
    found = Extraction({"items": [{"amount": 1.0}, {"amount": 2.0}]}, (), {})
    assert with_checked_sums(found, SCHEMA) is found


def test_a_doubtful_list_of_a_window_is_doubtful_in_the_whole() -> None:
    part = Extraction({"items": [{"amount": 1.0}]}, (), {}, doubtful=("items",))
    assert merge({0: part}, SCHEMA).doubtful == ("items",)
