"""Runs one target with atheris: `python -m tests.fuzz.one TARGET [libFuzzer options] [input folders]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["layers", "functions"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
