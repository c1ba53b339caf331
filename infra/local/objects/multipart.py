"""Multipart uploads: receives the parts of an object, and joins them into a version."""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Sequence

from infra.local.objects import garbage, index
from infra.local.objects.body_files import BodyFiles
from infra.local.objects.disk import Incoming
from infra.local.objects.index import Exists, StoredPart, Version
from infra.local.objects.transactions import Transactions

COPY_BYTES = 1024 * 1024


class WrongParts(Exception):
    """The parts that the request joins are not the stored ones."""


class MultipartUploads:
    """The multipart uploads of a bucket. Threads may share it."""

    def __init__(self, bodies: BodyFiles, transactions: Transactions) -> None:
        self._bodies = bodies
        self._transactions = transactions

    def receive(self, size_bytes: int) -> Incoming:
        """Begin to receive a part of this size. Raises NoSpace if too little of the disk would be left free."""
        return self._bodies.receive_part(size_bytes)

    def begin(self, key: str, media_type: str) -> str:
        """The id of a new multipart upload. Raises NoSpace."""
        upload_id = uuid.uuid4().hex
        row = (upload_id, key, media_type, time.time())
        self._transactions.change(lambda connection: connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?)", row))
        return upload_id

    def store_part(self, incoming: Incoming, key: str, upload_id: str, number: int, etag: str) -> None:
        """Store a part. It replaces an earlier one with its number. Raises NoUpload, NoSpace."""
        if incoming.size_bytes == 0:
            incoming.write(b"")
        incoming.flush()

        def insert(connection: sqlite3.Connection) -> None:
            index.existing_upload(connection, key, upload_id)
            index.drop_parts(connection, upload_id, number)
            row = (upload_id, number, incoming.file_name, incoming.size_bytes, etag)
            connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", row)

        self._transactions.change(insert)
        incoming.stored()
        self._bodies.settle(incoming.file_name)
        garbage.collect(self._bodies, self._transactions)

    def parts(self, key: str, upload_id: str, after: int, limit: int) -> list[StoredPart]:
        """The stored parts of an upload, in order. Raises NoUpload."""
        index.existing_upload(self._transactions.reader(), key, upload_id)
        rows = self._transactions.reader().execute(
            "SELECT number, size_bytes, etag FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
            (upload_id, after, limit),
        )
        return [StoredPart(*row) for row in rows]

    def complete(self, key: str, upload_id: str, chosen: Sequence[tuple[int, str]], *, only_new: bool) -> Version:
        """Join parts, selected by number and etag, into a new version of the key.

        Raises NoUpload, WrongParts, Exists, NoSpace.
        """
        media_type = index.existing_upload(self._transactions.reader(), key, upload_id)
        rows = self._transactions.reader().execute(
            "SELECT number, etag, file_name, size_bytes FROM parts WHERE upload_id = ? ORDER BY number", (upload_id,)
        )
        stored = {row[0]: row[1:] for row in rows}
        numbers = [number for number, _ in chosen]
        if not chosen or numbers != sorted(set(numbers)) or any(stored.get(n, ("",))[0] != e for n, e in chosen):
            raise WrongParts(f"the parts {numbers} are not the stored ones")
        size_bytes = sum(stored[number][2] for number in numbers)
        incoming = self._bodies.receive_part(size_bytes)
        try:
            for number in numbers:
                with open(self._bodies.path(stored[number][1]), "rb") as part:
                    while chunk := part.read(COPY_BYTES):
                        incoming.write(chunk)
            incoming.write(b"")
            incoming.flush()
            digest = hashlib.md5(b"".join(bytes.fromhex(stored[n][0]) for n in numbers), usedforsecurity=False)
            etag = f"{digest.hexdigest()}-{len(numbers)}"
            version = Version(key, incoming.file_name, False, size_bytes, etag, media_type, None, time.time())

            def insert(connection: sqlite3.Connection) -> None:
                index.existing_upload(connection, key, upload_id)
                if only_new and index.latest(connection, key) is not None:
                    raise Exists(key)
                index.insert(connection, version)
                index.drop_upload(connection, upload_id)

            self._transactions.change(insert)
            incoming.stored()
        finally:
            incoming.close()
        self._bodies.settle(version.version_id)
        garbage.collect(self._bodies, self._transactions)
        return version

    def abort(self, key: str, upload_id: str) -> None:
        """Delete an upload and its parts. Raises NoUpload."""

        def drop(connection: sqlite3.Connection) -> None:
            index.existing_upload(connection, key, upload_id)
            index.drop_upload(connection, upload_id)

        garbage.delete(self._bodies, self._transactions, drop)

    def unfinished(
        self, prefix: str, limit: int, *, after_key: str = "", after_id: str = ""
    ) -> list[tuple[str, str, float]]:
        """Unfinished multipart uploads under a prefix, by key and id: key, id, time of the beginning.

        They begin after all uploads of `after_key` or, if `after_id` is set, after this upload of it.
        """
        rows = self._transactions.reader().execute(
            "SELECT key, upload_id, begun_at FROM uploads WHERE key >= ?1 AND key < ?2"
            " AND key >= ?3 AND (key > ?3 OR (?4 <> '' AND upload_id > ?4)) ORDER BY key, upload_id LIMIT ?5",
            (prefix, index.end_of(prefix), after_key, after_id, limit),
        )
        return [tuple(row) for row in rows]
