"""Moves: a person moves files to another dataset, which teaches the dataset that they come from, and can undo that."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args
from uuid import UUID

from functions.api import datasets, learning, rows
from functions.api.bodies import Moves
from functions.api.problems import Problem, not_found
from functions.api.redrives import redrive_step
from functions.api.requests import Request, is_id
from functions.extraction import extraction
from layers.domain.kinds.learnt import trained
from layers.domain.kinds.rules import Kind
from layers.ports.rows import Dataset, FileRow

MOST_AT_ONCE = 1000
SETTLED = ("done", "partial", "failed")
BUSY = "it is being processed; try again when it has ended"
Refusals = list[dict[str, str]]


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    source, body = datasets.existing(request, dataset_id), request.read(Moves)
    target = request.catalog.dataset(body.to) if is_id(body.to) else None
    if target is None or body.to == dataset_id:
        detail = "must be the id of another dataset"
        raise Problem("invalid_request", "`to` is not valid", [{"pointer": "/to", "detail": detail}])
    file_ids, has_more = rows.named_or_chosen(request, source, body.file_ids, body.where, MOST_AT_ONCE)
    file_ids.sort()
    files = {str(file.file_id): file for file in request.catalog.files_by_id(file_ids)}
    files = {file_id: file for file_id, file in files.items() if str(file.dataset_id) == dataset_id}
    move_id, moved = str(uuid.uuid4()), list[str]()
    refused: Refusals = [{"id": each, "reason": "it is not in the dataset"} for each in file_ids if each not in files]
    homes: dict[str, Dataset | None] = {}
    extracted = _extracted(request, files)
    for file_id in sorted(files):
        if reason := _refusal(request, files[file_id], extracted):
            refused.append({"id": file_id, "reason": reason})
            continue
        home = _home(request, files[file_id], source, homes)
        kind = body.kind or _kind(files[file_id], home, body.to)
        caller = request.caller
        home_id = str(home.dataset_id)
        if not request.catalog.move_file(file_id, body.to, home_id, kind, move_id, caller.key_id, caller.name):
            raise not_found("dataset")
        moved.append(file_id)
    _after(request, {body.to: moved}, [dataset_id])
    return 202, {"id": move_id if moved else None, "count": len(moved), "not_moved": refused, "has_more": has_more}


def undo(request: Request, move_id: str) -> tuple[int, Any]:
    moves = request.catalog.moves_of(move_id)
    if not moves:
        raise not_found("move")
    files = {file.file_id: file for file in request.catalog.files_by_id([move.file_id for move in moves])}
    extracted = _extracted(request, list(map(str, files)))
    refused: Refusals = []
    back: dict[str, list[str]] = {}
    for move in moves:
        file, file_id = files.get(move.file_id), str(move.file_id)
        if move.undone:
            continue
        if file is None or not move.is_last:
            reason = "it was removed" if file is None else "it was moved again"
        else:
            reason = _refusal(request, file, extracted) or ""
        if not reason and not request.catalog.undo_move(move.move_id, request.caller.key_id, request.caller.name):
            raise Problem("conflict", "the dataset from which the files were moved was removed")
        if reason:
            refused.append({"id": file_id, "reason": reason})
        else:
            back.setdefault(str(move.from_dataset_id), []).append(file_id)
    _after(request, back, {str(move.to_dataset_id) for move in moves})
    return 202, {"id": move_id, "count": sum(map(len, back.values())), "not_moved": refused}


def show_routing(request: Request, dataset_id: str) -> tuple[int, Any]:
    """The rules of a dataset, what they have been taught, and whether that is used."""
    dataset = datasets.existing(request, dataset_id)
    rules = dataset.routing or {}
    found = {target: request.catalog.dataset(target) for target in set(rules.values())}
    version = request.catalog.lessons_version(dataset_id)
    learnt = request.ports.lessons.get(dataset_id, version, time.monotonic(), lambda: _learnt(request, dataset_id))
    return 200, {
        "rules": {
            kind: {"dataset_id": target, "name": to.name if (to := found[target]) else None}
            for kind, target in rules.items()
        },
        **learnt,
    }


def _learnt(request: Request, dataset_id: str) -> dict[str, Any]:
    """What a dataset has been taught, and how its model decides. It takes some tenths of a second."""
    examples = request.catalog.kind_examples(dataset_id)
    model = trained(examples)
    return {
        "taught": dict(Counter(example.kind for example in examples if example.taught)),
        "model": {"is_used": bool(model.weight), "rules": asdict(model.rules), "learnt": asdict(model.learnt)},
    }


def _extracted(request: Request, file_ids: Iterable[str]) -> set[UUID]:
    """Those of these files whose values have been extracted."""
    parts = request.catalog.steps_of(list(map(UUID, file_ids)))
    return {part.file_id for part in parts if part.step == extraction.name and part.attempt}


def _refusal(request: Request, file: FileRow, extracted: Collection[UUID]) -> str | None:
    """Why a file can't be moved now; otherwise its extraction runs again."""
    if file.state not in SETTLED:
        return BUSY
    if file.file_id not in extracted:
        return None  # nothing was extracted from it, and nothing will be
    if file.text_erased_at:
        return "its values can't be extracted again: the dataset's retention has erased its text"
    return None if redrive_step(request, str(file.file_id), extraction.name) else BUSY


def _home(request: Request, file: FileRow, source: Dataset, known: dict[str, Dataset | None]) -> Dataset:
    """The dataset whose rules a move teaches: the one that has sent the file here, or else the one that it is in."""
    if file.moved is None or file.moved["by"] != "rule":
        return source
    sender = file.moved["from"]
    if sender not in known:
        known[sender] = request.catalog.dataset(sender)
    return known[sender] or source


def _kind(file: FileRow, home: Dataset, target: str) -> Kind | None:
    """What a file is, as far as its new dataset tells: the only kind that the rules send there, or that they let stay."""
    rules: Mapping[str, str] = home.routing or {}
    kinds: Sequence[Kind] = get_args(Kind)
    if target != str(home.dataset_id):
        sent = [kind for kind in kinds if rules.get(kind) == target]
        return sent[0] if len(sent) == 1 else None
    stays = [kind for kind in kinds if kind not in rules and kind != file.kind]
    return "other" if "other" in stays else stays[0] if len(stays) == 1 else None


def _after(request: Request, moved: Mapping[str, Sequence[str]], left: Sequence[str] | set[str]) -> None:
    for dataset_id, file_ids in moved.items():
        if file_ids:
            learning.learn(request, dataset_id, file_ids)
            request.notify(dataset_id)
    for dataset_id in left:
        request.notify(dataset_id)
    request.dispatch()
