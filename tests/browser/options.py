"""How the files of a dataset are read and which values need a review, as its dialog shows and changes it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from tests.acceptance.test_embedded import Start
from tests.browser.ground import Visit, address_of, needs_chromium, visiting

pytestmark = needs_chromium


def open_options(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    page.goto(address_of(start, dataset["id"]))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Reading and review").click()
    expect(page.get_by_role("dialog")).to_contain_text("files that are read from now on")


def test_only_the_options_that_were_changed_are_sent(visit: Visit, start: Start) -> None:
    dataset = start.client.dataset("Options to change")
    start.client.call("PUT", f"/datasets/{dataset['id']}", {"languages": ["eng"], "sure_from": 80})
    page = visit.tab()
    open_options(page, start, dataset)
    dialog, save = page.get_by_role("dialog"), page.get_by_role("button", name="Save")
    expect(dialog.get_by_role("radio", name=re.compile("^Balanced"))).to_be_checked()
    expect(dialog.get_by_label("Main language")).to_have_value("eng")
    expect(save).to_be_disabled()
    dialog.get_by_label("Language 2").select_option("French")
    dialog.get_by_label("Language 3").select_option("German")
    dialog.get_by_label("Main language").select_option("German")  # changes places with English
    dialog.get_by_label("Language 2").select_option("")
    dialog.get_by_label("A date such as").select_option("3 April: the day first")
    dialog.get_by_label("probability below").fill("92.5")
    # What another person sets meanwhile stays.
    start.client.call("PUT", f"/datasets/{dataset['id']}", {"several": "first"})
    with page.expect_request(lambda request: request.method == "PUT") as sent:
        save.click()
    assert sent.value.post_data_json == {"languages": ["deu", "eng"], "date_order": "day_first", "sure_from": 92.5}
    expect(page.get_by_text("The settings are in use")).to_be_visible()
    expect(dialog).to_have_count(0)
    found = start.client.call("GET", f"/datasets/{dataset['id']}")
    assert (found["languages"], found["several"], found["sure_from"]) == (["deu", "eng"], "first", 92.5)
    open_options(page, start, dataset)
    expect(dialog.get_by_label("several documents").locator("option:checked")).to_have_text(
        "a record of the first only"
    )


def test_what_the_api_refuses_is_said_in_the_dialog(visit: Visit, start: Start) -> None:
    def with_unknown_language(route: Route) -> None:
        me = route.fetch().json()
        me["reads"]["languages"].append("kor_vert")
        route.fulfill(json=me)

    dataset = start.client.dataset("Options to refuse")
    visit.context.route("**/me", with_unknown_language)
    page = visit.tab()
    open_options(page, start, dataset)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("probability below").fill("101")
    dialog.get_by_label("Language 2").select_option("Korean (kor_vert)")
    page.get_by_role("button", name="Save").click()  # which the browser refuses for the percentage
    expect(dialog.locator("input:invalid")).to_be_focused()
    dialog.get_by_label("probability below").fill("0")
    visit.errors.clear()
    page.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").filter(has_text="`kor_vert` is not available")).to_be_visible()
    assert all("400" in error for error in visit.errors), visit.errors
    visit.errors.clear()


def test_a_viewer_sees_the_options_and_cannot_change_them(start: Start, browser: Browser) -> None:
    dataset = start.client.dataset("Options to see")
    options = {"reading": "fast", "languages": ["deu", "eng"], "several": "fail", "sure_from": 0}
    start.client.call("PUT", f"/datasets/{dataset['id']}", options)
    session = start.client.call("POST", "/sessions", {"role": "viewer"})
    with visiting(start, browser, locale="de-DE") as visit:
        page = visit.tab(f"{start.endpoint['api_url']}/#code={session['code']}")
        expect(page.get_by_role("heading", name="Datensätze")).to_be_visible()
        page.goto(address_of(start, dataset["id"]))
        page.get_by_role("button", name="Weitere Aktionen").click()
        page.get_by_role("menuitem", name="Lesen und Prüfen").click()
        dialog = page.get_by_role("dialog")
        for shown in ("Schnell", "Deutsch, Englisch", "schlägt fehl", "Kein Wert wegen geringer Wahrscheinlichkeit"):
            expect(dialog).to_contain_text(shown)
        expect(dialog.get_by_role("button", name="Speichern")).to_have_count(0)
        expect(dialog.locator("input, select")).to_have_count(0)
