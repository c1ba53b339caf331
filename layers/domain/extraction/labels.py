"""Labels: the words that stand beside a value, by the property that they name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SPELT = str.maketrans({"0": "o", "1": "l", "|": "l", "5": "s"})
DIGIT_IN_A_WORD = re.compile(r"[015|](?<=[a-z].)(?=[a-z])")  # begun by what is searched for fastest

# By the words of a property's name. The first label of a list is trusted most.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "total": (
        "grand total", "total amount due", "amount due", "balance due", "total due", "total payable", "net to pay",
        "total amt payable", "total rounded", "rounded total", "total after", "total incl", "total inclusive",
        "total amt incl", "total sales inclusive", "total sales incl", "total with tax", "total with gst", "nett total",
        "net total", "montant total ttc", "total ttc", "montant ttc", "facture ttc",
        "gesamtbetrag", "rechnungsbetrag", "endbetrag", "gesamt", "zu zahlen", "totaal te betalen", "te betalen",
        "totaalbedrag", "totaal", "invoice total", "total amount", "total rm", "total price", "total", "suma", "razem",
        "do zapłaty", "montant", "amount payable", "summe", "importe total", "subtotal", "sub total",
    ),
    "subtotal": ("subtotal", "sub total", "sub-total", "total excl", "total before tax", "untaxed amount", "net amount",
                 "total ht", "zwischensumme", "nettobetrag", "subtotaal"),
    "tax": ("total gst", "total tax", "gst amount", "vat amount", "sales tax", "tax", "vat", "gst", "sst", "mwst",
            "ust", "tva", "btw"),
    "date": ("invoice date", "date of issue", "bill date", "receipt date", "date issued", "order date", "rechnungsdatum",
             "factuurdatum", "date de facture", "facture du", "fecha", "datum", "date", "dated", "issued", "data"),
    "due date": ("due date", "payment due", "date due", "pay by", "fällig", "zahlbar bis", "vervaldatum", "échéance"),
    "invoice number": ("invoice number", "invoice no", "invoice #", "invoice nr", "invoice id", "tax invoice no",
                       "rechnungsnummer", "rechnungs-nr", "rechnung nr", "factuurnummer", "facture no", "facture n",
                       "facture n°", "numéro de facture", "bill no", "receipt no", "doc no", "faktura nr", "rechnungsnr",
                       "inv no", "inv nr", "factuur nr", "invoice", "factuur", "facture", "rechnung", "faktura"),
    "phone": ("telephone", "phone", "tel", "mobile", "fax"),
    "email": ("e-mail", "email", "mail"),
    "customer": ("bill to", "billed to", "sold to", "customer name", "customer", "client", "kunde"),
    "quantity": ("total quantity", "total qty", "quantity", "qty"),
}  # fmt: skip
SAME = {
    "amount": "total", "sum": "total", "grand total": "total", "total amount": "total", "amount due": "total",
    "price": "total", "invoice date": "date", "receipt date": "date", "number": "invoice number",
    "invoice no": "invoice number", "invoice": "invoice number", "document number": "invoice number",
    "receipt number": "invoice number", "vat": "tax", "tax amount": "tax", "sub total": "subtotal",
    "net amount": "subtotal", "telephone": "phone", "tel": "phone", "qty": "quantity",
}  # fmt: skip
COMPANIES = {"company", "company name", "vendor", "vendor name", "supplier", "merchant", "store", "shop", "issuer",
             "seller"}  # fmt: skip
TITLES = COMPANIES | {"title", "name", "heading", "subject"}
CURRENCIES = {"currency", "currency code"}
ADDRESSES = {"address", "company address", "vendor address", "merchant address", "store address"}


def words_of(property_name: str) -> str:
    """`invoiceNumber`, `invoice_number` and `Invoice number` as `invoice number`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", property_name)
    return " ".join(re.split(r"[\W_]+", parted.lower())).strip()


def meaning_of(property_name: str) -> str:
    """The word of this vocabulary that a property's name stands for, or its own words."""
    words = words_of(property_name)
    return SAME.get(words, words)


def labels_of(property_name: str, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels to look for, most trusted first: the dataset's own, else the vocabulary's, else its name."""
    own = tuple(str(label).lower() for label in schema.get("x-labels") or ())
    meaning = meaning_of(property_name)
    return tuple(dict.fromkeys((*own, *SYNONYMS.get(meaning, (words_of(property_name),)))))


def find_label(lowered: str, label: str) -> tuple[int, int] | None:
    """Where a label stands in a lower-case line: as whole words, what parts them taken loosely."""
    return next(iter(find_labels(lowered, label)), None)


def find_labels(lowered: str, label: str) -> list[tuple[int, int]]:
    """Every place where a label stands in a lower-case line."""
    first, last, pattern = _pattern(label)
    if first not in lowered or last not in lowered:  # a tenth of what a pattern costs
        return []
    return [match.span() for match in pattern.finditer(lowered)]


@lru_cache(maxsize=256)
def _words(its_labels: tuple[str, ...]) -> frozenset[str]:
    """The words that labels begin and end with."""
    return frozenset(word for label in its_labels for word in _pattern(label)[:2])


@lru_cache(maxsize=4096)
def _pattern(label: str) -> tuple[str, str, re.Pattern[str]]:
    """A label's first and last word, and the pattern that finds them with all that stand between."""
    words = label.split() or [""]
    joined = "[ (.:-]{1,3}".join(re.escape(word) for word in words)
    return words[0], words[-1], re.compile(rf"(?<![a-z0-9_]){joined}(?![a-z_])")


@dataclass(frozen=True, slots=True)
class Label:
    """A label that a document may show, and its place in the list of those to look for: the lower, the more trusted."""

    tier: int
    words: str


def labels_in(vocabulary: str, its_labels: Sequence[str]) -> list[Label]:
    """Those of the labels whose words a text has anywhere, by all its words in lower case, most trusted first."""
    absent = {word for word in _words(tuple(its_labels)) if word not in vocabulary}
    return [Label(tier, label) for tier, label in enumerate(its_labels) if absent.isdisjoint(_pattern(label)[:2])]


def best_label(lowered: str, its_labels: Sequence[Label]) -> tuple[int, tuple[int, int] | None]:
    """The most trusted label in a line: its tier, and its span."""
    tier, spans = label_places(lowered, its_labels)
    return tier, spans[0] if spans else None


def label_places(lowered: str, its_labels: Sequence[Label]) -> tuple[int, list[tuple[int, int]]]:
    """The most trusted label in a line, and each place where it stands: a table's head may say it twice."""
    for label in its_labels:
        if spans := find_labels(lowered, label.words):
            return label.tier, spans
    return 0, []


def plain(text: str) -> str:
    """The text in lower case, of the same length."""
    return text.replace("İ", "i").lower()  # the only letter whose small form is longer


def readable(text: str) -> str:
    """The text in lower case with letters in the place of the digits that readers take for them, same length."""
    return DIGIT_IN_A_WORD.sub(lambda match: match[0].translate(SPELT), plain(text))
