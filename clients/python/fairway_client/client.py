"""A client of Fairway's HTTP API: it creates batches and manifests, uploads files, and follows them until they settle.

Methods return the API's JSON. Each POST carries an Idempotency-Key, so that it can be repeated safely. After a response
with 429 or 503, a request is repeated after the time in `Retry-After`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx

SETTLED = {"done", "partial", "failed", "cancelled", "upload_missing"}
FILES_PER_REQUEST = 1000
UPLOADS_AT_ONCE = 4
TRIES = 5
CHUNK_BYTES = 1 << 20
LEAST_PACKED_BYTES = 100_000
MANIFEST_S = 120.0
ARROW = "application/vnd.apache.arrow.stream"


class Refused(Exception):
    """The API responded with a problem. `problem` is its body."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem


class ExportFailed(Exception):
    """An export has failed; the text says why."""


class Client:
    """A client with one API key for the Fairway at `api_url`. Threads may share it.

    `verify` is the TLS context for servers whose certificates the system does not trust.
    """

    def __init__(self, api_url: str, api_key: str, *, verify: ssl.SSLContext | bool = True) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(base_url=api_url, headers=headers, timeout=60, trust_env=False, verify=verify)
        self.store = httpx.Client(timeout=120, trust_env=False, verify=verify)

    def call(self, method: str, path: str, body: Any = None, *, if_match: int | str | None = None, **query: Any) -> Any:
        """The JSON of the response. `if_match` is the version that is to be changed. Raises Refused for a problem, httpx.TransportError if the API can't be reached."""
        parameters = {name: value for name, value in query.items() if value is not None}
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        return self._answered(lambda: self._http.request(method, path, json=body, params=parameters, headers=headers))

    def _answered(self, request: Callable[[], httpx.Response], *, retries_quota: bool = True) -> Any:
        return self._response(request, retries_quota=retries_quota).json()

    def _response(self, request: Callable[[], httpx.Response], *, retries_quota: bool = True) -> httpx.Response:
        for attempt in range(1, TRIES + 1):
            response = request()
            if response.status_code not in (429, 503) or attempt == TRIES:
                break
            if not retries_quota and _problem(response).get("code") == "quota_exceeded":
                break
            time.sleep(min(30.0, float(response.headers.get("Retry-After", 1))))
        if response.is_error:
            raise Refused(_problem(response))
        return response

    # --- sessions ------------------------------------------------------------------------------------

    @classmethod
    def from_code(cls, api_url: str, code: str, *, verify: ssl.SSLContext | bool = True) -> Client:
        """A client with the key of a session, in exchange for a one-time code. Raises Refused."""
        return cls(api_url, cls.exchange(api_url, code, verify=verify)["api_key"], verify=verify)

    @staticmethod
    def exchange(api_url: str, code: str, *, verify: ssl.SSLContext | bool = True) -> dict[str, Any]:
        """A session in exchange for a one-time code: its key, role and end. Raises Refused."""
        with httpx.Client(base_url=api_url, timeout=60, trust_env=False, verify=verify) as http:
            response = http.post("/sessions/exchange", json={"code": code})
        if response.is_error:
            raise Refused(_problem(response))
        session: dict[str, Any] = response.json()
        return session

    def me(self) -> dict[str, Any]:
        """Who the caller is, its limits, and what this Fairway can read."""
        me: dict[str, Any] = self.call("GET", "/me")
        return me

    def session_code(self, role: str | None = None, name: str | None = None) -> dict[str, Any]:
        """A one-time code for a session of a person, at most with this key's role."""
        wanted = {"role": role, "name": name}
        code: dict[str, Any] = self.call("POST", "/sessions", {key: value for key, value in wanted.items() if value})
        return code

    # --- datasets and records ------------------------------------------------------------------------

    def dataset(self, name: str, schema: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
        """The newest dataset with this name. If there is none, it is created with the schema and settings, such as
        `reading="accurate"` or `languages=["deu"]`."""
        for found in self.datasets():
            if found["name"] == name:
                return found
        body = {"name": name, **settings} | ({"schema": schema} if schema else {})
        dataset: dict[str, Any] = self.call("POST", "/datasets", body)
        return dataset

    def datasets(self) -> Iterator[dict[str, Any]]:
        """Every dataset, newest first."""
        yield from self._pages("/datasets", "datasets")

    def records(self, dataset_id: str) -> Iterator[dict[str, Any]]:
        """Every record of a dataset, oldest first."""
        yield from self._pages(f"/datasets/{dataset_id}/records", "records", limit=1000)

    def arrow_pages(self, dataset_id: str, *, limit: int = 1000) -> Iterator[bytes]:
        """Every record of a dataset, oldest first, as Arrow IPC streams of up to `limit` files each. Every stream is complete:
        `pyarrow.ipc.open_stream(page)` or `polars.read_ipc_stream(page)` reads it."""
        url = f"/datasets/{dataset_id}/records?limit={limit}"
        while url:
            page = self._response(partial(self._http.get, url, headers={"Accept": ARROW}))
            yield page.content
            url = page.links.get("next", {}).get("url", "")

    # --- corrections and reviews ---------------------------------------------------------------------

    def record(self, file_id: str) -> dict[str, Any]:
        """The record of a file, with its version and its review."""
        record: dict[str, Any] = self.call("GET", f"/files/{file_id}/record")
        return record

    def correct(
        self, file_id: str, fields: dict[str, Any], *, version: int | str, reset: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Set values of the record whose version you saw (`*`: any), or reset them to what extraction finds.

        Raises Refused if somebody else has changed the record.
        """
        body = {"fields": fields, "reset": list(reset)}
        record: dict[str, Any] = self.call("PATCH", f"/files/{file_id}/record", body, if_match=version)
        return record

    def review(self, file_id: str, state: str, *, version: int | str = "*") -> dict[str, Any]:
        """Set the review of a record: `approved`, `rejected` or `open`."""
        record: dict[str, Any] = self.call("PUT", f"/files/{file_id}/review", {"state": state}, if_match=version)
        return record

    def record_history(self, file_id: str) -> list[dict[str, Any]]:
        """What people changed in a record, oldest first."""
        changes: list[dict[str, Any]] = self.call("GET", f"/files/{file_id}/record/history")["changes"]
        return changes

    # --- files ---------------------------------------------------------------------------------------

    def upload(
        self,
        dataset_id: str,
        paths: Sequence[Path],
        *,
        allow_duplicates: bool = False,
        separation: dict[str, Any] | None = None,
        labels: Sequence[str] = (),
        on_upload: Callable[[Path], None] = lambda path: None,
    ) -> dict[str, Any]:
        """Create a batch of files and upload them. Returns the batch; each of its files has an id and a state.

        `separation`: how scans are separated into files, such as `{"blank_pages": "drop"}`; None: not at all. `on_upload`
        is called after each upload. Raises ValueError if `paths` is empty.
        """
        batch: dict[str, Any] | None = None
        described: list[dict[str, Any]] = []
        for start in range(0, len(paths), FILES_PER_REQUEST):
            group = paths[start : start + FILES_PER_REQUEST]
            body: dict[str, Any] = {
                "files": [describe(path) for path in group],
                "allow_duplicates": allow_duplicates,
            }
            if batch is None:
                body |= {"labels": list(labels)} | ({"separation": separation} if separation is not None else {})
            path_of_batch = f"/batches/{batch['id']}/files" if batch else f"/datasets/{dataset_id}/batches"
            created = self.call("POST", path_of_batch, body)
            batch = batch or created
            described += created["files"]
            with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
                for path in pool.map(self._put, group, created["files"]):
                    on_upload(path)
        if batch is None:
            raise ValueError("there are no files to upload")
        return {**batch, "files": described}

    def resume(self, file_id: str, path: Path) -> None:
        """Continue an interrupted upload: send the file, or those of its parts that have not arrived. Raises Refused."""
        self._put(path, {"id": file_id, **self.call("POST", f"/files/{file_id}/upload")})

    def renew(self, file_id: str) -> dict[str, Any] | None:
        """A new upload of a file; None if it has arrived."""
        try:
            upload: dict[str, Any] = self.call("POST", f"/files/{file_id}/upload")["upload"]
        except Refused as refusal:
            if refusal.problem.get("code") == "conflict":
                return None
            raise
        return upload

    # --- manifests -----------------------------------------------------------------------------------

    def send_manifest(self, dataset_id: str, lines: Sequence[str], key: str, **query: Any) -> dict[str, Any]:
        """Describe up to 100,000 files, each by a line of JSON. The same lines with the same key continue a request that
        was interrupted. Raises Refused, httpx.TransportError."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/x-ndjson"}
        content = "".join(f"{line}\n" for line in lines).encode()
        if len(content) > LEAST_PACKED_BYTES:
            content, headers["Content-Encoding"] = gzip.compress(content, 6, mtime=0), "gzip"
        parameters = {name: value for name, value in query.items() if value is not None}
        path = f"/datasets/{dataset_id}/manifests"
        manifest: dict[str, Any] = self._answered(
            lambda: self._http.post(path, content=content, params=parameters, headers=headers, timeout=MANIFEST_S),
            retries_quota=False,
        )
        return manifest

    def duplicate_lines(self, manifest: dict[str, Any]) -> Iterator[int]:
        """The lines of a new manifest whose content the dataset has already."""
        yield from (duplicate["line"] for duplicate in manifest.get("duplicates", ()))
        cursor, path = manifest.get("next_cursor"), f"/manifests/{manifest['id']}/duplicates"
        while cursor:
            page = self.call("GET", path, cursor=cursor, limit=5000)
            yield from (duplicate["line"] for duplicate in page["duplicates"])
            cursor = page["next_cursor"]

    def manifest_uploads(self, manifest_id: str, limit: int = 100, cursor: str | None = None) -> dict[str, Any]:
        """The next uploads of a manifest, signed now; without a cursor, the first that have not arrived."""
        page: dict[str, Any] = self.call("GET", f"/manifests/{manifest_id}/uploads", limit=limit, cursor=cursor)
        return page

    # --- files that were uploaded --------------------------------------------------------------------

    def announce(self, file_id: str) -> dict[str, Any]:
        """Announce that a file was uploaded, if the object store sends no events. Returns the file."""
        file: dict[str, Any] = self.call("POST", f"/files/{file_id}/uploaded")
        return file

    def files(self, dataset_id: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every file of a dataset, newest first; filters are `state`, `batch` and `name`."""
        yield from self._pages(f"/datasets/{dataset_id}/files", "files", limit=200, **filters)

    def rows(self, dataset_id: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every file as a row of a table, with the values of its record; filters as for `files`."""
        yield from self._pages(f"/datasets/{dataset_id}/files", "files", view="row", limit=1000, **filters)

    def find(
        self, dataset_id: str, where: Sequence[dict[str, Any]] = (), sort: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row that fulfils all conditions, in this order or newest first."""
        conditions = json.dumps(list(where)) if where else None
        yield from self._pages(f"/datasets/{dataset_id}/rows", "rows", where=conditions, sort=sort, limit=1000)

    def export(
        self,
        dataset_id: str,
        form: str,
        where: Sequence[dict[str, Any]] = (),
        sort: str | None = None,
        *,
        within_s: float = 3600,
    ) -> bytes:
        """The dataset's records as a file: `csv`, `xlsx`, `jsonl` or `parquet`. Raises ExportFailed, TimeoutError."""
        wanted = {"format": form, "where": list(where) or None, "sort": sort}
        return self.fetch(self._exported(dataset_id, wanted, within_s)["url"])

    def export_originals(
        self,
        dataset_id: str,
        folder: Path,
        names: str | None = None,
        where: Sequence[dict[str, Any]] = (),
        sort: str | None = None,
        *,
        within_s: float = 24 * 3600,
    ) -> dict[str, Any]:
        """Download the originals into a folder, as zip files with a manifest. `names`: a template of the paths in them, such
        as `{company}/{date}`; without it, originals keep their names. Returns the export.

        Raises ExportFailed, also if a zip file does not have its checksum, and TimeoutError."""
        wanted = {"format": "zip", "names": names, "where": list(where) or None, "sort": sort}
        export = self._exported(dataset_id, wanted, within_s)
        self._fetch_archives(export["manifest_url"], "manifest.csv", export["archives"], folder)
        return export

    def _exported(self, dataset_id: str, wanted: dict[str, Any], within_s: float) -> dict[str, Any]:
        """An export that is done."""
        body = {name: value for name, value in wanted.items() if value}
        export: dict[str, Any] = self.call("POST", f"/datasets/{dataset_id}/exports", body)
        deadline = time.monotonic() + within_s
        while export["state"] not in ("done", "failed"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the export {export['id']} has not ended")
            time.sleep(0.5)
            export = self.call("GET", f"/exports/{export['id']}")
        if export["state"] == "failed":
            raise ExportFailed(export["error"]["detail"])
        return export

    def follow(
        self, dataset_id: str, batch_id: str, *, within_s: float = 3600, wait_s: int = 20
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the batch's files, newest first, after each change, until all pipelines have ended or the time is over.
        Files that a rule sends to another dataset stay among them."""
        deadline = time.monotonic() + within_s
        path = f"/datasets/{dataset_id}"
        cursor = self.call("GET", f"{path}/files", limit=1)["changes_cursor"]
        targets = (self.call("GET", path).get("routing") or {}).values()
        known = {file["id"]: file for file in self._in_batch([dataset_id, *targets], batch_id)}
        has_more = False
        while True:
            left_s = deadline - time.monotonic()
            if not has_more:
                files = list(known.values())
                yield files
                if all(is_settled(file) for file in files) or left_s <= 0:
                    return
            away = [file for file in known.values() if file["dataset_id"] != dataset_id and not is_settled(file)]
            longest_s = min(wait_s, 1) if away else wait_s  # changes of other datasets end no wait
            changes = self.call("GET", f"{path}/changes", after=cursor, wait_s=max(0, min(longest_s, int(left_s))))
            cursor, has_more = changes["cursor"], changes["has_more"]
            known |= {file["id"]: file for file in changes["files"] if file["batch_id"] == batch_id}
            for file_id in {*changes["removed"], *(file["id"] for file in away)} & known.keys():
                try:
                    known[file_id] = self.call("GET", f"/files/{file_id}")
                except Refused:
                    del known[file_id]
            if not changes["files"]:
                time.sleep(min(0.2, max(0.0, left_s)))  # some hosts respond at once instead of waiting

    def _in_batch(self, dataset_ids: Sequence[str], batch_id: str) -> Iterator[dict[str, Any]]:
        for dataset_id in dict.fromkeys(dataset_ids):
            try:
                yield from self.files(dataset_id, batch=batch_id)
            except Refused:
                if dataset_id == dataset_ids[0]:
                    raise  # another one was removed

    def pages(self, file_id: str) -> Iterator[dict[str, Any]]:
        """Every page of a file that was read, with its words and their boxes."""
        number = 1
        while number is not None:
            found = self.call("GET", f"/files/{file_id}/pages", number=number, limit=20)
            yield from found["pages"]
            number = found["next_number"]

    def remove(self, dataset_id: str, file_ids: Sequence[str]) -> dict[str, Any]:
        """Remove files. Returns the removal, which can be undone by its id while its undo window is open."""
        removal: dict[str, Any] = self.call("POST", f"/datasets/{dataset_id}/removals", {"file_ids": list(file_ids)})
        return removal

    def routing(self, dataset_id: str) -> dict[str, Any]:
        """To which datasets a dataset sends files, by kind, and what moves have taught it."""
        found: dict[str, Any] = self.call("GET", f"/datasets/{dataset_id}/routing")
        return found

    def set_routing(self, dataset_id: str, rules: Mapping[str, str]) -> dict[str, Any]:
        """Send files of each kind to a dataset, by its id or its name; without rules all stay. Returns the dataset."""
        dataset: dict[str, Any] = self.call("PUT", f"/datasets/{dataset_id}", {"routing": dict(rules)})
        return dataset

    def move(self, dataset_id: str, file_ids: Sequence[str], to: str, kind: str | None = None) -> dict[str, Any]:
        """Move files to the dataset with the id `to`. Returns what was moved; it can be undone by its id."""
        body = {"to": to, "file_ids": list(file_ids)} | ({"kind": kind} if kind else {})
        moved: dict[str, Any] = self.call("POST", f"/datasets/{dataset_id}/moves", body)
        return moved

    def undo_move(self, move_id: str) -> dict[str, Any]:
        """Move the files of one request back."""
        moved: dict[str, Any] = self.call("POST", f"/moves/{move_id}/undo")
        return moved

    def fetch(self, url: str) -> bytes:
        """The content at a presigned URL. Raises httpx.HTTPStatusError."""
        return self.store.get(url).raise_for_status().content

    def put(self, upload: dict[str, Any], content: bytes) -> None:
        """Send bytes to the URL of an upload that is not in parts. Raises httpx.HTTPStatusError."""
        self.store.put(upload["url"], content=content, headers=upload["headers"]).raise_for_status()

    # --- whole tenants, for admins -------------------------------------------------------------------

    def export_tenant(self, tenant_id: str, folder: Path, *, within_s: float = 24 * 3600) -> dict[str, Any]:
        """Export everything of a tenant into a folder: zip files and a manifest. Returns the receipt.

        Raises ExportFailed, also if an archive does not have the checksum of the receipt, and TimeoutError."""
        started = self.call("POST", f"/operations/tenants/{tenant_id}/export")
        receipt = self._ended_receipt(started["id"], within_s)
        self.fetch_tenant_export(receipt, folder)
        return receipt

    def erase_tenant(
        self, tenant_id: str, name: str, *, export: bool = False, within_s: float | None = None
    ) -> dict[str, Any]:
        """Erase a tenant for good; `name` is its name, as a confirmation. Returns the receipt: the one of the start, or with
        `within_s` the complete one. An erasure takes at least as long as the tenant's last upload URL is valid."""
        body = {"name": name, "export": export}
        started: dict[str, Any] = self.call("POST", f"/operations/tenants/{tenant_id}/erasure", body)
        return started if within_s is None else self._ended_receipt(started["id"], within_s)

    def tenant_receipt(self, receipt_id: str) -> dict[str, Any]:
        """What an export or an erasure of a tenant has done."""
        receipt: dict[str, Any] = self.call("GET", f"/operations/tenant-receipts/{receipt_id}")
        return receipt

    def fetch_tenant_export(self, receipt: dict[str, Any], folder: Path) -> None:
        """Download the archives of a complete export and check them. Raises ExportFailed."""
        exported = receipt["exported"]
        self._fetch_archives(exported["manifest_url"], "manifest.json", exported["archives"], folder)

    def _fetch_archives(
        self, manifest_url: str, manifest: str, archives: Sequence[dict[str, Any]], folder: Path
    ) -> None:
        """Download archives and their manifest into a folder, and check them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / manifest).write_bytes(self.fetch(manifest_url))
        for archive in archives:
            digest = hashlib.sha256()
            with self.store.stream("GET", archive["url"]) as response, (folder / archive["name"]).open("wb") as stream:
                for chunk in response.raise_for_status().iter_bytes():
                    digest.update(chunk)
                    stream.write(chunk)
            if digest.hexdigest() != archive["sha256"]:
                raise ExportFailed(f"{archive['name']} is damaged; download it again")

    def _ended_receipt(self, receipt_id: str, within_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while (receipt := self.tenant_receipt(receipt_id))["state"] not in ("done", "failed", "cancelled"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the job {receipt_id} has not ended")
            time.sleep(1)
        if receipt["state"] != "done":
            raise ExportFailed(receipt["error"] or "the job was cancelled")
        return receipt

    # --- internal ------------------------------------------------------------------------------------

    def _put(self, path: Path, described: dict[str, Any]) -> Path:
        upload = described["upload"]
        if upload is None:
            return path
        with path.open("rb") as stream:
            if upload["method"] == "MULTIPART":
                self._put_parts(described["id"], upload, stream)
            else:
                sent = self.store.put(upload["url"], content=_chunks(stream), headers=upload["headers"])
                sent.raise_for_status()
        return path

    def _put_parts(self, file_id: str, upload: dict[str, Any], stream: Any) -> None:
        """Send the parts that have not arrived. Each URL is requested just before its use, so that it does not expire."""
        base = f"/files/{file_id}/upload"
        arrived = {part["part_number"] for part in self.call("GET", f"{base}/parts")["parts"]}
        for number in range(1, upload["part_count"] + 1):
            if number in arrived:
                continue
            stream.seek((number - 1) * upload["part_size_bytes"])
            (part,) = self.call("POST", f"{base}/parts", {"part_numbers": [number]})["parts"]
            self.store.put(part["url"], content=stream.read(upload["part_size_bytes"])).raise_for_status()
        self.call("POST", f"{base}/complete")

    def _pages(self, path: str, what: str, **query: Any) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            page = self.call("GET", path, cursor=cursor, **query)
            yield from page[what]
            cursor = page["next_cursor"]
            if cursor is None:
                return


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem details of a response; of one that has none, its status."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {
        "status": response.status_code,
        "code": "no_problem",
        "detail": f"the server answered {response.status_code}",
    }


def is_settled(file: dict[str, Any]) -> bool:
    """Whether every pipeline of a file has ended."""
    busy = {"waiting", "running", "parked"}
    return file["state"] in SETTLED and not any(pipeline["state"] in busy for pipeline in file["pipelines"].values())


def describe(path: Path) -> dict[str, Any]:
    """The name, size and checksum of a file, for the description of a batch."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "size_bytes": path.stat().st_size, "sha256": digest}


def _chunks(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
