"""`fumewatch links`: what a message's link opens, and how to withdraw it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from fumewatch.core.link import Link
    from fumewatch.store import Connection

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


@app.command("show")
def show_(
    given: Annotated[str, typer.Argument(metavar="TOKEN|URL", help="As the message has it.")],
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Show whose link it is, of which alert, and whether it opens. Status 1 where it does not.

    \b
    Examples:
      fumewatch links show https://fume.example.org/l/AQAAAA...
      fumewatch links show AQAAAA... --json
    """
    from fumewatch.core import link

    loaded = options.load(config)
    found = link.opened(loaded.links.secrets, _token(given))
    if found is None:
        _tell_forged(json, has_secret=bool(loaded.links.secrets))
        raise typer.Exit(1)
    now = options.clock()
    with options.transaction(loaded) as conn:
        name, why = _state(conn, found, [settings.name for settings in loaded.receiver], now)
    if json:
        show.as_json({"opens": not why, "why": why, "name": name, **asdict(found)})
    else:
        _tell(found, name, why)
    raise typer.Exit(1 if why else 0)


@app.command()
def revoke(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how that begins.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who withdraws them.")],
    addressee: Annotated[
        str | None,
        typer.Option("--addressee", metavar="WHOSE", help='"contact 12" or "receiver duty".'),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All links of the alert.")] = False,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Withdraw links of an alert: those that went out until now open nothing any more.

    A later message has a new link, which opens. That it was done is in the alert's record.

    \b
    Examples:
      fumewatch links revoke 8680ae5e --all --by "Chen"
      fumewatch links revoke 8680ae5e --addressee "contact 12" --by Chen
    """
    from fumewatch.store import links

    if (addressee is None) == (not everybody):
        raise typer.BadParameter("say whose: --addressee WHOSE, or --all")
    if not by.strip():
        raise typer.BadParameter("say who withdraws them", param_hint="--by")
    whose = links.EVERYBODY if addressee is None else _checked(addressee)
    now = options.clock()
    with options.transaction(options.load(config)) as conn:
        id = named.alert(conn, alert, "ALERT")
        _revoke(conn, id, whose, by.strip(), now)
    if json:
        show.as_json({"alert": id, "addressee": whose, "at": now, "by": by})
    else:
        show.line(f"Links of {show.inert(whose) or 'everybody'} to {id} open nothing any more.")


def _revoke(conn: "Connection", alert: UUID, whose: str, by: str, now: datetime) -> None:
    from fumewatch.core.followup.action import Action, ActionKind
    from fumewatch.store import actions, links

    done = Action(alert, now, ActionKind.LINK_REVOKED, by, "command", detail={"addressee": whose})
    actions.record(conn, done)
    links.revoke(conn, alert, whose, by, now)


def _token(given: str) -> str:
    """The part of an address that is the token; what is none stays as it is."""
    from fumewatch.core.link import PATH

    text = given.strip()
    return text.rpartition(PATH)[2].partition("?")[0].partition("#")[0] if PATH in text else text


def _checked(addressee: str) -> str:
    from fumewatch.core import link

    try:
        return link.checked(addressee)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--addressee") from None


def _state(
    conn: "Connection", found: "Link", receivers: Sequence[str], now: datetime
) -> tuple[str, str]:
    """Whose name it has, and why it does not open; "" where it does."""
    from fumewatch.store import links

    person = None if found.contact is None else links.person(conn, found.contact)
    name = person.name if person else found.receiver or ""
    if not links.is_known(conn, found.alert):
        return name, "there is no such alert"
    if found.expires_at <= now:
        return name, "it has expired"
    if links.is_revoked(conn, found):
        return name, "it was withdrawn"
    if found.contact is not None and person is None:
        return name, "the contact is there no more"
    if found.contact is None and found.receiver not in receivers:
        return name, "the configuration has no receiver of this name any more"
    return name, ""


def _tell(found: "Link", name: str, why: str) -> None:
    show.line(f"alert      {found.alert}")
    show.line(
        f"addressee  {show.inert(found.addressee)}" + (f" ({show.inert(name)})" if name else "")
    )
    show.line(f"signed     {found.signed_at:%Y-%m-%d %H:%M:%S} UTC")
    show.line(f"expires    {found.expires_at:%Y-%m-%d %H:%M:%S} UTC")
    show.line(f"It does not open: {why}." if why else "It opens.")


def _tell_forged(json: bool, *, has_secret: bool) -> None:
    why = "no secret of [links] signed it" if has_secret else "[links] has no secret"
    if json:
        show.as_json({"opens": False, "why": why})
    else:
        show.line(f"It does not open: {why}.")
