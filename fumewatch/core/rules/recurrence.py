"""It keeps happening: alerts of some rules, again and again at one monitor."""

from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from fumewatch.core.arrays import Mask
from fumewatch.core.days import date_of
from fumewatch.core.duration import Duration
from fumewatch.core.history import KEPT
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.past import Happenings, Past
from fumewatch.core.rules.pattern import (
    PatternRule,
    alerts_of,
    alone,
    count_days,
    count_events,
    local_days,
    micros,
    recent,
    row_of,
    select,
)
from fumewatch.core.rules.rule import Text
from fumewatch.core.view import MINUTE, iso

_DAY_MINUTES: Final = 24 * 60


class Recurrence(PatternRule):
    """Breach: within `within`, at least `at_least` alerts of `rules` were opened at the monitor, or
    alerts on as many local dates.

    Alerts that never fired and false alarms do not count. With `restarts`, each restart that the
    device told of counts like an alert. With `meal`, only what began in lunch or dinner counts.
    It clears as what happened falls out of `within`, or is found to have been a false alarm.
    """

    CHECKS: ClassVar = (
        Text(zh="历次告警与整改记录", en="the earlier alerts, and what was done about them"),
        Text(zh="净化器清洗台账", en="the ledger of cleanings"),
        Text(zh="监测仪供电是否被人为切断", en="does anyone cut the monitor's power"),
    )

    kind: Literal["recurrence"]
    rules: tuple[str, ...] = Field(min_length=1, description="ids of the rules whose alerts count")
    count: Literal["alerts", "days"] = Field(
        "alerts", description="what is counted: alerts, or local dates with one"
    )
    at_least: int = Field(3, ge=1, description="so many of them are a breach")
    within: Duration = Field(
        timedelta(days=30), ge=timedelta(hours=1), le=KEPT, description="how far back it looks"
    )
    meal: bool = Field(False, description="true: only what began in lunch or dinner counts")
    began_before: Duration = Field(
        timedelta(0),
        ge=timedelta(0),
        description="with meal: an alert's cause began so long before it opened",
    )
    restarts: bool = Field(False, description="true: restarts of the device (HJ 212, 2081) count")

    @property
    def looks_back(self) -> timedelta:
        return self.within

    @property
    def named(self) -> tuple[str, ...]:
        return self.rules

    def default_title(self) -> Text:
        return Text(zh="反复告警", en="the same alerts again and again")

    def weigh(self, past: Past) -> Judgement:
        found = self._found(past)
        value = (count_days if self.count == "days" else count_events)(past, found)[None]
        breach = value >= self.at_least
        return decide(breach, breach, np.ones_like(breach), value, self.at_least)

    def evidence(self, past: Past, row: int) -> dict[str, Any]:
        one = alone(past, row)
        alerts, restarts = self._alerts(one), self._restarts(one)
        times = np.sort(np.concatenate([alerts.at, restarts.at])).tolist()
        days = np.unique(local_days(one, _both(alerts, restarts))).tolist()
        shown = {
            "value": len(days) if self.count == "days" else len(times),
            "limit": self.at_least,
            "counted": self.count,
            "rules": list(self.rules),
            "within_days": round(self.within / timedelta(days=1), 1),
            "meal": self.meal,
            "times": [iso(at) for at in times],
            "days": [date_of(day).isoformat() for day in days],
        }
        return shown | ({"restarts": len(restarts.at)} if self.restarts else {})

    def _found(self, past: Past) -> Happenings:
        return _both(self._alerts(past), self._restarts(past))

    def _alerts(self, past: Past) -> Happenings:
        alerts = alerts_of(past, self.rules, self.within)
        opened = recent(past, Happenings(alerts.monitor, alerts.opened_at), self.within)
        return self._counted(past, opened, micros(self.began_before))

    def _restarts(self, past: Past) -> Happenings:
        happened = recent(past, past.restarts, self.within)
        if not self.restarts:
            return select(happened, np.zeros(len(happened.at), np.bool_))
        return self._counted(past, happened, 0)

    def _counted(self, past: Past, events: Happenings, before: int) -> Happenings:
        if not self.meal:
            return events
        return select(events, _in_meal(past, Happenings(events.monitor, events.at - before)))


def _both(one: Happenings, other: Happenings) -> Happenings:
    return Happenings(
        np.concatenate([one.monitor, other.monitor]), np.concatenate([one.at, other.at])
    )


def _in_meal(past: Past, events: Happenings) -> Mask:
    """[e]: it was lunch or dinner there. Day by day: all minutes of all monitors would be many."""
    minute, row = events.at // MINUTE, past.rows[row_of(past, events.monitor)]
    found = np.zeros(len(minute), np.bool_)
    for day in np.unique(minute // _DAY_MINUTES):
        here = np.flatnonzero(minute // _DAY_MINUTES == day)
        minutes, at = np.unique(minute[here], return_inverse=True)
        rows, of = np.unique(row[here], return_inverse=True)
        found[here] = past.roster.in_meal(rows, minutes)[at, of] > 0
    return found
