"""Each screen in both themes and on a phone: axe finds nothing, nothing overflows, and a screenshot is kept."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.test_embedded import SAMPLES as FILES
from tests.acceptance.test_embedded import Start, settle
from tests.browser.ground import (
    SCREENSHOTS,
    address_of,
    axe_findings,
    dataset_with_items,
    dataset_with_samples,
    needs_chromium,
    visiting,
)

pytestmark = needs_chromium
FORMS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
SAMPLES = ("receipt-*.jpg", "*.pdf", "*.docx", "statement.html", "two-receipts.tiff", "human-rights.txt")


def datasets(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    expect(page.get_by_role("link", name="Invoices and receipts")).to_be_visible()


def table(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, dataset["id"]))
    row = page.get_by_role("row").filter(has_text="receipt-hardware.jpg")
    expect(row).to_contain_text("148.4")
    row.locator(".chooser").click()


def filters(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, dataset["id"]))
    for comparison in ("doubtful", "missing"):
        page.get_by_role("button", name="Filter by value").click()
        page.get_by_label("Comparison").select_option(comparison)
        page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("button", name="Filter by value").click()
    expect(page.locator(".chip.condition")).to_have_count(2)
    expect(page.get_by_label("Comparison")).to_be_visible()


def columns(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Columns").click()
    page.get_by_role("button", name="Add a column").click()
    page.get_by_label("Name, column 5").fill("company")
    page.get_by_role("button", name="Try on").click()
    expect(page.locator(".plan table")).to_be_visible()
    page.locator(".plan table").scroll_into_view_if_needed()


def items(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the columns
    with_items = dataset_with_items(start, "Items to look at")
    (file,) = start.client.files(with_items["id"])
    page.goto(address_of(start, with_items["id"], file["id"]))
    page.get_by_role("button", name="Add an item").click()
    page.get_by_label("amount, item 1").fill("9.50")
    page.get_by_label("amount, item 1").press("Enter")
    expect(page.get_by_text("still to fill in")).to_be_visible()


def review(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    (file,) = start.client.files(dataset["id"], name="receipt-hardware.jpg")
    page.goto(address_of(start, dataset["id"], file["id"]))
    expect(page.get_by_role("tab", name="Values")).to_be_visible()
    page.get_by_label("total").first.focus()
    expect(page.locator(".viewer img").first).to_be_visible()
    expect(page.locator(".evidence").first).to_be_visible()


def html_preview(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    (file,) = start.client.files(dataset["id"], name="statement.html")
    page.goto(address_of(start, dataset["id"], file["id"]))
    page.get_by_role("tab", name="Steps").click()
    expect(page.get_by_text("Attempts")).to_be_visible()


def operations(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(f"{start.endpoint['api_url']}/#/operations")
    expect(page.get_by_role("heading", name="Steps")).to_be_visible()
    expect(page.get_by_role("heading", name="Tenants")).to_be_visible()


def empty(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, start.client.dataset("Nothing yet")["id"]))
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()


def keys(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, dataset["id"]))
    expect(page.get_by_role("grid")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def upload_options(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the list of keys
    page.get_by_role("button", name="Upload options").click()
    page.get_by_role("textbox", name="Labels").fill("Munich office, 2024")
    page.get_by_label("Split scans at separator pages").check()
    expect(page.get_by_label("Blank pages")).to_be_visible()


def rules(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the options
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rules by kind").click()
    expect(page.get_by_label("Dataset for the kind invoice")).to_be_visible()


def options(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the rules
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Reading and review").click()
    page.get_by_label("Language 2").select_option("German")
    expect(page.get_by_role("button", name="Save")).to_be_enabled()


def moving(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    start.client.dataset("Where files are moved to")
    page.goto(address_of(start, dataset["id"]))
    page.reload()  # without a filter and a choice
    table(page, start, dataset)
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_label("Dataset", exact=True)).to_be_visible()


def removed(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the move
    batch = start.client.upload(dataset["id"], [FILES / "human-rights.txt"], allow_duplicates=True)
    settle(start.client, dataset["id"], batch["id"])
    start.client.call("POST", f"/datasets/{dataset['id']}/removals", {"batch_id": batch["id"]})
    page.goto(f"{start.endpoint['api_url']}/#/")
    page.get_by_role("button", name="Removed").click()
    expect(page.get_by_role("button", name="Bring back").first).to_be_visible()


def options_of_a_card(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # what was removed
    page.get_by_role("button", name=f"Upload options of {dataset['name']}").click()
    expect(page.get_by_role("textbox", name="Labels")).to_be_visible()


def sign_in(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.keyboard.press("Escape")  # the options
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def settle_screen(page: Page) -> None:
    """Wait until everything is loaded and drawn."""
    expect(page.locator("#app").get_by_text("Loading …", exact=True)).to_have_count(0)
    page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => {})))")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


SCREENS = (
    datasets,
    table,
    filters,
    columns,
    items,
    review,
    html_preview,
    operations,
    empty,
    keys,
    upload_options,
    rules,
    options,
    moving,
    removed,
    options_of_a_card,
    sign_in,
)


@pytest.mark.parametrize("form", FORMS)
def test_no_screen_has_a_finding(form: str, start: Start, browser: Browser) -> None:
    dataset = dataset_with_samples(start, "Invoices and receipts", SAMPLES, ("Munich office", "2024", "paper"))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    findings: dict[str, list[str]] = {}
    with visiting(start, browser, reduced_motion="reduce", **FORMS[form]) as visit:
        page = visit.tab()
        expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
        for show in SCREENS:
            show(page, start, dataset)
            settle_screen(page)
            page.screenshot(path=SCREENSHOTS / f"{show.__name__}-{form}.png")
            findings[show.__name__] = axe_findings(page)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                findings[show.__name__].append(f"the page is {wide} px wider than the window")
    assert not any(findings.values()), findings
