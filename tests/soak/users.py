"""What users do: they upload batches, cancel some, remove files, undo removals, and follow the changes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.soak.caller import AGAIN_S, Caller, GaveUp
from tests.soak.contents import Content, content
from tests.soak.plan import Batch

UNDO_WINDOW_S = 3600
NUMBERS_A_BATCH = 100  # more than files, so that no two files have the same number and content
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}


@dataclass(slots=True)
class Sent:
    """A file that a user has described to the API, and what the user has done with it since."""

    file_id: str
    content: Content
    kind: str
    removal_id: str = ""
    is_undone: bool = False
    may_be_cancelled: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content.body).hexdigest()

    @property
    def is_removed(self) -> bool:
        return bool(self.removal_id) and not self.is_undone


@dataclass
class User:
    """A user of one tenant, with its own dataset. `known` is the state of each file according to the changes."""

    caller: Caller
    dataset_id: str
    cursor: str
    sent: dict[str, Sent] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    batches: int = 0

    @classmethod
    def of(cls, caller: Caller, name: str) -> User:
        body = {"name": name, "schema": SCHEMA}
        dataset_id = caller.json("POST", "/datasets", body, key=f"dataset {name}")["id"]
        cursor = caller.json("GET", f"/datasets/{dataset_id}/files", limit=1)["changes_cursor"]
        return cls(caller, dataset_id, cursor)

    def upload(self, batch: Batch) -> None:
        """Upload a batch, and cancel, remove and undo what its plan says.

        Raises GaveUp, and httpx.HTTPStatusError for a wrong answer.
        """
        contents = [content(plan.kind, batch.number * NUMBERS_A_BATCH + n) for n, plan in enumerate(batch.files)]
        described = [
            {"name": sent.name, "size_bytes": len(sent.body), "sha256": hashlib.sha256(sent.body).hexdigest()}
            for sent in contents
        ]
        body = {"files": described, "allow_duplicates": True}
        key = f"batch {batch.number}"
        answer = self.caller.json("POST", f"/datasets/{self.dataset_id}/batches", body, key=key)
        self.batches += 1
        is_cancelled = batch.cancel_after is not None
        for plan, sent, file in zip(batch.files, contents, answer["files"], strict=True):
            self.sent[file["id"]] = Sent(file["id"], sent, plan.kind, may_be_cancelled=is_cancelled)
        for n, (plan, file) in enumerate(zip(batch.files, answer["files"], strict=True)):
            if n == batch.cancel_after:
                self.caller.json("POST", f"/batches/{answer['id']}/cancel")
            self._send(file, renews=plan.fate == "renew")
        if batch.cancel_after == len(batch.files):
            self.caller.json("POST", f"/batches/{answer['id']}/cancel")
        for fate in ("remove", "undo"):
            chosen = [f["id"] for p, f in zip(batch.files, answer["files"], strict=True) if p.fate == fate]
            if chosen:
                self._remove(chosen, batch.undo_after_s, undoes=fate == "undo")

    def follow(self) -> None:
        """Read the next changes."""
        path = f"/datasets/{self.dataset_id}/changes"
        while True:
            answer = self.caller.json("GET", path, after=self.cursor, wait_s=10)
            for file in answer["files"]:
                self.known[file["id"]] = file["state"]
            for file_id in answer["removed"]:
                self.known.pop(file_id, None)
            self.cursor = answer["cursor"]
            if not answer["has_more"]:
                return

    def files(self) -> Iterator[dict[str, Any]]:
        cursor = {}
        while True:
            page = self.caller.json("GET", f"/datasets/{self.dataset_id}/files", limit=200, **cursor)
            yield from page["files"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    # --- uploads -------------------------------------------------------------------------------------

    def _send(self, file: dict[str, Any], *, renews: bool) -> None:
        """Send a file, after a failure again with a renewed URL, until it has arrived or can no longer arrive."""
        upload = file["upload"] if not renews else self._renewed(file["id"])
        while upload is not None:
            body = self.sent[file["id"]].content.body
            if upload["method"] == "MULTIPART":
                if self._send_parts(file["id"], upload, body):
                    return
            elif self.caller.put(upload["url"], body, upload["headers"]) == "200":
                return
            time.sleep(AGAIN_S)
            upload = self._renewed(file["id"])

    def _renewed(self, file_id: str) -> dict[str, Any] | None:
        """A new upload URL, or None if the file has arrived, or was cancelled or removed."""
        answer = self.caller.call("POST", f"/files/{file_id}/upload")
        if answer.status_code == 409:
            return None
        upload: dict[str, Any] = answer.raise_for_status().json()["upload"]
        return upload

    def _send_parts(self, file_id: str, upload: dict[str, Any], body: bytes) -> bool:
        """Send the parts that have not arrived, and complete the upload. Returns whether that has succeeded."""
        path, size = f"/files/{file_id}/upload", upload["part_size_bytes"]
        arrived = {part["part_number"] for part in self.caller.json("GET", f"{path}/parts")["parts"]}
        for number in range(1, upload["part_count"] + 1):
            if number in arrived:
                continue
            signed = self.caller.call("POST", f"{path}/parts", {"part_numbers": [number]})
            if signed.status_code == 409:
                return True
            (part,) = signed.raise_for_status().json()["parts"]
            if self.caller.put(part["url"], body[(number - 1) * size : number * size], {}) != "200":
                return False
        return self.caller.call("POST", f"{path}/complete").status_code in (200, 404)

    # --- removals ------------------------------------------------------------------------------------

    def _remove(self, file_ids: list[str], undo_after_s: float, *, undoes: bool) -> None:
        body = {"file_ids": file_ids, "undo_window_s": UNDO_WINDOW_S if undoes else 0}
        path = f"/datasets/{self.dataset_id}/removals"
        removal = self.caller.json("POST", path, body, key=f"removal of {file_ids[0]}")
        for file_id in file_ids:
            self.sent[file_id].removal_id = removal["id"]
        if undoes:
            time.sleep(undo_after_s)
            # 409: a clock that was stepped has closed the undo window, and the files are being erased
            answer = self.caller.call("POST", f"/removals/{removal['id']}/undo")
            if answer.status_code != 409:
                answer.raise_for_status()
                for file_id in file_ids:
                    self.sent[file_id].is_undone = True


def keep_following(user: User, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            user.follow()
        except GaveUp:
            return
        except httpx.HTTPStatusError as error:
            user.caller.unexpected.append(f"changes: {error}")
            ended.wait(AGAIN_S)
