"""The kind of a document: the built-in rules, and what moves add to them."""

from __future__ import annotations

import pytest

from layers.domain.kinds.decision import recognise
from layers.domain.kinds.learnt import Example, Model, trained, words_of
from layers.domain.kinds.rules import Kind, looks_of, scores
from layers.domain.page import Page

INVOICES = {
    "en": "ACME Ltd\nINVOICE\nInvoice number: 2041\nBill to: Northwind\nDue date: 14/04/2024\nTotal 1,190.00",
    "de": "Muster GmbH\nRechnung\nRechnungsnummer: 77\nKundennummer: 12\nZahlbar bis 14.04.2024\nGesamtbetrag 1.190,00",
    "fr": "Atelier Dupont\nFacture\nNuméro de facture 12\nDate d'échéance 14/04/2024\nTotal 1 190,00\nIBAN FR76 1234",
    "it": "Rossi Srl\nFattura\nFattura n. 12\nPartita IVA 123\nScadenza 14/04/2024\nTotale 1.190,00",
    "es": "García SL\nFactura\nNúmero de factura 12\nVencimiento 14/04/2024\nForma de pago: transferencia\nTotal 1.190,00",
    "pl": "Firma\nFaktura VAT\nFaktura nr 12\nSprzedawca A\nNabywca B\nTermin płatności 14.04.2024\nRazem 1190,00",
    "ja": "株式会社山田\n請求書\n振込先 三井住友\nお支払期限 2024年4月14日\n合計 1,190.00",
}
RECEIPTS = {
    "en": "CORNER SHOP\nRECEIPT\nCashier: Ann\nMilk 2.00\nBread 3.00\nTOTAL 5.00\nCASH 10.00\nCHANGE 5.00\nThank you",
    "de": "REWE\nKassenbon\nBrot 2,00\nSUMME 2,00\nGegeben BAR 5,00\nRückgeld 3,00\nVielen Dank",
    "fr": "CARREFOUR\nTicket de caisse\nPain 2,00\nTOTAL 2,00\nEspèces 5,00\nRendu 3,00\nMerci de votre visite",
    "it": "BAR SPORT\nDocumento commerciale\nCaffè 1,20\nTotale 1,20\nContante 2,00\nResto 0,80",
}
STATEMENTS = {
    "en": "First Bank\nAccount statement\nStatement period May 2024\nOpening balance 100.00\nDebit 20.00\nClosing balance 80.00",
    "de": "Sparkasse\nKontoauszug\nAlter Kontostand 100,00\nBuchungstag Valuta\nLastschrift 20,00\nNeuer Kontostand 80,00",
    "fr": "Banque\nRelevé de compte\nAncien solde 100,00\nOpérations\nNouveau solde 80,00",
}
OTHERS = {
    "letter": "Dear Ms Miller\nthank you very much for the long letter that you have sent to us in the spring\nKind regards",
    "paper": "A study of layouts\nAbstract\nWe present a study of layouts in which pages of many documents are compared\nIntroduction",
    "delivery note": "ACME Ltd\nDelivery note\nPacking list\n12 boxes of screws\nOrder confirmation 12",
}
CASES = [
    *((kind, name, text) for kind, texts in (("invoice", INVOICES), ("receipt", RECEIPTS), ("statement", STATEMENTS), ("other", OTHERS))
      for name, text in texts.items()),
]  # fmt: skip


def page(text: str, width: float = 0.0, height: float = 0.0) -> Page:
    return Page(1, text, source="native", width=width, height=height)


def example(kind: Kind, text: str, *, taught: bool = True) -> Example:
    looks = looks_of([page(text)])
    return Example(kind, words_of(looks), scores(looks), taught)


@pytest.mark.parametrize(("kind", "name", "text"), CASES)
def test_a_document_is_recognised_in_its_language(kind: str, name: str, text: str) -> None:
    found = recognise([page(text)])
    assert (found.kind, found.is_sure) == (kind, True), found


@pytest.mark.parametrize("text", ["", "Total 12.00", "Invoice", "12 34 56", "Statement of the minister on tax"])
def test_a_document_that_shows_little_is_never_surely_an_invoice_a_receipt_or_a_statement(text: str) -> None:
    found = recognise([page(text)])
    assert found.kind == "other" or not found.is_sure, found


def test_a_long_narrow_page_speaks_for_a_receipt() -> None:
    text = "SHOP\nMilk 2.00\nTOTAL 2.00"
    narrow, wide = recognise([page(text, 300, 900)]), recognise([page(text, 900, 1200)])
    assert narrow.kind == "receipt"
    assert wide.kind != "receipt" or wide.probability < narrow.probability


# --- what moves teach --------------------------------------------------------------------------------

# The rules take this sender's delivery receipts for invoices.
ODD = "Brightwater Logistics\nInvoice of carriage\nInvoice number {n}\nBill to: depot {n}\nGoods received {n} pallets\nTotal {n}.00"


def test_a_model_without_lessons_changes_nothing() -> None:
    assert trained([]) == Model()


def test_moves_teach_the_kind_of_documents_that_the_rules_take_for_another() -> None:
    lessons = [example("receipt", ODD.format(n=n)) for n in range(11, 19)]
    undisputed = [example("invoice", text, taught=False) for text in INVOICES.values()]
    model = trained([*lessons, *undisputed])
    assert model.weight > 0
    assert model.learnt.right > model.rules.right
    assert model.learnt.wrong <= model.rules.wrong
    new = recognise([page(ODD.format(n=44))], model)
    assert (new.kind, new.is_sure, new.by) == ("receipt", True, "learnt")
    for text in INVOICES.values():
        assert recognise([page(text)], model).kind == "invoice"


def test_a_model_that_makes_any_decision_worse_is_not_used() -> None:
    contradictory = [example("receipt" if n % 2 else "invoice", INVOICES["en"] + f" {n}") for n in range(8)]
    model = trained(contradictory)
    assert model.learnt.wrong <= model.rules.wrong
    assert model.learnt.right >= model.rules.right


def test_two_moves_are_too_few() -> None:
    assert trained([example("receipt", ODD.format(n=n)) for n in (1, 2)]).weight == 0


def test_each_document_is_judged_as_if_it_had_not_taught() -> None:
    """Documents that have nothing in common prove nothing about the next one."""
    texts = ("alpha beta gamma", "delta epsilon zeta", "theta iota kappa", "lambda omega sigma")
    lessons = [
        example("receipt", f"{words}\nInvoice number 1\nINVOICE\nBill to X\nDue date\nTotal 2.00") for words in texts
    ]
    undisputed = [example("invoice", text, taught=False) for text in INVOICES.values()]
    model = trained([*lessons, *undisputed])
    assert model.learnt.wrong <= model.rules.wrong
