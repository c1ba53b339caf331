"""With the keyboard alone, on a desk and on a phone: each stop of the Tab key has a name and can be seen, forwards and back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.test_embedded import Start
from tests.browser.accessibility import (
    FORMS,
    columns,
    filters,
    moving,
    operations,
    review,
    rules,
    table,
    upload_options,
)
from tests.browser.ground import dataset_with_samples, needs_chromium, visiting

pytestmark = needs_chromium
MOST_STOPS = 80
# What the focus is on: its name, and whether a point of it in the window is not covered by something else.
FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    if (element.tagName === 'IFRAME') return {what: 'frame', name: element.title, isSeen: true};
    const { left, top, width, height } = element.getBoundingClientRect();
    const points = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].map(([x, y]) => [left + x * width, top + y * height]);
    const isAt = ([x, y]) => {
        const found = document.elementFromPoint(x, y);
        return found !== null && (element.contains(found) || found.contains(element) || element.labels?.[0]?.contains(found));
    };
    const labels = [...(element.labels ?? [])].map((label) => label.innerText).join(' ');
    const name = element.getAttribute('aria-label') || labels || element.innerText || element.title || element.placeholder || '';
    return {what: element.outerHTML.slice(0, 120), name: name.trim(), isSeen: points.some(isAt)};
}"""


def stops(page: Page, key: str) -> list[dict[str, Any]]:
    """What the focus is on after each press of a key, until it leaves the page or is where it began."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        page.evaluate("new Promise((done) => requestAnimationFrame(done))")
        at = page.evaluate(FOCUSED)
        if at is None or (found and at["what"] == found[0]["what"]):
            break
        found.append(at)
    return found


def datasets(page: Page, start: Start, dataset: dict[str, Any]) -> None:
    expect(page.get_by_role("link", name=dataset["name"])).to_be_visible()


@pytest.mark.parametrize("form", ["light", "phone"])
def test_each_stop_of_the_tab_key_has_a_name_and_can_be_seen(form: str, start: Start, browser: Browser) -> None:
    dataset = dataset_with_samples(start, "Only keys", ("receipt-hardware.jpg", "human-rights.txt"), ("Munich",))
    poor: list[tuple[str, str, str]] = []
    with visiting(start, browser, reduced_motion="reduce", **FORMS[form]) as visit:
        page = visit.tab()
        expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
        for show in (datasets, table, filters, columns, upload_options, rules, moving, review, operations):
            show(page, start, dataset)
            page.evaluate("document.activeElement?.blur()")
            for key in ("Tab", "Shift+Tab"):
                found = stops(page, key)
                assert len(found) >= 3, (show.__name__, found)
                poor += [(show.__name__, key, at["what"]) for at in found if not (at["name"] and at["isSeen"])]
            page.keyboard.press("Escape")
    assert poor == []
