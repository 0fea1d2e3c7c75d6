"""How delivery goes, as the page /delivery and the API show it."""

from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.store import delivery, outbox
from fumewatch.store.delivery import STATES, Figures, Sent, State
from fumewatch.web import forms, models, problems
from fumewatch.web.context import Context, Ctx, Lang, Words, given
from fumewatch.web.who import BY_TOKEN, Admin, Who

log = structlog.get_logger()
router: Final = APIRouter()
_DIGITS: Final = 19
_LOGGED: Final = 20
SHOWN: Final = 50
Choice = Literal["due", "sent", "failed", "merged", ""]
"""Empty, as forms send it: any."""


@router.get(
    "/api/v1/delivery", tags=["fumewatch"], responses=problems.OF_API, dependencies=[BY_TOKEN]
)
def show_delivery(
    context: Ctx,
    receiver: Words = None,
    state: Choice = "",
    limit: Annotated[int, Query(ge=0, le=500)] = SHOWN,
) -> models.Delivery:
    """Every receiver, and the latest notifications, of one `receiver` and one `state` if asked."""
    return look(context, given(receiver), state or None, limit)


@router.post("/delivery/retry", include_in_schema=False)
async def retry(request: Request, context: Ctx, who: Admin) -> Response:
    """Failed ones are due again: that of `id`, or all of `receiver`."""
    sent = await forms.fields(request)
    id, receiver = sent.get("id", ""), sent.get("receiver", "")
    if not (receiver or (id.isascii() and id.isdigit() and len(id) < _DIGITS)):
        raise HTTPException(400, "neither the number of a notification nor a receiver")
    ids = [] if receiver else [int(id)]
    await run_in_threadpool(_retry, context, who, ids, receiver or None)
    return RedirectResponse("/delivery#latest", status_code=303)


def _retry(context: Context, who: Who, ids: list[int], receiver: str | None) -> None:
    with context.database.transaction() as conn:
        due = outbox.retry(conn, context.now(), ids=ids, receiver=receiver)
    log.info("sent_again", user=who.name, notifications=due[:_LOGGED], number=len(due))


@router.get("/delivery", include_in_schema=False)
def delivery_page(
    request: Request, context: Ctx, language: Lang, receiver: Words = None, state: Choice = ""
) -> Response:
    wanted = given(receiver)
    shown = look(context, wanted, state or None, SHOWN)
    return context.render.page(
        request,
        language,
        "delivery.html",
        receivers=shown.receivers,
        notifications=shown.notifications,
        receiver=wanted,
        state=state,
        states=STATES,
    )


def look(
    context: Context, receiver: str | None, state: State | None, limit: int
) -> models.Delivery:
    now = context.now()
    configured = {each.name: each.kind for each in context.config.receiver}
    with context.database.transaction() as conn:
        names = list(dict.fromkeys([*configured, *delivery.names(conn, now)]))
        figures = delivery.figures(conn, names, now)
        rows = delivery.newest(
            conn, [receiver] if receiver else names, [state] if state else STATES, limit
        )
    return models.Delivery(
        receivers=[_receiver(context, row, configured.get(row.receiver)) for row in figures],
        notifications=[_notification(context, row) for row in rows],
    )


def _receiver(context: Context, row: Figures, kind: str | None) -> models.ReceiverShown:
    local = context.present.local
    return models.ReceiverShown(
        name=row.receiver,
        kind=kind,
        due=row.due,
        due_since=row.due_since and local(row.due_since),
        sent=row.sent,
        failed=row.failed,
        merged=row.merged,
        p50_seconds=row.p50,
        p95_seconds=row.p95,
        sent_at=row.sent_at and local(row.sent_at),
        failed_at=row.failed_at and local(row.failed_at),
        answer=row.answer,
    )


def _notification(context: Context, row: Sent) -> models.Delivered:
    local = context.present.local
    return models.Delivered(
        id=row.id,
        key=row.idempotency_key,
        receiver=row.receiver,
        addressee=row.addressee,
        reason=row.reason,
        state=row.state,
        title=models.Title(zh=row.zh, en=row.en),
        created_at=local(row.created_at),
        due_at=local(row.due_at),
        settled_at=row.settled_at and local(row.settled_at),
        attempts=row.attempts,
        answer=row.answer,
        merged_into=row.merged_into,
        holds=row.holds,
    )
