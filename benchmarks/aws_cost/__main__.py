"""Estimates what 1,000 files of each kind cost on AWS, from the resources that the real steps use on this machine.

    python -m benchmarks.aws_cost [--times 5] [--scan-pages 20] [--processor arm64]

Prices are list prices from one dated file. Prints tables and saves them in build/bench/aws_cost.json. A scan of
`--scan-pages` pages is measured and extrapolated to 300.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.aws_cost import pricing
from benchmarks.aws_cost.measuring import Machine
from benchmarks.aws_cost.pricing import FileUse
from benchmarks.servers import running_servers
from benchmarks.starting import ROOT
from infra.aws import alarms
from infra.aws.inventory import FUNCTIONS, setting
from infra.topics import TOPICS

HERE = Path(__file__).parent
SAMPLES = ROOT / "events" / "samples"
KINDS = {
    "native PDF": "Invoice INV-2023-03-0008.pdf",
    "receipt photo": "receipt-hardware.jpg",
    "office file": "joinery-invoice.docx",
}
SCAN, SCAN_PAGES = "300-page scan", 300
SIZES_MB = (512, 1024, 1769, 3008)
STAGE = "dev"
TARGET_USD = 0.10


def memory_mb() -> dict[str, int]:
    """The memory of each function in MB."""
    return {function: int(setting(STAGE, function, "lambda_memory_size")) for function in FUNCTIONS}


def resource_counts() -> dict[str, int]:
    """The numbers of queues and alarms in the stack, which depend on the steps."""
    resources = alarms.resources(STAGE, {function: function for function in FUNCTIONS}).values()
    return {
        "queues": len(TOPICS),
        "alarms": sum(resource["Type"] == "AWS::CloudWatch::Alarm" for resource in resources),
    }


def scan_of(pages: int, folder: Path) -> Path:
    """A scan of this many identical pages."""
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    page = pypdfium2.PdfDocument(SAMPLES / "scan-groceries.pdf")
    for _ in range(pages):
        document.import_pages(page, [0])
    path = folder / "scan.pdf"
    document.save(path)
    return path


def extrapolated(of: FileUse, pages: int) -> FileUse:
    """The use of a longer file of the same pages.

    Work that is done once for each file is also multiplied, so the result is rather too high than too low.
    """
    factor = pages / of.pages
    return replace(
        of,
        steps={name: use if name in ("arrivals", "thumbnail") else use.times(factor) for name, use in of.steps.items()},
        database_cpu_s=of.database_cpu_s * factor,
        size_bytes=round(of.size_bytes * factor),
        kept_bytes=round(of.kept_bytes * factor),
        pages=pages,
        characters=round(of.characters * factor),
    )


def measure(times: int, scan_pages: int) -> dict[str, FileUse]:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder, running_servers(Path(folder)) as running:
        machine = Machine(running)
        try:
            found = {kind: machine.use_of(SAMPLES / name, times) for kind, name in KINDS.items()}
            scan = machine.use_of(scan_of(scan_pages, Path(folder)), 1)
        finally:
            machine.close()
    return found | {SCAN: extrapolated(scan, SCAN_PAGES)}


def show(used: dict[str, FileUse], processor: str) -> dict[str, Any]:
    prices, assumed = (json.loads((HERE / f"{name}.json").read_text()) for name in ("prices", "assumptions"))
    assumed |= resource_counts()
    memory, console = memory_mb(), Console(width=150)
    by_kind = {kind: pricing.items(of, memory, processor, prices, assumed) for kind, of in used.items()}
    names = list(next(iter(by_kind.values())))
    table = Table(
        f"US dollars for 1,000 files ({processor}, {prices['region']}, prices as of {prices['as_of']})", *by_kind
    )
    for name in names:
        table.add_row(name, *(f"{prices[name]:.4f}" for prices in by_kind.values()))
    own = {kind: pricing.own_usd(usage) for kind, usage in by_kind.items()}
    table.add_row("without Textract and models", *(f"{usd:.4f}" for usd in own.values()), style="bold")
    whole = {kind: own[kind] + usage["Textract"] + usage["model amazon.nova-lite"] for kind, usage in by_kind.items()}
    table.add_row("with Textract and amazon.nova-lite", *(f"{usd:.4f}" for usd in whole.values()), style="bold")
    table.add_row("the same per page", *(f"{whole[kind] / 1000 / of.pages:.6f}" for kind, of in used.items()))
    peer = prices["idp_accelerator"]
    table.add_row("AWS's accelerator, per page", *(f"{peer['usd_a_page']:.6f}" for _ in used))
    console.print(table)

    seconds = Table("seconds of Lambda time per file, all steps in sequence", *used)
    steps = list(dict.fromkeys(step for of in used.values() for step in of.steps))
    step_s = {
        kind: {step: pricing.billed_s(use, memory[step], assumed) * use.runs for step, use in of.steps.items()}
        for kind, of in used.items()
    }
    for step in steps:
        seconds.add_row(f"{step} ({memory[step]} MB)", *(f"{by_step.get(step, 0):.3f}" for by_step in step_s.values()))
    seconds.add_row("total per page", *(f"{sum(step_s[kind].values()) / of.pages:.3f}" for kind, of in used.items()))
    seconds.add_row("AWS's accelerator, per page", *(str(peer["seconds_a_page"]) for _ in used))
    console.print(seconds)

    tuned = _tuning(used, processor, prices, assumed, console)
    idle = pricing.idle(prices, assumed, upkeep_s=0.5, upkeep_mb=memory["upkeep"], processor=processor)
    standing = Table("idle", "US dollars a month")
    for name, usd in (idle | {"total": sum(idle.values())}).items():
        standing.add_row(name, f"{usd:.2f}")
    console.print(standing)
    console.print("RDS, its proxy, ElastiCache and the network endpoints are billed by the hour, used or not.")
    result = "reached" if own["native PDF"] <= TARGET_USD else "missed"
    console.print(f"Target: at most ${TARGET_USD:.2f} for 1,000 native PDFs without Textract and models: {result}.")
    return {
        "prices_as_of": prices["as_of"],
        "processor": processor,
        "usd_a_thousand": by_kind,
        "usd_a_thousand_without_paid_services": own,
        "seconds_a_file": step_s,
        "tuning": tuned,
        "idle_usd_a_month": idle,
        "used": {kind: asdict(of) for kind, of in used.items()},
    }


def _tuning(used: dict[str, FileUse], processor: str, prices: Any, assumed: Any, console: Console) -> dict[str, Any]:
    """Cost and duration by function and memory size, for the kind of file that uses the function most."""
    table = Table("step (kind of file)", "CPU s per run", "peak MB", *(f"{size} MB" for size in SIZES_MB))
    found: dict[str, Any] = {}
    for step in dict.fromkeys(step for of in used.values() for step in of.steps):
        kind = max(used, key=lambda name: _cpu_a_run(used[name], step))
        use = used[kind].steps[step]
        tuned = pricing.tuning(use.times(1 / use.runs), processor, prices, assumed, SIZES_MB)
        cells = (f"{tuned[size][0]:.2f} s ${tuned[size][1]:.4f}" if size in tuned else "too small" for size in SIZES_MB)
        table.add_row(f"{step} ({kind})", f"{use.cpu_s / use.runs:.3f}", f"{use.peak_mb:.0f}", *cells)
        found[step] = {
            "kind": kind,
            "peak_mb": round(use.peak_mb),
            "by_mb": {str(size): figures for size, figures in tuned.items()},
        }
    console.print(table)
    return found


def _cpu_a_run(of: FileUse, step: str) -> float:
    use = of.steps.get(step)
    return use.cpu_s / use.runs if use and use.runs else -1.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--scan-pages", type=int, default=20)
    options.add_argument("--processor", choices=("x86_64", "arm64"), default="x86_64")
    arguments = options.parse_args()
    results = show(measure(arguments.times, arguments.scan_pages), arguments.processor)
    out = ROOT / "build" / "bench" / "aws_cost.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
