"""Uploads from the page: many files, a folder, pause, a closed tab, an API that restarts."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import httpx
from playwright.sync_api import Request, expect

from tests.acceptance.test_embedded import Start
from tests.browser.ground import Held, Visit, address_of, drop, needs_chromium
from tests.waiting import eventually

pytestmark = needs_chromium
DONE = re.compile(r"files? uploaded")


def texts(count: int, size: int = 40) -> dict[str, bytes]:
    return {f"note-{number:04}.txt": f"Note {number}\n".ljust(size, "x").encode() for number in range(count)}


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def test_dropped_files_arrive_and_duplicates_are_named(visit: Visit, start: Start) -> None:
    dataset = start.client.dataset("Dropped")
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()
    drop(page, texts(3))
    expect(page.get_by_role("status").filter(has_text="3 files uploaded")).to_be_visible()
    assert eventually(lambda: settled(start, dataset["id"]) == 3, 60)
    drop(page, texts(4))
    expect(page.get_by_role("status").filter(has_text="3 were here already")).to_be_visible()
    page.get_by_role("button", name="Details").click()
    expect(page.locator(".strip-details li").first).to_have_text("note-0000.txt")
    assert sum(by_state(start, dataset["id"]).values()) == 4


def test_a_folder_of_a_thousand_files_is_uploaded(visit: Visit, start: Start, tmp_path: Path) -> None:
    dataset = start.client.dataset("Folder")
    files = {f"part-{number % 3}/{name}": content for number, (name, content) in enumerate(texts(1000).items())}
    folder = folder_of(tmp_path / "papers", files)
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    page.locator('input[type="file"]').nth(1).set_input_files(folder)
    expect(page.get_by_role("status").filter(has_text="1,000 files uploaded")).to_be_visible(timeout=120_000)
    assert sum(by_state(start, dataset["id"]).values()) == 1000
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("row").filter(has_text=re.compile("note-"))).not_to_have_count(0)


def test_a_tab_closed_during_the_upload_continues_in_another(visit: Visit, start: Start, tmp_path: Path) -> None:
    dataset = start.client.dataset("Closed tab")
    paths = list(folder_of(tmp_path, texts(120, 20_000)).iterdir())
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    Held(page, goes_to_store, at_most=20)
    page.locator('input[type="file"]').first.set_input_files(paths)
    expect(page.locator(".strip-text")).to_have_text(re.compile(r"^20 of 120"))
    page.close(run_before_unload=False)
    begun = sum(by_state(start, dataset["id"]).values())
    assert 0 < begun <= 120
    again = visit.tab()
    again.goto(address_of(start, dataset["id"]))
    again.locator('input[type="file"]').first.set_input_files(paths)
    expect(again.get_by_role("status").filter(has_text=DONE)).to_be_visible(timeout=60_000)
    assert eventually(lambda: by_state(start, dataset["id"]).get("uploading", 0) == 0, 30)
    assert sum(by_state(start, dataset["id"]).values()) == 120, by_state(start, dataset["id"])


def test_a_paused_upload_continues_and_outlives_a_restart_of_the_api(
    visit: Visit, start: Start, tmp_path: Path
) -> None:
    dataset = start.client.dataset("Restarted")
    paths = list(folder_of(tmp_path, texts(80, 5_000)).iterdir())
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    held = Held(page, goes_to_store, at_most=10)
    page.locator('input[type="file"]').first.set_input_files(paths)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused")).to_be_visible()
    held.let_go()
    os.kill(start.endpoint["processes"]["api"], signal.SIGKILL)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status").filter(has_text="80 files uploaded")).to_be_visible(timeout=90_000)
    # The page may have sent everything before the API was there again.
    assert eventually(lambda: answers(start), 30)
    assert eventually(lambda: sum(by_state(start, dataset["id"]).values()) == 80, 30)
    # The browser reports on its console that the API could not be reached.
    visit.errors[:] = [error for error in visit.errors if "Failed to load resource" not in error]


def goes_to_store(request: Request) -> bool:
    return request.method == "PUT" and "X-Amz-Signature" in request.url


def settled(start: Start, dataset_id: str) -> int:
    return sum(
        count for state, count in by_state(start, dataset_id).items() if state not in ("uploading", "processing")
    )


def answers(start: Start) -> bool:
    try:
        start.client.call("GET", "/health")
    except httpx.TransportError:
        return False
    return True


def by_state(start: Start, dataset_id: str) -> dict[str, int]:
    return start.client.call("GET", f"/datasets/{dataset_id}")["counts"]["by_state"]  # type: ignore[no-any-return]
