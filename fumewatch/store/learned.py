"""What was learned of monitors, in and out in columns; all of it as of one instant."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import kwargs_row

from fumewatch.core.learned import GAPS, NO_MINUTE, QUARTERS, Learned
from fumewatch.core.reading import CHANNELS, MEASURED, MISSING
from fumewatch.core.roster import NEVER
from fumewatch.store.database import Connection
from fumewatch.store.wire import (
    Layout,
    copy_in,
    copy_out,
    encode,
    from_us,
    from_wire_time,
    to_us,
    to_wire_time,
)

_MINUTE_US: Final = 60_000_000
_CHANNEL: Final = Layout(
    (
        *("monitor_id", "channel", "period_minutes", "is_learned", "value"),
        *("changed_at", "seen_at", "gaps"),
    ),
    ("i4", "i2", "i2", "u1", "i4", "i8", "i8", f"V{2 * GAPS}"),
)
_MONITOR: Final = Layout(
    ("monitor_id", "interval_minutes", "days", "presence_gaps", "sampling", "today"),
    ("i4", "i2", "i2", f"V{2 * GAPS}", f"V{QUARTERS}", f"V{QUARTERS}"),
)
_DERIVE: Final = """
    update learned_monitor l set derived = d.derived
    from unnest(%s::int[], %s::text[]) as d (monitor_id, derived)
    where l.monitor_id = d.monitor_id and l.derived is distinct from d.derived
"""
_MARK: Final = """
    insert into learned_mark (as_of) values (%s)
    on conflict (only_row) do update set as_of = excluded.as_of
"""
_SELECT_CHANNELS: Final = f"""
    select monitor_id, channel, period_minutes, is_learned, coalesce(value, {MISSING}),
        coalesce(changed_at, '-infinity'), coalesce(seen_at, '-infinity'), gaps
    from learned
"""
_EXTENT: Final = """
    select greatest((select max(monitor_id) from learned),
        (select max(monitor_id) from learned_monitor), -1), (select as_of from learned_mark)
"""
_NEVER_ON_WIRE: Final = -(2**63)
"""What PostgreSQL sends for -infinity."""
_WHOLE: Final = 255
_SELECT_MONITORS: Final = f"select {_MONITOR.columns()} from learned_monitor"
_OF_MONITOR: Final = """
    select interval_minutes, derived, days, sampling from learned_monitor where monitor_id = %s
"""
_CHANNELS_OF_MONITOR: Final = """
    select channel, period_minutes, is_learned, changed_at
    from learned where monitor_id = %s order by channel
