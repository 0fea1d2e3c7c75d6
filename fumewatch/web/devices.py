"""What monitors tell of themselves besides readings, for their page and the API."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from fumewatch.store.pages import devices
from fumewatch.store.pages.devices import ComparedRow, EventRow, FindingRow
from fumewatch.web import models
from fumewatch.web.context import Context
from fumewatch.web.grounds import finding
from fumewatch.web.present import Presenter

LOOK_BACK: Final = timedelta(days=30)
MOST_EVENTS: Final = 10
MOST_FINDINGS: Final = 5
Row = TypeVar("Row", EventRow, FindingRow)


def devices_of(context: Context, monitors: Sequence[models.Monitor]) -> dict[int, models.Device]:
    """By monitor; one that told nothing has an empty one."""
    ids = [monitor.id for monitor in monitors]
    since = context.now() - LOOK_BACK
    with context.database.transaction() as conn:
        events = devices.events(conn, ids, since, MOST_EVENTS)
        compared = {row.monitor_id: row for row in devices.compared(conn, ids, since)}
        findings = devices.findings(conn, ids, since, MOST_FINDINGS)
    nothing = ComparedRow(0, 0, 0)
    return {
        monitor.id: models.Device(
            monitor_id=monitor.id,
            last_heartbeat=monitor.heard_at,
            events=[_event(context.present, row) for row in _of(monitor.id, events)],
            compared=compared.get(monitor.id, nothing).compared,
            differ=compared.get(monitor.id, nothing).differ,
            findings=[finding(context.present, row) for row in _of(monitor.id, findings)],
        )
        for monitor in monitors
    }


def _of(monitor: int, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.monitor_id == monitor]


def _event(present: Presenter, row: EventRow) -> models.DeviceEvent:
    return models.DeviceEvent(
        kind=row.kind,
        at=present.local(row.at),
        received_at=present.local(row.received_at),
        detail=row.detail,
    )
