"""Scans that are split at upload, labels of files, and where a file comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests import scans
from tests.acceptance.test_embedded import SAMPLES, Start, settle
from tests.browser.ground import Visit, address_of, drop, needs_chromium
from tests.waiting import eventually

pytestmark = needs_chromium
SIZE = (827, 1170)  # A4 at 100 dots an inch


def scan_with_separator_on_page_2() -> bytes:
    first, last = (scans.with_text(scans.sheet(SIZE), f"Invoice {number}", 1, (80, 700)) for number in (4711, 4712))
    return scans.pdf([first, scans.with_barcode(scans.sheet(SIZE), "PATCHT", "QRCode", (100, 100), 6), last])


def ask(page: Page, labels: str, splits: bool) -> None:
    page.get_by_role("button", name="Upload options").click()
    page.get_by_role("textbox", name="Labels").fill(labels)
    if splits:
        page.get_by_label("Split scans at separator pages").check()
        page.get_by_label("Blank pages").select_option("leave them out")
    page.get_by_role("button", name="Apply").click()


def test_a_scan_is_split_at_upload_and_its_parts_name_it(visit: Visit, start: Start, tmp_path: Path) -> None:
    dataset = start.client.dataset("Split")
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(scan_with_separator_on_page_2())
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    ask(page, "Munich office", splits=True)
    expect(page.get_by_role("button", name="Upload options: scans are split · Munich office")).to_be_visible()
    page.locator('input[type="file"]').first.set_input_files([scan])
    part = page.get_by_role("row").filter(has_text="scan, page 3.pdf")
    expect(part).to_contain_text("from a scan")
    expect(part).to_contain_text("Munich office")

    part.get_by_role("link").click()
    details = page.get_by_role("region", name="What was found")
    expect(details).to_contain_text("Taken from scan.pdf, page 3")
    expect(details.get_by_role("list", name="Labels")).to_have_text("Munich office")
    details.get_by_role("link", name="scan.pdf").click()
    expect(page.get_by_role("heading", name="scan.pdf")).to_be_visible()
    expect(details).to_contain_text("This scan was split into 2 files:")
    expect(details).to_contain_text("page 2: separator PATCHT")
    (batch,) = start.client.call("GET", f"/datasets/{dataset['id']}/batches")["batches"]
    assert batch["labels"] == ["Munich office"]
    assert batch["separation"] == {"separators": ["PATCHT"], "first_pages": [], "blank_pages": "drop"}


def test_files_that_are_dropped_on_a_card_have_the_options_of_its_dataset(visit: Visit, start: Start) -> None:
    plain, asked = (start.client.dataset(f"Card {name}") for name in ("plain", "asked"))
    page = visit.tab()
    page.get_by_role("button", name="Upload options of Card asked").click()
    page.get_by_role("textbox", name="Labels").fill("Berlin office")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Upload options of Card asked: Berlin office")).to_be_visible()
    for dataset, labels in ((asked, ["Berlin office"]), (plain, [])):
        expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
        drop(page, {"note.txt": b"Receipt, total 9.50 EUR"}, onto=page.locator(f'[data-dataset="{dataset["id"]}"]'))
        expect(page.get_by_role("heading", name=dataset["name"])).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="note.txt")).to_be_visible()
        (batch,) = start.client.call("GET", f"/datasets/{dataset['id']}/batches")["batches"]
        assert batch["labels"] == labels and batch["separation"] is None
        page.get_by_role("link", name="Datasets").first.click()


def labelled(start: Start, dataset: dict[str, Any], name: str, labels: list[str]) -> None:
    """Upload a sample with labels, and wait until it has settled."""
    batch = start.client.upload(dataset["id"], [SAMPLES / name], labels=labels)
    settle(start.client, dataset["id"], batch["id"])


def test_files_are_found_by_their_labels(visit: Visit, start: Start) -> None:
    dataset = start.client.dataset("Labels")
    labelled(start, dataset, "human-rights.txt", ["Munich", "2024"])
    labelled(start, dataset, "statement.html", ["Berlin"])
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    rows = page.locator(".table-row.body")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Filter by value").click()
    page.get_by_label("Column").select_option("@label")
    value = page.get_by_role("combobox", name="Value")
    expect(page.locator("#known-labels option")).to_have_count(3)
    value.fill("Berlin")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("statement.html")
    page.get_by_role("button", name="Remove the condition: label is Berlin").click()
    expect(rows).to_have_count(2)
    expect(page.get_by_role("button", name="Filter by value")).to_be_focused()
    rows.filter(has_text="human-rights").get_by_role("button", name="Munich").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("human-rights.txt")


def test_options_that_change_during_an_upload_begin_another_one(visit: Visit, start: Start, tmp_path: Path) -> None:
    dataset = start.client.dataset("Two uploads")
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    for label in ("first", "second"):
        path = tmp_path / f"{label}.txt"
        path.write_text(f"Receipt {label}, total 9.50 EUR")
        ask(page, label, splits=False)
        page.locator('input[type="file"]').first.set_input_files([path])
    assert eventually(lambda: len(start.client.call("GET", f"/datasets/{dataset['id']}/batches")["batches"]) == 2, 30)
    for name in ("first", "second"):
        expect(page.get_by_role("row").filter(has_text=f"{name}.txt")).to_contain_text(name)
    labels = [batch["labels"] for batch in start.client.call("GET", f"/datasets/{dataset['id']}/batches")["batches"]]
    assert sorted(labels) == [["first"], ["second"]]
