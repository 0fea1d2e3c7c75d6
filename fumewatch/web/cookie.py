"""The cookie of a login: a random number and nothing else; we keep its hash."""

from typing import Final

from starlette.responses import Response

from fumewatch.config import Config

_PLAIN: Final = "fumewatch"


def cookie_of(config: Config) -> str:
    """Its name. By https no other host of the domain, and nobody on the way, can set one of it."""
    return f"__Host-{_PLAIN}" if config.web.is_secure else _PLAIN


def give(response: Response, secret: str, config: Config) -> None:
    """Lax: a link in a message opens the page that it leads to; forms of other sites bear none."""
    response.set_cookie(
        cookie_of(config),
        secret,
        max_age=round(config.login.longest.total_seconds()),
        path="/",
        secure=config.web.is_secure,
        httponly=True,
        samesite="lax",
    )


def take(response: Response, config: Config) -> None:
    response.delete_cookie(
        cookie_of(config), path="/", secure=config.web.is_secure, httponly=True, samesite="lax"
    )
