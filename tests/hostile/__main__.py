"""Sends every hostile file through a real embedded start, with good files among them.

    python -m tests.hostile

Prints how each file ended and after how long, and keeps that in build/bench/hostile.json. Exits with 1 if a file did
not settle or ended in an unexpected way, if the 95th percentile of hostile files takes over 30 s, if a process had to
be restarted, if good files were delayed, or if the address in the files was called. The time limits hold for a machine
that processes the good files alone in 2 s; a slower machine gets more time, in proportion. The same tenant and another one
upload good files among the hostile ones, all at once and one by one. At the end good files are uploaded behind many
copies of a file that keeps its reader busy up to its time limit.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from fairway_client import Client, Refused, is_settled
from rich.console import Console
from rich.table import Table

from benchmarks.starting import ROOT, start, stop
from tests.hostile import hostile_files
from tests.hostile.cases import CASES, EXPANDED, NAMES, Case
from tests.hostile.settling import Listener, listening

GOOD_FILES = 50
EACH_S = 0.2  # between good files that come one by one
FLOOD, FLOOD_OF = 40, ("itself.pdf", hostile_files.pdf_that_draws_itself())
MAX_S = 30.0  # 95th percentile of hostile files
ONE_BY_ONE_S = 2.0  # 95th percentile of good files, one at a time
FLOODED_S = 10.0
ALONE_S = 2.0  # what the good files take alone on the machine that these limits are for
SETTLE_S = 300.0
UPLOADS_AT_ONCE = 4
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
# What no preview may contain: anything that runs code, loads something, or leads to another page.
FORBIDDEN = re.compile(
    rb"<script|<iframe|<object|<embed|<link|<base|<form|<meta http-equiv=.refresh|\son\w+\s*=|javascript:|file:|"
    rb"(?:src|href|action|poster|data|url)\s*[=(]\s*[\"']?https?:",
    re.IGNORECASE,
)
POLICY = b"default-src 'none'"


def good(number: int) -> tuple[str, bytes]:
    """A harmless file, different for each number: a text, a PDF, or a small photo."""
    total = f"Total: {number + 1}.25"
    if number % 5 == 4:
        return f"good {number}.jpg", hostile_files.picture("JPEG", f"Receipt {number}\n{total}")
    if number % 2:
        return f"good {number}.pdf", hostile_files.pdf_page(
            f"BT /F 24 Tf 72 700 Td (Invoice {number}, {total}) Tj ET".encode()
        )
    return f"good {number}.txt", f"Invoice {number}\n{total}\n".encode() * 20


def good_files() -> list[tuple[str, bytes]]:
    return [good(number) for number in range(GOOD_FILES)]


class Run:
    """One tenant's dataset, and the faults found in what was uploaded to it."""

    def __init__(self, client: Client, listener: Listener) -> None:
        self.client = client
        self.listener = listener
        self.dataset_id = client.dataset("hostile", SCHEMA)["id"]
        self.faults: list[str] = []

    def upload(self, files: list[tuple[str, bytes]], **options: Any) -> list[dict[str, Any]]:
        """Create a batch of these files; returns each as the API describes it."""
        body = {
            "files": [{"name": name, "size_bytes": len(content)} for name, content in files],
            "allow_duplicates": True,
            **options,
        }
        described: list[dict[str, Any]] = self.client.call("POST", f"/datasets/{self.dataset_id}/batches", body)[
            "files"
        ]
        return described

    def another_tenant(self, api_url: str) -> Client:
        tenant = self.client.call("POST", "/operations/tenants", {"name": "another"})
        return Client(api_url, tenant["api_key"])

    def put_all(self, described: list[dict[str, Any]], files: list[tuple[str, bytes]]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda one, file: self.client.put(one["upload"], file[1]), described, files))

    def settled(self, ids: list[str]) -> list[dict[str, Any]]:
        """The files of one batch as they ended, or as they are after SETTLE_S."""
        if not ids:
            return []
        deadline = time.monotonic() + SETTLE_S
        batch_id = self.client.call("GET", f"/files/{ids[0]}")["batch_id"]
        files: dict[str, dict[str, Any]] = {}
        while time.monotonic() < deadline:
            time.sleep(0.5)
            counts = self.client.call("GET", f"/batches/{batch_id}")["counts"]["by_state"]
            if counts.get("processing") or counts.get("uploading"):
                continue  # a cheap request, so that polling does not disturb the measurement
            files = {file["id"]: file for file in self.client.files(self.dataset_id, batch=batch_id)}
            if all(is_settled(files[one]) for one in ids):
                break
        return [files.get(one) or self.client.call("GET", f"/files/{one}") for one in ids]

    def good_alone(self) -> float:
        files = good_files()
        described = self.upload(files)
        self.put_all(described, files)
        return self.good_took_s(self.settled([one["id"] for one in described]))

    def good_among(self, hostile: list[tuple[str, bytes]], theirs: Run) -> tuple[list[dict[str, Any]], float]:
        """Upload hostile files to `theirs` and good ones to this run; the hostile ones as they ended, and the good
        ones' seconds."""
        files = good_files()
        bad, fine = theirs.upload(hostile), self.upload(files)
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(lambda put: put(), (partial(theirs.put_all, bad, hostile), partial(self.put_all, fine, files)))
            )
        took_s = self.good_took_s(self.settled([one["id"] for one in fine]))
        return theirs.settled([one["id"] for one in bad]), took_s

    def good_one_by_one(self, hostile: list[tuple[str, bytes]], theirs: Run) -> list[float]:
        """The seconds that each good file took, uploaded one every `EACH_S` while the hostile files of `theirs` are
        processed."""
        files = good_files()
        bad, fine = theirs.upload(hostile) if hostile else [], self.upload(files)
        with ThreadPoolExecutor(1 + UPLOADS_AT_ONCE) as pool:
            puts = [pool.submit(theirs.put_all, bad, hostile)]
            for described, (_, content) in zip(fine, files, strict=True):
                puts.append(pool.submit(self.client.put, described["upload"], content))
                time.sleep(EACH_S)
            for put in puts:
                put.result()
        ended = self.settled([one["id"] for one in fine])
        self.good_took_s(ended)
        theirs.settled([one["id"] for one in bad])
        return [ended_at(file) - _time(file["uploaded_at"]) for file in ended]

    def good_after_a_flood(self, hostile: tuple[str, bytes], count: int) -> float:
        """The seconds that good files took behind a batch of copies of a hostile file, which is then cancelled."""
        files = [hostile] * count
        flood = self.upload(files)
        self.put_all(flood, files)
        took_s = self.good_alone()
        batch_id = self.client.call("GET", f"/files/{flood[0]['id']}")["batch_id"]
        self.client.call("POST", f"/batches/{batch_id}/cancel")
        return took_s

    def good_took_s(self, files: list[dict[str, Any]]) -> float:
        """Seconds from the first upload to the last record; a median would hide a single delayed file."""
        for file in files:
            if file["state"] != "done":
                self.faults.append(f"the good file {file['name']} ended as {file['state']}: {file['error']}")
        return max(map(ended_at, files)) - min(_time(file["uploaded_at"]) for file in files)

    def check_expanded(self, contents: list[tuple[Case, bytes]]) -> None:
        """Upload each zip to be expanded, in a batch of its own."""
        for case, content in contents:
            if case.what not in EXPANDED:
                continue
            ends, count = EXPANDED[case.what]
            (described,) = self.upload([(case.name, content)], expand_archives=True)
            self.put_all([described], [(case.name, content)])
            (file,) = self.settled([described["id"]])
            members = [
                one for one in self.client.files(self.dataset_id, batch=file["batch_id"]) if one["id"] != file["id"]
            ]
            if outcome(file) not in ends or len(members) != count:
                self.faults.append(f"{case.what}, expanded, ended as {outcome(file)} with {len(members)} files")
            if not all(map(is_settled, self.settled([one["id"] for one in members]))):
                self.faults.append(f"not every file of {case.what} settled")

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
            self.put_all([file], [(name, b"Total: 1.50\n")])
            (ended,) = self.settled([file["id"]])
            if ended["name"] != name or ended["state"] != "done":
                self.faults.append(f"the name {name!r} came back as {ended['name']!r}, its file as {ended['state']}")
            results.append((name, "taken as it is"))
        return results

    def check_previews(self, cases: list[Case], files: list[dict[str, Any]]) -> int:
        """Check every HTML preview; how many there were."""
        pages = 0
        for case, file in zip(cases, files, strict=True):
            preview = file["artifacts"]["preview"]
            if not preview or "html" not in preview["media_type"]:
                continue
            pages += 1
            content = self.client.fetch(preview["url"])
            if POLICY not in content:
                self.faults.append(f"the preview of {case.what} has no policy")
            if found := FORBIDDEN.search(_outside_text(content)):
                self.faults.append(f"the preview of {case.what} holds {found[0][:60]!r}")
        return pages


def _outside_text(page: bytes) -> bytes:
    """Only a page's tags: text that mentions a script is harmless."""
    return b"\n".join(re.findall(rb"<[^>]*>", page))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def ended_at(file: dict[str, Any]) -> float:
    """When the last of its pipelines ended, as Unix time; infinite if one has not."""
    if not is_settled(file):
        return float("inf")
    ends = [step.get("ended_at") for pipeline in file["pipelines"].values() for step in pipeline["steps"]]
    return max((_time(end) for end in ends if end), default=_time(file["updated_at"]))


def outcome(file: dict[str, Any]) -> str:
    return str(file["error"]["code"] if file["state"] == "failed" else file["state"])


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def reported_s(where: str, seconds: float) -> float:
    print(f"{GOOD_FILES} good files {where}: {seconds:.1f} s", flush=True)
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fairway-hostile-") as folder, listening() as listener:
        print(f"Making {len(CASES)} files", flush=True)
        contents = [(case, case.make(listener.url)) for case in CASES]
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, Path(folder) / "home", FAIRWAY_WORKERS="2")
        try:
            endpoint_file = Path(folder) / "home" / "endpoint.json"
            endpoint = json.loads(endpoint_file.read_text())
            run = Run(Client(endpoint["api_url"], endpoint["api_key"]), listener)
            other = Run(run.another_tenant(endpoint["api_url"]), listener)
            hostile = [(case.name, content) for case, content in contents]
            run.good_alone()  # warms everything up
            alone_s = [reported_s("alone", run.good_alone())]
            files, took_s = run.good_among(hostile, run)
            good_s = {"among them": reported_s("among them", took_s)}
            pages = run.check_previews([case for case, _ in contents], files)
            alone_s.append(reported_s("alone", run.good_alone()))
            good_s["among another tenant's"] = reported_s("among another tenant's", run.good_among(hostile, other)[1])
            run.check_expanded(contents)
            names = run.names()
            one_by_one = {
                "alone": run.good_one_by_one([], run),
                "among them": run.good_one_by_one(hostile, run),
                "among another tenant's": run.good_one_by_one(hostile, other),
            }
            alone_s.append(reported_s("alone", run.good_alone()))
            flooded_s = reported_s(f"behind {FLOOD} that take long", run.good_after_a_flood(FLOOD_OF, FLOOD))
            audit = run.client.call("GET", "/operations/audit")
            restarted = endpoint["processes"] != json.loads(endpoint_file.read_text())["processes"]
        finally:
            stop(process)
    run.faults += other.faults
    good = statistics.mean(alone_s), good_s, one_by_one, flooded_s
    sys.exit(report(run, contents, files, *good, pages, names, audit, restarted))


def report(
    run: Run, contents: list[tuple[Case, bytes]], files: list[dict[str, Any]], alone_s: float,
    good_s: dict[str, float], one_by_one: dict[str, list[float]], flooded_s: float, pages: int, names: list[tuple[str, str]], audit: dict[str, Any], restarted: bool,
) -> int:  # fmt: skip
    """Print and keep the tables and all faults; 1 if there is a fault."""
    table = Table("file", "KiB", "ended as", "after, s", title="Hostile and broken files")
    took = [ended_at(file) - _time(file["uploaded_at"]) for file in files]
    for (case, content), file, seconds in sorted(zip(contents, files, took, strict=True), key=lambda row: -row[2]):
        as_expected = is_settled(file) and outcome(file) in case.ends
        table.add_row(
            case.what, f"{len(content) / 1024:.0f}", outcome(file) + ("" if as_expected else "  (!)"), f"{seconds:.1f}"
        )
        if not as_expected:
            run.faults.append(f"{case.what} ended as {outcome(file)}, not as one of {sorted(case.ends)}")
    names_table = Table("name", "the API", title="Names")
    for name, what in names:
        names_table.add_row(
            ascii(name if len(name) < 60 else f"{name[:40]}... ({len(name.encode('utf-8', 'replace'))} bytes)"), what
        )
    settled = sum(map(is_settled, files))
    slower = max(1.0, alone_s / ALONE_S)
    figures = {
        "settled": f"{settled} of {len(files)}",
        "half of them within, s": round(statistics.median(took), 1),
        "95 % of them within, s": round(p95(took), 1),
        f"{GOOD_FILES} good files alone, s": round(alone_s, 1),
        "so all time limits are multiplied by": round(slower, 2),
        **{
            f"{GOOD_FILES} good files {where}": f"{one_s:.1f} s, {one_s / alone_s:.2f}x"
            for where, one_s in good_s.items()
        },
        **{
            f"of good files, one each {EACH_S} s, {where}, half and 95 % within, s": f"{statistics.median(one):.2f}; {p95(one):.2f}"
            for where, one in one_by_one.items()
        },
        f"{GOOD_FILES} good files behind {FLOOD} that take long": f"{flooded_s - alone_s:.1f} s later",
        "calls to the outside": len(run.listener.calls),
        "HTML previews checked": pages,
        "processes restarted": int(restarted),
    }
    faults = run.faults
    faults += ["not every file settled"] * (settled < len(files))
    faults += [f"95 % took {p95(took):.1f} s"] * (p95(took) > MAX_S * slower)
    faults += [
        f"good files {where}, one by one, took {p95(one):.1f} s"
        for where, one in one_by_one.items()
        if p95(one) > ONE_BY_ONE_S * slower
    ]
    faults += [f"a flood delayed good files for {flooded_s - alone_s:.1f} s"] * (
        flooded_s > alone_s + FLOODED_S * slower
    )
    faults += [f"a file called the listener: {run.listener.calls[:3]}"] * bool(run.listener.calls)
    faults += ["a process had to be restarted"] * restarted
    faults += [f"the audit finds {audit}"] * bool(audit["lost"] or audit["doubled"])
    console = Console(width=120)
    for one in (table, names_table):
        console.print(one)
    for what, figure in figures.items():
        console.print(f"{what}: {figure}")
    for fault in faults:
        console.print(f"FAULT: {fault}", markup=False)
    out = ROOT / "build" / "bench" / "hostile.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    ends = {case.what: [outcome(file), round(s, 1)] for (case, _), file, s in zip(contents, files, took, strict=True)}
    out.write_text(json.dumps({"figures": figures, "files": ends, "names": names, "faults": faults}, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    main()
