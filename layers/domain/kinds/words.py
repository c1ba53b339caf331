"""Words that tell the kind of a document, in the languages that the rules of extraction know.

Each entry is written without accents, as `folded` returns it, and is found as a whole word or, in scripts without spaces,
anywhere.
"""

from __future__ import annotations

import re

from layers.domain.extraction.spelling import folded

# Titles: they count most at the beginning of a line of the head.
TITLES = {
    "invoice": """
invoice | tax invoice | commercial invoice | proforma invoice | vat invoice | sales invoice | invoice/receipt
rechnung | rechnungsnummer | schlussrechnung | abschlagsrechnung | handwerkerrechnung
facture | factuur | verkoopfactuur | factura | fattura | parcella | fatura | nota fiscal
faktura | faktura vat | faktura | danovy doklad | faktura | racun st | racun br | faktura | фактура
factura | factura fiscala | szamla | szamlaszam | фактура | фактура | τιμολογιο | fatura
faktura | faktura | faktura | lasku | arve | rekins | saskaita | saskaita faktura
счет | счет-фактура | счет на оплату | рахунок | рахунок-фактура | рахунак | reikningur
חשבונית | فاتورة | فاکتور | صورتحساب | 請求書 | 御請求書 | 发票 | 發票 | 增值税
청구서 | 세금계산서 | faktur | invois | hoa don | ใบแจ้งหนี้ | ใบกํากับภาษี | बीजक | चालान
""",
    "receipt": """
receipt | cash receipt | sales receipt | official receipt | cash bill | cash sale | simplified tax invoice
guest check | customer copy | merchant copy
quittung | kassenbon | kassenbeleg | bon | beleg | kundenbeleg | bewirtungsbeleg
recu | ticket de caisse | ticket client | kassabon | bon | recibo | ticket | factura simplificada
ricevuta | scontrino | documento commerciale | recibo | talao | cupom fiscal | fatura simplificada
paragon | paragon fiskalny | uctenka | paragon | blok | pokladnicny doklad | racun | racun | фискални рачун
bon fiscal | chitanta | nyugta | касов бон | фискален бон | фискална сметка | αποδειξη | fis | bilgi fisi
kvitto | kvittering | bon | kvittering | kuitti | kviitung | kvits | ceks | kvitas
чек | кассовый чек | товарный чек | квитанция | чек | фіскальний чек | чэк | kvittun
קבלה | إيصال | رسید | 領収書 | 領収証 | レシート | 收据 | 收據 | 小票 | 영수증 | struk | kuitansi | resit
bien lai | phieu thu | ใบเสร็จรับเงิน | रसीद
""",
    "statement": """
statement of account | account statement | bank statement | statement of accounts | card statement | monthly statement
statement | statement date | statement period
kontoauszug | kontoauszuge | depotauszug | kreditkartenabrechnung | releve de compte | releve bancaire | releve
rekeningafschrift | rekeningoverzicht | bankafschrift | extracto bancario | extracto de cuenta | estado de cuenta
estratto conto | extrato bancario | extrato de conta | extrato | wyciag bankowy | wyciag z rachunku
vypis z uctu | vypis z uctu | izpisek | izvod | izvadak | izvod | извод | extras de cont
szamlakivonat | bankszamlakivonat | извлечение | извод | αντιγραφο λογαριασμου | κινηση λογαριασμου
hesap ozeti | hesap ekstresi | kontoutdrag | kontoudskrift | kontoudtog | kontoutskrift | tiliote
kontovaljavote | konta izraksts | saskaitos israsas | выписка | выписка по счету | виписка
reikningsyfirlit | דף חשבון | תדפיס | كشف حساب | 取引明細書 | 利用明細書 | 对账单 | 對賬單 | 月结单
거래내역서 | 이용대금명세서 | rekening koran | penyata akaun | penyata | sao ke | รายการเดินบัญชี
""",
}
# Words of the whole text, each of which counts once.
BODY = {
    "invoice": """
bill to | billed to | invoice to | sold to | ship to | due date | payment due | amount due | balance due | please pay | remit
payment terms | terms of payment | net 30 | net 14 | invoice number | invoice no | invoice date | invoice nr | customer number
customer no | purchase order | po number | account number | bank details | bank account | iban | bic | swift | sort code
unit price | vat number | tax id | vat id | gstin | due upon receipt | credit terms
rechnungsnummer | rechnungs-nr | rechnungsdatum | rechnung nr | kundennummer | kunden-nr | zahlungsziel | zahlbar | fallig
zahlungsbedingungen | bankverbindung | leistungsdatum | lieferdatum | ust-idnr | steuernummer | einzelpreis | uberweisen
numero de facture | facture n | date de facture | date d'echeance | echeance | conditions de reglement | numero client
tva intracommunautaire | prix unitaire | factuurnummer | factuurdatum | vervaldatum | klantnummer | te betalen
numero de factura | fecha de factura | vencimiento | forma de pago | fattura n | data fattura | scadenza | partita iva
pagamento | bonifico | numero da fatura | data de vencimento | faktura nr | numer faktury | termin platnosci | sposob platnosci
nabywca | sprzedawca | datum splatnosti | splatnost | dodavatel | odberatel | variabilni symbol | fizetesi hatarido | vevo
fakturadatum | fakturanummer | forfallodatum | forfaldsdato | forfallsdato | betalingsfrist | bankgiro | erapaiva | laskun numero
viitenumero | scadenta | furnizor | cumparator | счет № | поставщик | покупатель | инн | срок оплаты | 振込先 | お支払期限
""",
    "receipt": """
cash | change | change due | rounding | rounding adjustment | cashier | tender | tendered | thank you | please come again
goods sold are not | not returnable | non refundable | pos | terminal | till | table no | pax | server | approval code
auth code | visa | mastercard | credit card | card payment | gst summary | total qty | items sold | no of items | member
please keep | exchange | dine in | take away | operator | trans | slip
tunai | baki | jumlah | kembali | bar | bargeld | gegeben | ruckgeld | wechselgeld | kartenzahlung | girocard | tse
vielen dank | bediener | kasse | especes | rendu | carte bancaire | merci de votre visite | caissier | caisse
efectivo | cambio | gracias por su | contante | contanti | resto | grazie | dinheiro | troco | obrigado | wisselgeld | pin
gotowka | reszta | kasjer | hotove | vraceno | pokladna | keszpenz | visszajaro | kontant | vaxel | byttepenge | tack for
kateinen | vaihtoraha | numerar | rest | casa | наличными | сдача | кассир | спасибо | готівка | решта | nakit | para ustu
お釣 | お預り | 現金 | 找零 | 现金 | 거스름돈 | 현금
""",
    "statement": """
opening balance | closing balance | previous balance | new balance | balance brought forward | balance carried forward
balance forward | running balance | withdrawals | deposits | debits | credits | debit | credit | statement date
statement period | account summary | account activity | transaction date | value date | interest charged | minimum payment
days overdue | over 90 days | 61-90 days | 31-60 days | ageing | aging | overdraft
alter kontostand | neuer kontostand | kontostand | alter saldo | neuer saldo | saldo | buchung | buchungstag | wertstellung | valuta
soll | haben | lastschrift | gutschrift | ancien solde | nouveau solde | solde | date valeur | operations
beginsaldo | eindsaldo | af | bij | saldo inicial | saldo final | saldo anterior | movimientos | cargo | abono
saldo iniziale | saldo finale | movimenti | dare | avere | movimentos | saldo poczatkowe | saldo koncowe | pocatecni zustatek
konecny zustatek | nyito egyenleg | zaro egyenleg | ingaende saldo | utgaende saldo | alkusaldo | loppusaldo
входящий остаток | исходящий остаток | дебет | кредит | 残高 | 余额
""",
    # Of papers that are none of these, although some of them have amounts.
    "other": """
abstract | introduction | references | chapter | table of contents | conclusion | et al | appendix | figure | dear | regards
sincerely | subject | agenda | minutes | memorandum | memo | contract | agreement | whereas | hereby | curriculum vitae
quotation | quote | offer | angebot | kostenvoranschlag | devis | presupuesto | preventivo | orcamento | delivery note
lieferschein | bon de livraison | packing list | packing slip | order confirmation | auftragsbestatigung | bestellung
purchase order | payslip | payroll | lohnabrechnung | gehaltsabrechnung | fiche de paie | income tax | balance sheet
sehr geehrte | mit freundlichen | madame | monsieur | cordialement | vertrag | contrat | estimado | atentamente
""",
}
IS_SPACED = re.compile(r"[a-zа-яα-ωіїєґ]")


