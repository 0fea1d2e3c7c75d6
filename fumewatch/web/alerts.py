"""Reading alerts for pages and API alike: filters, paging, detail, the live stream."""

from collections.abc import Callable
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Depends, Header, HTTPException, Query
from starlette.responses import StreamingResponse

from fumewatch.store import actions, photos
from fumewatch.store.pages import alerts
from fumewatch.store.pages.alerts import AlertFilter, Change
from fumewatch.web import cursor, models, record
from fumewatch.web.context import Context, Words, given

PAGE: Final = 40
Place = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


def filter_of(
    street: Words = None,
    severity: Literal["critical", "warning", "info", ""] = "",
    state: Literal["firing", "pending", "resolved", ""] = "",
    rule: Words = None,
    monitor: Place = None,
    site: Place = None,
) -> AlertFilter:
    return AlertFilter(given(street), given(severity), given(state), given(rule), monitor, site)


Match = Annotated[AlertFilter, Depends(filter_of)]
After = Annotated[str | None, Query(description="`next` of the page before", max_length=100)]

Number = Annotated[int | None, Query(ge=0, le=2**63 - 1)]


def page(
    context: Context, match: AlertFilter, limit: int, after: str | None
) -> tuple[models.Alerts, int]:
    """One page of alerts, and the transition up to which it is true."""
    try:
        start = cursor.read(after) if after else None
    except ValueError:
        raise HTTPException(400, "after is not a cursor of ours") from None
    with context.database.transaction() as conn:
        newest = alerts.newest_transition(conn)  # read first: the list is at least as new
        rows = alerts.alerts(conn, match, limit + 1, start)
    more = cursor.write(rows[limit - 1].cursor) if len(rows) > limit else None
    shown = [context.present.alert(row) for row in rows[:limit]]
    return models.Alerts(alerts=shown, next=more), newest


def detail(context: Context, id: UUID) -> models.AlertDetail:
    with context.database.transaction() as conn:
        row = alerts.alert(conn, id)
        if row is None:
            raise HTTPException(404, "no such alert")
        changes = alerts.transitions(conn, id)
        sent, told = alerts.notifications(conn, id), alerts.told(conn, id)
        done, pictures = actions.of(conn, id), photos.of_alert(conn, id)
    measure = context.present.measure(row.rule, row.kind, row.evidence)
    return models.AlertDetail(
        alert=context.present.alert(row),
        evidence=row.evidence,
        transitions=[context.present.transition(change, measure) for change in changes],
        notifications=[context.present.notification(notification) for notification in sent],
        told=[record.told(context.present, row) for row in told],
        actions=[record.action(context.present, one, pictures) for one in done],
    )


LastEventId = Annotated[str | None, Header(description="the last event seen: send what came after")]


def stream(
    context: Context,
    match: AlertFilter,
    last_event_id: str | None,
    after: int | None,
    render: Callable[[models.Alert], str],
    still: Callable[[], bool],
) -> StreamingResponse:
    """Server-sent events: `alert`, `counts`, `trouble` (the store is away), `reset` (load anew).

    `match.state` chooses only whether alerts that have not fired are sent: a list must hear of an
    alert that leaves it.
    """

    def text(change: Change) -> str | None:
        return render(context.present.alert(change.alert)) if _wanted(match, change) else None

    seen = int(last_event_id[:18]) if last_event_id and last_event_id.isdecimal() else after
    return StreamingResponse(
        context.feed.stream(seen, text, still),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _wanted(match: AlertFilter, change: Change) -> bool:
    row = change.alert
    if row.fired_at is None and match.state != "pending":
        return False
    return (
        match.street in (None, row.street)
        and match.severity in (None, row.severity)
        and match.rule in (None, row.rule)
        and match.monitor in (None, row.monitor_id)
        and match.site in (None, row.site_id)
    )
