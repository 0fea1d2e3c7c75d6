"""One's own account: the password, and where one is logged in."""

from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.access import LONGEST_PASSWORD, SHORTEST_PASSWORD, wait_of
from fumewatch.store import Connection, accounts, passwords, sessions
from fumewatch.store.accounts import Account
from fumewatch.web import cookie, forms, login
from fumewatch.web.context import Context, Ctx, Lang
from fumewatch.web.login import LoggedIn, Visitor
from fumewatch.web.verifying import Crowded
from fumewatch.web.who import Person, Who

router: Final = APIRouter(include_in_schema=False)
SESSIONS_SHOWN: Final = 20
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/account")
def account_page(
    request: Request, context: Ctx, language: Lang, who: Person, done: str = ""
) -> Response:
    return _page(request, context, language, who, done=done == "password")


@router.post("/account/password")
async def change_password(request: Request, context: Ctx, language: Lang, who: Person) -> Response:
    visitor = login.visitor_of(request, context)
    if not context.logging_in.take(visitor.address, context.now()):
        raise HTTPException(429, "too many tries from this address")
    sent = await forms.fields(request)
    given = tuple(sent.get(name, "") for name in ("now", "password", "again"))
    try:
        async with context.verifying.turn():
            outcome = await run_in_threadpool(_change, context, who, visitor, *given)
    except Crowded:
        raise HTTPException(429, "too many logins at once") from None
    if isinstance(outcome, LoggedIn):
        response = RedirectResponse("/account?done=password", status_code=303)
        cookie.give(response, outcome.secret, context.config)
        return response
    return await run_in_threadpool(_page, request, context, language, who, fault=outcome)


@router.get("/account/password")
def changed() -> Response:
    """The address of what the form's answer showed, opened again."""
    return RedirectResponse("/account#password", status_code=303)


def _change(
    context: Context, who: Who, visitor: Visitor, old: str, password: str, again: str
) -> LoggedIn | str:
    """Every login ends, and a new one begins here; or a word of what is wrong.

    Wrong tries count as failed logins and wait like them: a screen that was left open does not
    help to guess.
    """
    now = context.now()
    with context.database.transaction() as conn:
        account = _own(conn, who)
        if wait_of(sessions.count_try(conn, account.name, visitor.address, now), now):
            raise HTTPException(429, "too many wrong passwords")
    if not passwords.verified(old[: LONGEST_PASSWORD + 1], account.password_hash)[0]:
        return "password wrong"
    with context.database.transaction() as conn:
        sessions.forgive(conn, account, visitor.address)
    if fault := login.fault_of(account, password, again):
        return fault
    kept = passwords.hashed(password)
    with context.database.transaction() as conn:
        accounts.choose(conn, account, kept, account.actor, now)
        secret = sessions.start(conn, account, visitor.address, visitor.agent, now)
    return LoggedIn(secret, account.language)


@router.post("/account/sessions/others")
def end_others(context: Ctx, who: Person) -> Response:
    with context.database.transaction() as conn:
        accounts.end_sessions(conn, _own(conn, who), context.now(), but=who.session)
    return RedirectResponse("/account#sessions", status_code=303)


@router.post("/account/sessions/{id}/end")
def end_one(context: Ctx, who: Person, id: Number) -> Response:
    with context.database.transaction() as conn:
        if not sessions.end_one(conn, who.account, id, context.now()):
            raise HTTPException(404)
    return RedirectResponse("/account#sessions", status_code=303)


def _own(conn: Connection, who: Who) -> Account:
    account = accounts.by_id(conn, who.account)
    if account is None:
        raise HTTPException(404)
    return account


def _page(
    request: Request,
    context: Context,
    language: Lang,
    who: Who,
    *,
    done: bool = False,
    fault: str = "",
) -> Response:
    with context.database.transaction() as conn:
        account = _own(conn, who)
        rows = sessions.of_account(conn, who.account, SESSIONS_SHOWN)
    return context.render.page(
        request,
        language,
        "account.html",
        422 if fault else 200,
        account=account,
        sessions=rows,
        until=context.config.login.terms,
        done=done,
        fault=fault,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
    )
