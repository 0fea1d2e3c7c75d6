"""What is known of monitors day by day, in and out in columns.

Every field of DayFacts is kept: one by monitor is a column of its name, one by channel has a column
`{channel}_{field}` for each of _CHANNELS. A new field needs its columns in a migration; one by
channel also its name in _VALUES or _COUNTS.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.days import FIELDS, DayFacts, date_of, day_number
from fumewatch.core.reading import CHANNELS, INDEX, MISSING
from fumewatch.store.database import Connection
from fumewatch.store.wire import Layout, copy_in, copy_out, encode

_VALUES: Final = ("median", "peak")
"""By channel, in its unit; stored in thousandths, null where there is none."""
_COUNTS: Final = ("counted",)
"""By channel, minutes."""
_CHANNELS: Final = ("fume", "pm", "nmhc", "fan_current", "purifier_current")
"""Of the others no day is known (core.daybook)."""
_PER_CHANNEL: Final = tuple(name for name in FIELDS if name in (*_VALUES, *_COUNTS))
_MINUTES: Final = tuple(name for name in FIELDS if name not in _PER_CHANNEL)


class _Cell(NamedTuple):
    """A column of one channel."""

    name: str
    fact: str
    channel: int

    @property
    def is_value(self) -> bool:
        return self.fact in _VALUES

    @property
    def selected(self) -> str:
        return f"coalesce({self.name}, {MISSING})" if self.is_value else self.name


_CELLS: Final = tuple(
    _Cell(f"{name}_{fact}", fact, INDEX[name]) for fact in _PER_CHANNEL for name in _CHANNELS
)
_LAYOUT: Final = Layout(
    ("day", "monitor_id", *_MINUTES, *(cell.name for cell in _CELLS)),
    ("i4", "i4", *("i2" for _ in _MINUTES), *("i4" if cell.is_value else "i2" for cell in _CELLS)),
)
_SELECT: Final = f"""
    select day, monitor_id, {", ".join((*_MINUTES, *(cell.selected for cell in _CELLS)))}
    from monitor_day where day between %s and %s
"""
_DAY_2000: Final = day_number(date(2000, 1, 1))
"""PostgreSQL counts days from here."""
_FEW: Final = 1000
"""Up to so many monitors are looked up one by one; for more, the days are read whole."""


def save(conn: Connection, day: int, ids: NDArray[np.int32], facts: DayFacts) -> None:
    """Store the facts [1, n] of `ids` [n] on one day (its number, core.days).

    What was stored of them on that day goes. Values are kept in whole thousandths of their unit,
    those of channels other than _CHANNELS not at all.
    """
    if not len(ids):
        return
    conn.execute(
        "delete from monitor_day where day = %s and monitor_id = any(%s)",
        [date_of(day), ids.tolist()],
    )
    columns: dict[str, Any] = {"day": day - _DAY_2000, "monitor_id": ids}
    columns |= {name: getattr(facts, name)[0] for name in _MINUTES}
    nulls = {}
    for cell in _CELLS:
        column = getattr(facts, cell.fact)[cell.channel, 0]
        if cell.is_value:
            nulls[cell.name] = np.isnan(column)
            column = np.rint(np.nan_to_num(column) * 1000)
        columns[cell.name] = column
    copy_in(conn, "monitor_day", _LAYOUT, encode(_LAYOUT, columns, nulls))


def load(conn: Connection, ids: NDArray[np.int32], last_day: int, days: int) -> DayFacts:
    """The facts [days, n] of `ids` [n], the last of `last_day`. What is not stored: 0, NaN."""
    facts = _nothing(days, len(ids))
    order = np.argsort(ids)
    for rows in _rows(conn, ids, last_day, days):
        monitor = rows["monitor_id"].astype(np.int32)
        place = np.searchsorted(ids, monitor, sorter=order)
        place = order[np.minimum(place, len(ids) - 1)]
        is_wanted = ids[place] == monitor
        if not is_wanted.all():
            rows, place = rows[is_wanted], place[is_wanted]
        _fill(facts, rows, rows["day"] + (_DAY_2000 - last_day + days - 1), place)
    return facts


def mark_done(conn: Connection, days: Iterable[int]) -> None:
    """Of these days every monitor's facts are stored."""
    conn.execute(
        "insert into day_done (day) select unnest(%s::date[]) on conflict do nothing",
        [[date_of(day) for day in days]],
    )


def unmark(conn: Connection, days: Collection[int]) -> None:
    """These days must be reckoned again: readings of them came late."""
    conn.execute("delete from day_done where day = any(%s)", [[date_of(day) for day in days]])


def done(conn: Connection, since: int) -> list[int]:
    """The days from `since` on that are complete, ascending."""
    rows = conn.execute("select day from day_done where day >= %s order by day", [date_of(since)])
    return [day_number(day) for (day,) in rows]


def has_readings(conn: Connection, day: int) -> bool:
    """Whether anything was measured on that day, as far as the roll-ups know."""
    found = conn.execute("select exists (select from rollup_day where day = %s)", [date_of(day)])
    return bool(found.fetchone()[0])  # type: ignore[index]


def drop_before(conn: Connection, day: date, most: int) -> int:
    """Drop at most `most` rows of days before `day`; return how many."""
    conn.execute("delete from day_done where day < %s", [day])
    return conn.execute(
        "delete from monitor_day where ctid = any (array("
        "select ctid from monitor_day where day < %s limit %s))",
        [day, most],
    ).rowcount


def _rows(
    conn: Connection, ids: NDArray[np.int32], last_day: int, days: int
) -> Iterator[NDArray[Any]]:
    span = [date_of(last_day - days + 1), date_of(last_day)]
    if not len(ids):
        return iter(())
    if len(ids) > _FEW:
        return copy_out(conn, _SELECT, span, _LAYOUT)
    return copy_out(conn, f"{_SELECT} and monitor_id = any(%s)", [*span, ids.tolist()], _LAYOUT)


def _nothing(days: int, monitors: int) -> DayFacts:
    shape = (len(CHANNELS), days, monitors)
    columns: dict[str, Any] = {name: np.zeros(shape[1:], np.int32) for name in _MINUTES}
    for fact in _PER_CHANNEL:
        columns[fact] = np.full(shape, np.nan) if fact in _VALUES else np.zeros(shape, np.int32)
    return DayFacts(**columns)


def _fill(
    facts: DayFacts, rows: NDArray[Any], day: NDArray[Any], monitor: NDArray[np.intp]
) -> None:
    """Row i belongs to `day` [i] and `monitor` [i]."""
    for name in _MINUTES:
        getattr(facts, name)[day, monitor] = rows[name]
    for cell in _CELLS:
        column = rows[cell.name]
        if cell.is_value:
            column = np.where(column == MISSING, np.nan, column / 1000)
        getattr(facts, cell.fact)[cell.channel, day, monitor] = column
