"""Sites, outlets and monitors as sites.csv tells them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from psycopg.rows import kwargs_row

from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.store import cleanings
from fumewatch.store.database import Connection
from fumewatch.store.tally import Tally


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did."""

    sites: Tally
    outlets: Tally
    monitors: Tally


# Each upsert returns a row only where it changed something: (is_new). A file without a position
# does not undo one that another gave.
_SITE: Final = """
    insert into site (code, name, district, street, address, contact, size_class, business_hours,
        tags, latitude, longitude)
    values (%(code)s, %(name)s, %(district)s, %(street)s, %(address)s, %(contact)s,
        nullif(%(size_class)s, ''), nullif(%(business_hours)s, ''), %(tags)s, %(latitude)s,
        %(longitude)s)
    on conflict (code) do update set name = excluded.name, district = excluded.district,
        street = excluded.street, address = excluded.address, contact = excluded.contact,
        size_class = excluded.size_class, business_hours = excluded.business_hours,
        tags = excluded.tags, latitude = coalesce(excluded.latitude, site.latitude),
        longitude = coalesce(excluded.longitude, site.longitude)
    where (site.name, site.district, site.street, site.address, site.contact, site.size_class,
            site.business_hours, site.tags, site.latitude, site.longitude)
        is distinct from (excluded.name, excluded.district, excluded.street, excluded.address,
            excluded.contact, excluded.size_class, excluded.business_hours, excluded.tags,
            coalesce(excluded.latitude, site.latitude),
            coalesce(excluded.longitude, site.longitude))
    returning xmax = 0
"""
_OUTLET: Final = """
    insert into outlet (code, name, responsible_site, limit_profile)
    select %(code)s, %(name)s, id, %(limit_profile)s from site where code = %(responsible_site)s
    on conflict (code) do update set name = excluded.name,
        responsible_site = excluded.responsible_site, limit_profile = excluded.limit_profile
    where (outlet.name, outlet.responsible_site, outlet.limit_profile)
        is distinct from (excluded.name, excluded.responsible_site, excluded.limit_profile)
    returning xmax = 0
"""
_SHARES: Final = """
    with told as (
        select o.id as outlet_id, s.id as site_id, o.code
        from unnest(%(outlets)s::text[], %(sites)s::text[]) as t (outlet, site)
        join outlet o on o.code = t.outlet
        join site s on s.code = t.site
    ), gone as (
        delete from outlet_site os
        where os.outlet_id in (select outlet_id from told)
            and (os.outlet_id, os.site_id) not in (select outlet_id, site_id from told)
        returning os.outlet_id
    ), come as (
        insert into outlet_site (outlet_id, site_id) select outlet_id, site_id from told
        on conflict do nothing
        returning outlet_id
    )
    select code from outlet
    where id in (select outlet_id from gone union select outlet_id from come)
"""
_MONITOR: Final = """
    insert into monitor (district, code, outlet_id, vendor, model)
    select %(district)s, %(code)s, id, %(vendor)s, %(model)s from outlet where code = %(outlet)s
    on conflict (district, code) do update set outlet_id = excluded.outlet_id,
        vendor = excluded.vendor, model = excluded.model
    where (monitor.outlet_id, monitor.vendor, monitor.model)
        is distinct from (excluded.outlet_id, excluded.vendor, excluded.model)
    returning xmax = 0
"""
_SITES: Final = """
    select code, name, district, street, address, contact, coalesce(size_class, '') as size_class,
        coalesce(business_hours, '') as business_hours, tags, latitude, longitude
    from site order by id
"""
_OUTLETS: Final = """
    select o.code, s.code as responsible_site, o.limit_profile, o.name,
        (select max(c.cleaned_on) from cleaning c where c.outlet_id = o.id) as cleaned_at,
        array(select f.code from outlet_site os join site f on f.id = os.site_id
            where os.outlet_id = o.id order by f.code) as sites
    from outlet o join site s on s.id = o.responsible_site order by o.id
"""
_MONITORS: Final = """
    select m.district, m.code, o.code as outlet, m.vendor, m.model
    from monitor m join outlet o on o.id = m.outlet_id order by m.id
"""


def replace(conn: Connection, facts: Facts) -> Changes:
    """Store the facts over what was there; what they do not mention stays as it is.

    The sites of an outlet that is mentioned become exactly those told. A day of cleaning that is
    new is added to those recorded.
    """
    sites = _upsert(conn, _SITE, {s.code: s for s in facts.sites})
    outlets = _upsert(conn, _OUTLET, {o.code: o for o in facts.outlets})
    dates = [(o.code, o.cleaned_at) for o in facts.outlets if o.cleaned_at]
    cleaned = cleanings.add_dates(conn, dates, "sites.csv")
    for code in (*_share(conn, facts.outlets), *cleaned):
        outlets.setdefault(code, False)
    monitors = _upsert(conn, _MONITOR, {(m.district, m.code): m for m in facts.monitors})
    # Without statistics of what just came the daemon's next look at it took seconds, not ms.
    conn.execute("analyze site, outlet, outlet_site, monitor, cleaning")
    return Changes(
        _tally(sites, len(facts.sites)),
        _tally(outlets, len(facts.outlets)),
        _tally(monitors, len(facts.monitors)),
    )


def facts(conn: Connection) -> Facts:
    """Everything stored; monitors that are assigned."""
    with conn.cursor(row_factory=kwargs_row(_site)) as cursor:
        sites = cursor.execute(_SITES).fetchall()
    with conn.cursor(row_factory=kwargs_row(_outlet)) as cursor:
        outlets = cursor.execute(_OUTLETS).fetchall()
    with conn.cursor(row_factory=kwargs_row(MonitorFacts)) as cursor:
        monitors = cursor.execute(_MONITORS).fetchall()
    return Facts(tuple(sites), tuple(outlets), tuple(monitors))


def _upsert(conn: Connection, statement: str, rows: Mapping[Any, Any]) -> dict[Any, bool]:
    """By key: True where the row is new, False where it changed."""
    if not rows:
        return {}
    with conn.cursor() as cursor:
        cursor.executemany(statement, [_columns(row) for row in rows.values()], returning=True)
        answers = [result.fetchone() for result in cursor.results()]
    return {key: answer[0] for key, answer in zip(rows, answers, strict=True) if answer is not None}


def _share(conn: Connection, outlets: Sequence[OutletFacts]) -> Iterable[str]:
    """The codes of outlets whose sites changed."""
    pairs = [(outlet.code, site) for outlet in outlets for site in outlet.sites]
    params = {"outlets": [pair[0] for pair in pairs], "sites": [pair[1] for pair in pairs]}
    return [row[0] for row in conn.execute(_SHARES, params)]


def _tally(touched: Mapping[Any, bool], total: int) -> Tally:
    new = sum(touched.values())
    return Tally(new, len(touched) - new, total - len(touched))


def _columns(row: SiteFacts | OutletFacts | MonitorFacts) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(row).items()
    }


def _site(tags: list[str], **columns: Any) -> SiteFacts:
    return SiteFacts(tags=tuple(tags), **columns)


def _outlet(sites: list[str], **columns: Any) -> OutletFacts:
    return OutletFacts(sites=tuple(sites), **columns)
