"""Readings on their way, and who holds them, as `fumewatch status` tells it."""

import time
from dataclasses import asdict
from typing import Any, Final

from fumewatch.cli import show
from fumewatch.mqtt import Echo, Level, Lookout, MqttSettings, Pressure

_ASK_SECONDS: Final = 5.0
_LOUD: Final = (Level.NOTICE, Level.WARNING, Level.DROPPING)


def tell(held: dict[str, Any]) -> None:
    """`held`: health.Held as a daemon wrote it down."""
    rows = _of_queue(held["queue"])
    if inbox := held["inbox"]:
        full, most = show.size(inbox["bytes"]), show.size(inbox["most_bytes"])
        count = f"{inbox['messages']:,} of {inbox['most_messages']:,}"
        rows += [
            ("inbox: received, not yet stored", f"{count}; {full} of {most}"),
            ("not yet acked", f"{inbox['unacked']:,}; receive_maximum {held['receive_maximum']:,}"),
        ]
    else:
        rows.append(("inbox", "closed: nothing is taken in, the broker holds it"))
    _table(rows)


def tell_alone(settings: MqttSettings, trouble: str, *, json: bool) -> None:
    """What the broker holds, asked of itself: for when nobody else can tell."""
    found = ask(settings)
    if json:
        held = {"inbox": None, "queue": asdict(found)}
        show.as_json({"database": {"away": trouble}, "held": held})
    elif found.level is Level.UNKNOWN:
        show.complain(f"The broker's queue is {found.detail}.")
    else:
        _table(_of_queue(asdict(found)))


def ask(settings: MqttSettings) -> Pressure:
    """Unknown where the broker has not told within _ASK_SECONDS."""
    lookout = Lookout(settings, Echo("nobody"))
    lookout.start()
    until = time.monotonic() + _ASK_SECONDS
    try:
        while not lookout.has_looked and time.monotonic() < until:
            time.sleep(0.05)
        return lookout.pressure
    finally:
        lookout.stop()


def _of_queue(queue: dict[str, Any]) -> list[tuple[str, str]]:
    loud = f"{queue['level'].upper()}: " if queue["level"] in _LOUD else ""
    rows = [("broker's queue", loud + queue["detail"])]
    if queue["dropped"]:
        rows.append(("dropped by the broker", f"{queue['dropped']:,} since the daemon looks"))
    return rows


def _table(rows: list[tuple[str, str]]) -> None:
    show.table("Readings on their way", ["where", "how much"], rows)
