"""Manifests: up to 100,000 files described in one request. Uploads are signed in portions, just before they begin.

A manifest is taken in portions, each in a transaction of its own, because the changes of all tenants wait for a long
transaction. The same request, with the same Idempotency-Key, continues where an interrupted one has ended.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from functions.api import quotas
from functions.api.access import check_key
from functions.api.bodies import LINES_A_MANIFEST, ManifestLine, ManifestOptions
from functions.api.problems import Problem, not_found
from functions.api.requests import MOST_ERRORS, Request, faults_of
from functions.api.uploads import upload_view
from functions.api.views import at
from layers.domain.json_lines import BadLines, lines_of, pieces_of
from layers.ports.catalog import Catalog
from layers.ports.manifests import DuplicateLine, Manifest, NewLine
from layers.ports.rows import NewFile

Shown = dict[str, Any]
LINE = TypeAdapter(ManifestLine)
TAKEN_AT_ONCE = 5_000
MOST_SHOWN = 5_000
MOST_SIGNED = 1_000


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    options = _options(request)
    checked = _check(request, dataset_id)
    manifest_id = _begin(request, dataset_id, options, checked)
    manifest = _take_all(request, manifest_id, checked.line_count)
    request.notify(dataset_id)
    with request.ports.catalogs.transaction() as catalog:
        return 201, _with_duplicates(_acting(request, catalog), manifest, -1, MOST_SHOWN)


def show(request: Request, manifest_id: str) -> tuple[int, Any]:
    manifest = _existing(request, manifest_id)
    by_state = request.catalog.counts([manifest.batch_id])[manifest.batch_id]
    return 200, _view(manifest) | {"counts": {"files": sum(by_state.values()), "by_state": by_state}}


def show_duplicates(request: Request, manifest_id: str) -> tuple[int, Any]:
    """The lines that need no upload, because the dataset has their content already."""
    limit = request.whole_number("limit", 1000, 1, MOST_SHOWN)
    manifest = _existing(request, manifest_id)
    position = request.position(_duplicates_of(manifest))
    shown = _with_duplicates(request, manifest, position[0] if position else -1, limit)
    return 200, {name: shown[name] for name in ("duplicates", "next_cursor")}


def sign(request: Request, manifest_id: str) -> tuple[int, Any]:
    """Uploads for the next files that have not arrived. Without a cursor it begins again, with what is left."""
    limit, listing = request.whole_number("limit", 100, 1, MOST_SIGNED), f"uploads {manifest_id}"
    manifest = _existing(request, manifest_id)
    position = request.position(listing)
    settings, catalog = request.ports.settings, request.catalog
    rows = catalog.awaited_lines(
        manifest.batch_id, position[0] if position else -1, limit + 1, settings.upload_url_s + settings.upload_grace_s
    )
    chosen = rows[:limit]
    if not chosen:
        return 200, {"uploads": [], "next_cursor": None}
    quotas.check_renewals(request, [row.declared_size_bytes for row in chosen if row.state == "upload_missing"])
    if late := [row.file_id for row in chosen if row.is_late]:
        catalog.renew_uploads(late, settings.upload_url_s + settings.upload_grace_s)
        request.notify(manifest.dataset_id)
    files = catalog.begin_uploads(manifest_id, chosen[-1].manifest_line, [row.file_id for row in chosen])
    uploads = [
        {
            "line": file.manifest_line,
            "id": str(file.file_id),
            "name": file.name,
            "upload": upload_view(request.ports, file),
        }
        for file in files
    ]
    next_cursor = request.cursor(listing, [chosen[-1].manifest_line]) if len(rows) > limit else None
    return 200, {"uploads": uploads, "next_cursor": next_cursor}


# --- reading -----------------------------------------------------------------------------------------


def _options(request: Request) -> ManifestOptions:
    try:
        return ManifestOptions.model_validate(dict(request.query))
    except ValidationError as error:
        raise Problem(
            "invalid_request", "some query parameters are not valid; `errors` names each", faults_of(error, "/query")
        ) from None


def _pieces(request: Request) -> Iterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise Problem("invalid_request", "the body may have the Content-Encoding `gzip`, or none")
    return pieces_of(request.body, is_gzipped=encoding == "gzip")


class Checked(NamedTuple):
    """A manifest whose lines are all valid: a digest of the request, and of each line what counts against quotas."""

    digest: bytes
    sizes: array[int]
    sha256s: list[str | None]

    @property
    def line_count(self) -> int:
        return len(self.sizes)


def _check(request: Request, dataset_id: str) -> Checked:
    """Read the whole manifest. Raises Problem that names the first invalid lines."""
    digest = hashlib.sha256(json.dumps(["manifest", dataset_id, dict(request.query)], sort_keys=True).encode())
    sizes, sha256s, errors, codes = array("q"), list[str | None](), list[Shown](), set[str]()
    most = request.ports.settings.max_file_bytes
    try:
        for number, text in lines_of(_hashed(_pieces(request), digest)):
            if number >= LINES_A_MANIFEST:
                raise Problem("invalid_request", f"a manifest may have at most {LINES_A_MANIFEST} lines")
            try:
                line = LINE.validate_json(text)
            except ValidationError as error:
                codes.add("invalid_request")
                errors += faults_of(error, f"/lines/{number}")
            else:
                sizes.append(line["size_bytes"])
                sha256s.append(line.get("sha256"))
                if line["size_bytes"] > most:
                    codes.add("too_large")
                    detail = f"a file may have at most {most} bytes"
                    errors.append({"pointer": f"/lines/{number}/size_bytes", "detail": detail})
            if len(errors) >= MOST_ERRORS:
                break
    except BadLines as error:
        pointed = [] if error.line is None else [{"pointer": f"/lines/{error.line}", "detail": str(error)}]
        raise Problem("invalid_request", "a line is too long" if pointed else str(error), pointed) from None
    if errors:
        code = "too_large" if codes == {"too_large"} else "invalid_request"
        raise Problem(code, "some lines are not valid; `errors` names the first of them", errors[:MOST_ERRORS])
    if not sizes:
        raise Problem("invalid_request", "the manifest has no lines; describe a file on each")
    return Checked(digest.digest(), sizes, sha256s)


def _hashed(pieces: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _portions(request: Request) -> Iterator[list[NewLine]]:
    lines = (_new_line(number, LINE.validate_json(text)) for number, text in lines_of(_pieces(request)))
    while portion := list(islice(lines, TAKEN_AT_ONCE)):
        yield portion


def _new_line(number: int, line: ManifestLine) -> NewLine:
    return NewLine(
        number, line["name"], line["size_bytes"], line.get("media_type"), line.get("sha256"), line.get("modified_at")
    )


# --- taking ------------------------------------------------------------------------------------------


def _acting(request: Request, catalog: Catalog) -> Request:
    """The request with a transaction of its tenant, whose key is valid still."""
    catalog.act_as(request.tenant_id)
    check_key(request.caller, catalog)
    return request.within(catalog)


def _begin(request: Request, dataset_id: str, options: ManifestOptions, checked: Checked) -> str:
    """Create the manifest and its batch, or find those that the same request has created. Returns the manifest's id."""
    key = request.idempotency_key()
    with request.ports.catalogs.transaction() as catalog:
        acting = _acting(request, catalog)
        if key is not None and (before := acting.earlier_response(key, checked.digest)):
            return str(before.body["id"])
        quotas.check_batches(acting)
        batch = catalog.create_batch(
            dataset_id,
            allow_duplicates=options.allow_duplicates,
            expand_archives=options.expand_archives,
            separation=options.separation,
            labels=options.labels,
            priority=options.priority,
            name=options.name,
        )
        if batch is None:
            raise not_found("dataset")
        if quotas.allowed(acting):
            _check_quota(acting, batch.dataset_id, options, checked)
        manifest = catalog.create_manifest(batch.dataset_id, batch.batch_id, checked.line_count, options.deadline_s)
        if key is not None:
            catalog.keep_response(key, 201, {"id": str(manifest.manifest_id)})
        return str(manifest.manifest_id)


def _check_quota(acting: Request, dataset_id: Any, options: ManifestOptions, checked: Checked) -> None:
    """Raise Problem `quota_exceeded` at once, before anything is taken, if not all lines fit into the tenant's quota."""
    count = size_bytes = 0
    for start in range(0, checked.line_count, TAKEN_AT_ONCE):
        sha256s = checked.sha256s[start : start + TAKEN_AT_ONCE]
        known = {} if options.allow_duplicates else _known(acting.catalog, dataset_id, sha256s)
        for sha256, size in zip(sha256s, checked.sizes[start : start + TAKEN_AT_ONCE], strict=True):
            if sha256 not in known:
                count, size_bytes = count + 1, size_bytes + size
    quotas.check_sums(acting, count, size_bytes)


def _take_all(request: Request, manifest_id: str, line_count: int) -> Manifest:
    with request.ports.catalogs.transaction() as catalog:
        manifest = _existing(_acting(request, catalog), manifest_id)
    if manifest.taken_count == line_count:
        return manifest
    for portion in _portions(request):
        if portion[-1].line >= manifest.taken_count:
            manifest = _take(request, manifest_id, portion)
    return manifest


def _take(request: Request, manifest_id: str, portion: Sequence[NewLine]) -> Manifest:
    """Take those of these lines that no earlier request has taken."""
    with request.ports.catalogs.transaction() as catalog:
        acting = _acting(request, catalog)
        manifest = _existing(acting, manifest_id, for_update=True)
        batch = catalog.batch(str(manifest.batch_id))
        if batch is None or batch.cancelled_at:
            raise Problem("conflict", "the batch of this manifest was cancelled; send the manifest with a new key")
        left = [line for line in portion if line.line >= manifest.taken_count]
        if not left:
            return manifest
        known = {} if batch.allow_duplicates else _known(catalog, manifest.dataset_id, [line.sha256 for line in left])
        new = [line for line in left if line.sha256 not in known]
        duplicates = [DuplicateLine(line.line, known[line.sha256]) for line in left if line.sha256 in known]
        quotas.check(acting, [NewFile(line.name, line.size_bytes) for line in new])
        return catalog.take_lines(manifest_id, new, duplicates)


