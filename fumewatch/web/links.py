"""/l/…: an alert on its addressee's phone, and what they say about it.

A GET changes nothing: chat programs fetch each link that is written, to show what is behind it.
"""

from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote, urlencode
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.core.followup.answer import (
    LONGEST_NAME,
    Answer,
    is_shown,
    offered,
)
from fumewatch.core.followup.standing import fold
from fumewatch.core.link import PATH
from fumewatch.core.phrases import one_line
from fumewatch.store import actions, photos
from fumewatch.web import answering, api, asked, models, record, recorded, upload
from fumewatch.web.alert_shown import alert_shown
from fumewatch.web.answering import Fault, Filled
from fumewatch.web.context import Context, Ctx, Lang
from fumewatch.web.opened import Closed, LinkClosed, Open, Opened
from fumewatch.web.photos import photo_answer

router: Final = APIRouter(prefix=PATH.rstrip("/"), include_in_schema=False)
NAME_COOKIE: Final = "fumewatch_name"
_YEAR: Final = 365 * 24 * 3600


@router.get("/{token}")
def link_page(
    request: Request, context: Ctx, language: Lang, opened: Open, done: str = ""
) -> Response:
    return _page(request, context, language, opened, done=asked.known(done))


@router.get("/{token}/readings")
def link_readings(context: Ctx, opened: Open) -> models.Readings:
    """What the page's plot shows, and nothing else of the monitor."""
    plot = alert_shown(context, opened.alert).plot()
    if plot is None:
        raise HTTPException(404)
    end = context.now() if plot.moves else datetime.fromisoformat(plot.end)
    return api.read_series(context, plot.monitor, datetime.fromisoformat(plot.start), end)


@router.get("/{token}/photos/{id}")
def link_photo(context: Ctx, opened: Open, id: UUID) -> Response:
    with context.database.transaction() as conn:
        shown = [
            photo
            for action in actions.of(conn, opened.alert)
            if is_shown(action.kind, action.addressee, opened.role, opened.link.addressee)
            for photo in action.photos
        ]
        found = photos.find(conn, id) if id in shown else None
    return photo_answer(found)


@router.get("/{token}/{answer}")
def back(opened: Open, answer: str, lang: str = "") -> Response:
    """Where a page that was posted is loaded anew."""
    query = f"?{urlencode({'lang': lang})}" if lang else ""
    return RedirectResponse(f"{opened.address}{query}", status_code=303)


@router.post("/{token}/{answer}")
async def say(
    request: Request, context: Ctx, language: Lang, opened: Open, answer: Answer
) -> Response:
    if answer not in offered(opened.role):
        raise LinkClosed(Closed.NOT_YOURS, opened.token)
    if not context.answers.take(opened.key, context.now()):
        raise LinkClosed(Closed.TOO_OFTEN, opened.token)
    try:
        async with upload.form(request) as form, context.drawing:
            sent = answering.filled(answer, form, opened.speaker, context.present.zone)
            return await run_in_threadpool(_said, request, context, language, opened, sent)
    except upload.TooLarge:
        raise LinkClosed(Closed.TOO_LARGE, opened.token) from None
    except upload.Unreadable:
        raise LinkClosed(Closed.UNREADABLE, opened.token) from None
    except (StoreUnavailable, StoreRefused):
        raise LinkClosed(Closed.AWAY, opened.token) from None


def _said(
    request: Request, context: Context, language: Lang, opened: Opened, sent: Filled
) -> Response:
    fault = answering.store(context.database, opened.speaker, sent, context.now())
    response: Response
    if fault is None:
        done = f"{opened.address}?done={sent.answer.value}"
        response = RedirectResponse(done, status_code=303)
    else:
        response = _page(request, context, language, opened, status=422, fault=fault, sent=sent)
    if not opened.name and sent.name:
        _remember(response, sent.name, is_secure=context.config.web.base_url.startswith("https:"))
    return response


def _remember(response: Response, name: str, *, is_secure: bool) -> None:
    response.set_cookie(
        NAME_COOKIE,
        quote(name),
        max_age=_YEAR,
        path=PATH,
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def _page(
    request: Request,
    context: Context,
    language: Lang,
    opened: Opened,
    *,
    status: int = 200,
    done: str = "",
    fault: Fault | None = None,
    sent: Filled | None = None,
) -> Response:
    shown = alert_shown(context, opened.alert)
    detail, now = shown.detail, context.present.local(context.now())
    with context.database.transaction() as conn:
        standing = fold(actions.of(conn, opened.alert))
    seen = _seen(detail, opened)
    return context.render.page(
        request,
        language,
        "link.html",
        status,
        alert=detail.alert,
        said=shown.said(language.code),
        checks=context.present.checks(detail.alert.rule, detail.alert.kind, language.code),
        plot=shown.plot(),
        days=shown.days(),
        entries=record.entries(seen),
        standing=standing,
        opened=opened,
        offered=[Answer.NOTE] if standing.is_closed else offered(opened.role),
        name=sent.name if sent else _remembered(request),
        **asked.values(now, language, done, fault, sent),
    )


def _seen(detail: models.AlertDetail, opened: Opened) -> models.AlertDetail:
    """What the addressee is shown of the record: what was done, not how messages were sent."""
    done = [
        one.model_copy(update={"photos": [_of_link(photo, opened) for photo in one.photos]})
        for one in detail.actions
        if is_shown(one.kind, one.addressee, opened.role, opened.link.addressee)
    ]
    return detail.model_copy(update={"actions": done, "notifications": [], "told": []})


def _of_link(photo: recorded.Photo, opened: Opened) -> recorded.Photo:
    return photo.model_copy(update={"url": f"{opened.address}{photo.url}"})


def _remembered(request: Request) -> str:
    return one_line(unquote(request.cookies.get(NAME_COOKIE, "")), LONGEST_NAME)
