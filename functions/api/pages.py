"""Pages: the pages of a file as they were read, with the words and their boxes, and a picture of each.

Pictures are drawn when a page is first requested, by a step that runs on request. Most pages are never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.api.files import existing
from functions.api.ports import ApiPorts
from functions.api.requests import Request
from functions.page_pictures import PAGE_COST_S, page_pictures
from functions.pipelines import INTAKE
from layers.domain.fairness import SLICE_S
from layers.domain.formats import SEEN, Kind, format_of, kind_of
from layers.domain.page import page_picture_kind
from layers.domain.slicing import slices
from layers.domain.step import ENDED, PlannedStep
from layers.ports.people import PageRow
from layers.ports.rows import ArtifactRow, FileRow, StepPart

Shown = dict[str, Any]
MOST_PAGES = 20
MOST_WORDS = 20_000  # of a response
DRAWN_AT_ONCE = 20  # the pages from the requested one on
PREVIEW = "preview"


def show(request: Request, file_id: str) -> tuple[int, Any]:
    file = existing(request, file_id)
    first = request.whole_number("number", 1, 1, 1_000_000)
    limit = request.whole_number("limit", 1, 1, MOST_PAGES)
    rows = request.catalog.pages_of(file_id, first, limit + 1)
    page_count = request.catalog.page_count(file_id)
    images = _images(request, file, [row.page_number for row in rows[:limit]], page_count)
    room, pages = MOST_WORDS, list[Shown]()
    for row in rows[:limit]:
        pages.append(_page_view(row, images[row.page_number], room))
        room -= len(pages[-1]["words"])
    return 200, {
        "page_count": page_count,
        "pages": pages,
        "next_number": rows[limit].page_number if len(rows) > limit else None,
    }


def _page_view(row: PageRow, image: Shown, room: int) -> Shown:
    words = [{"text": word[0], "box": word[1:5], "confidence": word[5]} for word in row.words[: max(0, room)]]
    return {
        "number": row.page_number,
        "width": row.width,
        "height": row.height,
        "turned": row.turned,
        "source": row.source,
        "confidence": round(row.confidence, 1),
        **image,
        "words": words,
        "word_count": len(row.words),
    }


def _images(request: Request, file: FileRow, numbers: Sequence[int], page_count: int) -> dict[int, Shown]:
    """The picture of each page and its state. Requests the pictures that are not drawn yet."""
    kind = kind_of(file.media_type)
    can_be_drawn = file.media_type is not None and (kind in SEEN or format_of(file.media_type).holds_pictures)
    if not numbers or not can_be_drawn or file.error_code == "infected":
        return dict.fromkeys(numbers, _image("none"))
    last = min(page_count, numbers[0] + max(DRAWN_AT_ONCE, len(numbers)) - 1)
    wanted = range(numbers[0], last + 1)
    found = {
        row.kind: row
        for row in request.catalog.artifacts_of_kinds(
            str(file.file_id), [PREVIEW, *(page_picture_kind(number) for number in wanted)]
        )
    }
    drawn = {number: row for number in wanted if (row := _drawn(found, number, page_count, kind))}
    if all(number in drawn for number in numbers):
        return {number: _image("ready", _url(request.ports, file, drawn[number])) for number in numbers}
    parts = [part for part in request.catalog.steps_of([file.file_id]) if part.step == page_pictures.name]
    states = {number: part.state for part in parts for number in part.page_numbers or ()}
    if any(number not in drawn and number not in states for number in numbers):
        _request(request, file, parts, [number for number in wanted if number not in drawn])
    return {
        number: _image("ready", _url(request.ports, file, drawn[number]))
        if number in drawn
        else _image(_state(states.get(number)))
        for number in numbers
    }


def _drawn(found: Mapping[str, ArtifactRow], number: int, page_count: int, kind: Kind | None) -> ArtifactRow | None:
    """The picture of a page. That of the only page of a picture is its preview."""
    preview = found.get(PREVIEW)
    if preview and kind is Kind.PICTURE and page_count <= 1 and preview.media_type.startswith("image/"):
        return preview
    return found.get(page_picture_kind(number))


def _state(state: str | None) -> str:
    if state is None or state not in ENDED:
        return "drawing"
    return "none" if state in ("done", "skipped") else "failed"


def _request(request: Request, file: FileRow, parts: Sequence[StepPart], numbers: Sequence[int]) -> None:
    """Have pages drawn, unless the step is drawing others: then a later request for the page does it."""
    if any(part.state not in ENDED for part in parts):
        return
    planned = [PlannedStep(page_pictures.name, slices(tuple(numbers), PAGE_COST_S, SLICE_S))]
    if request.catalog.redrive(str(file.file_id), [page_pictures.name], [INTAKE.name], False, [], lambda _: planned):
        request.dispatch()


def _image(state: str, url: str | None = None) -> Shown:
    return {"image": {"url": url} if url else None, "image_state": state}


def _url(ports: ApiPorts, file: FileRow, artifact: ArtifactRow) -> str:
    version_id = file.version_id if artifact.object_key == file.object_key else None
    return ports.objects.presign_get(artifact.object_key, version_id, media_type=artifact.media_type)
