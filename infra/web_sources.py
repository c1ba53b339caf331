"""What is served of the web page's sources, so that the first rows of a table need few bytes.

Modules are served without comments, with the line numbers of the sources. Texts and styles are divided into those that the
first rows need and all others.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.web_modules import MODULES

# In this order, since a later rule may override an earlier one. The first rows of a table need only the first file.
STYLESHEETS = {"styles/page.css": ("base", "parts", "table"), "styles/later.css": ("dialogs", "screens")}
START = "src/main.js"
SCREENS = "src/screens/"
FIRST_SCREEN = "src/screens/dataset.js"
# The page shows what the API says until it has these texts.
LATER_TEXTS = ("cause.", "problem.", "reason.")
# A comment that has its lines for itself. No text of a template begins a line with such a sign, which a check of the
# page's modules shows: the compiler makes the same of a module with its comments and of one without.
WHOLE_LINES = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)
TYPE_IN_LINE = re.compile(r"/\*\* @\w+ (?:[^\n*]|\*(?!/))*\*/ ?")
STYLE_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
QUOTED = re.compile(r'"([\w.]+)"')
BEGUN = re.compile(r"`([\w.]+\.)\$\{")  # a name of which only the beginning is known
STATIC_IMPORT = re.compile(r'^(?:import|export|\}) .*?from "(\.[^"]+)";', re.MULTILINE)


def sources(web: Path, modules: Path) -> dict[str, bytes]:
    """All files that browsers get, by the path under which they ask for them, and `index.html`."""
    paths = (web / "src").rglob("*.js")
    found = {path.relative_to(web).as_posix(): without_comments(path.read_bytes()) for path in paths}
    found |= {f"modules/{name}": (modules / name).read_bytes() for name in MODULES}
    found |= {name: _stylesheet(web, parts) for name, parts in STYLESHEETS.items()}
    for path in (web / "catalogs").glob("*.json"):
        first, later = _divided(json.loads(path.read_text()), _first_code(found))
        found |= {f"catalogs/{path.name}": first, f"catalogs/{path.stem}.later.json": later}
    return found | {"index.html": (web / "index.html").read_bytes()}


def without_comments(module: bytes) -> bytes:
    """A module of the page without comments on lines of their own and without types in comments."""
    text = WHOLE_LINES.sub(lambda found: "\n" * found[0].count("\n"), module.decode())
    return TYPE_IN_LINE.sub("", text).encode()


def first_modules(names: Mapping[str, bytes]) -> list[str]:
    """The modules that every screen needs."""
    return [*sorted(name for name in names if name.startswith("modules/")), *_imported(names, START)]


def modules_of_screens(names: Mapping[str, bytes]) -> dict[str, list[str]]:
    """By the name of each screen, the modules that it needs beside those of every screen."""
    first = set(first_modules(names))
    screens = sorted(name for name in names if name.startswith(SCREENS))
    return {Path(name).stem: [module for module in _imported(names, name) if module not in first] for name in screens}


def _first_code(found: Mapping[str, bytes]) -> str:
    """All modules that a table's first rows need."""
    names = dict.fromkeys([*_imported(found, START), *_imported(found, FIRST_SCREEN)])
    return "\n".join(found[name].decode() for name in names)


def _divided(texts: Mapping[str, Any], code: str) -> tuple[bytes, bytes]:
    """A catalogue's texts that the code names, and all others."""
    names, beginnings = set(QUOTED.findall(code)), tuple(set(BEGUN.findall(code)) - set(LATER_TEXTS))
    first = {name: text for name, text in texts.items() if name in names or name.startswith(beginnings)}
    return _json(first), _json({name: text for name, text in texts.items() if name not in first})


def _json(texts: Mapping[str, Any]) -> bytes:
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()


def _stylesheet(web: Path, parts: Sequence[str]) -> bytes:
    text = "".join((web / "styles" / f"{name}.css").read_text() for name in parts)
    return STYLE_COMMENT.sub("", text).encode()


def _imported(names: Mapping[str, bytes], start: str) -> Sequence[str]:
    """A module and all modules that it imports statically."""
    found: dict[str, None] = {start: None}
    pending = [start]
    while pending:
        folder = Path(name := pending.pop()).parent
        for relative in STATIC_IMPORT.findall(names[name].decode()):
            inner = posixpath.normpath(folder / relative)
            if inner in names and inner not in found:
                found[inner] = None
                pending.append(inner)
    return list(found)
