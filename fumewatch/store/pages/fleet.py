"""Sites and monitors, as pages and API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeAlias

from psycopg import Connection
from psycopg.rows import class_row

from fumewatch.core.reading import CHANNELS

_PLACE: Final = """
    m.code, m.district, m.vendor, m.model, m.registered_at,
    o.id as outlet_id, o.code as outlet_code, o.name as outlet, o.limit_profile,
    (select max(c.cleaned_on) from cleaning c where c.outlet_id = o.id) as cleaned_at,
    s.id as site_id, coalesce(s.name, '') as site, coalesce(s.street, '') as street,
    coalesce(s.address, '') as address
"""
_STATE: Final = """
    m.id, m.status, m.status_at, m.heard_at,
    l.measured_at, l.received_at, coalesce(l.quality, 'N')::text as quality,
    coalesce(l.unjudged, 0) as unjudged,
    l.fume, l.pm, l.nmhc, l.temperature, l.humidity, l.velocity, l.fan_current,
    l.purifier_current, l.fan_on, l.purifier_on,
    f.kinds as firing_kinds, f.rules as firing_rules
"""
_AT_PLACE: Final = """
    left join outlet o on o.id = m.outlet_id
    left join site s on s.id = o.responsible_site
"""
_IN_STATE: Final = """
    left join monitor_latest l on l.monitor_id = m.id
    left join (
        select monitor_id, array_agg(kind order by id) as kinds,
               array_agg(rule order by id) as rules
        from alert where state = 'firing' group by monitor_id
    ) f on f.monitor_id = m.id
