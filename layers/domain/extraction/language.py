"""Language: which languages a document is most likely written in, by frequent words of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from layers.domain.extraction.spelling import folded

# Words that only one or a few of these languages use, without accents.
FREQUENT = """
en the and of to invoice date total amount due receipt tax from bill number payment please thank you for with your address
de und der die das rechnung datum betrag summe mwst gesamt zahlbar netto brutto menge preis vom mit lieferung stuck fur
fr facture le les des du et montant ttc tva quantite prix echeance avec client pour adresse numero paiement total
es factura fecha importe el los las iva cantidad precio cliente vencimiento con para numero pago direccion
it fattura il della importo iva quantita prezzo totale cliente scadenza con per numero pagamento documento
pt fatura nota fiscal valor vencimento quantidade preco cliente numero pagamento com para nif cnpj
nl factuur datum bedrag btw het een van aantal prijs totaal klant vervaldatum met voor betalen
pl faktura razem zaplaty wystawienia ilosc cena kwota brutto netto nabywca sprzedawca termin platnosci dnia
cs faktura celkem uhrade vystaveni mnozstvi cena dph odberatel dodavatel splatnosti ze dne castka
sk faktura spolu uhradu vystavenia mnozstvo cena dph odberatel dodavatel splatnosti zo dna suma
sl racun skupaj placilo znesek kolicina cena ddv kupec datum rok placila
hr racun ukupno iznos kolicina cijena pdv kupac datum dospijeca placanje izdavanja
sr racun ukupno iznos kolicina cena pdv kupac datum dospeca рачун укупно износ количина цена пдв
ro factura total plata cantitate pret tva client scadenta data emiterii suma
hu szamla osszesen fizetendo mennyiseg ar afa vevo kelte datum hatarido teljesites brutto
bg фактура общо сума дата количество цена ддс получател плащане
mk фактура вкупно износ датум количина цена ддв
el τιμολογιο συνολο ημερομηνια ποσοτητα τιμη φπα πληρωμη και του της
tr fatura toplam tarih tutar miktar fiyat kdv musteri vade odeme ve genel
sv faktura datum summa belopp moms betala antal pris kund forfallodatum och att
da faktura dato belob moms betale antal pris kunde forfaldsdato og ialt
nb faktura dato belop mva betale antall pris kunde forfallsdato og totalt
fi lasku paivamaara yhteensa summa alv maara hinta asiakas erapaiva maksettava laskun
et arve kuupaev kokku summa kaibemaks kogus hind klient maksetahtaeg
lv rekins datums kopa summa pvn daudzums cena klients apmaksas
lt saskaita data suma viso pvm kiekis kaina pirkejas apmoketi
ru счет дата итого сумма количество цена ндс покупатель оплате от всего
uk рахунок дата разом сума кількість ціна пдв покупець сплати від всього
be рахунак дата разам сума колькасць цана
is reikningur dagsetning samtals upphaed vsk magn verd
sq fature data shuma totali sasia cmimi tvsh
ca factura data import quantitat preu client venciment
id faktur tanggal jumlah harga ppn pelanggan pembayaran dan tagihan
ms invois tarikh jumlah harga cukai pelanggan bayaran dan tunai
vi hoa đon hoa don ngay tong cong so tien thue khach hang
fil resibo petsa kabuuan halaga
sw ankara tarehe jumla kiasi bei mteja
"""
SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff円]|株式会社|有限会社|合同会社|請求|領収|税込")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("ar", re.compile("[\u0621-\u064a]")),
    ("hi", re.compile("[\u0904-\u0939]")),
    ("th", re.compile("[\u0e01-\u0e3a]")),
    ("ka", re.compile("[\u10d0-\u10fa]")),
    ("hy", re.compile("[\u0561-\u0587]")),
)
WORD = re.compile(r"[^\W\d_]{2,20}")
MOST_CHARACTERS = 20_000


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in FREQUENT.strip().splitlines():
        language, *words = line.split()
        for word in words:
            found.setdefault(folded(word), []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


def languages_of(text: str) -> tuple[str, ...]:
    """The languages of a text, the most likely first; empty if no word indicates one."""
    text = text[:MOST_CHARACTERS]
    distinct = " ".join({*text.split()})  # a page repeats most of its words
    scores: dict[str, float] = {}
    by_word = _languages_by_word()
    for word in {folded(word) for word in {*WORD.findall(distinct)}}:
        languages: Iterable[str] = by_word.get(word, ())
        for language in languages:
            scores[language] = scores.get(language, 0.0) + 1.0 / len(by_word[word])
    if not text.isascii():
        for language, pattern in SCRIPTS:
            if pattern.search(text):
                scores[language] = scores.get(language, 0.0) + 3.0
                break
    return tuple(sorted(scores, key=lambda language: -scores[language]))
