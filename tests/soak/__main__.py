"""A day's faults in twenty minutes: several tenants work while everything that can fail fails at random.

    python -m tests.soak [--seed N] [--minutes 20] [--plan] [--faults NAME,...] [--keep FOLDER]

The seed decides the whole plan: what users do, which faults strike, when and for how long. Each event is printed as it
happens, and `--plan` only prints the plan. Afterwards every file must have ended as its user may expect, each object
must be what was sent, each effect must have happened once, and the audit must balance. Exits with 1 otherwise.
`--faults` runs only the named faults, to find the cause of a failure; with `none` there are no faults.
`--keep` copies the logs to a folder.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.scenarios.measurements import show
from tests.soak.plan import FAULTS, make_plan
from tests.soak.run import Run
from tests.soak.site import Site


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--minutes", type=float, default=20.0)
    arguments.add_argument("--plan", action="store_true", help="print the plan, and run nothing")
    arguments.add_argument("--keep", type=Path, help="where to copy the logs at the end")
    arguments.add_argument("--faults", default="", metavar="NAME,...", help=f"some of {', '.join(FAULTS)}; or none")
    options = arguments.parse_args()
    left_out = set(FAULTS) - set(options.faults.split(",")) if options.faults else set()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    plan = make_plan(seed, options.minutes)
    print(f"soak with --seed {seed} --minutes {options.minutes:g}: {len(plan.events)} events", flush=True)
    if options.plan:
        print(*plan.events, sep="\n")
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fairway-soak-") as folder, Site(Path(folder)) as site:
        site.missing |= dict.fromkeys(left_out, "not among --faults")
        for fault, reason in site.missing.items():
            print(f"left out: {fault}: {reason}", flush=True)
        try:
            measurements = Run(site, plan).run()
        finally:
            if options.keep:
                shutil.copytree(site.home / "logs", options.keep, dirs_exist_ok=True)
                shutil.copy(site.folder / "start.log", options.keep)
    show(f"soak-{seed}", f"soak, seed {seed} ({time.monotonic() - began:.0f} s)", measurements)
    missed = [measurement for measurement in measurements if not measurement.is_reached]
    for measurement in missed:
        print(f"target not reached: {measurement.name}: {measurement.value}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
