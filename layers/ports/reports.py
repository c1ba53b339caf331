"""Daily reports in the status store."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class ReportRow(NamedTuple):
    """The figures of the files of one dataset that were created on a day."""

    tenant_id: UUID
    dataset_id: UUID
    tenant_name: str
    dataset_name: str
    figures: dict[str, Any]


class Reports(Protocol):
    """Makes reports, for workers. Raises StoreUnreachable."""

    def make_report(self, day: date, first_id: str, until_id: str) -> int:
        """Make the report of the files with ids from one up to another. Returns the number of their datasets."""


class NoReports:
    """Makes no reports."""

    def make_report(self, day: date, first_id: str, until_id: str) -> int:
        return 0


class ReportCatalog(Protocol):
    """The part of a request's transaction that concerns reports."""

    def report_day(self, day: date) -> datetime | None:
        """When the report of a day was made; None if it was not."""

    def reports(
        self, of_tenant_id: str | None, day: date, after: tuple[str, str] | None, limit: int
    ) -> list[ReportRow]:
        """A page of a day's report by dataset, after the tenant and dataset in `after`."""
