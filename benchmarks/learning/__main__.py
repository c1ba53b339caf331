"""What corrections teach, and how well the probabilities of values tell right records from wrong ones.

    python -m benchmarks.learning FOLDER ... [--fit] [--level accurate] [--draws N] [--kept FOLDER]

Each FOLDER, or a folder in it, has labelled scans. Every second scan, in the order of names, is for tuning: the weights of
signs are fitted on them, on damaged copies of them and on how other levels and Tesseract read them, and a memory is taught with
them. The figures are those of the other scans. `--fit` prints the
weights for layers/domain/extraction/certainty_weights.py. The scans are read once; what was read is kept in a folder. The plot of the
probabilities is written to docs/images/calibration.svg.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.learning import certainties, plot
from benchmarks.learning.certainties import COVERAGES, SURE_FROM
from benchmarks.learning.fitting import fitted, memory_weights, seen
from benchmarks.learning.samples import FIELDS, Memory, Sample, damaged_samples, samples
from benchmarks.reading.truth import halves, receipts
from layers.domain.extraction.certainty_weights import SIGNS
from layers.domain.learning.likeness import letters_in

Rows = dict[str, dict[str, Any]]
OUT = Path("build/bench/learning.json")
CORRECTIONS, MOST_CORRECTIONS = (20, 50), 100


def curve(taught: Sequence[Sample], tested: Sequence[Sample], draws: int) -> Rows:
    """Shares of right values after some corrections, by their number: the mean of draws."""
    rows = {"0": _scores([(sample, None, False) for sample in tested])}
    for count in (*CORRECTIONS, len(taught)):
        results = []
        for draw in range(draws if count < len(taught) else 1):
            chosen = random.Random(draw).sample(list(taught), count)
            results += _tested(chosen, tested)
        rows[str(count)] = _scores(results)
    return rows


def drawn_from_all(scans: Sequence[Sample], count: int, draws: int) -> dict[str, Any]:
    """The same with corrections of scans that are drawn from all; the others are tested."""
    results = []
    for draw in range(draws):
        chosen = random.Random(draw).sample(list(scans), count)
        results += _tested(chosen, [sample for sample in scans if sample not in chosen])
    return _scores(results)


def _tested(taught: Sequence[Sample], tested: Sequence[Sample]) -> list[tuple[Sample, Memory | None, bool]]:
    memory = Memory(taught)
    known = {letters_in(sample.truth["company"]) for sample in taught}
    return [(sample, memory, letters_in(sample.truth["company"]) in known) for sample in tested]


def _scores(results: Sequence[tuple[Sample, Memory | None, bool]]) -> dict[str, Any]:
    rights = [(sample.right(certainties.found_in(sample, memory)), is_known) for sample, memory, is_known in results]
    known = [all(right.values()) for right, is_known in rights if is_known]
    new = [all(right.values()) for right, is_known in rights if not is_known]
    return {
        **{name: _share([right[name] for right, _ in rights]) for name in FIELDS},
        "all four": _share([all(right.values()) for right, _ in rights]),
        "sender known": _share([is_known for _, is_known in rights]),
        "all four, sender known": _share(known),
        "all four, new sender": _share(new),
    }


def probabilities(tested: Sequence[Sample], memory: Memory | None) -> dict[str, Any]:
    """How well probabilities tell right from wrong."""
    judged = certainties.records(tested, memory)
    row = {"AUC of records": _rounded(certainties.area(judged)), "right": _share([each.is_right for each in judged])}
    row |= {f"surest {coverage:.0%}": round(certainties.precision(judged, coverage), 2) for coverage in COVERAGES}
    for name in FIELDS:
        row[f"AUC, {name}"] = _rounded(certainties.area(certainties.values(tested, memory, [name])))
    return row | {"calibration error": round(certainties.calibration_error(certainties.values(tested, memory)), 3)}


def reviews(tested: Sequence[Sample], memory: Memory | None) -> Rows:
    """By `sure_from`: which share of the records needs no review, and how many of these are right."""
    rows: Rows = {}
    for sure_from in SURE_FROM:
        row: dict[str, Any] = {}
        for label, names in (("all four", FIELDS), ("date and total", ("date", "total"))):
            sure = certainties.without_review(tested, memory, sure_from, names)
            row |= {f"{label}: sure": round(sure.share, 2), f"{label}: right": round(sure.is_right, 2)}
        rows[str(sure_from)] = row
    return rows


def _share(rights: Sequence[bool]) -> float | None:
    return round(sum(rights) / len(rights), 2) if rights else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _print(title: str, rows: Rows) -> None:
    table = Table("", *dict.fromkeys(name for row in rows.values() for name in row), title=title)
    for name, row in rows.items():
        table.add_row(name, *("" if value is None else str(value) for value in row.values()))
    Console(width=200).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--level", default="accurate")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--kept", type=Path, default=Path("build/bench/pages"))
    given = parser.parse_args()
    tuned, tested = (samples(half, given.level, given.kept) for half in halves(receipts(given.folders)))
    if given.fit:
        print("SIGNS =", SIGNS)
        for kind, weights in fitted(
            seen([*tuned, *damaged_samples(halves(receipts(given.folders))[0], given.kept)])
        ).items():
            print(f'    "{kind}": {weights},')
        print("SAME, CONTRADICTED, CORRECTED =", memory_weights(tuned, given.draws))
        return
    memory = Memory(tuned)
    tables = {
        "corrections of the tuning half": curve(tuned, tested, given.draws),
        "corrections drawn from all": {
            str(MOST_CORRECTIONS): drawn_from_all([*tuned, *tested], MOST_CORRECTIONS, given.draws)
        },
        "probabilities": {
            "nothing learnt": probabilities(tested, None),
            f"{len(tuned)} corrections": probabilities(tested, memory),
        },
        "no review, nothing learnt": reviews(tested, None),
        f"no review, {len(tuned)} corrections": reviews(tested, memory),
    }
    for title, rows in tables.items():
        _print(title, rows)
    names = ("nothing learnt", f"{len(tuned)} corrections")
    memories = (None, memory)
    plot.draw(
        [certainties.values(tested, each) for each in memories],
        [certainties.records(tested, each) for each in memories],
        names,
    )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
