"""What there is, in numbers, for `status`, the demo and the page."""

from dataclasses import dataclass
from typing import Final

from psycopg.rows import class_row

from fumewatch.store.database import Connection


@dataclass(frozen=True, slots=True)
class Counts:
    """`readings_stored`: received until rollups.received_to; those dropped since included."""

    readings_stored: int
    alerts_fired: int
    alerts_resolved: int
    alerts_open: int
    messages_delivered: int
    messages_due: int
    messages_failed: int
    dead_letters: int
    monitors: int
    monitors_unassigned: int
    sites: int


# Readings are counted from the roll-up: counting rows would read them all. An alert that never
# fired does not count as resolved.
_COUNTS: Final = """
    select
        (select coalesce(sum(readings), 0)::bigint from rollup_day) as readings_stored,
        (select count(*) from transition where after = 'firing') as alerts_fired,
        (select count(*) from transition where after = 'resolved' and before = 'firing')
            as alerts_resolved,
        (select count(*) from alert where state <> 'resolved') as alerts_open,
        (select count(*) from outbox where state = 'sent') as messages_delivered,
        (select count(*) from outbox where state = 'due') as messages_due,
        (select count(*) from outbox where state = 'failed') as messages_failed,
        (select count(*) from dead_letter) as dead_letters,
        (select count(*) from monitor) as monitors,
        (select count(*) from monitor where outlet_id is null) as monitors_unassigned,
        (select count(*) from site) as sites
"""


def counts(conn: Connection) -> Counts:
    with conn.cursor(row_factory=class_row(Counts)) as cursor:
        return cursor.execute(_COUNTS).fetchall()[0]
