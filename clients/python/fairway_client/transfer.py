"""Sends the bytes of one file to the object store, in one request or in parts, and waits through outages."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from fairway_client.client import Client

Result = TypeVar("Result")
WHOLE_BYTES = 1 << 20  # smaller files are read at once
CHUNK_BYTES = 1 << 18
LONGEST_PAUSE_S = 20.0
ARRIVED = 412  # nothing is overwritten, so an earlier attempt has arrived
EXPIRED = 403


class NotSent(Exception):
    """A file was not sent; the text says why. `may_try_again`: another run may succeed."""

    def __init__(self, reason: str, *, may_try_again: bool = True) -> None:
        super().__init__(reason)
        self.may_try_again = may_try_again


class Stopped(Exception):
    """The upload was stopped before the file was sent."""


@dataclass
class Patience:
    """How long to go on while the API or the store can't be reached, and whether to stop at once."""

    within_s: float = 600.0
    stopping: threading.Event = field(default_factory=threading.Event)

    def insist(self, act: Callable[[], Result]) -> Result:
        """The result of `act`, which is repeated while there is no answer. Raises Stopped, or its last error."""
        began, attempt = time.monotonic(), 0
        while True:
            if self.stopping.is_set():
                raise Stopped
            try:
                return act()
            except (httpx.TransportError, Unavailable):
                attempt += 1
                pause_s = min(LONGEST_PAUSE_S, 0.25 * 2**attempt) * random.uniform(0.6, 1.0)
                if time.monotonic() - began + pause_s > self.within_s:
                    raise
            self.stopping.wait(pause_s)


class Unavailable(Exception):
    """The store answered that it can't take the file now."""


def send(
    client: Client,
    path: Path,
    file: dict[str, Any],
    size_bytes: int,
    patience: Patience,
    on_bytes: Callable[[int], None] = lambda sent: None,
) -> None:
    """Send a file, as `file["upload"]` says. Returns once the store has it.

    `file` is an upload of a manifest or a file of a batch. Raises NotSent, Stopped.
    """
    try:
        if file["upload"]["method"] == "MULTIPART":
            patience.insist(lambda: _send_parts(client, path, file, patience, on_bytes))
        else:
            _send_whole(client, path, file, size_bytes, patience)
            on_bytes(size_bytes)
    except OSError as error:
        raise NotSent(f"can't be read: {error.strerror or error}") from error
    except (httpx.TransportError, Unavailable) as error:
        raise NotSent(f"the service can't be reached: {error}") from error


def _send_whole(client: Client, path: Path, file: dict[str, Any], size_bytes: int, patience: Patience) -> None:
    upload = file["upload"]
    response = patience.insist(lambda: _put(client, upload, _content(path, size_bytes)))
    if response.status_code == EXPIRED:
        renewed = patience.insist(lambda: client.renew(file["id"]))
        if renewed is None:
            return  # it has arrived
        response = patience.insist(lambda: _put(client, renewed, _content(path, size_bytes)))
    _check(response, path, size_bytes)


def _send_parts(
    client: Client, path: Path, file: dict[str, Any], patience: Patience, on_bytes: Callable[[int], None]
) -> None:
    upload, base = file["upload"], f"/files/{file['id']}/upload"
    arrived = {part["part_number"] for part in client.call("GET", f"{base}/parts")["parts"]}
    part_bytes = upload["part_size_bytes"]
    with path.open("rb") as stream:
        for number in range(1, upload["part_count"] + 1):
            if patience.stopping.is_set():
                raise Stopped
            stream.seek((number - 1) * part_bytes)
            content = stream.read(part_bytes)
            if number not in arrived:
                (part,) = client.call("POST", f"{base}/parts", {"part_numbers": [number]})["parts"]
                _check(_put(client, {"url": part["url"], "headers": {}}, content), path, None)
            on_bytes(len(content))
    client.call("POST", f"{base}/complete")


def _put(client: Client, upload: dict[str, Any], content: bytes | Iterator[bytes]) -> httpx.Response:
    try:
        response = client.store.put(upload["url"], content=content, headers=upload["headers"])
    except httpx.LocalProtocolError as error:  # more or fewer bytes than were announced
        raise NotSent("was changed while it was being sent") from error
    if response.status_code >= 500 or response.status_code == 429:
        raise Unavailable(f"the object store answered {response.status_code}")
    return response


def _content(path: Path, size_bytes: int) -> bytes | Iterator[bytes]:
    if path.stat().st_size != size_bytes:
        raise NotSent("was changed while it was being sent")
    return path.read_bytes() if size_bytes <= WHOLE_BYTES else _chunks(path)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _check(response: httpx.Response, path: Path, size_bytes: int | None) -> None:
    if response.is_success or response.status_code == ARRIVED:
        return
    if "BadDigest" in response.text or "XAmzContentChecksumMismatch" in response.text:
        raise NotSent("was changed while it was being sent")
    raise NotSent(f"the object store refused it with status {response.status_code}", may_try_again=False)
