"""Fixtures of the tests in a browser. Other tests run where the browser's driver is not installed."""

from importlib.util import find_spec

if find_spec("playwright"):
    from tests.browser.ground import browser, playwright, start, visit

    __all__ = ["browser", "playwright", "start", "visit"]
