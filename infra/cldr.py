"""Writes `layers/domain/extraction/cldr.py`, the vocabulary of dates and currencies, from the CLDR in Babel:

python -m infra.cldr > layers/domain/extraction/cldr.py
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator

from layers.domain.extraction.spelling import folded

LOCALES = [
    "en",
    "de",
    "de_AT",
    "de_CH",
    "fr",
    "fr_CA",
    "es",
    "es_PE",
    "it",
    "pt",
    "pt_PT",
    "nl",
    "pl",
    "cs",
    "sk",
    "sl",
    "hr",
    "sr",
    "sr_Latn",
    "bs",
    "bs_Cyrl",
    "ro",
    "hu",
    "bg",
    "mk",
    "el",
    "tr",
    "sv",
    "da",
    "nb",
    "nn",
    "fi",
    "et",
    "lv",
    "lt",
    "ru",
    "uk",
    "be",
    "he",
    "ar",
    "ar_LB",
    "ar_DZ",
    "fa",
    "ur",
    "hi",
    "bn",
    "mr",
    "ta",
    "th",
    "id",
    "ms",
    "ca",
    "eu",
    "gl",
    "is",
    "ga",
    "mt",
    "sq",
    "hy",
    "ka",
    "kk",
    "az",
    "uz",
    "sw",
    "af",
    "fil",
    "cy",
]
# Their names of months hold numbers, which the patterns of numeric dates read; their currencies are wanted.
ONLY_CURRENCIES = [
    "ja",
    "ko",
    "zh",
    "zh_Hant",
    "vi",
    "es_MX",
    "es_CO",
    "es_CL",
    "es_AR",
    "es_UY",
    "pt_BR",
    "en_US",
    "en_GB",
    "en_AU",
    "en_CA",
    "en_NZ",
    "en_SG",
    "en_HK",
    "en_IN",
    "en_ZA",
    "en_NG",
    "en_KE",
    "en_GH",
    "en_PH",
    "en_MY",
    "ms_MY",
    "zh_Hant_TW",
    "zh_Hant_HK",
    "he_IL",
    "ar_AE",
    "ar_SA",
    "ar_EG",
    "ar_KW",
    "ar_QA",
    "ar_BH",
    "ar_OM",
    "ar_JO",
    "ar_MA",
    "ar_TN",
    "ur_PK",
    "bn_BD",
    "si_LK",
    "ne_NP",
    "my_MM",
    "km_KH",
    "lo_LA",
    "mn_MN",
    "sw_TZ",
    "am_ET",
    "id_ID",
    "th_TH",
    "tr_TR",
    "uk_UA",
    "ru_RU",
    "kk_KZ",
    "de_CH",
    "sv_SE",
    "da_DK",
    "nb_NO",
    "is_IS",
    "pl_PL",
    "cs_CZ",
    "hu_HU",
    "ro_RO",
    "bg_BG",
    "sr_RS",
    "mk_MK",
    "bs_BA",
    "sq_AL",
    "ka_GE",
    "hy_AM",
    "az_AZ",
    "uz_UZ",
    "be_BY",
    "fa_IR",
]
HEADER = '''"""Names of months and days, and signs of currencies. Written by `python -m infra.cldr` from CLDR; do not edit."""

from __future__ import annotations

'''
NOTICE = """# Data of the Unicode CLDR, through Babel {version}. Copyright 1991 Unicode, Inc., Unicode License v3.
# Each line of MONTHS: a number, a language, and the names in it, without accents, in lower case. Of WEEKDAYS: as there,
# with 1 for Monday.
"""


def names(kind: str, locale_name: str) -> Iterator[tuple[int, str]]:
    """Each name of a month or a day in a locale, folded, with its number from 1."""
    from babel import Locale

    locale = Locale.parse(locale_name)
    forms = locale.months if kind == "months" else locale.days
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for index, name in forms[context][width].items():
                text = folded(name).strip(" .-")
                if len(text) > 1 and re.fullmatch(r"[^\d\s]+", text):
                    yield (index if kind == "months" else index + 1), text


def vocabulary(kind: str) -> list[str]:
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    for locale_name in LOCALES:
        for number, name in names(kind, locale_name):
            found[number, locale_name.split("_")[0]].add(name)
    return [f"{number} {language} {' '.join(sorted(words))}" for (number, language), words in sorted(found.items())]


def _is_told_apart(sign: str, is_own: bool) -> bool:
    """Whether a sign can't be mistaken for letters or digits. A locale's own currency may have any sign but digits."""
    return is_own or ("$" in sign and len(sign) > 1) or not sign.isascii()


def currencies() -> tuple[dict[str, list[str]], list[str], dict[str, int]]:
    """The codes that each sign may mean, most common first; all codes in use; codes whose decimals are not two."""
    from babel import Locale
    from babel.core import get_global
    from babel.numbers import get_currency_precision, get_territory_currencies

    territories = sorted(get_global("territory_currencies"))
    codes = sorted({code for territory in territories for code in get_territory_currencies(territory)})
    signs: dict[str, set[str]] = defaultdict(set)
    for locale_name in (*LOCALES, *ONLY_CURRENCIES):
        locale = Locale.parse(locale_name)
        own = get_territory_currencies(locale.territory) if locale.territory else []
        for code, sign in locale.currency_symbols.items():
            text = re.sub(r"[\u200e\u200f\u061c]", "", sign).replace("\u00a0", " ").strip()
            if code in codes and text.upper() not in codes and _is_told_apart(text, code in own):
                signs[text].add(code)
    ordered = {sign: sorted(found) for sign, found in sorted(signs.items())}
    decimals = {code: get_currency_precision(code) for code in codes}
    return ordered, codes, {code: count for code, count in decimals.items() if count != 2}


def write() -> None:
    import babel

    signs, codes, decimals = currencies()
    out = sys.stdout
    out.write(HEADER + NOTICE.format(version=babel.__version__))
    for title, lines in (("MONTHS", vocabulary("months")), ("WEEKDAYS", vocabulary("days"))):
        out.write(f'{title} = """\n' + "\n".join(lines) + '\n"""\n')
    out.write('# Each line: a sign, and the codes that it may mean.\nSIGNS = """\n')
    out.writelines(f"{sign}\t{' '.join(found)}\n" for sign, found in signs.items())
    out.write('"""\n# Codes of currencies in use (ISO 4217).\nCODES = """\n')
    out.writelines(" ".join(codes[at : at + 25]) + "\n" for at in range(0, len(codes), 25))
    out.write('"""\n# Codes of currencies that are not written with two decimals.\nDECIMALS = """\n')
    out.write(" ".join(f"{code}:{count}" for code, count in sorted(decimals.items())) + '\n"""\n')


if __name__ == "__main__":
    write()
