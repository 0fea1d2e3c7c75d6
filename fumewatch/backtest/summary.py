"""One configuration's outcome in numbers: by rule, street, day and receiver."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fumewatch.backtest.compare import Span
from fumewatch.backtest.run import Message, Outcome
from fumewatch.core.alert import Alert, State
from fumewatch.core.site import Place


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule: alerts that fired, those only watched, and how long they fired, in minutes."""

    rule: str
    title: str
    severity: str
    alerts: int
    watched: int
    still_open: int
    median_minutes: float | None
    p90_minutes: float | None
    messages: int


@dataclass(frozen=True, slots=True)
class StreetRow:
    district: str
    street: str
    monitors: int
    alerts: int
    messages: int


@dataclass(frozen=True, slots=True)
class DayRow:
    day: date
    alerts: int
    messages: int


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """What one receiver would have been told; `most`: on its busiest day."""

    receiver: str
    pending: int
    firing: int
    resolved: int
    total: int
    most: int
    busiest: date | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One configuration. `listed`: its alerts that fired in the span, by time."""

    config: str
    alerts: int
    messages: int
    by_rule: tuple[RuleRow, ...]
    by_street: tuple[StreetRow, ...]
    by_day: tuple[DayRow, ...]
    by_receiver: tuple[ReceiverRow, ...]
    listed: tuple[Alert, ...]


def summarise(outcome: Outcome, span: Span, places: Mapping[int, Place], zone: ZoneInfo) -> Summary:
    fired = [alert for alert in outcome.alerts.values() if span.holds(alert.fired_at)]
    fired.sort(key=lambda alert: (alert.fired_at or alert.opened_at, alert.rule, alert.monitor))
    sent = outcome.messages
    return Summary(
        config=outcome.name,
        alerts=len(fired),
        messages=outcome.sent,
        by_rule=tuple(_rules(outcome, fired, span)),
        by_street=tuple(_streets(fired, sent, places)),
        by_day=tuple(_days(fired, sent, span, zone)),
        by_receiver=tuple(_receivers(outcome)),
        listed=tuple(fired),
    )


def _rules(outcome: Outcome, fired: Sequence[Alert], span: Span) -> Iterable[RuleRow]:
    """In the order of the configuration, also those that raised nothing."""
    by_rule = _grouped(fired, lambda alert: alert.rule)
    watched = Counter(
        alert.rule
        for alert in outcome.alerts.values()
        if alert.fired_at is None and span.holds(alert.opened_at)
    )
    for rule in outcome.rules:
        alerts = by_rule.get(rule.id, [])
        lasted = sorted(minutes(span.lasted(alert)) for alert in alerts)
        yield RuleRow(
            rule=rule.id,
            title=rule.title("en"),
            severity=rule.severity.value,
            alerts=len(alerts),
            watched=watched[rule.id],
            still_open=sum(alert.is_open for alert in alerts),
            median_minutes=quantile(lasted, 0.5),
            p90_minutes=quantile(lasted, 0.9),
            messages=outcome.sent_by(rule.id),
        )


def _streets(
    fired: Sequence[Alert], sent: Mapping[Message, int], places: Mapping[int, Place]
) -> list[StreetRow]:
    """Most alerts first."""
    by_street = _grouped(fired, lambda alert: _street(places[alert.monitor]))
    told: Counter[tuple[str, str]] = Counter()
    for message, n in sent.items():
        told[message.district, message.street] += n
    rows = [
        StreetRow(
            district, street, len({a.monitor for a in alerts}), len(alerts), told[district, street]
        )
        for district, street in by_street.keys() | told.keys()
        for alerts in [by_street.get((district, street), [])]
    ]
    return sorted(rows, key=lambda row: (-row.alerts, -row.messages, row.district, row.street))


def _street(place: Place) -> tuple[str, str]:
    return place.district, place.street


def _days(
    fired: Sequence[Alert], sent: Mapping[Message, int], span: Span, zone: ZoneInfo
) -> Iterable[DayRow]:
    """Every day of the span, also quiet ones."""
    alerts = Counter(alert.fired_at.astimezone(zone).date() for alert in fired if alert.fired_at)
    told: Counter[date] = Counter()
    for message, n in sent.items():
        told[message.day] += n
    first, last = span.start.astimezone(zone).date(), span.end.astimezone(zone).date()
    for i in range((last - first).days + 1):
        day = first + timedelta(days=i)
        if day < last or alerts[day] or told[day] or first == last:
            yield DayRow(day, alerts[day], told[day])


def _receivers(outcome: Outcome) -> Iterable[ReceiverRow]:
    """In the order of the configuration, also those that would have been told nothing."""
    for name in (each.name for each in outcome.config.receiver):
        states: Counter[State] = Counter()
        days: Counter[date] = Counter()
        for message, n in outcome.messages.items():
            if message.receiver == name:
                states[message.state] += n
                days[message.day] += n
        busiest = min(days, key=lambda day: (-days[day], day), default=None)
        yield ReceiverRow(
            name,
            states[State.PENDING],
            states[State.FIRING],
            states[State.RESOLVED],
            states.total(),
            days[busiest] if busiest else 0,
            busiest,
        )


def _grouped(alerts: Iterable[Alert], key: Callable[[Alert], Any]) -> dict[Any, list[Alert]]:
    groups: dict[Any, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(key(alert), []).append(alert)
    return groups


def quantile(ascending: Sequence[float], share: float) -> float | None:
    """By nearest rank: one of the values themselves; None of none."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def minutes(length: timedelta) -> float:
    whole = length / timedelta(minutes=1)
    return int(whole) if whole == int(whole) else round(whole, 2)
