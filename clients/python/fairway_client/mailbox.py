"""A folder of a mailbox over IMAP: waits for mails, reads them, and moves or marks those that are done."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import imapclient
from imapclient.exceptions import IMAPClientError, LoginError

from fairway_client.oauth import is_loopback

DONE, SEEN = b"$FairwayDone", b"$FairwayNothingAttached"
TIMEOUT_S = 60
FETCHED_BYTES = 4 << 20
# After so long a wait for the server's word, the folder is searched all the same: a mail may have come just before the wait.
LONGEST_WAIT_S = 60.0
CHECK_S = 0.5
MOST_NAMED = 20
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
MOST_STATUS = 100


class BadMailbox(Exception):
    """The address is wrong, or the mailbox can't be used; the text says what to change."""


class LoginRefused(Exception):
    """The server does not accept the user, the password or the token."""


class Token(NamedTuple):
    """An access token of OAuth 2.0."""

    text: str


class TooLarge(Exception):
    """A mail is larger than allowed."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"it has {size_bytes:,} bytes")


@dataclass(frozen=True, slots=True)
class Address:
    """Of a folder of a user: `imaps://user@host/INBOX`, or `imap://` for a connection that STARTTLS encrypts."""

    host: str
    port: int
    user: str
    folder: str
    is_encrypted: bool

    @property
    def name(self) -> str:
        return f"imap{'s' * self.is_encrypted}://{self.user}@{self.host}:{self.port}/{self.folder}"


def parse_address(url: str) -> Address:
    """Raises BadMailbox."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadMailbox(f"the address of the mailbox is not valid: {error}") from None
    if parts.password is not None:
        raise BadMailbox(
            "leave the password out of the address, where other users of this machine can read it; "
            "set FAIRWAY_IMAP_PASSWORD or use --password-file"
        )
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise BadMailbox("write the address of a mailbox as imaps://user@host/INBOX")
    is_encrypted = parts.scheme == "imaps"
    return Address(
        parts.hostname,
        port or (993 if is_encrypted else 143),
        unquote(parts.username),
        unquote(parts.path.strip("/")) or "INBOX",
        is_encrypted,
    )


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail that was written to a file, and when the server received it."""

    size_bytes: int
    received_at: datetime


class Mailbox:
    """An open folder. Mails that are done are moved to `move_to`, mails without attachments to `others_to`; without these
    folders they are marked. Raises BadMailbox, LoginRefused, and, as all methods, IMAPClientError or OSError."""

    def __init__(
        self, address: Address, secret: str | Token, move_to: str | None = None, others_to: str | None = None
    ) -> None:
        """`secret` is the password, or an access token."""
        self._address = address
        self._client = self._connected()
        try:
            if isinstance(secret, Token):
                self._log_in_with_token(secret)
            else:
                self._log_in(secret)
            self._open(move_to, others_to)
        except BaseException:
            self.close()
            raise

    def _connected(self) -> imapclient.IMAPClient:
        address = self._address
        try:
            client = imapclient.IMAPClient(address.host, address.port, ssl=address.is_encrypted, timeout=TIMEOUT_S)
            client.normalise_times = False
            if not address.is_encrypted:
                self._encrypt(client)
        except ssl.SSLCertVerificationError as error:
            raise BadMailbox(
                f"the certificate of {address.host} is not trusted: {error.verify_message}; "
                "SSL_CERT_FILE may name the certificate of an authority of your own"
            ) from None
        return client

    def _encrypt(self, client: imapclient.IMAPClient) -> None:
        if client.has_capability("STARTTLS"):
            client.starttls()
        elif not is_loopback(self._address.host):
            client.shutdown()
            raise BadMailbox(
                f"{self._address.host} offers no encryption at port {self._address.port}, so the password could be read on "
                "the way; try imaps://"
            )

    def _log_in(self, password: str) -> None:
        user, host = self._address.user, self._address.host
        try:
            if (user + password).isascii():
                self._client.login(user, password)
            elif self._client.has_capability("AUTH=PLAIN"):  # LOGIN takes ASCII only
                self._client.plain_login(user, password)
            else:
                raise BadMailbox(f"{host} takes no password or user with letters beyond ASCII")
        except LoginError as error:
            raise LoginRefused(f"{host} refuses {user}: {_words(error)}") from None

    def _log_in_with_token(self, token: Token) -> None:
        user, host = self._address.user, self._address.host
        mechanism = next((each for each in MECHANISMS if self._client.has_capability(f"AUTH={each}")), None)
        if mechanism is None:
            raise BadMailbox(f"{host} takes no access tokens (OAUTHBEARER or XOAUTH2); use a password")
        answer = _TokenAnswer(mechanism, user, token.text)
        try:
            self._client.sasl_login(mechanism, answer)
        except LoginError as error:
            raise LoginRefused(f"{host} refuses the access token of {user}: {answer.status or _words(error)}") from None

    def _open(self, move_to: str | None, others_to: str | None) -> None:
        folder = self._existing(self._address.folder)
        selected = self._client.select_folder(folder)
        self.validity = int(selected[b"UIDVALIDITY"])
        flags = selected.get(b"PERMANENTFLAGS", ())
        self._keeps_keywords = b"\\*" in flags or {DONE, SEEN} <= set(flags)
        if selected.get(b"READ-ONLY"):
            raise BadMailbox(f"{self._address.user} may only read {folder}; done mails can be neither moved nor marked")
        if move_to is None and not self._keeps_keywords:
            raise BadMailbox(
                f"{self._address.host} keeps no keywords of mails; name a folder for done ones with --move-to"
            )
        self._move_to = move_to and self._made(move_to)
        self._others_to = others_to and self._made(others_to)
        for target in (self._move_to, self._others_to):
            if target == folder:
                raise BadMailbox(f"mails can't be moved into {folder}, which is the folder that is watched")

    def _existing(self, name: str) -> str:
        found = self._found(name)
        if found is None:
            others = sorted(each[2] for each in self._client.list_folders())
            more = f" and {len(others) - MOST_NAMED} others" if len(others) > MOST_NAMED else ""
            raise BadMailbox(
                f"{self._address.user} has no folder {name!r}; there are {', '.join(others[:MOST_NAMED])}{more}"
            )
        return found

    def _made(self, name: str) -> str:
        found = self._found(name)
        if found is not None:
            return found
        made = self._in_its_words(name)
        self._client.create_folder(made)
        return made

    def _found(self, name: str) -> str | None:
        return next((each for each in (name, self._in_its_words(name)) if self._client.folder_exists(each)), None)

    def _in_its_words(self, name: str) -> str:
        """The name of a folder with the server's separator in place of `/`."""
        for _, delimiter, _ in self._client.list_folders("", ""):
            if delimiter:
                return name.replace("/", delimiter.decode())
        return name

    def close(self) -> None:
        try:
            self._client.logout()
        except (IMAPClientError, OSError):
            try:
                self._client.shutdown()
            except OSError:
                pass  # it is closed already

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- mails

    def new(self) -> list[int]:
        """The ids of mails that are not done, oldest first."""
        criteria = ["UNDELETED"]
        if self._keeps_keywords:
            criteria += ["UNKEYWORD", DONE.decode(), "UNKEYWORD", SEEN.decode()]
        return sorted(self._client.search(criteria))

    def fetch(self, uid: int, path: Path, most_bytes: int) -> Fetched | None:
        """Write a mail to a file; None if the mail is gone. It stays unread. Raises TooLarge."""
        about = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid)
        if about is None:
            return None
        size_bytes = int(about[b"RFC822.SIZE"])
        if size_bytes > most_bytes:
            raise TooLarge(size_bytes)
        received_at = about.get(b"INTERNALDATE") or datetime.fromtimestamp(0, UTC)
        with path.open("wb") as file:
            while file.tell() <= most_bytes:
                content = self._piece(uid, file.tell())
                if content is None:
                    return None
                file.write(content)
                if len(content) < FETCHED_BYTES and (not content or file.tell() >= size_bytes):
                    return Fetched(file.tell(), received_at.astimezone(UTC))
            raise TooLarge(file.tell())

    def _piece(self, uid: int, start: int) -> bytes | None:
        found = self._client.fetch([uid], [f"BODY.PEEK[]<{start}.{FETCHED_BYTES}>"]).get(uid)
        content: bytes | None = None if found is None else found.get(f"BODY[]<{start}>".encode(), b"")
        return content

    def finish(self, uid: int, *, is_done: bool) -> None:
        """Move a mail, or mark it: one whose attachments are uploaded (`is_done`), or one without any."""
        target = self._move_to if is_done else self._others_to
        if target is None:
            if self._keeps_keywords:
                self._client.add_flags([uid], [DONE if is_done else SEEN], silent=True)
        elif self._client.has_capability("MOVE"):
            self._client.move([uid], target)
        else:
            self._client.copy([uid], target)
            self._client.delete_messages([uid], silent=True)
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge([uid])  # a plain EXPUNGE would erase what others have deleted

    # --- waiting

    def wait(self, stopping: threading.Event, every_s: float) -> None:
        """Wait until the server tells of a new mail (IDLE), for at most a minute; without IDLE, for `every_s` seconds."""
        if not self._client.has_capability("IDLE"):
            stopping.wait(every_s)
            return
        deadline = time.monotonic() + LONGEST_WAIT_S
        self._client.idle()
        while not stopping.is_set() and time.monotonic() < deadline:
            began = time.monotonic()
            responses = self._client.idle_check(timeout=CHECK_S)
            if any(_is_arrival(response) for response in responses):
                break
            if not responses and time.monotonic() - began < CHECK_S / 2:
                break  # the server has closed the connection: the next command raises
        self._client.idle_done()


class _TokenAnswer:
    """What the client sends to log in with a token: RFC 7628, and Google's older form of it.

    A server that refuses says why, in JSON, and waits for an empty answer.
    """

    def __init__(self, mechanism: str, user: str, token: str) -> None:
        if mechanism == "OAUTHBEARER":
            name = user.replace("=", "=3D").replace(",", "=2C")
            first, self._refused = f"n,a={name},", b"\1"
        else:
            first, self._refused = f"user={user}", b""
        self._first = f"{first}\1auth=Bearer {token}\1\1".encode()
        self.status = ""

    def __call__(self, challenge: bytes) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            self.status = str(json.loads(challenge)["status"])[:MOST_STATUS]
        except (ValueError, KeyError, TypeError):
            pass  # it says so in another way
        return self._refused


def _is_arrival(response: Any) -> bool:
    """Whether an idle server says how many mails the folder has now."""
    return isinstance(response, tuple) and b"EXISTS" in response


def _words(error: Exception) -> str:
    """What a server said; the library shows it as Python shows bytes."""
    return re.sub(r"^b(['\"])(.*)\1$", r"\2", str(error))
