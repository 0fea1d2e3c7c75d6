"""What goes wrong, told as a page to people and as JSON to programs. Never a traceback."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.web.context import context_of, language_of
from fumewatch.web.opened import STATUS, Closed, LinkClosed
from fumewatch.web.shield import is_of_link

log = structlog.get_logger()


def install(app: FastAPI) -> None:
    app.add_exception_handler(StoreUnavailable, _store_away)
    app.add_exception_handler(StoreRefused, _store_away)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(LinkClosed, _link_closed)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(Exception, _unexpected)


def _store_away(request: Request, error: Exception) -> Response:
    """Why is in the log, not on the page: the text may name hosts and users."""
    path = request.url.path
    path = "/l/..." if is_of_link(path) else path  # a token is for its addressee only
    log.warning("page_without_store", path=path, error=str(error))
    headers = {"Retry-After": "10"}
    if _is_for_programs(request):
        body = {"detail": "the database is away; try again"}
        return JSONResponse(body, status_code=503, headers=headers)
    context = context_of(request)
    response = context.render.page(
        request, language_of(request), "away.html", 503, parts_health=context.health.parts()
    )
    response.headers.update(headers)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _is_for_programs(request):
        return await http_exception_handler(request, error)
    return _problem(request, error.status_code)


async def _misread(request: Request, error: Exception) -> Response:
    """An address that makes no sense: to people it simply is not there."""
    assert isinstance(error, RequestValidationError)
    if _is_for_programs(request):
        return await request_validation_exception_handler(request, error)
    return _problem(request, 404)


def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours; the server logs it with its traceback."""
    if _is_for_programs(request):
        return JSONResponse({"detail": "something went wrong here"}, status_code=500)
    return _problem(request, 500)


def _link_closed(request: Request, error: Exception) -> Response:
    assert isinstance(error, LinkClosed)
    return _closed(request, error.why, STATUS[error.why], error.token)


def _closed(request: Request, why: Closed, status: int, token: str = "") -> Response:
    return context_of(request).render.page(
        request, language_of(request), "link_closed.html", status, why=why.value, token=token
    )


def _problem(request: Request, status: int) -> Response:
    context = context_of(request)
    if is_of_link(request.url.path) and status < 500:
        return _closed(request, Closed.UNKNOWN if status == 404 else Closed.UNREADABLE, status)
    return context.render.page(request, language_of(request), "problem.html", status, code=status)


def _is_for_programs(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/livez", "/readyz", "/metrics", "/static/"))
