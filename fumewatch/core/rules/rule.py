"""What all rules have in common."""

import math
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.alert import Policy, RuleFacts, Severity
from fumewatch.core.duration import Duration
from fumewatch.core.rules.when import Missing, When

Language = Literal["zh", "en"]
LONGEST_WINDOW: Final = timedelta(hours=4)
"""Longer windows would cost memory for each monitor; days are the business of reports."""
SHORTEST_WINDOW: Final = timedelta(minutes=1)


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
    def default_title(self) -> Text:
        """What people call rules of this kind."""

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


def number(value: float, digits: int = 3) -> float | None:
    """As JSON can carry it."""
    return round(float(value), digits) if math.isfinite(value) else None
