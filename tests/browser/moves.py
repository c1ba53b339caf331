"""Rules that send files to other datasets by their kind, moves by people, and what a file says of both."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.acceptance.test_embedded import SAMPLES, Start, settle
from tests.browser.ground import Visit, address_of, dataset_with_samples, needs_chromium, visiting

pytestmark = needs_chromium
INVOICE, STATEMENT, LETTER = "joinery-invoice.docx", "statement.html", "human-rights.txt"


def rule(page: Page, kind: str, dataset: str) -> None:
    """Send files of a kind to a dataset, in the dialog of the dataset that is open."""
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rules by kind").click()
    page.get_by_label(f"Dataset for the kind {kind}").select_option(dataset)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def routing(start: Start, dataset: dict[str, Any]) -> Any:
    return start.client.call("GET", f"/datasets/{dataset['id']}")["routing"]


def move(page: Page, dataset: str) -> None:
    page.get_by_label("Dataset", exact=True).select_option(dataset)
    page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()


def test_a_rule_sends_a_file_to_its_dataset_which_says_why(visit: Visit, start: Start) -> None:
    inbox, invoices = (start.client.dataset(name) for name in ("Inbox", "Invoices"))
    page = visit.tab()
    page.goto(address_of(start, inbox["id"]))
    rule(page, "invoice", "Invoices")
    expect(page.get_by_text("The rules are in use")).to_be_visible()
    assert routing(start, inbox) == {"invoice": invoices["id"]}
    batch = start.client.upload(inbox["id"], [SAMPLES / INVOICE, SAMPLES / LETTER])
    settle(start.client, inbox["id"], batch["id"])
    rows = page.locator(".table-row.body")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    expect(page.get_by_text("it stays: ")).to_be_visible()

    page.goto(address_of(start, invoices["id"]))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("sent by a rule")
    page.get_by_role("button", name="Filter by value").click()
    page.get_by_label("Column").select_option("@kind")
    page.get_by_role("combobox", name="Value").select_option("receipt")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(rows).to_have_count(0)
    page.get_by_role("button", name="Remove the condition: kind is receipt").click()
    rows.get_by_role("link").click()
    details = page.get_by_role("region", name="What was found")
    expect(details).to_contain_text(re.compile(r"Recognised as invoice \(\d+%\) by the built-in rules"))
    expect(details).to_contain_text("Sent here by a rule of Inbox")
    details.get_by_role("link", name="Inbox").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


def test_rules_are_removed_and_what_they_were_taught_is_shown(visit: Visit, start: Start) -> None:
    inbox, target = (start.client.dataset(name) for name in ("Rules to remove", "Target of rules"))
    start.client.call("PUT", f"/datasets/{inbox['id']}", {"routing": {"invoice": target["id"], "other": target["id"]}})
    page = visit.tab()
    page.goto(address_of(start, inbox["id"]))
    rule(page, "invoice", "stay here")
    assert routing(start, inbox) == {"other": target["id"]}
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rules by kind").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nobody has moved a file yet.")
    expect(dialog).to_contain_text("The built-in rules decide alone.")
    expect(dialog.get_by_label("Dataset for the kind invoice")).to_have_value("")
    start.client.call("DELETE", f"/datasets/{target['id']}")
    page.reload()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rules by kind").click()
    expect(dialog.get_by_label("Dataset for the kind other").locator("option:checked")).to_have_text(
        "a dataset that was removed"
    )
    page.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").filter(has_text="The dataset for the kind other was removed.")).to_be_visible()


def test_chosen_files_are_moved_and_undo_moves_them_back(visit: Visit, start: Start) -> None:
    source = dataset_with_samples(start, "Moved from", (STATEMENT, LETTER))
    target = start.client.dataset("Moved to")
    page = visit.tab()
    page.goto(address_of(start, source["id"]))
    rows = page.locator(".table-row.body")
    expect(rows).to_have_count(2)
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+A")
    page.get_by_role("button", name="Move", exact=True).click()
    move(page, "Moved to")
    expect(page.get_by_text("2 files moved to Moved to")).to_be_visible()
    expect(rows).to_have_count(0)
    assert {file["name"] for file in start.client.files(target["id"])} == {STATEMENT, LETTER}
    settle_all(start, target)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 files are back in their dataset")).to_be_visible()
    expect(rows).to_have_count(2)


def test_a_file_is_moved_while_it_is_looked_at_and_its_new_row_names_that(visit: Visit, start: Start) -> None:
    source = dataset_with_samples(start, "Looked at", (STATEMENT,))
    target = start.client.dataset("Looked at later")
    (file,) = start.client.files(source["id"])
    page = visit.tab()
    page.goto(address_of(start, source["id"], file["id"]))
    page.get_by_role("button", name="Move", exact=True).click()
    move(page, "Looked at later")
    expect(page.get_by_text("1 file moved to Looked at later")).to_be_visible()
    expect(page).to_have_url(address_of(start, source["id"]))
    settle_all(start, target)
    # The former address shows the file among those of its new dataset.
    page.goto(address_of(start, source["id"], file["id"]))
    expect(page).to_have_url(address_of(start, target["id"], file["id"]))
    expect(page.get_by_role("region", name="What was found")).to_contain_text("Moved here by a person from Looked at")
    page.keyboard.press("Escape")
    expect(page.locator(".table-row.body")).to_contain_text("moved here")


def test_files_that_cannot_be_moved_stay_and_say_why_in_german(start: Start, browser: Browser) -> None:
    source = dataset_with_samples(start, "Stays", (STATEMENT,))
    start.client.dataset("Stays not")
    (file,) = start.client.files(source["id"])
    refused = {"id": file["id"], "reason": "it is being processed; try again when it has ended"}
    answer = {"id": None, "count": 0, "not_moved": [refused], "has_more": False}
    with visiting(start, browser, locale="de-DE") as visit:
        page = visit.tab()
        page.goto(address_of(start, source["id"]))
        page.locator(".table-row.body .chooser").click()
        page.get_by_role("button", name="Verschieben", exact=True).click()
        page.get_by_label("Datensatz", exact=True).select_option("Stays not")
        page.route("**/moves", lambda route: route.fulfill(status=202, json=answer))
        page.get_by_role("dialog").get_by_role("button", name="Verschieben", exact=True).click()
        expect(page.get_by_text("1 Datei wurde nicht verschoben: sie wird gerade verarbeitet")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_text("1 ausgewählt")).to_be_visible()


def settle_all(start: Start, dataset: dict[str, Any]) -> None:
    """Wait until all files of a dataset were extracted again."""
    for file in start.client.files(dataset["id"]):
        settle(start.client, dataset["id"], file["batch_id"])
