"""What is plotted of an alert: one channel of its monitor over some hours, and its caption."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from fumewatch.core.phrases import show_number
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.words import Language

_CAPTIONS: Final[Mapping[Language, tuple[str, ...]]] = {
    "zh": (
        "{channel}，{first} 至 {last}",
        "实线为新测值",
        "虚线为未刷新的保持值",
        "红线为限值 {limit}",
        "浅红区为预警时段",
    ),
    "en": (
        "{channel}, {first} to {last}",
        "solid: measured",
        "dotted: held, not measured anew",
        "red line: level {limit}",
        "shaded: the early warning",
    ),
}


@dataclass(frozen=True, slots=True)
class Curve:
    """`at`, `values` and `fresh` belong together, in order of time; None: no value to judge.

    limit: in the channel's unit; None: there is none. opened_at, closed_at: of the alert; None:
    it goes on.
    """

    channel: str
    at: tuple[datetime, ...]
    values: tuple[float | None, ...]
    fresh: tuple[bool, ...]
    limit: float | None
    opened_at: datetime
    closed_at: datetime | None = None

    @property
    def unit(self) -> str:
        return CHANNELS[INDEX[self.channel]].unit

    def caption(self, language: Language, zone: tzinfo) -> str:
        """Of what can be seen in it only."""
        what = CHANNELS[INDEX[self.channel]]
        name = what.zh if language == "zh" else what.en
        start, end = self.at[0].astimezone(zone), self.at[-1].astimezone(zone)
        is_one_day = start.date() == end.date()
        first = f"{start:%m-%d %H:%M}"
        last = f"{end:%H:%M}" if is_one_day else f"{end:%m-%d %H:%M}"
        span, solid, dotted, level, shaded = _CAPTIONS[language]
        is_held = any(v is not None and not f for v, f in zip(self.values, self.fresh, strict=True))
        parts = [
            span.format(channel=f"{name} ({what.unit})", first=first, last=last),
            *([solid, dotted] if is_held else []),
            *([level.format(limit=show_number(self.limit, what.unit))] if self.limit else []),
            shaded,
        ]
        return ("；" if language == "zh" else "; ").join(parts)
