"""The pages that people read."""

import importlib.metadata
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from fumewatch.core.fleet import FleetState
from fumewatch.store import daemons
from fumewatch.store.pages import alerts as stored_alerts
from fumewatch.store.pages import dead_letters as letters
from fumewatch.store.pages import fleet, operation
from fumewatch.store.pages.alerts import AlertFilter
from fumewatch.web import alerts, api, assets, models
from fumewatch.web.alerts import After, LastEventId, Match
from fumewatch.web.context import Context, Ctx, Id, Lang, Words, given
from fumewatch.web.devices import devices_of
from fumewatch.web.judged import judged_of
from fumewatch.web.overview import FleetFilter, Member, summarise
from fumewatch.web.plot import plot_of_monitor
from fumewatch.web.who import Still

router: Final = APIRouter(include_in_schema=False)
_DAY: Final = timedelta(days=1)
_HISTORY: Final = timedelta(days=30)
MONITORS_A_PAGE: Final = 40
MOST_GROUPS: Final = 40
MOST_TO_VERIFY: Final = 40
SAMPLES: Final = 3
"""Of dead letters, each."""


@router.get("/")
def alert_list(
    request: Request, context: Ctx, language: Lang, match: Match, after: After = None
) -> Response:
    shown, newest = alerts.page(context, match, alerts.PAGE, after)
    with context.database.transaction() as conn:
        streets = fleet.streets(conn)
    rules = context.present.rules
    query = _query(match)
    return context.render.page(
        request,
        language,
        "alerts.html",
        alerts=shown.alerts,
        is_first=after is None,
        first_page=f"/?{urlencode(query)}",
        next_page=f"/?{urlencode(query | {'after': shown.next})}" if shown.next else None,
        newest=newest,
        match=match,
        is_filtered=bool(query),
        stream_query=urlencode(query | {"lang": language.code}),
        streets=streets,
        rules={id: context.present.title(id, rule.kind) for id, rule in rules.items()},
        counts=context.overview.counts(),
    )


def _query(match: AlertFilter) -> dict[str, str]:
    """The filter as an address has it."""
    return {name: str(value) for name, value in asdict(match).items() if value is not None}


@router.get("/alerts/stream")
async def alert_rows(
    context: Ctx,
    language: Lang,
    match: Match,
    still: Still,
    last_event_id: LastEventId = None,
    after: alerts.Number = None,
) -> StreamingResponse:
    """As /api/v1/alerts/stream, with each alert as the row that the list shows."""

    def row(alert: models.Alert) -> str:
        return context.render.text(language.code, "row.html", alert=alert)

    return alerts.stream(context, match, last_event_id, after, row, still)


@router.get("/sites/{id}")
def site_page(request: Request, context: Ctx, language: Lang, id: Id) -> Response:
    with context.database.transaction() as conn:
        site = fleet.site(conn, id)
        if site is None:
            raise HTTPException(404)
        monitors = fleet.monitors_of_site(conn, id)
        outlets = {m.outlet_id for m in monitors if m.outlet_id is not None}
        sharing = {outlet: fleet.sharing_sites(conn, outlet) for outlet in outlets}
    now = context.present.local(context.now())
    shown = [context.present.monitor(monitor, now) for monitor in monitors]
    return _place(
        request, context, language, context.present.site(site, shown), shown, sharing, now
    )


@router.get("/monitors/{id}")
def monitor_page(request: Request, context: Ctx, language: Lang, id: Id) -> Response:
    """Of an unassigned monitor; an assigned one is shown with its site."""
    with context.database.transaction() as conn:
        row = fleet.monitor(conn, id)
    if row is None:
        raise HTTPException(404)
    if row.site_id is not None:
        return RedirectResponse(f"/sites/{row.site_id}#monitor-{id}", status_code=303)
    now = context.present.local(context.now())
    monitor = context.present.monitor(row, now)
    return _place(request, context, language, None, [monitor], {}, now)


def _place(
    request: Request,
    context: Context,
    language: Lang,
    site: models.Site | None,
    monitors: list[models.Monitor],
    sharing: dict[int, list[tuple[int, str]]],
    now: datetime,
) -> Response:
    ids = [monitor.id for monitor in monitors]
    with context.database.transaction() as conn:
        rows = stored_alerts.alerts_between(conn, ids, now - _HISTORY, now)
    history = [context.present.alert(row) for row in rows]
    plots = {monitor.id: plot_of_monitor(monitor, history, now - _DAY, now) for monitor in monitors}
    return context.render.page(
        request,
        language,
        "place.html",
        site=site,
        monitors=monitors,
        sharing=sharing,
        history=history,
        plots=plots,
        devices=devices_of(context, monitors),
        judged_of=judged_of(context, monitors),
        history_query=f"site={site.id}" if site else f"monitor={ids[0]}",
    )


