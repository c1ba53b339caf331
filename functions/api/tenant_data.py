"""Export and erasure of a whole tenant: starts the job, and shows its receipt."""

from __future__ import annotations

from typing import Any

from functions.api.bodies import EraseTenant
from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from functions.job_kinds import TENANT
from functions.tenant_data import export_key
from layers.ports.tenant_data import TenantReceipt

Shown = dict[str, Any]
MANIFEST = "manifest.json"


def export(request: Request, tenant_id: str) -> tuple[int, Any]:
    return _start(request, tenant_id, exports=True, erases=False)


def erase(request: Request, tenant_id: str) -> tuple[int, Any]:
    body = request.read(EraseTenant)
    if tenant_id == request.tenant_id:
        raise Problem("conflict", "your own key belongs to this tenant; use an admin's key of another tenant")
    name = request.catalog.name_of_tenant(tenant_id)
    if name is None:
        raise not_found("tenant")
    if body.name != name:
        errors = [{"pointer": "/name", "detail": "is not the name of this tenant"}]
        raise Problem("invalid_request", "repeat the name of the tenant, because an erasure can't be undone", errors)
    return _start(request, tenant_id, exports=body.export, erases=True)


def show(request: Request, receipt_id: str) -> tuple[int, Any]:
    receipt = request.catalog.tenant_receipt(receipt_id)
    if receipt is None:
        raise not_found("receipt")
    return 200, _view(request, receipt)


def show_again(request: Request, body: Shown) -> Shown:
    """The response to a repeated request: the receipt as it is now."""
    receipt = request.catalog.tenant_receipt(body["id"])
    return _view(request, receipt) if receipt else body


def _start(request: Request, tenant_id: str, *, exports: bool, erases: bool) -> tuple[int, Any]:
    if request.catalog.name_of_tenant(tenant_id) is None:
        raise not_found("tenant")
    receipt_id = request.catalog.request_tenant_job(
        TENANT, tenant_id, request.caller.key_id, exports=exports, erases=erases
    )
    receipt = request.catalog.tenant_receipt(str(receipt_id)) if receipt_id else None
    if receipt is None:
        raise Problem("conflict", "another export or erasure of this tenant has not ended")
    request.dispatch()
    return 202, _view(request, receipt)


def _view(request: Request, receipt: TenantReceipt) -> Shown:
    """The receipt, with URLs of the archives once all are written and until they are deleted."""
    archives = receipt.exported.get("archives", [])
    is_complete = receipt.exports and receipt.exported.get("is_complete", False)
    is_stored = is_complete and receipt.export_deleted_at is None

    def url(name: str) -> str:
        key = export_key(str(receipt.holder_id), str(receipt.receipt_id), name)
        return request.ports.objects.presign_get(key, None, download_name=name)

    exported = None
    if receipt.exports:
        exported = {
            "manifest_url": url(MANIFEST) if is_stored else None,
            "archives": [archive | {"url": url(archive["name"]) if is_stored else None} for archive in archives],
            "files": receipt.exported.get("files", 0),
            "rows": receipt.exported.get("rows", {}),
            "missing": receipt.exported.get("missing", []),
            "deleted_at": at(receipt.export_deleted_at),
        }
    return {
        "id": str(receipt.receipt_id),
        "tenant_id": str(receipt.tenant_id),
        "state": receipt.state or ("done" if receipt.ended_at else "failed"),
        "error": receipt.error,
        "exported": exported,
        "erased": {"files": 0, "objects": 0, "rows_of_files": 0, "rows": {}} | receipt.erased
        if receipt.erases
        else None,
        "verified": receipt.verified or None,
        "created_at": at(receipt.created_at),
        "ended_at": at(receipt.ended_at),
    }
