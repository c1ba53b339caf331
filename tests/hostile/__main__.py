"""Sends every hostile file through a real embedded start, with good files among them.

    python -m tests.hostile

Prints how each file ended and after how long, and saves this in build/bench/hostile.json. Exits with 1 if a file did
not settle or ended in an unexpected way, if the 95th percentile of hostile files takes over 30 s, if a process had to
be restarted, if good files were delayed, or if the address in the files was called. A slower machine than the one of the
time limits gets more time, in proportion to a fixed computation. The same tenant and another one
upload good files among the hostile ones, all at once and one by one. At the end good files are uploaded behind many
copies of a file that keeps its reader busy up to its time limit.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled
from rich.console import Console
from rich.table import Table

from benchmarks.starting import ROOT, start, stop
from tests.hostile import hostile_files
from tests.hostile.cases import CASES, Case
from tests.hostile.machine_speed import slower_by
from tests.hostile.run import EACH_S, GOOD_FILES, Run, ended_at, outcome, unix_time
from tests.hostile.settling import listening

FLOOD, FLOOD_OF = 40, ("itself.pdf", hostile_files.pdf_that_draws_itself())
MAX_S = 30.0  # 95th percentile of hostile files
ONE_BY_ONE_S = 2.0  # 95th percentile of good files, one at a time
FLOODED_S = 10.0


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
            slower = [slower_by()]
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
            slower.append(slower_by())
            flooded_s = reported_s(f"behind {FLOOD} that take long", run.good_after_a_flood(FLOOD_OF, FLOOD))
            audit = run.client.call("GET", "/operations/audit")
            restarted = endpoint["processes"] != json.loads(endpoint_file.read_text())["processes"]
        finally:
            stop(process)
    run.faults += other.faults
    good = statistics.mean(slower), statistics.mean(alone_s), good_s, one_by_one, flooded_s
    sys.exit(report(run, contents, files, *good, pages, names, audit, restarted))


def report(
    run: Run, contents: list[tuple[Case, bytes]], files: list[dict[str, Any]], slower: float, alone_s: float,
    good_s: dict[str, float], one_by_one: dict[str, list[float]], flooded_s: float, pages: int, names: list[tuple[str, str]], audit: dict[str, Any], restarted: bool,
) -> int:  # fmt: skip
    """Print and save the tables and all faults. Returns 1 if there is a fault."""
    table = Table("file", "KiB", "ended as", "after, s", title="Hostile and broken files")
    took = [ended_at(file) - unix_time(file["uploaded_at"]) for file in files]
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
    figures = {
        "settled": f"{settled} of {len(files)}",
        "half of them within, s": round(statistics.median(took), 1),
        "95 % of them within, s": round(p95(took), 1),
        f"{GOOD_FILES} good files alone, s": round(alone_s, 1),
        "so all time limits are multiplied by": round(slower, 2),
        **{
            f"{GOOD_FILES} good files {where}": f"{took_s:.1f} s, {took_s / alone_s:.2f}x"
            for where, took_s in good_s.items()
        },
        **{
            f"of good files, one each {EACH_S} s, {where}, half and 95 % within, s": f"{statistics.median(each_s):.2f}; {p95(each_s):.2f}"
            for where, each_s in one_by_one.items()
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
        f"good files {where}, one by one, took {p95(each_s):.1f} s"
        for where, each_s in one_by_one.items()
        if p95(each_s) > ONE_BY_ONE_S * slower
    ]
    faults += [f"a flood delayed good files for {flooded_s - alone_s:.1f} s"] * (
        flooded_s > alone_s + FLOODED_S * slower
    )
    faults += [f"a file called the listener: {run.listener.calls[:3]}"] * bool(run.listener.calls)
    faults += ["a process had to be restarted"] * restarted
    faults += [f"the audit finds {audit}"] * bool(audit["lost"] or audit["doubled"])
    console = Console(width=120)
    console.print(table)
    console.print(names_table)
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
