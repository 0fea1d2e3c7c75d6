"""`fumewatch alerts`: what was done about alerts: list, show, record."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.options import AsJson, ConfigPath, read_duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.core.followup.action import Action

ABOUT: Final = "Alerts and what is done about them: list, show, record."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


class What(StrEnum):
    """What can be recorded, as people type it."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    CORRECTING = "correcting"
    CORRECTED = "corrected"
    VISITED = "visited"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false-alarm"
    RESOLVED = "resolved"
    NOTE = "note"
    REOPEN = "reopen"


_KINDS: Final = {
    What.ACKNOWLEDGE: "acknowledged",
    What.ASSIGN: "assigned",
    What.CONFIRMED: "outcome",
    What.FALSE_ALARM: "outcome",
    What.RESOLVED: "outcome",
    What.REOPEN: "reopened",
}
"""Of those that are called otherwise in the record."""

Id = Annotated[str, typer.Argument(metavar="ID", help="As list names it: its first digits do.")]


@app.command("list")
def list_(
    config: ConfigPath = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those that still fire.")] = False,
    unanswered: Annotated[
        bool, typer.Option("--unanswered", help="Only those that nobody took on.")
    ] = False,
    unclosed: Annotated[
        bool, typer.Option("--unclosed", help="Only those without an outcome that closes them.")
    ] = False,
    street: Annotated[str | None, typer.Option("--street", metavar="NAME")] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Or code.")] = None,
    monitor: Annotated[str | None, typer.Option("--monitor", "-m", metavar="CODE")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID")] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", metavar="critical", help="Or warning, info.")
    ] = None,
    since: Annotated[
        timedelta | None,
        typer.Option(
            "--since", parser=read_duration, metavar="7d", help="Opened within this time."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many of the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """List alerts that fired, the newest first, and how their cases stand.

    \b
    Examples:
      fumewatch alerts list --open --unanswered
      fumewatch alerts list --unclosed --street 天平路街道 --since 30d
      fumewatch alerts list --json | jq '.alerts[] | [.id, .standing.outcome]'
    """
    from fumewatch.cli import cases as told
    from fumewatch.store.pages import cases

    loaded = options.load(config)
    which = cases.Which(
        street, site, monitor, rule, severity, None if since is None else options.clock() - since,
        open_, unanswered, unclosed,
    )  # fmt: skip
    with options.transaction(loaded) as conn:
        rows, count = cases.cases(conn, which, limit)
    if json:
        show.as_json({"count": count, "alerts": list(map(told.listed_json, rows))})
    elif count:
        told.tell_list(rows, count, loaded.zone)
    else:
        show.line("No alert fired, or none fits.")


@app.command("show")
def show_(id: Id, config: ConfigPath = None, json: AsJson = False) -> None:
    """Show one: how it stands, whom its escalation asks next and when, all that was done.

    \b
    Examples:
      fumewatch alerts show 3f2b9c1d
    """
    from fumewatch.cli import cases as told

    loaded = options.load(config)
    with options.transaction(loaded) as conn:
        found = told.look(conn, loaded, named.alert(conn, id))
    if json:
        show.as_json(found.as_json())
    else:
        told.tell(found, loaded.zone)


@app.command()
def act(
    id: Id,
    what: Annotated[What, typer.Argument(metavar="WHAT", help="What was done.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who did it.")],
    config: ConfigPath = None,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="assign: to whom.")] = "",
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="TIME", help="correcting: '2026-11-26 18:00', or 24h from now."
        ),
    ] = "",
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="A remark; of a visit, what was found.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Record what was done about an alert. Nothing recorded can be changed or taken back.

    \b
    acknowledge   takes it on
    assign        gives it to somebody (--to)
    correcting    it is being put right, maybe by a time (--until)
    corrected     it was put right
    visited       somebody was there (--note: what was found)
    confirmed     it is as the alert says
    false-alarm   it is not; closes the case and counts no more for repeat offenders
    resolved      it is settled; closes the case
    note          anything else (--note)
    reopen        a closed case is open again

    \b
    Examples:
      fumewatch alerts act 3f2b9c1d acknowledge --by 'Li Wei'
      fumewatch alerts act 3f2b9c1d correcting --by 'Old Town Noodles' --until 24h
      fumewatch alerts act 3f2b9c1d false-alarm --by 'Li Wei' --note 'probe was being cleaned'
    """
    from fumewatch.cli import cases as told
    from fumewatch.store import actions

    loaded = options.load(config)
    now = options.clock()
    detail = _detail(what, to, until, note, now, loaded.zone)
    remark = "" if what is What.VISITED else note
    with options.transaction(loaded) as conn:
        action = actions.record(conn, _action(named.alert(conn, id), now, what, by, remark, detail))
        found = told.look(conn, loaded, action.alert)
    if json:
        show.as_json(
            {"action": action, "standing": found.standing_json(), "next": found.next_json()}
        )
    else:
        told.tell_done(action, found, loaded.zone)


def _action(
    alert: UUID, now: datetime, what: What, by: str, note: str, detail: dict[str, Any]
) -> "Action":
    from fumewatch.core.followup.action import Action, ActionKind

    kind = ActionKind(_KINDS.get(what, what.value))
    return Action(alert, now, kind, by.strip(), "command", note=note.strip(), detail=detail)


def _detail(
    what: What, to: str, until: str, note: str, now: datetime, zone: "ZoneInfo"
) -> dict[str, Any]:
    if to and what is not What.ASSIGN:
        raise typer.BadParameter("goes with assign", param_hint="--to")
    if until and what is not What.CORRECTING:
        raise typer.BadParameter("goes with correcting", param_hint="--until")
    match what:
        case What.ASSIGN:
            return {"to": to.strip()}
        case What.CORRECTING if until:
            return {"until": _time(until, now, zone).isoformat()}
        case What.VISITED if note:
            return {"findings": note.strip()}
        case What.CONFIRMED | What.FALSE_ALARM | What.RESOLVED:
            return {"outcome": what.value.replace("-", " ")}
        case _:
            return {}


def _time(text: str, now: datetime, zone: "ZoneInfo") -> datetime:
    from fumewatch.core import duration

    try:
        return now + duration.parse(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write '2026-11-26 18:00', or 24h"
        raise typer.BadParameter(what, param_hint="--until") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)
