"""The purifier is off while the fan runs."""

from datetime import timedelta
from itertools import compress
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, count_true
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.minute import Judgement, MinuteRule, decide, window_of
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

    def weigh(self, view: View, is_firing: Mask) -> Judgement:
        known, off = self._minutes(view)
        value = count_true(off)
        least = whole_minutes(self.at_least)
        still_off = np.take_along_axis(off, _last_of(known)[None, :], axis=0)[0]
        breach = (value >= least) | (is_firing & still_off)
        verdict = decide(breach, known.any(axis=0) & ~self.applied(view).unknown)
        return Judgement(verdict, value.astype(np.float64), np.full(len(view), float(least)))

    def evidence(self, view: View, row: int) -> dict[str, Any]:
        known, off = self._minutes(view)
        return {
            "unit": "min",
            "window": window_of(view, self.minutes_needed),
            "value": int(off[:, row].sum()),
            "limit": whole_minutes(self.at_least),
            "times": list(compress(view.times(self.minutes_needed), off[:, row])),
            "minutes_known": int(known[:, row].sum()),
            "skipped": self.applied(view).skipped_at(row),
        }

    def _minutes(self, view: View) -> tuple[Mask, Mask]:
        """[k, n]: minutes in which the linkage is known; those with fan on, purifier off."""
        return view.remember(("minutes", self), lambda: self._find_minutes(view))

    def _find_minutes(self, view: View) -> tuple[Mask, Mask]:
        fan, purifier = view.channel(_FAN), view.channel(_PURIFIER)
        last, applies = self.minutes_needed, self.applied(view).minutes
        runs = fan.is_on[-last:]
        known = fan.present[-last:] & (purifier.present[-last:] | ~runs)
        return known, known & runs & ~purifier.is_on[-last:] & applies


def _last_of(known: Mask) -> Any:
    """[n]: the last minute that is known; 0 where none is."""
    k = len(known)
    return np.where(known.any(axis=0), k - 1 - known[::-1].argmax(axis=0), 0)
