"""Monitors: their ids, their last status, where they hang."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import kwargs_row

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.site import Place
from fumewatch.store.database import Connection
from fumewatch.store.document import text
from fumewatch.store.wire import from_wire_time, packed

CLEANING_DAYS: Final = 400
"""How far back a place's cleanings go: a year and a month more."""

_SHARED: Final = ("district", "street", "vendor", "model", "limit_profile", "size_class")
"""Columns in which many places have the same text."""

Key = tuple[str, str]
"""(district, code), as the topic says."""

_IDS: Final = """
    select m.district, m.code, m.id
    from unnest(%s::text[], %s::text[]) as k (district, code)
    join monitor m on m.district = k.district and m.code = k.code
"""
_REGISTER: Final = """
    insert into monitor (district, code)
    select * from unnest(%s::text[], %s::text[])
    on conflict (district, code) do nothing
"""
_SET_STATUS: Final = """
    update monitor m set status = s.status, status_at = s.at
    from unnest(%s::int[], %s::text[], %s::timestamptz[]) as s (id, status, at)
    where m.id = s.id and (m.status_at is null or m.status_at <= s.at)
        and m.status is distinct from s.status  -- a retained one comes again at each connect
"""
_LAST_MEASURED: Final = """
    select string_agg(int4send(monitor_id) || timestamptz_send(measured_at), ''::bytea)
    from monitor_latest
"""
_LAST: Final = np.dtype([("monitor", ">i4"), ("at", ">i8")])
# The sites of all outlets at once: right after an import the tables have no statistics, and asked
# outlet by outlet PostgreSQL then reads every site 10,000 times.
_PLACES: Final = """
    with shared as (
        select o.id as outlet_id,
            array_agg(f.name order by f.id <> o.responsible_site, f.name) as sites
        from outlet o join outlet_site os on os.outlet_id = o.id join site f on f.id = os.site_id
        group by o.id
    ), cleaned as (
        select outlet_id, array_agg(cleaned_on order by cleaned_on) as days
        from cleaning where cleaned_on > current_date - %s
        group by outlet_id
    )
    select m.id as monitor, m.code, m.district, s.id as site_id, coalesce(s.name, '') as site,
        coalesce(s.code, '') as site_code, coalesce(s.size_class, '') as size_class,
        coalesce(shared.sites, '{}') as sites,
        coalesce(s.street, '') as street, coalesce(s.address, '') as address,
        coalesce(o.name, '') as outlet, m.vendor, m.model,
        coalesce(o.limit_profile, '') as limit_profile, s.business_hours,
        coalesce(s.tags, '{}') as tags,
        s.latitude, s.longitude, coalesce(cleaned.days, '{}') as cleanings
    from monitor m
    left join outlet o on o.id = m.outlet_id
    left join site s on s.id = o.responsible_site
    left join shared on shared.outlet_id = o.id
    left join cleaned on cleaned.outlet_id = o.id
    where %s::int[] is null or m.id = any(%s)
    order by m.id
"""

# A number for each monitor's row of _PLACES, so that only those are read again that changed.
_MARKS: Final = f"""
    select string_agg(int4send(p.monitor) || int8send(hash_record_extended(p, 0)), ''::bytea
        order by p.monitor) from ({_PLACES}) p
"""
_MARK: Final = np.dtype([("monitor", ">i4"), ("mark", ">i8")])
_MARKED_PLACES: Final = f"""
    select p.*, hash_record_extended(p, 0) as mark from ({_PLACES}) p order by p.monitor
"""


