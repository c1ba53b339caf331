"""Columns of tables of items: what their headers are called, and where they are in a line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from layers.domain.extraction import labels
from layers.domain.extraction.spelling import folded
from layers.domain.extraction.tables.cells import Cell

Kind = Literal["description", "quantity", "unit", "price", "amount", "tax", "discount", "code", "date", "own"]
HEADERS: Mapping[Kind, str] = {
    "description": "description | desc | item description | item | items | article | articles | product | products | name | "
    "details | particulars | goods | service | services | bezeichnung | beschreibung | artikelbezeichnung | artikel | leistung | "
    "produkt | désignation | libellé | produit | descripción | concepto | artículo | producto | descrizione | articolo | prodotto | "
    "descrição | produto | omschrijving | nazwa | opis | popis | název | benämning | beskrivning | beskrivelse | varebeskrivelse | "
    "vare | tuote | kuvaus | megnevezés | denumire | наименование | товар | περιγραφή | açıklama | 品名 | 項目 | 商品 | 品目 | 内容",
    "quantity": "qty | quantity | quant | pcs | menge | anzahl | stk | qté | quantité | qte | cantidad | cant | quantità | q.tà | qta | "
    "quantidade | qtd | qtde | quant | aantal | ilość | množství | antal | antall | määrä | mennyiség | cantitate | кол-во | "
    "количество | ποσότητα | miktar | adet | 数量",
    "unit": "unit | uom | einheit | unité | unidad | unità | unidade | eenheid | jm | j.m | me | enhet | enhed | yksikkö | ед. изм | 単位",
    "price": "unit price | vk-preis | nettopreis | prijs per stuk | price per unit | unit cost | price each | price | u/price | s/price | u/p | u.price | uprice | rate | each | cost | einzelpreis | "
    "e-preis | stückpreis | preis | prix unitaire | p.u | pu | p.u. ht | prix | precio unitario | p. unitario | precio | "
    "prezzo unitario | prezzo | preço unitário | valor unitário | preço | stukprijs | prijs | cena jedn | cena | cena za mj | "
    "à-pris | á-pris | pris | stykpris | enhetspris | hinta | yksikköhinta | egységár | ár | preț unitar | preț | цена | τιμή | "
    "birim fiyat | fiyat | 単価 | 单价 | 單價",
    "amount": "amount | amt | zeilenbetrag | zeilensumme | nettobetrag | gesamtbetrag | positionsbetrag | prijs totaal | line total | total price | total amount | net amount | total | sum | value | ext. price | extended price | "
    "gesamtpreis | gesamt | betrag | summe | gp | montant ht | montant | total ht | total ttc | importe | importo | totale | valor total | "
    "valor | bedrag | totaal | wartość | wartość brutto | wartość netto | kwota | celkem | belopp | summa | beløb | beloep | sum | "
    "yhteensä | összeg | összesen | valoare | сумма | стоимость | αξία | tutar | 金額 | 金额 | 小計",
    "tax": "tax | taxes | vat % | vat | gst | sst | tax rate | vat rate | mwst | ust | tva | iva | btw | moms | mva | dph | áfa | ндс | kdv | tax code",
    "discount": "discount | disc | disc% | rabatt | remise | descuento | dto | sconto | desconto | korting | rabat | скидка",
    "code": "code | item code | item no | sku | article no | product code | art. nr | art.nr | art-nr | artikelnr | artikel-nr | réf | "
    "référence | ref | código | codice | pos | position | no | nr | # | line | lp | l.p | č | 番号",
    "date": "date | datum | fecha | data | dato | 日付",
}  # fmt: skip
# What the properties of an item are called, beside the names of headers.
PROPERTIES: Mapping[str, Kind] = {
    "unit price": "price", "price per unit": "price", "item price": "price", "line total": "amount", "line amount": "amount",
    "total price": "amount", "item total": "amount", "text": "description", "title": "description", "item name": "description",
    "product name": "description", "units": "quantity", "count": "quantity", "number of items": "quantity", "tax rate": "tax",
    "position number": "code", "item number": "code", "article number": "code", "number": "code",
}  # fmt: skip
LISTS = frozenset({
    "items", "line items", "lines", "invoice lines", "order lines", "invoice items", "positions", "positionen", "products",
    "articles", "entries", "rows", "services", "expenses", "purchases", "transactions", "goods", "artikel", "lignes", "articulos",
    "conceptos", "righe", "itens", "linhas", "regels", "pozycje", "details",
})  # fmt: skip
NOT_ITEMS = frozenset(
    {"taxes", "payments", "discounts", "tax lines", "vat", "contacts", "parties", "notes", "references"}
)
NUMBERS: frozenset[Kind] = frozenset({"quantity", "price", "amount", "discount"})
OTHER_TABLE = re.compile(
    r"summary|analysis|payment|zahlung|paiement|tender|übersicht|r[ée]capitulati|resumen|riepilogo"
)
INCLUDING = re.compile(r"\b(?:in[ck]l|excl|exkl|zzgl|plus|with|without|avec|hors|con|sin|iva|z|bez|s)\b\W*$")
LEAST_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its kind, the property that it fills if it is one of the schema's own, and its extent."""

    kind: Kind
    name: str | None
    x0: float
    x1: float


