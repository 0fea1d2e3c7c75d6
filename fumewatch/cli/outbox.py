"""`fumewatch outbox`: notifications and what became of them; failed ones are sent again."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fumewatch.store.delivery import Figures, Sent

ABOUT: Final = "Notifications: what is due, sent, failed; send failed ones again."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, invoke_without_command=True)

Receiver = Annotated[
    str | None, typer.Option("--receiver", metavar="NAME", help="Only of this [[receiver]].")
]


@app.callback()
def outbox(
    context: typer.Context,
    config: ConfigPath = None,
    receiver: Receiver = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only due, sent, failed or merged ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many of the latest.")] = 20,
    json: AsJson = False,
) -> None:
    """Count them by receiver, with how long they took, and list the latest.

    \b
    Examples:
      fumewatch outbox
      fumewatch outbox --receiver duty --state failed
      fumewatch outbox --json | jq .receivers
    """
    if context.invoked_subcommand is not None:
        return
    from fumewatch.store import delivery
    from fumewatch.store.delivery import STATES

    states = [known for known in STATES if state in (None, known)]
    if not states:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(STATES)}", param_hint="--state")
    loaded, now = options.load(config), options.clock()
    with options.transaction(loaded) as conn:
        configured = [each.name for each in loaded.receiver]
        known = list(dict.fromkeys([*configured, *delivery.names(conn, now)]))
        figures = delivery.figures(conn, known if receiver is None else [receiver], now)
        newest = delivery.newest(conn, [row.receiver for row in figures], states, limit)
    if json:
        show.as_json({"receivers": figures, "notifications": newest})
    else:
        tell_receivers(figures, now)
        _tell_notifications(newest, loaded.zone)


@app.command()
def retry(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", min=1, max=2**63 - 1, help="As outbox shows them."),
    ] = None,
    config: ConfigPath = None,
    receiver: Receiver = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    json: AsJson = False,
) -> None:
    """Make failed notifications due again, with the same key: once a token or an address is mended.

    The running daemon sends them. One that is older than a day is tried once.

    \b
    Examples:
      fumewatch outbox retry 17 18
      fumewatch outbox retry --receiver duty --failed
    """
    from fumewatch.store import outbox

    if bool(numbers) == bool(receiver and failed) or (numbers and (receiver or failed)):
        raise typer.BadParameter(
            "give numbers as fumewatch outbox shows them, or --receiver NAME --failed"
        )
    with options.transaction(options.load(config)) as conn:
        due = outbox.retry(conn, options.clock(), ids=numbers or [], receiver=receiver)
    left = sorted(set(numbers or ()) - set(due))
    if json:
        show.as_json({"due": due, "not_failed": left})
    else:
        show.line(f"{show.count(len(due), 'notification')} due again.")
        if left:
            show.complain(f"fumewatch: not among the failed: {', '.join(map(str, left))}")
    raise typer.Exit(1 if left else 0)


def tell_receivers(figures: "list[Figures]", now: "datetime") -> None:
    head = ["receiver", "due", "oldest", "sent", "merged", "failed", "p50", "p95", "last sent"]
    rows = [
        (
            row.receiver,
            f"{row.due:,}",
            show.ago(now - row.due_since) if row.due_since else "",
            *(f"{number:,}" for number in (row.sent, row.merged, row.failed)),
            _seconds(row.p50),
            _seconds(row.p95),
            show.ago(now - row.sent_at) if row.sent_at else "",
            f"{show.ago(now - row.failed_at)}: {row.answer or ''}" if row.failed_at else "",
        )
        for row in figures
    ]
    show.table("Delivery in the last 24 hours", [*head, "last failure"], rows)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _tell_notifications(rows: "list[Sent]", zone: "ZoneInfo") -> None:
    if not rows:
        show.line("No notification fits.")
        return
    head = ["id", "written", "receiver", "to", "reason", "state", "about", "answer"]
    listed = [
        (
            row.id,
            f"{row.created_at.astimezone(zone):%m-%d %H:%M:%S}",
            row.receiver,
            row.addressee,
            row.reason,
            _state(row),
            row.zh,
            row.answer,
        )
        for row in rows
    ]
    show.table("The latest", head, listed)


def _state(row: "Sent") -> str:
    if row.merged_into:
        return f"merged into {row.merged_into}"
    return f"{row.state}, holds {row.holds:,}" if row.holds else row.state
