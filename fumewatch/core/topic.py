"""MQTT topics: which monitor a message comes from, and where its answers go."""

from dataclasses import dataclass
from typing import Final

LONGEST: Final = 64
"""Characters of a district or a monitor's code; HJ 212 allows 24 for an MN."""

DISTRICT: Final = "{district}"
MONITOR: Final = "{monitor}"
_ANY: Final = "+"
_UNFIT: Final = frozenset("+#/")

Key = tuple[str, str]
"""(district, monitor's code)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A topic template: {district}, {monitor}, + for any other level, or the level itself."""

    levels: tuple[str, ...]
    district: str = ""

    @staticmethod
    def parse(template: str, district: str = "", *, names_monitor: bool = True) -> "Pattern":
        """A template, or a plain filter: there the last + is the monitor, one before it the
        district. Without a level for it the district is `district`, the same for all.

        Raise ValueError where it does not tell the monitor, unless that is not asked of it.
        """
        levels = tuple(template.split("/"))
        if "#" in template:
            raise ValueError(f"{template!r}: '#' does not tell which level is the monitor; use '+'")
        if any(set("+{}") & set(x) and x not in (_ANY, DISTRICT, MONITOR) for x in levels):
            raise ValueError(
                f"{template!r}: a level is '+', '{DISTRICT}', '{MONITOR}' or plain text"
            )
        named = levels.count(MONITOR), levels.count(DISTRICT)
        if max(named) > 1:
            raise ValueError(f"{template!r} names the monitor or the district twice; use '+'")
        if named == (0, 0) and names_monitor:
            return Pattern(_name_pluses(template, levels), district)
        if names_monitor and named[0] == 0:
            raise ValueError(f"{template!r} has no level '{MONITOR}'; '+' only stands for others")
        return Pattern(levels, district)

    @property
    def filter(self) -> str:
        """What to subscribe to."""
        return "/".join(_ANY if level in (DISTRICT, MONITOR) else level for level in self.levels)

    def match(self, topic: str) -> Key | None:
        """(district, monitor), or None where the topic is not of this pattern.

        The monitor is "" where the pattern does not name it.
        """
        levels = topic.split("/")
        if len(levels) != len(self.levels):
            return None
        district, code = self.district, ""
        for want, level in zip(self.levels, levels, strict=True):
            if want == MONITOR:
                code = level
            elif want == DISTRICT:
                district = level
            elif want not in (_ANY, level):
                return None
        if MONITOR in self.levels and not is_code(code):
            return None
        return (district, code) if len(district) <= LONGEST else None


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic of the filter `narrow` is one of `wide` too, and not the reverse."""
    pairs = list(zip(wide.split("/"), narrow.split("/"), strict=False))
    is_as_long = wide.count("/") == narrow.count("/")
    return is_as_long and wide != narrow and all(a in (_ANY, b) for a, b in pairs)


def is_code(code: str) -> bool:
    """Fit to be a monitor's code, and to stand in a topic."""
    is_text = 0 < len(code) <= LONGEST and code.isprintable() and code == code.strip()
    return is_text and not _UNFIT & set(code)


def fill(template: str, district: str, code: str) -> str | None:
    """The topic of one monitor; None where its name cannot stand in a topic."""
    names = {DISTRICT: district, MONITOR: code}
    if not all(name and name.isprintable() and not _UNFIT & set(name) for name in names.values()):
        return None
    return "/".join(names.get(level, level) for level in template.split("/"))


def _name_pluses(filter_: str, levels: tuple[str, ...]) -> tuple[str, ...]:
    pluses = [place for place, level in enumerate(levels) if level == _ANY]
    if len(pluses) not in (1, 2):
        raise ValueError(
            f"{filter_!r}: one or two levels must be '+' (district, monitor), as in fume/+/+/up"
        )
    names = dict(zip(reversed(pluses), (MONITOR, DISTRICT), strict=False))
    return tuple(names.get(place, level) for place, level in enumerate(levels))
