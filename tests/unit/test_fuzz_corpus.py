"""Runs every input of the fuzzing corpus again: no parser fails on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent.parent / "fuzz" / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_handles_every_input_that_fuzzing_found(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for corpus_input in inputs:
        TARGETS[name](corpus_input.read_bytes())
