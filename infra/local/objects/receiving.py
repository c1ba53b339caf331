"""Receives the body of an upload, and compares it with the announced length and checksums."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zlib

from infra.local.objects.disk import Incoming
from infra.local.objects.requests import Failure, Request, content_length

PIECE_BYTES = 256 * 1024
GATHERED_BYTES = 1024 * 1024  # of a body, before another thread writes them
DIGESTS = {"x-amz-checksum-sha256": hashlib.sha256, "x-amz-checksum-sha1": hashlib.sha1, "content-md5": hashlib.md5}


async def receive_body(request: Request, incoming: Incoming) -> str:
    """Receive a body. Returns its MD5. Raises Failure if length or checksum differ from the headers."""
    digest = hashlib.md5(usedforsecurity=False)
    checks = {name: kind(usedforsecurity=False) for name, kind in DIGESTS.items() if name in request.headers}
    crc32, gathered = 0, bytearray()
    if "aws-chunked" in request.headers.get("content-encoding", ""):
        raise Failure(501, "NotImplemented", "bodies in signed chunks are not supported; send the body as it is")

    def write(piece: bytes) -> None:
        nonlocal crc32
        digest.update(piece)
        crc32 = zlib.crc32(piece, crc32)
        for check in checks.values():
            check.update(piece)
        incoming.write(piece)

    async for chunk in request.chunks():
        gathered += chunk
        if len(gathered) >= GATHERED_BYTES:
            await asyncio.to_thread(write, bytes(gathered))
            gathered.clear()
    write(bytes(gathered)) if len(gathered) <= PIECE_BYTES else await asyncio.to_thread(write, bytes(gathered))
    if incoming.size_bytes != content_length(request):
        raise Failure(400, "IncompleteBody", "the body is shorter than announced")
    found = {name: check.digest() for name, check in checks.items()}
    found["x-amz-checksum-crc32"] = crc32.to_bytes(4, "big")
    for name, value in found.items():
        if name in request.headers and base64.b64encode(value).decode() != request.headers[name]:
            raise Failure(400, "BadDigest", f"the body does not have the {name} that was announced")
    return digest.hexdigest()
