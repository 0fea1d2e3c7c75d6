"""`fumewatch token`: what programs show to the API and to /metrics."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.cli.users import By, one_line_of, who_by

if TYPE_CHECKING:
    from datetime import datetime

    from fumewatch.core.access import Scope
    from fumewatch.store.tokens import Token

ABOUT: Final = "Tokens of programs, for the API and /metrics: add, list, revoke."
LONGEST_NAME: Final = 40

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is for; records show it.")]


@app.command()
def add(
    name: Name,
    scope: Annotated[
        list[str], typer.Option("--scope", help="read, act or metrics; again for several.")
    ],
    expires: Annotated[
        str, typer.Option("--expires", metavar="90d", help="Else it holds until it is revoked.")
    ] = "",
    by: By = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Make a token and print it, this once: only its hash is kept.

    \b
    read: all of /api/v1 that is asked. act: also what is done about alerts.
    metrics: /metrics, and nothing else.

    \b
    Examples:
      fumewatch token add dashboard --scope read --expires 90d
      fumewatch token add prometheus --scope metrics > /etc/prometheus/fumewatch.token
      curl -H "Authorization: Bearer $(cat token)" https://fume.example.org/api/v1/alerts
    """
    from fumewatch.store import tokens

    wanted, known, who = _scopes(scope), _known(name), who_by(by)
    now = options.clock()
    end = now + options.read_duration(expires) if expires else None
    with options.transaction(options.load(config)) as conn:
        token, secret = tokens.add(conn, known, wanted, who, now, end)
    if json:
        show.as_json({**_as_json(token, now), "token": secret})
    else:
        show.complain(f"Token {known}; it is shown this once:")
        show.line(secret)


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List tokens, revoked ones last.

    \b
    Examples:
      fumewatch token list
    """
    from fumewatch.store import tokens

    loaded, now = options.load(config), options.clock()
    with options.transaction(loaded) as conn:
        found = tokens.every(conn)
    if json:
        show.as_json({"tokens": [_as_json(one, now) for one in found]})
    elif not found:
        show.line("No tokens.")
    else:
        rows = [
            (
                show.inert(one.name),
                " ".join(sorted(one.scopes)),
                _state(one, now),
                f"{one.expires_at.astimezone(loaded.zone):%Y-%m-%d}" if one.expires_at else "",
                show.ago(now - one.used_at) if one.used_at else "never",
            )
            for one in found
        ]
        show.table("Tokens", ["name", "scopes", "state", "until", "last used"], rows)


@app.command()
def revoke(name: Name, by: By = "", config: ConfigPath = None) -> None:
    """Revoke a token: it opens nothing any more.

    \b
    Examples:
      fumewatch token revoke dashboard
    """
    from fumewatch.core.errors import StoreRefused
    from fumewatch.store import tokens

    known = _known(name)
    with options.transaction(options.load(config)) as conn:
        if not tokens.revoke(conn, known, who_by(by), options.clock()):
            raise StoreRefused(f"there is no token {known} in force; see fumewatch token list")
    show.line(f"Token {known} opens nothing any more.")


def _as_json(one: "Token", now: "datetime") -> dict[str, Any]:
    return {
        "name": one.name,
        "scopes": sorted(one.scopes),
        "state": _state(one, now),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "used_at": one.used_at,
        "revoked_at": one.revoked_at,
    }


def _state(one: "Token", now: "datetime") -> str:
    if one.revoked_at:
        return "revoked"
    return "expired" if one.expires_at and one.expires_at <= now else "in force"


def _known(name: str) -> str:
    said = one_line_of(name, LONGEST_NAME, "NAME")
    if not said:
        raise typer.BadParameter("say what it is for", param_hint="NAME")
    return said


def _scopes(given: list[str]) -> "frozenset[Scope]":
    from fumewatch.core.access import Scope

    try:
        return frozenset(map(Scope, given))
    except ValueError:
        raise typer.BadParameter(
            f"{' '.join(given)!r}: a scope is one of {', '.join(Scope)}", param_hint="--scope"
        ) from None
