"""What rules have in common that judge a window of minutes."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Mask
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.sample import Sample
from fumewatch.core.rules.when import Applied
from fumewatch.core.view import View, iso


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Of n monitors: verdict int8 [n]; value and limit float64 [n] in the channel's unit or NaN."""

    verdict: NDArray[np.int8]
    value: NDArray[np.float64]
    limit: NDArray[np.float64]


class MinuteRule(Common):
    """A kind adds how it weighs a window, and what evidence it gives."""

    @abstractmethod
    def weigh(self, view: View, is_firing: Mask) -> Judgement:
        """`judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, view: View, row: int) -> dict[str, Any]:
        """What the verdict on one monitor rests on; fit for JSON, times in ISO UTC."""

    @property
    @abstractmethod
    def own_channels(self) -> frozenset[int]:
        """The channels it judges, without those of `when`."""

    @property
    @abstractmethod
    def minutes_needed(self) -> int:
        """The length of its window."""

    @property
    def channels_needed(self) -> frozenset[int]:
        return self.own_channels | {INDEX[name] for name, _ in self.when.conditions()}

    def judge(self, view: View, is_firing: Mask) -> Judgement:
        """Of all monitors of the view; `is_firing` [n]: it clears only beyond the clear level.

        A monitor that the rule is not about is clear: an alert from when it was resolves.
        """
        found = self.weigh(view, is_firing)
        verdict = np.where(self.when.covers(view), found.verdict, np.int8(Verdict.CLEAR))
        return Judgement(verdict, found.value, found.limit)

    def numbers(self, view: View) -> Judgement:
        """Values and limits for the evidence; made once, though a mass outage asks row by row."""
        return view.remember(
            ("numbers", self), lambda: self.weigh(view, np.zeros(len(view), np.bool_))
        )

    def sample(self, view: View, channel: str) -> Sample:
        """The rule's window of one channel; rules with the same window and `when` share it."""
        key = (channel, self.minutes_needed, self.when, self.missing)
        return view.remember(key, lambda: Sample(view, channel, self.applied(view)))

    def applied(self, view: View) -> Applied:
        return self.when.apply(view, self.minutes_needed, self.missing)


def nothing(n: int) -> Judgement:
    """No data of any of n monitors."""
    unknown = np.full(n, np.nan)
    return Judgement(np.full(n, Verdict.NO_DATA, np.int8), unknown, unknown)


def decide(breach: Mask, known: Mask) -> NDArray[np.int8]:
    """Breach or clear where known, else no data."""
    verdict = np.where(breach, Verdict.BREACH, Verdict.CLEAR)
    return np.where(known, verdict, Verdict.NO_DATA).astype(np.int8)


def window_of(view: View, minutes: int) -> dict[str, str]:
    """The bounds of a window, as evidence."""
    return {"from": view.times(minutes)[0], "to": iso(view.now)}
