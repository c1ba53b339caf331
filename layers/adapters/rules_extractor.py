"""Extraction by the built-in rules: no service, no network, no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layers.domain.extraction.rules import extract
from layers.domain.page import Extraction, Page


class RulesExtractor:
    """The embedded default."""

    def extract(self, pages: Sequence[Page], schema: Mapping[str, Any]) -> Extraction:
        return extract(pages, schema)
