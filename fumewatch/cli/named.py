"""What people name on a command line: a rule, a monitor, a time."""

import difflib
from collections.abc import Iterable
from datetime import datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from fumewatch.cli import options, show

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.config import Config
    from fumewatch.core.rules.rule import Common
    from fumewatch.core.site import Place
    from fumewatch.store import Connection


def rule(config: "Config", id: str, hint: str) -> "Common":
    known = {rule.id: rule for rule in config.rule}
    if id not in known:
        raise typer.BadParameter(f"no rule {id!r}{near(id, known)}", param_hint=hint)
    return known[id]


def place(places: Iterable["Place"], monitor: str) -> "Place":
    """Of the monitor that is called so."""
    listed = list(places)
    named = {f"{place.district}/{place.code}": place for place in listed}
    found = [place for place in listed if monitor in (place.code, f"{place.district}/{place.code}")]
    if len(found) == 1:
        return found[0]
    if found:
        either = " or ".join(show.inert(f"{place.district}/{place.code}") for place in found)
        raise typer.BadParameter(f"{monitor!r} could be {either}", param_hint="--monitor")
    known = named if "/" in monitor else [place.code for place in listed]
    what = f"no monitor {monitor!r}{near(monitor, known)}"
    raise typer.BadParameter(what, param_hint="--monitor")


def alert(conn: "Connection", beginning: str, hint: str = "ID") -> UUID:
    """The one whose id begins so: 4 hexadecimal digits or more, as `alerts list` shows them."""
    from fumewatch.store.pages import cases

    digits = beginning.replace("-", "").lower()
    if not 4 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        what = f"{beginning!r} is no id of an alert; alerts list names them"
        raise typer.BadParameter(what, param_hint=hint)
    found = cases.like(conn, digits)
    if len(found) != 1:
        what = f"several alerts begin with {beginning}" if found else f"no alert {beginning}"
        raise typer.BadParameter(f"{what}; alerts list names them", param_hint=hint)
    return found[0]


def moment(text: str, zone: "ZoneInfo", hint: str) -> datetime | None:
    """Of the zone where it says none; None where no time is given."""
    if not text:
        return None
    try:
        clock = time.fromisoformat(text) if len(text) <= len("12:00:00") else None
        today = options.clock().astimezone(zone).date()
        found = datetime.combine(today, clock) if clock else datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write '2026-11-23 12:05', or 12:05 for today"
        raise typer.BadParameter(what, param_hint=hint) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def near(word: str, known: Iterable[str]) -> str:
    listed = [show.inert(name) for name in sorted(known)]
    found = difflib.get_close_matches(word, listed, n=3, cutoff=0.6)
    if found:
        return f"; did you mean {' or '.join(found)}?"
    some = ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
    return f"; there are {some}" if listed else "; there are none"
