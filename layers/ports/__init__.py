"""Interfaces to everything outside the process, in the words of the domain. Adapters implement them."""

from __future__ import annotations

from dataclasses import dataclass, field

from layers.domain.file import Reach
from layers.domain.lifecycle import FilePlan
from layers.domain.services import port_of
from layers.domain.step import Step
from layers.ports.audit_log import AuditLog, NoAuditLog
from layers.ports.dataset_views import DatasetViews, NoDatasetViews
from layers.ports.exports import Exports, NoExports
from layers.ports.imports import Imports, NoImports, NoSources, Sources
from layers.ports.jobs import Jobs, NoJobs
from layers.ports.kinds import Kinds, NoKinds
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
from layers.ports.objects import Objects, OpenUpload, StoredObject, StoredPart
from layers.ports.plans import NoPlans, Plans
from layers.ports.reports import NoReports, Reports
from layers.ports.retention import NoRetention, Retention
from layers.ports.senders import NoSenders, Senders
from layers.ports.services import (
    Documents,
    Extractor,
    Model,
    OfficePrinter,
    PagePicture,
    PaidReader,
    Scanner,
)
from layers.ports.store import Backlog, Claim, Finished, Planner, Recorded, RecordedObject, Store, UploadVerdict
from layers.ports.tenant_data import NoTenantData, TenantData
from layers.ports.topics import ChangeNotifications, MessageSource, NoChangeNotifications, Topics
from layers.ports.webhooks import NoWebhooks, Webhooks

__all__ = [
    "AlwaysClosed",
    "AtOnce",
    "AuditLog",
    "Backlog",
    "Breakers",
    "BudgetState",
    "Budgets",
    "ChangeNotifications",
    "Claim",
    "Connection",
    "ConnectionSlots",
    "DatasetViews",
    "Documents",
    "Extractor",
    "FilePlan",
    "Finished",
    "Imports",
    "Jobs",
    "Kinds",
    "MessageSource",
    "Model",
    "NoAuditLog",
    "NoBudgets",
    "NoChangeNotifications",
    "NoDatasetViews",
    "NoImports",
    "NoJobs",
    "NoKinds",
    "NoPlans",
    "NoReports",
    "NoRetention",
    "NoSenders",
    "NoSources",
    "NoTenantData",
    "NoWebhooks",
    "Objects",
    "OfficePrinter",
    "OpenUpload",
    "Pace",
    "PagePicture",
    "PaidReader",
    "Planner",
    "Plans",
    "Ports",
    "Recorded",
    "RecordedObject",
    "Reports",
    "Retention",
    "Scanner",
    "SecondReader",
    "Senders",
    "Sources",
    "Store",
    "StoredObject",
    "StoredPart",
    "TenantData",
    "Topics",
    "UploadVerdict",
    "Webhooks",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that steps can use. `paid_reader` is None without credentials, `scanner` without an address."""

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
    reach: Reach = field(default_factory=Reach)
    jobs: Jobs = field(default_factory=NoJobs)
    retention: Retention = field(default_factory=NoRetention)
    reports: Reports = field(default_factory=NoReports)
    imports: Imports = field(default_factory=NoImports)
    sources: Sources = field(default_factory=NoSources)
    plans: Plans = field(default_factory=NoPlans)
    exports: Exports = field(default_factory=NoExports)
    senders: Senders = field(default_factory=NoSenders)
    kinds: Kinds = field(default_factory=NoKinds)
    webhooks: Webhooks = field(default_factory=NoWebhooks)
    webhook_log_days: int = 7
    manifest_days: int = 90
    audit_log: AuditLog = field(default_factory=NoAuditLog)
    audit_log_days: int = 0
    dataset_views: DatasetViews = field(default_factory=NoDatasetViews)
    tenant_data: TenantData = field(default_factory=NoTenantData)

    def has(self, service: str | None) -> bool:
        """Whether this installation has a service: False if it is not configured."""
        port = port_of(service)
        return not port or getattr(self, port) is not None

    def pays(self, step: Step) -> bool:
        """Whether an attempt at a step costs money in this installation."""
        if not step.pays_by_call or not self.has(step.depends_on):
            return False
        port = port_of(step.depends_on)
        return bool(getattr(getattr(self, port), "pays_by_call", True)) if port else True
