"""One tenant's uploads of hostile and good files to a real start, and the faults found in them."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from fairway_client import Client, Refused, is_settled

from tests.hostile import hostile_files
from tests.hostile.cases import EXPANDED, NAMES, Case
from tests.hostile.settling import Listener

GOOD_FILES = 50
EACH_S = 0.2  # between good files that come one by one
SETTLE_S = 300.0
UPLOADS_AT_ONCE = 4
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
# What no preview may contain: anything that runs code, loads something, or leads to another page.
FORBIDDEN = re.compile(
    rb"<script|<iframe|<object|<embed|<link|<base|<form|<meta http-equiv=.refresh|\son\w+\s*=|javascript:|file:|"
    rb"(?:src|href|action|poster|data|url)\s*[=(]\s*[\"']?https?:",
    re.IGNORECASE,
)
POLICY = b"default-src 'none'"


def good(number: int) -> tuple[str, bytes]:
    """A harmless file, different for each number: a text, a PDF, or a small photo."""
    total = f"Total: {number + 1}.25"
    if number % 5 == 4:
        return f"good {number}.jpg", hostile_files.picture("JPEG", f"Receipt {number}\n{total}")
    if number % 2:
        return f"good {number}.pdf", hostile_files.pdf_page(
            f"BT /F 24 Tf 72 700 Td (Invoice {number}, {total}) Tj ET".encode()
        )
    return f"good {number}.txt", f"Invoice {number}\n{total}\n".encode() * 20


def good_files() -> list[tuple[str, bytes]]:
    return [good(number) for number in range(GOOD_FILES)]


class Run:
    """One tenant's dataset, and the faults found in what was uploaded to it."""

    def __init__(self, client: Client, listener: Listener) -> None:
        self.client = client
        self.listener = listener
        self.dataset_id = client.dataset("hostile", SCHEMA)["id"]
        self.faults: list[str] = []

    def upload(self, files: list[tuple[str, bytes]], **options: Any) -> list[dict[str, Any]]:
        """Create a batch of these files; returns each as the API describes it."""
        body = {
            "files": [{"name": name, "size_bytes": len(content)} for name, content in files],
            "allow_duplicates": True,
            **options,
        }
        described: list[dict[str, Any]] = self.client.call("POST", f"/datasets/{self.dataset_id}/batches", body)[
            "files"
        ]
        return described

    def another_tenant(self, api_url: str) -> Client:
        tenant = self.client.call("POST", "/operations/tenants", {"name": "another"})
        return Client(api_url, tenant["api_key"])

    def put_all(self, described: list[dict[str, Any]], files: list[tuple[str, bytes]]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda row, file: self.client.put(row["upload"], file[1]), described, files))

    def settled(self, ids: list[str]) -> list[dict[str, Any]]:
        """The files of one batch as they ended, or as they are after SETTLE_S."""
        if not ids:
            return []
        deadline = time.monotonic() + SETTLE_S
        batch_id = self.client.call("GET", f"/files/{ids[0]}")["batch_id"]
        files: dict[str, dict[str, Any]] = {}
        while time.monotonic() < deadline:
            time.sleep(0.5)
            counts = self.client.call("GET", f"/batches/{batch_id}")["counts"]["by_state"]
            if counts.get("processing") or counts.get("uploading"):
                continue  # a cheap request, so that polling does not disturb the measurement
            files = {file["id"]: file for file in self.client.files(self.dataset_id, batch=batch_id)}
            if all(is_settled(files[file_id]) for file_id in ids):
                break
        return [files.get(file_id) or self.client.call("GET", f"/files/{file_id}") for file_id in ids]

    def good_alone(self) -> float:
        files = good_files()
        described = self.upload(files)
        self.put_all(described, files)
        return self.good_took_s(self.settled([file["id"] for file in described]))

    def good_among(self, hostile: list[tuple[str, bytes]], hostile_run: Run) -> tuple[list[dict[str, Any]], float]:
        """Upload hostile files to `hostile_run` and good ones to this run. Returns the hostile ones as they ended, and the
        seconds of the good ones."""
        files = good_files()
        bad, fine = hostile_run.upload(hostile), self.upload(files)
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda put: put(), (partial(hostile_run.put_all, bad, hostile), partial(self.put_all, fine, files))
                )
            )
        took_s = self.good_took_s(self.settled([file["id"] for file in fine]))
        return hostile_run.settled([file["id"] for file in bad]), took_s

    def good_one_by_one(self, hostile: list[tuple[str, bytes]], hostile_run: Run) -> list[float]:
        """The seconds that each good file took, uploaded one every `EACH_S` while the files of `hostile_run` are
        processed."""
        files = good_files()
        bad, fine = hostile_run.upload(hostile) if hostile else [], self.upload(files)
        with ThreadPoolExecutor(1 + UPLOADS_AT_ONCE) as pool:
            puts = [pool.submit(hostile_run.put_all, bad, hostile)]
            for described, (_, content) in zip(fine, files, strict=True):
                puts.append(pool.submit(self.client.put, described["upload"], content))
                time.sleep(EACH_S)
            for put in puts:
                put.result()
        ended = self.settled([file["id"] for file in fine])
        self.good_took_s(ended)
        hostile_run.settled([file["id"] for file in bad])
        return [ended_at(file) - unix_time(file["uploaded_at"]) for file in ended]

    def good_after_a_flood(self, hostile: tuple[str, bytes], count: int) -> float:
        """The seconds that good files took behind a batch of copies of a hostile file, which is then cancelled."""
        files = [hostile] * count
        flood = self.upload(files)
        self.put_all(flood, files)
        took_s = self.good_alone()
        batch_id = self.client.call("GET", f"/files/{flood[0]['id']}")["batch_id"]
        self.client.call("POST", f"/batches/{batch_id}/cancel")
        return took_s

    def good_took_s(self, files: list[dict[str, Any]]) -> float:
        """The seconds from the first upload to the last record; a median would hide a single delayed file."""
        for file in files:
            if file["state"] != "done":
                self.faults.append(f"the good file {file['name']} ended as {file['state']}: {file['error']}")
        return max(map(ended_at, files)) - min(unix_time(file["uploaded_at"]) for file in files)

    def check_expanded(self, contents: list[tuple[Case, bytes]]) -> None:
        """Upload each zip to be expanded, in a separate batch."""
        for case, content in contents:
            if case.what not in EXPANDED:
                continue
            ends, count = EXPANDED[case.what]
            (described,) = self.upload([(case.name, content)], expand_archives=True)
            self.put_all([described], [(case.name, content)])
            (file,) = self.settled([described["id"]])
            members = [
                member
                for member in self.client.files(self.dataset_id, batch=file["batch_id"])
                if member["id"] != file["id"]
            ]
            if outcome(file) not in ends or len(members) != count:
                self.faults.append(f"{case.what}, expanded, ended as {outcome(file)} with {len(members)} files")
            if not all(map(is_settled, self.settled([file["id"] for file in members]))):
                self.faults.append(f"not every file of {case.what} settled")

    def names(self) -> list[tuple[str, str]]:
        """Check what the API does with each name."""
        results = []
        for name in NAMES:
            try:
                (file,) = self.upload([(name, b"Total: 1.50\n")])
            except Refused as refusal:
                results.append((name, f"refused: {refusal.problem['code']}"))
                continue
            except UnicodeEncodeError:
                results.append((name, "can't be sent"))
                continue
            self.put_all([file], [(name, b"Total: 1.50\n")])
            (ended,) = self.settled([file["id"]])
            if ended["name"] != name or ended["state"] != "done":
                self.faults.append(f"the name {name!r} came back as {ended['name']!r}, its file as {ended['state']}")
            results.append((name, "accepted unchanged"))
        return results

    def check_previews(self, cases: list[Case], files: list[dict[str, Any]]) -> int:
        """Check every HTML preview. Returns their number."""
        pages = 0
        for case, file in zip(cases, files, strict=True):
            preview = file["artifacts"]["preview"]
            if not preview or "html" not in preview["media_type"]:
                continue
            pages += 1
            content = self.client.fetch(preview["url"])
            if POLICY not in content:
                self.faults.append(f"the preview of {case.what} has no policy")
            if found := FORBIDDEN.search(_outside_text(content)):
                self.faults.append(f"the preview of {case.what} contains {found[0][:60]!r}")
        return pages


def _outside_text(page: bytes) -> bytes:
    """Only a page's tags: text that mentions a script is harmless."""
    return b"\n".join(re.findall(rb"<[^>]*>", page))


def unix_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def ended_at(file: dict[str, Any]) -> float:
    """When the last of a file's pipelines ended, as Unix time; infinite if one has not ended."""
    if not is_settled(file):
        return float("inf")
    ends = [step.get("ended_at") for pipeline in file["pipelines"].values() for step in pipeline["steps"]]
    return max((unix_time(end) for end in ends if end), default=unix_time(file["updated_at"]))


def outcome(file: dict[str, Any]) -> str:
    return str(file["error"]["code"] if file["state"] == "failed" else file["state"])
