"""Reads structured invoices: UBL 2.1 (Peppol, XRechnung), CII (Factur-X, ZUGFeRD) and FatturaPA.

Every value is taken from its element, whose XPath is kept as the evidence. Other XML is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from layers.decoders.charsets import decode
from layers.decoders.text_pages import text_page

MAX_BYTES = 16 << 20
MOST_LINES = 2000  # of goods, in the text
MOST_LEVELS_ABOVE = 3  # envelopes around the invoice
DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
FORBIDDEN = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# Names of the XML that a hybrid PDF carries.
ROOTS = ("Invoice", "CreditNote", "CrossIndustryInvoice", "CrossIndustryDocument", "FatturaElettronica")

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where each fact is: by its name, paths of local names from the root, the preferred one first."""

    name: str
    facts: dict[str, Paths]
    line: str
    line_facts: tuple[Paths, ...]


UBL_PARTY = ("Party/PartyLegalEntity/RegistrationName", "Party/PartyName/Name")
UBL = Dialect(
    "UBL",
    {
        "invoice number": ("ID",),
        "date": ("IssueDate",),
        "due date": ("DueDate", "PaymentMeans/PaymentDueDate"),
        "currency": ("DocumentCurrencyCode", "LegalMonetaryTotal/PayableAmount/@currencyID"),
        "company": tuple(f"AccountingSupplierParty/{path}" for path in UBL_PARTY),
        "customer": tuple(f"AccountingCustomerParty/{path}" for path in UBL_PARTY),
        "subtotal": ("LegalMonetaryTotal/TaxExclusiveAmount", "LegalMonetaryTotal/LineExtensionAmount"),
        "tax": ("TaxTotal/TaxAmount",),
        "total": ("LegalMonetaryTotal/TaxInclusiveAmount", "LegalMonetaryTotal/PayableAmount"),
        "amount due": ("LegalMonetaryTotal/PayableAmount",),
        "order number": ("OrderReference/ID", "BuyerReference"),
    },
    "InvoiceLine CreditNoteLine",
    (
        ("Item/Name", "Item/Description"),
        ("InvoicedQuantity", "CreditedQuantity"),
        ("Price/PriceAmount",),
        ("LineExtensionAmount",),
    ),
)
TRADE, OLD_TRADE = "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction"
SETTLEMENTS = (
    f"{TRADE}/ApplicableHeaderTradeSettlement",
    f"{OLD_TRADE}/ApplicableSupplyChainTradeSettlement",
)
AGREEMENTS = (f"{TRADE}/ApplicableHeaderTradeAgreement", f"{OLD_TRADE}/ApplicableSupplyChainTradeAgreement")
SUMS = tuple(
    f"{settlement}/{summation}"
    for settlement in SETTLEMENTS
    for summation in (
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        "SpecifiedTradeSettlementMonetarySummation",
    )
)
CII = Dialect(
    "CII",
    {
        "invoice number": ("ExchangedDocument/ID", "HeaderExchangedDocument/ID"),
        "date": (
            "ExchangedDocument/IssueDateTime/DateTimeString",
            "HeaderExchangedDocument/IssueDateTime/DateTimeString",
        ),
        "due date": tuple(
            f"{parent}/SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString" for parent in SETTLEMENTS
        ),
        "currency": tuple(f"{parent}/InvoiceCurrencyCode" for parent in SETTLEMENTS),
        "company": tuple(f"{parent}/SellerTradeParty/Name" for parent in AGREEMENTS),
        "customer": tuple(f"{parent}/BuyerTradeParty/Name" for parent in AGREEMENTS),
        "subtotal": tuple(f"{parent}/TaxBasisTotalAmount" for parent in SUMS),
        "tax": tuple(f"{parent}/TaxTotalAmount" for parent in SUMS),
        "total": (
            *(f"{parent}/GrandTotalAmount" for parent in SUMS),
            *(f"{parent}/DuePayableAmount" for parent in SUMS),
        ),
        "amount due": tuple(f"{parent}/DuePayableAmount" for parent in SUMS),
        "order number": tuple(f"{parent}/BuyerOrderReferencedDocument/IssuerAssignedID" for parent in AGREEMENTS),
    },
    "IncludedSupplyChainTradeLineItem",
    (
        ("SpecifiedTradeProduct/Name",),
        ("SpecifiedLineTradeDelivery/BilledQuantity", "SpecifiedSupplyChainTradeDelivery/BilledQuantity"),
        ("SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount",),
        (
            "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
            "SpecifiedSupplyChainTradeSettlement/SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
        ),
    ),
)
GENERAL, PERSON = "FatturaElettronicaBody/DatiGenerali/DatiGeneraliDocumento", "DatiAnagrafici/Anagrafica"
FATTURA = Dialect(
    "FatturaPA",
    {
        "invoice number": (f"{GENERAL}/Numero",),
        "date": (f"{GENERAL}/Data",),
        "due date": ("FatturaElettronicaBody/DatiPagamento/DettaglioPagamento/DataScadenzaPagamento",),
        "currency": (f"{GENERAL}/Divisa",),
        "company": (
            f"FatturaElettronicaHeader/CedentePrestatore/{PERSON}/Denominazione",
            f"FatturaElettronicaHeader/CedentePrestatore/{PERSON}/Cognome",
        ),
        "customer": (
            f"FatturaElettronicaHeader/CessionarioCommittente/{PERSON}/Denominazione",
            f"FatturaElettronicaHeader/CessionarioCommittente/{PERSON}/Cognome",
        ),
        "total": (f"{GENERAL}/ImportoTotaleDocumento",),
        "amount due": ("FatturaElettronicaBody/DatiPagamento/DettaglioPagamento/ImportoPagamento",),
    },
    "DettaglioLinee",
    (("Descrizione",), ("Quantita",), ("PrezzoUnitario",), ("PrezzoTotale",)),
)
DIALECTS = {
    "Invoice": UBL,
    "CreditNote": UBL,
    "CrossIndustryInvoice": CII,
    "CrossIndustryDocument": CII,
    "FatturaElettronica": FATTURA,
}
Fact = list[str]  # name, value, XPath
DATE_102 = re.compile(r"(\d{4})(\d{2})(\d{2})")


