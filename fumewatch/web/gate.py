"""The gate: nobody passes who has not said who they are, but to the few doors that are open.

A route says only what it takes beyond the usual: a GET the permission to read, anything else that
to act. So a page that somebody adds is closed until they open it.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fumewatch.config import Config
from fumewatch.core.access import Permission, address_key, holds, of_role
from fumewatch.core.errors import FumewatchError, StoreRefused, StoreUnavailable
from fumewatch.core.link import PATH
from fumewatch.store import Connection, sessions, tokens
from fumewatch.web import problems
from fumewatch.web.context import Context
from fumewatch.web.cookie import cookie_of
from fumewatch.web.forms import MOST_BYTES
from fumewatch.web.origin import SAFE, is_not_anothers, is_our_name, is_own
from fumewatch.web.shield import path_of, told_path
from fumewatch.web.who import ANYBODY, STRANGER, Who

log = structlog.get_logger()

_UNASKED: Final = ("/livez", "/static/", PATH)
"""Open to all, and nobody is looked up: our own files, and links that are keys themselves."""
_OPEN: Final = ("/readyz", "/login", "/logout", "/i/")
"""Open to all; who shows who they are is shown more."""
_KEYS: Final = "/i/"
"""An address that few know. Its page tells nobody where it is, so its own form may come without
an origin; a form that a browser calls another site's would log people in as somebody else."""
_OPERATION: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked by machines, under whatever name they know us by."""
_TOLD_EVERY: Final = timedelta(hours=1)
_STREAM: Final = "/alerts/stream"
_LOG_IN_AGAIN: Final = b"event: reset\ndata: {}\n\n"
METRICS: Final = Who("program", "metrics_token", "", frozenset({Permission.METRICS}))


class Gate:
    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self._told_at: datetime | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await self._refusal(request)
        kept = _not_kept(send) if self._is_private(request) else send
        await (refusal or self._app)(scope, receive, kept)

    async def _refusal(self, request: Request) -> Response | None:
        """What is answered instead of the page; None: come in. Who it is stands in the state."""
        path, config = path_of(request), self._context.config
        if path.startswith(_UNASKED):
            return None
        self._tell_of_proxy(request)
        if refusal := self._unfit(request):
            return refusal
        try:
            who = await run_in_threadpool(self._look, request)
        except FumewatchError as error:
            if path == "/readyz":
                return None  # it tells just that
            return problems.store_away(request, error)
        request.state.who = who or self._nobody()
        request.state.still = self._still(request, who)
        if who is None and _has_bearer(request):
            return problems.refused(request, 401, "this token opens nothing (any more)")
        if path.startswith(_OPEN):
            return None
        return self._wrong_door(request, request.state.who, config) or _unfit_body(request)

    def _unfit(self, request: Request) -> Response | None:
        """Refused whoever asks. Who shows a token cannot have been led here by another page."""
        headers, web = request.headers, self._context.config.web
        if _has_bearer(request):
            return None if self._is_in_time(request) else _too_often(request)
        if self._context.asks_for_login and path_of(request) not in _OPERATION:
            if not is_our_name(headers.get("host", ""), web):
                return PlainTextResponse(_NOT_OUR_NAME, status_code=421)
            if not self._is_in_time(request):
                return _too_often(request)
        is_ours = is_not_anothers if path_of(request).startswith(_KEYS) else is_own
        if not is_ours(request.method, headers, web):
            log.warning("foreign_form_refused", path=told_path(request), address=_address(request))
            return problems.refused(request, 403, "this was sent by another site's page")
        return None

    def _tell_of_proxy(self, request: Request) -> None:
        """Of one that is not believed: all who come by it count as one who logs in wrongly."""
        said, host = ", ".join(request.headers.getlist("x-forwarded-for")), _host(request)
        now = self._context.now()
        if not said or host in said or (self._told_at and now < self._told_at + _TOLD_EVERY):
            return
        self._told_at = now
        log.warning(
            "X-Forwarded-For is not heard: if this is a proxy of yours, name it in [web]"
            " trusted_proxies; else one who guesses passwords keeps out all who come by it",
            address=host,
        )

    def _is_in_time(self, request: Request) -> bool:
        if not self._context.asks_for_login:
            return True
        return self._context.asking.take(_address(request), self._context.now())

    def _nobody(self) -> Who:
        return STRANGER if self._context.asks_for_login else ANYBODY

    def _wrong_door(self, request: Request, who: Who, config: Config) -> Response | None:
        wanted = _permission(request)
        if who.may(wanted):
            return None
        if who.kind != "stranger":
            return problems.refused(request, 403, f"this takes the permission to {wanted}")
        if problems.is_for_programs(request):
            return problems.refused(
                request,
                401,
                "show a token: Authorization: Bearer ...; fumewatch token add makes it",
            )
        if path_of(request) == _STREAM:  # the page that listens loads itself anew, to the login
            return Response(_LOG_IN_AGAIN, media_type="text/event-stream")
        return RedirectResponse(f"/login{_back(request)}", status_code=303)

    # ── who it is; in a thread ──

    def _look(self, request: Request) -> Who | None:
        secret = _bearer(request)
        if secret is not None:
            return self._of_metrics(secret) or self._read(lambda c: self._program(c, secret))
        cookie = request.cookies.get(cookie_of(self._context.config), "")
        return self._read(lambda c: self._person(c, cookie)) if cookie else None

    def _of_metrics(self, secret: str) -> Who | None:
        kept = self._context.config.login.metrics_token
        is_it = kept is not None and _same(secret, kept.get_secret_value())
        return METRICS if is_it else None

    def _read(self, look: Callable[[Connection], Who | None]) -> Who | None:
        with self._context.database.transaction() as conn:
            return look(conn)

    def _program(self, conn: Connection, secret: str) -> Who | None:
        now = self._context.now()
        token = tokens.find(conn, secret, now)
        if token is None:
            return None
        tokens.use(conn, token, now)
        return Who("program", token.name, token.actor, token.permissions)

    def _person(self, conn: Connection, cookie: str) -> Who | None:
        now, terms = self._context.now(), self._context.config.login.terms
        found = sessions.find(conn, cookie)
        if found is None or not holds(found.created_at, found.seen_at, terms, now):
            return None
        sessions.see(conn, found, now)
        permissions = of_role(found.role)
        return Who("person", found.name, found.actor, permissions, found.account_id, found.hash)

    def _still(self, request: Request, who: Who | None) -> Callable[[], bool]:
        """For streams: whether the same would be found again. True while the store is away."""

        def still() -> bool:
            if who is None:
                return not self._context.asks_for_login
            try:
                return self._look(request) == who
            except (StoreUnavailable, StoreRefused):
                return True

        return still

    def _is_private(self, request: Request) -> bool:
        path = path_of(request)
        return self._context.asks_for_login and not path.startswith(_UNASKED)


_NOT_OUR_NAME: Final = (
    "fumewatch does not answer to this name. The one under which people open it is\n"
    "[web] public_url of its configuration.\n"
)


def _unfit_body(request: Request) -> Response | None:
    """Pages read their forms to a limit of their own; an API's body is read before it is asked."""
    if request.method in SAFE or not path_of(request).startswith("/api/"):
        return None
    length = request.headers.get("content-length", "")
    if "transfer-encoding" in request.headers or not (length.isascii() and length.isdigit()):
        return problems.refused(request, 411, "say how long the body is: Content-Length")
    if int(length) > MOST_BYTES:
        return problems.refused(request, 413, f"the body may have {MOST_BYTES} bytes")
    return None


