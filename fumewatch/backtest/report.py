"""The report: what one configuration would have raised and sent, and what another changes in it.

All of it follows from the outcomes; texts for people are in `said`, numbers in plain rows.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fumewatch.backtest.compare import Change, Comparison, Difference, Span
from fumewatch.backtest.run import Message, Outcome, limits_of
from fumewatch.backtest.said import Said, sentence, why
from fumewatch.core.alert import Alert, State
from fumewatch.core.site import Place


@dataclass(frozen=True, slots=True)
class Read:
    """Where the readings came from. `refused`: rows by reason; `empty`: without any value.

    repeated, differing: rows of a monitor and a time that another row had; with other values.
    """

    source: str
    readings: int
    monitors: int
    refused: Mapping[str, int] = field(default_factory=dict)
    empty: int = 0
    repeated: int = 0
    differing: int = 0


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


@dataclass(frozen=True, slots=True)
class Report:
    """`new` is what is tried; `old` what it is held against, with the comparison, or None."""

    read: Read
    span: Span
    begin: datetime
    zone: ZoneInfo
    notes: tuple[str, ...]
    places: Mapping[int, Place]
    new: Summary
    old: Summary | None
    comparison: Comparison | None
    reasons: tuple[Said, ...]
    """Of each difference of the comparison, what its message says."""
    limits: Mapping[str, Mapping[str, float]]
    """Of the new configuration: profile → channel → limit in its unit."""

    @property
    def summary(self) -> Said:
        return sentence(self.new, self.old, self.comparison, self.span, self.zone)

    def as_json(self) -> dict[str, Any]:
        """Everything, in one order, whatever that of the readings was."""
        return {
            "summary": asdict(self.summary),
            "from": self._local(self.span.start),
            "to": self._local(self.span.end),
            "warm_up_from": self._local(self.begin),
            "zone": str(self.zone),
            "read": asdict(self.read),
            "notes": list(self.notes),
            "new": self._summary(self.new),
            "old": self._summary(self.old) if self.old else None,
            "difference": self._difference(self.comparison) if self.comparison else None,
        }

    def _summary(self, summary: Summary) -> dict[str, Any]:
        rows = ("by_rule", "by_street", "by_day", "by_receiver")
        return {
            "config": summary.config,
            "alerts": summary.alerts,
            "messages": summary.messages,
            **{name: [_plain(asdict(row)) for row in getattr(summary, name)] for name in rows},
            "listed": [self._alert(alert) for alert in summary.listed],
        }

    def _difference(self, comparison: Comparison) -> dict[str, Any]:
        assert self.old
        return {
            "messages": self.new.messages - self.old.messages,
            "alerts": self.new.alerts - self.old.alerts,
            "same": comparison.same,
            "counts": {change.value: comparison.count(change) for change in Change},
            "warned": comparison.warned,
            "missed": comparison.missed,
            "undecided": comparison.undecided,
            "listed": [
                self._one(difference, reason)
                for difference, reason in zip(comparison.differences, self.reasons, strict=True)
            ],
        }

    def _one(self, difference: Difference, reason: Said) -> dict[str, Any]:
        place = self.places[difference.either.monitor]
        return {
            "changes": [change.value for change in difference.changes],
            "rule": difference.either.rule,
            "district": place.district,
            "street": place.street,
            "site": place.site,
            "monitor": place.code,
            "starts_by_minutes": minutes(difference.starts_by),
            "ends_by_minutes": minutes(difference.ends_by),
            "missed": difference.is_missed,
            "undecided": difference.is_undecided,
            "why": asdict(reason),
            "old": self._alert(difference.old) if difference.old else None,
            "new": self._alert(difference.new) if difference.new else None,
        }

    def _alert(self, alert: Alert) -> dict[str, Any]:
        place = self.places[alert.monitor]
        return {
            "rule": alert.rule,
            "severity": alert.severity.value,
            "district": place.district,
            "street": place.street,
            "site": place.site,
            "monitor": place.code,
            "opened_at": self._local(alert.opened_at),
            "fired_at": self._local(alert.fired_at),
            "resolved_at": self._local(alert.resolved_at),
            "value": number(alert.value),
            "limit": number(alert.limit),
            "peak": alert.evidence.get("peak"),
        }

    def _local(self, at: datetime | None) -> str | None:
        return at.astimezone(self.zone).isoformat(timespec="seconds") if at else None


def report(
    outcomes: Sequence[Outcome],
    comparison: Comparison | None,
    span: Span,
    begin: datetime,
    read: Read,
    notes: Sequence[str],
    places: Mapping[int, Place],
) -> Report:
    """Of one outcome, or of two: the new one, then the old one."""
    zone = outcomes[0].config.zone
    summaries = [_summarise(outcome, span, places, zone) for outcome in outcomes]
    new, old = summaries[0], summaries[1] if len(summaries) > 1 else None
    reasons: tuple[Said, ...] = ()
    if comparison:
        reasons = tuple(why(each, outcomes, places) for each in comparison.differences)
    return Report(
        read=read,
        span=span,
        begin=begin,
        zone=zone,
        notes=tuple(notes),
        places=places,
        new=new,
        old=old,
        comparison=comparison,
        reasons=reasons,
        limits=limits_of(outcomes[0].config),
    )


def _summarise(
    outcome: Outcome, span: Span, places: Mapping[int, Place], zone: ZoneInfo
) -> Summary:
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


def number(value: float) -> float | None:
    """As JSON can carry it."""
    return round(value, 4) if math.isfinite(value) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }
