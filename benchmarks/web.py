"""Measures the web page in Chromium: the first visit, scrolling through a large dataset, changes, and a large drop of files.

    python -m benchmarks.web [--files 100000] [--dropped 2000]

It starts an embedded Fairway with a temporary home and fills it as `benchmarks.api` does. The table is printed and written
to build/bench/web.json. It needs Chromium and the packages of requirements/browser.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import threading
import time
from typing import Any

import psycopg

from benchmarks.api import Measured, embedded, fill, quantile
from benchmarks.starting import keep
from layers.adapters.redis.change_notifications import RedisChangeNotifications

TARGETS = {
    "first visit to first rows, s": "1.0",
    "bytes before the first row, kB": "60",
    "scrolling, frame p95, ms": "33",
    "scrolling, heap, MB": "60",
    "commit to cell, p95, ms": "1000",
    "API's CPU for a page that watches, % of a core": "2",
    "dropped files, files/s": "25",
    "dropped files, longest block of the page, ms": "200",
    "dropped files, longest block of the page, ms of CPU": "200",
}
# The tasks of all threads of the browser, with the time in which each had a processor.
TASKS = ["disabled-by-default-devtools.timeline"]
TASK, PAGE_THREAD = "RunTask", "CrRendererMain"
TRACED = 1000  # files; the longest tasks are at the beginning
# Runs from the beginning of a page: what is loaded after the first rows does not count.
NOTE_FIRST_ROWS = """window.firstRows = (async () => {
    while (!document.querySelector('.table-row.body a')) await new Promise(requestAnimationFrame);
    const sent = performance.getEntries().map(entry => entry.transferSize ?? 0);
    return [performance.now(), sent.reduce((sum, bytes) => sum + bytes, 0)];
})()"""
FIRST_ROWS = "window.firstRows"
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
# Notes when a name with a number stands in a row: the number of a later change of the same row stands for earlier ones.
WATCH = """() => {
    window.shown = {};
    const note = () => {
        for (const link of document.querySelectorAll('.table-row.body .name a')) {
            const [, row, number] = /^changed (\\d+) (\\d+)$/.exec(link.textContent) ?? [];
            if (row !== undefined) (window.shown[row] ??= {})[number] ??= Date.now();
        }
    };
    new MutationObserver(note).observe(document.querySelector('.table-body'), {subtree: true, childList: true, characterData: true});
}"""
CHANGES_A_S, CHANGED_ROWS, CHANGING_S = 20, 12, 30
CHANGE = "UPDATE files SET name = %s, updated_at = clock_timestamp() WHERE file_id = %s"
# As with a wheel: a few rows in each frame. Rows may come into sight whose content was dropped.
WHEEL = """async () => {
    const grid = document.querySelector('[role=grid]');
    const frames = [];
    let [drawn, empty] = [0, 0];
    let last = await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < 600; frame += 1) {
        grid.scrollTop += 132;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
        drawn += document.querySelectorAll('.table-row.body').length;
        empty += document.querySelectorAll('.table-row.pending').length;
    }
    frames.sort((a, b) => a - b);
    return [frames[570], 100 * empty / drawn];
}"""
PREPARE = """([what, count]) => {
    window.transfer = new DataTransfer();
    const file = number => new File([`${what} ${number}`], `${what}-${number}.txt`);
    for (let number = 0; number < count; number += 1) transfer.items.add(file(number));
}"""
DROP = """async () => {
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
    page.add_init_script(NOTE_FIRST_ROWS)
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
    page.evaluate("document.querySelector('[role=grid]').scrollTop = 44 * 30000")
    page.wait_for_timeout(1000)
    p95_ms, share = page.evaluate(WHEEL)
    results["scrolling as with a wheel, frame p95, ms"] = round(p95_ms, 1)
    results["scrolling as with a wheel, rows without content, %"] = round(share, 2)
    results["scrolling, elements of a row"] = page.evaluate(
        "document.querySelector('.table-row.body').querySelectorAll('*').length"
    )


def changing(page: Any, measured: Measured, dataset_id: str, results: dict[str, Any]) -> None:
    """Change rows in sight, and measure from each commit until the row shows it."""
    page.evaluate("document.querySelector('[role=grid]').scrollTop = 0")
    page.wait_for_selector(".table-row.body .name a")
    page.evaluate(WATCH)
    files = [
        row["id"] for row in measured.get(f"/datasets/{dataset_id}/files", view="row", limit=CHANGED_ROWS)["files"]
    ]
    committed: dict[tuple[int, int], float] = {}
    writer = threading.Thread(target=change, args=(measured, dataset_id, files, committed))
    before, began = measured.cpu(), time.monotonic()
    writer.start()
    page.wait_for_timeout((CHANGING_S + 3) * 1000)
    spent, took = measured.cpu() - before, time.monotonic() - began
    writer.join()
    shown = {
        int(row): {int(number): at for number, at in times.items()} for row, times in page.evaluate("shown").items()
    }
    delays = [
        min((at for later, at in shown.get(row, {}).items() if later >= number), default=float("inf")) - at_ms
        for (row, number), at_ms in committed.items()
    ]
    results["commit to cell, changes"] = len(delays)
    results["commit to cell, p50, ms"] = round(quantile(delays, 0.5))
    results["commit to cell, p95, ms"] = round(quantile(delays, 0.95))
    results["API's CPU for a page that watches, % of a core"] = round(spent / took * 100, 1)


def change(measured: Measured, dataset_id: str, files: list[str], committed: dict[tuple[int, int], float]) -> None:
    """Rename files at a steady rate, and note when each commit ended, in milliseconds."""
    news = RedisChangeNotifications(measured.endpoint["redis_url"])
    with psycopg.connect(measured.endpoint["database_url"], autocommit=True) as connection:
        began = time.monotonic()
        for number in range(CHANGES_A_S * CHANGING_S):
            time.sleep(max(0.0, began + number / CHANGES_A_S - time.monotonic()))
            row = number % len(files)
            connection.execute(CHANGE, [f"changed {row} {number}", files[row]])
            committed[row, number] = time.time() * 1000
            news.publish([dataset_id])


def dropping(page: Any, count: int, results: dict[str, Any]) -> None:
    """Drop a few files with a trace of all tasks, then the rest without one: a trace of many minutes slows the page."""
    browser = page.context.browser
    page.evaluate(PREPARE, ["traced", min(count, TRACED)])
    page.wait_for_timeout(1000)
    browser.start_tracing(page=page, categories=TASKS)
    page.evaluate(DROP)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    results["dropped files, longest block of the page, ms of CPU"] = round(longest_task_ms(events))
    page.locator(".strip button.quiet").click()
    page.evaluate(PREPARE, ["note", count])
    page.wait_for_timeout(1000)
    took_ms, block_ms = page.evaluate(DROP)
    results["dropped files, files/s"] = round(count / took_ms * 1000, 1)
    results["dropped files, longest block of the page, ms"] = round(block_ms)


def longest_task_ms(events: list[dict[str, Any]]) -> float:
    """The CPU time of the longest task of a page's main thread, in the events of a trace."""
    names = [event for event in events if event["name"] == "thread_name"]
    pages = {(event["pid"], event["tid"]) for event in names if event["args"]["name"] == PAGE_THREAD}
    tasks = [event for event in events if event["name"] == TASK and (event["pid"], event["tid"]) in pages]
    return max((event.get("tdur", 0) for event in tasks), default=0) / 1000


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
        changing(page, measured, large, results)
        scrolling(page, results)
        page.goto(address + small)
        page.wait_for_selector(".empty")
        dropping(page, options.dropped, results)
        browser.close()
    keep("web", results, TARGETS)


if __name__ == "__main__":
    main()
