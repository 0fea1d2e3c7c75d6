"""What a notification tells of: a transition, where it happened, and the rule that saw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Reason, Transition
from fumewatch.core.site import Place
from fumewatch.core.words import Language

Facts = dict[str, str]
"""By name, as words; empty where a fact is not known."""


class SpokenRule(Protocol):
    """What a rule says of itself."""

    def title(self, language: Language) -> str: ...

    def checks(self, language: Language) -> Sequence[str]:
        """What to look at on site."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    transition: Transition
    place: Place
    rule: SpokenRule | None
    link: str
    zone: ZoneInfo

    @property
    def alert(self) -> Alert:
        return self.transition.alert

    @property
    def stage(self) -> str:
        """What the words are chosen by: the state, or how it came to its end."""
        match self.transition.reason:
            case Reason.RULE_REMOVED:
                return "removed"
            case Reason.CLEARED_EARLY:
                return "unfired"
            case _:
                return self.alert.state.value
