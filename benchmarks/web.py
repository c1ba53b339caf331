"""Measures the web page in Chromium: the first visit, scrolling through a large dataset, and a large drop of small files.

    python -m benchmarks.web [--files 100000] [--dropped 2000]

It starts an embedded Fairway with a temporary home and fills it as `benchmarks.api` does. The table is printed and written
to build/bench/web.json. It needs Chromium and the packages of requirements/browser.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from typing import Any

from benchmarks.api import embedded, fill
from benchmarks.starting import keep

TARGETS = {
    "first visit to first rows, s": "1.0",
    "bytes before the first row, kB": "60",
    "scrolling, frame p95, ms": "33",
    "scrolling, heap, MB": "60",
    "dropped files, files/s": "25",
    "dropped files, longest block of the page, ms": "200",
}
FIRST_ROWS = """async () => {
    while (!document.querySelector('.table-row.body a')) await new Promise(requestAnimationFrame);
    const sent = performance.getEntries().map(entry => entry.transferSize ?? 0);
    return [performance.now(), sent.reduce((sum, bytes) => sum + bytes, 0)];
}"""
LOAD_ALL = """async () => {
    const grid = document.querySelector('[role=grid]');
    const began = performance.now();
    do {
        grid.scrollTop = grid.scrollHeight;
        await new Promise(done => setTimeout(done, 20));
    } while (document.querySelector('.table-row.pending') || !document.querySelector('.table-row.body'));
    return performance.now() - began;
}"""
SCROLL = """async () => {
    const grid = document.querySelector('[role=grid]');
    const frames = [];
    let last = await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < 300; frame += 1) {
        grid.scrollTop = (grid.scrollHeight / 300) * frame;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    }
    frames.sort((a, b) => a - b);
    gc();
    return [frames[150], frames[285], performance.memory.usedJSHeapSize];
}"""
DROP = """async count => {
    const transfer = new DataTransfer();
    for (let number = 0; number < count; number += 1) transfer.items.add(new File([`Note ${number}`], `note-${number}.txt`));
    await new Promise(done => setTimeout(done, 500));
    const blocks = [0];
    new PerformanceObserver(list => blocks.push(...list.getEntries().map(entry => entry.duration))).observe({type: 'longtask'});
    const began = performance.now();
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        document.querySelector('main').dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }
    const text = () => document.querySelector('.strip-text')?.textContent ?? '';
    while (!text().includes('uploaded')) await new Promise(done => setTimeout(done, 50));
    return [performance.now() - began, Math.max(...blocks)];
}"""


def visits(page: Any, address: str, results: dict[str, Any]) -> None:
    page.goto(address)
    took_ms, sent = page.evaluate(FIRST_ROWS)
    results["first visit to first rows, s"] = round(took_ms / 1000, 2)
    results["bytes before the first row, kB"] = round(sent / 1000, 1)
    page.reload()
    took_ms, sent = page.evaluate(FIRST_ROWS)
    results["second visit to first rows, s"] = round(took_ms / 1000, 2)
    results["second visit, bytes before the first row, kB"] = round(sent / 1000, 1)


def scrolling(page: Any, results: dict[str, Any]) -> None:
    results["reading all rows, s"] = round(page.evaluate(LOAD_ALL) / 1000, 1)
    p50_ms, p95_ms, heap = page.evaluate(SCROLL)
    results["scrolling, frame p50, ms"] = round(p50_ms, 1)
    results["scrolling, frame p95, ms"] = round(p95_ms, 1)
    results["scrolling, heap, MB"] = round(heap / 1e6, 1)


def main() -> None:
    from playwright.sync_api import sync_playwright

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=100_000)
    arguments.add_argument("--dropped", type=int, default=2000)
    options = arguments.parse_args()
    results: dict[str, Any] = {}
    with embedded() as measured, sync_playwright() as driver:
        large, small = (measured.client.dataset(name)["id"] for name in ("large", "small"))
        fill(measured, large, options.files)
        options_of_chromium = ["--js-flags=--expose-gc", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=options_of_chromium)
        page = browser.new_context(locale="en-GB").new_page()
        key = json.dumps(measured.endpoint["api_key"])
        page.add_init_script(f"sessionStorage.setItem('fairway.key', {key})")
        address = f"{measured.endpoint['api_url']}/#/datasets/"
        visits(page, address + large, results)
        scrolling(page, results)
        page.goto(address + small)
        page.wait_for_selector(".empty")
        took_ms, block_ms = page.evaluate(DROP, options.dropped)
        results["dropped files, files/s"] = round(options.dropped / took_ms * 1000, 1)
        results["dropped files, longest block of the page, ms"] = round(block_ms)
        browser.close()
    keep("web", results, TARGETS)


if __name__ == "__main__":
    main()
