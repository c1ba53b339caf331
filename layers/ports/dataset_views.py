"""Views of datasets in the database, for tools that read it directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.dataset_view import Column


class OutdatedView(NamedTuple):
    """A dataset whose view is missing or was made of another name or schema. `name` is None if it may have none: the
    dataset was removed, or its tenant has no reader. `view_name` is that of its view; None without one."""

    dataset_id: UUID
    tenant_id: UUID
    name: str | None
    schema: dict[str, Any]
    schema_version: int
    view_name: str | None


class DatasetViews(Protocol):
    """The views of all tenants, for workers."""

    def outdated(self, limit: int, tenant_id: str | None = None) -> list[OutdatedView]:
        """Views to replace, those that were not tried for longest first; of one tenant, or of all."""

    def replace(self, view: OutdatedView, names: Sequence[str], columns: Sequence[Column]) -> str | None:
        """Replace a view by one with the first of these names that no other dataset has; without names, drop it.

        Returns why it was not possible; then the former view remains, and is tried again.
        """


class NoDatasetViews:
    """Has no views."""

    def outdated(self, limit: int, tenant_id: str | None = None) -> list[OutdatedView]:
        return []

    def replace(self, view: OutdatedView, names: Sequence[str], columns: Sequence[Column]) -> str | None:
        return None
