"""`fumewatch routes`: who would get what of an alert, when and why."""

from typing import Annotated, Final

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.options import AsJson, ConfigPath

ABOUT: Final = "Routes: who would be told of an alert, when and why."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


@app.command("explain")
def explain(
    alert: Annotated[
        str, typer.Argument(metavar="[ALERT]", help="Its id, as its page's address has it.")
    ] = "",
    rule: Annotated[
        str, typer.Option("--rule", metavar="RULE", help="Or of an alert like this: its rule,")
    ] = "",
    severity: Annotated[str, typer.Option("--severity", help="else the rule's,")] = "",
    monitor: Annotated[
        str, typer.Option("--monitor", "-m", metavar="M", help="its code, or district/code,")
    ] = "",
    site: Annotated[str, typer.Option("--site", help="or its name or code,")] = "",
    street: Annotated[str, typer.Option("--street", help="else the site's,")] = "",
    district: Annotated[str, typer.Option("--district", help="else the monitor's,")] = "",
    vendor: Annotated[str, typer.Option("--vendor", help="else the monitor's,")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="else the site's.")] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="'2026-11-23 12:05' or 12:05; else now.")
    ] = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Show who would be told of an alert if it fired at some time, when and why, or why not.

    \b
    Each route with the label that does not fit; each receiver with its contacts, its
    group, what it waits for (group_wait, quiet hours, silences, other alerts) and
    since when it was told; the escalation, step by step, if nobody does anything;
    digests. Of an alert of the store, or of labels: those of a monitor or a site are
    looked up in the store, what is given besides counts instead. Without a database
    labels alone are explained by the configuration alone. Nothing is sent.

    \b
    Examples:
      fumewatch routes explain 0f3b4c7e
      fumewatch routes explain --rule exceedance --monitor xuhui/M1 --at '2026-11-28 21:00'
      fumewatch routes explain --rule purifier-off --severity critical --street 田林街道 --json
    """
    from fumewatch.cli import routed, subject

    labels = subject.Given(
        rule, severity, monitor, site, street, district, vendor, tuple(tag or ())
    )
    if bool(alert) == labels.is_anything:
        raise typer.BadParameter("give the id of an alert, or what it is like: --rule, --monitor")
    loaded = options.load(config)
    now = named.moment(at, loaded.zone, "--at") or options.clock()
    found = (
        subject.of_store(loaded, alert, now) if alert else subject.of_labels(loaded, labels, now)
    )
    explained = routed.explain(loaded, found, now)
    if json:
        show.as_json(routed.as_json(explained))
    else:
        routed.tell(explained)
    for note in found.notes:
        show.complain(f"{note} (warning)")


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List the routes, the escalations with their steps, the digests and what inhibits what.

    \b
    Examples:
      fumewatch routes list
      fumewatch routes list --json | jq .routes
    """
    from fumewatch.cli import ways

    loaded = options.load(config)
    if json:
        show.as_json(ways.as_json(loaded))
    else:
        ways.tell(loaded)
