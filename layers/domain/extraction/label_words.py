"""Labels in other languages than English, German, French, Dutch and Spanish, whose labels are in `labels.py`.

Each line of a meaning: a tier (0 is trusted most, as among the labels of `labels.py`), a language, and the labels.
"""

from __future__ import annotations

import re

OTHER_LANGUAGES = {
    "total": """
3 de zahlbetrag | rechnungssumme | gesamtsumme | bruttobetrag | zu zahlender betrag | gesamt brutto
3 fr net à payer | total à payer | montant à payer | reste à payer | total général | montant total
3 es total a pagar | total factura | importe a pagar | total importe
3 it totale documento | totale fattura | totale da pagare | netto a pagare | totale dovuto | importo totale | da pagare
3 pt total a pagar | valor a pagar | total da fatura | valor total | total geral | total do documento
3 nl eindtotaal | totaal incl | totaal inclusief | te voldoen
3 pl do zapłaty | razem do zapłaty | kwota do zapłaty | wartość brutto | kwota brutto | należność
3 cs celkem k úhradě | k úhradě | částka k úhradě | celkem s dph | celková částka
3 sk celkom k úhrade | k úhrade | na úhradu | suma na úhradu | spolu s dph | spolu k úhrade
3 sl za plačilo | skupaj za plačilo | znesek za plačilo | skupaj z ddv
3 hr ukupno za platiti | za platiti | iznos za plaćanje | sveukupno | za uplatu
3 sr ukupno za plaćanje | za uplatu | укупно за уплату | за уплату | укупно за плаћање
3 ro total de plată | total de plata | de plată | suma de plată | total general
3 hu fizetendő | fizetendő összeg | fizetendő végösszeg | végösszeg | bruttó összesen | mindösszesen
3 bg сума за плащане | общо за плащане | всичко за плащане | крайна сума
3 mk вкупно за плаќање | за плаќање
3 el πληρωτέο ποσό | πληρωτέο | συνολικό ποσό | τελικό σύνολο | γενικό σύνολο
3 tr ödenecek tutar | genel toplam | vergiler dahil toplam tutar | toplam tutar
3 sv att betala | summa att betala | totalt att betala | totalsumma
3 da at betale | beløb at betale | til betaling | i alt at betale | total inkl moms
3 nb å betale | beløp å betale | sum å betale | til betaling | totalsum
3 fi maksettava | maksettava yhteensä | loppusumma | verollinen yhteensä | laskun loppusumma
3 et tasuda | tasumisele kuulub | kuulub tasumisele | summa kokku | arve summa
3 lv apmaksai | kopā apmaksai | summa apmaksai | pavisam apmaksai
3 lt mokėtina suma | iš viso mokėti | apmokėti | bendra suma | mokėti
3 ru итого к оплате | к оплате | всего к оплате | сумма к оплате | общая сумма
3 uk до сплати | всього до сплати | разом до сплати | загальна сума | до оплати
3 be да аплаты | усяго да аплаты
3 is til greiðslu | samtals til greiðslu
3 he סה"כ לתשלום | סה״כ לתשלום | סהכ לתשלום | לתשלום
3 ar المبلغ الإجمالي | المبلغ المستحق | الإجمالي المستحق | المجموع الكلي
3 fa مبلغ قابل پرداخت | جمع کل
3 ja ご請求金額 | 請求金額 | お支払金額 | 税込合計 | 合計金額 | お買上計 | ご請求額
3 zh 应付金额 | 應付金額 | 价税合计 | 總金額 | 总金额 | 应付总额
3 ko 결제금액 | 총금액 | 합계금액 | 청구금액 | 받을금액
3 id total bayar | jumlah yang harus dibayar | total tagihan | total pembayaran
3 ms jumlah perlu dibayar | jumlah bayaran | jumlah keseluruhan
3 vi tổng thanh toán | tổng tiền thanh toán | tổng cộng tiền thanh toán | số tiền phải trả
3 th ยอดชำระ | จำนวนเงินรวมทั้งสิ้น | ยอดรวมสุทธิ | รวมทั้งสิ้น
3 hi कुल देय राशि | देय राशि | कुल राशि
25 it totale | totale complessivo
25 pt total
25 pl ogółem | łącznie | suma
25 cs celkem | celkem kč
25 sk spolu | celkom
25 sl skupaj
25 hr ukupno
25 sr ukupno | укупно
25 ro total
25 hu összesen
25 bg общо | всичко
25 mk вкупно
25 el σύνολο
25 tr toplam
25 sv summa | totalt | total
25 da i alt | total
25 nb totalt | sum
25 fi yhteensä | summa
25 et kokku
25 lv kopā | pavisam
25 lt iš viso | viso
25 ru итого | всего
25 uk разом | всього
25 be разам | усяго
25 is samtals
25 sq totali | shuma
25 ca import total
25 he סה"כ | סה״כ | סהכ
25 ar المجموع | الإجمالي | الاجمالي
25 fa جمع | مجموع
25 ja 合計 | 総額 | 総計 | お会計
25 zh 合计 | 合計 | 总计 | 總計 | 总额
25 ko 합계 | 총액 | 총계
25 id jumlah
25 vi tổng cộng | tổng tiền
25 th รวม | ยอดรวม
25 hi कुल | योग
25 fil kabuuan
25 sw jumla
""",
    "subtotal": """
5 it imponibile | totale imponibile | subtotale
5 es base imponible | subtotal | importe neto
5 pt base tributável | subtotal | total líquido | incidência
5 pl wartość netto | razem netto | kwota netto
5 cs základ daně | celkem bez dph | mezisoučet
5 sk základ dane | spolu bez dph | medzisúčet
5 sl osnova | skupaj brez ddv
5 hr osnovica | iznos bez pdv
5 ro bază impozabilă | total fără tva | subtotal
5 hu nettó összesen | nettó érték | részösszeg
5 bg данъчна основа | сума без ддс
5 el καθαρή αξία | υποσύνολο
5 tr ara toplam | matrah | mal hizmet toplam tutarı
5 sv delsumma | netto | exkl moms | summa exkl moms
5 da subtotal | netto | ekskl moms
5 nb delsum | netto | ekskl mva
5 fi välisumma | veroton yhteensä | veroton
5 et vahesumma | summa käibemaksuta
5 lv starpsumma | summa bez pvn
5 lt tarpinė suma | suma be pvm
5 ru сумма без ндс | подытог
5 uk сума без пдв
5 he סכום ביניים | סה"כ לפני מע"מ
5 ja 小計 | 税抜合計
5 zh 小计 | 小計
5 ko 소계 | 공급가액
""",
    "tax": """
8 it iva | imposta
8 es iva | cuota iva
8 pt iva | imposto
8 pl vat | kwota vat | podatek
8 cs dph
8 sk dph
8 sl ddv
8 hr pdv
8 sr pdv | пдв
8 ro tva
8 hu áfa
8 bg ддс
8 el φπα | φ.π.α
8 tr kdv
8 sv moms
8 da moms
8 nb mva | merverdiavgift
8 fi alv
8 et käibemaks
8 lv pvn
8 lt pvm
8 ru ндс
8 uk пдв
8 is vsk
8 he מע"מ | מע״מ
8 ja 消費税
8 zh 税额 | 稅額
8 ko 부가세 | 세액
8 id ppn
""",
    "date": """
4 de ausstellungsdatum | belegdatum | rechnungsdatum | lieferdatum/rechnungsdatum
4 fr date d'émission | date de facturation | date facture | émise le
4 es fecha de emisión | fecha de factura | fecha factura | fecha emisión
4 it data documento | data fattura | data emissione | data di emissione
4 pt data de emissão | data da fatura | data emissão | data do documento
4 pl data wystawienia | wystawiono dnia | data faktury
4 cs datum vystavení | vystaveno dne | datum vystaveni
4 sk dátum vystavenia | dátum vyhotovenia
4 sl datum izdaje | datum računa
4 hr datum izdavanja | datum računa
4 sr datum izdavanja | datum računa | датум рачуна | датум издавања
4 ro data emiterii | data facturii
4 hu számla kelte | kiállítás dátuma | kelt | kiállítás kelte
4 bg дата на издаване
4 el ημερομηνία έκδοσης
4 tr fatura tarihi | düzenleme tarihi
4 sv fakturadatum
4 da fakturadato
4 nb fakturadato
4 fi laskun päiväys | laskun päivämäärä | laskupäivä
4 et arve kuupäev
4 lv rēķina datums | izrakstīšanas datums
4 lt sąskaitos data | išrašymo data
4 ru дата счета | дата выставления
4 uk дата рахунку | дата виставлення
4 he תאריך חשבונית | תאריך הפקה
4 ar تاريخ الفاتورة | تاريخ الإصدار
4 ja 請求日 | 発行日 | ご請求日 | 請求書発行日
4 zh 开票日期 | 開票日期 | 发票日期
4 ko 발행일 | 작성일자 | 거래일자
4 id tanggal faktur | tanggal invois
4 ms tarikh invois
4 vi ngày hóa đơn | ngày lập
24 es fecha
24 pt data
24 it data
24 sk dátum
24 hu dátum
24 bg дата
24 mk датум
24 sr датум
24 el ημερομηνία
24 tr tarih
24 sv datum
24 da dato
24 nb dato
24 fi päivämäärä | päiväys | pvm
24 et kuupäev
24 lv datums
24 lt data
24 ru дата
24 uk дата
24 be дата
24 is dagsetning
24 he תאריך
24 ar التاريخ | تاريخ
24 fa تاریخ
24 ja 日付 | 日時
24 zh 日期
24 ko 날짜 | 일자
24 id tanggal
24 ms tarikh
24 vi ngày
24 th วันที่
24 hi दिनांक | तारीख
24 sw tarehe
24 fil petsa
""",
    "due date": """
3 de fälligkeitsdatum | fällig am | zahlungsziel | zahlbar bis zum
3 fr date d'échéance | à payer avant | échéance
3 es fecha de vencimiento | vencimiento
3 it scadenza | data scadenza
3 pt data de vencimento | vencimento
3 pl termin płatności
3 cs datum splatnosti | splatnost
3 sk dátum splatnosti | splatnosť
3 sl rok plačila | zapade
3 hr datum dospijeća | dospijeće
3 sr datum dospeća | rok plaćanja | рок плаћања
3 ro data scadenței | scadent la | termen de plată | data scadentă
3 hu fizetési határidő
3 bg падеж | срок за плащане
3 el ημερομηνία λήξης
3 tr vade tarihi | son ödeme tarihi
3 sv förfallodatum | förfallodag
3 da forfaldsdato | betalingsdato
3 nb forfallsdato | forfall
3 fi eräpäivä
3 et maksetähtaeg
3 lv apmaksas termiņš
3 lt apmokėti iki | mokėjimo terminas
3 ru срок оплаты | оплатить до
3 uk термін оплати | сплатити до
3 he לתשלום עד | תאריך פירעון
3 ar تاريخ الاستحقاق
3 ja 支払期限 | お支払期限 | 支払期日
3 zh 到期日 | 付款期限
3 ko 납부기한 | 지급기일
3 id jatuh tempo
3 vi hạn thanh toán
""",
    "invoice number": """
3 de rechnung-nr | rechnungs-nummer | belegnummer | beleg-nr | re-nr
3 fr numéro facture | n° facture | n° de facture | facture numéro | facture n
3 es número de factura | nº de factura | factura nº | nº factura | factura número | factura no | factura num | n.º de factura
3 it numero fattura | fattura n | fattura nr | n. fattura | numero documento | fattura numero | fattura n°
3 pt fatura n.º | fatura nº | número da fatura | fatura n | nº da fatura | nota fiscal nº | fatura número
3 pl numer faktury | nr faktury | faktura vat nr | faktura nr
3 cs číslo faktury | faktura č | faktura číslo | číslo dokladu | variabilní symbol
3 sk číslo faktúry | faktúra č | faktúra číslo | variabilný symbol
3 sl številka računa | račun št | račun številka
3 hr broj računa | račun br | račun broj
3 sr broj računa | račun br | број рачуна | рачун бр
3 ro număr factură | factura nr | nr factură | seria și numărul
3 hu számlaszám | számla száma | számla sorszáma | sorszám
3 bg фактура № | номер на фактура | фактура номер
3 mk фактура бр | број на фактура
3 el αριθμός τιμολογίου | τιμολόγιο αρ | αρ. τιμολογίου
3 tr fatura no | fatura numarası | fatura nu
3 sv fakturanummer | fakturanr | faktura nr
3 da fakturanummer | faktura nr | fakturanr
3 nb fakturanummer | fakturanr | faktura nr
3 fi laskun numero | laskunumero | lasku nro
3 et arve nr | arve number
3 lv rēķina numurs | rēķins nr
3 lt sąskaitos numeris | sąskaita nr | sąskaitos nr
3 ru счет № | номер счета | счёт № | счет-фактура № | накладная №
3 uk рахунок № | номер рахунку
3 is reikningsnúmer
3 he מספר חשבונית | חשבונית מס' | חשבונית מספר
3 ar رقم الفاتورة
3 ja 請求書番号 | 請求番号 | 伝票番号 | 領収書番号 | 請求書no
3 zh 发票号码 | 發票號碼 | 发票号 | 单号
3 ko 송장번호 | 청구서번호 | 계산서번호
3 id nomor faktur | no faktur | nomor invois
3 ms no invois | nombor invois
3 vi số hóa đơn
3 th เลขที่ใบแจ้งหนี้ | เลขที่ใบกำกับภาษี | เลขที่
3 hi चालान संख्या | बिल संख्या
""",
}  # fmt: skip
# Names of documents that are labels by themselves: the number follows directly.
DOCUMENT_NAMES = (
    "invoice", "receipt", "bill", "credit note", "factuur", "facture", "rechnung", "faktura", "factura", "fattura",
    "fatura", "quittung", "gutschrift", "avoir", "číslo", "lasku", "arve", "rēķins", "račun", "фактура", "счет", "рахунок",
)  # fmt: skip
# What documents of these kinds are called at their top.
DOCUMENT_TITLES = (
    *DOCUMENT_NAMES,
    "tax invoice", "statement", "delivery note", "packing slip", "quotation", "purchase order", "order confirmation",
    "lieferschein", "angebot", "auftragsbestätigung", "kassenbon", "beleg", "mahnung", "bon de livraison", "devis", "reçu",
    "ticket de caisse", "albarán", "recibo", "ticket", "ricevuta", "scontrino", "bolla", "nota fiscal", "paragon",
    "rachunek", "účtenka", "daňový doklad", "faktúra", "számla", "nyugta", "chitanță", "bon fiscal", "касова бележка",
    "чек", "квитанция", "счёт", "счет-фактура", "накладная", "квитанція", "τιμολόγιο", "απόδειξη", "fiş", "e-fatura",
    "kvitto", "kvittering", "kuitti", "kviitung", "kvīts", "kvitas", "sąskaita", "חשבונית מס", "חשבונית", "קבלה",
    "فاتورة ضريبية", "فاتورة", "إيصال", "فاکتور", "請求書", "領収書", "レシート", "納品書", "見積書", "发票", "發票",
    "收据", "收據", "账单", "영수증", "청구서", "세금계산서", "ใบกำกับภาษี", "ใบเสร็จรับเงิน", "ใบแจ้งหนี้", "hóa đơn", "biên lai",
    "invois", "resit", "faktur", "kuitansi", "चालान", "बीजक", "रसीद",
)  # fmt: skip
# Words that mark a page as the continuation of the one before.
CONTINUATION = re.compile(
    r"carried forward|brought forward|continued|übertrag|fortsetzung|report à nouveau|à reporter|suite de|vervolg|"
    r"riporto|segue|suma y sigue|continúa|transporte",
    re.IGNORECASE,
)
# The number of a page and of all pages: `Page 1 of 2`.
PAGE_WORD = r"(?:page|pages|pg|p|seite|blatt|s|pagina|página|pág|side|sida|sivu|strona|str|strana|oldal|стр|страница|σελίδα|頁|页)"
OF_WORD = r"(?:of|von|de|di|sur|van|av|af|z|ze|od|из|από|/)"
MARKED = re.compile(rf"\b{PAGE_WORD}\.?\s*:?\s*(\d{{1,3}})\s*{OF_WORD}\s*(\d{{1,3}})\b", re.IGNORECASE)