def register(conn: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """The ids of all `keys`; those never heard of become unassigned monitors."""
    ids = _ids(conn, keys)
    if unknown := sorted({_clean(key) for key in keys} - ids.keys()):
        conn.execute(_REGISTER, _as_arrays(unknown))  # not for known ones: it would waste ids
        ids |= _ids(conn, unknown)
    return {key: ids[_clean(key)] for key in keys}


def set_status(conn: Connection, rows: Sequence[tuple[int, str, datetime]]) -> None:
    """(id, "online" or "offline", when): the newest counts; `status_at` is when it began."""
    newest: dict[int, tuple[int, str, datetime]] = {}
    for row in rows:
        if row[0] not in newest or newest[row[0]][2] <= row[2]:
            newest[row[0]] = row
    if newest:
        conn.execute(_SET_STATUS, [list(column) for column in zip(*newest.values(), strict=True)])


def count(conn: Connection) -> int:
    row = conn.execute("select count(*) from monitor").fetchone()
    return row[0] if row else 0


def statuses(conn: Connection) -> dict[int, tuple[str, datetime]]:
    """Of the monitors that ever said one."""
    rows = conn.execute("select id, status, status_at from monitor where status is not null")
    return {row[0]: (row[1], row[2]) for row in rows}


def offline_since(conn: Connection) -> dict[int, datetime]:
    """Of the monitors whose last status is offline."""
    return {id: at for id, (word, at) in statuses(conn).items() if word == "offline"}


def last_measured(conn: Connection) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """int32 [n] ids and int64 [n] µs UTC: each monitor's newest reading, as of the last flush."""
    rows = packed(conn, _LAST_MEASURED, [], _LAST)
    return rows["monitor"].astype(np.int32), from_wire_time(rows["at"])


def places(conn: Connection, zone: str, ids: Sequence[int] | None = None) -> list[Place]:
    """Every monitor, assigned or not, by id, with its outlet's cleanings of 400 days.

    Business hours are told in `zone`. `ids`: only these.
    """

    def place(**columns: Any) -> Place:
        return _place(zone, **columns)

    wanted = None if ids is None else list(ids)
    with conn.cursor(row_factory=kwargs_row(place)) as cursor:
        return cursor.execute(_PLACES, [CLEANING_DAYS, wanted, wanted]).fetchall()


def _place(zone: str, business_hours: str | None, **columns: Any) -> Place:
    columns["hours"] = _hours(business_hours, zone) if business_hours else None
    site = columns["site"]
    columns["sites"] = tuple(site if name == site else name for name in columns["sites"])
    columns["tags"] = tuple(columns["tags"])
    columns["cleanings"] = tuple(columns["cleanings"])
    for name in _SHARED:
        columns[name] = intern(columns[name])
    return Place(**columns)


class Places:
    """What `places` gives, time and again; `zone` as there.

    What has not changed since the last look is not read again, which for a large fleet takes
    seconds.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._listed: list[Place] = []
        self._ids, self._marks = np.empty(0, np.int32), np.empty(0, np.int64)

    def look(self, conn: Connection) -> list[Place]:
        """All of them, by id: the very list of the last look where nothing changed."""
        if not self._listed:
            return self._look_first(conn)
        rows = packed(conn, _MARKS, [CLEANING_DAYS, None, None], _MARK)
        ids, marks = rows["monitor"].astype(np.int32), rows["mark"].astype(np.int64)
        if np.array_equal(ids, self._ids) and np.array_equal(marks, self._marks):
            return self._listed
        old = dict(zip(self._ids.tolist(), self._marks.tolist(), strict=True))
        now = zip(ids.tolist(), marks.tolist(), strict=True)
        changed = [monitor for monitor, mark in now if old.get(monitor) != mark]
        known = {place.monitor: place for place in self._listed}
        known |= {place.monitor: place for place in places(conn, self.zone, changed)}
        self._ids, self._marks = ids, marks
        self._listed = [known[monitor] for monitor in ids.tolist()]
        return self._listed

    def _look_first(self, conn: Connection) -> list[Place]:
        """The marks with the places: telling both apart takes the server as long again."""
        marks: list[int] = []

        def place(mark: int, **columns: Any) -> Place:
            marks.append(mark)
            return _place(self.zone, **columns)

        with conn.cursor(row_factory=kwargs_row(place)) as cursor:
            query = cursor.execute(_MARKED_PLACES, [CLEANING_DAYS, None, None])
            self._listed = query.fetchall() or self._listed
        self._ids = np.array([place.monitor for place in self._listed], np.int32)
        self._marks = np.array(marks, np.int64)
        return self._listed


@lru_cache(maxsize=4096)
def _hours(text: str, zone: str) -> BusinessHours:
    """One object for all who have the same: a fleet has few."""
    return BusinessHours.parse(text, zone)


def _ids(conn: Connection, keys: Collection[Key]) -> dict[Key, int]:
    cleaned = [_clean(key) for key in keys]
    return {(row[0], row[1]): row[2] for row in conn.execute(_IDS, _as_arrays(cleaned))}


def _clean(key: Key) -> Key:
    return text(key[0]), text(key[1])


def _as_arrays(keys: Sequence[Key]) -> list[list[str]]:
    return [[key[0] for key in keys], [key[1] for key in keys]]
