"""A client of the HTTP API: describes a batch, uploads its files, and follows them until they settle."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

SETTLED = {"done", "partial", "failed", "cancelled", "upload_missing"}
FILES_A_CALL = 1000
UPLOADS_AT_ONCE = 4


class Refused(Exception):
    """The API answered with a problem; `problem` is its body."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem


class Client:
    """One key's view of Fairway at `api_url`. Safe to share between threads."""

    def __init__(self, api_url: str, api_key: str) -> None:
        self._http = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60, trust_env=False
        )
        self._store = httpx.Client(timeout=120, trust_env=False)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON. Raises Refused."""
        parameters = {name: value for name, value in query.items() if value is not None}
        answer = self._http.request(method, path, json=body, params=parameters)
        if answer.is_error:
            raise Refused(answer.json())
        return answer.json()

    def dataset(self, name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
        """The newest dataset of this name, made where there is none."""
        for one in self.call("GET", "/datasets")["datasets"]:
            if one["name"] == name:
                return one  # type: ignore[no-any-return]
        return self.call("POST", "/datasets", {"name": name} | ({"schema": schema} if schema else {}))  # type: ignore[no-any-return]

    def upload(
        self,
        dataset_id: str,
        paths: Sequence[Path],
        *,
        allow_duplicates: bool = False,
        on_upload: Callable[[Path], None] = lambda path: None,
    ) -> dict[str, Any]:
        """Describe files as one batch and upload them; the batch, each file with its state and id."""
        batch: dict[str, Any] | None = None
        described: list[dict[str, Any]] = []
        for start in range(0, len(paths), FILES_A_CALL):
            some = paths[start : start + FILES_A_CALL]
            body = {"files": [_description(path) for path in some], "allow_duplicates": allow_duplicates}
            where = f"/batches/{batch['id']}/files" if batch else f"/datasets/{dataset_id}/batches"
            made = self.call("POST", where, body)
            batch = batch or made
            described += made["files"]
            with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
                for path in pool.map(self._put, some, made["files"]):
                    on_upload(path)
        assert batch is not None
        return {**batch, "files": described}

    def files(self, dataset_id: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every file of a dataset, newest first."""
        cursor = None
        while True:
            page = self.call("GET", f"/datasets/{dataset_id}/files", cursor=cursor, limit=200, **filters)
            yield from page["files"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def follow(
        self, dataset_id: str, batch_id: str, *, within_s: float = 3600, every_s: float = 0.3
    ) -> Iterator[list[dict[str, Any]]]:
        """The batch's files, again and again, until all their pipelines have ended or the time is up."""
        deadline = time.monotonic() + within_s
        while True:
            files = list(self.files(dataset_id, batch=batch_id))
            yield files
            if all(is_settled(file) for file in files) or time.monotonic() > deadline:
                return
            time.sleep(every_s)

    def fetch(self, url: str) -> bytes:
        """What a presigned URL gives."""
        return self._store.get(url).raise_for_status().content

    def _put(self, path: Path, described: dict[str, Any]) -> Path:
        upload = described["upload"]
        if upload is not None:
            answer = self._store.put(upload["url"], content=path.read_bytes(), headers=upload["headers"])
            answer.raise_for_status()
        return path


def is_settled(file: dict[str, Any]) -> bool:
    """Whether every pipeline of a file has ended."""
    busy = {"waiting", "running", "parked"}
    return file["state"] in SETTLED and not any(one["state"] in busy for one in file["pipelines"].values())


def _description(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"name": path.name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