"""


@dataclass(frozen=True, slots=True)
class ChannelLearned:
    """`is_learned` False: too little was seen, and the period is the default."""

    channel: str
    period_minutes: int
    is_learned: bool
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorLearned:
    """What was learned of one monitor, for people.

    `sampling` [96]: by quarter-hour of the local day, the share of days (0 to 1) on which the value
    changed; it rests on `days` days.
    """

    interval_minutes: int
    derived: str
    days: int
    sampling: tuple[float, ...]
    channels: tuple[ChannelLearned, ...]


def save(conn: Connection, as_of: int, parts: Iterable[Learned]) -> None:
    """Make this all that is stored, as of `as_of` (µs UTC).

    `parts`: of all monitors by id, some after the others; each is let go of once it is sent.
    Monitors and channels of which nothing was seen get no row.
    """
    for table in ("learned", "learned_monitor"):
        conn.execute(
            f"create temp table if not exists {table}_now (like {table} including defaults)"
            " on commit delete rows"
        )
        conn.execute(f"truncate {table}_now")
    first = 0
    for part in parts:
        copy_in(conn, "learned_now", _CHANNEL, encode(_CHANNEL, *_of_channels(part, first)))
        copy_in(conn, "learned_monitor_now", _MONITOR, encode(_MONITOR, *_of_monitors(part, first)))
        first += len(part)
    conn.execute(_gone("learned", _CHANNEL.names[:2]))
    conn.execute(_upsert("learned", _CHANNEL.names[:2], _CHANNEL.names[2:]))
    conn.execute(_gone("learned_monitor", _MONITOR.names[:1]))
    conn.execute(_upsert("learned_monitor", _MONITOR.names[:1], _MONITOR.names[1:]))
    conn.execute(_MARK, [from_us(as_of)])


def derive(conn: Connection, derived: Mapping[int, str]) -> None:
    """Of these monitors, what linear mix fume is of other channels; "": of none."""
    conn.execute(_DERIVE, [list(derived), list(derived.values())])


def load(conn: Connection, monitors: int = 0) -> tuple[int, Learned]:
    """As of when (µs UTC; NEVER: nothing was saved), and what, of at least `monitors` monitors."""
    found = conn.execute(_EXTENT).fetchone()
    assert found is not None
    highest, as_of = found
    learned = Learned.nothing(max(monitors, highest + 1))
    for rows in copy_out(conn, _SELECT_CHANNELS, [], _CHANNEL):
        _fill_channels(learned, rows)
    for rows in copy_out(conn, _SELECT_MONITORS, [], _MONITOR):
        _fill_monitors(learned, rows)
    return NEVER if as_of is None else to_us(as_of), learned


def of_monitor(conn: Connection, monitor: int) -> MonitorLearned | None:
    """None: nothing yet."""
    with conn.cursor(row_factory=kwargs_row(_channel)) as of_channels:
        channels = tuple(of_channels.execute(_CHANNELS_OF_MONITOR, [monitor]).fetchall())

    def whole(sampling: bytes, **columns: Any) -> MonitorLearned:
        shares = tuple(share / _WHOLE for share in sampling)
        return MonitorLearned(sampling=shares, channels=channels, **columns)

    with conn.cursor(row_factory=kwargs_row(whole)) as cursor:
        return cursor.execute(_OF_MONITOR, [monitor]).fetchone()


def _gone(table: str, keys: Sequence[str]) -> str:
    same = " and ".join(f"n.{key} = l.{key}" for key in keys)
    return f"delete from {table} l where not exists (select from {table}_now n where {same})"


def _upsert(table: str, keys: Sequence[str], values: Sequence[str]) -> str:
    """Rows that stay as they are are not written."""
    return f"""
        insert into {table} as l ({", ".join((*keys, *values))})
        select {", ".join((*keys, *values))} from {table}_now
        on conflict ({", ".join(keys)}) do update set
            {", ".join(f"{value} = excluded.{value}" for value in values)}
        where ({", ".join(f"l.{value}" for value in values)})
            is distinct from ({", ".join(f"excluded.{value}" for value in values)})
    """


Columns: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[np.bool_]]]
"""For `encode`: values, and where there are none."""


def _of_channels(learned: Learned, first: int) -> Columns:
    """`first`: the id of the first of these monitors."""
    channel, monitor = np.nonzero((learned.seen_at >= 0) | learned.gaps.any(axis=2))
    at = channel, monitor
    value, changed_at, seen_at = learned.value[at], learned.changed_at[at], learned.seen_at[at]
    columns = {
        "monitor_id": first + monitor,
        "channel": np.array(MEASURED)[channel],
        "period_minutes": learned.period[at],
        "is_learned": learned.is_learned[at],
        "value": value,
        "changed_at": _to_wire_minutes(changed_at),
        "seen_at": _to_wire_minutes(seen_at),
        "gaps": _words(learned.gaps[at]),
    }
    return columns, {
        "value": value == MISSING,
        "changed_at": changed_at < 0,
        "seen_at": seen_at < 0,
    }


def _of_monitors(learned: Learned, first: int) -> Columns:
    monitor = np.flatnonzero((learned.days > 0) | learned.presence_gaps.any(axis=1))
    columns = {
        "monitor_id": first + monitor,
        "interval_minutes": learned.interval[monitor],
        "days": learned.days[monitor],
        "presence_gaps": _words(learned.presence_gaps[monitor]),
        "sampling": _bytes(learned.sampling[monitor]),
        "today": _bytes(learned.today[monitor].astype(np.uint8)),
    }
    return columns, {}


def _fill_channels(learned: Learned, rows: NDArray[Any]) -> None:
    at = rows["channel"], rows["monitor_id"]
    learned.period[at] = rows["period_minutes"]
    learned.is_learned[at] = rows["is_learned"]
    learned.value[at] = rows["value"]
    learned.changed_at[at] = _from_wire_minutes(rows["changed_at"])
    learned.seen_at[at] = _from_wire_minutes(rows["seen_at"])
    learned.gaps[at] = _cells(rows["gaps"], ">u2")


def _fill_monitors(learned: Learned, rows: NDArray[Any]) -> None:
    at = rows["monitor_id"]
    learned.interval[at] = rows["interval_minutes"]
    learned.days[at] = rows["days"]
    learned.presence_gaps[at] = _cells(rows["presence_gaps"], ">u2")
    learned.sampling[at] = _cells(rows["sampling"], "u1")
    learned.today[at] = _cells(rows["today"], "u1")


def _channel(channel: int, **columns: Any) -> ChannelLearned:
    return ChannelLearned(channel=CHANNELS[channel].name, **columns)


def _to_wire_minutes(minutes: NDArray[np.int64]) -> Any:
    return to_wire_time(minutes * _MINUTE_US)


def _from_wire_minutes(wire: NDArray[Any]) -> NDArray[np.int64]:
    is_never = wire == _NEVER_ON_WIRE
    return np.where(is_never, NO_MINUTE, from_wire_time(np.where(is_never, 0, wire)) // _MINUTE_US)


def _words(counts: NDArray[np.uint16]) -> NDArray[np.void]:
    """[n] rows of counts as their bytes."""
    return _bytes(np.ascontiguousarray(counts, ">u2"))


def _bytes(cells: NDArray[Any]) -> NDArray[np.void]:
    width = cells.shape[1] * cells.dtype.itemsize
    return np.ascontiguousarray(cells).view(f"V{width}").reshape(len(cells))


def _cells(column: NDArray[np.void], kind: str) -> NDArray[Any]:
    width = column.dtype.itemsize // np.dtype(kind).itemsize
    return np.ascontiguousarray(column).view(kind).reshape(len(column), width)
