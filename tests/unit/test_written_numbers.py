"""Amounts and dates of all locales: Babel formats them, and the extraction rules read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.domain.extraction.amounts import Amount, amounts
from layers.domain.extraction.dates import dates
from layers.domain.extraction.number_readings import number_readings
from layers.domain.extraction.rules import extract
from layers.domain.page import Page

LOCALES = [
    "en_US",
    "en_GB",
    "en_IN",
    "en_ZA",
    "de_DE",
    "de_AT",
    "de_CH",
    "de_LI",
    "fr_FR",
    "fr_CH",
    "fr_CA",
    "es_ES",
    "es_MX",
    "it_IT",
    "it_CH",
    "pt_BR",
    "pt_PT",
    "nl_NL",
    "pl_PL",
    "cs_CZ",
    "sk_SK",
    "sl_SI",
    "hr_HR",
    "ro_RO",
    "hu_HU",
    "bg_BG",
    "el_GR",
    "tr_TR",
    "sv_SE",
    "da_DK",
    "nb_NO",
    "fi_FI",
    "et_EE",
    "lv_LV",
    "lt_LT",
    "ru_RU",
    "uk_UA",
    "is_IS",
    "ja_JP",
    "ko_KR",
    "zh_CN",
    "id_ID",
    "ms_MY",
    "vi_VN",
    "th_TH",
    "hi_IN",
    "bn_BD",
    "mr_IN",
    "he_IL",
    "ar_EG",
    "fa_IR",
    "gsw_CH",
    "ka_GE",
    "hy_AM",
    "my_MM",
    "ne_NP",
]
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "INR", "PLN", "SEK", "BRL")
SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "date": {"type": "string", "format": "date"},
        "currency": {"type": "string"},
        "invoice_number": {"type": "string"},
    },
}


def read(line: str) -> list[Amount]:
    return [found.value for found in amounts(line)]  # type: ignore[misc]


@given(st.sampled_from(LOCALES), st.integers(-(10**10), 10**10))
@settings(max_examples=300)
def test_an_amount_that_any_locale_writes_is_read_back(locale: str, cents: int) -> None:
    amount = Decimal(cents) / 100
    written = format_decimal(amount, "#,##0.00", locale)
    expected = [(float(amount), 2)]
    assert [(number.value, number.decimals) for number in read(written)] == expected
    assert [(number.value, number.decimals) for number in read(f"Total: {written}")] == expected
    assert float(amount) in {reading.value for reading in number_readings(written)}


@given(
    st.sampled_from(LOCALES),
    st.integers(-(10**9), 10**9),
    st.sampled_from(CURRENCIES),
    st.sampled_from(["standard", "accounting"]),
)
@settings(max_examples=400)
def test_an_amount_with_its_currency_is_read_back(locale: str, cents: int, code: str, form: str) -> None:
    amount = Decimal(cents) / 100
    written = format_currency(amount, code, locale=locale, format_type=form)
    (found,) = read(f"Total {written}")
    assert found.value == float(amount)


@given(st.sampled_from(LOCALES), st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.sampled_from(["long", "medium"]))
@settings(max_examples=300)
def test_a_date_that_any_locale_writes_is_read_back(locale: str, day: date, form: str) -> None:
    if locale in ("fa_IR", "my_MM", "ne_NP", "gsw_CH", "mr_IN"):
        return  # other calendars, or names of months that are not in the vocabulary
    written = format_date(day, form, locale=locale)
    language = (Locale.parse(locale).language,)
    readings = {
        reading
        for month_first in (True, False)
        for found in dates(written, month_first=month_first, languages=language)
        for reading in (found.value.value, found.value.swapped)  # type: ignore[attr-defined]
    }
    assert day in readings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Total CHF 11’234.50", 11234.5),
        ("Total 1ʼ234ʼ567.89", 1234567.89),
        ("Total 11\u2009190,00 €", 11190.0),
        ("Total 11\u2007190.00", 11190.0),
        ("Grand Total ₹ 1,23,45,678.00", 12345678.0),
        ("Grand Total Rs. 12,34,567/-", 1234567.0),
        ("Total GBP 1,190.00-", -1190.0),
        ("Total 1.190,00- EUR", -1190.0),
        ("Total −1,190.00", -1190.0),
        ("Total –1,190.00", -1190.0),
        ("Total – 1,190.00", 1190.0),
        ("Total (1,190.00)", -1190.0),
        ("Total ($1,190.00)", -1190.0),
        ("Total $1,190.00 CR", -1190.0),
        ("Total $1,190.00CR", -1190.0),
        ("Total $1,190.00 DR", 1190.0),
        ("Saldo 1.190,00 H", -1190.0),
        ("Saldo 1.190,00 S", 1190.0),
        ("Total １，１９０．５０", 1190.5),
        ("الإجمالي ١٬١٩٠٫٥٠", 1190.5),
        ("Total CHF 1'190.-", 1190.0),
        ("Total kr 990,-", 990.0),
        ("Total 0.190", 0.19),
        ("Total KWD 12.500", 12.5),
        ("Total 1190.0000000000002", 1190.0000000000002),
        ("Total:1190.00", 1190.0),
        ("Total EUR:1190.00", 1190.0),
    ],
)
def test_a_number_is_read_in_each_of_these_forms(line: str, expected: float) -> None:
    assert [number.value for number in read(line)] == [expected]


@pytest.mark.parametrize("line", ["11·000.50", "1_234.50", "1ˑ234", "12/34.50", "10–20", "4.5.6.7"])
def test_digits_behind_an_unknown_separator_are_no_number(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize(
    ("line", "sign"),
    [
        ("1.190,00 Kč", "Kč"),
        ("R$ 1.190,00", "R$"),
        ("1 190,00 zł", "zł"),
        ("1.190,00 kr.", "kr."),
        ("1190 ₽", "₽"),
        ("₩1,190", "₩"),
        ("1.190 ₫", "₫"),
        ("ZAR 1 190,00", "ZAR"),
        ("1,190円", "円"),
        ("TOP 10", None),
        ("5 kgs", None),
        ("12 km", None),
        ("SDN BHD 12", None),
    ],
)
def test_a_currency_is_told_from_words_and_units(line: str, sign: str | None) -> None:
    assert [number.sign for number in read(line)] == [sign]


def record(text: str) -> tuple[dict[str, object], tuple[str, ...]]:
    found = extract([Page(1, text, (), "native", 100.0)], SCHEMA, date(2026, 1, 1))
    return found.fields, found.doubtful


@pytest.mark.parametrize(
    ("text", "expected", "doubtful"),
    [
        ("Invoice\nDate: 03/04/2024", "2024-04-03", True),
        ("Invoice\nDate: 03/04/2024\nDue by March 31, 2024", "2024-03-04", False),
        ("Invoice\nDate: 03/04/2024\nDue date: 03/25/2024", "2024-03-04", False),
        ("Invoice\nDate: 03/04/2024\nDelivered 25/03/2024", "2024-04-03", False),
        ("Invoice\nDate: Monday 03/04/2024", "2024-03-04", False),
        ("Invoice\nDate: Wednesday 03/04/2024", "2024-04-03", False),
        ("Invoice\nAustin, TX 78701\nDate: 03/04/2024", "2024-03-04", False),
        ("Invoice\nVAT GB 123\nDate: 03/04/2024", "2024-04-03", False),
        ("Rechnung\nDatum: 03/04/2024\nBetrag 5,00", "2024-04-03", False),
        ("Facture\nDate : 03/04/2024\nMontant TTC 5,00", "2024-04-03", False),
        ("Invoice\nDate: 03.04.2024", "2024-04-03", False),
        ("Invoice\nDate: 05/05/2024", "2024-05-05", False),
        ("Invoice\nDate: 2024-03-04", "2024-03-04", False),
    ],
)
def test_the_order_of_day_and_month_follows_the_documents_own_evidence(
    text: str, expected: str, doubtful: bool
) -> None:
    fields, doubts = record(text)
    assert (fields["date"], "date" in doubts) == (expected, doubtful)


def test_the_setting_of_the_dataset_decides_the_order_of_day_and_month() -> None:
    pages = [Page(1, "Invoice\nDate: 03/04/2024", (), "native", 100.0)]
    for order, expected in (("month_first", "2024-03-04"), ("day_first", "2024-04-03")):
        found = extract(pages, SCHEMA, date(2026, 1, 1), order)  # type: ignore[arg-type]
        assert (found.fields["date"], found.doubtful) == (expected, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Faktura\nOdbiorca\nData wystawienia: 5 listopada 2024", "2024-11-05"),
        ("Račun\nDatum izdavanja: 5. listopada 2024.\nUkupno 5,00", "2024-10-05"),
        ("Számla\nKiállítás kelte: 2024. március 14.", "2024-03-14"),
        ("Sąskaita\nData: 2024 m. kovo 14 d.", "2024-03-14"),
        ("Lasku\nPäivämäärä: 14. maaliskuuta 2024", "2024-03-14"),
        ("Τιμολόγιο\nΗμερομηνία: 14 Μαρτίου 2024", "2024-03-14"),
        ("חשבונית\nתאריך: 14 במרץ 2024", "2024-03-14"),
        ("ใบแจ้งหนี้\nวันที่ 14 มีนาคม 2567", "2024-03-14"),
        ("Счет\nДата: 14 марта 2024 г.", "2024-03-14"),
        ("請求書\n発行日 令和6年3月14日", "2024-03-14"),
        ("Hóa đơn\nNgày 14 tháng 3 năm 2024", "2024-03-14"),
        ("Fatura\nTarih: 14 Mart 2024", "2024-03-14"),
    ],
)
def test_a_date_is_read_in_the_language_of_the_document(text: str, expected: str) -> None:
    assert record(text)[0]["date"] == expected


@pytest.mark.parametrize(
    ("text", "total", "currency"),
    [
        ("Total EUR 1.190,00\nRate 1 EUR = 1.0850 USD\nUSD 5,00 USD 6,00 USD 7,00", 1190.0, "EUR"),
        ("Netto 1 000,00 zł\nDo zapłaty 1 190,00 zł", 1190.0, "PLN"),
        ("Moms 20,00 kr\nAtt betala 1 190,00 kr", 1190.0, "SEK"),
        ("Beløb inkl moms\nAt betale 1.190,00 kr.", 1190.0, "DKK"),
        ("Celkem k úhradě 1 190,00 Kč", 1190.0, "CZK"),
        ("Fizetendő végösszeg: 11 900 Ft", 11900.0, "HUF"),
        ("Итого к оплате 1 190,00 руб.", 1190.0, "RUB"),
        ("小計 ￥1,000\nご請求金額 ￥1,190\n株式会社", 1190.0, "JPY"),
        ("合计 ￥1,190.00\n开票日期", 1190.0, "CNY"),
        ("Sydney Australia ABN 12\nTotal $1,190.00", 1190.0, "AUD"),
        ("סה״כ לתשלום 1,190.00 ₪", 1190.0, "ILS"),
        ("Genel Toplam 1.190,00 TL", 1190.0, "TRY"),
    ],
)
def test_the_currency_is_that_of_the_total(text: str, total: float, currency: str) -> None:
    fields, _ = record(text)
    assert (fields.get("total"), fields.get("currency")) == (total, currency)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invoice date: 14 March 2024", None),
        ("Invoice for March 2024", None),
        ("Invoice 2024", None),
        ("Invoice 1 of 3", None),
        ("Invoice 14 March 2024", None),
        ("Invoice NW-20417", "NW-20417"),
        ("Invoice #20417", "20417"),
        ("Invoice: 20417", "20417"),
        ("Fattura n. 20417", "20417"),
        ("Numer faktury: FV/2024/03/17", "FV/2024/03/17"),
        ("Číslo faktúry 20240017", "20240017"),
        ("Laskun numero 20417", "20417"),
        ("請求書番号 NW-20417", "NW-20417"),
    ],
)
def test_the_bare_name_of_a_document_is_no_label_of_a_number_further_on(text: str, expected: str | None) -> None:
    assert record(text)[0].get("invoice_number") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TOTAL INCL. GST@66 D RM 72.00", [72.0]),
        ("VAT@20 4.00", [4.0]),
        ("pcs@3.50", [3.5]),
        ("2@3.50 7.00", [2.0, 3.5, 7.0]),
    ],
)
def test_a_whole_number_right_behind_a_word_and_an_at_sign_is_a_rate(line: str, expected: list[float]) -> None:
    assert [number.value for number in read(line)] == expected
