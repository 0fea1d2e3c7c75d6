"""MQTT topics: which monitor a message comes from."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST: Final = 64
"""Characters of a district or a monitor's code; HJ 212 allows 24 for an MN."""


class Kind(StrEnum):
    READING = "reading"
    STATUS = "status"
    STRANGE = "strange"


@dataclass(slots=True)
class Source:
    """What a topic names. `number` is the monitor's id in the store, -1 until it is known."""

    kind: Kind
    district: str
    code: str
    number: int = -1

    @property
    def key(self) -> tuple[str, str]:
        return self.district, self.code


@dataclass(frozen=True, slots=True)
class Pattern:
    """A topic filter such as fume/+/+/up: the last + is the monitor, one before it the district.

    With a single + the district is `district`, the same for all.
    """

    levels: tuple[str, ...]
    district: str = ""

    @staticmethod
    def parse(filter_: str, district: str = "") -> "Pattern":
        """Raise ValueError where the filter does not tell the monitor."""
        levels = tuple(filter_.split("/"))
        if "#" in filter_:
            raise ValueError(f"{filter_!r}: '#' does not tell which level is the monitor; use '+'")
        if levels.count("+") not in (1, 2) or any("+" in x and x != "+" for x in levels):
            raise ValueError(
                f"{filter_!r}: one or two levels must be '+' (district, monitor), as in fume/+/+/up"
            )
        return Pattern(levels, district)

    def match(self, topic: str) -> tuple[str, str] | None:
        """(district, monitor), or None where the topic is not of this pattern."""
        levels = topic.split("/")
        if len(levels) != len(self.levels):
            return None
        found = []
        for want, level in zip(self.levels, levels, strict=True):
            if want == "+":
                found.append(level)
            elif want != level:
                return None
        district, code = found if len(found) == 2 else (self.district, found[0])
        return (district, code) if _is_name(code) and len(district) <= LONGEST else None


class Sources(dict[bytes, Source]):
    """A memory of topics: `sources[topic]` parses a topic once."""

    def __init__(self, reading: Pattern, status: Pattern, most: int = 400_000) -> None:
        super().__init__()
        self._reading = reading
        self._status = status
        self._most = most

    def __missing__(self, topic: bytes) -> Source:
        if len(self) >= self._most:  # hostile topics must not fill the memory
            self.clear()
        source = self[topic] = self._parse(topic.decode("utf-8", "replace"))
        return source

    def _parse(self, topic: str) -> Source:
        if key := self._reading.match(topic):
            return Source(Kind.READING, *key)
        if key := self._status.match(topic):
            return Source(Kind.STATUS, *key)
        return Source(Kind.STRANGE, "", topic)


def _is_name(code: str) -> bool:
    return 0 < len(code) <= LONGEST and code.isprintable()
