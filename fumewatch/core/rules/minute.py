"""What rules have in common that judge a window of minutes."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from fumewatch.core.alert import Verdict
from fumewatch.core.judgement import Judgement
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.sample import Sample
from fumewatch.core.rules.when import Applied
from fumewatch.core.view import View, iso

T = TypeVar("T")


class MinuteRule(Common):
    """A kind adds how it weighs a window, and what evidence it gives."""

    WHOLE_FLEET: ClassVar = False
    """It compares monitors with each other: its view must have all of them."""

    @abstractmethod
    def weigh(self, view: View) -> Judgement:
        """`judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        """What the verdict on one monitor at one instant (index into `view.now`) rests on.

        Fit for JSON, times in ISO UTC.
        """

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

    def judge(self, view: View) -> Judgement:
        """Of all monitors of the view at all its instants.

        A monitor that the rule is not about is clear: an alert from when it was resolves.
        """
        found = self.numbers(view)
        if self.when.covers_all:
            return found
        covered, clear = self.when.covers(view), np.int8(Verdict.CLEAR)
        opens = np.where(covered, found.opens, clear)
        return Judgement(opens, np.where(covered, found.stays, clear), found.value, found.limit)

    def numbers(self, view: View) -> Judgement:
        """What `weigh` gives; made once, though evidence asks row by row."""
        return self.remembered(view, "numbers", lambda: self.weigh(view))

    def sample(self, view: View, channel: str) -> Sample:
        """The rule's windows of one channel; rules with the same window and `when` share them."""

        def make() -> Sample:
            key = (channel, self.minutes_needed, self.when, self.missing)
            return view.remember(
                key, lambda: Sample(view, channel, self.minutes_needed, self.applied(view))
            )

        return self.remembered(view, channel, make)

    def applied(self, view: View) -> Applied:
        return self.when.apply(view, self.minutes_needed, self.missing)

    def remembered(self, view: View, what: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this rule and view.

        By the rule's identity: to hash all its fields would cost more than an alert's evidence. It
        is kept with the rest, so that no other rule takes its place.
        """
        _, found = view.remember((what, id(self)), lambda: (self, make()))
        return found


def window_of(view: View, minutes: int, instant: int) -> dict[str, str]:
    """The bounds of a window, as evidence."""
    rows = view.span(minutes, instant)
    return {"from": view.times(rows)[0], "to": iso(int(view.now[instant]))}
