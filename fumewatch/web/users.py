"""Users, for who administers them: add, invite, give another role, keep out."""

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.access import LONGEST_DISPLAY, LONGEST_NAME, Change, Role, account_name
from fumewatch.core.errors import StoreRefused
from fumewatch.core.phrases import one_line
from fumewatch.store import Connection, accounts, tokens
from fumewatch.store.accounts import INVITED_FOR, Account
from fumewatch.web import forms
from fumewatch.web.context import Context, Ctx, Id, Lang
from fumewatch.web.login import invitation_url
from fumewatch.web.who import Admin, Who

router: Final = APIRouter(include_in_schema=False)
CHANGES_SHOWN: Final = 30


class Unfit(Exception):
    """`word`: of web.words, why it is not done."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(word)


@router.get("/users")
def users_page(request: Request, context: Ctx, language: Lang, who: Admin) -> Response:
    return _page(request, context, language)


@router.post("/users")
async def add(request: Request, context: Ctx, language: Lang, who: Admin) -> Response:
    """The page, once with the link by which the new user chooses a password."""
    sent = await forms.fields(request)
    return await run_in_threadpool(_add, request, context, language, who, sent)


def _add(
    request: Request, context: Context, language: Lang, who: Who, sent: Mapping[str, str]
) -> Response:
    try:
        name, role = account_name(sent.get("name", "")), Role(sent.get("role", ""))
    except ValueError:
        return _page(request, context, language, fault="name is none", sent=sent)
    display = one_line(sent.get("display_name", ""), LONGEST_DISPLAY)
    now = context.now()
    try:
        with context.database.transaction() as conn:
            account = accounts.add(conn, name, role, who.actor, now, display_name=display)
            secret = accounts.invite(conn, account, who.actor, now)
    except StoreRefused:
        return _page(request, context, language, fault="name is taken", sent=sent)
    link = invitation_url(context, secret)
    return _page(request, context, language, invited=account, link=link)


@router.post("/users/{id}/{what}")
async def change(
    request: Request, context: Ctx, language: Lang, who: Admin, id: Id, what: str
) -> Response:
    sent = await forms.fields(request)
    if what == "invite":
        return await run_in_threadpool(_invite, request, context, language, who, id)
    if what not in _CHANGES:
        raise HTTPException(404)
    try:
        await run_in_threadpool(_change, context, who, id, what, sent)
    except Unfit as why:
        return await run_in_threadpool(_page, request, context, language, fault=why.word, at=id)
    return RedirectResponse("/users", status_code=303)


@router.get("/users/{id}/{what}")
def changed(who: Admin, id: Id, what: str) -> Response:
    """The address of what a form's answer showed, opened again."""
    return RedirectResponse(f"/users#user-{id}", status_code=303)


def _invite(request: Request, context: Context, language: Lang, who: Who, id: int) -> Response:
    """Also for who has forgotten the password: the one they had holds until they choose another."""
    with context.database.transaction() as conn:
        account = _found(conn, id)
        if account.disabled_at:
            return _page(request, context, language, fault="user is disabled", at=id)
        secret = accounts.invite(conn, account, who.actor, context.now())
    link = invitation_url(context, secret)
    return _page(request, context, language, invited=account, link=link)


def _change(context: Context, who: Who, id: int, what: str, sent: Mapping[str, str]) -> None:
    """In one transaction; raise Unfit where nobody would be left who administers."""
    with context.database.transaction() as conn:
        admins = accounts.may_administer(conn)
        account = _found(conn, id)
        _CHANGES[what](conn, account, context, who, sent)
        if admins and not accounts.may_administer(conn):
            raise Unfit("last admin")


def _role(
    conn: Connection, account: Account, context: Context, who: Who, sent: Mapping[str, str]
) -> None:
    wanted = sent.get("role", "")
    if wanted not in list(Role):
        raise HTTPException(400, "no such role")
    if wanted != account.role:
        accounts.set_role(conn, account, Role(wanted), who.actor, context.now())


_Do = Callable[[Connection, Account, Context, Who, Mapping[str, str]], None]
_CHANGES: Final[Mapping[str, _Do]] = {
    "role": _role,
    "disable": lambda c, a, ctx, who, _: accounts.disable(c, a, who.actor, ctx.now()),
    "enable": lambda c, a, ctx, who, _: accounts.enable(c, a, who.actor, ctx.now()),
    "unlock": lambda c, a, ctx, who, _: accounts.unlock(c, a, who.actor, ctx.now()),
    "sessions": lambda c, a, ctx, who, _: _end(c, a, ctx, who),
}


def _end(conn: Connection, account: Account, context: Context, who: Who) -> None:
    now = context.now()
    accounts.end_sessions(conn, account, now)
    accounts.record(conn, who.actor, Change.SESSIONS_ENDED, account.name, now)


def _found(conn: Connection, id: int) -> Account:
    account = accounts.by_id(conn, id)
    if account is None:
        raise HTTPException(404)
    return account


def _page(
    request: Request,
    context: Context,
    language: Lang,
    *,
    fault: str = "",
    at: int = 0,
    sent: Mapping[str, str] | None = None,
    invited: Account | None = None,
    link: str = "",
) -> Response:
    """`fault`: of the user whose id `at` is; of the form that was `sent` where it is 0."""
    with context.database.transaction() as conn:
        known, seen = accounts.every(conn), accounts.seen(conn)
        programs = tokens.every(conn)
        changes = accounts.changes(conn, CHANGES_SHOWN)
    return context.render.page(
        request,
        language,
        "users.html",
        422 if fault else 200,
        users=known,
        seen=seen,
        tokens=programs,
        changes=changes,
        roles=list(Role),
        fault=fault,
        at=at,
        sent={name: (sent or {}).get(name, "") for name in ("name", "display_name", "role")},
        invited=invited,
        link=link,
        invited_for=INVITED_FOR,
        longest_name=LONGEST_NAME,
        longest_display=LONGEST_DISPLAY,
    )
