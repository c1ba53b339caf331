"""Measures how many documents are recognised as what they are, by the built-in rules, and what moves add to them.

    python -m benchmarks.routing DATA [--kept PAGES]

DATA has folders of documents: `receipts*` (JPEG), `invoices` (PDF) and `documents` (all other). Each is read as a worker reads it.
PAGES is a file in which what was read is kept, for the next run. Statements are made by this program, in several languages.
"""

from __future__ import annotations

import argparse
import pickle
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError
from layers.domain.extraction.segments import documents_of
from layers.domain.formats import KEPT, SEEN, Kind, kind_of
from layers.domain.kinds.decision import Recognised, recognise_all
from layers.domain.kinds.learnt import SURE_FROM, Example, Model, trained, words_of
from layers.domain.kinds.rules import Kind as KindName
from layers.domain.kinds.rules import looks_of, scores
from layers.domain.page import Page

NO_DOCUMENTS = ("LICENSE", "README", "LICENSES")
TRUTH_BESIDE = (".pdf.json", ".pdf.txt", ".pptx.json", ".pptx.txt", ".csv.json", ".csv.txt", ".html.json")
MOST_PAGES = 20
LESSONS = (0, 5, 20, 60)
STATEMENTS = (
    "First National Bank\nAccount statement\nStatement period 1 May 2024 to 31 May 2024\nDate Description Debit Credit Balance\n"
    "Opening balance 1,204.10\n02 May Rent 800.00 404.10\n15 May Salary 2,100.00 2,504.10\nClosing balance 2,504.10",
    "Stadtsparkasse Musterstadt\nKontoauszug 5/2024\nBuchungstag Valuta Buchungstext Betrag\nAlter Kontostand 1.204,10\n"
    "02.05. Lastschrift Miete 800,00- \n15.05. Gutschrift Gehalt 2.100,00+\nNeuer Kontostand 2.504,10",
    "Banque du Centre\nRelevé de compte\nDate Date valeur Opérations Débit Crédit\nAncien solde au 01/05/2024 1 204,10\n"
    "02/05 Prélèvement loyer 800,00\n15/05 Virement salaire 2 100,00\nNouveau solde au 31/05/2024 2 504,10",
    "Banco del Sur\nExtracto de cuenta\nFecha Concepto Cargo Abono Saldo\nSaldo inicial 1.204,10\n02/05 Alquiler 800,00\n"
    "15/05 Nómina 2.100,00\nSaldo final 2.504,10",
    "Banca Popolare\nEstratto conto al 31/05/2024\nData Valuta Movimenti Dare Avere\nSaldo iniziale 1.204,10\n"
    "02/05 Affitto 800,00\n15/05 Stipendio 2.100,00\nSaldo finale 2.504,10",
    "Hardware Wholesale Sdn Bhd\nSTATEMENT OF ACCOUNT\nCustomer 300-A012  Statement date 31/05/2024\nDate Ref Debit Credit Balance\n"
    "Balance b/f 120.00\n03/05 INV-1 250.00 370.00\n20/05 OR-9 120.00 250.00\nCurrent 31-60 days 61-90 days over 90 days",
)


@dataclass(frozen=True)
class Sample:
    """A document that was read, and what it is."""

    name: str
    kind: KindName
    pages: Sequence[Page]

    def found(self, model: Model) -> Recognised:
        """What is found, doubtful if the file has documents of several kinds."""
        found = recognise_all(documents_of(self.pages[:MOST_PAGES]), model)
        least = min(found, key=lambda each: each.probability)
        return least if len({each.kind for each in found}) == 1 else Recognised(least.kind, 0.0, least.by)

    def example(self, *, taught: bool) -> Example:
        looks = looks_of(documents_of(self.pages[:MOST_PAGES])[0])
        return Example(self.kind, words_of(looks), scores(looks), taught)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--kept", type=Path, help="where the pages are kept between runs")
    arguments.add_argument("--wrong", action="store_true", help="name the documents that are wrong or undecided")
    chosen = arguments.parse_args()
    samples = read(chosen.data, chosen.kept)
    samples += [Sample(f"statement {n}", "statement", [_made(text)]) for n, text in enumerate(STATEMENTS)]
    began = time.process_time()
    found = [(sample, sample.found(Model())) for sample in samples]
    show("By the built-in rules", found)
    print(f"{(time.process_time() - began) / len(samples) * 1000:.1f} ms a document\n")
    if chosen.wrong:
        for sample, each in found:
            if each.kind != sample.kind or not each.is_sure:
                print(f"{sample.name}: {sample.kind}, found {each.kind} {each.probability:.0f} %")
    measure_lessons(samples)


