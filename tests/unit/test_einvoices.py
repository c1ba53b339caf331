"""Structured invoices: every value exactly, with the XPath of its element; hostile XML is not parsed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from layers.decoders import einvoices, pdf_text, texts, web_pages
from layers.domain.extraction.rules import extract
from layers.domain.extraction.structured import with_facts
from layers.domain.page import Fact, Page, pages_as_read
from tests.pdf_making import Pdf, filling, scan, text

SAMPLE = Path(__file__).parents[1] / "samples" / "cases" / "70-xrechnung-ubl.xml"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "company": {"type": "string"},
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "due_date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "amount_due": {"type": "number"},
        "tax": {"type": "number"},
        "currency": {"type": "string"},
    },
}
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"


def ubl(root: str = "Invoice", extra: str = "", prefix: str = "") -> str:
    colon = f"{prefix}:" if prefix else ""
    declared = f"xmlns{':' + prefix if prefix else ''}"
    return (
        f'<{colon}{root} {declared}="urn:oasis:names:specification:ubl:schema:xsd:{root}-2" xmlns:b="{CBC}" xmlns:a="{CAC}">'
        "<b:ID>NW-20417</b:ID><b:IssueDate>2024-03-14</b:IssueDate><b:DueDate>2024-04-13</b:DueDate>"
        "<b:DocumentCurrencyCode>SEK</b:DocumentCurrencyCode>"
        "<a:AccountingSupplierParty><a:Party><a:PartyName><b:Name>Nordvind &amp; Söner</b:Name></a:PartyName></a:Party>"
        "</a:AccountingSupplierParty><a:TaxTotal><b:TaxAmount>238.00</b:TaxAmount></a:TaxTotal><a:LegalMonetaryTotal>"
        '<b:TaxExclusiveAmount>952.00</b:TaxExclusiveAmount><b:TaxInclusiveAmount currencyID="SEK">1190.00'
        f"</b:TaxInclusiveAmount><b:PayableAmount>190.00</b:PayableAmount></a:LegalMonetaryTotal>{extra}</{colon}{root}>"
    )


def cii() -> str:
    return (
        '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" '
        'xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100" '
        'xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"><rsm:ExchangedDocument><ram:ID>NW-20417</ram:ID>'
        '<ram:IssueDateTime><udt:DateTimeString format="102">20240314</udt:DateTimeString></ram:IssueDateTime>'
        "</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty>"
        "<ram:Name>Nordvind &amp; Söner</ram:Name></ram:SellerTradeParty></ram:ApplicableHeaderTradeAgreement>"
        "<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>SEK</ram:InvoiceCurrencyCode>"
        "<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString>20240413</udt:DateTimeString>"
        "</ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms><ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        "<ram:TaxTotalAmount>238.00</ram:TaxTotalAmount><ram:GrandTotalAmount>1190.00</ram:GrandTotalAmount>"
        "<ram:DuePayableAmount>190.00</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        "</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"
    )


def zugferd_1() -> str:
    old = cii().replace("CrossIndustryInvoice", "CrossIndustryDocument")
    for new, name in (
        ("ExchangedDocument>", "HeaderExchangedDocument>"),
        ("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction"),
        ("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement"),
        ("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement"),
        ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"),
    ):
        old = old.replace(new, name)
    return old


def fattura(bodies: int = 1) -> str:
    body = (
        "<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><Divisa>SEK</Divisa><Data>2024-03-14</Data>"
        "<Numero>NW-20417</Numero><ImportoTotaleDocumento>1190.00</ImportoTotaleDocumento></DatiGeneraliDocumento>"
        "</DatiGenerali><DatiBeniServizi><DatiRiepilogo><ImponibileImporto>952.00</ImponibileImporto><Imposta>238.00</Imposta>"
        "</DatiRiepilogo></DatiBeniServizi><DatiPagamento><DettaglioPagamento><DataScadenzaPagamento>2024-04-13"
        "</DataScadenzaPagamento><ImportoPagamento>190.00</ImportoPagamento></DettaglioPagamento></DatiPagamento>"
        "</FatturaElettronicaBody>"
    )
    return (
        '<p:FatturaElettronica xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2" versione="FPR12">'
        "<FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici><Anagrafica><Denominazione>Nordvind &amp; Söner"
        "</Denominazione></Anagrafica></DatiAnagrafici></CedentePrestatore></FatturaElettronicaHeader>"
        f"{body * bodies}</p:FatturaElettronica>"
    )


def in_envelope() -> str:
    return f'<StandardBusinessDocument xmlns="urn:sbdh"><Header/><Payload>{ubl()}</Payload></StandardBusinessDocument>'


def read(content: bytes) -> tuple[Any, dict[str, Any]]:
    page = einvoices.page_of(content)
    assert page is not None
    pages = pages_as_read([page])
    return with_facts(extract(pages, SCHEMA, date(2026, 1, 1)), pages, SCHEMA), page


EXPECTED = {
    "company": "Nordvind & Söner",
    "invoice_number": "NW-20417",
    "date": "2024-03-14",
    "due_date": "2024-04-13",
    "total": 1190.0,
    "amount_due": 190.0,
    "tax": 238.0,
    "currency": "SEK",
}


@pytest.mark.parametrize(
    "content",
    [
        ubl().encode(),
        ubl(prefix="u").encode(),
        ubl("CreditNote").encode(),
        in_envelope().encode(),
        cii().encode(),
        zugferd_1().encode(),
        fattura().encode(),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + ubl().encode("latin-1"),
        b"\xef\xbb\xbf" + cii().encode(),
        ubl().encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by a program -->\n' + fattura().encode(),
    ],
)
def test_every_value_of_a_structured_invoice_is_taken_exactly(content: bytes) -> None:
    found, _ = read(content)
    assert found.fields == EXPECTED
    assert all(evidence.xpath for evidence in found.evidence.values())


def test_the_evidence_of_a_value_is_the_xpath_of_its_element() -> None:
    found, _ = read(ubl().encode())
    assert found.evidence["total"].xpath == "/Invoice/cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"
    found, _ = read(cii().encode())
    assert found.evidence["invoice_number"].xpath == "/rsm:CrossIndustryInvoice/rsm:ExchangedDocument/ram:ID"
    found, _ = read(fattura().encode())
    assert str(found.evidence["date"].xpath).endswith("/DatiGenerali/DatiGeneraliDocumento/Data")


def test_the_sample_of_xrechnung_is_read() -> None:
    (page,) = texts.read_text(str(SAMPLE), "application/xml")
    assert ["total", "529.87", "/Invoice/cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"] in page["facts"]
    assert "<dt>total</dt><dd>529.87</dd>" in web_pages._text(str(SAMPLE), "application/xml")


def test_further_invoices_of_one_file_make_the_record_partial() -> None:
    _, page = read(fattura(bodies=3).encode())
    assert page["notes"] == [["2 further invoices of this file were not read", True]]


PRINTED = ("NORTHWIND HARDWARE LTD", "Invoice number: 1", "Invoice date: 1 January 2020", "Total due: GBP 5.00")


def hybrid(name: str, xml: str, *, is_scan: bool = False) -> bytes:
    """A PDF that prints other values than those of the XML that it carries."""
    pdf = Pdf()
    pdf.page(filling() if is_scan else text(PRINTED), pictures=[scan(PRINTED)] if is_scan else [])
    pdf.attach({"terms.txt": b"terms", name: xml.encode()})
    return pdf.content()


@pytest.mark.parametrize(
    ("name", "xml"),
    [
        ("factur-x.xml", cii()),
        ("ZUGFeRD-invoice.xml", zugferd_1()),
        ("xrechnung.xml", ubl()),
        ("invoice 17.XML", ubl("CreditNote")),
        ("order.xml", fattura()),
    ],
)
def test_the_xml_in_a_pdf_wins_over_its_print(tmp_path: Path, name: str, xml: str) -> None:
    path = tmp_path / "hybrid.pdf"
    path.write_bytes(hybrid(name, xml))
    read = pages_as_read(pdf_text.read_text(str(path)))
    found = with_facts(extract(read, SCHEMA, date(2026, 1, 1)), read, SCHEMA)
    assert found.fields == EXPECTED
    assert found.evidence["total"].xpath


def test_the_xml_in_a_scan_is_kept_for_the_page_that_ocr_reads(tmp_path: Path) -> None:
    path = tmp_path / "hybrid.pdf"
    path.write_bytes(hybrid("factur-x.xml", cii(), is_scan=True))
    (page,) = pages_as_read(pdf_text.read_text(str(path)))
    assert page.source is None
    assert {fact.name: fact.value for fact in page.facts}["total"] == "1190.00"


def test_a_pdf_that_carries_another_xml_is_read_by_its_print(tmp_path: Path) -> None:
    path = tmp_path / "other.pdf"
    path.write_bytes(hybrid("data.xml", "<data><Invoice>7</Invoice></data>"))
    pages = pages_as_read(pdf_text.read_text(str(path)))
    assert with_facts(extract(pages, SCHEMA, date(2026, 1, 1)), pages, SCHEMA).fields["total"] == 5.0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b"not xml Invoice",
        b"<Invoice>" * 5,
        b"<Invoice><ID>1</ID></Invoice>",  # no namespace: the XML of another program
        b'<!DOCTYPE Invoice [<!ENTITY a "b">]>' + ubl().encode(),
        ('<!DOCTYPE Invoice [<!ENTITY a "b">]>' + ubl()).encode("utf-16"),
        ubl().encode()[:400],
        b"<x>" * 100_000 + b"Invoice",
        ubl().replace("<b:ID>NW-20417</b:ID>", "").replace("LegalMonetaryTotal", "Other").encode(),
    ],
)
def test_other_and_hostile_xml_is_no_structured_invoice(content: bytes) -> None:
    assert einvoices.page_of(content) is None


def test_the_stated_value_wins_over_print_and_a_value_that_does_not_fit_is_ignored() -> None:
    facts = (Fact("total", "1190.00", "/a"), Fact("date", "14 March", "/b"))
    page = Page(1, "Total 5.00\nDate 2024-01-02", (), "native", 100.0, facts=facts)
    found = with_facts(extract([page], SCHEMA, date(2026, 1, 1)), [page], SCHEMA)
    assert (found.fields["total"], found.fields["date"]) == (1190.0, "2024-01-02")
