"""The sender of a document: its company by legal form, registration number and domain, and its address by structure."""

from __future__ import annotations

import pytest

from layers.domain.extraction.rules import DEFAULT_SCHEMA, extract
from layers.domain.page import Page, Word

SCHEMA = {"properties": {"company": {"type": "string"}, "address": {"type": "string"}}}
LETTERHEADS = [
    ("Harbour Tools Ltd\n12 Quay Street\nBristol BS1 4RW\nTel 0117 496 0000\nReceipt\nTotal 12.00","Harbour Tools Ltd","12 Quay Street Bristol BS1 4RW"),
    ("Bäckerei Schmidt GmbH & Co. KG\nHauptstr. 12\n70173 Stuttgart\nUSt-IdNr. DE123456789\nRechnung\nSumme 3,20","Bäckerei Schmidt GmbH & Co. KG","Hauptstr. 12 70173 Stuttgart"),
    ("Boulangerie Lefèvre SARL\n8 rue de la Forêt\n33000 Bordeaux\nSIRET 123 456 789 00012\nTel: 05 56 00 00 00\nTotal 4,20","Boulangerie Lefèvre SARL","8 rue de la Forêt 33000 Bordeaux"),
    ("Supermercados Peñón S.L.\nCalle Mayor 23\n28013 Madrid\nNIF B12345678\nFactura simplificada\nTotal 4,20","Supermercados Peñón S.L","Calle Mayor 23 28013 Madrid"),
    ("Ferramenta Rossi S.r.l.\nVia della Libertà 17\n20121 Milano (MI)\nP.IVA 01234567890\nTotale 4,20","Ferramenta Rossi S.r.l","Via della Libertà 17 20121 Milano (MI)"),
    ("Drogaria São João Ltda\nRua da Constituição, 900 - Centro\nSão Paulo - SP, 01310-100\nCNPJ 12.345.678/0001-90\nTotal R$ 4,20","Drogaria São João Ltda","Rua da Constituição, 900 - Centro São Paulo - SP, 01310-100"),
    ("Albert de Boer B.V.\nKeizersgracht 123\n1015 CJ Amsterdam\nKvK 12345678\nTotaal 4,20","Albert de Boer B.V","Keizersgracht 123 1015 CJ Amsterdam"),
    ("Sklep Zielony Sp. z o.o.\nul. Długa 5\n00-238 Warszawa\nNIP 525-00-00-000\nPARAGON FISKALNY\nSUMA PLN 4,20","Sklep Zielony Sp. z o.o","ul. Długa 5 00-238 Warszawa"),
    ("Sharma Stores Pvt Ltd\n14 MG Road, Indiranagar\nBengaluru 560038\nGSTIN 29ABCDE1234F1Z5\nTotal ₹ 420.00","Sharma Stores Pvt Ltd","14 MG Road, Indiranagar Bengaluru 560038"),
    ("Kookaburra Coffee Pty Ltd\nABN 12 345 678 901\n45 Collins Street\nMelbourne VIC 3000\nTOTAL $4.20","Kookaburra Coffee Pty Ltd","45 Collins Street Melbourne VIC 3000"),
    ("Maple Hardware Inc.\n200 King St W\nToronto, ON M5H 3T4\nPhone (416) 555-0100\nTotal 4.20","Maple Hardware Inc","200 King St W Toronto, ON M5H 3T4"),
    ("Joe's Diner LLC\n1600 Main Street\nSpringfield, IL 62701\n(217) 555-0199\nTotal $14.20","Joe's Diner LLC","1600 Main Street Springfield, IL 62701"),
    ("Nordic Supply AB\nStorgatan 12\n111 51 Stockholm\nOrg.nr 556000-0000\nAtt betala 42,00","Nordic Supply AB","Storgatan 12 111 51 Stockholm"),
    ("Føtex Bageri ApS\nVestergade 3\n8000 Aarhus C\nCVR 12345678\nTotal 42,00","Føtex Bageri ApS","Vestergade 3 8000 Aarhus C"),
    ("PT Maju Jaya\nJl. Sudirman No. 45\nJakarta 10220\nNPWP 01.234.567.8-901.000\nTotal Rp 42.000","PT Maju Jaya","Jl. Sudirman No. 45 Jakarta 10220"),
    ("Acme Trading Pte Ltd\n1 Raffles Place #20-01\nSingapore 048616\nUEN 201012345A\nTotal $4.20","Acme Trading Pte Ltd","1 Raffles Place #20-01 Singapore 048616"),
    ("Pekařství Novák s.r.o.\nDlouhá ulice 7\n110 00 Praha 1\nIČO 12345678\nCelkem 42,00","Pekařství Novák s.r.o","Dlouhá ulice 7 110 00 Praha 1"),
    ("Kovács Kft.\nPetőfi utca 5\n1052 Budapest\nAdószám 12345678-1-41\nÖsszesen 4200","Kovács Kft","Petőfi utca 5 1052 Budapest"),
    ("Ristorante Bella AG\nBahnhofstrasse 10\n8001 Zürich\nCHE-123.456.789 MWST\nTotal CHF 42.00","Ristorante Bella AG","Bahnhofstrasse 10 8001 Zürich"),
    ("Café Central\nHerrengasse 14, 1010 Wien\nATU12345678\nSumme 4,20","Café Central","Herrengasse 14, 1010 Wien"),
    ("Tienda La Rosa S.A. de C.V.\nAv. Insurgentes Sur 1234, Col. Del Valle\n03100 Ciudad de México\nRFC TLR010203AB1\nTotal $42.00","Tienda La Rosa S.A. de C.V","Av. Insurgentes Sur 1234, Col. Del Valle 03100 Ciudad de México"),
    ("Kahvila Oy\nMannerheimintie 1\n00100 Helsinki\nY-tunnus 1234567-8\nYhteensä 4,20","Kahvila Oy","Mannerheimintie 1 00100 Helsinki"),
    ("Εστιατόριο Αθηνά Ε.Π.Ε.\nΛεωφόρος Αμαλίας 12\n105 57 Αθήνα\nΑΦΜ 123456789\nΣύνολο 4,20","Εστιατόριο Αθηνά Ε.Π.Ε","Λεωφόρος Αμαλίας 12 105 57 Αθήνα"),
    ("ООО Ромашка\nул. Ленина, д. 5\n101000 Москва\nИНН 7701234567\nИтого 420,00","ООО Ромашка","ул. Ленина, д. 5 101000 Москва"),
    ("株式会社さくら\n東京都千代田区丸の内1-2-3\n電話 03-1234-5678\n合計 ¥420","株式会社さくら","東京都千代田区丸の内1-2-3"),
    ("Yıldız Gıda Ltd. Şti.\nAtatürk Caddesi No: 12\n34000 İstanbul\nVergi No 1234567890\nToplam 42,00","Yıldız Gıda Ltd. Şti","Atatürk Caddesi No: 12 34000 İstanbul"),
]  # fmt: skip


