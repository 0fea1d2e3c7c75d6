"""What goes wrong, told as a page to people and to programs as problem+json (RFC 9457). Never a
traceback."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.core.phrases import one_line
from fumewatch.web.context import context_of, language_of
from fumewatch.web.opened import STATUS, Closed, LinkClosed
from fumewatch.web.shield import is_of_link, path_of, told_path

log = structlog.get_logger()
_MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """`title`: of the status; `detail`: what is wrong here, and what to do."""

    title: str
    status: int
    detail: str


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a router's `responses`: what its routes may answer besides what they are for."""
    schema = Problem.model_json_schema()
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {_MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


OF_API: Final = documented(400, 401, 403, 404, 422, 429, 503)


def install(app: FastAPI) -> None:
    app.add_exception_handler(StoreUnavailable, store_away)
    app.add_exception_handler(StoreRefused, store_away)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(LinkClosed, _link_closed)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(Exception, _unexpected)


def store_away(request: Request, error: Exception) -> Response:
    """Why is in the log, not on the page: the text may name hosts and users."""
    log.warning("page_without_store", path=told_path(request), error=str(error))
    headers = {"Retry-After": "10"}
    if is_for_programs(request):
        return _problem_json(503, "the database is away; try again", headers)
    context = context_of(request)
    response = context.render.page(
        request, language_of(request), "away.html", 503, parts_health=context.health.parts()
    )
    response.headers.update(headers)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(request, error.status_code, error.detail, error.headers)


def refused(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer instead of what was asked for. `detail`: for programs."""
    if is_for_programs(request):
        more = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return _problem_json(status, detail, {**(headers or {}), **more})
    return _problem(request, status)


def _misread(request: Request, error: Exception) -> Response:
    """An address that makes no sense: to people it simply is not there."""
    assert isinstance(error, RequestValidationError)
    if is_for_programs(request):
        return _problem_json(422, _faults(error))
    return _problem(request, 404)


def _faults(error: RequestValidationError) -> str:
    """Which parameters, and why; not what they were."""
    told = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
    return one_line("; ".join(told), 500)


def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours; the server logs it with its traceback."""
    if is_for_programs(request):
        return _problem_json(500, "something went wrong here")
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
    if is_of_link(path_of(request)) and status < 500:
        return _closed(request, Closed.UNKNOWN if status == 404 else Closed.UNREADABLE, status)
    return context.render.page(request, language_of(request), "problem.html", status, code=status)


def _problem_json(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers, _MEDIA_TYPE)


def is_for_programs(request: Request) -> bool:
    return path_of(request).startswith(("/api/", "/livez", "/readyz", "/metrics", "/static/"))
