"""Residents' complaints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from fumewatch.core.complaints_csv import Complaint
from fumewatch.store.database import Connection
from fumewatch.store.tally import Tally

# What a later file leaves empty stays: somebody may have looked the place up in between.
_ADD: Final = """
    insert into complaint as c (number, at, latitude, longitude, site_id, address, text)
    select t.number, t.at, t.latitude, t.longitude, s.id, t.address, t.text
    from unnest(%s::text[], %s::timestamptz[], %s::float8[], %s::float8[], %s::text[], %s::text[],
        %s::text[]) as t (number, at, latitude, longitude, site_code, address, text)
    left join site s on s.code = t.site_code
    on conflict (number) do update set at = excluded.at,
        latitude = coalesce(excluded.latitude, c.latitude),
        longitude = coalesce(excluded.longitude, c.longitude),
        site_id = coalesce(excluded.site_id, c.site_id),
        address = coalesce(nullif(excluded.address, ''), c.address),
        text = coalesce(nullif(excluded.text, ''), c.text)
    where (c.at, c.latitude, c.longitude, c.site_id, c.address, c.text) is distinct from
        (excluded.at, coalesce(excluded.latitude, c.latitude),
        coalesce(excluded.longitude, c.longitude), coalesce(excluded.site_id, c.site_id),
        coalesce(nullif(excluded.address, ''), c.address),
        coalesce(nullif(excluded.text, ''), c.text))
    returning xmax = 0
"""
_FIELDS: Final = ("number", "at", "latitude", "longitude", "site_code", "address", "text")
_AT_ONCE: Final = 50_000
"""Rows of a statement: it has a time-out."""
_PLACED: Final = """
    complaint c left join site s on s.id = c.site_id
"""
_POSITION: Final = """
    coalesce(c.latitude, s.latitude) as latitude, coalesce(c.longitude, s.longitude) as longitude
"""
_NEWEST: Final = f"""
    select c.number, c.at, {_POSITION}, s.code as site_code, c.address, c.text
    from {_PLACED} order by c.at desc, c.number limit %s
"""
_COUNT: Final = f"""
    select count(*), count(*) filter (where coalesce(c.latitude, s.latitude) is null) from {_PLACED}
"""
_UNPLACED: Final = f"""
    select c.number from {_PLACED}
    where c.number = any(%s) and coalesce(c.latitude, s.latitude) is null
"""


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """Position: its own, else that of its site; None: it cannot be placed."""

    number: str
    at: datetime
    latitude: float | None
    longitude: float | None
    site_code: str | None
    address: str
    text: str


def add(conn: Connection, complaints: Sequence[Complaint]) -> Tally:
    """Store them by number, over what was stored of them."""
    touched: list[bool] = []
    for start in range(0, len(complaints), _AT_ONCE):
        some = complaints[start : start + _AT_ONCE]
        columns = [[getattr(one, name) for one in some] for name in _FIELDS]
        touched += [is_new for (is_new,) in conn.execute(_ADD, columns)]
    new = sum(touched)
    return Tally(new, len(touched) - new, len(complaints) - len(touched))


def unplaced(conn: Connection, numbers: Sequence[str]) -> set[str]:
    """Those of `numbers` that have no position, nor a site that has one."""
    return {number for (number,) in conn.execute(_UNPLACED, [list(numbers)])}


def newest(conn: Connection, limit: int) -> tuple[list[ComplaintRow], int, int]:
    """The newest; how many there are; how many of them cannot be placed."""
    with conn.cursor(row_factory=class_row(ComplaintRow)) as cursor:
        rows = cursor.execute(_NEWEST, [limit]).fetchall()
    count, without = conn.execute(_COUNT).fetchall()[0]
    return rows, count, without


def site_codes(conn: Connection) -> set[str]:
    return {code for (code,) in conn.execute("select code from site")}
