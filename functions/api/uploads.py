"""Uploads: how a client sends a file to the object store, in one request or, if it is large, in parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.api import quotas
from functions.api.bodies import PartNumbers
from functions.api.files import existing
from functions.api.ports import ApiPorts
from functions.api.problems import Problem
from functions.api.requests import Request
from functions.api.views import at, file_views
from layers.domain.errors import DependencyDown, TransientError
from layers.ports import StoredPart
from layers.ports.manifests import SignableFile
from layers.ports.rows import AwaitedFile, FileRow

Shown = dict[str, Any]
Uploaded = AwaitedFile | FileRow | SignableFile
AWAITED = ("uploading", "upload_missing")
LEAST_PART_BYTES = 16 * 1024 * 1024
MOST_PARTS = 10_000  # S3's limit
MOST_ABORTED = 50  # by one request; upkeep aborts the others within a minute or two


def upload_view(ports: ApiPorts, file: Uploaded) -> Shown:
    """How to upload a file: a URL for exactly this object, which works once, or the sizes of its parts."""
    size_bytes = file.declared_size_bytes
    if _is_in_parts(ports, size_bytes):
        part_bytes = part_size_bytes(size_bytes)
        return {"method": "MULTIPART", "part_size_bytes": part_bytes, "part_count": -(-size_bytes // part_bytes)}
    url, headers = ports.objects.presign_put(
        file.object_key, size_bytes=size_bytes, sha256=file.declared_sha256, expires_s=ports.settings.upload_url_s
    )
    return {"method": "PUT", "url": url, "headers": headers, "expires_at": _expires_at(ports)}


def part_size_bytes(size_bytes: int) -> int:
    """The size of every part but the last one."""
    return max(LEAST_PART_BYTES, -(-size_bytes // MOST_PARTS))


def renew(request: Request, file_id: str) -> tuple[int, Any]:
    file = _extended(request, file_id)
    upload = upload_view(request.ports, file)
    return 200, {"id": file_id, "name": file.name, "state": "uploading", "upload": upload}


def sign_parts(request: Request, file_id: str) -> tuple[int, Any]:
    """URLs for some parts. Begins a multipart upload if the object store has none for this file."""
    numbers = request.read(PartNumbers).part_numbers
    file = _extended(request, file_id)
    _check_in_parts(request.ports, file)
    count = upload_view(request.ports, file)["part_count"]
    if errors := [
        {"pointer": f"/part_numbers/{index}", "detail": f"must be from 1 to {count}"}
        for index, number in enumerate(numbers)
        if number > count
    ]:
        raise Problem("invalid_request", f"the file has {count} parts; `errors` names wrong part numbers", errors)
    objects, upload_id = request.ports.objects, file.multipart_id
    if upload_id is None or objects.parts_of(file.object_key, upload_id) is None:
        upload_id = objects.begin_parts(file.object_key)
        request.catalog.keep_multipart(file_id, upload_id)
    return 200, _signed(request.ports, file, upload_id, numbers)


def show_parts(request: Request, file_id: str) -> tuple[int, Any]:
    """The parts that have arrived, so that an interrupted upload can continue."""
    file = existing(request, file_id)
    parts = _arrived(request.ports, file) if file.state in AWAITED else []
    return 200, {"parts": [{"part_number": part.number, "size_bytes": part.size_bytes} for part in parts]}


def complete(request: Request, file_id: str) -> tuple[int, Any]:
    """Complete an upload in parts. A second call changes nothing."""
    file = existing(request, file_id, for_update=True)
    _check_in_parts(request.ports, file)
    if file.state in AWAITED and not _has_arrived(request.ports, file):
        _join(request.ports, file)
    return 200, file_views(request.ports, request.catalog, [file])[0]


def announce(request: Request, file_id: str) -> tuple[int, Any]:
    """Make the workers look for a file's object. This is a hint: they check the object store themselves."""
    file = existing(request, file_id)
    if file.state in AWAITED:
        request.afterwards.append(lambda: request.ports.topics.announce([file.object_key]))
    return 202, file_views(request.ports, request.catalog, [file])[0]


