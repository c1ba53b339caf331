"""Fixtures of the tests in a browser."""

from tests.browser.ground import browser, playwright, start, visit

__all__ = ["browser", "playwright", "start", "visit"]
