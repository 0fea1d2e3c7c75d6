"""A monitor is silent: it neither measures nor beats."""

from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.arrays import Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.roster import NEVER
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.rule import Text, number
from fumewatch.core.view import MINUTE, View, iso

_minute = timedelta(minutes=1)


class Absence(MinuteRule):
    """Breach: no sign of life for `in_hours` of the current business hours, or `out_of_hours`.

    A reading is a sign of life, and so is a heartbeat (HJ 212, 9015): silence counts from the later
    of the two, as this rule is about the link. Who beats and measures nothing is not offline; the
    fleet shows it as stale.

    Silence before the site opened does not count for `in_hours`, so a site that cuts its power at
    night raises nothing in the morning. Once the broker has told, since the site opened, of a lost
    connection (last will), `after_last_will` stands for `in_hours`. A firing alert clears only when
    the monitor measures or beats again: a connection alone is no sign of life. A monitor that was
    never heard of is no data; one that nobody has assigned is judged.
    """

    CHECKS: ClassVar = (
        Text(zh="监测仪电源与网络", en="the monitor's power and network"),
        Text(zh="是否人为断电或拆除", en="was it switched off or taken down"),
    )

    kind: Literal["absence"]
    in_hours: Duration = Field(
        timedelta(minutes=30), ge=_minute, description="silence within business hours"
    )
    out_of_hours: Duration = Field(
        timedelta(hours=24), ge=_minute, description="silence at any time"
    )
    after_last_will: Duration | None = Field(
        None, ge=_minute, description="in place of in_hours after a last will (default: no change)"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.when.has_minutes:
            raise ValueError("when can hold tags, streets and districts only: there are no minutes")
        return self

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset()

    @property
    def minutes_needed(self) -> int:
        return 1

    def default_title(self) -> Text:
        return Text(zh="监测仪离线", en="monitor offline")

    def weigh(self, view: View) -> Judgement:
        silence, open_for = silence_of(view), view.open_for[-view.k :]
        allowed = self._allowed_in_hours(view)
        always = self.out_of_hours / _minute
        opens = (np.minimum(silence, open_for) >= allowed) | (silence >= always)
        stays = silence >= self._shortest
        limit = np.where((open_for > 0) | ~opens, allowed, always)
        known = ~np.isnan(silence) & ~view.paused[-view.k :]
        return decide(opens, stays, known, silence, limit)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        found = self.numbers(view)
        will = view.roster.will_at[view.rows[row]]
        return {
            "unit": "min",
            "value": number(found.value[instant, row], 1),
            "limit": number(found.limit[instant, row], 1),
            "last_measured": _instant(view.last_measured[instant, row]),
            "last_heartbeat": _instant(view.last_heard[row]),
            "last_will": _instant(will),
            "open_for_minutes": int(view.open_for[instant - view.k, row]),
            "at": iso(int(view.now[instant])),
            "skipped": [],
        }

    @property
    def _shortest(self) -> float:
        """Minutes. A connection that is back is no sign of life yet."""
        return min(self.in_hours, self.after_last_will or self.in_hours) / _minute

    def _allowed_in_hours(self, view: View) -> Numbers:
        """[k, n], minutes."""
        will_at = view.roster.will_at[view.rows]
        opened_at = view.now[:, None] - view.open_for[-view.k :].astype(np.int64) * MINUTE
        is_lost = will_at >= np.maximum(alive_at(view), opened_at)
        shorter = self.after_last_will or self.in_hours
        return np.where(is_lost, shorter / _minute, self.in_hours / _minute)


def _instant(at: np.int64) -> str | None:
    return None if at == NEVER else iso(int(at))


def alive_at(view: View) -> NDArray[np.int64]:
    """[k, n], µs: the last sign of life."""
    return np.maximum(view.last_measured, view.last_heard)


def silence_of(view: View) -> Numbers:
    """[k, n], minutes since the last sign of life, 0 at least; NaN where there never was one."""
    alive, now = alive_at(view), view.now[:, None]
    since = np.maximum(now - np.where(alive == NEVER, now, alive), 0)
    return np.where(alive == NEVER, np.nan, since / MINUTE)
