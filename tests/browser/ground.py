"""A running Fairway and a browser, for the tests of the web page."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    Request,
    Route,
    expect,
    sync_playwright,
)

from infra.local.link import link
from tests.acceptance.test_embedded import SAMPLES, Start, settle

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Only a limit: what is awaited often needs workers, which a busy machine may leave without a processor for a while.
WITHIN_MS = 60_000
ITEMS = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["description"],
                "properties": {"description": {"type": "string"}, "amount": {"type": "number"}},
            },
        },
    },
}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
expect.set_options(timeout=WITHIN_MS)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    running = Start(tmp_path_factory.mktemp("page") / "home").up()
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    # Chromium's own sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield running
    running.close()


class Visit:
    """A browser context that is signed in, and everything in it that went wrong."""

    def __init__(self, start: Start, context: BrowserContext) -> None:
        self.start, self.context = start, context
        self.errors: list[str] = []
        self.requests: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))

    def tab(self, address: str | None = None) -> Page:
        """A new tab, signed in by a one-time code, or at an address of the page."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        page.goto(address or str(link(self.start.endpoint)))
        return page

    def _note(self, kind: str, text: str) -> None:
        # A connection that the server closed while it was idle is opened again; Chromium reports it all the same.
        if kind == "error" and "net::ERR_" not in text:
            self.errors.append(text)


@pytest.fixture
def visit(start: Start, browser: Browser) -> Iterator[Visit]:
    with visiting(start, browser) as found:
        yield found


@contextmanager
def visiting(start: Start, browser: Browser, **options: Any) -> Iterator[Visit]:
    """A visit whose page raised no error and asked nobody but the API and the object store."""
    context = browser.new_context(**({"locale": "en-GB"} | options))
    found = Visit(start, context)
    try:
        yield found
    finally:
        context.close()
    assert not found.errors, found.errors
    # Chromium's viewer of PDFs is an extension.
    own = (start.endpoint["api_url"], start.endpoint["aws_endpoint_url"], "data:", "blob:", "chrome")
    hosts = {url for url in found.requests if not url.startswith((*own, "http://127.0.0.1:"))}
    assert not hosts


def dataset_with_samples(
    start: Start, name: str, patterns: tuple[str, ...], labels: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A dataset whose files, those samples, have settled."""
    client = start.client
    dataset = client.dataset(name)
    if not dataset["counts"]["files"]:
        paths = [path for pattern in patterns for path in sorted(SAMPLES.glob(pattern))]
        batch = client.upload(dataset["id"], paths, labels=labels)
        settle(client, dataset["id"], batch["id"])
    return dataset


def dataset_with_items(start: Start, name: str) -> dict[str, Any]:
    """A dataset whose records have a list of items, with one file that has none."""
    client = start.client
    known = [dataset for dataset in client.call("GET", "/datasets")["datasets"] if dataset["name"] == name]
    dataset: dict[str, Any] = known[0] if known else client.call("POST", "/datasets", {"name": name, "schema": ITEMS})
    if not known:
        batch = client.upload(dataset["id"], [SAMPLES / "human-rights.txt"])
        settle(client, dataset["id"], batch["id"])
    return dataset


def address_of(start: Start, dataset_id: str, file_id: str | None = None) -> str:
    rest = f"/files/{file_id}" if file_id else ""
    return f"{start.endpoint['api_url']}/#/datasets/{dataset_id}{rest}"


class Held:
    """Requests of a page that wait until they are let go, so that a test sees a state that passes quickly. `at_most` are let
    through before."""

    def __init__(self, page: Page, wanted: Callable[[Request], bool], at_most: int = 0) -> None:
        self._page, self._wanted, self._left = page, wanted, at_most
        self._waiting: list[Route] | None = []
        page.route("**/*", self._meet)

    def _meet(self, route: Route) -> None:
        if not self._wanted(route.request) or self._waiting is None:
            return route.fallback()
        if self._left > 0:
            self._left -= 1
            return route.fallback()
        self._waiting.append(route)
        return None

    def let_go(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for route in waiting:
            route.fallback()


def drop(page: Page, files: dict[str, bytes], media_type: str = "text/plain", onto: Locator | None = None) -> None:
    """Drop files onto the window, or onto the middle of an element in it, as a person does with the mouse."""
    box = onto.bounding_box() if onto else None
    at = {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + box["height"] / 2} if box else {}
    transfer = page.evaluate_handle(
        """({files, type}) => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name, {type}));
            return transfer;
        }""",
        {"files": {name: content.decode() for name, content in files.items()}, "type": media_type},
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer, **at})


def axe_findings(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, one line for each rule."""
    page.evaluate(AXE.read_text())
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(rules)}}})")
    return [
        f"{finding['id']}: {finding['help']}: {[node['html'][:160] for node in finding['nodes'][:3]]}"
        for finding in result["violations"]
    ]
