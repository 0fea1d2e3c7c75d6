"""The purifier is off while the fan runs."""

from datetime import timedelta
from itertools import compress
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fumewatch.core import rolling
from fumewatch.core.arrays import Mask
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.minute import MinuteRule, window_of
from fumewatch.core.rules.rule import LONGEST_WINDOW, SHORTEST_WINDOW, Text
from fumewatch.core.view import View

_FAN = INDEX["fan_on"]
_PURIFIER = INDEX["purifier_on"]


class Linkage(MinuteRule):
    """Breach: the purifier was off in at least `at_least` minutes of the window with the fan on.

    Only minutes with both states count: a gap is not running time. A firing alert clears when there
    are fewer, and the last minute that is known is not one of them. A window without a state is no
    data.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器电源与联动开关", en="the purifier's power and its link to the fan"),
        Text(zh="净化器是否停用或损坏", en="is the purifier out of use or broken"),
        Text(zh="运行台账记录", en="the ledger of its operation"),
    )

    kind: Literal["linkage"]
    window: Duration = Field(
        timedelta(minutes=20),
        ge=SHORTEST_WINDOW,
        le=LONGEST_WINDOW,
        description="how far back it looks",
    )
    at_least: Duration = Field(
        timedelta(minutes=10),
        ge=timedelta(minutes=1),
        description="time with the fan on and the purifier off that makes a breach",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least > self.window:
            raise ValueError("at_least is longer than the window")
        return self

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset({_FAN, _PURIFIER})

    @property
    def minutes_needed(self) -> int:
        return whole_minutes(self.window)

    def default_title(self) -> Text:
        return Text(zh="风机运行时净化器未开启", en="purifier off while the fan runs")

    def weigh(self, view: View) -> Judgement:
        known, off = self._minutes(view)
        window = self.minutes_needed
        value = rolling.counts(off, window)
        least = whole_minutes(self.at_least)
        still_off = rolling.last(off, known)[-view.k :]
        has_any = rolling.counts(known, window) > 0
        judged = has_any & ~self.applied(view).unknown
        return decide(value >= least, still_off & has_any, judged, value.astype(np.float64), least)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        known, off = self._minutes(view)
        window = slice(instant, instant + self.minutes_needed)
        times = view.times(view.span(self.minutes_needed, instant))
        return {
            "unit": "min",
            "window": window_of(view, self.minutes_needed, instant),
            "value": int(off[window, row].sum()),
            "limit": whole_minutes(self.at_least),
            "times": list(compress(times, off[window, row])),
            "minutes_known": int(known[window, row].sum()),
            "skipped": self.applied(view).skipped_at(instant, row),
        }

    def _minutes(self, view: View) -> tuple[Mask, Mask]:
        """[w - 1 + k, n]: minutes with known linkage; those with fan on, purifier off."""
        return self.remembered(view, "minutes", lambda: self._find_minutes(view))

    def _find_minutes(self, view: View) -> tuple[Mask, Mask]:
        fan, purifier = view.channel(_FAN), view.channel(_PURIFIER)
        reach, applies = view.reach(self.minutes_needed), self.applied(view).minutes
        runs = fan.is_on[reach]
        known = fan.present[reach] & (purifier.present[reach] | ~runs)
        return known, known & runs & ~purifier.is_on[reach] & applies
