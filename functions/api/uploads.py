"""Uploads: how a client brings a file's bytes to the object store, in one piece or, from some size on, in parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import PartNumbers, Request
from functions.api.views import at, file_views
from layers import bootstrap
from layers.settings import Settings

Row = dict[str, Any]
AWAITED = ("uploading", "upload_missing")
LEAST_PART_BYTES = 16 * 1024 * 1024
MOST_PARTS = 10_000  # what S3 takes


def upload_view(row: Row) -> Row:
    """How to upload a file: signed for exactly this object, and for one time; or how it is cut into parts."""
    settings = bootstrap.settings()
    size_bytes = row["declared_size_bytes"]
    if in_parts(size_bytes, settings):
        part_bytes = part_size_bytes(size_bytes)
        return {"method": "MULTIPART", "part_size_bytes": part_bytes, "part_count": -(-size_bytes // part_bytes)}
    url, headers = bootstrap.objects().presign_put(
        row["object_key"], size_bytes=size_bytes, sha256=row["declared_sha256"], expires_s=settings.upload_url_s
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.upload_url_s)
    return {"method": "PUT", "url": url, "headers": headers, "expires_at": at(expires_at)}


def in_parts(size_bytes: int, settings: Settings) -> bool:
    return size_bytes >= max(1, settings.multipart_from_bytes)


def part_size_bytes(size_bytes: int) -> int:
    """Every part's size but the last one's."""
    return max(LEAST_PART_BYTES, -(-size_bytes // MOST_PARTS))


def renew(request: Request, file_id: str) -> tuple[int, Any]:
    row = _extended(request, file_id)
    return 200, {"id": file_id, "name": row["name"], "state": "uploading", "upload": upload_view(row)}


def sign_parts(request: Request, file_id: str) -> tuple[int, Any]:
    """URLs for some parts. The first call begins the upload, and so does the first after the store has lost it."""
    numbers = request.read(PartNumbers).part_numbers
    row = _in_parts(_extended(request, file_id))
    count = upload_view(row)["part_count"]
    if errors := [
        {"pointer": f"/part_numbers/{place}", "detail": f"must be from 1 to {count}"}
        for place, number in enumerate(numbers)
        if number > count
    ]:
        raise Problem("invalid_request", f"the file has {count} parts; `errors` names what is beyond", errors)
    upload_id = row["multipart_id"]
    objects = bootstrap.objects()
    if upload_id is None or objects.parts_of(row["object_key"], upload_id) is None:
        upload_id = objects.begin_parts(row["object_key"])
        request.catalog.run("keep_multipart", file_id=file_id, multipart_id=upload_id)
    return 200, _signed(row, upload_id, numbers)


def show_parts(request: Request, file_id: str) -> tuple[int, Any]:
    """The parts that arrived, so that an upload can go on where it was cut off."""
    row = _existing(request, file_id)
    parts = _arrived(row) if row["state"] in AWAITED and row["multipart_id"] else []
    return 200, {"parts": [{"part_number": part.number, "size_bytes": part.size_bytes} for part in parts]}


def complete(request: Request, file_id: str) -> tuple[int, Any]:
    """End an upload in parts. A second call changes nothing."""
    row = _in_parts(_existing(request, file_id, for_update=True))
    if row["state"] in AWAITED and not _has_arrived(row):
        _join(row)
    return 200, file_views(request.catalog, [row])[0]


def _join(row: Row) -> None:
    view = upload_view(row)
    size_bytes, part_bytes, count = row["declared_size_bytes"], view["part_size_bytes"], view["part_count"]
    arrived = {part.number: part for part in _arrived(row)} if row["multipart_id"] else {}
    wanted = {number: min(part_bytes, size_bytes - (number - 1) * part_bytes) for number in range(1, count + 1)}
    lacking = [number for number, size in wanted.items() if number not in arrived or arrived[number].size_bytes != size]
    if lacking:
        shown = ", ".join(map(str, lacking[:20])) + (", ..." if len(lacking) > 20 else "")
        raise Problem("conflict", f"{len(lacking)} of {count} parts have not arrived whole: {shown}")
    parts = [arrived[number] for number in sorted(wanted)]
    if not bootstrap.objects().join_parts(row["object_key"], row["multipart_id"], parts) and not _has_arrived(row):
        raise Problem("conflict", "the object store no longer knows the upload; ask for its parts' URLs again")


def _signed(row: Row, upload_id: str, numbers: list[int]) -> Row:
    settings = bootstrap.settings()
    size_bytes, part_bytes = row["declared_size_bytes"], part_size_bytes(row["declared_size_bytes"])
    urls = [
        bootstrap.objects().presign_part(
            row["object_key"],
            upload_id,
            number,
            size_bytes=min(part_bytes, size_bytes - (number - 1) * part_bytes),
            expires_s=settings.upload_url_s,
        )
        for number in numbers
    ]
    expires_at = at(datetime.now(UTC) + timedelta(seconds=settings.upload_url_s))
    parts = zip(numbers, urls, strict=True)
    return {"parts": [{"part_number": number, "url": url, "expires_at": expires_at} for number, url in parts]}


def _arrived(row: Row) -> list[Any]:
    return bootstrap.objects().parts_of(row["object_key"], row["multipart_id"]) or []


def _has_arrived(row: Row) -> bool:
    return bootstrap.objects().size_of(row["object_key"], None) is not None


def _in_parts(row: Row) -> Row:
    if not in_parts(row["declared_size_bytes"], bootstrap.settings()):
        raise Problem("conflict", "the file is uploaded in one piece; ask for its URL again")
    return row


def _extended(request: Request, file_id: str) -> Row:
    """The awaited file with more time for its upload."""
    _existing(request, file_id)
    settings = bootstrap.settings()
    upload_s = settings.upload_url_s + settings.upload_grace_s
    row: Row | None = request.catalog.row("renew_upload", file_id=file_id, upload_s=upload_s)
    if row is None:
        raise Problem("conflict", "the file has arrived already; nothing is to be uploaded")
    return row


def _existing(request: Request, file_id: str, *, for_update: bool = False) -> Row:
    row: Row | None = request.catalog.row("file_locked" if for_update else "file", file_id=file_id)
    if row is None:
        raise not_found("file")
    return row