"""
_MONITOR: Final = f"{_PLACE}, {_STATE}"
_JOINS: Final = f"{_AT_PLACE} {_IN_STATE}"


class MonitorRow(NamedTuple):
    """A monitor with its outlet, its responsible site, its latest reading and its firing alerts.

    `heard_at`: its last heartbeat. Values are whole thousandths, None where there is none.
    `alert_kinds[i]` and `alert_rules[i]` belong together. Fields stand as _MONITOR has them: a
    tuple as the server sends it, for ten thousand dataclasses would take longer than the query.
    """

    code: str
    district: str
    vendor: str
    model: str
    registered_at: datetime
    outlet_id: int | None
    outlet_code: str | None
    outlet: str | None
    limit_profile: str | None
    cleaned_at: date | None
    site_id: int | None
    site: str
    street: str
    address: str
    id: int
    status: str | None
    status_at: datetime | None
    heard_at: datetime | None
    measured_at: datetime | None
    received_at: datetime | None
    quality: str
    unjudged: int
    fume: int | None
    pm: int | None
    nmhc: int | None
    temperature: int | None
    humidity: int | None
    velocity: int | None
    fan_current: int | None
    purifier_current: int | None
    fan_on: int | None
    purifier_on: int | None
    firing_kinds: list[str] | None
    firing_rules: list[str] | None

    @property
    def alert_kinds(self) -> list[str]:
        return self.firing_kinds or []

    @property
    def alert_rules(self) -> list[str]:
        return self.firing_rules or []

    @property
    def latest(self) -> list[int | None]:
        """One entry per core.reading.CHANNELS."""
        return [getattr(self, channel.name) for channel in CHANNELS]


Place: TypeAlias = tuple[Any, ...]
"""What of a MonitorRow stays for weeks: its first fields, up to `id`."""
State: TypeAlias = tuple[Any, ...]
"""What of it changes by the minute: the others."""


@dataclass(frozen=True, slots=True)
class SiteRow:
    id: int
    code: str
    name: str
    district: str
    street: str
    address: str
    contact: str
    size_class: str | None
    business_hours: str | None
    tags: list[str]


@dataclass(frozen=True, slots=True)
class BucketRow:
    """Ten minutes of one monitor: per measured channel the sum of thousandths and how many."""

    bucket: datetime
    sums: list[float]
    counts: list[int]
    valid: int
    fan_on: int
    linkage_known: int
    linkage_on: int


@dataclass(frozen=True, slots=True)
class SiteListRow:
    id: int
    code: str
    name: str
    street: str
    address: str
    monitors: int
    open_alerts: int


def monitors(conn: Connection[Any]) -> list[MonitorRow]:
    """The whole fleet, by street and site."""
    return joined(places(conn), states(conn))


def places(conn: Connection[Any]) -> dict[int, Place]:
    """Of every monitor by its id, in order of street and site: twice the work of `states`."""
    query = f"select m.id, {_PLACE} from monitor m {_AT_PLACE} order by s.street, s.name, m.code"
    return {row[0]: row[1:] for row in conn.cursor(binary=True).execute(query).fetchall()}


def states(conn: Connection[Any]) -> dict[int, State]:
    """Of every monitor by its id."""
    query = f"select {_STATE} from monitor m {_IN_STATE}"
    return {row[0]: row for row in conn.cursor(binary=True).execute(query).fetchall()}


def joined(places: Mapping[int, Place], states: Mapping[int, State]) -> list[MonitorRow]:
    """In the order of `places`; without those that only one of the two knows."""
    return [
        MonitorRow._make(place + state)
        for id, place in places.items()
        if (state := states.get(id)) is not None
    ]


def monitor(conn: Connection[Any], id: int) -> MonitorRow | None:
    query = f"select {_MONITOR} from monitor m {_JOINS} where m.id = %s"
    with conn.cursor(row_factory=class_row(MonitorRow)) as cursor:
        return cursor.execute(query, (id,)).fetchone()


def monitors_among(conn: Connection[Any], ids: list[int], limit: int = 500) -> list[MonitorRow]:
    """Those of `ids` that there are, by street and site."""
    query = f"""
        select {_MONITOR} from monitor m {_JOINS} where m.id = any(%s)
        order by s.street, s.name, m.code limit %s
    """
    with conn.cursor(row_factory=class_row(MonitorRow)) as cursor:
        return cursor.execute(query, (ids, limit)).fetchall()


def monitors_of_site(conn: Connection[Any], site: int) -> list[MonitorRow]:
    """Monitors on the outlets that serve the site, its own first, then shared flues of others."""
    query = f"""
        select {_MONITOR} from monitor m {_JOINS}
        where o.responsible_site = %(site)s
           or exists (select from outlet_site x where x.outlet_id = o.id and x.site_id = %(site)s)
        order by o.responsible_site <> %(site)s, o.code, m.code limit 50
    """
    with conn.cursor(row_factory=class_row(MonitorRow)) as cursor:
        return cursor.execute(query, {"site": site}).fetchall()


def streets(conn: Connection[Any]) -> list[str]:
    query = "select distinct street from site order by 1 limit 500"
    return [row[0] for row in conn.execute(query)]


def site(conn: Connection[Any], id: int) -> SiteRow | None:
    query = """
        select id, code, name, district, street, address, contact, size_class, business_hours, tags
        from site where id = %s
    """
    with conn.cursor(row_factory=class_row(SiteRow)) as cursor:
        return cursor.execute(query, (id,)).fetchone()


def sites(
    conn: Connection[Any], words: str | None, street: str | None, limit: int, after: int = 0
) -> list[SiteListRow]:
    """Sites whose name, code or address contains `words`, by id, from the one after `after`."""
    query = """
        select s.id, s.code, s.name, s.street, s.address,
               count(distinct m.id) as monitors, count(distinct a.id) as open_alerts
        from site s
        left join outlet o on o.responsible_site = s.id
        left join monitor m on m.outlet_id = o.id
        left join alert a on a.monitor_id = m.id and a.state = 'firing'
        where s.id > %(after)s and (%(street)s::text is null or s.street = %(street)s)
          and (%(words)s::text is null or strpos(
               lower(concat_ws(' ', s.name, s.code, s.address)), lower(%(words)s)) > 0)
        group by s.id order by s.id limit %(limit)s
    """
    params = {"after": after, "street": street, "words": words, "limit": limit}
    with conn.cursor(row_factory=class_row(SiteListRow)) as cursor:
        return cursor.execute(query, params).fetchall()


def ten_minutes(
    conn: Connection[Any], monitor: int, start: datetime, end: datetime
) -> list[BucketRow]:
    """Means of 10 minutes in [start, end); see BucketRow."""
    query = """
        select bucket,
               array[fume_sum, pm_sum, nmhc_sum, temperature_sum, humidity_sum, velocity_sum,
                     fan_current_sum, purifier_current_sum]::float8[] as sums,
               array[fume_n, pm_n, nmhc_n, temperature_n, humidity_n, velocity_n,
                     fan_current_n, purifier_current_n] as counts,
               valid, fan_on, linkage_known, linkage_on
        from rollup_10m where monitor_id = %s and bucket >= %s and bucket < %s
        order by bucket limit 20000
    """
    with conn.cursor(row_factory=class_row(BucketRow)) as cursor:
        return cursor.execute(query, (monitor, start, end)).fetchall()


def sharing_sites(conn: Connection[Any], outlet: int) -> list[tuple[int, str]]:
    """Id and name of every site on the flue."""
    query = """
        select s.id, s.name from outlet_site x join site s on s.id = x.site_id
        where x.outlet_id = %s order by s.name limit 100
    """
    return [(row[0], row[1]) for row in conn.execute(query, (outlet,))]


def cleanings(conn: Connection[Any], outlets: list[int], most: int) -> dict[int, list[date]]:
    """By outlet, the newest `most` days on which it was cleaned, newest first."""
    query = """
        select outlet_id, (array_agg(cleaned_on order by cleaned_on desc))[:%s]
        from cleaning where outlet_id = any(%s) group by outlet_id
    """
    return {row[0]: row[1] for row in conn.execute(query, (most, outlets))}