@router.get("/fleet")
def fleet_page(
    request: Request,
    context: Ctx,
    language: Lang,
    street: Words = None,
    state: Words = None,
    words: Annotated[str | None, Query(alias="q", max_length=100)] = None,
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> Response:
    members = context.overview.fleet()
    wanted = FleetState(state) if state in list(FleetState) else None
    match = FleetFilter(given(street), wanted, given(words))
    found = [member for member in members if member.is_assigned and match.accepts(member)]
    worst = list(FleetState)
    found.sort(key=lambda member: worst.index(member.standing.state))
    strangers = [member for member in members if not member.is_assigned]
    return context.render.page(
        request,
        language,
        "fleet.html",
        summary=summarise(members),
        shown=api.monitors_page(context, found, MONITORS_A_PAGE, offset),
        unassigned=api.monitors_page(context, strangers, MONITORS_A_PAGE, 0),
        match=match,
        offset=offset,
        query_with=partial(_fleet_address, match),
        letters=context.overview.letters(),
        differing=context.overview.differing(),
        to_verify=_to_verify(context, members),
    )


def _to_verify(
    context: Context, members: Sequence[Member]
) -> list[tuple[models.Monitor, int, datetime]]:
    """Monitors with most findings: each with how many, and the newest's beginning."""
    known = {member.row.id: member.row for member in members}
    now = context.present.local(context.now())
    rows = [row for row in context.overview.differing() if row.monitor_id in known]
    return [
        (
            context.present.monitor(known[row.monitor_id], now),
            row.differ,
            context.present.local(row.last),
        )
        for row in rows[:MOST_TO_VERIFY]
    ]


def _fleet_address(match: FleetFilter, **other: str | int | None) -> str:
    """The page's address with some of it said otherwise; choosing what is chosen undoes it."""
    query: dict[str, str | int | None] = {
        "street": match.street,
        "state": match.state,
        "q": match.words,
    }
    for name, value in other.items():
        query[name] = None if query.get(name) == value else value
    return f"/fleet?{urlencode({k: v for k, v in query.items() if v is not None})}#list"


@router.get("/status")
def status_page(request: Request, context: Ctx, language: Lang) -> Response:
    now, held = context.now(), context.health.held()
    with context.database.transaction() as conn:
        running = daemons.running(conn, now - _DAY)
        outbox = operation.outbox(conn, now - timedelta(days=7))
        store = operation.store_facts(conn)
    return context.render.page(
        request,
        language,
        "status.html",
        parts_health=context.health.parts(),
        held=held,
        full_in=timedelta(seconds=held.queue.seconds_left) if held.queue.seconds_left else None,
        daemons=sorted(running, key=lambda daemon: not daemon.is_leader),
        outbox=outbox,
        store=store,
        counts=context.overview.counts(),
        letters=context.overview.letters(),
        differing=context.overview.differing(),
        versions=_versions(store),
    )


@router.get("/dead-letters")
def dead_letters_page(request: Request, context: Ctx, language: Lang) -> Response:
    summary = context.overview.letters()
    shown = summary.groups[:MOST_GROUPS]
    with context.database.transaction() as conn:
        rows = letters.samples(conn, shown, SAMPLES)
    samples = [context.present.dead_letter(row) for row in rows]
    return context.render.page(
        request,
        language,
        "dead_letters.html",
        summary=summary,
        groups=[
            (group, _replay_command(group), [s for s in samples if _is_of(s, group)])
            for group in shown
        ],
        more=len(summary.groups) - len(shown),
    )


def _is_of(letter: models.DeadLetter, group: letters.Group) -> bool:
    return (letter.profile, letter.kind) == (group.profile, group.kind)


def _replay_command(group: letters.Group) -> str:
    """What replays them; a page does not, while nobody logs in."""
    filters = ["--profile", group.profile, "--kind", group.kind]
    return f"fumewatch deadletters replay {shlex.join(filters)}"


def _versions(store: operation.StoreFacts) -> dict[str, str | None]:
    return {
        "Python": platform.python_version(),
        "PostgreSQL": store.postgresql,
        "TimescaleDB": store.timescaledb,
        "plotly": importlib.metadata.version("plotly"),
    }


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    asset = assets.assets().get(name)
    if asset is None:
        raise HTTPException(404)
    return asset.answer(request)
