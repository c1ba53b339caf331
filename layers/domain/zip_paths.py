"""Paths of originals in a zip file: a template of values, filled so that every system can unpack the file.

`{company}/{date}` puts an original into a folder with the company's name, and names it by the date. The name keeps the
original's own extension; one at the end of the template is replaced.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from layers.domain.extraction.schemas import resolve_references

FILE_NAME = "@name"  # the name of the file, without its extension
MOST_TEMPLATE = 300
MOST_FOLDERS = 8
MOST_CHARACTERS, MOST_PART_CHARACTERS = 200, 80  # Windows takes paths of 260
MOST_PART_BYTES = 160  # file systems take 255, of which a number and the extension need some
PARTS_OF_DATE = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}
_FIELD = re.compile(r"\{([^{}]*)\}")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_OWN_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOT_ALLOWED = frozenset('<>:"|?*/\\;')  # a semicolon ends a cell in some spreadsheets
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters that show nothing
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)  # names of devices on Windows


class BadTemplate(ValueError):
    """A template that is not valid; the text says why."""


def checked(template: str, schema: Mapping[str, Any]) -> str:
    """The template. Raises BadTemplate."""
    properties = resolve_references(schema).get("properties") or {}
    if len(template) > MOST_TEMPLATE:
        raise BadTemplate(f"may have at most {MOST_TEMPLATE} characters")
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        raise BadTemplate("has a brace without its partner")
    if "\\" in template or any(unicodedata.category(character) == "Cc" for character in template):
        raise BadTemplate("has a backslash or a control character; folders are separated by /")
    folders = template.split("/")
    if len(folders) > MOST_FOLDERS:
        raise BadTemplate(f"may have at most {MOST_FOLDERS} parts between slashes")
    if any(not folder.strip(" .") for folder in folders):
        raise BadTemplate("has an empty part; it must not begin or end with /, or have . or .. as a part")
    for field in _FIELD.findall(template):
        _check_field(field, properties)
    return template


def _check_field(field: str, properties: Mapping[str, Any]) -> None:
    name, part = _name_and_part(field, properties)
    if name == FILE_NAME and not part:
        return
    found = properties.get(name)
    if not isinstance(found, Mapping):
        raise BadTemplate(f"{{{field}}} is neither a property of the schema nor {{{FILE_NAME}}}")
    if found.get("type") in ("array", "object"):
        raise BadTemplate(f"{{{field}}} is a list or an object, which can't be part of a name")
    if part and found.get("format") != "date":
        raise BadTemplate(f"{{{field}}}: only a date has a year, a month and a day")


def _name_and_part(field: str, properties: Mapping[str, Any]) -> tuple[str, str]:
    """`date.year` is the year of `date`, unless a property has this name."""
    name, _, part = field.rpartition(".")
    return (name, part) if field not in properties and part in PARTS_OF_DATE else (field, "")


class ZipPaths:
    """Gives each original a path that no other has, also where a file system ignores case or the form of letters.

    `taken`: paths that were given before."""

    def __init__(self, template: str, taken: Iterable[str] = ()) -> None:
        parts = template.split("/")
        self._folders, self._name = parts[:-1], _EXTENSION.sub("", parts[-1]) or parts[-1]
        self._most = min(MOST_PART_CHARACTERS, MOST_CHARACTERS // len(parts))
        self._files: set[str] = set()
        self._within: set[str] = set()  # folders
        self._next: dict[str, int] = {}
        for path in taken:
            self._take(path)

    def path_of(self, fields: Mapping[str, Any], file_name: str) -> str:
        folder = ""
        for part in self._folders:
            folder += safe_name(_filled(part, fields, file_name), self._most)
            while _key(folder) in self._files:
                folder += "_"
            folder += "/"
        extension = extension_of(file_name)
        name = safe_name(_filled(self._name, fields, file_name), self._most)
        path = self._free(f"{folder}{name}", extension)
        self._take(path)
        return path

    def _free(self, base: str, extension: str) -> str:
        path, key = base + extension, _key(base + extension)
        number = self._next.get(key, 1)
        while _key(path) in self._files or _key(path) in self._within:
            number += 1
            path = f"{base} ({number}){extension}"
        self._next[key] = number
        return path

    def _take(self, path: str) -> None:
        self._files.add(_key(path))
        self._within.update(_key(str(folder)) for folder in PurePosixPath(path).parents)


def extension_of(file_name: str) -> str:
    """The extension with its dot; nothing if the name has none."""
    found = _OWN_EXTENSION.search(_last(file_name))
    return found[0] if found and found.start() else ""


def safe_file_name(file_name: str) -> str:
    """The last part of a file's name with its extension, as `safe_name`."""
    last, extension = _last(file_name), extension_of(file_name)
    return safe_name(last[: len(last) - len(extension)]) + extension


def _last(file_name: str) -> str:
    return file_name.replace("\\", "/").rpartition("/")[2]


def safe_name(text: str, most: int = MOST_PART_CHARACTERS) -> str:
    """The text as one part of a path, of at most so many characters, that every usual file system takes, and no program takes
    for anything else."""
    plain = "".join(map(_safe_character, unicodedata.normalize("NFC", text)))
    name = _without_leading_marks(" ".join(plain.split()).strip(" ."))[:most]
    while len(name.encode()) > MOST_PART_BYTES:
        name = name[:-1]
    name = name.strip(" .")
    if unicodedata.normalize("NFKC", name[:1]) in tuple("=+-@~'"):  # a formula in the manifest, an option of a command
        name = "_" + name[1:]
    return f"_{name}" if _RESERVED.match(name) else name or "_"


def _without_leading_marks(name: str) -> str:
    """The name from its first character that stands by itself."""
    first = next((index for index, each in enumerate(name) if unicodedata.category(each)[0] != "M"), len(name))
    return name[first:]


def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _NOT_ALLOWED or (category == "Cc" and not character.isspace()):
        return "_"
    if category[0] == "Z" or character.isspace() or character in _BLANKS:
        return " "
    return "" if category[0] == "C" else character  # formats, such as those that turn the direction of writing


def _key(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def _filled(part: str, fields: Mapping[str, Any], file_name: str) -> str:
    return _FIELD.sub(lambda found: _value(found[1], fields, file_name), part)


def _value(field: str, fields: Mapping[str, Any], file_name: str) -> str:
    if field == FILE_NAME:
        return safe_file_name(file_name)[: -len(extension_of(file_name)) or None]
    name, part = _name_and_part(field, fields)
    value = fields.get(name)
    if part:
        value = value[PARTS_OF_DATE[part]] if isinstance(value, str) and _DATE.fullmatch(value) else None
    if value is None or value == "" or isinstance(value, list | dict):
        return f"no {field}"
    return str(value).lower() if isinstance(value, bool) else str(value)
