"""The plot of a difference: the channel around both alerts, minute by minute."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.backtest.compare import Difference
from fumewatch.backtest.report import Report
from fumewatch.backtest.sources import Source, Window
from fumewatch.core.alert import Alert
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Channel, Readings

AROUND: Final = timedelta(minutes=60)
MOST_POINTS: Final = 720
"""A longer span is shown in means of several minutes."""
_MINUTE_US: Final = 60_000_000
_LEVELS: Final = frozenset({"threshold", "trend"})
"""Kinds whose limit is in the unit of the channel they judge."""


@dataclass(frozen=True, slots=True)
class Level:
    """`side`: limit, old, new."""

    side: str
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Shade:
    """When an alert fired, on the local clock."""

    side: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Plot:
    """`start`: on the local clock. Value i is that of `step` minutes from start + i * step on."""

    channel: str
    unit: str
    start: str
    step: int
    values: list[float | None]
    fan: list[int | None] | None
    purifier: list[int | None] | None
    levels: list[Level]
    shades: list[Shade]

    @property
    def height(self) -> int:
        """Pixels."""
        return 300 if self.fan or self.purifier else 250

    def as_json(self) -> dict[str, Any]:
        spans = [{"side": x.side, "from": x.start, "to": x.end} for x in self.shades]
        rest = {k: v for k, v in asdict(self).items() if k != "shades"}
        return rest | {"spans": spans}


def of(differences: Sequence[Difference], report: Report, source: Source) -> list[Plot | None]:
    """None where nothing was measured around it."""
    windows = [_window(difference, report) for difference in differences]
    found = source.windows(windows)
    return [
        _plot(difference, window, readings, report)
        for difference, window, readings in zip(differences, windows, found, strict=True)
    ]


def _alerts(difference: Difference) -> list[tuple[str, Alert]]:
    pairs = (("old", difference.old), ("new", difference.new))
    return [(side, alert) for side, alert in pairs if alert]


def _window(difference: Difference, report: Report) -> Window:
    lives = [report.span.life(alert) for _, alert in _alerts(difference)]
    start = max(min(life[0] for life in lives) - AROUND, report.begin)
    end = min(max(life[1] for life in lives) + AROUND, report.span.end)
    return Window(difference.either.monitor, _minute(start), _minute(end))


def _plot(
    difference: Difference, window: Window, readings: Readings, report: Report
) -> Plot | None:
    if not len(readings):
        return None
    minutes = max(1, (window.end - window.start) // _MINUTE_US)
    step = -(-minutes // MOST_POINTS)
    at = (readings.measured_at - window.start) // (step * _MINUTE_US)
    size = -(-minutes // step)

    def column(channel: Channel) -> NDArray[np.float64]:
        return _means(readings, channel, at.astype(np.intp), size)

    channel = _channel(difference.either, readings)
    states = {name: column(CHANNELS[INDEX[name]]) for name in ("fan_on", "purifier_on")}
    return Plot(
        channel=channel.en,
        unit=channel.unit,
        start=_local(_moment(window.start), report),
        step=step,
        values=_listed(column(channel)),
        fan=_on(states["fan_on"]),
        purifier=_on(states["purifier_on"]),
        levels=list(_levels(difference, channel, report)),
        shades=[
            Shade(side, *(_local(end, report) for end in report.span.firing(alert)))
            for side, alert in _alerts(difference)
        ],
    )


def _channel(alert: Alert, readings: Readings) -> Channel:
    """The one that the rule judges, else fume, else the first that was measured."""
    named = alert.evidence.get("channel")
    measured = [c for i, c in enumerate(CHANNELS) if (readings.values[i] != MISSING).any()]
    wanted = CHANNELS[INDEX[named]] if named in INDEX else CHANNELS[INDEX["fume"]]
    return wanted if wanted in measured or not measured else measured[0]


def _means(
    readings: Readings, channel: Channel, at: NDArray[np.intp], size: int
) -> NDArray[np.float64]:
    """[size] in the channel's unit; NaN where nothing is judged."""
    raw = readings.judged()[INDEX[channel.name]]
    known = raw != MISSING
    counts = np.bincount(at[known], minlength=size)
    sums = np.bincount(at[known], raw[known].astype(np.float64), minlength=size)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = sums / counts / channel.scale
    return means


def _levels(difference: Difference, channel: Channel, report: Report) -> Iterator[Level]:
    """The outlet's limit, and what either rule compares with where that is another."""
    place = report.places[difference.either.monitor]
    limit = report.limits.get(place.limit_profile, {}).get(channel.name)
    if limit is not None:
        yield Level("limit", "limit", limit)
    known = {limit}
    for side, alert in _alerts(difference):
        level = _level(alert)
        if level is not None and level not in known:
            known.add(level)
            yield Level(side, f"{side} level", level)


def _level(alert: Alert) -> float | None:
    evidence = alert.evidence
    if alert.kind not in _LEVELS or not np.isfinite(alert.limit):
        return None
    if evidence.get("statistic") == "share":
        counted = evidence.get("share_above")
        return float(counted) if isinstance(counted, int | float) else None
    return round(float(alert.limit), 3)


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else round(value, 3) for value in values.tolist()]


def _on(values: NDArray[np.float64]) -> list[int | None] | None:
    if np.isnan(values).all():
        return None
    return [None if value != value else int(value >= 0.5) for value in values.tolist()]


def _local(at: datetime, report: Report) -> str:
    return f"{at.astimezone(report.zone):%Y-%m-%dT%H:%M:%S}"


def _minute(at: datetime) -> int:
    return round(at.timestamp()) // 60 * _MINUTE_US


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, UTC)
