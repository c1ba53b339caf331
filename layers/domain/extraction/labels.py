"""Labels: the words printed beside a value that name its property."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from layers.domain.extraction.label_words import DOCUMENT_NAMES, DOCUMENT_TITLES, OTHER_LANGUAGES
from layers.domain.extraction.spelling import folded

LETTER_FOR_DIGIT = str.maketrans({"0": "o", "1": "l", "|": "l", "5": "s"})
BARE_TIER = 30
# Begins with the digit, not with the lookbehind: searching for a set of characters is fast.
DIGIT_IN_A_WORD = re.compile(r"[015|](?<=[a-z].)(?=[a-z])")

# The labels of each meaning of a property's name. The first label of a list is trusted most.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "total": (
        "grand total", "total amount due", "amount due", "balance due", "total due", "total payable", "net to pay", "amount to be paid",
        "amount to pay", "total to pay", "to be paid",
        "total amt payable", "total rounded", "rounded total", "total after", "total incl", "total inclusive",
        "total amt incl", "total sales inclusive", "total sales incl", "total with tax", "total with gst", "nett total",
        "net total", "montant total ttc", "total ttc", "montant ttc", "facture ttc",
        "gesamtbetrag", "rechnungsbetrag", "endbetrag", "gesamt", "zu zahlen", "totaal te betalen", "te betalen",
        "totaalbedrag", "totaal", "invoice total", "total amount", "total rm", "total price", "total", "suma", "razem",
        "do zapłaty", "montant", "amount payable", "summe", "importe total", "subtotal", "sub total",
        "net amt", "nett amt", "nett",
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
                       "inv no", "inv nr", "factuur nr", "credit note no", "credit note number", "gutschrift nr"),
    "phone": ("telephone", "phone", "tel", "mobile", "fax"),
    "email": ("e-mail", "email", "mail"),
    "customer": ("bill to", "billed to", "sold to", "customer name", "customer", "client", "kunde"),
    "quantity": ("total quantity", "total qty", "quantity", "qty"),
}  # fmt: skip
# Names of properties that have the meaning of another name.
SAME_MEANING = {
    "amount": "total", "sum": "total", "grand total": "total", "total amount": "total", "amount due": "total",
    "price": "total", "invoice date": "date", "receipt date": "date", "bill date": "date", "document date": "date",
    "issue date": "date", "date of issue": "date", "issued": "date", "issued on": "date", "purchase date": "date",
    "transaction date": "date", "number": "invoice number",
    "invoice no": "invoice number", "invoice": "invoice number", "document number": "invoice number",
    "receipt number": "invoice number", "vat": "tax", "tax amount": "tax", "sub total": "subtotal",
    "net amount": "subtotal", "telephone": "phone", "tel": "phone", "qty": "quantity",
}  # fmt: skip
COMPANIES = {"company", "company name", "vendor", "vendor name", "supplier", "supplier name", "merchant", "merchant name",
             "store", "store name", "shop", "issuer", "seller", "seller name", "sender", "sender name", "issued by", "biller",
             "lieferant", "firma", "absender", "fournisseur", "proveedor", "emisor", "fornitore", "fornecedor", "leverancier"}  # fmt: skip
TITLES = COMPANIES | {"title", "name", "heading", "subject"}
CURRENCIES = {"currency", "currency code"}
ADDRESSES = {"address", "company address", "vendor address", "merchant address", "store address", "supplier address",
             "seller address", "sender address", "issuer address", "adresse", "anschrift", "dirección", "direccion", "indirizzo",
             "endereço", "endereco", "adres"}  # fmt: skip


def words_of(property_name: str) -> str:
    """The words of a name: `invoiceNumber`, `invoice_number` and `Invoice number` all give `invoice number`."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", property_name)
    return " ".join(re.split(r"[\W_]+", separated.lower())).strip()


def meaning_of(property_name: str, schema: Mapping[str, Any] | None = None) -> str:
    """The meaning of a property's name in SYNONYMS, or its own words. Where the schema's own labels have another meaning, it is
    theirs: a property named `total` with the label "Subtotal" is the subtotal."""
    words = words_of(property_name)
    meaning = SAME_MEANING.get(words, words)
    return _meaning_of_labels(_own_labels(schema or {}), meaning) if meaning in SYNONYMS else meaning


def _own_labels(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(label).lower() for label in schema.get("x-labels") or ())


@lru_cache(maxsize=256)
def _meaning_of_labels(own: tuple[str, ...], of_name: str) -> str:
    """The meaning of those labels that are known, if they agree, otherwise that of the property's name."""
    known = {_meanings()[label] for label in own if label in _meanings()}
    return known.pop() if len(known) == 1 else of_name


@lru_cache(maxsize=1)
def _meanings() -> Mapping[str, str]:
    """The meaning of each known label. A label of several meanings has the one that trusts it most."""
    ranked = [(label.tier, label.words, meaning) for meaning in SYNONYMS for label in _labels((), meaning, meaning)]
    return {words: meaning for _, words, meaning in sorted(ranked, reverse=True)}


