"""Writes docs/configuration.md, the page of all environment variables: `python -m layers.configuration_page`."""

from __future__ import annotations

from dataclasses import Field, dataclass
from typing import Any

from layers.settings import GENERAL, OCR, PREVIEWS, declared_settings, variable_of

EMBEDDED = "Embedded start"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is read outside of `Settings`."""

    name: str
    default: str
    meaning: str
    group: str


# Read by infra/local, by the decoders (to which no other settings are passed) and by bootstrap.
OTHER_VARIABLES = (
    Variable("FAIRWAY_HOME", "`.fairway`", "The folder for all data, secrets and logs.", EMBEDDED),
    Variable("FAIRWAY_PORT", "`8000`", "The port of the API; 0 picks a free one and keeps it.", EMBEDDED),
    Variable("FAIRWAY_WORKERS", "`2`", "How many worker processes are started.", EMBEDDED),
    Variable(
        "FAIRWAY_CACHE", "`~/.cache/fairway`", "Where `make cluster` keeps Kafka and versitygw, for all clones.", EMBEDDED
    ),
    Variable("FAIRWAY_SAMPLES", "`1`", "0: do not process the samples.", EMBEDDED),
    Variable(
        "FAIRWAY_STORE_FREE_BYTES", "`268435456`",
        "How many bytes of the disk uploads leave free. An upload that would leave less is answered with 507.",
        EMBEDDED,
    ),
    Variable("FAIRWAY_PREVIEW_HOST", "`127.0.0.1`", "The address that `python -m infra.preview_service` binds.", PREVIEWS),
    Variable("FAIRWAY_PREVIEW_PORT", "`3000`", "Its port.", PREVIEWS),
    Variable("FAIRWAY_PREVIEW_AT_ONCE", "`2`", "How many documents it converts at once.", PREVIEWS),
    Variable("FAIRWAY_PREVIEW_KEPT", "as many as at once",
             "How many idle LibreOffice processes it keeps. One takes 140 MB; others end after a minute. The start on one machine keeps none.",
             PREVIEWS),
    Variable("FAIRWAY_PREVIEW_QUEUE", "`20`", "How many more may wait; others are answered with 503.", PREVIEWS),
    Variable("FAIRWAY_TESSERACT", "the one in its wheel", "The path of another Tesseract.", OCR),
    Variable(
        "FAIRWAY_TESSDATA", "", "A folder with more languages for Tesseract: `<code>.traineddata` for each.", OCR
    ),
    Variable(
        "FAIRWAY_SECRETS", "",
        "Names of secrets in AWS Secrets Manager, separated by commas. Each is a JSON object of variables. The environment "
        "has priority.",
        GENERAL,
    ),
    Variable(
        "FAIRWAY_SECRETS_FOLDER", "",
        "A folder of files, such as `/run/secrets`. Each has the name of a variable and contains its value. The "
        "environment has priority.",
        GENERAL,
    ),
)  # fmt: skip


HEADER = """# Configuration

<!-- Generated from layers/settings.py and layers/configuration_page.py: change it there, then run
`python -m layers.configuration_page > docs/configuration.md`. -->

All settings are environment variables, and all have a default that works with `make run`. A value that is not allowed
stops the process at its start with a message that names the variable. `.chalice/config.json` sets for each stage how
many invocations of each step Lambda runs at once, and how many parts of each step all workers together run at most.
"""


def page() -> str:
    """The text of docs/configuration.md."""
    rows: dict[str, list[str]] = {EMBEDDED: []}
    for variable in OTHER_VARIABLES:
        rows.setdefault(variable.group, []).append(_row(variable.name, variable.default, variable.meaning))
    for declared in declared_settings():
        if declared.name != "port":
            rows.setdefault(declared.metadata["group"], []).append(
                _row(variable_of(declared), _default(declared), _meaning(declared))
            )
    order = [EMBEDDED, *dict.fromkeys(declared.metadata["group"] for declared in declared_settings())]
    tables = [
        f"## {group}\n\n| variable | default | meaning |\n|---|---|---|\n" + "\n".join(rows[group]) for group in order
    ]
    return HEADER + "\n" + "\n\n".join(tables) + "\n"


def _row(name: str, default: str, meaning: str) -> str:
    return f"| `{name}` | {default} | {meaning} |".replace("|  |", "| |")


def _default(declared: Field[Any]) -> str:
    if declared.metadata["shown_default"]:
        return str(declared.metadata["shown_default"])
    if declared.default in ("", None):
        return ""
    return f"`{declared.default}`" + _readable(declared.default, declared.metadata["unit"])


def _readable(value: Any, unit: str) -> str:
    """A large number in a larger unit."""
    if unit == "bytes" and value >= 1 << 20:
        return f" ({value >> 20} MiB)"
    if unit == "seconds" and value >= 24 * 3600:
        return f" ({value // (24 * 3600)} days)"
    return f" ({value // 3600} h)" if unit == "seconds" and value >= 3600 else ""


def _meaning(declared: Field[Any]) -> str:
    about = declared.metadata
    choices = f" One of {', '.join(f'`{choice}`' for choice in about['choices'])}." if about["choices"] else ""
    unit = f" In {about['unit']}." if about["unit"] else ""
    return f"{about['meaning']}{choices}{unit}"


if __name__ == "__main__":
    print(page(), end="")
