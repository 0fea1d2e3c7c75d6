"""A rule's window as a picture and as a table: what each minute has, and whether it counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.cli import strip
from fumewatch.cli.turning import number
from fumewatch.core.arrays import Numbers
from fumewatch.core.explain import Explanation, Kind, Mark, Minutewise, Series
from fumewatch.core.reading import CHANNELS, INDEX

LABEL: Final = 22
"""Columns before a strip, for its name."""
LINE: Final = 60
"""Minutes in one line of strips."""
DAYS: Final = 14
"""The last ones are listed."""
_KINDS: Final = {
    Kind.FRESH: "█",
    Kind.COVERED: "▒",
    Kind.HELD: "░",
    Kind.CARRIED: "─",
    Kind.MISSING: "·",
}
_KIND_WORDS: Final = {
    Kind.FRESH: "fresh",
    Kind.COVERED: "stands for the minutes until the next",
    Kind.HELD: "held",
    Kind.CARRIED: "nothing came, known from before",
    Kind.MISSING: "nothing",
}
_MARKS: Final = {Mark.YES: "+", Mark.NO: "-", Mark.SKIPPED: "?"}


def picture(window: Minutewise, zone: ZoneInfo) -> Iterator[str]:
    for first in range(0, len(window.minutes), LINE):
        part = slice(first, first + LINE)
        start, end = _clock(zone, window.minutes[part][0]), _clock(zone, window.minutes[part][-1])
        yield f"{start} to {end}"
        for series in window.series:
            yield from _strips(series, part)
        for condition in window.conditions:
            yield labelled(condition.text, "".join(map(_MARKS.get, condition.marks[part])))  # type: ignore[arg-type]
        word = "counts" if window.series else "a reading came"
        counted = "".join("■" if counts else "·" for counts in window.counted[part].tolist())
        yield labelled(word, f"{counted}  {int(window.counted[part].sum())} of {len(counted)}")
    yield from _legend(window)


def _strips(series: Series, part: slice) -> Iterator[str]:
    known = series.values[~np.isnan(series.values)]
    if CHANNELS[INDEX[series.channel]].is_state:
        yield labelled(series.channel, strip.draw(series.values[part], (0, 1)))
        return
    bounds = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    ends = f"{number(bounds[0])} to {number(bounds[1], series.unit)}" if len(known) else "no value"
    yield labelled(series.channel, f"{strip.draw(series.values[part], bounds)}  {ends}")
    yield labelled("", f"{''.join(_KINDS[kind] for kind in series.kinds[part])}  {_tally(series)}")


def _tally(series: Series) -> str:
    counts = Counter(series.kinds)
    return ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])


def _legend(window: Minutewise) -> Iterator[str]:
    kinds = {
        kind
        for series in window.series
        if not CHANNELS[INDEX[series.channel]].is_state
        for kind in series.kinds
    }
    marks = {mark for condition in window.conditions for mark in condition.marks}
    said = [f"{_KINDS[kind]} {_KIND_WORDS[kind]}" for kind in Kind if kind in kinds]
    words = {Mark.YES: "holds", Mark.NO: "does not", Mark.SKIPPED: "left out, not reported"}
    said += [f"{_MARKS[mark]} {words[mark]}" for mark in Mark if mark in marks]
    if said:
        yield labelled("", "   ".join(said))


def minute_by_minute(window: Minutewise, zone: ZoneInfo) -> Iterator[str]:
    if not window.series:
        return
    columns = ["", *(series.channel for series in window.series)]
    columns += [condition.text for condition in window.conditions] + ["counts"]
    rows = [columns]
    for i, minute in enumerate(window.minutes.tolist()):
        cells = [_clock(zone, minute)]
        cells += [_cell(series, i) for series in window.series]
        cells += [condition.marks[i].value for condition in window.conditions]
        rows.append([*cells, "yes" if window.counted[i] else ""])
    yield ""
    yield from _table(rows)


def _cell(series: Series, i: int) -> str:
    value, kind = series.values[i], series.kinds[i]
    if np.isnan(value):
        return "-"
    if CHANNELS[INDEX[series.channel]].is_state:
        shown = "on" if value >= 0.5 else "off"
        return shown if kind is not Kind.CARRIED else f"{shown} (before)"
    return number(float(value)) + ("" if kind is Kind.FRESH else f" {kind}")


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def days(explanation: Explanation) -> Iterator[str]:
    evidence = explanation.evidence
    values: Numbers = np.array(evidence["values"], np.float64)
    if len(values):
        ends = f"{number(float(values.min()))} to {number(float(values.max()))}"
        yield labelled("days", f"{strip.draw(values)}  {ends}")
        yield from _table([list(map(str, pair)) for pair in _last(evidence)])
    else:
        yield labelled("days", "none is valid")


def _last(evidence: Mapping[str, Any]) -> list[tuple[str, float]]:
    return list(zip(evidence["days"], evidence["values"], strict=True))[-DAYS:]


def labelled(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}".rstrip()


def _clock(zone: ZoneInfo, minute: int) -> str:
    return f"{datetime.fromtimestamp(int(minute) * 60, UTC).astimezone(zone):%H:%M}"
