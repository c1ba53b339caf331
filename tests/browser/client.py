"""The JavaScript client in a browser: its published package, on a page of another origin, against a running Fairway."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_embedded import LARGE_BYTES, Start
from tests.browser.ground import ROOT, Visit, needs_chromium

pytestmark = [needs_chromium, pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")]
SEND = """async ({url, key, code, large}) => {
    const { Client, isSettled } = await import("/src/index.js");
    const client = new Client(url, key);
    const dataset = await client.dataset("In a browser");
    const text = (name, content) => new File([content], name, { lastModified: 1 });
    const files = [text("a.txt", "Receipt, total 9.50 EUR"), text("large.txt", "word ".repeat(large / 5 + 1))];
    const progress = [];
    const sent = await client.upload(dataset.id, files, { onProgress: ({ arrived }) => progress.push(arrived) });
    const seen = [];
    for await (const found of client.follow(dataset.id, sent.batchId)) seen.push(found.every(isSettled));
    const again = await client.upload(dataset.id, [files[0]]);
    const records = [];
    for await (const record of client.records(dataset.id)) records.push(record.file_name ?? record.name);
    const csv = await (await client.export(dataset.id, "csv")).text();
    const person = await Client.fromCode(url, code);
    return { sent, again, records, csv, progress: progress.at(-1), settled: seen.at(-1), dataset: (await person.dataset("In a browser")).id };
}"""


@pytest.fixture
def page_url(tmp_path: Path) -> Iterator[str]:
    """The address of a page that may import the package."""
    subprocess.run(["node", ROOT / "clients" / "javascript" / "bundle.js", tmp_path], check=True, cwd=ROOT)
    (tmp_path / "page.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>Client</title>')
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()


def test_the_client_sends_follows_and_reads_in_a_browser(visit: Visit, start: Start, page_url: str) -> None:
    given: dict[str, Any] = {
        "url": start.endpoint["api_url"],
        "key": start.endpoint["api_key"],
        "code": start.client.session_code()["code"],
        "large": LARGE_BYTES,
    }
    result = visit.tab(page_url).evaluate(SEND, given)
    assert (result["sent"]["arrived"], result["sent"]["failures"], result["progress"]) == (2, [], 2)
    assert result["settled"]
    assert result["again"]["duplicates"] == ["a.txt"]
    assert "a.txt" in result["records"]
    assert "9.5" in result["csv"]
    names = {file["name"]: file["size_bytes"] for file in start.client.files(result["dataset"])}
    assert names.keys() == {"a.txt", "large.txt"}
    assert names["large.txt"] >= LARGE_BYTES
