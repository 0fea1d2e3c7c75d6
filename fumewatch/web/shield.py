"""Headers that keep a page from running or loading what is not ours.

Nothing inline runs, neither script nor style: a restaurant may call itself <script> and it stays a
name.
"""

from typing import Final, cast

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fumewatch.core.link import PATH
from fumewatch.web.context import Context

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # data: plotly draws a plot into one when it is saved as a picture
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HEADERS_OF_LINKS: Final = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
"""The address itself is the key: it is told to nobody, and kept by nobody."""


_OF_SECRETS: Final = (PATH, "/i/")
_HSTS: Final = "max-age=31536000"


class Shield:
    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._context.config.web.is_secure:
                    headers.setdefault("Strict-Transport-Security", _HSTS)
                if scope["path"].startswith(_OF_SECRETS):
                    headers.update(_HEADERS_OF_LINKS)
            await send(message)

        await self._app(scope, receive, shielded if scope["type"] == "http" else send)


def path_of(request: Request) -> str:
    """What was asked for, as routes have it. request.url is made of the Host header too: in some
    versions a host with a slash in it moves the path."""
    return cast(str, request.scope["path"])


def told_path(request: Request) -> str:
    """The same for a log: an address that is a key is for its addressee only."""
    path = path_of(request)
    return next((f"{key}..." for key in _OF_SECRETS if path.startswith(key)), path)


def is_of_link(path: str) -> bool:
    return path.startswith(PATH)
