"""Pages show the words as they were read, and pictures that are drawn when a page is first requested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from functions.page_pictures import page_pictures
from layers import bootstrap
from layers.domain.message import Arrival
from layers.domain.page import page_picture_kind
from layers.domain.step import Artifact, Done, Failed
from layers.ports import FilePlan
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.making import INTAKE_DONE, nothing_follows


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The dispatches that were requested."""
    requested: list[float] = []
    monkeypatch.setattr(bootstrap.topics(), "dispatch_later", requested.append)
    return requested


@pytest.fixture
def with_pages(api: Api, caller: httpx.Client) -> Callable[..., str]:
    """Makes a file whose intake is done, with this many pages, and this many words on each. Returns its id."""

    def make(pages: int, words: int = 1, media_type: str = "application/pdf") -> str:
        batch = new_batch(caller, new_dataset(caller)["id"], ["a.pdf"])
        file_id = batch["files"][0]["id"]
        database, store = api.bench.database, api.bench.store
        row = database.row("SELECT object_key FROM files WHERE file_id = %(f)s", f=file_id)
        assert row
        store.arrive([Arrival(row["object_key"], "v1")])
        for wake_up in store.dispatch({"intake": 10}):
            store.record(api.bench.claim(wake_up), INTAKE_DONE, lambda _: FilePlan((), "done"), cost_s=0.1, host="h")
        database.run(
            "UPDATE files SET media_type = %(m)s, page_count = %(n)s WHERE file_id = %(f)s",
            f=file_id,
            m=media_type,
            n=pages,
        )
        database.run(
            """INSERT INTO pages (file_id, page_number, tenant_id, source, confidence, width, height, words)
               SELECT file_id, n, tenant_id, 'ocr', 90, 100, 200,
                      (SELECT jsonb_agg(jsonb_build_array('word', 0.1, 0.2, 0.3, 0.4, 88.5)) FROM generate_series(1, %(w)s))
                 FROM files, generate_series(1, %(n)s) n WHERE file_id = %(f)s""",
            f=file_id,
            n=pages,
            w=words,
        )
        return str(file_id)

    return make


def pages(caller: httpx.Client, file_id: str, **query: Any) -> dict[str, Any]:
    answer = caller.get(f"/files/{file_id}/pages", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def image(caller: httpx.Client, file_id: str, number: int) -> tuple[str, bool]:
    """The state of a page's picture, and whether it has a URL."""
    (page,) = pages(caller, file_id, number=number)["pages"]
    return page["image_state"], page["image"] is not None


def draw(api: Api, file_id: str, outcome: Callable[[tuple[int, ...]], Done | Failed]) -> tuple[int, ...]:
    """Run the parts of the step that are ready. Returns the numbers of the pages of this file."""
    numbers: tuple[int, ...] = ()
    for wake_up in api.bench.store.dispatch({page_pictures.name: 100}):
        claim = api.bench.claim(wake_up)
        numbers += claim.file.page_numbers if claim.file.file_id == file_id else ()
        api.bench.store.record(claim, outcome(claim.file.page_numbers), nothing_follows, cost_s=0.1, host="h")
    return numbers


def drawn(numbers: tuple[int, ...]) -> Done:
    return Done(artifacts=tuple(Artifact(page_picture_kind(n), f"artifacts/page-{n}", "image/png", 1) for n in numbers))


def test_pages_show_words_with_boxes(caller: httpx.Client, with_pages: Callable[..., str]) -> None:
    file_id = with_pages(3, 2)
    shown = pages(caller, file_id, number=2)
    assert (shown["page_count"], shown["next_number"]) == (3, 3)
    (page,) = shown["pages"]
    assert (page["number"], page["width"], page["height"]) == (2, 100, 200)
    assert page["words"] == [{"text": "word", "box": [0.1, 0.2, 0.3, 0.4], "confidence": 88.5}] * 2
    assert pages(caller, file_id, number=3)["next_number"] is None
    assert [page["number"] for page in pages(caller, file_id, limit=20)["pages"]] == [1, 2, 3]


def test_too_many_words_for_a_response_are_left_out_and_counted(
    caller: httpx.Client, with_pages: Callable[..., str]
) -> None:
    shown = pages(caller, with_pages(2, 15_000), limit=2)["pages"]
    assert [(len(page["words"]), page["word_count"]) for page in shown] == [(15_000, 15_000), (5_000, 15_000)]


def test_a_picture_is_drawn_once_when_its_page_is_first_requested(
    api: Api, caller: httpx.Client, with_pages: Callable[..., str], dispatched: list[float]
) -> None:
    file_id = with_pages(50)
    assert image(caller, file_id, 3) == ("drawing", False)
    assert len(dispatched) == 1
    assert image(caller, file_id, 3) == ("drawing", False)  # a repeated request requests nothing again
    assert len(dispatched) == 1
    assert draw(api, file_id, drawn) == tuple(range(3, 23))
    assert image(caller, file_id, 3) == image(caller, file_id, 22) == ("ready", True)
    assert image(caller, file_id, 23) == ("drawing", False)
    assert draw(api, file_id, drawn) == tuple(range(23, 43))
    assert image(caller, file_id, 3) == ("ready", True)
    assert draw(api, file_id, drawn) == ()


def test_drawing_leaves_the_file_and_its_pipelines_as_they_are(
    api: Api, caller: httpx.Client, with_pages: Callable[..., str], dispatched: list[float]
) -> None:
    file_id = with_pages(1)
    before = caller.get(f"/files/{file_id}").json()
    image(caller, file_id, 1)
    during = caller.get(f"/files/{file_id}").json()
    draw(api, file_id, drawn)
    after = caller.get(f"/files/{file_id}").json()
    for shown in (during, after):
        assert shown | {"updated_at": None} == before | {"updated_at": None}
    assert [attempt["step"] for attempt in caller.get(f"/files/{file_id}/history").json()["attempts"]] == [
        "intake",
        page_pictures.name,
    ]


def test_a_page_that_shows_no_picture_or_can_not_be_drawn_says_so(
    api: Api, caller: httpx.Client, with_pages: Callable[..., str], dispatched: list[float]
) -> None:
    no_picture, broken = with_pages(1), with_pages(1)
    image(caller, no_picture, 1)
    draw(api, no_picture, lambda _: Done())
    image(caller, broken, 1)
    draw(api, broken, lambda _: Failed("broken", "the file is broken"))
    assert image(caller, no_picture, 1) == ("none", False)
    assert image(caller, broken, 1) == ("failed", False)
    text = with_pages(1, media_type="text/plain")
    assert image(caller, text, 1) == ("none", False)


def test_the_preview_of_a_picture_is_the_picture_of_its_page(
    api: Api, caller: httpx.Client, with_pages: Callable[..., str], dispatched: list[float]
) -> None:
    file_id = with_pages(1, media_type="image/jpeg")
    api.bench.database.run(
        """INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes)
           SELECT file_id, 'preview', tenant_id, 'artifacts/p', 'image/webp', 1 FROM files WHERE file_id = %(f)s""",
        f=file_id,
    )
    assert image(caller, file_id, 1) == ("ready", True)
    assert dispatched == []


def test_pages_of_another_tenant_do_not_exist(api: Api, with_pages: Callable[..., str]) -> None:
    file_id = with_pages(1)
    with api.caller() as stranger:
        problem(stranger.get(f"/files/{file_id}/pages"), 404, "not_found")
