"""What a silence is about, as `fumewatch silences` tells it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fumewatch.cli import show
from fumewatch.core.alert import Alert
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.site import Place

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.config import Config
    from fumewatch.core.routing import Matchers
    from fumewatch.store import Connection

_SHOWN: Final = 20
"""Alerts that are shown one by one; --json has them all."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`messages`: by receiver of people, what it takes to tell of all these alerts. `doubts`: what
    the matchers ask for and nothing has."""

    alerts: tuple[tuple[Alert, Place], ...]
    messages: dict[str, int]
    doubts: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "alerts": [
                {
                    "id": alert.id,
                    "state": alert.state,
                    "severity": alert.severity,
                    "rule": alert.rule,
                    "monitor": f"{place.district}/{place.code}",
                    "site": place.site,
                    "street": place.street,
                    "opened_at": alert.opened_at,
                }
                for alert, place in self.alerts
            ],
            "messages": self.messages,
            "warnings": self.doubts,
        }


def effect(conn: "Connection", config: "Config", matchers: "Matchers") -> Effect:
    """On the alerts that are open now."""
    from fumewatch.core import conditions
    from fumewatch.core.addressing import Addressing
    from fumewatch.core.routing import labels_of
    from fumewatch.core.silencing import kept_back
    from fumewatch.store import alerts, contacts, monitors

    places = {place.monitor: place for place in monitors.places(conn, str(config.zone))}
    found = tuple(
        (alert, places[alert.monitor])
        for alert in alerts.open_alerts(conn)
        if not alert.is_part and matchers.take(labels_of(alert, places[alert.monitor]))
    )
    receivers = {receiver.name: receiver for receiver in config.receiver}
    addressing = Addressing(contacts.all_contacts(conn))
    rules = {rule.id: rule.kind for rule in config.rule}
    doubts = tuple(conditions.strangers(matchers, conditions.known_values(places.values(), rules)))
    if not found:
        doubts = ("it fits no alert that is open now", *doubts)
    return Effect(found, kept_back(found, config.route, receivers, addressing), doubts)


def tell(effect: Effect, silence: Silence, zone: "ZoneInfo") -> None:
    from fumewatch.core.conditions import written

    span = f"{_clock(silence.starts_at, zone)} to {_clock(silence.ends_at, zone)}"
    show.line(f"Silence of {show.inert(written(silence.matchers))}, {span}")
    if effect.alerts:
        columns = ["state", "severity", "rule", "monitor", "site", "street", "since"]
        shown = effect.alerts[:_SHOWN]
        show.table("", columns, (_row(alert, place, zone) for alert, place in shown))
        if len(effect.alerts) > len(shown):
            show.line(f"... and {len(effect.alerts) - len(shown):,} more")
    show.line(
        f"It keeps back {show.count(sum(effect.messages.values()), 'message')} to people "
        f"about {show.count(len(effect.alerts), 'open alert')}{_by_receiver(effect.messages)}."
    )


def tell_all(silences: Iterable[Silence], now: datetime, zone: "ZoneInfo") -> None:
    from fumewatch.core.conditions import written
    from fumewatch.core.silencing import standing

    columns = ["id", "", "alerts", "from", "until", "reason", "by", "ended by"]
    rows = [
        (
            one.id,
            standing(one, now),
            written(one.matchers),
            _clock(one.starts_at, zone),
            _clock(one.until, zone),
            one.reason,
            one.author,
            one.ended_by,
        )
        for one in silences
    ]
    show.table("", columns, rows)


def has_ended(silence: Silence, zone: "ZoneInfo") -> str:
    if silence.ended_at is None:
        return f"ended at {_clock(silence.ends_at, zone)}"
    return f"was ended at {_clock(silence.ended_at, zone)} by {show.inert(silence.ended_by or '')}"


def as_json(silence: Silence, now: datetime) -> dict[str, Any]:
    from fumewatch.core.silencing import standing

    fields = silence.model_dump(mode="json", exclude={"matchers"})
    matchers = silence.matchers.model_dump(mode="json", exclude_defaults=True)
    return {"state": standing(silence, now), **fields, "matchers": matchers}


def _row(alert: Alert, place: Place, zone: "ZoneInfo") -> Sequence[object]:
    monitor = f"{place.district}/{place.code}"
    since = _clock(alert.opened_at, zone)
    return alert.state, alert.severity, alert.rule, monitor, place.site, place.street, since


def _by_receiver(messages: dict[str, int]) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in messages.items())
    return f" ({listed})" if listed else ""


def _clock(at: datetime, zone: "ZoneInfo") -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