def _known(catalog: Catalog, dataset_id: Any, sha256s: Sequence[str | None]) -> dict[str | None, Any]:
    """The files of the dataset with these contents, by checksum."""
    given = [sha256 for sha256 in sha256s if sha256]
    return dict(catalog.duplicates(dataset_id, given).items()) if given else {}


# --- showing -----------------------------------------------------------------------------------------


def _view(manifest: Manifest) -> Shown:
    return {
        "id": str(manifest.manifest_id),
        "dataset_id": str(manifest.dataset_id),
        "batch_id": str(manifest.batch_id),
        "created_at": at(manifest.created_at),
        "deadline_at": at(manifest.upload_until),
        "lines": manifest.line_count,
        "taken": manifest.taken_count,
        "files": manifest.file_count,
        "duplicate_lines": manifest.duplicate_count,
    }


def _with_duplicates(request: Request, manifest: Manifest, after: int, limit: int) -> Shown:
    rows = request.catalog.duplicate_lines(str(manifest.manifest_id), after, limit + 1)
    shown = rows[:limit]
    return _view(manifest) | {
        "duplicates": [{"line": row.line, "duplicate_of": str(row.duplicate_of)} for row in shown],
        "next_cursor": request.cursor(_duplicates_of(manifest), [shown[-1].line]) if len(rows) > limit else None,
    }


def _duplicates_of(manifest: Manifest) -> str:
    return f"duplicates {manifest.manifest_id}"


def _existing(request: Request, manifest_id: str, *, for_update: bool = False) -> Manifest:
    manifest = request.catalog.manifest(manifest_id, for_update=for_update)
    if manifest is None:
        raise not_found("manifest")
    return manifest
