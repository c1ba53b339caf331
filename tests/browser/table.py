"""What the table and the pages of a file offer: order, filters, export, columns, whole datasets, words of a page."""

from __future__ import annotations

import json
import re
import zipfile

from playwright.sync_api import Browser, Page, expect

from tests.acceptance.test_embedded import Start
from tests.browser.ground import (
    SCREENSHOTS,
    Visit,
    address_of,
    dataset_with_items,
    dataset_with_samples,
    needs_chromium,
    visiting,
)
from tests.waiting import eventually

pytestmark = needs_chromium
FIRST_BYTES = 60_000
NOTE_FIRST_ROW = """new MutationObserver(() => {
    if (!window.firstRowAt && document.querySelector('.table-row.body a')) window.firstRowAt = performance.now();
}).observe(document, {childList: true, subtree: true});"""
# Modules that the page loads after the first rows, which may end before this runs, do not count.
BYTES_BEFORE_ROWS = """async () => {
    while (!window.firstRowAt) await new Promise(requestAnimationFrame);
    const before = performance.getEntries().filter((entry) => entry.startTime < window.firstRowAt);
    return before.reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0);
}"""
PATTERNS = ("receipt-hardware.jpg", "receipt-parking.jpg", "statement.html")


def names(page: Page) -> list[str]:
    return page.locator(".table-row.body .name a").all_inner_texts()


def test_rows_are_sorted_by_a_value_and_exported_in_that_order(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Sorted", PATTERNS)
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    heading = page.get_by_role("columnheader").filter(has_text=re.compile("total", re.IGNORECASE))
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".table-row.body .name a").first).to_have_text("receipt-parking.jpg")
    heading.get_by_role("button").click()
    expect(page.locator(".table-row.body .name a").first).to_have_text("statement.html")
    assert names(page) == ["statement.html", "receipt-hardware.jpg", "receipt-parking.jpg"]

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Export").click()
    page.get_by_role("button", name="Export", exact=True).click()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [name for line in lines for name in PATTERNS if name in line] == names(page)


def test_originals_are_exported_under_paths_of_their_values(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Originals", PATTERNS)
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Export").click()
    page.get_by_label("Format").select_option("Original files (ZIP)")
    page.get_by_label("Paths of the files").fill("{nothing}")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="nothing")).to_be_visible()
    eventually(lambda: bool(visit.errors), 10)
    assert all("status of 400" in error for error in visit.errors)  # as Chromium notes each refusal
    visit.errors.clear()
    page.get_by_label("Paths of the files").fill("{date.year}/{@name}")
    page.get_by_role("button", name="Export", exact=True).click()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "export-originals.png")
    with page.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        inside = archive.namelist()
    assert {name.rpartition("/")[2] for name in inside} == {*PATTERNS, "manifest.csv"}


def test_rows_are_sorted_on_a_phone_where_no_headings_are_shown(start: Start, browser: Browser) -> None:
    dataset = dataset_with_samples(start, "Sorted", PATTERNS)
    with visiting(start, browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True) as visit:
        page = visit.tab()
        page.goto(address_of(start, dataset["id"]))
        page.get_by_role("button", name="Filter by value").tap()
        page.get_by_label("Order").select_option("total, smallest first")
        links = page.locator(".table-row.body .name a")
        expect(links).to_have_text(["receipt-parking.jpg", "receipt-hardware.jpg", "statement.html"])


def test_a_column_is_added_and_a_dataset_renamed_deleted_and_brought_back(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Before", ("human-rights.txt",))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    more = page.get_by_role("button", name="More actions")
    more.click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("After")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="After")).to_be_visible()

    more.click()
    page.get_by_role("menuitem", name="Columns").click()
    page.get_by_role("button", name="Add a column").click()
    page.get_by_label("Name, column 5").fill("iban")
    expect(page.get_by_text("New: iban")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("columnheader").filter(has_text="iban")).to_be_visible()

    more.click()
    page.get_by_role("menuitem", name="Delete the dataset").click()
    card = page.get_by_role("link", name="After", exact=True)
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Removed").click()
    page.get_by_role("button", name="Bring back").first.click()
    page.get_by_role("button", name="Close").first.click()
    expect(card).to_be_visible()


