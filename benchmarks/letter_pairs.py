"""Writes `layers/decoders/letter_pairs.py`: how frequent pairs of letters are, from CLDR's names in many languages.

    python -m benchmarks.letter_pairs > layers/decoders/letter_pairs.py

Needs `babel`, which contains CLDR (Unicode License). The names of countries, languages, currencies, months and days are
some thousand words in each language, so that all languages have the same weight.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterator

from layers.decoders.plausible import LEAST_LOG, STEPS, basic_letters

LATIN = (
    "en de fr es pt it nl sv da nb fi pl cs sk sl hr hu ro lt lv et tr id ms vi ca eu gl ga cy is sq az mt sw af fil"
)
ALPHABETS = {
    "LATIN": (string.ascii_lowercase, LATIN),
    "CYRILLIC": ("абвгдежзиклмнопрстуфхцчшщъыьэюяєіјљњћџґқңөү", "ru uk be bg sr mk kk"),
    "GREEK": ("αβγδεζηθικλμνξοπρσςτυφχψω", "el"),
}
HEAD = '''"""How frequent pairs of letters are in words of many languages. Made by `python -m benchmarks.letter_pairs`."""

# Each alphabet, and for each of its letters after a word's start (first row) and after each letter (further rows) the
# frequency of the letters and of a word's end (last column), as a digit of a logarithmic scale.
'''


def main() -> None:
    print(HEAD.rstrip())
    for name, (letters, languages) in ALPHABETS.items():
        print(f'{name} = (\n    "{letters}",')
        frequency = _frequency(set(letters), languages.split())
        rows = ["".join(_digit(frequency[before + after]) for after in letters + " ") for before in " " + letters]
        text = "".join(rows)
        for at in range(0, len(text), 100):
            print(f'    "{text[at : at + 100]}"')
        print(")")


def _digit(share: float) -> str:
    step = round((math.log10(share + 10**LEAST_LOG) - LEAST_LOG) * 8)
    return STEPS[min(step, len(STEPS) - 1)]


def _frequency(letters: set[str], languages: list[str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for language in languages:
        pairs: Counter[str] = Counter()
        for word in set(_words(language)):
            if len(word) > 2 and letters.issuperset(word):
                pairs.update(a + b for a, b in zip(f" {word}", f"{word} ", strict=True))
        for pair, count in pairs.items():
            total[pair] += count / pairs.total() / len(languages)  # type: ignore[assignment]
    return total


def _words(language: str) -> Iterator[str]:
    from babel import Locale

    locale = Locale.parse(language)
    names = [
        str(name)
        for group in (locale.territories, locale.languages, locale.currencies, locale.scripts)
        for name in group.values()
    ]
    for forms in (*locale.months.values(), *locale.days.values()):
        names += [str(name) for width in ("wide", "abbreviated") for name in forms[width].values()]
    yield from re.findall(r"[^\W\d_]+", basic_letters(" ".join(names)))


if __name__ == "__main__":
    main()