def kind_of_property(name: str, schema: Mapping[str, Any]) -> Kind:
    """What the values of an item's property are; `own` if its name is no usual one."""
    words = labels.words_of(name)
    if words in PROPERTIES:
        return PROPERTIES[words]
    found = next((kind for kind, known in _names().items() if words in known), None)
    is_number = schema.get("type") in ("number", "integer")
    if found is None or (found in NUMBERS and not is_number) or (found == "description" and is_number):
        return "own"
    return found


def is_list_of_items(name: str, schema: Mapping[str, Any]) -> bool:
    """Whether a property of the schema is a list of objects with at least two columns of a table of items."""
    properties = (schema.get("items") or {}).get("properties") or {}
    words = labels.words_of(name)
    if schema.get("type") != "array" or len(properties) < LEAST_COLUMNS or words in NOT_ITEMS:
        return False
    kinds = {kind_of_property(inner, inner_schema) for inner, inner_schema in properties.items()}
    return words in LISTS or (bool(kinds & {"amount", "price", "quantity"}) and "description" in kinds)


class Header(NamedTuple):
    """What headers may be called in a document: the label, the kind, and the property that has a column of its own."""

    label: str
    kind: Kind
    name: str | None


def headers_in(vocabulary: str, own: Mapping[str, Sequence[str]]) -> list[Header]:
    """The labels of headers whose words a document has, those of the schema first, then the longest. `vocabulary`: all its
    words in lower case. `own`: the labels of properties that have columns of their own, by name."""
    named = [Header(label, "own", name) for name, known in own.items() for label in known]
    usual = [Header(label, kind, None) for label, kind in _headers()]
    ordered = (*sorted(named, key=lambda header: -len(header.label)), *usual)
    return [header for header in ordered if all(word in vocabulary for word in header.label.split())]


def header_of(cells: Sequence[Cell], lowered: str, known: Sequence[Header]) -> list[Column]:
    """The columns, from left to right, if a line is the header of a table of items; else nothing."""
    spans = _labelled_spans(lowered, known)
    columns: list[Column] = []
    for cell in cells:
        inside = _as_columns([span for span in spans if span.start < cell.end and span.end > cell.start], lowered)
        if len(inside) <= 1:
            kind, name = (inside[0].kind, inside[0].name) if inside else ("own", None)
            columns.append(Column(kind, name, cell.x0, cell.x1))
        else:
            columns += [Column(span.kind, span.name, *cell.extent_of(span.start, span.end)) for span in inside]
    columns = _with_amount(columns)
    kinds = {column.kind for column in columns if column.kind != "own" or column.name}
    covered = sum(span.end - span.start for span in spans)
    letters = len(re.sub(r"[\W\d_]", "", lowered))
    has_numbers, has_items = kinds & {"amount", "price", "quantity"}, kinds & {"description", "quantity", "price"}
    is_header = len(kinds) >= LEAST_COLUMNS and has_numbers and has_items and 2 * covered > letters
    return columns if is_header and not OTHER_TABLE.search(lowered) else []


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    kind: Kind
    name: str | None


def _as_columns(spans: Sequence[_Span], lowered: str) -> list[_Span]:
    """The spans within one cell, where neighbours that name the same column are one: `Item description`, `Code/Desc`."""
    found: list[_Span] = []
    for span in spans:
        if found and INCLUDING.search(lowered[found[-1].end : span.start]):
            continue  # "Price incl. VAT" is a price
        last = found[-1] if found else None
        between = lowered[last.end : span.start] if last else ""
        is_same = last is not None and between.strip() in ("/", "&", "") and (between.strip() or last.kind == span.kind)
        if last and is_same and lowered[last.start : last.end] != lowered[span.start : span.end]:
            kind: Kind = "description" if "description" in (last.kind, span.kind) else last.kind
            found[-1] = _Span(last.start, span.end, kind, last.name or span.name)
        else:
            found.append(span)
    return found


def _with_amount(columns: list[Column]) -> list[Column]:
    """The columns, where the last one has the amounts if none is called so: behind a price, it is another price, or it has
    an unknown name."""
    kinds = [column.kind for column in columns]
    last = columns[-1] if columns else None
    if last is None or "amount" in kinds or "price" not in kinds[:-1] or last.kind not in ("price", "own") or last.name:
        return columns
    return [*columns[:-1], replace(last, kind="amount")]


def _labelled_spans(lowered: str, known: Sequence[Header]) -> list[_Span]:
    """The headers in a line, the longest first where they overlap, in order."""
    found: list[_Span] = []
    for label, kind, name in known:
        for start, end in labels.find_labels(lowered, label):
            if all(end <= other.start or start >= other.end for other in found):
                found.append(_Span(start, end, kind, name))
    return sorted(found, key=lambda span: span.start)


@lru_cache(maxsize=1)
def _names() -> dict[Kind, frozenset[str]]:
    return {kind: frozenset(map(labels.words_of, words.split(" | "))) for kind, words in HEADERS.items()}


@lru_cache(maxsize=1)
def _headers() -> tuple[tuple[str, Kind], ...]:
    pairs: dict[str, Kind] = {}
    for kind, words in HEADERS.items():
        for word in words.split(" | "):
            pairs.setdefault(word, kind)
            pairs.setdefault(folded(word), kind)  # without accents, as older programs print them
    return tuple(sorted(pairs.items(), key=lambda pair: -len(pair[0])))