def _permission(request: Request) -> Permission:
    if path_of(request) == "/metrics":
        return Permission.METRICS
    if request.method in SAFE or path_of(request).startswith("/account"):
        return Permission.READ  # everybody may change their own password
    return Permission.ACT


def _not_kept(send: Send) -> Send:
    """What is behind the login is not shown again without it, by a back button or a proxy."""

    async def kept(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Cache-Control"] = "no-store"
        await send(message)

    return kept


def _too_often(request: Request) -> Response:
    response = problems.refused(request, 429, "too many requests from this address")
    response.headers["Retry-After"] = "10"
    return response


def _back(request: Request) -> str:
    """Where to go after the login: the page that was asked for, or whose form was sent."""
    if request.method not in SAFE:
        page = _page_of_form(request)
        return f"?{urlencode({'next': page, 'unsent': '1'})}" if page else ""
    if path_of(request) == "/":
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"?{urlencode({'next': quote(path_of(request)) + query})}"


def _page_of_form(request: Request) -> str:
    """As the browser says it; is_own has seen that the form is of a page of ours."""
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _host(request: Request) -> str:
    return request.client.host if request.client else ""


def _address(request: Request) -> str:
    return address_key(_host(request))


def _has_bearer(request: Request) -> bool:
    return _bearer(request) is not None


def _bearer(request: Request) -> str | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _same(one: str, other: str) -> bool:
    """In a time that says nothing of where they differ."""
    return hmac.compare_digest(*(hashlib.sha256(text.encode()).digest() for text in (one, other)))
