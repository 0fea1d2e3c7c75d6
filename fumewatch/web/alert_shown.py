"""One alert as its page shows it: its sentence, and the picture that fits its kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID

import numpy as np
from fastapi import HTTPException

from fumewatch.core.alert import Reason, Transition
from fumewatch.core.days import DayFacts
from fumewatch.core.outlook import day
from fumewatch.core.site import Place
from fumewatch.store import day_facts, monitors
from fumewatch.store.pages import alerts as stored
from fumewatch.store.pages import fleet
from fumewatch.store.pages.alerts import AlertRow
from fumewatch.web import alerts, days_plot, models
from fumewatch.web.context import Context
from fumewatch.web.days_plot import DaysPlot, days_shown, plot_of_days
from fumewatch.web.language import Code
from fumewatch.web.plot import Plot, plot_of_alert, plot_of_day
from fumewatch.web.present import Presenter

_OF_ONE_DAY: Final = frozenset({"linkage_rate", "validity"})
"""Kinds of rules of days whose verdict rests on the minutes of one."""
_OF_NO_READING: Final = frozenset({"recurrence", "mismatch", "outage"})
"""Kinds that rest on other alerts, on events, on many monitors."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`facts` [d, 1]: the days up to `last` (core.days)."""

    present: Presenter
    now: datetime
    detail: models.AlertDetail
    row: AlertRow
    place: Place
    monitor: models.Monitor
    facts: DayFacts
    last: int

    def said(self, language: Code) -> str:
        """The headline of its newest message, without whose it is; "" where it says nothing."""
        moves = self.detail.transitions
        reason = Reason(moves[-1].reason) if moves else Reason.BREACHED
        at = moves[-1].at if moves else self.row.breached_at
        move = Transition(self.row.as_alert(), None, at, reason)
        said = self.present.said(move, self.place, language)
        return "" if said == self.row.rule else said

    def plot(self) -> Plot | None:
        """Of the readings around it, or of the day that it is about."""
        alert, evidence = self.detail.alert, self.row.evidence
        if alert.kind in _OF_ONE_DAY:
            start = self._midnight(evidence)
            return plot_of_day(alert, self.monitor, start, self.now) if start else None
        if alert.kind in days_plot.KINDS or alert.kind in _OF_NO_READING:
            return None
        return plot_of_alert(alert, self.monitor, self.now)

    def days(self) -> DaysPlot | None:
        alert = self.detail.alert
        return plot_of_days(
            alert.kind, self.row.evidence, self.facts, self.last, alert.opened_at.date()
        )

    def _midnight(self, evidence: Mapping[str, Any]) -> datetime | None:
        about = day(evidence.get("day"))
        return datetime.combine(about, time(), self.present.zone) if about else None


def alert_shown(context: Context, id: UUID) -> Shown:
    """HTTPException 404 where there is none."""
    detail, now = alerts.detail(context, id), context.present.local(context.now())
    one = detail.alert.monitor_id
    last, days = days_shown(now.date())
    with context.database.transaction() as conn:
        row, monitor = stored.alert(conn, id), fleet.monitor(conn, one)
        places = monitors.places(conn, str(context.config.zone), [one])
        facts = day_facts.load(conn, np.array([one], np.int32), last, days)
    if row is None or monitor is None:
        raise HTTPException(404, "no such alert")
    shown = context.present.monitor(monitor, now)
    return Shown(context.present, now, detail, row, places[0], shown, facts, last)
