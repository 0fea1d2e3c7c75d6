"""Silences: the API's list, and by which an alert is silenced. Their page is web.silences_page."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from fumewatch.core.alert import Alert, Severity, State
from fumewatch.core.conditions import conditions
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.routing import Labels, labels_of
from fumewatch.core.silencing import silencing, standing
from fumewatch.core.site import Place
from fumewatch.store import Connection, alerts, monitors, silences
from fumewatch.web import models, problems
from fumewatch.web.context import Context, Ctx
from fumewatch.web.who import BY_TOKEN

router: Final = APIRouter(tags=["fumewatch"])
MOST_ENDED: Final = 1000


@router.get("/api/v1/silences", responses=problems.OF_API, dependencies=[BY_TOKEN])
def list_silences(
    context: Ctx, ended: Annotated[int, Query(ge=0, le=MOST_ENDED)] = 0
) -> models.Silences:
    """Those in force and to come, the oldest first; then the last `ended` ones."""
    over = shown_ended(context, ended) if ended else []
    return models.Silences(silences=[*shown_unended(context), *over])


def shown_unended(context: Context) -> list[models.Silence]:
    """Those in force and to come, each in force with how many firing alerts it takes."""
    now = context.now()
    with context.database.transaction() as conn:
        found = silences.unended(conn, now)
        active = [one for one in found if standing(one, now) == "active"]
        labels = _firing(conn, context) if active else []
    counts = {one.id: sum(one.matchers.take(each) for each in labels) for one in active}
    return [_shown(context, one, now, counts.get(one.id)) for one in found]


def shown_ended(context: Context, limit: int) -> list[models.Silence]:
    now = context.now()
    with context.database.transaction() as conn:
        found = silences.ended(conn, now, limit)
    return [_shown(context, one, now) for one in found]


def silenced_by(
    context: Context, shown: Sequence[models.Alert]
) -> dict[UUID, list[models.Silence]]:
    """By which silences in force open alerts are silenced; who is silenced by none is not named."""
    now, wanted = context.now(), [alert for alert in shown if alert.is_open]
    with context.database.transaction() as conn:
        active = silences.active(conn, now) if wanted else []
        places = _places(conn, context, {a.monitor_id for a in wanted}) if active else {}
    found = {
        alert.id: silencing(active, labels_of(_alert(alert), places[alert.monitor_id]))
        for alert in wanted
        if alert.monitor_id in places
    }
    return {id: [_shown(context, one, now) for one in by] for id, by in found.items() if by}


def _firing(conn: Connection, context: Context) -> list[Labels]:
    """Of all alerts that fire and are told by themselves."""
    found = [
        alert
        for alert in alerts.open_alerts(conn)
        if alert.state is State.FIRING and not alert.is_part
    ]
    places = _places(conn, context, {alert.monitor for alert in found})
    return [labels_of(alert, places[alert.monitor]) for alert in found]


def _places(conn: Connection, context: Context, ids: Iterable[int]) -> dict[int, Place]:
    found = monitors.places(conn, str(context.config.zone), list(ids))
    return {place.monitor: place for place in found}


def _alert(shown: models.Alert) -> Alert:
    """What of it labels are made of."""
    return Alert(
        id=shown.id,
        rule=shown.rule,
        kind=shown.kind,
        severity=Severity(shown.severity),
        monitor=shown.monitor_id,
        state=State(shown.state),
        opened_at=shown.opened_at,
        breached_at=shown.breached_at,
        value=0.0,
        limit=0.0,
    )


def _shown(
    context: Context, silence: Silence, now: datetime, count: int | None = None
) -> models.Silence:
    local = context.present.local
    return models.Silence(
        id=silence.id,
        state=standing(silence, now),
        conditions=[
            models.Condition(label=one.label, sign=one.sign, values=list(one.values))
            for one in conditions(silence.matchers)
        ],
        starts_at=local(silence.starts_at),
        ends_at=local(silence.ends_at),
        over_at=local(silence.until),
        reason=silence.reason,
        author=silence.author,
        created_at=local(silence.created_at),
        ended_at=local(silence.ended_at) if silence.ended_at else None,
        ended_by=silence.ended_by,
        alerts=count,
    )
