"""A plot of some lines on logarithmic axes, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 20, 50, 60
_COLOURS: Final = ("#1f6fb2", "#c2571a", "#3f8f3f", "#7a4fa3")


@dataclass(frozen=True, slots=True)
class Line:
    """`dashed`: a guide, without marks. All numbers above 0."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def loglog(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """The document. Both axes go in whole powers of ten."""
    xs = _decades([x for line in lines for x, _ in line.points])
    ys = _decades([y for line in lines for _, y in line.points])
    parts = [*_axes(title, across, up, xs, ys)]
    for i, line in enumerate(lines):
        parts += _drawn(line, xs, ys, _COLOURS[i % len(_COLOURS)], i)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    style = 'font-family="sans-serif" font-size="13"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f"{head} {style}>", ground, *parts, "</svg>\n"])


def _decades(values: Sequence[float]) -> range:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def _x(value: float, xs: range) -> float:
    return _LEFT + (log10(value) - xs[0]) / (xs[-1] - xs[0]) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, ys: range) -> float:
    return (
        _HEIGHT - _BOTTOM - (log10(value) - ys[0]) / (ys[-1] - ys[0]) * (_HEIGHT - _TOP - _BOTTOM)
    )


def _axes(title: str, across: str, up: str, xs: range, ys: range) -> Iterator[str]:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    centred = f'x="{middle}" text-anchor="middle"'
    yield f'<text {centred} y="20" font-weight="bold">{escape(title)}</text>'
    for power in xs:
        x = _x(10**power, xs)
        yield f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - 40}" text-anchor="middle">{10.0**power:,g}</text>'
    for power in ys:
        y = _y(10**power, ys)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    yield f'<text {centred} y="{_HEIGHT - 14}">{escape(across)}</text>'
    at = f'x="18" y="{_HEIGHT / 2}" transform="rotate(-90 18 {_HEIGHT / 2})"'
    yield f'<text {at} text-anchor="middle">{escape(up)}</text>'


def _drawn(line: Line, xs: range, ys: range, colour: str, place: int) -> Iterator[str]:
    points = [(_x(x, xs), _y(y, ys)) for x, y in line.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="6 5"' if line.dashed else ""
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    for x, y in () if line.dashed else points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    x, y = _LEFT + 14, _TOP + 14 + 18 * place
    yield f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="2"{dash}/>'
    yield f'<text x="{x + 32}" y="{y}">{escape(line.name)}</text>'