def page_of(content: bytes) -> dict[str, Any] | None:
    """One page for a structured invoice, with its facts and a text of one line each; None for anything else."""
    found = facts_of(content)
    if found is None:
        return None
    dialect, facts, rows, notes = found
    title = f"Invoice ({dialect})"
    lines = [
        title,
        *(f"{name.capitalize()}: {value}" for name, value, _ in facts),
        "",
        *("   ".join(row) for row in rows),
    ]
    return {**text_page("\n".join(lines).rstrip()), "facts": facts, "notes": notes}


def facts_of(content: bytes) -> tuple[str, list[Fact], list[list[str]], list[list[Any]]] | None:
    """The name of the dialect, the facts, the lines of goods, and notes; None if it is no structured invoice."""
    root = _root_of(content)
    if root is None:
        return None
    dialect = DIALECTS[_local(root.tag)]
    facts = list(_facts(root, dialect))
    if not {"invoice number", "total"} & {name for name, _, _ in facts}:
        return None
    rows = [_row(line, dialect) for line in _lines(root, dialect)]
    notes: list[list[Any]] = []
    more = len(_children(root, "FatturaElettronicaBody")) - 1
    if more > 0:
        notes.append([f"{more} further invoices of this file were not read", True])
    return dialect.name, facts, rows, notes


def _root_of(content: bytes) -> Element | None:
    """The invoice's own element. XML that declares a document type or entities is not parsed."""
    if len(content) > MAX_BYTES or b"<" not in content[:64].replace(b"\x00", b""):
        return None
    text = DECLARATION.sub("", decode(content, _declared(content)).lstrip("\ufeff"), count=1)
    if FORBIDDEN.search(text) or not any(name in text for name in ROOTS):
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    level = [root]
    for _ in range(MOST_LEVELS_ABOVE + 1):
        for element in level:
            if _local(element.tag) in DIALECTS and ("}" in element.tag):
                return element
        level = [child for element in level for child in element][:200]
    return None


def _declared(content: bytes) -> str | None:
    found = re.search(rb"""\A[^>]{0,100}encoding\s*=\s*["']([\w.:-]{2,40})""", content[:200])
    return found[1].decode("ascii") if found else None


