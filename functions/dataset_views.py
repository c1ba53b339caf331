"""Views of datasets: keep them as the names and schemas of the datasets are."""

from __future__ import annotations

from layers.domain.dataset_view import columns_of, view_names
from layers.ports.dataset_views import DatasetViews
from layers.telemetry.log import log

AT_ONCE = 200


def refresh_views(views: DatasetViews, tenant_id: str | None = None) -> int:
    """Replace the views that are out of date, of one tenant or of all. Returns how many were replaced."""
    replaced = 0
    for view in views.outdated(AT_ONCE, tenant_id):
        names = view_names(view.name, str(view.dataset_id)) if view.name is not None else ()
        problem = views.replace(view, names, columns_of(view.schema) if names else ())
        if problem:
            log("dataset_view_not_replaced", dataset=str(view.dataset_id), view=view.view_name, detail=problem)
        replaced += problem is None
    return replaced
