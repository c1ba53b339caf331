"""Every hostile file through a real embedded start, good ones among them.

    python -m tests.hostile

Prints how each ended and after how long, keeps that in build/bench/hostile.json, and ends with 1 where anything is
not as it should be: a file that did not settle, or not as expected; one in twenty slower than half a minute; a
process that had to be started again; good files held up; a call to the address that the files name.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from fairway_client import Client, Refused, is_settled
from rich.console import Console
from rich.table import Table

from benchmarks.starting import ROOT, start, stop
from tests.hostile import making
from tests.hostile.cases import CASES, NAMES, Case
from tests.hostile.settling import Listener, listening

GOOD_FILES = 50
MOST_S = 30.0
SLOWED_AT_MOST = 1.5
SETTLE_S = 300.0
UPLOADS_AT_ONCE = 4
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
# What no preview may hold: anything that runs, loads, or sends somebody away.
NEVER_SHOWN = re.compile(
    rb"<script|<iframe|<object|<embed|<link|<base|<form|<meta http-equiv=.refresh|\son\w+\s*=|javascript:|file:|"
    rb"(?:src|href|action|poster|data|url)\s*[=(]\s*[\"']?https?:",
    re.IGNORECASE,
)
POLICY = b"default-src 'none'"


def good(place: int) -> tuple[str, bytes]:
    """A harmless file like no other: text, a PDF, or a small photo, by turns."""
    total = f"Total: {place + 1}.25"
    if place % 5 == 4:
        return f"good {place}.jpg", making.picture("JPEG", f"Receipt {place}\n{total}")
    if place % 2:
        return f"good {place}.pdf", making.pdf_page(f"BT /F 24 Tf 72 700 Td (Invoice {place}, {total}) Tj ET".encode())
    return f"good {place}.txt", f"Invoice {place}\n{total}\n".encode() * 20


class Run:
    """One start, and what became of what was uploaded to it."""

    def __init__(self, client: Client, listener: Listener) -> None:
        self.client = client
        self.listener = listener
        self.dataset_id = client.dataset("hostile", SCHEMA)["id"]
        self.faults: list[str] = []

    def upload(self, files: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """A batch of these files; each as the API describes it."""
        body = {
            "files": [{"name": name, "size_bytes": len(content)} for name, content in files],
            "allow_duplicates": True,
        }
        described: list[dict[str, Any]] = self.client.call("POST", f"/datasets/{self.dataset_id}/batches", body)[
            "files"
        ]
        return described

    def put_all(self, pairs: list[tuple[dict[str, Any], bytes]]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda pair: self.client.put(pair[0]["upload"], pair[1]), pairs))

    def settled(self, ids: list[str]) -> list[dict[str, Any]]:
        """The files as they ended, or as they stand when the time is up."""
        found: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + SETTLE_S
        while len(found) < len(ids) and time.monotonic() < deadline:
            time.sleep(0.5)
            for file in self.client.files(self.dataset_id):
                if file["id"] in ids and file["id"] not in found and is_settled(file):
                    found[file["id"]] = file
        return [found.get(one) or self.client.call("GET", f"/files/{one}") for one in ids]

    def good_alone(self) -> float:
        files = [good(1000 + place) for place in range(GOOD_FILES)]
        described = self.upload(files)
        self.put_all([(one, content) for one, (_, content) in zip(described, files, strict=True)])
        return self._good_took_s(self.settled([one["id"] for one in described]))

    def all_together(self, contents: list[tuple[Case, bytes]]) -> tuple[list[dict[str, Any]], float]:
        """The hostile files as they ended, and the seconds that the good ones among them took."""
        files = [good(place) for place in range(GOOD_FILES)]
        bad = self.upload([(case.name, content) for case, content in contents])
        fine = self.upload(files)
        pairs = [(one, content) for one, (_, content) in zip(bad, contents, strict=True)]
        beside = [(one, content) for one, (_, content) in zip(fine, files, strict=True)]
        self.put_all(list(_by_turns(pairs, beside)))
        fine_ids = [one["id"] for one in fine]
        ended = self.settled(fine_ids + [one["id"] for one in bad])
        return ended[len(fine_ids) :], self._good_took_s(ended[: len(fine_ids)])

    def _good_took_s(self, files: list[dict[str, Any]]) -> float:
        """From the first upload to the last record; the median would hide a file that is held up."""
        for file in files:
            if file["state"] != "done":
                self.faults.append(f"the good file {file['name']} ended as {file['state']}: {file['error']}")
        return max(map(ended_at, files)) - min(_time(file["uploaded_at"]) for file in files)

    def names(self) -> list[tuple[str, str]]:
        """What the API does with each name."""
        results = []
        for name in NAMES:
            try:
                (file,) = self.upload([(name, b"Total: 1.50\n")])
            except Refused as refusal:
                results.append((name, f"refused: {refusal.problem['code']}"))
                continue
            except UnicodeEncodeError:
                results.append((name, "can't be sent"))
                continue
            self.put_all([(file, b"Total: 1.50\n")])
            (ended,) = self.settled([file["id"]])
            if ended["name"] != name or ended["state"] != "done":
                self.faults.append(f"the name {name!r} came back as {ended['name']!r}, its file as {ended['state']}")
            results.append((name, "taken as it is"))
        return results

    def check_previews(self, cases: list[Case], files: list[dict[str, Any]]) -> int:
        """Look into every page that a browser would show; how many there were."""
        pages = 0
        for case, file in zip(cases, files, strict=True):
            preview = file["artifacts"]["preview"]
            if not preview or "html" not in preview["media_type"]:
                continue
            pages += 1
            content = self.client.fetch(preview["url"])
            if POLICY not in content:
                self.faults.append(f"the preview of {case.what} has no policy")
            if found := NEVER_SHOWN.search(_outside_text(content)):
                self.faults.append(f"the preview of {case.what} holds {found[0][:60]!r}")
        return pages


def _outside_text(page: bytes) -> bytes:
    """A page's tags alone: words that merely tell of a script are harmless."""
    return b"\n".join(re.findall(rb"<[^>]*>", page))


def _by_turns(first: list[Any], second: list[Any]) -> Iterator[Any]:
    for place in range(max(len(first), len(second))):
        yield from first[place : place + 1]
        yield from second[place : place + 1]


def _time(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def ended_at(file: dict[str, Any]) -> float:
    """When the last of its pipelines ended, as Unix time; endless where one has not."""
    if not is_settled(file):
        return float("inf")
    ends = [step.get("ended_at") for pipeline in file["pipelines"].values() for step in pipeline["steps"]]
    return max((_time(end) for end in ends if end), default=_time(file["updated_at"]))


def outcome(file: dict[str, Any]) -> str:
    return str(file["error"]["code"] if file["state"] == "failed" else file["state"])


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fairway-hostile-") as folder, listening() as listener:
        print(f"Making {len(CASES)} files", flush=True)
        contents = [(case, case.make(listener.url)) for case in CASES]
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, Path(folder) / "home", FAIRWAY_WORKERS="2")
        try:
            told = Path(folder) / "home" / "endpoint.json"
            endpoint = json.loads(told.read_text())
            run = Run(Client(endpoint["api_url"], endpoint["api_key"]), listener)
            run.good_alone()  # everything warm
            alone_s = run.good_alone()
            files, among_s = run.all_together(contents)
            pages = run.check_previews([case for case, _ in contents], files)
            names = run.names()
            audit = run.client.call("GET", "/operations/audit")
            restarted = endpoint["processes"] != json.loads(told.read_text())["processes"]
        finally:
            stop(process)
    sys.exit(report(run, contents, files, alone_s, among_s, pages, names, audit, restarted))


def report(
    run: Run, contents: list[tuple[Case, bytes]], files: list[dict[str, Any]], alone_s: float, among_s: float,
    pages: int, names: list[tuple[str, str]], audit: dict[str, Any], restarted: bool,
) -> int:  # fmt: skip
    """Print the tables, keep them, and name what is not as it should be; 1 where there is any."""
    table = Table("file", "KiB", "ended as", "after, s", title="Hostile and broken files")
    took = [ended_at(file) - _time(file["uploaded_at"]) for file in files]
    for (case, content), file, seconds in sorted(zip(contents, files, took, strict=True), key=lambda row: -row[2]):
        as_expected = is_settled(file) and outcome(file) in case.ends
        table.add_row(
            case.what, f"{len(content) / 1024:.0f}", outcome(file) + ("" if as_expected else "  (!)"), f"{seconds:.1f}"
        )
        if not as_expected:
            run.faults.append(f"{case.what} ended as {outcome(file)}, not as one of {sorted(case.ends)}")
    told = Table("name", "the API", title="Names")
    for name, what in names:
        told.add_row(
            ascii(name if len(name) < 60 else f"{name[:40]}... ({len(name.encode('utf-8', 'replace'))} bytes)"), what
        )
    settled = sum(map(is_settled, files))
    figures = {
        "settled": f"{settled} of {len(files)}",
        "half of them within, s": round(statistics.median(took), 1),
        "95 % of them within, s": round(p95(took), 1),
        "50 good files alone, s": round(alone_s, 1),
        "50 good files among them, s": round(among_s, 1),
        "calls to the outside": len(run.listener.calls),
        "HTML previews looked into": pages,
        "processes started again": int(restarted),
    }
    faults = run.faults
    faults += ["not every file settled"] * (settled < len(files))
    faults += [f"95 % took {p95(took):.1f} s"] * (p95(took) > MOST_S)
    faults += [f"good files took {among_s / alone_s:.2f} times as long"] * (among_s > SLOWED_AT_MOST * alone_s)
    faults += [f"somebody called: {run.listener.calls[:3]}"] * bool(run.listener.calls)
    faults += ["a process had to be started again"] * restarted
    faults += [f"the audit finds {audit}"] * bool(audit["lost"] or audit["doubled"])
    console = Console(width=120)
    for one in (table, told):
        console.print(one)
    for what, figure in figures.items():
        console.print(f"{what}: {figure}")
    for fault in faults:
        console.print(f"NOT AS IT SHOULD BE: {fault}", markup=False)
    out = ROOT / "build" / "bench" / "hostile.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    ends = {case.what: [outcome(file), round(s, 1)] for (case, _), file, s in zip(contents, files, took, strict=True)}
    out.write_text(json.dumps({"figures": figures, "files": ends, "names": names, "faults": faults}, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    main()
