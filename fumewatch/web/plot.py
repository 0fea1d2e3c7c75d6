"""What the plot script needs besides the readings: limits, alert spans, the span of time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from fumewatch.web import days_plot, models

_AROUND = timedelta(minutes=45)
"""Of an alert's plot: before it opened and after it resolved."""
_LONGEST = timedelta(hours=48)
_OF_NO_MINUTE = days_plot.KINDS | {"recurrence", "mismatch", "complaint", "outage"}
"""Kinds whose alerts last for days, and are about no minute of the plot."""


@dataclass(frozen=True, slots=True)
class Span:
    """An alert over the plot of its channel; without a channel, over all of them."""

    start: str
    end: str
    severity: str
    channel: str | None
    title: models.Title
    url: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Times are ISO 8601 in the site's zone: the script shows them as they stand there.

    `moves`: it ends now, so it is asked for anew; `follows`: it then begins a day before.
    `channels`: None is all there are. `level`: what the alert's rule compares with, in the first
    channel's unit, where that is not the limit itself.
    """

    monitor: int
    start: str
    end: str
    moves: bool
    follows: bool
    channels: list[str] | None
    limits: dict[str, float]
    spans: list[Span]
    level: float | None = None

    def as_json(self, code: str) -> dict[str, Any]:
        """For the page, with titles in the reader's language."""
        spans = [asdict(span) | {"title": getattr(span.title, code)} for span in self.spans]
        return asdict(self) | {"spans": spans}


def plot_of_monitor(
    monitor: models.Monitor, history: Sequence[models.Alert], start: datetime, now: datetime
) -> Plot:
    """The last hours of every channel, with the alerts of the time."""
    return Plot(
        monitor=monitor.id,
        start=_iso(start, now),
        end=_iso(now, now),
        moves=True,
        follows=True,
        channels=None,
        limits=monitor.limits,
        spans=[
            _span(alert, start, now)
            for alert in history
            if alert.monitor_id == monitor.id
            and alert.kind not in _OF_NO_MINUTE
            and (alert.resolved_at or now) > start
        ],
    )


def plot_of_alert(alert: models.Alert, monitor: models.Monitor, now: datetime) -> Plot:
    """The alert's own channel around its life; while it is open, up to now."""
    end = min(alert.resolved_at + _AROUND, now) if alert.resolved_at else now
    start = max(alert.opened_at - _AROUND, end - _LONGEST)
    return Plot(
        monitor=monitor.id,
        start=_iso(start, alert.opened_at),
        end=_iso(end, alert.opened_at),
        moves=alert.is_open,
        follows=False,
        channels=[alert.channel] if alert.channel else ["fume"],
        limits=monitor.limits,
        spans=[_span(alert, start, now)],
        level=_level(alert, monitor),
    )


def plot_of_day(
    alert: models.Alert, monitor: models.Monitor, start: datetime, now: datetime
) -> Plot:
    """Fume, fan and purifier over the day that the alert is about."""
    return Plot(
        monitor=monitor.id,
        start=_iso(start, start),
        end=_iso(min(start + timedelta(days=1), now), start),
        moves=False,
        follows=False,
        channels=["fume"],
        limits=monitor.limits,
        spans=[],
    )


def _level(alert: models.Alert, monitor: models.Monitor) -> float | None:
    if alert.channel is None or alert.unit == "%":
        return None
    return None if alert.limit == monitor.limits.get(alert.channel) else alert.limit


def _span(alert: models.Alert, start: datetime, now: datetime) -> Span:
    return Span(
        start=_iso(max(alert.opened_at, start), alert.opened_at),
        end=_iso(alert.resolved_at or now, alert.opened_at),
        severity=alert.severity,
        channel=alert.channel,
        title=alert.title,
        url=f"/alerts/{alert.id}",
    )


def _iso(at: datetime, like: datetime) -> str:
    """In the zone of `like`, as all times that are shown."""
    return at.astimezone(like.tzinfo).isoformat(timespec="seconds")