def _facts(root: Element, dialect: Dialect) -> Iterator[Fact]:
    for name, paths in dialect.facts.items():
        for path in paths:
            if found := _value(root, path):
                value, xpath = found
                yield [name, _as_date(value) if name.endswith("date") else value, xpath]
                break
    if dialect is FATTURA:
        yield from _italian_sums(root)


def _italian_sums(root: Element) -> Iterator[Fact]:
    """What FatturaPA states only by tax rate: net and tax, where there is one rate; the total, where it is left out."""
    summaries = _found(root, "FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo")
    if len(summaries) != 1:
        return
    for name, tag in (("subtotal", "ImponibileImporto"), ("tax", "Imposta")):
        if found := _value(root, f"FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo/{tag}"):
            yield [name, *found]


def _value(root: Element, path: str) -> tuple[str, str] | None:
    """The text of the first element, or attribute, at a path that has one, and its XPath."""
    steps = path.split("/")
    attribute = steps.pop()[1:] if steps[-1].startswith("@") else None
    for element, trail in _walk(root, steps, [_name(root)]):
        text = (element.get(attribute) if attribute else element.text) or ""
        if text.strip():
            return " ".join(text.split()), "/" + "/".join([*trail, *([f"@{attribute}"] if attribute else [])])
    return None


def _walk(element: Element, steps: Sequence[str], trail: list[str]) -> Iterator[tuple[Element, list[str]]]:
    if not steps:
        yield element, trail
        return
    same = _children(element, steps[0])
    for index, child in enumerate(same, 1):
        step = _name(child) if len(same) == 1 else f"{_name(child)}[{index}]"
        yield from _walk(child, steps[1:], [*trail, step])


def _found(root: Element, path: str) -> list[Element]:
    return [element for element, _ in _walk(root, path.split("/"), [])]


def _children(element: Element, local: str) -> list[Element]:
    return [child for child in element if _local(child.tag) == local]


def _lines(root: Element, dialect: Dialect) -> list[Element]:
    names = dialect.line.split(" ")
    return [element for element in root.iter() if _local(element.tag) in names][:MOST_LINES]


def _row(line: Element, dialect: Dialect) -> list[str]:
    cells = (next((found[0] for path in paths if (found := _value(line, path))), "") for paths in dialect.line_facts)
    return [cell for cell in cells if cell]


def _local(tag: Any) -> str:
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


# Prefixes that the standards use for their namespaces.
PREFIXES = (("CommonAggregateComponents-2", "cac:"), ("CommonBasicComponents-2", "cbc:"), ("ReusableAggregate", "ram:"),
            ("UnqualifiedDataType", "udt:"), ("CrossIndustryInvoice", "rsm:"), ("CrossIndustryDocument", "rsm:"),
            ("fatture/v", "p:"))  # fmt: skip


def _name(element: Element) -> str:
    """An element's name with the usual prefix of its namespace."""
    tag = str(element.tag)
    namespace = tag[1:].split("}", 1)[0] if tag.startswith("{") else ""
    return next((prefix for part, prefix in PREFIXES if part in namespace), "") + _local(tag)


def _as_date(value: str) -> str:
    """ISO 8601 for a date in format 102; anything else as it is, without the time and the zone."""
    if match := DATE_102.fullmatch(value):
        return "-".join(match.groups())
    return value[:10] if re.match(r"\d{4}-\d\d-\d\d", value) else value


def add_facts(document: Any, pages: list[dict[str, Any]]) -> str | None:
    """Give the first page of a hybrid PDF, an open pypdfium2 document, the facts of the XML that it carries; the name of
    that attached file."""
    if not pages or pages[0]["number"] != 1:
        return None
    for index in range(min(document.count_attachments(), 50)):
        attachment = document.get_attachment(index)
        name = attachment.get_name()
        if not name.lower().endswith(".xml"):
            continue
        found = facts_of(bytes(attachment.get_data()))
        if found:
            pages[0]["facts"] = found[1]
            pages[0]["notes"] = [*pages[0].get("notes", ()), *found[3]]
            return str(name)
    return None
