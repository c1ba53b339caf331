"""Hostile names, values and previews: nothing runs, and nothing is fetched."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.test_embedded import Start, settle, upload_bytes
from tests.browser.ground import Visit, address_of, needs_chromium

pytestmark = needs_chromium


class Listener:
    """A socket that notes whether anyone connects."""

    def __init__(self) -> None:
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.socket.close()


def test_hostile_names_values_and_previews_do_nothing(visit: Visit, start: Start, listener: Listener) -> None:
    client = start.client
    dataset = client.dataset("Hostile")
    attack = f'<img src="{listener.url}/x" onerror="window.hit=1">'
    html = (
        f"<html><body><h1>Invoice {attack}</h1><p>Total 12.00 EUR</p><script>window.hit=1;fetch('{listener.url}')</script>"
        f'<iframe src="{listener.url}/frame"></iframe><link rel="stylesheet" href="{listener.url}/css">'
        f'<p style="background:url({listener.url}/style)">x</p></body></html>'
    ).encode()
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="90">'
        f'<script>fetch("{listener.url}/svg")</script><image xlink:href="{listener.url}/image" width="9" height="9"/>'
        '<text x="5" y="40">Invoice</text></svg>'
    ).encode()
    text = f"Title: {attack}\nInvoice date 2024-02-03\nTotal: 12.00 EUR\n".encode()
    names = {f"{attack}.txt": text, "page.html": html, "picture.svg": svg, "\u202etxt.exe": b"Total 3.00"}
    for name, content in names.items():
        upload_bytes(client, dataset["id"], name, content)
    files = list(client.files(dataset["id"]))
    for batch_id in {file["batch_id"] for file in files}:
        settle(client, dataset["id"], batch_id)
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    expect(page.get_by_role("grid").get_by_role("row")).to_have_count(1 + len(names))
    for file in client.files(dataset["id"]):
        page.goto(address_of(start, dataset["id"], file["id"]))
        expect(page.locator(".details-head")).to_be_visible()
        for name in ("Steps", "Text"):
            tab = page.get_by_role("tab", name=name)
            if tab.count():
                tab.click()
        expect(page.locator(".viewer").get_by_text("Loading …", exact=True)).to_have_count(0)
        for frame in page.frames:
            frame.wait_for_load_state("load")
        assert page.evaluate("window.hit") is None
        assert all(frame.evaluate("window.hit") is None for frame in page.frames if frame != page.main_frame)
    assert listener.connections == 0
    # The policy of a sanitised preview forbids what is left of it, and says so on the console.
    visit.errors[:] = [
        error for error in visit.errors if "Content Security Policy" not in error and "sandboxed" not in error
    ]


def test_the_page_runs_no_inline_script_and_takes_no_text_as_html(visit: Visit, start: Start) -> None:
    page = visit.tab()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    attempts = {
        "element.setAttribute('onclick', 'window.hit = 1')": "TypeError",
        "element.innerHTML = '<img src=x onerror=\"window.hit = 1\">'": "TypeError",
        "element.srcdoc = '<script>parent.hit = 1</script>'": "TypeError",
    }
    for attempt, error in attempts.items():
        name = page.evaluate(
            f"""() => {{
                const element = document.createElement('iframe');
                try {{ {attempt}; return 'nothing'; }} catch (error) {{ return error.name; }}
            }}"""
        )
        assert name == error, attempt
    assert page.evaluate("window.hit") is None
    visit.errors[:] = [error for error in visit.errors if "requires 'Trusted" not in error]
