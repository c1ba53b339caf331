"""Words of a page by touch, with real touch events on a phone: taps, drags and handles fill a value, and the page scrolls and zooms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from tests.acceptance.test_embedded import Start
from tests.browser.accessibility import FORMS
from tests.browser.ground import address_of, dataset_with_samples, needs_chromium, visiting

pytestmark = needs_chromium
LEAST_PX = 24
Point = tuple[float, float]
# Words of the page in reading order, from one that stands before another in the same line.
IN_LINE = """() => {
    const words = [...document.querySelectorAll('.word')].map((word) => [word, word.getBoundingClientRect()]);
    const isAfter = ([, box], [, next]) => next.left > box.right && Math.abs(next.top - box.top) < box.height / 2;
    const index = words.findIndex((word, at) => words[at + 2] && isAfter(word, words[at + 1]) && isAfter(words[at + 1], words[at + 2]));
    return [index, words.slice(index, index + 3).map(([word]) => word.textContent.trim())];
}"""
BOX = (
    "([selector, index]) => { const box = document.querySelectorAll(selector)[index].getBoundingClientRect();"
    " return [box.left, box.top, box.width, box.height]; }"
)


@dataclass
class Phone:
    """A phone with a file open: `index` is that of the first of three words that stand in a line."""

    page: Page
    fingers: CDPSession
    start: Start
    file_id: str
    index: int = 0
    words: tuple[str, ...] = ()

    @property
    def title(self) -> Locator:
        return self.page.get_by_label(re.compile("^title", re.IGNORECASE)).first

    def show(self) -> None:
        """Scroll the words into sight. A value that gets the focus scrolls to its own place."""
        self.page.locator(".word").nth(self.index).evaluate("word => word.scrollIntoView({block: 'center'})")

    def word(self, number: int) -> Point:
        """The middle of one of the words."""
        return self.middle(".word", self.index + number)

    def middle(self, selector: str, index: int = 0) -> Point:
        left, top, width, height = self.page.evaluate(BOX, [selector, index])
        return left + width / 2, top + height / 2

    def send(self, kind: str, *points: Point) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, at: Point) -> None:
        self.send("touchStart", at)
        self.send("touchEnd")

    def drag(self, start: Point, to: Point, steps: int = 8) -> None:
        """Move a finger from one point to another."""
        self.send("touchStart", start)
        for step in range(1, steps + 1):
            x, y = (first + (last - first) * step / steps for first, last in zip(start, to, strict=True))
            self.send("touchMove", (x, y))
        self.send("touchEnd")

    def left_of(self, number: int) -> float:
        return float(self.page.evaluate(BOX, [".word", self.index + number])[0])

    def right_of(self, number: int) -> float:
        left, _, width, _ = self.page.evaluate(BOX, [".word", self.index + number])
        return float(left + width)

    def drag_grip(self, end: str, edge: float, to_edge: float) -> None:
        """Move a handle from the edge of one word to that of another in the same line."""
        x, y = self.middle(f".grip.{end}")
        self.drag((x, y), (x + to_edge - edge, y))

    def record(self) -> Any:
        return self.start.client.record(self.file_id)


@pytest.fixture
def phone(start: Start, browser: Browser) -> Iterator[Phone]:
    dataset = dataset_with_samples(start, "Touched", ("receipt-hardware.jpg",))
    (file,) = start.client.files(dataset["id"])
    if start.client.record(file["id"])["by"].get("title") == "person":
        start.client.correct(file["id"], {}, version="*", reset=["title"])
    with visiting(start, browser, **FORMS["phone"]) as visit:
        page = visit.tab()
        page.goto(address_of(start, dataset["id"], file["id"]))
        expect(page.locator(".word").first).to_be_attached()
        expect(page.locator(".viewer img").first).to_be_visible()
        found = Phone(page, page.context.new_cdp_session(page), start, file["id"])
        found.title.focus()
        index, words = page.evaluate(IN_LINE)
        assert index >= 0
        found.index, found.words = index, tuple(words)
        found.show()
        yield found


def test_a_tapped_word_fills_the_focused_value(phone: Phone) -> None:
    phone.tap(phone.word(1))
    expect(phone.title).to_have_value(phone.words[1])
    record = phone.record()
    assert record["fields"]["title"] == phone.words[1] and record["by"]["title"] == "person"
    assert record["evidence"]["title"]["text"] == phone.words[1]


def test_a_drag_along_a_line_takes_its_words(phone: Phone) -> None:
    phone.drag(phone.word(0), phone.word(2))
    expect(phone.title).to_have_value(" ".join(phone.words))
    expect(phone.page.locator(".mark")).to_have_count(3)


def test_handles_that_are_large_enough_move_the_first_and_the_last_word(phone: Phone) -> None:
    page = phone.page
    phone.tap(phone.word(1))
    expect(phone.title).to_have_value(phone.words[1])
    for end in ("first", "last"):
        box = page.locator(f".grip.{end}").bounding_box()
        assert box and box["width"] >= LEAST_PX and box["height"] >= LEAST_PX
        corners = [(box["x"] + dx, box["y"] + dy) for dx in (2, box["width"] - 2) for dy in (2, box["height"] - 2)]
        for x, y in corners:
            assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).dataset.grip", [x, y]) == end
    phone.drag_grip("last", phone.right_of(1), phone.right_of(2))
    expect(phone.title).to_have_value(" ".join(phone.words[1:]))
    phone.drag_grip("first", phone.left_of(1), phone.left_of(0))
    expect(phone.title).to_have_value(" ".join(phone.words))
    assert phone.record()["evidence"]["title"]["text"] == " ".join(phone.words)


def test_a_tapped_handle_moves_with_the_next_tap_so_that_nothing_needs_a_drag(phone: Phone) -> None:
    phone.tap(phone.word(1))
    expect(phone.title).to_have_value(phone.words[1])
    phone.tap(phone.middle(".grip.last"))
    expect(phone.page.locator(".grip.last.held")).to_have_count(1)
    phone.tap(phone.word(2))
    expect(phone.title).to_have_value(" ".join(phone.words[1:]))
    expect(phone.page.locator(".grip.held")).to_have_count(0)


def test_a_drag_downwards_over_words_scrolls_and_takes_nothing(phone: Phone) -> None:
    viewer = phone.page.locator(".viewer")
    viewer.evaluate("viewer => { viewer.scrollTop = 0; }")
    before, version = viewer.evaluate("viewer => viewer.scrollTop"), phone.record()["version"]
    x, _ = phone.word(1)
    box = viewer.bounding_box()
    assert box
    phone.drag((x, box["y"] + box["height"] - 20), (x, box["y"] + 40), steps=20)
    phone.page.wait_for_function("before => document.querySelector('.viewer').scrollTop > before + 40", arg=before)
    expect(phone.page.locator(".mark")).to_have_count(0)
    assert phone.record()["version"] == version


def test_two_fingers_zoom_and_then_one_moves_the_page_sideways(phone: Phone) -> None:
    page, version = phone.page, phone.record()["version"]
    x, y = phone.word(1)
    phone.send("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 15):
        phone.send("touchMove", (x - 20 - 5 * step, y), (x + 20 + 5 * step, y))
    phone.send("touchEnd")
    page.wait_for_function("visualViewport.scale > 1.5")
    expect(page.locator(".words.zoomed").first).to_be_attached()
    before = page.evaluate("visualViewport.offsetLeft")
    by = 60 if before > 30 else -60
    phone.drag((180, 150), (180 + by, 150), steps=20)
    page.wait_for_function("before => Math.abs(visualViewport.offsetLeft - before) > 5", arg=before)
    expect(page.locator(".mark")).to_have_count(0)
    assert phone.record()["version"] == version


def test_a_word_that_is_no_value_of_its_kind_says_how_to_go_on(phone: Phone) -> None:
    total = phone.page.get_by_label(re.compile("^total", re.IGNORECASE)).first
    before = total.input_value()
    total.focus()
    phone.show()
    phone.tap(phone.word(1))
    expect(phone.page.get_by_text("Drag the handles over more words, or type the value.")).to_be_visible()
    expect(total).to_have_value(before)
    expect(phone.page.locator(".grip")).to_have_count(2)
