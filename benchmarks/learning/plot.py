"""Draws docs/images/calibration.svg: how often values are right by their probability, and records by how many need no review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.learning.certainties import Judged, precision

OUT = Path("docs/images/calibration.svg")
SIDE, MARGIN, GAP = 260, 46, 70  # pixels
BINS = 8
LINE = ("#1a6b8f", "#c0552b")
SHARES = tuple(percent / 100 for percent in range(10, 101, 5))
Point = tuple[float, float]


def calibration_points(values: Sequence[Judged]) -> list[Point]:
    """The mean probability and the share of right ones, of groups of equally many values."""
    ordered = sorted(values)
    groups = [
        ordered[len(ordered) * at // BINS : len(ordered) * (at + 1) // BINS]
        for at in range(BINS)
        if len(ordered) >= BINS
    ]
    return [
        (sum(each.share for each in group) / len(group), sum(each.is_right for each in group) / len(group))
        for group in groups
    ]


def draw(values: Sequence[Sequence[Judged]], records: Sequence[Sequence[Judged]], names: Sequence[str]) -> None:
    """Both plots, with a line for each name."""
    width, height = 2 * SIDE + 2 * MARGIN + GAP, SIDE + 2 * MARGIN + 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_frame(MARGIN, "probability of a value", "share of right values", least=0.0),
        f'<path d="M{MARGIN} {MARGIN + SIDE}L{MARGIN + SIDE} {MARGIN}" stroke="#999" stroke-dasharray="4 4"/>',
        *_frame(MARGIN + SIDE + GAP, "share of records, the surest first", "share of right records", least=0.5),
    ]
    for values_of, records_of, name, colour, at in zip(values, records, names, LINE, range(2), strict=False):
        parts += _line(calibration_points(values_of), MARGIN, colour, least=0.0)
        curve = [(share, precision(records_of, share)) for share in SHARES]
        parts += _line(curve, MARGIN + SIDE + GAP, colour, least=0.5)
        x, y = MARGIN + at * 160, height - 10
        parts.append(
            f'<path d="M{x} {y - 4}h18" stroke="{colour}" stroke-width="2"/><text x="{x + 24}" y="{y}">{name}</text>'
        )
    OUT.write_text("\n".join([*parts, "</svg>", ""]))


def _frame(left: int, below: str, beside: str, least: float) -> list[str]:
    parts = [f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#444"/>']
    for step in range(6):
        y, x = MARGIN + SIDE * (5 - step) / 5, left + SIDE * step / 5
        parts.append(
            f'<text x="{left - 5}" y="{y + 4:.0f}" text-anchor="end">{least + (1 - least) * step / 5:.1f}</text>'
        )
        parts.append(f'<text x="{x:.0f}" y="{MARGIN + SIDE + 15}" text-anchor="middle">{step / 5:.1f}</text>')
    middle = left + SIDE / 2
    parts.append(f'<text x="{middle:.0f}" y="{MARGIN + SIDE + 32}" text-anchor="middle">{below}</text>')
    return [*parts, f'<text x="{middle:.0f}" y="{MARGIN - 10}" text-anchor="middle">{beside}</text>']


def _line(points: Sequence[Point], left: int, colour: str, least: float) -> list[str]:
    places = [(left + SIDE * x, MARGIN + SIDE * (1 - max(0.0, y - least) / (1 - least))) for x, y in points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    return [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}']
