"""An alert's page, and what an inspector who is logged in says there."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.followup.answer import Answer, Role, offered
from fumewatch.core.followup.standing import fold
from fumewatch.store import actions
from fumewatch.web import answering, asked, record, upload
from fumewatch.web.alert_shown import alert_shown
from fumewatch.web.answering import Fault, Filled, Speaker
from fumewatch.web.context import Context, Ctx, Lang
from fumewatch.web.evidence import lay_out
from fumewatch.web.grounds import grounds_of
from fumewatch.web.silences import silenced_by
from fumewatch.web.who import Asking, Inspector, Who

router: Final = APIRouter(include_in_schema=False)


@router.get("/alerts/{id}")
def alert_page(
    request: Request, context: Ctx, language: Lang, who: Asking, id: UUID, done: str = ""
) -> Response:
    return _page(request, context, language, who, id, done=asked.known(done))


@router.get("/alerts/{id}/{answer}")
def back(id: UUID, answer: str) -> Response:
    """Where a page that was posted is loaded anew."""
    return RedirectResponse(f"/alerts/{id}", status_code=303)


@router.post("/alerts/{id}/{answer}")
async def say(
    request: Request, context: Ctx, language: Lang, who: Inspector, id: UUID, answer: Answer
) -> Response:
    if answer not in offered(Role.SUPERVISOR):
        raise HTTPException(403, "that is for the site to say")
    if not context.answers.take((who.name, id), context.now()):
        raise HTTPException(429, "too many answers in a short time")
    speaker = Speaker(id, who.actor, Role.SUPERVISOR, "page")
    try:
        async with upload.form(request) as form, context.drawing:
            sent = answering.filled(answer, form, speaker, context.present.zone)
            return await run_in_threadpool(_said, request, context, language, who, speaker, sent)
    except upload.TooLarge:
        raise HTTPException(413, "that is too large") from None
    except upload.Unreadable:
        raise HTTPException(400, "this is no form of ours") from None


def _said(
    request: Request, context: Context, language: Lang, who: Who, speaker: Speaker, sent: Filled
) -> Response:
    fault = answering.store(context.database, speaker, sent, context.now())
    if fault is None:
        done = f"/alerts/{speaker.alert}?done={sent.answer.value}"
        return RedirectResponse(done, status_code=303)
    return _page(request, context, language, who, speaker.alert, status=422, fault=fault, sent=sent)


def _page(
    request: Request,
    context: Context,
    language: Lang,
    who: Who,
    id: UUID,
    *,
    status: int = 200,
    done: str = "",
    fault: Fault | None = None,
    sent: Filled | None = None,
) -> Response:
    shown = alert_shown(context, id)
    detail, evidence, zone = shown.detail, shown.detail.evidence, context.present.zone
    with context.database.transaction() as conn:
        standing = fold(actions.of(conn, id))
    return context.render.page(
        request,
        language,
        "alert.html",
        status,
        alert=detail.alert,
        detail=detail,
        silences=silenced_by(context, [detail.alert]).get(detail.alert.id, []),
        said=shown.said(language.code),
        grounds=grounds_of(context, detail.alert, evidence),
        evidence=lay_out({k: v for k, v in evidence.items() if k != "cleared"}, zone),
        cleared=lay_out(evidence.get("cleared") or {}, zone),
        checks=context.present.checks(detail.alert.rule, detail.alert.kind, language.code),
        plot=shown.plot(),
        days=shown.days(),
        entries=record.entries(detail),
        standing=standing,
        offered=[Answer.NOTE] if standing.is_closed else offered(Role.SUPERVISOR),
        **asked.values(context.present.local(context.now()), language, done, fault, sent),
    )
