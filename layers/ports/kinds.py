"""Kinds of files: where the rules of a dataset send them, and what moves have taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from layers.domain.file import File
from layers.domain.kinds.decision import RULES_ALONE
from layers.domain.kinds.learnt import Model


@dataclass(frozen=True, slots=True)
class Routes:
    """The rules of a file's dataset as they are now. `targets`: the dataset for each kind; `names`: of those that exist.

    `chosen_by_person`: a person has moved the file to its dataset, or has corrected or reviewed its record.
    `taught`: names what the dataset has been taught; the model is made anew when it changes.
    """

    targets: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    chosen_by_person: bool = False
    taught: str = ""


class Kinds(Protocol):
    """The rules and lessons of every dataset. Raises StoreUnreachable."""

    def routes(self, file: File) -> Routes:
        """The rules that apply to a file."""

    def model(self, file: File, taught: str) -> Model:
        """What the file's dataset has been taught, as `taught` names it."""


class NoKinds:
    """No rules and no lessons."""

    def routes(self, file: File) -> Routes:
        return Routes()

    def model(self, file: File, taught: str) -> Model:
        return RULES_ALONE