def show(title: str, found: Iterable[tuple[Sample, Recognised]]) -> None:
    counts: dict[str, Counter[str]] = {}
    for sample, each in found:
        verdict = "undecided" if not each.is_sure else "right" if each.kind == sample.kind else "wrong"
        counts.setdefault(sample.kind, Counter())[verdict] += 1
    table = Table("kind", "documents", "right", "wrong", "undecided", title=title)
    for kind in get_args(KindName):
        of_kind = counts.get(kind, Counter())
        table.add_row(kind, str(of_kind.total()), *(str(of_kind[each]) for each in ("right", "wrong", "undecided")))
    Console(width=100).print(table)


def measure_lessons(samples: Sequence[Sample]) -> None:
    """Half of the documents teach, in turns of chance; the other half are decided."""
    chance = random.Random(7)
    mixed = list(samples)
    chance.shuffle(mixed)
    teachers, others = mixed[::2], mixed[1::2]
    table = Table("lessons", "right", "wrong", "undecided", "weight", "training", title="Decisions on the other half")
    undisputed = [each for each in teachers if (found := each.found(Model())).is_sure and found.kind == each.kind][:100]
    corrected = [each for each in teachers if each not in undisputed]
    for count in LESSONS:
        taught = (corrected + undisputed)[:count]
        began = time.process_time()
        examples = [each.example(taught=True) for each in taught]
        examples += [each.example(taught=False) for each in undisputed if each not in taught]
        model = trained(examples)
        took_ms = (time.process_time() - began) * 1000
        verdicts = Counter[str]()
        for sample in others:
            found = sample.found(model)
            verdicts["undecided" if not found.is_sure else "right" if found.kind == sample.kind else "wrong"] += 1
        counts = [str(verdicts[each]) for each in ("right", "wrong", "undecided")]
        table.add_row(str(count), *counts, f"{model.weight:g}", f"{took_ms:.0f} ms")
    Console(width=100).print(table)
    print(f"A decision is sure from {SURE_FROM:.0%}.")


def read(data: Path, kept: Path | None) -> list[Sample]:
    if kept and kept.exists():
        return list(pickle.loads(kept.read_bytes()))
    documents = Documents(max_children=3, memory_bytes=2 << 30)
    samples = [
        Sample(path.relative_to(data).as_posix(), kind, pages)
        for path, kind in _files(data)
        if (pages := _pages(documents, path))
    ]
    if kept:
        kept.write_bytes(pickle.dumps(samples))
    return samples


def _files(data: Path) -> Iterator[tuple[Path, KindName]]:
    for folder in sorted(data.glob("receipts*")):
        yield from ((path, "receipt") for path in sorted(folder.glob("*.jpg")))
    yield from ((path, "invoice") for path in sorted((data / "invoices").glob("*.pdf")))
    for path in sorted((data / "documents").iterdir()):
        if path.stem not in NO_DOCUMENTS and not path.name.endswith(TRUTH_BESIDE):
            yield path, "other"


def _pages(documents: Documents, path: Path) -> list[Page]:
    """The pages of a file with text; none if it can't be read or has no record."""
    try:
        media_type = documents.identify(path, path.name).media_type
        kind = kind_of(media_type)
        if media_type is None or kind is None or kind in KEPT:
            return []
        pages = [] if kind is Kind.PICTURE else list(documents.read_text(path, media_type))[:MOST_PAGES]
        if kind is Kind.PICTURE or (kind in SEEN and pages and pages[0].source is None):
            pages = list(documents.read_images(path, media_type, (1,), ("eng",), "fast"))
    except PermanentError:
        return []
    return [page for page in pages if page.source]


def _made(text: str) -> Page:
    return Page(1, text, source="native", confidence=100.0, width=595, height=842)


if __name__ == "__main__":
    main()
