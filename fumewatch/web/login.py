"""Logging in and out, and choosing a password by an invitation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fumewatch.core.access import (
    LONGEST_NAME,
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    Failures,
    address_key,
    own_path,
    wait_of,
    weakness,
)
from fumewatch.store import Connection, accounts, passwords, sessions
from fumewatch.store.accounts import Account
from fumewatch.web import cookie, forms
from fumewatch.web.context import Context, Ctx, Lang
from fumewatch.web.language import COOKIE as LANGUAGE_COOKIE
from fumewatch.web.verifying import Crowded
from fumewatch.web.who import Asking

log = structlog.get_logger()
router: Final = APIRouter(include_in_schema=False)
_YEAR: Final = 365 * 24 * 3600
Secret = Annotated[str, Path(max_length=100)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where somebody comes from. `cookie`: of the login that they have, if any."""

    address: str
    agent: str
    cookie: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    secret: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Not let in. `wait`: how long no password is looked at; none: it was the wrong one."""

    wait: timedelta = timedelta(0)


def visitor_of(request: Request, context: Context) -> Visitor:
    return Visitor(
        address=address_key(request.client.host if request.client else ""),
        agent=request.headers.get("user-agent", ""),
        cookie=request.cookies.get(cookie.cookie_of(context.config), ""),
    )


# ── Log in ──


@router.get("/login")
def login_page(
    request: Request,
    context: Ctx,
    language: Lang,
    who: Asking,
    to: Annotated[str, Query(alias="next", max_length=2000)] = "",
    unsent: bool = False,
) -> Response:
    """`unsent`: a form brought them here whose login had ended."""
    if who.is_person:
        return RedirectResponse(own_path(to), status_code=303)
    return _page(request, context, language, to, is_unsent=unsent)


@router.post("/login")
async def log_in(request: Request, context: Ctx, language: Lang) -> Response:
    visitor, now = visitor_of(request, context), context.now()
    if not context.logging_in.take(visitor.address, now):
        raise HTTPException(429, "too many logins from this address")
    sent = await forms.fields(request)
    name, to = sent.get("name", "").strip().lower(), own_path(sent.get("next", ""))
    try:
        async with context.verifying.turn():
            password = sent.get("password", "")
            outcome = await run_in_threadpool(_try, context, name, password, visitor, now)
    except Crowded:
        raise HTTPException(429, "too many logins at once") from None
    if isinstance(outcome, LoggedIn):
        return _welcome(context, outcome, to)
    return await run_in_threadpool(
        _page, request, context, language, to, sent.get("name", ""), outcome
    )


def _try(
    context: Context, name: str, password: str, visitor: Visitor, now: datetime
) -> LoggedIn | Kept:
    """1. Whether it is looked at at all; if so it counts as failed until it turns out right.
    2. The password, without holding a connection; as long for a name that nobody has.
    3. A session.
    """
    with context.database.transaction() as conn:
        failed = sessions.count_try(conn, name, visitor.address, now)
        if wait := wait_of(failed, now):
            return Kept(wait)
        found = accounts.named(conn, name) if name.isascii() else None
    account = found if found is not None and found.disabled_at is None else None
    kept = account.password_hash if account else None
    is_right, newer = passwords.verified(password[: LONGEST_PASSWORD + 1], kept)
    if account is None or not is_right:
        _tell_failure(found, visitor, failed)
        return Kept()
    with context.database.transaction() as conn:
        sessions.forgive(conn, account, visitor.address)
        if newer:
            accounts.rehash(conn, account, newer)
        return _let_in(conn, account, visitor, now)


def _let_in(conn: Connection, account: Account, visitor: Visitor, now: datetime) -> LoggedIn:
    """By a new cookie; one that they had before opens nothing any more."""
    if visitor.cookie:
        sessions.end(conn, visitor.cookie, now)
    secret = sessions.start(conn, account, visitor.address, visitor.agent, now)
    log.info("logged_in", user=account.name, address=visitor.address)
    return LoggedIn(secret, account.language)


def _tell_failure(account: Account | None, visitor: Visitor, before: Failures) -> None:
    """What is no user's name may be a password: it is not written down."""
    user = account.name if account else None
    log.warning("login_failed", user=user, address=visitor.address, before=before.here)