@dataclass(frozen=True)
class Label:
    """A label of a property. `tier` 0 is trusted most. `bare`: the name of the document alone, such as "invoice"."""

    tier: int
    words: str
    bare: bool = False

    @cached_property
    def outer_words(self) -> tuple[str, str]:
        """The first and the last word."""
        words = self.words.split() or [""]
        return words[0], words[-1]

    def spans_in(self, lowered: str) -> list[tuple[int, int]]:
        """The span of each match in a lower-case line: whole words, with any usual separators."""
        first, last = self.outer_words
        if first not in lowered or last not in lowered:  # this test costs a tenth of the pattern
            return []
        return [match.span() for match in self._pattern.finditer(lowered)]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _pattern(self.words)


def labels_of(property_name: str, schema: Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels to search for, most trusted first: the schema's `x-labels`, then the synonyms of the property's
    meaning, or its name if it has no synonyms."""
    return _labels(_own_labels(schema), meaning_of(property_name, schema), words_of(property_name))


@lru_cache(maxsize=256)
def _labels(own: tuple[str, ...], meaning: str, words: str) -> tuple[Label, ...]:
    found = [Label(tier, label) for tier, label in enumerate((*own, *SYNONYMS.get(meaning, (words,))))]
    for line in OTHER_LANGUAGES.get(meaning, "").strip().splitlines():
        tier, _, texts = line.split(" ", 2)
        found += [Label(len(own) + int(tier), text.strip()) for text in texts.split("|")]
    # Without accents, as older programs print them.
    found += [
        Label(label.tier, plain, label.bare)
        for label in found
        if (plain := folded(label.words)) != label.words and plain.isascii()
    ]
    if meaning == "invoice number":
        found += [Label(BARE_TIER, name, bare=True) for name in DOCUMENT_NAMES]
    distinct: dict[str, Label] = {}
    for label in sorted(found, key=lambda label: label.tier):
        distinct.setdefault(label.words, label)
    return tuple(distinct.values())


@lru_cache(maxsize=1)
def _words_beside_values() -> tuple[Label, ...]:
    """The labels of all meanings and the titles of documents, the longest first."""
    found = {label.words for meaning in SYNONYMS for label in _labels((), meaning, meaning)}
    return tuple(Label(0, words) for words in sorted({*found, *DOCUMENT_TITLES}, key=len, reverse=True))


def words_beside_values_in(vocabulary: str) -> list[Label]:
    """The labels and titles that a document may contain, the longest first. `vocabulary` as in `labels_in`."""
    return labels_in(vocabulary, _words_beside_values())


def begins_with_label(lowered: str, known: Sequence[Label]) -> bool:
    """Whether a line begins with one of these labels and a colon, as in `Invoice number: NW-20417`."""
    head, colon, _ = lowered.partition(":")
    return bool(colon) and any((spans := label.spans_in(head)) and not head[: spans[0][0]].strip() for label in known)


def without_labels(lowered: str, known: Sequence[Label]) -> str:
    """A line with a space in place of each of these labels in it."""
    for label in known:
        for start, end in reversed(label.spans_in(lowered)):
            lowered = lowered[:start] + " " + lowered[end:]
    return lowered


def find_label(lowered: str, label: str) -> tuple[int, int] | None:
    """The span of the first match of a label in a lower-case line."""
    return next(iter(find_labels(lowered, label)), None)


def find_labels(lowered: str, label: str) -> list[tuple[int, int]]:
    """As `Label.spans_in`, of a label's words."""
    return _label_of(label).spans_in(lowered)


@lru_cache(maxsize=4096)
def _label_of(words: str) -> Label:
    return Label(0, words)


@lru_cache(maxsize=4096)
def _pattern(label: str) -> re.Pattern[str]:
    """The pattern that finds a label."""
    words = label.split() or [""]
    joined = "[ (.:-]{1,3}".join(re.escape(word) for word in words)
    # Scripts without spaces, from U+2E80 on, have no boundaries of words.
    start = r"(?<!\w)" if words[0] and words[0][0] < "\u2e80" else ""
    end = r"(?![^\W\d])" if words[-1] and words[-1][-1] < "\u2e80" else ""
    return re.compile(start + joined + end)


def labels_in(vocabulary: str, property_labels: Sequence[Label]) -> list[Label]:
    """The labels that a document may contain, most trusted first. `vocabulary` holds all its words in lower case."""
    has_word: dict[str, bool] = {}
    present = []
    for label in property_labels:
        for word in label.outer_words:
            if word not in has_word:
                has_word[word] = word in vocabulary
            if not has_word[word]:
                break
        else:
            present.append(label)
    return present


def best_label(lowered: str, property_labels: Sequence[Label]) -> tuple[int, tuple[int, int] | None]:
    """The tier of the most trusted label in a line, and its first span; 0 and None without a label."""
    label, spans = best_label_spans(lowered, property_labels)
    return (label.tier, spans[0]) if label else (0, None)


def best_label_spans(lowered: str, property_labels: Sequence[Label]) -> tuple[Label | None, list[tuple[int, int]]]:
    """The most trusted label in a line, and all its spans, because the header of a table may repeat a label."""
    for label in property_labels:
        if spans := label.spans_in(lowered):
            return label, spans
    return None, []


def lowered(text: str) -> str:
    """The text in lower case. The length stays the same, so that positions in it are positions in the text."""
    return text.replace("İ", "i").lower()  # the only letter whose lower case is longer


def ocr_corrected(text: str) -> str:
    """The text in lower case, with letters for the digits inside words, which OCR confuses. Same length."""
    return DIGIT_IN_A_WORD.sub(lambda match: match[0].translate(LETTER_FOR_DIGIT), lowered(text))