def test_words_selected_on_a_page_become_the_focused_value(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Words", ("receipt-hardware.jpg",))
    (file,) = start.client.files(dataset["id"])
    page = visit.tab()
    page.goto(address_of(start, dataset["id"], file["id"]))
    expect(page.locator(".word").first).to_be_attached()
    page.get_by_label(re.compile("^currency", re.IGNORECASE)).focus()
    word = page.locator(".word").filter(has_text="GST").first
    text = word.inner_text().strip()
    word.evaluate(
        """element => {
            getSelection().selectAllChildren(element);
            element.dispatchEvent(new MouseEvent('mouseup', {bubbles: true}));
        }"""
    )
    expect(page.get_by_text("set by a person")).to_be_visible()
    expect(page.get_by_label(re.compile("^currency", re.IGNORECASE))).to_have_value(text)
    record = start.client.record(file["id"])
    assert record["evidence"]["currency"]["text"] == text and record["by"]["currency"] == "person"


def test_records_to_be_checked_are_filtered(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Sorted", PATTERNS)
    needed = [row["name"] for row in start.client.rows(dataset["id"]) if row["record"]["review"] == "needed"]
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    expect(page.get_by_role("grid").get_by_role("row")).to_have_count(1 + len(PATTERNS))
    page.get_by_role("button", name="to be checked").click()
    expect(page.get_by_role("grid").get_by_role("row")).to_have_count(1 + len(needed))


def test_the_first_rows_need_few_bytes(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Sorted", PATTERNS)
    page = visit.context.new_page()
    page.add_init_script(f"sessionStorage.setItem('fairway.key', {json.dumps(start.endpoint['api_key'])})")
    page.add_init_script(NOTE_FIRST_ROW)
    page.goto(address_of(start, dataset["id"]))
    sent = page.evaluate(BYTES_BEFORE_ROWS)
    assert sent <= FIRST_BYTES, sent
    # Counts that arrive before the rows must not have the first page read twice.
    assert len([url for url in visit.requests if "view=row&limit=" in url]) == 1


def test_rows_are_filtered_by_a_value_and_all_of_them_approved_at_once(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "To approve", PATTERNS)
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    rows = page.locator(".table-row.body")
    expect(rows).to_have_count(len(PATTERNS))
    page.get_by_role("button", name="Filter by value").click()
    page.get_by_role("combobox", name="Column").select_option("total")
    page.get_by_role("combobox", name="Comparison").select_option("gt")
    page.get_by_role("textbox", name="Value").fill("not a number")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="This is not a number.")).to_be_visible()
    page.get_by_role("textbox", name="Value").fill("100")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(rows).to_have_count(2)
    assert "receipt-parking.jpg" not in names(page)

    rows.first.locator(".chooser").click()
    page.get_by_role("button", name="Select all 2").click()
    expect(page.get_by_text("All 2 selected")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("2 records approved")).to_be_visible()
    states = {row["name"]: row["record"]["review"] for row in start.client.rows(dataset["id"])}
    assert sorted(name for name, state in states.items() if state == "approved") == sorted(
        {"receipt-hardware.jpg", "statement.html"}
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 records are as before")).to_be_visible()
    assert not [row["name"] for row in start.client.rows(dataset["id"]) if row["record"]["review"] == "approved"]
    page.get_by_role("button", name="Remove the condition").click()
    expect(rows).to_have_count(len(PATTERNS))


def test_items_of_a_record_are_added_and_corrected(visit: Visit, start: Start) -> None:
    dataset = dataset_with_items(start, "Items")
    (file,) = start.client.files(dataset["id"])
    page = visit.tab()
    page.goto(address_of(start, dataset["id"], file["id"]))
    page.get_by_role("button", name="Add an item").click()
    page.get_by_label("amount, item 1").fill("9.50")
    page.get_by_label("amount, item 1").press("Enter")
    expect(page.get_by_text("Not saved yet; still to fill in: description")).to_be_visible()
    page.get_by_label("description, item 1").fill("Nails")
    page.get_by_label("description, item 1").press("Enter")
    expect(page.get_by_text("set by a person")).to_be_visible()
    assert start.client.record(file["id"])["fields"]["items"] == [{"amount": 9.5, "description": "Nails"}]
    page.get_by_role("button", name="Remove item 1").click()
    expect(page.get_by_label("amount, item 1")).to_have_count(0)
    assert eventually(lambda: not start.client.record(file["id"])["fields"].get("items"), 30)


def test_new_columns_are_tried_before_they_are_saved(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Tried", ("statement.html",))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Columns").click()
    page.get_by_role("button", name="Remove, column 4").click()
    page.get_by_role("button", name="Try on 1 file").click()
    expect(page.get_by_text("1 file was read again with these columns")).to_be_visible()
    row = page.get_by_role("dialog").get_by_role("row").filter(has_text="currency")
    expect(row.locator("td.vanished")).to_have_text("1")
    assert len(start.client.call("GET", f"/datasets/{dataset['id']}")["schema"]["properties"]) == 4
    page.get_by_role("button", name="Save and extract again").click()
    expect(page.get_by_role("columnheader").filter(has_text=re.compile("currency", re.IGNORECASE))).to_have_count(0)
