"""Near-duplicates: variants of a receipt are likely the same; other receipts of the same template are not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from layers.decoders.page_hash import page_hash
from layers.domain.similar import ALIKE, NOT_UNLIKE, Seen, difference, likeness

SAMPLES = Path(__file__).resolve().parents[2] / "events" / "samples"
RECEIPTS = ("receipt-hardware.jpg", "receipt lunch (copy).jpg", "receipt-parking.jpg")
VALUES = {"title": "Gin Kee Hardware", "date": "2017-12-28", "total": 148.4, "currency": "MYR"}


def receipt(name: str) -> Any:
    with Image.open(SAMPLES / name) as image:
        image.draft("RGB", (700, 700))
        picture = image.convert("RGB")
    picture.thumbnail((700, 700))
    return picture


def saved_again(image: Any, chance: random.Random) -> Any:
    size = chance.uniform(0.6, 0.9)
    stream = io.BytesIO()
    smaller = image.convert("RGB").resize((int(image.width * size), int(image.height * size)))
    smaller.save(stream, "JPEG", quality=chance.randint(35, 75))
    return Image.open(io.BytesIO(stream.getvalue()))


def scanned_again(image: Any, chance: random.Random) -> Any:
    gray = image.convert("L").rotate(chance.uniform(-1, 1), fillcolor=250, resample=Image.Resampling.BICUBIC)
    gray = ImageEnhance.Contrast(gray).enhance(chance.uniform(1.0, 1.5))
    noise = Image.effect_noise(gray.size, 20).point(lambda shade: shade // 8)
    return saved_again(Image.blend(gray, noise, 0.1), chance)


def photographed_again(image: Any, chance: random.Random) -> Any:
    """On a dark table, seen at a slight angle, in uneven light."""
    width, height = image.size
    edge, lean = int(0.04 * width), chance.uniform(-0.02, 0.02) * width
    corners = (
        -edge - lean,
        -edge,
        -edge,
        height + edge,
        width + edge,
        height + edge - lean,
        width + edge + lean,
        -edge,
    )
    ground = (90, 70, 60)
    photo = image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=ground)
    light = Image.linear_gradient("L").resize(photo.size).point(lambda shade: 150 + shade * 100 // 255)
    lit = Image.composite(photo, Image.new("RGB", photo.size), light)
    return saved_again(lit.filter(ImageFilter.GaussianBlur(0.6)), chance)


VARIANTS: tuple[Callable[[Any, random.Random], Any], ...] = (saved_again, scanned_again, photographed_again)


def filled_in(total: str, number: str) -> Any:
    """A receipt of a shop, on its template."""
    image = Image.new("RGB", (400, 600), "white")
    draw = ImageDraw.Draw(image)
    for line in range(14):
        draw.text((40, 30 + 30 * line), f"article {line}  {'.' * 20} {line}.50", fill="black")
    draw.text((40, 480), f"TOTAL {total}", fill="black")
    draw.text((40, 520), f"No {number}", fill="black")
    return image


@pytest.mark.parametrize("name", RECEIPTS)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_receipt_is_recognised_when_it_comes_again(name: str, variant: Callable[[Any, random.Random], Any]) -> None:
    original, again = receipt(name), variant(receipt(name), random.Random(name))
    one, other = Seen(page_hash(original), VALUES, 1), Seen(page_hash(again), VALUES, 1)
    found = likeness(one, other)
    assert found and found.fields == ("currency", "date", "title", "total")[1:]


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_picture_that_is_saved_again_is_alike_and_another_one_is_not(name: str) -> None:
    original = page_hash(receipt(name))
    again = difference(original, page_hash(saved_again(receipt(name), random.Random(name))))
    assert again is not None and again <= ALIKE
    for other in RECEIPTS:
        between = difference(original, page_hash(receipt(other)))
        assert other == name or (between is not None and between > ALIKE)


@pytest.mark.parametrize(
    "changed",
    [{"total": 9.5}, {"date": "2017-12-29"}, {"number": "CS00012346"}],
    ids=["another total", "another date", "another number"],
)
def test_receipts_of_one_template_are_different_if_a_value_is(changed: dict[str, Any]) -> None:
    one, other = page_hash(filled_in("148.40", "12345")), page_hash(filled_in("9.50", "12346"))
    assert (difference(one, other) or 0) <= NOT_UNLIKE
    values = {**VALUES, "number": "CS00012345"}
    assert likeness(Seen(one, values, 1), Seen(one, values, 1))
    assert likeness(Seen(one, values, 1), Seen(other, {**values, **changed}, 1)) is None


@pytest.mark.parametrize(
    ("one", "other", "are_the_same"),
    [
        ({}, {}, False),  # a form of which nothing was read
        ({"total": 5.0}, {"total": 5.0}, True),
        ({"title": "Gin Kee Hardware"}, {"title": "Gin Kee Hardware"}, False),  # the name of a shop decides nothing
        ({"total": 5.0}, {}, False),
        ({"total": 0}, {"total": 0}, False),
        ({"paid": True}, {"paid": True}, False),
    ],
)
def test_pictures_alone_decide_nothing(one: dict[str, Any], other: dict[str, Any], are_the_same: bool) -> None:
    same_picture = "0f" * 18
    assert bool(likeness(Seen(same_picture, one, 1), Seen(same_picture, other, 1))) is are_the_same


def test_values_alone_need_a_date_or_a_number_of_the_document_and_a_name() -> None:
    assert likeness(Seen(None, VALUES), Seen(None, VALUES))
    assert likeness(Seen(None, VALUES), Seen(None, {**VALUES, "title": "Another shop"})) is None
    assert likeness(Seen(None, {"total": 1.5, "tax": 0.5}), Seen(None, {"total": 1.5, "tax": 0.5})) is None
    assert likeness(Seen(None, VALUES, 1), Seen(None, VALUES, 2)) is None


def test_a_photograph_of_a_thing_is_recognised_by_its_pixels() -> None:
    assert likeness(Seen("0f" * 18, {}, 1, has_text=False), Seen("0f" * 18, {}, 1, has_text=False))


def test_a_blank_page_has_no_hash() -> None:
    assert page_hash(Image.new("RGB", (600, 800), "white")) is None
    assert page_hash(Image.new("RGB", (3, 1), "black")) is None
