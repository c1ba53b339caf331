"""What Fairway needs of the world, in its own words; adapters supply it."""

from __future__ import annotations

from dataclasses import dataclass, field

from layers.domain.file import Reach
from layers.domain.lifecycle import FilePlan
from layers.domain.step import Step
from layers.ports.limits import (
    AlwaysClosed,
    AtOnce,
    Breakers,
    Budgets,
    BudgetState,
    Connection,
    ConnectionSlots,
    NoBudgets,
    Pace,
)
from layers.ports.objects import Objects, StoredPart
from layers.ports.services import (
    Documents,
    Extractor,
    Model,
    OfficePrinter,
    PagePicture,
    PaidReader,
    Scanner,
    SecondReader,
)
from layers.ports.store import Backlog, Claim, Finished, Planner, Recorded, Store
from layers.ports.topics import ChangeNotifications, NoChangeNotifications, Topics

__all__ = [
    "AlwaysClosed",
    "AtOnce",
    "Backlog",
    "Breakers",
    "BudgetState",
    "Budgets",
    "ChangeNotifications",
    "Claim",
    "Connection",
    "ConnectionSlots",
    "Documents",
    "Extractor",
    "FilePlan",
    "Finished",
    "Model",
    "NoBudgets",
    "NoChangeNotifications",
    "Objects",
    "OfficePrinter",
    "Pace",
    "PagePicture",
    "PaidReader",
    "Planner",
    "Ports",
    "Recorded",
    "Scanner",
    "SecondReader",
    "Store",
    "StoredPart",
    "Topics",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a step may reach. `paid_reader` is None where no credentials are given, `scanner` where no
    address is, `second_reader` where none is installed."""

    store: Store
    objects: Objects
    topics: Topics
    documents: Documents
    extractor: Extractor
    paid_reader: PaidReader | None
    max_file_bytes: int = 200 * 1024 * 1024
    notifications: ChangeNotifications = field(default_factory=NoChangeNotifications)
    breakers: Breakers = field(default_factory=AlwaysClosed)
    budgets: Budgets = field(default_factory=NoBudgets)
    scanner: Scanner | None = None
    second_reader: SecondReader | None = None
    reach: Reach = field(default_factory=Reach)

    def pays(self, step: Step) -> bool:
        """Whether an attempt at a step costs money here."""
        if not step.pays_by_call:
            return False
        if step.depends_on == "textract":
            return self.paid_reader is not None
        return step.depends_on != "extraction" or self.extractor.pays_by_call
