"""Who may do what with which table: data for roles.py. A new table is named here, or a test fails.

writer  the daemon, its pages and the commands that import and answer. It changes what is facts and
        state. What is the record (transitions, actions, photos) it can only add to.
reader  Grafana and reports. It reads what was measured, judged and done; nothing that opens a door
        (passwords, sessions, tokens), that reaches a person (contacts, messages, who complained and
        who acted) or that nobody has looked through (payloads that could not be read).
"""

from typing import Final

EVERYTHING: Final = "select, insert, update, delete"

WRITER: Final = {
    "account": "select, insert, update",
    "account_change": "select, insert",
    "action": "select, insert",
    "alembic_version": "select",
    "alert": "select, insert, update",
    "backup_mark": "select",  # written by fumewatch backup, as the owner
    "cleaning": EVERYTHING,
    "complaint": EVERYTHING,
    "contact": EVERYTHING,
    "daemon": EVERYTHING,
    "database_role": "select",
    "day_done": EVERYTHING,
    "dead_letter": EVERYTHING,
    "device_aggregate": EVERYTHING,
    "device_event": EVERYTHING,
    "invitation": EVERYTHING,
    "learned": EVERYTHING,
    "judged_mark": EVERYTHING,
    "learned_mark": EVERYTHING,
    "learned_monitor": EVERYTHING,
    "link_revoked": "select, insert, update",
    "login_failure": EVERYTHING,
    "monitor": EVERYTHING,
    "monitor_day": EVERYTHING,
    "monitor_latest": EVERYTHING,
    "outbox": EVERYTHING,
    "outlet": EVERYTHING,
    "outlet_site": EVERYTHING,
    "photo": "select, insert",
    "reading": "select, insert, update",
    "reading_mg": "select",
    "record": "select",  # its rows are written by a trigger, which acts as the owner
    "rollup_10m": EVERYTHING,
    "rollup_day": EVERYTHING,
    "rollup_mark": "select, update",
    "rollup_street": EVERYTHING,
    "session": EVERYTHING,
    "silence": "select, insert, update",
    "site": EVERYTHING,
    "token": "select, insert, update",
    "told": EVERYTHING,
    "transition": "select, insert",
}

ALL_COLUMNS: Final = ""
"""Of READER; a table that is not named there is closed to it."""
READER: Final = {
    "action": "id, alert_id, at, kind, via, detail",
    "alembic_version": ALL_COLUMNS,
    "alert": ALL_COLUMNS,
    "backup_mark": ALL_COLUMNS,
    "cleaning": ALL_COLUMNS,
    "complaint": "number, at, latitude, longitude, site_id, received_at",
    "daemon": ALL_COLUMNS,
    "day_done": ALL_COLUMNS,
    "dead_letter": "id, received_at, topic, kind, profile, requested_at, tried_at, replayed_at",
    "device_aggregate": ALL_COLUMNS,
    "device_event": ALL_COLUMNS,
    "learned": ALL_COLUMNS,
    "judged_mark": ALL_COLUMNS,
    "learned_mark": ALL_COLUMNS,
    "learned_monitor": ALL_COLUMNS,
    "monitor": ALL_COLUMNS,
    "monitor_day": ALL_COLUMNS,
    "monitor_latest": ALL_COLUMNS,
    "outbox": "id, transition_id, thread, receiver, reason, state, due_at, attempts, settled_at,"
    " created_at, merged_into",
    "outlet": ALL_COLUMNS,
    "outlet_site": ALL_COLUMNS,
    "reading": ALL_COLUMNS,
    "reading_mg": ALL_COLUMNS,
    "record": ALL_COLUMNS,
    "rollup_10m": ALL_COLUMNS,
    "rollup_day": ALL_COLUMNS,
    "rollup_mark": ALL_COLUMNS,
    "rollup_street": ALL_COLUMNS,
    "silence": "id, matchers, starts_at, ends_at, reason, created_at, ended_at",
    "site": "id, code, name, district, street, address, size_class, business_hours, tags,"
    " latitude, longitude",
    "transition": ALL_COLUMNS,
}
CLOSED_TO_READER: Final = {
    *("account", "account_change", "invitation", "login_failure", "session", "token"),
    *("contact", "database_role", "link_revoked", "photo", "told"),
}
"""Named, so that a new table is closed on purpose and not forgotten."""

WRITER_FUNCTIONS: Final = ("make_days", "drop_oldest_day", "set_columnstore")
