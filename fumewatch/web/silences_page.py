"""The page of silences; who administers adds and ends them there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, HTTPException, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.conditions import matchers_of
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.phrases import one_line
from fumewatch.core.routing import Matchers
from fumewatch.store import silences
from fumewatch.store.pages import fleet
from fumewatch.web import forms
from fumewatch.web.context import Context, Ctx, Lang
from fumewatch.web.silences import shown_ended, shown_unended
from fumewatch.web.who import Admin, Who

log = structlog.get_logger()
router: Final = APIRouter(include_in_schema=False)
ENDED_SHOWN: Final = 50
LONGEST_REASON: Final = 500
LABELS: Final = ("severity", "rule", "street", "site", "monitor")
"""What a form can ask for; the command knows more."""
_MORE: Final = ("reason", "hours", "everything")
HOURS: Final = (1, 2, 4, 8, 24, 72, 168)
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/silences")
def silences_page(request: Request, context: Ctx, language: Lang) -> Response:
    return _page(request, context, language)


@router.post("/silences")
async def add(request: Request, context: Ctx, language: Lang, who: Admin) -> Response:
    sent = await forms.fields(request)
    return await run_in_threadpool(_add, request, context, language, who, sent)


def _add(
    request: Request, context: Context, language: Lang, who: Who, sent: Mapping[str, str]
) -> Response:
    matchers, now = _matchers(sent), context.now()
    reason = one_line(sent.get("reason", ""), LONGEST_REASON)
    hours = sent.get("hours", "")
    if matchers is None or hours not in map(str, HOURS) or not reason:
        fault = "silence of nothing" if matchers is None else "text missing"
        return _page(request, context, language, fault=fault, sent=sent)
    ends = now + timedelta(hours=int(hours))
    silence = Silence(
        matchers=matchers,
        starts_at=now,
        ends_at=ends,
        reason=reason,
        author=who.actor,
        created_at=now,
    )
    with context.database.transaction() as conn:
        added = silences.add(conn, silence)
    log.info("silence_added", user=who.name, silence=added.id)
    return RedirectResponse(f"/silences#silence-{added.id}", status_code=303)


def _matchers(sent: Mapping[str, str]) -> Matchers | None:
    """None: nothing is named, and it is not said that everything is meant."""
    given = [(label, one_line(sent.get(label, ""), 100)) for label in LABELS]
    named = [f"{label}={value}" for label, value in given if value]
    if not named and not sent.get("everything"):
        return None
    try:
        return matchers_of({"match": named, "match_re": (), "match_not": ()})
    except ValueError:
        return None


@router.post("/silences/{id}/end")
def end(context: Ctx, who: Admin, id: Number) -> Response:
    """Of two who end the same one, the first did; to the second it is ended, too."""
    now = context.now()
    with context.database.transaction() as conn:
        ended = silences.end(conn, id, who.actor, now)
        if ended is None and silences.one(conn, id) is None:
            raise HTTPException(404)
    log.info("silence_ended", user=who.name, silence=id)
    return RedirectResponse(f"/silences#silence-{id}", status_code=303)


def _page(
    request: Request,
    context: Context,
    language: Lang,
    *,
    fault: str = "",
    sent: Mapping[str, str] | None = None,
) -> Response:
    with context.database.transaction() as conn:
        streets = fleet.streets(conn)
    return context.render.page(
        request,
        language,
        "silences.html",
        422 if fault else 200,
        unended=shown_unended(context),
        ended=shown_ended(context, ENDED_SHOWN),
        rules={
            id: context.present.title(id, rule.kind) for id, rule in context.present.rules.items()
        },
        streets=streets,
        hours=HOURS,
        fault=fault,
        sent={name: (sent or {}).get(name, "") for name in (*LABELS, *_MORE)},
        longest_reason=LONGEST_REASON,
    )
