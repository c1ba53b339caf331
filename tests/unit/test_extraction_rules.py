"""The built-in rules: from pages to the values of a schema."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.domain.extraction import labels, number_candidates, sums
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.rules import DEFAULT_SCHEMA, extract
from layers.domain.page import Page, Word
from tests.drawn_pages import page

RECEIPT = """ACME HARDWARE SDN BHD
12, JALAN BESAR
TAX INVOICE
Date: 25/12/2018      Time: 10:45
Hammer        1   12.00
Nails         2    3.00
Subtotal          15.00
GST 6%             0.90
Total RM          15.90
Cash              20.00
Change             4.10"""


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_a_receipt_gives_the_four_default_fields() -> None:
    found = extract([page(RECEIPT)], DEFAULT_SCHEMA)
    assert found.fields == {
        "title": "ACME HARDWARE SDN BHD", "date": "2018-12-25", "total": 15.9, "currency": "MYR",
    }  # fmt: skip
    assert found.missing == ()


def test_every_value_has_evidence_with_its_page_and_box() -> None:
    found = extract([page("nothing here", 1), page(RECEIPT, 2)], DEFAULT_SCHEMA)
    proof = found.evidence["total"]
    assert proof.page == 2 and "15.90" in proof.text
    assert proof.box is not None
    x0, y0, x1, y1 = proof.box
    assert 0 <= x0 < x1 <= 1 and 8 / 11 <= y0 < y1 <= 9 / 11
    assert set(found.evidence) == set(found.fields)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("Amount due: 44.10", ["Amount due"], 44.1),
        ("AMOUNT DUE      44.10", ["Amount due"], 44.1),
        ("Amount due\n44.10", ["Amount due"], 44.1),
        ("Paid 1.00\nAmount due 44.10\nTotal 50.00", ["Amount due"], 44.1),
        ("Net weight 12.5 kg", ["Net weight"], 12.5),
        ("Nothing of the kind 3.00", ["Amount due"], None),
    ],
)
def test_a_number_is_found_by_the_labels_of_the_schema(text: str, labels: list[str], expected: float | None) -> None:
    found = extract([page(text)], schema(value={"type": "number", "x-labels": labels}))
    assert found.fields.get("value") == expected
    assert found.missing == (() if expected is not None else ("value",))


@pytest.mark.parametrize(
    ("name", "labels", "text", "expected"),
    [
        ("total", ["Subtotal"], "Subtotal 10.00\nTax 1.00\nTotal 11.00", 10.0),
        ("total", ["Subtotal"], "Tax 1.00\nTotal 11.00", None),
        ("total", ["Zwischensumme", "Subtotal"], "Zwischensumme 10,00\nSumme 11,90", 10.0),
        ("total", ["VAT"], "Subtotal 10.00\nVAT 1.00\nTotal 11.00\nCash 20.00\nChange 9.00", 1.0),
        ("amount", ["Total", "Subtotal"], "Subtotal 10.00\nTotal 11.00", 11.0),
        ("subtotal", ["Total"], "Subtotal 10.00\nTotal 11.00", 11.0),
        ("tax", ["Service"], "Tax 1.00\nService 2.00", 2.0),
    ],
)
def test_where_name_and_labels_of_a_number_mean_different_things_the_labels_count(
    name: str, labels: list[str], text: str, expected: float | None
) -> None:
    found = extract([page(text)], schema(**{name: {"type": "number", "x-labels": labels}}))
    assert found.fields.get(name) == expected


@pytest.mark.parametrize(("name", "labels"), [("date", ["Due date"]), ("due_date", []), ("expiry", ["Due date"])])
def test_a_date_other_than_that_of_the_document_is_doubtful_without_its_label(name: str, labels: list[str]) -> None:
    due = schema(**{name: {"type": "string", "format": "date", "x-labels": labels}})
    text = "Invoice date: 2024-04-01\n"
    found = extract([page(text + "Due date: 2024-05-01")], due)
    assert (found.fields, found.doubtful) == ({name: "2024-05-01"}, ())
    assert extract([page(text)], due).doubtful == (name,)
    assert extract([page("Acme Ltd\n2024-04-01\n")], schema(date={"type": "string", "format": "date"})).doubtful == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Subtotal 10.00\nTotal 11.00", 11.0),
        ("Total 11.00\nTotal Qty 3\nTotal discount 2.00", 11.0),
        ("Total Excl. Tax 10.00\nTotal Incl. Tax 10.60", 10.6),
        ("Grand Total 31.80\nCash 50.00\nChange 18.20", 31.8),
        ("Gesamtbetrag 1.234,50 EUR", 1234.5),
        ("Total\n1,000.00", 1000.0),
    ],
)
def test_the_total_is_the_sum_to_pay(text: str, expected: float) -> None:
    assert extract([page(text)], schema(total={"type": "number"})).fields["total"] == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Invoice No: INV-2024/001", "invoice_number", "INV-2024/001"),
        ("Invoice number\nA-77", "invoice_number", "A-77"),
        ("Customer: Jane Doe", "customer", "Jane Doe"),
    ],
)
def test_a_text_is_found_beside_or_below_its_label(text: str, name: str, expected: str) -> None:
    assert extract([page(text)], schema(**{name: {"type": "string"}})).fields == {name: expected}


def test_a_due_date_is_not_the_date() -> None:
    text = "Due date: 01/05/2024\nInvoice date: 01/04/2024"
    fields = extract([page(text)], schema(date={"type": "string", "format": "date"})).fields
    assert fields == {"date": "2024-04-01"}


def test_an_enum_has_only_its_allowed_values() -> None:
    dataset_schema = schema(kind={"type": "string", "enum": ["Invoice", "Receipt"]})
    assert extract([page("TAX INVOICE")], dataset_schema).fields == {"kind": "Invoice"}
    assert extract([page("Letter")], dataset_schema).missing == ("kind",)


def test_an_integer_has_no_decimals() -> None:
    dataset_schema = schema(count={"type": "integer", "x-labels": ["Count"]})
    assert extract([page("Count 3")], dataset_schema).fields == {"count": 3}
    assert extract([page("Count 3.50")], dataset_schema).missing == ("count",)


def test_a_property_without_a_value_is_missing_only_if_it_is_required() -> None:
    dataset_schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}, "note": {"type": "string"}},
        "required": ["note"],
    }
    found = extract([page("Nothing to see")], dataset_schema)
    assert found.fields == {} and found.missing == ("note",) and found.evidence == {}


def test_a_document_without_pages_gives_no_values() -> None:
    found = extract([], DEFAULT_SCHEMA)
    assert found.fields == {} and found.missing == ("title",)


def test_the_title_of_a_paragraph_is_its_first_sentence() -> None:
    text = "All human beings are born free and equal in dignity and rights. They are endowed with reason and " * 3
    found = extract([page(text)], DEFAULT_SCHEMA)
    assert found.fields["title"] == "All human beings are born free and equal in dignity and rights"
    endless = "word " * 60
    assert len(str(extract([page(endless)], DEFAULT_SCHEMA).fields["title"])) <= 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hammer 108.50\nTotal 106.50\nCash 150.00\nChange 41.50", 108.5),  # the sums show which of the two was misread
        ("Hammer 190.80\nT0tai 190.80\nCash 200.00\nChange 9.20", 190.8),
        ("Total ' 30\nCash 51.30\nRose 12.60\nTulip 38.70", 51.3),
        ("Rose 12.60\nTulip 38.70\nCash 60.00", None),  # the sum may have been rounded before change was given
        ("Item 33.90\nT0+al\nNett of tax 31.98\nGST 1.92", 33.9),
        ("Parking 5.00\nAmount incl. 5.00\nAccepted total 10.00\nChange 5.00", 5.0),
        ("Parking 5.00\nTo pay 5.00\nInserted 10.00\nChange 5.00", 5.0),
        ("GST 6% 1.26\nTea 21.00\nTax 1.26\nChange 0.00", None),
        ("Tea 10.00\nCake 5.00\nTotal 15.00\nChange 5.00", 15.0),  # the line of the payment was not read
        ("Total 3.00\nCash 3.06\nChange 0.00", 3.0),  # without change, the same sum was read twice
    ],
)
def test_a_total_equals_the_payment_less_the_change_or_the_net_sum_plus_tax(text: str, expected: float | None) -> None:
    assert extract([page(text)], schema(total={"type": "number"})).fields.get("total") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Total Incl. GST@6%   RM 42.90\nCash   RM 50.00\nGST @6% included in total   RM 2.43", 42.9),
        ("Total 0% supplies: 23.64\nTotal 6% supplies: 12.72\nTotal payable: 36.36", 36.36),
        ("TotalGST : 10.80\nTotal : 190.80", 190.8),
        ("Total 6ST 3.51\nTotal 62.00", 62.0),
        ("Tea 70.30\nT0tl 70.30\nChange 0.00\nTotal includes 6% GST 3.98", 70.3),
        ("Soup 53.00\nTip 6.50\nSumme 59,50\nTotal incl. 19% MwSt 9,50", 59.5),
        (
            "Description   Qty   Total\nTea             2   14.95\nCake            1    5.05\nTo pay 20.00\nCsh 20.00\nChange 0.00",
            20.0,
        ),
        ("Description   Qty   Total\nTea             1   14.95", 14.95),  # there is no other
    ],
)
def test_a_tax_or_a_partial_sum_is_not_the_total(text: str, expected: float) -> None:
    assert extract([page(text)], schema(total={"type": "number"})).fields["total"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnungsnr.   30064443   Kundennr.   47774", "30064443"),
        ("INVOICE\n# INV-1", "INV-1"),
        ("Klant      Factuur datum   Factuur        Vervaldatum\nK-1        8-9-2022        VF1005193      22-9-2022", "VF1005193"),
        ("Receipt No. [00522899]  19/01/17", "00522899"),
        ("Invoice 16/06/2018", None),
        ("Total facture   24.99", None),
        ("      TAX INVOICE\nCENTER :   G091", None),
    ],
)  # fmt: skip
def test_a_documents_number_is_not_a_date_a_sum_or_the_value_of_another_label(text: str, expected: str | None) -> None:
    assert extract([page(text)], schema(invoice_number={"type": "string"})).fields.get("invoice_number") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Facture n° 562044387 du 02 Juillet 2015\nDate limite de paiement le 05 Juillet 2015", "2015-07-02"),
        ("19/03/18\nmilk 1.00\nbread 2.00\n18/03/18 09:03", "2018-03-18"),
        ("Date: 17/04/2078", None),
        ("Date: 17/04/2078\nPaid 17/04/2018", "2018-04-17"),
    ],
)
def test_the_date_is_the_date_of_issue_and_not_far_in_the_future(text: str, expected: str | None) -> None:
    dataset_schema = schema(date={"type": "string", "format": "date"})
    assert extract([page(text)], dataset_schema, date(2020, 1, 1)).fields.get("date") == expected


def test_the_row_of_sums_of_a_table_of_taxes_has_no_total() -> None:
    found = extract([page("SR 6 %   144.68   8.68\nTOTAL:   144.68   8.68")], schema(total={"type": "number"}))
    assert found.fields == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ORD #50-REG#19-18/01/201810:27:03", "2018-01-18"),
        ("REG#19-11/05/2018 20:22", "2018-05-11"),
        ("A-11/05/18", None),
    ],
)
def test_a_date_may_follow_a_number_and_a_hyphen(line: str, expected: str | None) -> None:
    assert extract([page(line)], schema(date={"type": "string", "format": "date"})).fields.get("date") == expected


def test_the_number_of_a_document_is_no_state_with_its_zip_code() -> None:
    found = extract([page("Invoice no: CS 10217\nDate: 09/04/2018")], schema(date={"type": "string", "format": "date"}))
    assert found.fields["date"] == "2018-04-09"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TOTAL\nPAYMENT TYPE   RM40.00\nRECEIVED CASH\nRM50.00\nCHANGE\nRM10.00", 40.0),
        ("Total:   25.44\nRounding Adjustment:   0.01\nAmount To Be Paid :   25.45", 25.45),
        ("Net sum excl. GST: RM 73.87\nGST: RM4.43\nPAID BY:CC:7186:RM78.30\nPaid RM76.30", 78.30),
        ("Paid by card   78.30\nPaid by voucher   6.30\nSR 6 %   73.87   4.43\nTOTAL   73.87   4.43", 78.30),
        ("GROSS AMT :   47.80\nSVR TAX :   2.87\nNET AMT :   53.55", 53.55),
    ],
)
def test_the_total_of_a_bill_whose_amounts_are_beside_or_below_unusual_words(text: str, expected: float) -> None:
    assert extract([page(text)], schema(total={"type": "number"})).fields["total"] == expected


def test_other_dates_may_be_far_in_the_future() -> None:
    dataset_schema = schema(expiry_date={"type": "string", "format": "date", "x-labels": ["Valid until"]})
    assert extract([page("Valid until 01/05/2048")], dataset_schema, date(2020, 1, 1)).fields == {
        "expiry_date": "2048-05-01"
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Total $5.50", "USD"),
        ("UNI SDN BHD\nTotal $5.50", None),  # on a Malaysian bill it is unknown which country's dollars these are
        ("UNI SDN BHD\nAmount (RM)   5.50\n$ 81750 JOHOR", "MYR"),
        ("Box $1750 PLENTONG", None),
        ("Total 34,73 €", "EUR"),
        ("Fish 52.00 SR\nTotal 52.00\nGST Summary   Amount (RM)\nSR (@ 0%)   52.00", "MYR"),  # the tax's standard rate
        ("Fish 52.00 SR\nTotal 52.00 SR", "SAR"),
    ],
)
def test_a_bare_sign_is_a_currency_only_beside_an_amount_of_money(text: str, expected: str | None) -> None:
    assert extract([page(text)], schema(currency={"type": "string"})).fields.get("currency") == expected


@pytest.mark.parametrize("written", ["12/05/201810:45", "12/05/1810:45", "12.05.2018 10:45", "12/05/2018:10:45"])
def test_a_time_directly_behind_a_date_is_no_part_of_it(written: str) -> None:
    found = extract([page(f"Shop\nDate {written} AM")], schema(date={"type": "string", "format": "date"}))
    assert found.fields["date"] == "2018-05-12"


@pytest.mark.parametrize(
    ("head", "company"),
    [
        ("Welcome to our shop\nHarbour Tools Ltd\n12 Quay Street", "Harbour Tools Ltd"),
        ("POPULAR BOOK CO. (M)\nSDN BHD\n(113825-W)\nJALAN BESAR", "POPULAR BOOK CO. (M) SDN BHD"),
        ("Owned by: Chef Lee Sdn Bhd\n12, Jalan Besar", "Chef Lee Sdn Bhd"),
        ("Bäckerei Schmidt\nRechnung\nNordsee Handel AG\nHafenweg 3", "Nordsee Handel AG"),
        ("HASHA PETROKIOSK COMPANY NO: JM0032980-V\nLOT 6\nTotal 3.00", "HASHA PETROKIOSK"),
        ("TSH POWER HARDWARE\nTRADING\n002458685-T\n13-1, Jalan PJU 5/10", "TSH POWER HARDWARE TRADING"),
        ("Brown Brothers\nSupermarket\n12 Quay Street", "Brown Brothers Supermarket"),
        ("FOUR QUARTERS SDN BHD (1U79369-P)\nLOT 6", "FOUR QUARTERS SDN BHD"),
        ("HARBOUR TOOLS PTE LTD 2O1312345K)\n12 Quay Street", "HARBOUR TOOLS PTE LTD"),
        ("HARBOUR TOOLS PTE LTD (CLARKE QUAY)\n12 Quay Street", "HARBOUR TOOLS PTE LTD (CLARKE QUAY)"),
        ("Club 1880 Ltd\n12 Quay Street", "Club 1880 Ltd"),
    ],
)
def test_the_company_is_the_line_or_lines_at_the_head_that_read_like_its_name(head: str, company: str) -> None:
    assert extract([page(head)], schema(company={"type": "string"})).fields["company"] == company


def test_the_end_of_a_name_is_no_name_by_itself_if_the_line_above_was_read_badly() -> None:
    drawn = page("TSH POWER HARDWARE\nTRADING\n002458685-T\n13-1, Jalan PJU 5/10")
    words = tuple(word._replace(confidence=50.0 if word.text in "TSH POWER HARDWARE" else 99.0) for word in drawn.words)
    found = extract([replace(drawn, words=words, source="ocr")], schema(company={"type": "string"}))
    assert found.fields["company"] == "TSH POWER HARDWARE TRADING"


@pytest.mark.parametrize(
    ("head", "address"),
    [
        ("Shop Ltd\n12 Quay Street\nBristol BS1 4RW\nTel: 0117 4960123", "12 Quay Street Bristol BS1 4RW"),
        ("Müller GmbH\nHafenweg 3\n20457 Hamburg\nRechnung 17", "Hafenweg 3 20457 Hamburg"),
        ("Lefèvre SARL\n8 rue de la Forêt\n33000 Bordeaux\nFacture 17", "8 rue de la Forêt 33000 Bordeaux"),
        ("Żółw sp. z o.o.\nul. Święty Krzyż 5\n31-028 Kraków\nFaktura 17", "ul. Święty Krzyż 5 31-028 Kraków"),
        ("Jansen B.V.\nKerkstraat 4\n1017 GC Amsterdam\nFactuur 17", "Kerkstraat 4 1017 GC Amsterdam"),
        ("Tools Inc\n400 Main Street\nSpringfield, IL 62701\nDate: 1/2/2024", "400 Main Street Springfield, IL 62701"),
        (
            "SHOP SDN BHD\nNO. 53, JALAN BESAR,\n45600 BATANG,\nSELANGOR\nCASH",
            "NO. 53, JALAN BESAR, 45600 BATANG, SELANGOR",
        ),
        (
            "SHOP SDN BHD\nLOT NO.: G1-16, GROUND FLOOR,\nJALAN BESAR,\n45600 BATANG.\nTEL: 1",
            "LOT NO.: G1-16, GROUND FLOOR, JALAN BESAR, 45600 BATANG.",
        ),
        (
            "SHOP BHD\nKLANG\nHQ Add: Lot 11, Jalan Kapar\n41400 Klang\nDate: 1/2/2024",
            "Lot 11, Jalan Kapar 41400 Klang",
        ),
        ("Müller GmbH\nAnschrift: Hafenweg 3\n20457 Hamburg\nRechnung 17", "Hafenweg 3 20457 Hamburg"),
        (
            "SHOP\nNO.12, JALAN SS4C/5, KLANG\nSELANGOR DARUL EHSAN\nTAX INVOICE",
            "NO.12, JALAN SS4C/5, KLANG SELANGOR DARUL EHSAN",
        ),
        ("Shop\n12 Jalan Besar,\n51200 Kuala Lumpur.\nMALAYSIA\nTel 1", "12 Jalan Besar, 51200 Kuala Lumpur. MALAYSIA"),
        ("Tienda\nCalle Mayor 5\n28013 Madrid.\nEspaña\nFactura 17", "Calle Mayor 5 28013 Madrid. España"),
        (
            "Shop Pty Ltd\n9 George Street, Sydney\nNew South Wales\nAustralia\nInvoice 5",
            "9 George Street, Sydney New South Wales Australia",
        ),
        (
            "SHOP SDN BHD\nLOT 2, JALAN ANGSA,\nTAMAN INDAH\n4115O KLANG\nTEL 1",
            "LOT 2, JALAN ANGSA, TAMAN INDAH 41150 KLANG",
        ),
        ("Shop Ltd\n12 Quay Street, Bristol\nFresh bread\nTel: 1", "12 Quay Street, Bristol"),
    ],
)
def test_an_address_is_found_by_its_street_and_postcode(head: str, address: str) -> None:
    assert extract([page(head)], schema(address={"type": "string"})).fields["address"] == address


def test_an_amount_behind_a_number_and_a_comma_may_be_the_rest_of_a_larger_one() -> None:
    found = extract([page("Invoice\nTotal due GBP 1, 190.00")], schema(total={"type": "number"}))
    assert found.doubtful == ("total",)
    assert extract([page("Invoice\nTotal due 1, GBP 190.00")], schema(total={"type": "number"})).doubtful == ()


def test_a_total_that_was_rounded_to_coins_is_the_one_to_pay() -> None:
    bill = "Total 65.53\nRounding 0.02\nTotal after rounding 65.55\nCash 70.00\nChange 4.45"
    assert extract([page(bill)], schema(total={"type": "number"})).fields["total"] == 65.55
    bill = "Total 65.72\nRounding -0.02\n65.70\nVISA 65.70"
    assert extract([page(bill)], schema(total={"type": "number"})).fields["total"] == 65.7


def scanned(*lines: str, confidence: float = 95.0) -> Page:
    """A page as OCR reads it: a word for each word, at its place in a text of fixed pitch."""
    words = [
        Word(found[0], 0.02 * found.start(), 0.04 * row, 0.02 * found.end(), 0.04 * row + 0.03, confidence)
        for row, line in enumerate(lines)
        for found in re.finditer(r"\S+", line)
    ]
    return Page(1, "\n".join(lines), tuple(words), "ocr", confidence, 1.0, 1.4)


def test_a_total_far_from_its_label_on_a_tilted_scan_is_in_the_line_of_the_label() -> None:
    level = scanned(*(f"{name:35} {amount}" for name, amount in
                      [("Two paint brushes", "12.00"), ("One steel hammer", "30.50"), ("Sub total before tax", "42.50"),
                       ("Grand total to pay", "50.15"), ("Paid by card today", "1.00")]))  # fmt: skip
    tilted = [word._replace(y0=word.y0 + 0.06 * word.x0, y1=word.y1 + 0.06 * word.x0) for word in level.words]
    found = extract([replace(level, words=tuple(tilted))], schema(total={"type": "number"}))
    assert found.fields["total"] == 50.15
    box = found.evidence["total"].box
    assert box is not None and box[1] == pytest.approx(0.04 * 3 + 0.06 * box[0], abs=0.001)  # as the page is shown


@pytest.mark.parametrize(
    ("lines", "confidence", "expected"),
    [
        (["Garden shop", "oo BBD ;", "Total 9.00"], 60.0, (None, ())),
        (["Garden shop", "oo BBD ;", "Total 9.00"], 95.0, ("BBD", ("currency",))),
        (["Garden shop", "Roses      EUR", "Two       9.00"], 95.0, ("EUR", ())),
        (["Garden shop", "All prices in EUR", "Total 9.00"], 95.0, ("EUR", ())),
        (["Garden shop", "Total 9.00 EUR"], 60.0, ("EUR", ())),
    ],
)
def test_a_code_that_stands_once_beside_no_amount_is_no_sure_currency(
    lines: list[str], confidence: float, expected: tuple[str | None, tuple[str, ...]]
) -> None:
    found = extract([scanned(*lines, confidence=confidence)], schema(currency={"type": "string"}))
    assert (found.fields.get("currency"), found.doubtful) == expected


def test_the_title_of_a_mail_is_its_subject() -> None:
    mail = (
        "Subject: Your order 4711\nFrom: Shop <shop@example.com>\nDate: Mon, 09 Jan 2023 15:00:43 -0600\n\nThank you."
    )
    assert extract([page(mail)], DEFAULT_SCHEMA).fields["title"] == "Your order 4711"


@pytest.mark.parametrize("name", ["Shop", '"Shop"', "Shop Ltd", "Harbour Café"])
def test_the_company_of_a_mail_is_the_name_of_its_sender(name: str) -> None:
    mail = f"Subject: Your order 4711\nFrom: {name} <shop@example.com>\nTo: Me <me@example.com>\n\nThank you, Ltd."
    found = extract([page(mail)], schema(company={"type": "string"}, title={"type": "string"}))
    assert found.fields == {"company": name.strip('"'), "title": "Your order 4711"}
    assert found.evidence["company"].text == name


def test_the_recipient_of_a_mail_is_not_its_title() -> None:
    mail = "Subject: Order NR-5521 – thank you\nFrom: Shop <shop@example.com>\nTo: Harbour Café <me@example.com>\n\nHi."
    assert extract([page(mail)], DEFAULT_SCHEMA).fields["title"] == "Order NR-5521 – thank you"


@pytest.mark.parametrize(
    "line",
    [
        "Invoice number: NW-20417",
        "Rechnungsdatum 14. März 2024",
        "Total 5.00",
        "Customer: Muster Eisenwaren AG",
        "請求書番号,日付,合計",
        "Счёт;Дата;Итого",
        "חשבונית מס",
        "فاتورة",
        "Daňový doklad 20417",
        "Date: 25/12/2018      Time: 10:45",
    ],
)
def test_a_line_of_labels_and_values_or_a_documents_title_is_no_company(line: str) -> None:
    only = extract([page(f"{line}\nTotal 5.00")], schema(company={"type": "string"}))
    assert only.missing == ("company",)
    named = extract([page(f"{line}\nTotal Tools Ltd\nTotal 5.00")], schema(company={"type": "string"}))
    assert named.fields == {"company": "Total Tools Ltd"}


@pytest.mark.parametrize(
    "name", ["Total Wine and More", "Datum Engineering", "Bill Smith", "Ticket Ltd", "7-Eleven", "Ürün A.Ş."]
)
def test_a_company_may_have_a_label_in_its_name(name: str) -> None:
    found = extract([page(f"{name}\nTotal 5.00")], schema(company={"type": "string"}))
    assert found.fields == {"company": name.rstrip(".")}


@pytest.mark.parametrize("above", ["QiPl20I2 ,", "12, Jalan Besar", "; e", "A0s03z es"])
def test_image_noise_and_addresses_are_not_a_title(above: str) -> None:
    assert extract([page(f"{above}\nGarden centre\nRoses 12.00")], DEFAULT_SCHEMA).fields["title"] == "Garden centre"


WORDS_OF_SUMS = [
    "rounding", "rundung", "afronding", "arrondi", "change", "chanqe", "baki", "rückgeld", "ruckgeld", "wisselgeld",
    "rendu", "reszta", "sub-total", "subtotal", "net", "nett", "excl", "before", "untaxed", "zwischensumme", "netto",
    "ht", "taxable", "without", "tax", "cash", "tunai", "tender", "tendered", "paid", "payment", "received", "visa",
    "mastercard", "debit", "credit", "card", "amex", "maestro", "gegeben", "bar", "contant", "pin", "especes",
    "espèces", "gst", "6st", "vat", "sst", "mwst", "ust", "btw", "tva", "total", "qty", "incl", "invoice", "pay",
    "coffee", "12.50",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS_OF_SUMS), min_size=1, max_size=4).map(" ".join))
def test_the_stems_never_exclude_a_line_with_a_sum(line: str) -> None:
    lines = Lines([Line(1, line), Line(1, f"{line} 12.50")])
    expected = sums.sums_of(lines)
    with pytest.MonkeyPatch.context() as patch:
        for kind, wording in sums.WORDINGS.items():
            patch.setitem(sums.WORDINGS, kind, wording._replace(stems=("",)))
        assert sums.sums_of(lines) == expected


WORDS_OF_PARTIAL_SUMS = [
    "total", "sub", "sub-total", "subtotaal", "zwischensumme", "excl", "taxable", "tax able", "gst", "6st", "tax", "vat",
    "sst", "qty", "quantity", "items", "discount", "saving", "point", "6 %", "amount", "summary", "included in", "change",
    "tender", "ht", "untaxed", "balance b/f", "last bill", "with tax", "grand", "payable", "coffee",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(WORDS_OF_PARTIAL_SUMS), max_size=4).map(lambda words: " ".join(["total", *words, "12.50"]))
)
def test_the_stems_never_exclude_a_line_with_a_partial_sum(line: str) -> None:
    def scores() -> list[float]:
        return [
            candidate.score
            for candidate in number_candidates.number_candidates(
                [Label(0, "total")], Lines([Line(1, line)]), integer=False, is_total=True
            )
        ]

    expected = scores()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_candidates, "NOT_THE_TOTAL_STEMS", ("",))
        assert scores() == expected


@given(st.lists(st.text("ab7\u0130 .", max_size=6), max_size=8))
def test_one_search_finds_exactly_the_lines_that_match(texts: list[str]) -> None:
    lines, pattern = Lines(Line(1, text) for text in texts), re.compile(r"(?<!a)[b7]")
    assert list(lines.as_written.lines_matching(pattern)) == [
        index for index, text in enumerate(texts) if pattern.search(text)
    ]
    assert [lines.lowered.line(index) for index in range(len(lines))] == [labels.lowered(text) for text in texts]


def test_labels_in_capitals_are_found_beside_a_letter_whose_lower_case_is_longer() -> None:
    found = extract([Page(1, "\u0130STANBUL \u0130NVOICE TOTAL 15.90", (), "native")], schema(total={"type": "number"}))
    assert found.fields == {"total": 15.9}
