"""What all rules have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.alert import Policy, RuleFacts, Severity, Verdict
from fumewatch.core.arrays import Mask
from fumewatch.core.duration import Duration
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.sample import Sample
from fumewatch.core.rules.when import Applied, Missing, When
from fumewatch.core.view import View, iso

Language = Literal["zh", "en"]
LONGEST_WINDOW: Final = timedelta(hours=4)
"""Longer windows would cost memory for each monitor; days are the business of reports."""
SHORTEST_WINDOW: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Of n monitors: verdict int8 [n]; value and limit float64 [n] in the channel's unit or NaN."""

    verdict: NDArray[np.int8]
    value: NDArray[np.float64]
    limit: NDArray[np.float64]


class Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Common(BaseModel, ABC):
    """The fields of every rule. A kind adds how it weighs a window, and what evidence it gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    CHECKS: ClassVar[tuple[Text, ...]] = ()
    """What to look at on site."""

    kind: str
    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        max_length=60,
        description="its name in topics, messages and links: lower case, digits and dashes",
    )
    severity: Severity = Field(Severity.WARNING, description="info, warning or critical")
    hold: Duration = Field(
        timedelta(0),
        alias="for",
        ge=timedelta(0),
        description="how long the breach must last before the alert fires",
    )
    keep_firing_for: Duration = Field(
        timedelta(0), ge=timedelta(0), description="how long clear must last before it resolves"
    )
    when: When = Field(When(), description="to which monitors and in which minutes it applies")
    missing: Missing = Field(
        "skip",
        description="a when on a channel that a monitor never reports: leave it out, or no data",
    )
    text: Text | None = Field(
        None, alias="title", description='what people call it: { zh = "...", en = "..." }'
    )

    @abstractmethod
    def weigh(self, view: View, is_firing: Mask) -> Judgement:
        """`judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, view: View, row: int) -> dict[str, Any]:
        """What the verdict on one monitor rests on; fit for JSON, times in ISO UTC."""

    @abstractmethod
    def default_title(self) -> Text:
        """What people call rules of this kind."""

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

    @property
    def facts(self) -> RuleFacts:
        return RuleFacts(self.id, self.kind, self.severity, self.policy)

    @property
    def policy(self) -> Policy:
        return Policy(self.hold, self.keep_firing_for)

    def title(self, language: Language) -> str:
        return (self.text or self.default_title()).of(language)

    def checks(self, language: Language) -> tuple[str, ...]:
        return tuple(check.of(language) for check in self.CHECKS)

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


def number(value: float, digits: int = 3) -> float | None:
    """As JSON can carry it."""
    return round(float(value), digits) if np.isfinite(value) else None
