"""When outlets were cleaned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from psycopg.rows import class_row

from fumewatch.core.cleanings_csv import Cleaning
from fumewatch.store.database import Connection
from fumewatch.store.tally import Tally

_OUTLETS: Final = """
    select s.code, coalesce(array_agg(o.code order by o.code) filter (where o.id is not null), '{}')
    from site s
    left join outlet_site os on os.site_id = s.id
    left join outlet o on o.id = os.outlet_id
    group by s.code
"""
_ADD: Final = """
    insert into cleaning as c (outlet_id, cleaned_on, note, source)
    select o.id, t.cleaned_on, t.note, %s
    from unnest(%s::text[], %s::date[], %s::text[]) as t (outlet, cleaned_on, note)
    join outlet o on o.code = t.outlet
    on conflict (outlet_id, cleaned_on) do update set note = excluded.note
        where excluded.note <> '' and excluded.note <> c.note
    returning xmax = 0, (select code from outlet where id = c.outlet_id)
"""
_NEWEST: Final = """
    select o.code as outlet_code, o.name as outlet, s.code as site_code, s.name as site,
        c.cleaned_on, c.note, c.source
    from cleaning c join outlet o on o.id = c.outlet_id join site s on s.id = o.responsible_site
    where (%(outlet)s::text is null or o.code = %(outlet)s)
    order by c.cleaned_on desc, o.code limit %(limit)s
"""
_COUNT: Final = """
    select count(*) from cleaning c join outlet o on o.id = c.outlet_id
    where (%(outlet)s::text is null or o.code = %(outlet)s)
"""

_FIELDS: Final = ("outlet", "cleaned_on", "note")
_AT_ONCE: Final = 50_000
"""Rows of a statement: it has a time-out."""


@dataclass(frozen=True, slots=True)
class CleaningRow:
    """`source`: the file that told so."""

    outlet_code: str
    outlet: str
    site_code: str
    site: str
    cleaned_on: date
    note: str
    source: str


def outlets_of(conn: Connection) -> dict[str, tuple[str, ...]]:
    """The codes of each site's outlets, by the site's code."""
    return {code: tuple(outlets) for code, outlets in conn.execute(_OUTLETS)}


def add(conn: Connection, cleanings: Sequence[Cleaning], source: str) -> Tally:
    """Store those that are new; of known ones a note that is given. None is ever taken back."""
    touched = _add(conn, cleanings, source)
    new = sum(is_new for is_new, _ in touched)
    return Tally(new, len(touched) - new, len(cleanings) - len(touched))


def add_dates(conn: Connection, dates: Iterable[tuple[str, date]], source: str) -> set[str]:
    """(outlet's code, day): the codes of those outlets of which one is new."""
    found = _add(conn, [Cleaning(outlet, day) for outlet, day in dates], source)
    return {outlet for _, outlet in found}


def newest(conn: Connection, outlet: str | None, limit: int) -> tuple[list[CleaningRow], int]:
    """The newest, of one outlet or all, and how many there are."""
    params = {"outlet": outlet, "limit": limit}
    with conn.cursor(row_factory=class_row(CleaningRow)) as cursor:
        rows = cursor.execute(_NEWEST, params).fetchall()
    (count,) = conn.execute(_COUNT, params).fetchall()[0]
    return rows, count


def _add(conn: Connection, cleanings: Sequence[Cleaning], source: str) -> list[tuple[bool, str]]:
    """(is new, outlet's code) of those that changed something."""
    found = []
    for start in range(0, len(cleanings), _AT_ONCE):
        some = cleanings[start : start + _AT_ONCE]
        columns = [[getattr(one, name) for one in some] for name in _FIELDS]
        found += [(row[0], row[1]) for row in conn.execute(_ADD, [source, *columns])]
    return found
