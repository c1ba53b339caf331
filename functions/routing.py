"""Routing: recognise the kind of a file, and send it to the dataset that a rule of its dataset names for this kind."""

from __future__ import annotations

from collections.abc import Sequence

from layers.attempts.work import Work
from layers.domain.extraction.segments import documents_of
from layers.domain.file import File
from layers.domain.kinds.decision import Recognised, recognise_all
from layers.domain.page import Page
from layers.domain.step import Done, Plan, Routed, Skip, step, whole_file
from layers.ports.kinds import Routes

COST_S = 0.03
MOST_PAGES = 20  # by which documents in the file are told apart


def plan(file: File) -> Plan:
    if not file.routing:
        return Skip("the dataset has no rules for kinds")
    if file.is_split:
        return Skip("its pages are files of their own")
    if not any(page.source for page in file.pages):
        return Skip("there is no text by which its kind could be recognised")
    return whole_file(file)


def cost_s(_file: File) -> float:
    return COST_S


@step(
    plan=plan,
    applies=lambda file: bool(file.routing),
    word="recognising its kind",
    cost_s=cost_s,
    timeout_s=60,
    concurrency=5,
    slots_per_worker=1,
    parts_per_message=10,
    continues_after_failure=True,
)
def routing(file: File, work: Work) -> Done | Skip:
    routes = work.kinds.routes(file)
    if not routes.targets:
        return Skip("the dataset has no rules for kinds")
    if routes.chosen_by_person:
        return Skip("a person has decided that it belongs to this dataset")
    readable = [page for page in work.pages() if page.source]
    if not readable:
        return Skip("there is no text by which its kind could be recognised")
    found = recognised(readable, work, file, routes)
    target = target_of(found, routes)
    is_elsewhere = target is not None and target != file.dataset_id
    return Done(
        reason=reason(found, routes),
        routed=Routed(found[0], file.dataset_id, target if is_elsewhere else None),
    )


def recognised(readable: Sequence[Page], work: Work, file: File, routes: Routes) -> list[Recognised]:
    """The kind of each document in the file."""
    model = work.kinds.model(file, routes.taught)
    return recognise_all(documents_of(readable[:MOST_PAGES]), model)


def target_of(found: Sequence[Recognised], routes: Routes) -> str | None:
    """The dataset to which a rule sends a file with these documents, if all are surely of one kind and it exists."""
    target = routes.targets.get(found[0].kind)
    is_one_kind = all(each.is_sure and each.kind == found[0].kind for each in found)
    return target if is_one_kind and target in routes.names else None


def reason(found: Sequence[Recognised], routes: Routes) -> str:
    """Why the file is sent elsewhere, or why it stays."""
    kinds = list(dict.fromkeys(each.kind for each in found))
    if len(kinds) > 1:
        return f"it stays: it contains documents of several kinds ({', '.join(kinds)})"
    kind, least = kinds[0], min(each.probability for each in found)
    named = f"{kind}, {least:.0f} %"
    if not all(each.is_sure for each in found):
        return f"it stays: its kind is doubtful ({named})"
    target = routes.targets.get(kind)
    if target is None:
        return f"it stays: no rule sends this kind elsewhere ({named})"
    if target not in routes.names:
        return f"it stays: the dataset for this kind was removed ({named})"
    return f"sent to {routes.names[target]} ({named})"
