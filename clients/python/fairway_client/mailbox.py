"""A folder of a mailbox over IMAP: waits for mails, reads them, and moves or marks those that are done.

It needs the package `imapclient`: `pip install "fairway-client[imap]"`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import imapclient

KEYWORD = b"$FairwayDone"
IDLE_S = 540.0  # servers end an idle connection after half an hour
CHECK_S = 0.5


class BadMailbox(Exception):
    """The address is wrong, or the server can't do what is needed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of a folder: `imaps://user@host/INBOX`, or `imap://` for a connection that becomes encrypted by STARTTLS."""

    host: str
    port: int
    user: str
    folder: str
    is_encrypted: bool
    password: str = ""

    @property
    def name(self) -> str:
        """The address without the password."""
        return f"imap{'s' * self.is_encrypted}://{self.user}@{self.host}:{self.port}/{self.folder}"


def parse_address(url: str) -> Address:
    """Raises BadMailbox."""
    parts = urlsplit(url)
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise BadMailbox("write the address of a mailbox as imaps://user@host/INBOX")
    is_encrypted = parts.scheme == "imaps"
    return Address(
        parts.hostname,
        parts.port or (993 if is_encrypted else 143),
        unquote(parts.username),
        unquote(parts.path.strip("/")) or "INBOX",
        is_encrypted,
        unquote(parts.password or ""),
    )


class Mailbox:
    """An open folder. Raises BadMailbox, imapclient.exceptions.IMAPClientError or OSError."""

    def __init__(self, address: Address, password: str, move_to: str | None) -> None:
        self._move_to = move_to
        self._client = imapclient.IMAPClient(address.host, address.port, ssl=address.is_encrypted, timeout=60)
        try:
            if not address.is_encrypted:
                self._encrypt(address)
            self._client.login(address.user, password)
            selected = self._client.select_folder(address.folder)
            self.validity = int(selected[b"UIDVALIDITY"])
            flags = selected.get(b"PERMANENTFLAGS", ())
            self._keeps_keywords = b"\\*" in flags or KEYWORD in flags
            if move_to is None and not self._keeps_keywords:
                raise BadMailbox("the server keeps no keywords of mails; name a folder for them with --move-to")
            if move_to is not None and not self._client.folder_exists(move_to):
                self._client.create_folder(move_to)
        except BaseException:
            self.close()
            raise

    def _encrypt(self, address: Address) -> None:
        if self._client.has_capability("STARTTLS"):
            self._client.starttls()
        elif not _is_local(address.host):
            raise BadMailbox("the server offers no encryption; the password would be readable on the way")

    def close(self) -> None:
        try:
            self._client.logout()
        except (imapclient.exceptions.IMAPClientError, OSError):
            self._client.shutdown()

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new(self) -> list[int]:
        """The ids of mails that are not done, oldest first."""
        criteria: list[Any] = ["UNDELETED"]
        if self._keeps_keywords:
            criteria += ["UNKEYWORD", KEYWORD.decode()]
        return sorted(self._client.search(criteria))

    def content(self, uid: int) -> tuple[bytes, datetime] | None:
        """A mail and when the server received it; None if it is gone. The mail stays unread."""
        fetched = self._client.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).get(uid)
        if not fetched or b"BODY[]" not in fetched:
            return None
        received = fetched.get(b"INTERNALDATE") or datetime.fromtimestamp(0, UTC)
        return fetched[b"BODY[]"], received.astimezone(UTC)

    def finish(self, uid: int, *, moves: bool = True) -> None:
        """Move a mail that is done, or mark it."""
        if self._move_to is None or not moves:
            if self._keeps_keywords:
                self._client.add_flags([uid], [KEYWORD], silent=True)
        elif self._client.has_capability("MOVE"):
            self._client.move([uid], self._move_to)
        else:
            self._client.copy([uid], self._move_to)
            self._client.delete_messages([uid], silent=True)
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge([uid])

    def wait(self, stopping: threading.Event, every_s: float) -> None:
        """Wait for a change: as the server tells it where it can (IDLE), otherwise for `every_s` seconds."""
        if not self._client.has_capability("IDLE"):
            stopping.wait(every_s)
            self._client.noop()
            return
        deadline = time.monotonic() + IDLE_S
        self._client.idle()
        try:
            while not stopping.is_set() and time.monotonic() < deadline:
                if any(_is_new(response) for response in self._client.idle_check(timeout=CHECK_S)):
                    break
        finally:
            self._client.idle_done()


def _is_new(response: Any) -> bool:
    """Whether a response of an idle server says that the folder has other mails than before."""
    return isinstance(response, tuple) and b"EXISTS" in response


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