def alternatives(listed: str) -> re.Pattern[str]:
    """Any of the words in a list."""
    words = {folded(word.strip()) for line in listed.strip().splitlines() for word in line.split("|")}
    ordered = sorted(filter(None, words), key=len, reverse=True)
    spaced = "|".join(re.escape(word) for word in ordered if IS_SPACED.search(word))
    others = "|".join(re.escape(word) for word in ordered if not IS_SPACED.search(word))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)" + (f"|(?:{others})" if others else ""))


TITLE = {kind: alternatives(listed) for kind, listed in TITLES.items()}
IN_BODY = {kind: alternatives(listed) for kind, listed in BODY.items()}

# What follows the name of a document if a line only states its number.
NUMBERED = re.compile(r"[ .]*(?:no|nos|nr|num|number|nummer|numero|n[o°º]|#|date|datum)\b[ .:#]*")
# Words with which a receipt states what was given and what was given back.
TENDERED = alternatives(
    "cash | tendered | tender | tunai | bar | gegeben | bargeld | especes | efectivo | contante | contanti | dinheiro | contant |"
    " gotowka | hotove | hotovost | keszpenz | kontant | kateinen | numerar | gotovina | наличными | готівка | nakit | お預り | 現金 | 现金 | 현금"
)
CHANGE = alternatives(
    "change | change due | baki | kembali | ruckgeld | wechselgeld | zuruck | rendu | a rendre | cambio | resto | troco | wisselgeld |"
    " reszta | vraceno | vratit | visszajaro | vaxel | byttepenge | retur | vaihtoraha | rest | сдача | решта | para ustu | お釣 | 找零 |"
    " 거스름돈"
)
