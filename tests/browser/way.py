"""A person's whole way through the page, with real files."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Route, expect

from tests.acceptance.test_embedded import SAMPLES, Start
from tests.browser.ground import Visit, address_of, dataset_with_samples, needs_chromium, visiting

pytestmark = needs_chromium
RECEIPT = "receipt-hardware.jpg"


def test_from_the_link_to_an_approved_record(visit: Visit, start: Start) -> None:
    page = visit.tab()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    assert page.url.endswith("/"), "the code is still in the address"
    page.get_by_role("button", name="New dataset").click()
    page.get_by_label("Name").fill("Expenses of a person")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()

    page.locator('input[type="file"]').first.set_input_files([SAMPLES / RECEIPT, SAMPLES / "human-rights.txt"])
    row = page.get_by_role("row").filter(has_text=RECEIPT)
    expect(row).to_contain_text("148.4")
    expect(row).to_contain_text("done")
    expect(row.locator("img")).to_be_visible()

    row.get_by_role("link", name=RECEIPT).click()
    expect(page.get_by_role("heading", name=RECEIPT)).to_be_visible()
    total = page.get_by_label(re.compile("^total", re.IGNORECASE))
    expect(total).to_have_value("148.40")
    total.focus()
    expect(page.locator(".evidence").first).to_be_visible()
    total.fill("150.25")
    total.press("Enter")
    expect(page.get_by_text("set by a person")).to_be_visible()
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_role("cell", name="150.25")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("grid").or_(page.get_by_role("heading", name="human-rights.txt"))).to_be_visible()

    (dataset,) = [
        one for one in start.client.call("GET", "/datasets")["datasets"] if one["name"] == "Expenses of a person"
    ]
    (record,) = [one for one in start.client.records(dataset["id"]) if one["file_name"] == RECEIPT]
    assert record["fields"]["total"] == 150.25 and record["review"] == "approved"


def test_a_removed_file_leaves_the_table_and_undo_brings_it_back(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "To remove", ("human-rights.txt",))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    row = page.get_by_role("row").filter(has_text="human-rights.txt")
    row.locator(".chooser").click()
    page.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)


def test_the_pages_of_a_file_stand_below_one_another(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Pages", ("two-receipts.tiff",))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("row").filter(has_text="two-receipts.tiff").get_by_role("link").first.click()
    expect(page.locator("figure.page img")).to_have_count(2)
    first, second = (page.locator("figure.page").nth(index).bounding_box() for index in (0, 1))
    assert first and second and second["y"] >= first["y"] + first["height"]


def test_the_preview_of_a_file_without_page_pictures_is_shown(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Previews", ("statement.html", "joinery-invoice.docx"))
    page = visit.tab()
    for name, heading in (("statement.html", "Statement of account 2024/6"), ("joinery-invoice.docx", None)):
        (file,) = start.client.files(dataset["id"], name=name)
        page.goto(address_of(start, dataset["id"], file["id"]))
        frame = page.get_by_title(f"Preview of {name}")
        expect(frame).to_be_visible()
        if heading:
            expect(frame.content_frame.get_by_role("heading", name=heading)).to_be_visible()
        preview = start.client.call("GET", f"/files/{file['id']}")["artifacts"]["preview"]
        assert (frame.get_attribute("src") or "").split("?")[0] == preview["url"].split("?")[0]


def test_an_api_that_does_not_answer_is_named_and_waited_for(visit: Visit, start: Start) -> None:
    page = visit.context.new_page()
    page.add_init_script(f"sessionStorage.setItem('fairway.key', {json.dumps(start.endpoint['api_key'])})")
    held: list[Route] = []
    page.route("**/me", lambda route: held.append(route))
    page.goto(f"{start.endpoint['api_url']}/")
    expect(page.get_by_text("Loading …")).to_be_visible()
    expect(page.get_by_text("Fairway is slow to answer")).to_be_visible()
    for route in held:
        route.continue_()
    page.unroute("**/me")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    expect(page.get_by_text("Fairway is slow to answer")).to_have_count(0)


def test_a_change_by_someone_else_appears_without_a_reload(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "To watch", ("human-rights.txt",))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    expect(page.get_by_role("row").filter(has_text="human-rights.txt")).to_be_visible()
    start.client.upload(dataset["id"], [SAMPLES / "statement.html"])
    expect(page.get_by_role("row").filter(has_text="statement.html")).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "Keyboard", ("human-rights.txt", "statement.html", RECEIPT))
    page = visit.tab()
    page.goto(address_of(start, dataset["id"]))
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("row")).to_have_count(4)
    for _ in range(40):
        page.keyboard.press("Tab")
        if grid.evaluate("element => element === document.activeElement"):
            break
    expect(grid).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 selected")).to_have_count(0)
    page.keyboard.press("End")
    last = page.locator(".table-row.body").last
    expect(grid).to_have_attribute("aria-activedescendant", last.get_attribute("id") or "")
    name = last.get_by_role("link").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".fields .field-input").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("statement")
    expect(grid.get_by_role("row")).to_have_count(2)


def test_a_used_code_says_so_and_a_key_signs_in(visit: Visit, start: Start) -> None:
    page = visit.context.new_page()
    page.goto(f"{start.endpoint['api_url']}/#code=fwc_unknown")
    expect(page.get_by_role("alert").filter(has_text="request a new link")).to_be_visible()
    page.get_by_label("API key").fill(start.endpoint["api_key"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()


def test_tabs_share_the_session_and_one_connection(visit: Visit, start: Start) -> None:
    dataset = dataset_with_samples(start, "To watch", ("human-rights.txt",))
    first = visit.tab()
    with first.expect_request("**/changes?*"):
        first.goto(address_of(start, dataset["id"]))
    asked: list[str] = []
    second = visit.context.new_page()
    second.on("request", lambda request: asked.append(request.url))
    second.goto(address_of(start, dataset["id"]))
    expect(second.get_by_role("grid")).to_be_visible()
    start.client.upload(dataset["id"], [SAMPLES / "two-receipts.tiff"])
    for page in (first, second):
        expect(page.get_by_role("row").filter(has_text="two-receipts.tiff")).to_be_visible()
    assert asked and not any("/changes?" in url for url in asked)


def test_the_page_speaks_german(start: Start, browser: Browser) -> None:
    dataset = dataset_with_samples(start, "Keyboard", ("human-rights.txt", "statement.html", RECEIPT))
    with visiting(start, browser, locale="de-DE") as visit:
        page = visit.tab()
        page.goto(address_of(start, dataset["id"]))
        expect(page.get_by_role("row").filter(has_text=RECEIPT)).to_contain_text("148,40")
        assert page.locator("html").get_attribute("lang") == "de"
        page.get_by_role("row").filter(has_text=RECEIPT).get_by_role("link").click()
        page.get_by_role("tab", name="Schritte").click()
        expect(page.get_by_text("Ein Bild hat keinen eigenen Text")).to_be_visible()


def test_notes_on_a_file_are_shown_in_german(start: Start, browser: Browser) -> None:
    dataset = dataset_with_samples(start, "Pages", ("two-receipts.tiff",))
    (file,) = start.client.files(dataset["id"])
    with visiting(start, browser, locale="de-DE") as visit:
        page = visit.tab()
        page.goto(address_of(start, dataset["id"], file["id"]))
        notes = page.locator(".notes").first
        expect(notes).to_contain_text("Die Datei enthält 2 Dokumente. Sie beginnen auf den Seiten 1, 2.")
        expect(notes).not_to_contain_text("document")
