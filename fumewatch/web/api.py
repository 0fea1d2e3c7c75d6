"""/api/v1: the same facts as the pages, for programs. What they may do is web.acting."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from fumewatch.core.fleet import FleetState
from fumewatch.store import readings
from fumewatch.store.pages import dead_letters as letters
from fumewatch.store.pages import fleet
from fumewatch.web import alerts, models, problems, series
from fumewatch.web.alerts import After, LastEventId, Match
from fumewatch.web.context import Context, Ctx, Id, Words, given
from fumewatch.web.devices import devices_of
from fumewatch.web.overview import FleetFilter, Member, summarise
from fumewatch.web.who import BY_TOKEN, Still

router: Final = APIRouter(
    prefix="/api/v1", tags=["fumewatch"], responses=problems.OF_API, dependencies=[BY_TOKEN]
)
Limit = Annotated[int, Query(ge=1, le=500)]
_DAY: Final = timedelta(days=1)


@router.get("/alerts")
def list_alerts(
    context: Ctx, match: Match, limit: Limit = 50, after: After = None
) -> models.Alerts:
    """Open alerts first, worst first, then resolved ones; newest first in each."""
    return alerts.page(context, match, limit, after)[0]


@router.get("/alerts/stream", response_class=StreamingResponse)
async def stream_alerts(
    context: Ctx,
    match: Match,
    still: Still,
    last_event_id: LastEventId = None,
    after: alerts.Number = None,
) -> StreamingResponse:
    """Server-sent events. `alert`: an alert as it is after a transition, whose number is the
    event's id; `counts`: as /counts; `trouble`: the database is away; `reset`: too much was missed,
    read the list again. Without Last-Event-ID or `after`: from now on."""
    return alerts.stream(
        context, match, last_event_id, after, lambda alert: alert.model_dump_json(), still
    )


@router.get("/alerts/{id}")
def show_alert(context: Ctx, id: UUID) -> models.AlertDetail:
    return alerts.detail(context, id)


@router.get("/counts")
def counts(context: Ctx) -> models.Counts:
    return context.overview.counts()


@router.get("/fleet")
def fleet_summary(context: Ctx) -> models.FleetSummary:
    """Monitors by state, in all and by street; unassigned ones are left out."""
    return summarise(context.overview.fleet())


@router.get("/monitors")
def list_monitors(
    context: Ctx,
    street: Words = None,
    state: FleetState | None = None,
    words: Annotated[str | None, Query(alias="q", max_length=100)] = None,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> models.Monitors:
    """By street and site. `q`: words that site, code, address or outlet contain."""
    match = FleetFilter(given(street), state, given(words))
    members = [member for member in context.overview.fleet() if match.accepts(member)]
    return monitors_page(context, members, limit, offset)


def monitors_page(
    context: Context, members: Sequence[Member], limit: int, offset: int
) -> models.Monitors:
    now, end = context.now(), offset + limit
    return models.Monitors(
        monitors=[context.present.monitor(member.row, now) for member in members[offset:end]],
        total=len(members),
        next=end if end < len(members) else None,
    )


@router.get("/monitors/{id}")
def show_monitor(context: Ctx, id: Id) -> models.Monitor:
    with context.database.transaction() as conn:
        row = fleet.monitor(conn, id)
    if row is None:
        raise HTTPException(404, "no such monitor")
    return context.present.monitor(row, context.now())


@router.get("/monitors/{id}/device")
def monitor_device(context: Ctx, id: Id) -> models.Device:
    """What it told of itself in 30 days: restarts, logs, changes of facility states, and where its
    own means differ from ours."""
    return devices_of(context, [show_monitor(context, id)])[id]


@router.get("/monitors/{id}/readings")
def monitor_readings(
    context: Ctx,
    id: Id,
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> models.Readings:
    """The last 24 hours unless `from` and `to` say otherwise; at most 92 days. Every reading up to
    49 hours, means of ten minutes beyond."""
    try:
        end = _utc(end or context.now())
        start = _utc(start or end - _DAY)
    except OverflowError:
        raise HTTPException(400, "from and to are too far away") from None
    if not timedelta(0) < end - start <= series.MOST_SPAN:
        raise HTTPException(400, f"from must be before to, by at most {series.MOST_SPAN.days} days")
    return read_series(context, id, start, end)


def _utc(at: datetime) -> datetime:
    """PostgreSQL takes no offset beyond 16 hours, ISO 8601 does. OverflowError at the ends."""
    return at.astimezone(UTC)


def read_series(context: Context, id: int, start: datetime, end: datetime) -> models.Readings:
    zone = context.present.zone
    with context.database.transaction() as conn:
        if end - start > series.EVERY_READING_UP_TO:
            buckets = fleet.ten_minutes(conn, id, start, end)
            return series.of_buckets(id, start, end, buckets, zone)
        found = readings.of_monitor(conn, id, start, end)
    return series.of_readings(id, start, end, found, zone, context.config.freshness)


@router.get("/sites")
def list_sites(
    context: Ctx,
    street: Words = None,
    words: Annotated[str | None, Query(alias="q", max_length=100)] = None,
    limit: Limit = 100,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> models.Sites:
    """By number. `q`: what name, code or address contains."""
    with context.database.transaction() as conn:
        rows = fleet.sites(conn, given(words), given(street), limit + 1, after)
    shown = [context.present.site_in_list(row) for row in rows[:limit]]
    return models.Sites(sites=shown, next=rows[limit - 1].id if len(rows) > limit else None)


@router.get("/sites/{id}")
def show_site(context: Ctx, id: Id) -> models.Site:
    with context.database.transaction() as conn:
        row = fleet.site(conn, id)
        if row is None:
            raise HTTPException(404, "no such site")
        monitors = fleet.monitors_of_site(conn, id)
    now = context.now()
    return context.present.site(row, [context.present.monitor(m, now) for m in monitors])


@router.get("/dead-letters")
def dead_letters(
    context: Ctx,
    kind: Words = None,
    profile: Words = None,
    replayed: bool = False,
    limit: Limit = 50,
    before: alerts.Number = None,
) -> models.DeadLetters:
    """Messages that could not be read, newest first; or those `replayed` since, instead."""
    newest = letters.newest_replayed if replayed else letters.newest_open
    with context.database.transaction() as conn:
        rows = newest(conn, given(kind), given(profile), limit + 1, before)
    shown = [context.present.dead_letter(row) for row in rows[:limit]]
    return models.DeadLetters(
        dead_letters=shown, next=rows[limit - 1].id if len(rows) > limit else None
    )
