"""The plot of a mail: a PNG of what a channel did, with the limit and the time of the alert.

Numbers only: what they mean is said in the caption beneath, in the reader's language.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from fumewatch.core.letter.curve import Curve

WIDTH: Final = 960
HEIGHT: Final = 440
"""More dots than a mail has points for it: phones have two or three to a point."""
_LEFT, _TOP, _RIGHT, _BOTTOM = 88, 24, WIDTH - 40, HEIGHT - 60
_INK: Final = "#57606a"
_GRID: Final = "#e3e7eb"
_LINE: Final = "#0969da"
_HELD: Final = "#8c959f"
_LIMIT: Final = "#d1242f"
_SHADE: Final = "#fdecec"
_EDGE: Final = "#e5a3a3"
_GAPS: Final = 5
"""So many times the usual time between readings without one is a gap."""
_STEPS_MINUTES: Final = (15, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class _Scale:
    first: datetime
    last: datetime
    top: float

    def x(self, at: datetime) -> float:
        share = (at - self.first) / (self.last - self.first)
        return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        return _BOTTOM - min(max(value / self.top, 0.0), 1.0) * (_BOTTOM - _TOP)


def draw(curve: Curve, zone: tzinfo) -> bytes:
    """A PNG of WIDTH x HEIGHT; times on the clock of `zone`."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    step, top = _ticks(max([*filter(None, curve.values), curve.limit or 0.0, 0.01]))
    scale = _Scale(curve.at[0], max(curve.at[-1], curve.at[0] + timedelta(minutes=1)), top)
    _shade(pen, curve, scale)
    _grid(pen, scale, step, zone)
    _level(pen, curve, scale)
    _lines(pen, curve, scale)
    out = io.BytesIO()
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _ticks(highest: float) -> tuple[float, float]:
    """Between two ticks, and the top: 1, 2 or 5 times a power of ten, about five of them."""
    rough = highest * 1.08 / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    return step, step * math.ceil(highest * 1.08 / step)


def _shade(pen: ImageDraw.ImageDraw, curve: Curve, scale: _Scale) -> None:
    start, end = scale.x(curve.opened_at), scale.x(curve.closed_at or scale.last)
    if end > start:
        pen.rectangle((start, _TOP, end, _BOTTOM), fill=_SHADE)
    if curve.opened_at >= scale.first:
        pen.line((start, _TOP, start, _BOTTOM), fill=_EDGE, width=3)


def _grid(pen: ImageDraw.ImageDraw, scale: _Scale, step: float, zone: tzinfo) -> None:
    font = ImageFont.load_default(28)
    decimals = max(0, -math.floor(math.log10(step)))
    for n in range(round(scale.top / step) + 1):
        y = scale.y(n * step)
        pen.line((_LEFT, y, _RIGHT, y), fill=_GRID, width=2)
        pen.text((_LEFT - 14, y), f"{n * step:.{decimals}f}", _INK, font, anchor="rm")
    for at in _moments(scale, zone):
        x = scale.x(at)
        pen.line((x, _BOTTOM, x, _BOTTOM + 10), fill=_INK, width=2)
        pen.text((x, _BOTTOM + 18), f"{at.astimezone(zone):%H:%M}", _INK, font, anchor="mt")
    pen.line((_LEFT, _BOTTOM, _RIGHT, _BOTTOM), fill=_INK, width=2)


def _moments(scale: _Scale, zone: tzinfo) -> Iterator[datetime]:
    """Whole quarters, halves or hours of the local clock, at most seven of them."""
    span = scale.last - scale.first
    minutes = next((m for m in _STEPS_MINUTES if span / timedelta(minutes=m) <= 7), 120)
    local = scale.first.astimezone(zone)
    at = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    while at <= scale.last:
        if at >= scale.first:
            yield at
        at += timedelta(minutes=minutes)


def _level(pen: ImageDraw.ImageDraw, curve: Curve, scale: _Scale) -> None:
    if curve.limit:
        y = scale.y(curve.limit)
        pen.line((_LEFT, y, _RIGHT, y), fill=_LIMIT, width=4)


def _lines(pen: ImageDraw.ImageDraw, curve: Curve, scale: _Scale) -> None:
    """From each value to the next; what leads to a held one is dotted, over a gap is nothing."""
    known = [
        (at, value, fresh)
        for at, value, fresh in zip(curve.at, curve.values, curve.fresh, strict=True)
        if value is not None
    ]
    usual = median([(after[0] - before[0]).total_seconds() for before, after in pairwise(known)])
    gap = timedelta(seconds=_GAPS * usual)
    for (at, value, _), (next_at, next_value, is_fresh) in pairwise(known):
        if next_at - at > gap:
            continue
        start, end = (scale.x(at), scale.y(value)), (scale.x(next_at), scale.y(next_value))
        if is_fresh:
            pen.line((start, end), fill=_LINE, width=5, joint="curve")
        else:
            _dots(pen, start, end)


def _dots(pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Every so many points of the whole plot, so that short pieces join to one dotted line."""
    first = math.ceil(start[0] / 14) * 14
    for x in range(first, math.ceil(end[0]), 14):
        share = (x - start[0]) / max(end[0] - start[0], 1e-9)
        y = start[1] + share * (end[1] - start[1])
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_HELD)
