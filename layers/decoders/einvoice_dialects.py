"""The dialects of structured invoices: in which elements UBL, CII and FatturaPA have each fact."""

from __future__ import annotations

from dataclasses import dataclass

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where a format has its facts. `facts`: paths of local names from the root, by the name of the fact, the preferred
    path first. `line`: the names of the elements for lines of goods, and `line_facts` the paths in them."""

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
# Prefixes that the standards use for their namespaces.
PREFIXES = (("CommonAggregateComponents-2", "cac:"), ("CommonBasicComponents-2", "cbc:"), ("ReusableAggregate", "ram:"),
            ("UnqualifiedDataType", "udt:"), ("CrossIndustryInvoice", "rsm:"), ("CrossIndustryDocument", "rsm:"),
            ("fatture/v", "p:"))  # fmt: skip
