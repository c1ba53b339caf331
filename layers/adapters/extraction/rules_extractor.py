"""Extraction by the built-in rules: no service, no network, no model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from layers.domain.extraction.rules import extract
from layers.domain.extraction.windows import Window
from layers.domain.meter import Meter
from layers.domain.page import Extraction


class RulesExtractor:
    """The default extractor."""

    pays_by_call = False

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        return extract(window.pages, schema, date.today(), window.date_order)

    def is_up(self) -> bool | None:
        """None: the rules run in the worker and depend on no service."""
        return None
