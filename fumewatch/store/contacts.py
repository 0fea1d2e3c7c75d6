"""The people of sites, vendors and streets.

A person is known by whose they are and their name, and keeps the id: links and what was told name
"contact N".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from psycopg.rows import kwargs_row

from fumewatch.core.addressing import Entry, Role
from fumewatch.core.notice import Contact
from fumewatch.store.database import Connection
from fumewatch.store.tally import Tally

Mark = tuple[int, Decimal]
"""Of all contacts as they are: another one once anything of them changed."""

_GIVEN: Final = """
    with given as (
        select s.id as site_id, t.vendor, t.street, t.name, t.email, t.phone, t.account, t.language
        from unnest(%(sites)s::text[], %(vendors)s::text[], %(streets)s::text[], %(names)s::text[],
            %(emails)s::text[], %(phones)s::text[], %(accounts)s::text[], %(languages)s::text[])
            as t (site, vendor, street, name, email, phone, account, language)
        left join site s on s.code = t.site
    )
"""
_SAME: Final = """
    coalesce(c.site_id, 0) = coalesce(g.site_id, 0) and c.name = g.name
    and coalesce(c.vendor, '') = coalesce(g.vendor, '')
    and coalesce(c.street, '') = coalesce(g.street, '')
"""
# Not `on conflict` for all: it would waste an id on each person that is known already.
_CHANGE: Final = f"""
    {_GIVEN}
    update contact c set email = g.email, phone = g.phone, account = g.account,
        language = g.language
    from given g
    where {_SAME}
        and (c.email, c.phone, c.account, c.language) is distinct from
            (g.email, g.phone, g.account, g.language)
"""
_ADD: Final = f"""
    {_GIVEN}
    insert into contact (site_id, vendor, street, name, email, phone, account, language)
    select g.* from given g
    where not exists (select from contact c where {_SAME})
    on conflict do nothing  -- somebody else's import, at this moment
"""
_REMOVE_OTHERS: Final = f"""
    {_GIVEN}
    delete from contact c
    where not exists (select from given g where {_SAME})
"""
_ALL: Final = """
    select c.id, s.code as site, c.vendor, c.street, c.name, c.email, c.phone, c.account, c.language
    from contact c left join site s on s.id = c.site_id
    order by s.code nulls last, c.vendor nulls last, c.street, c.id
"""
_MARK: Final = """
    select count(*), coalesce(sum(hashtextextended(c::text || coalesce(s.code, ''), 0)), 0)
    from contact c left join site s on s.id = c.site_id
"""
_STRANGERS: Final = """
    select distinct 'vendor', vendor from contact
    where vendor is not null and vendor not in (select vendor from monitor)
    union
    select distinct 'street', street from contact
    where street is not null and street not in (select street from site)
    order by 1 desc, 2
"""


def add(conn: Connection, entries: Sequence[Entry]) -> Tally:
    """Store them over what was stored of them; others stay. Their sites exist."""
    params = _columns(entries)
    changed = conn.execute(_CHANGE, params).rowcount
    new = conn.execute(_ADD, params).rowcount
    return Tally(new, changed, len(entries) - new - changed)


def replace(conn: Connection, entries: Sequence[Entry]) -> tuple[Tally, int]:
    """As `add`, and remove whom `entries` do not name: how many those were."""
    removed = conn.execute(_REMOVE_OTHERS, _columns(entries)).rowcount
    return add(conn, entries), removed


def remove(conn: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The names of those removed, by id."""
    rows = conn.execute(
        "delete from contact where id = any(%s::bigint[]) returning id, name", [list(ids)]
    )
    return {row[0]: row[1] for row in rows}


def mark(conn: Connection) -> Mark:
    """Costs a tenth of reading them, and none of that here."""
    row = conn.execute(_MARK).fetchone()
    assert row is not None
    return int(row[0]), row[1]


def all_contacts(conn: Connection) -> list[Entry]:
    """Of sites, then of vendors, then of streets; each in the order they came."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        return cursor.execute(_ALL).fetchall()


def strangers(conn: Connection) -> list[tuple[Role, str]]:
    """The vendors and streets that have a contact and no monitor, nor site."""
    return [(role, of) for role, of in conn.execute(_STRANGERS)]


def _columns(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    def of(role: Role) -> list[str | None]:
        return [entry.of if entry.role == role else None for entry in entries]

    contacts = [entry.contact for entry in entries]
    return {
        "sites": of("site"),
        "vendors": of("vendor"),
        "streets": of("street"),
        "names": [contact.name for contact in contacts],
        "emails": [contact.email for contact in contacts],
        "phones": [contact.phone for contact in contacts],
        "accounts": [contact.account for contact in contacts],
        "languages": [contact.language for contact in contacts],
    }


def _entry(site: str | None, vendor: str | None, street: str | None, **person: Any) -> Entry:
    contact = Contact(**person)
    if site is not None:
        return Entry("site", site, contact)
    if vendor is not None:
        return Entry("vendor", vendor, contact)
    return Entry("street", street or "", contact)