def abort(request: Request, uploads: Sequence[tuple[str, str]]) -> int:
    """Abort the multipart uploads of files that have ended. Returns the number of their parts.

    Takes pairs of object key and upload id. If the object store is unreachable, upkeep aborts the rest.
    """
    parts = 0
    with suppress(DependencyDown, TransientError):
        for object_key, upload_id in uploads:
            parts += request.ports.objects.abort_upload(object_key, upload_id)
    return parts


def _join(ports: ApiPorts, file: FileRow) -> None:
    view = upload_view(ports, file)
    size_bytes, part_bytes, count = file.declared_size_bytes, view["part_size_bytes"], view["part_count"]
    arrived = {part.number: part for part in _arrived(ports, file)}
    sizes = {number: min(part_bytes, size_bytes - (number - 1) * part_bytes) for number in range(1, count + 1)}
    missing = [number for number, size in sizes.items() if number not in arrived or arrived[number].size_bytes != size]
    if missing:
        shown = ", ".join(map(str, missing[:20])) + (", ..." if len(missing) > 20 else "")
        raise Problem("conflict", f"{len(missing)} of {count} parts are missing or incomplete: {shown}")
    parts = [arrived[number] for number in sorted(sizes)]
    is_known = file.multipart_id is not None and ports.objects.join_parts(file.object_key, file.multipart_id, parts)
    if not is_known and not _has_arrived(ports, file):
        raise Problem("conflict", "the object store no longer has this upload; request new URLs for its parts")


def _signed(ports: ApiPorts, file: Uploaded, upload_id: str, numbers: Sequence[int]) -> Shown:
    size_bytes, part_bytes = file.declared_size_bytes, part_size_bytes(file.declared_size_bytes)
    expires_at = _expires_at(ports)
    parts = []
    for number in numbers:
        url = ports.objects.presign_part(
            file.object_key,
            upload_id,
            number,
            size_bytes=min(part_bytes, size_bytes - (number - 1) * part_bytes),
            expires_s=ports.settings.upload_url_s,
        )
        parts.append({"part_number": number, "url": url, "expires_at": expires_at})
    return {"parts": parts}


def _expires_at(ports: ApiPorts) -> str | None:
    return at(datetime.now(UTC) + timedelta(seconds=ports.settings.upload_url_s))


def _arrived(ports: ApiPorts, file: FileRow) -> list[StoredPart]:
    return ports.objects.parts_of(file.object_key, file.multipart_id) or [] if file.multipart_id else []


def _has_arrived(ports: ApiPorts, file: FileRow) -> bool:
    return ports.objects.size_of(file.object_key, None) is not None


def _is_in_parts(ports: ApiPorts, size_bytes: int) -> bool:
    return size_bytes >= max(1, ports.settings.multipart_from_bytes)


def _check_in_parts(ports: ApiPorts, file: Uploaded) -> None:
    if not _is_in_parts(ports, file.declared_size_bytes):
        raise Problem("conflict", "the file is not uploaded in parts; request its upload URL")


def _extended(request: Request, file_id: str) -> AwaitedFile:
    """The awaited file, with more time for its upload."""
    current = existing(request, file_id, for_update=True)
    if current.state == "upload_missing":
        quotas.check_renewals(request, [current.declared_size_bytes])
    settings = request.ports.settings
    file = request.catalog.renew_upload(file_id, settings.upload_url_s + settings.upload_grace_s)
    if file is None and current.uploaded_at is None and current.state == "cancelled":
        raise Problem("conflict", "the file was cancelled before it arrived; describe it again in a new batch")
    if file is None:
        raise Problem("conflict", "the file has already arrived; no upload is needed")
    return file
