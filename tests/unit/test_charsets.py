"""Texts in any encoding: with a wrong label, without a label, in mails and in the names of archive members."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.decoders import mail
from layers.decoders.archives import members
from layers.decoders.charsets import codec_of, decode

TEXTS = {
    "Счет 5\nИтого к оплате 1190,00 руб.\nООО Ромашка": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "Рахунок\nРазом до сплати 1190,00 грн": ("cp1251", "koi8_u"),
    "Faktura\nDo zapłaty 1190,00 zł\nŁódź, gęś": ("cp1250", "iso8859_2", "cp852"),
    "Částka k úhradě 1190 Kč\nPříliš žluťoučký kůň": ("cp1250", "iso8859_2"),
    "Fizetendő összeg 1190 Ft\nSzámla kelte": ("cp1250", "iso8859_2"),
    "Rechnung für Müller\nGebühr 5,00 €\nStraße": ("cp1252",),
    "Rechnung für Müller\nGebühr 5,00\nStraße": ("cp850", "mac_roman"),
    "Reçu payé à l'hôtel\nMontant réglé 5,00 €": ("cp1252", "iso8859_15"),
    "Τιμολόγιο\nΠληρωτέο ποσό 1190,00\nΗμερομηνία": ("cp1253", "iso8859_7"),
    "Fatura\nÖdenecek tutar 5,00\nİstanbul şirketi, müşteri ağır": ("cp1254",),
    'חשבונית מס\nסה"כ לתשלום 1190': ("cp1255", "iso8859_8"),
    "فاتورة\nالمبلغ الإجمالي 1190\nالتاريخ": ("cp1256",),
    "Sąskaita\nMokėtina suma 5,00\nįmonė ūkis": ("cp1257",),
    "ใบแจ้งหนี้\nรวมทั้งสิ้น 1190": ("cp874",),
    "請求書番号,NW-20417\n取付工賃,5000\n合計,1190": ("cp932", "euc_jp", "iso2022_jp"),
    "領収書\nありがとうございました\n税込合計 1,190円": ("cp932", "euc_jp"),
    "发票号码 123\n价税合计 1190.00\n北京镕哲公司": ("gb18030", "gbk"),
    "發票號碼 123\n總計 1190\n台北股份有限公司": ("big5",),
    "청구서번호 123\n합계금액 1190\n주식회사 한국": ("cp949",),
}


@pytest.mark.parametrize(("text", "codec"), [(text, codec) for text, codecs in TEXTS.items() for codec in codecs])
def test_a_text_without_a_label_is_read_in_its_encoding(text: str, codec: str) -> None:
    assert decode(text.encode(codec)) == text


@pytest.mark.parametrize(
    ("label", "content", "text"),
    [
        ("iso-8859-1", "5 € “x”".encode("cp1252"), "5 € “x”"),
        ("us-ascii", "5 € für".encode("cp1252"), "5 € für"),
        ("gb2312", "朱镕基".encode("gb18030"), "朱镕基"),
        ("gbk", "朱镕基".encode("gb18030"), "朱镕基"),
        ("shift_jis", "①㈱髙".encode("cp932"), "①㈱髙"),
        ("ks_c_5601-1987", "똠방각하".encode("cp949"), "똠방각하"),
        ("iso-8859-8-i", "שלום".encode("iso8859_8"), "שלום"),
        ("iso-8859-9", "İş €".encode("cp1254"), "İş €"),
        ("tis-620", "ราคา €".encode("cp874"), "ราคา €"),
        ("iso-8859-1", "für 5 €".encode(), "für 5 €"),  # UTF-8 despite its label
        ("utf-8", "Rechnung für Müller".encode("cp1252"), "Rechnung für Müller"),
        ("x-unknown", "Rechnung für Müller".encode("cp1252"), "Rechnung für Müller"),
        ("utf-16", "Rechnung für Müller".encode(), "Rechnung für Müller"),
    ],
)
def test_a_label_means_what_it_means_on_the_web(label: str, content: bytes, text: str) -> None:
    assert decode(content, label) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_is_told_by_its_mark_or_its_zeros(encoding: str) -> None:
    assert decode("Total 9.00 für".encode(encoding)) == "Total 9.00 für"


@pytest.mark.parametrize("label", ["", "utf-7", "no such", "idna", "base64", "rot13", "\x00", "undefined"])
def test_a_label_that_names_no_encoding_of_text_is_not_believed(label: str) -> None:
    assert codec_of(label) is None or decode(b"abc", label) == "abc"


@pytest.mark.parametrize(
    "label", ["unicode_escape", "Unicode-Escape", "raw_unicode_escape", "utf7", "u7", "unicode-1-1-utf-7"]
)
def test_a_label_can_not_make_surrogates_of_plain_bytes(label: str) -> None:
    for content in (b"a \\ud801 \x80", b"a +2AE- \x80"):
        decode(content, label).encode()


@given(st.binary(max_size=300), st.sampled_from([None, "latin1", "shift_jis", "utf-8", "iso-2022-jp", "hz", "x"]))
def test_any_bytes_become_text_without_zeros(content: bytes, label: str | None) -> None:
    assert "\x00" not in decode(content, label)
    assert "\x00" not in decode(content, label, is_cut=True)


def test_the_limit_may_cut_the_last_character() -> None:
    assert decode("Straße für Müller €".encode()[:-1], is_cut=True) == "Straße für Müller "


def message(tmp_path: Path, content: bytes) -> mail.Mail:
    path = tmp_path / "a.eml"
    path.write_bytes(content)
    return mail.read_mail(str(path), "message/rfc822")


def test_a_mail_in_gb2312_is_read_as_gb18030_in_its_body_and_in_its_headers(tmp_path: Path) -> None:
    import base64

    subject = base64.b64encode("朱镕基".encode("gb18030"))
    content = b"Subject: =?gb2312?B?" + subject + b"?=\nContent-Type: text/plain; charset=gb2312\n\n"
    found = message(tmp_path, content + "镕哲".encode("gb18030"))
    assert (found.headers, found.text) == ([("Subject", "朱镕基")], "镕哲")


def test_a_header_with_bytes_that_no_label_explains_is_read_by_what_is_plausible(tmp_path: Path) -> None:
    subject = "Subject: Счет № 5, Итого к оплате\n".encode("cp1251")
    found = message(tmp_path, subject + b"From: a@b.example\n\nx")
    assert ("Subject", "Счет № 5, Итого к оплате") in found.headers


def test_an_html_part_without_a_label_follows_its_meta(tmp_path: Path) -> None:
    body = b'<meta charset="windows-1251"><p>' + "Итого".encode("cp1251")
    assert "Итого" in message(tmp_path, b"Content-Type: text/html\n\n" + body).text


def zipped(names: list[bytes], flags: int = 0) -> bytes:
    """A zip of empty files with these names as they are."""
    local, central = b"", b""
    for name in names:
        crc = zlib.crc32(b"")
        head = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0, 33, crc, 0, 0, len(name), 0)
        central += (
            b"PK\x01\x02" + struct.pack("<H", 20) + head[:-2] + struct.pack("<HHHHII", 0, 0, 0, 0, 0, len(local)) + name
        )
        local += b"PK\x03\x04" + head + name
    end = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


@pytest.mark.parametrize(
    ("name", "codec", "shown"),
    [
        ("請求書テスト.txt", "cp932", "請求書テスト.txt"),
        ("Счет итого.txt", "cp866", "Счет итого.txt"),
        ("Счет итого.txt", "cp1251", "Счет итого.txt"),
        ("发票 合计.txt", "gb18030", "发票 合计.txt"),
        ("합계 금액.txt", "cp949", "합계 금액.txt"),
        ("Rechnung für Müller.txt", "cp437", "Rechnung für Müller.txt"),
        ("für Müller.txt", "utf-8", "für Müller.txt"),
        ("2024\\March\\invoice.txt", "ascii", "2024/March/invoice.txt"),
        ("Mu\u0308ller.txt", "utf-8", "Müller.txt"),
    ],
)
def test_the_name_of_an_archive_member_is_read_in_its_encoding(
    tmp_path: Path, name: str, codec: str, shown: str
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped([name.encode(codec)]))
    assert [member["name"] for member in members(str(path))] == [shown]


def test_a_folder_with_backslashes_is_no_member(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped([b"2024\\", b"2024\\March\\", b"2024\\March\\a.txt"]))
    assert [member["name"] for member in members(str(path))] == ["2024/March/a.txt"]