def _welcome(context: Context, done: LoggedIn, to: str) -> Response:
    response = RedirectResponse(to, status_code=303)
    cookie.give(response, done.secret, context.config)
    if done.language:
        response.set_cookie(
            LANGUAGE_COOKIE, done.language, max_age=_YEAR, samesite="lax", httponly=True
        )
    return response


def _page(
    request: Request,
    context: Context,
    language: Lang,
    to: str,
    name: str = "",
    kept: Kept | None = None,
    is_unsent: bool = False,
) -> Response:
    with context.database.transaction() as conn:
        is_anybody = accounts.is_any(conn)
    wait = timedelta(seconds=ceil(kept.wait.total_seconds())) if kept else timedelta(0)
    response = context.render.page(
        request,
        language,
        "login.html",
        200 if kept is None else 429 if wait else 401,
        to=own_path(to),
        name=name[:LONGEST_NAME],
        is_wrong=kept is not None and not wait,
        wait=wait,
        is_unsent=is_unsent,
        is_anybody=is_anybody,
        longest_name=LONGEST_NAME,
        longest=LONGEST_PASSWORD,
    )
    if wait:
        response.headers["Retry-After"] = str(round(wait.total_seconds()))
    return response


# ── Log out ──


@router.post("/logout")
def log_out(request: Request, context: Ctx) -> Response:
    visitor = visitor_of(request, context)
    if visitor.cookie:
        with context.database.transaction() as conn:
            sessions.end(conn, visitor.cookie, context.now())
    response = RedirectResponse("/login", status_code=303)
    cookie.take(response, context.config)
    return response


@router.get("/logout")
def nothing_to_log_out() -> Response:
    """A GET ends nothing: any page may have a browser send one."""
    return RedirectResponse("/", status_code=303)


# ── By invitation ──


def invitation_url(context: Context, secret: str) -> str:
    return f"{context.config.web.base_url}/i/{secret}"


@router.get("/i/{secret}")
def invitation(request: Request, context: Ctx, language: Lang, secret: Secret) -> Response:
    return _choose_page(request, context, language, secret)


@router.post("/i/{secret}")
async def choose(request: Request, context: Ctx, language: Lang, secret: Secret) -> Response:
    visitor = visitor_of(request, context)
    if not context.logging_in.take(visitor.address, context.now()):
        raise HTTPException(429, "too many tries from this address")
    sent = await forms.fields(request)
    try:
        async with context.verifying.turn():
            outcome = await run_in_threadpool(
                _choose, context, secret, sent.get("password", ""), sent.get("again", ""), visitor
            )
    except Crowded:
        raise HTTPException(429, "too many logins at once") from None
    if isinstance(outcome, LoggedIn):
        return _welcome(context, outcome, "/")
    return await run_in_threadpool(_choose_page, request, context, language, secret, outcome)


def _choose(
    context: Context, secret: str, password: str, again: str, visitor: Visitor
) -> LoggedIn | str:
    """Logged in, or a word of what is wrong; "" where the invitation opens nothing."""
    now = context.now()
    with context.database.transaction() as conn:
        account = accounts.invited(conn, secret, now)
    if account is None:
        return ""
    if fault := fault_of(account, password, again):
        return fault
    kept = passwords.hashed(password)
    with context.database.transaction() as conn:
        account = accounts.invited(conn, secret, now)  # of two at once the first has used it up
        if account is None:
            return ""
        accounts.choose(conn, account, kept, account.name, now)
        return _let_in(conn, account, visitor, now)


def fault_of(account: Account, password: str, again: str) -> str:
    """A word of why this cannot be the password; "" where it can."""
    if weak := weakness(password, account.name, account.display_name):
        return weak.value
    return "" if password == again else "passwords differ"


def _choose_page(
    request: Request, context: Context, language: Lang, secret: str, fault: str = ""
) -> Response:
    with context.database.transaction() as conn:
        account = accounts.invited(conn, secret, context.now())
    return context.render.page(
        request,
        language,
        "invitation.html",
        404 if account is None else 422 if fault else 200,
        account=account,
        secret=secret,
        fault=fault,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
    )


def login_address(to: str) -> str:
    return f"/login?{urlencode({'next': to})}"