def found(text: str) -> dict[str, object]:
    return extract([Page(1, text, source="native")], SCHEMA).fields


@pytest.mark.parametrize(("text", "company", "address"), LETTERHEADS)
def test_a_letterhead_of_any_country_names_company_and_address(text: str, company: str, address: str) -> None:
    assert found(text) == {"company": company, "address": address}


def test_a_name_with_a_registration_number_wins_over_slogans_and_places_above_it() -> None:
    text = "TQ FOR SHOPPING WITH US\nOASIS VILLAGE\n12 Quay Street\nFAIRDEAL RETAIL SB(306295-X) FKA OLD STORES SB\nTotal 1.00"
    assert found(text)["company"] == "FAIRDEAL RETAIL SB"


def test_the_line_of_a_sender_above_a_recipient_is_its_name_and_address() -> None:
    text = "Nordlicht AG - Uferweg 40-42 - D-63571 Gelnhausen\nHarbour Tools Ltd.\n93B Sai Yu Chung\nHong Kong\nRechnung\nContract No. CON02858"
    assert found(text) == {"company": "Nordlicht AG", "address": "Uferweg 40-42 - D-63571 Gelnhausen"}


def test_an_address_goes_on_below_a_house_number_that_looks_like_a_dutch_postcode() -> None:
    text = "Azure Ltd\n4557 De Silva St\nFremont CA 94538\nInvoice 12"
    assert found(text)["address"] == "4557 De Silva St Fremont CA 94538"


def test_a_name_is_known_by_a_web_address_with_http_and_www() -> None:
    text = "Global Wholesaler\nAzure Interior\n4557 De Silva St\nFremont CA 94538\nTotal 4.00\nhttp://www.azure-interior.com"
    assert found(text)["company"] == "Azure Interior"
    assert extract([Page(1, text, source="native")], DEFAULT_SCHEMA).fields["title"] == "Azure Interior"


def test_the_number_of_a_stamp_is_no_part_of_a_name() -> None:
    assert found("3180404 Nordic Supply\nStorgatan 12\n111 51 Stockholm")["company"] == "Nordic Supply"


def test_the_domain_of_a_document_shows_which_line_is_its_company() -> None:
    text = "Blue Harvest\nBerry's Cake House\n12 Quay Street\nTotal 4.00\nwww.berrys.example.com"
    assert found(text)["company"] == "Berry's Cake House"
    assert found(text.replace("berrys", "thatshop"))["company"] == "Blue Harvest"
    assert found(text.replace("www.berrys.example.com", "berrys@gmail.com"))["company"] == "Berry's Cake House"


def test_a_badly_read_line_is_less_likely_the_company() -> None:
    def words(text: str, row: int, confidence: float) -> list[Word]:
        return [
            Word(part, 0.1 + 0.2 * at, 0.1 * row, 0.25 + 0.2 * at, 0.1 * row + 0.05, confidence)
            for at, part in enumerate(text.split())
        ]

    def company(confidence: float) -> object:
        read = (*words("Worf Catemg", 0, confidence), *words("Five Star Cash", 1, 96.0))
        return extract([Page(1, "", read, "ocr", 90.0, 100.0, 100.0)], SCHEMA).fields["company"]

    assert (company(40.0), company(96.0)) == ("Five Star Cash", "Worf Catemg")


def test_labels_of_the_schema_come_first_and_a_letterhead_is_found_without_them() -> None:
    schema = {"properties": {"vendor": {"type": "string", "x-labels": ["Seller"]}}}
    labelled = extract([Page(1, "Harbour Tools Ltd\nSeller: Nordic Supply\n", source="native")], schema)
    bare = extract([Page(1, "Harbour Tools Ltd\nTotal 3.00\n", source="native")], schema)
    assert labelled.fields == {"vendor": "Nordic Supply"}
    assert bare.fields == {"vendor": "Harbour Tools Ltd"}


def test_other_texts_with_labels_are_not_taken_from_a_letterhead() -> None:
    labelled = {"type": "string", "x-labels": ["Ship to"]}
    page = Page(1, "Harbour Tools Ltd\n12 Quay Street\nBristol BS1 4RW\nTotal 3.00\n", source="native")
    found = extract([page], {"properties": {"name": labelled, "address": labelled}})
    assert found.fields == {"address": "12 Quay Street Bristol BS1 4RW"}
    assert found.doubtful == ("address",)
