"""The report: what one configuration would have raised and sent, and what another changes in it.

All of it follows from the outcomes; texts for people are in `said`, numbers in plain rows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fumewatch.backtest.compare import Change, Comparison, Difference, Span
from fumewatch.backtest.run import Outcome
from fumewatch.backtest.said import Said, sentence, why
from fumewatch.backtest.summary import Summary, minutes, summarise
from fumewatch.config.rosters import limits_of
from fumewatch.core.alert import Alert
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
    summaries = [summarise(outcome, span, places, zone) for outcome in outcomes]
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


def number(value: float) -> float | None:
    """As JSON can carry it."""
    return round(value, 4) if math.isfinite(value) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }
