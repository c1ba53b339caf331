"""Reduces HTML to its visible part, as words or as markup, and counts the hidden characters."""

from __future__ import annotations

import html
import re
from collections import Counter
from html.parser import HTMLParser

BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "title"}
NEVER_SHOWN = {"script", "style", "template", "noscript"}
NOT_NESTED = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"),
}
# Tags that end an element without an end tag.
ENDED_BY = {
    "p": BLOCKS - {"br", "title"},
    "li": {"li"},
    "tr": {"tr"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
}
HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:\.0+)?(?:[a-z%;\s!]|$)|"
    r"opacity\s*:\s*0(?:\.0+)?\s*(?:[;!]|$)|mso-hide\s*:\s*all",
    re.IGNORECASE,
)
WHITE = re.compile(
    r"(?:^|[;\s])color\s*:\s*(?:white|#fff(?:fff)?|rgb\(\s*255\s*,\s*255\s*,\s*255\s*\))\s*(?:[;!]|$)", re.IGNORECASE
)
MAY_HIDE = re.compile(r"hidden|none|collapse|font-size\s*:\s*0|opacity|mso-hide|white|#fff|rgb", re.IGNORECASE)
COLORED_GROUND = re.compile(r"background|bgcolor", re.IGNORECASE)
SHEET = re.compile(r"<style[^>]*>(.*?)</style>", re.IGNORECASE | re.DOTALL)
NESTED_RULES = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|/\*.*?\*/", re.DOTALL)
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SIMPLE = re.compile(r"^(?:[a-z][a-z0-9]*)?(?:[.#][\w-]+)?$", re.IGNORECASE)
MAX_SHEET_CHARACTERS = 200_000


def visible_text(markup: str) -> tuple[str, int]:
    """The visible words, line by line, and the number of hidden characters."""
    words = _Words(markup)
    words.feed(markup)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return "\n".join(line for line in lines if line), words.hidden


def visible_markup(markup: str) -> str:
    """The markup without hidden elements."""
    if not MAY_HIDE.search(markup):
        return markup
    shown = _Markup(markup)
    shown.feed(markup)
    shown.close()
    return "".join(shown.parts) if shown.hidden else markup


class _Visible(HTMLParser):
    """Calls `show_start`, `show_end` and `show_words` for visible content."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0
        self._selectors = _hiding_selectors(markup)
        # White letters are invisible only if no element gives them another background.
        self._hides_white = not COLORED_GROUND.search(markup)
        # The open elements, from the first one that hides its content.
        self._within: list[tuple[str, bool]] = []
        self._around: Counter[str] = Counter()

    def show_start(self, tag: str, attributes: dict[str, str], *, is_shown: bool) -> None: ...

    def show_end(self, tag: str) -> None: ...

    def show_words(self, words: str) -> None: ...

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        while self._within and tag in ENDED_BY.get(self._within[-1][0], ()):
            self._within.pop()
        is_never_shown = tag in NEVER_SHOWN
        hides = self._hides(tag, attributes)
        if tag not in NOT_NESTED and (self._within or is_never_shown or hides):
            self._within.append((tag, is_never_shown))
        if self._within:
            return
        self._around[tag] += 1
        self.show_start(tag, attributes, is_shown=not hides)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_NESTED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self._within]
        if tag in names:  # end tags of inner elements may be missing
            del self._within[len(names) - 1 - names[::-1].index(tag) :]
            return
        if self._around[tag] > 0:  # it ends an element that contains all of them
            self._within.clear()
            self._around[tag] -= 1
        if not self._within:
            self.show_end(tag)

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.show_words(data)
        elif not any(is_never_shown for _, is_never_shown in self._within):
            self.hidden += sum(character.isalnum() for character in data)

    def _hides(self, tag: str, attributes: dict[str, str]) -> bool:
        style = attributes.get("style", "")
        if "hidden" in attributes or HIDING.search(style):
            return True
        if self._hides_white and (
            WHITE.search(style) or (tag == "font" and WHITE.search(f"color:{attributes.get('color', '')}"))
        ):
            return True
        names = {tag, f"#{attributes.get('id', '')}", f"{tag}#{attributes.get('id', '')}"}
        for name in attributes.get("class", "").split():
            names |= {f".{name}", f"{tag}.{name}"}
        return not self._selectors.isdisjoint(names)


class _Words(_Visible):
    def show_start(self, tag: str, attributes: dict[str, str], *, is_shown: bool) -> None:
        self.parts.append("\n" if tag in BLOCKS else " " if tag in ("td", "th") else "")
        if tag == "img" and attributes.get("alt") and is_shown:
            self.parts.append(f" {attributes['alt']} ")

    def show_end(self, tag: str) -> None:
        self.parts.append("\n" if tag in BLOCKS else "")

    def show_words(self, words: str) -> None:
        self.parts.append(words)


class _Markup(_Visible):
    def show_start(self, tag: str, attributes: dict[str, str], *, is_shown: bool) -> None:
        if is_shown:
            self.parts.append(self.get_starttag_text() or "")

    def show_end(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def show_words(self, words: str) -> None:
        self.parts.append(html.escape(words, quote=False))


def _hiding_selectors(markup: str) -> set[str]:
    """The simple selectors in the page's own style sheets that hide elements."""
    sheets = "\n".join(SHEET.findall(markup))[:MAX_SHEET_CHARACTERS]
    if not HIDING.search(sheets):
        return set()
    found = set()
    for selectors, body in RULE.findall(NESTED_RULES.sub("", sheets)):
        if HIDING.search(body):
            found |= {selector.strip() for selector in selectors.split(",") if SIMPLE.match(selector.strip())}
    return found - {"", "html", "body"}
