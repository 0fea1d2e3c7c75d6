"""Where messages come from: topic → monitor, and the profile by which its payloads are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.profile import Match
from fumewatch.core.site import Place
from fumewatch.core.topic import Key, Pattern, covers

ECHO: Final = "fumewatch/echo/"
"""What begins so is a daemon's own: it proves that messages come through, and says nothing else."""
STATUSES: Final = (b"online", b"offline")
"""What a status may say."""
_NOWHERE: Final = Place(-1, "", "")


class Kind(StrEnum):
    READING = "reading"
    STATUS = "status"
    ECHO = "echo"
    STRANGE = "strange"


@dataclass(slots=True)
class Source:
    """What a topic names. `number` is the monitor's id in the store, -1 until it is known.

    `code` is "" where the payload has to say which monitor it is of. `decoder`: of a reading's.
    """

    kind: Kind
    district: str
    code: str
    number: int = -1
    decoder: Decoder | None = None

    @property
    def key(self) -> Key:
        return self.district, self.code

    @property
    def profile(self) -> str:
        """The name of the profile that reads it, "" where none does."""
        return self.decoder.profile.name if self.decoder else ""


class Sources(dict[bytes, Source]):
    """A memory of topics: `sources[topic]` parses a topic once.

    The first decoder wins whose topic and match fit; a profile without a topic of its own is for
    the common one, `reading`.
    """

    def __init__(
        self,
        reading: Pattern,
        status: Pattern,
        decoders: Sequence[Decoder],
        most: int = 400_000,
    ) -> None:
        super().__init__()
        self._ways = [(decoder.pattern or reading, decoder) for decoder in decoders]
        self._status = status
        self._most = most
        self._places: dict[Key, Place] = {}
        self._named: dict[Key, Source] = {}
        self._by_facts = any(_needs_facts(decoder.profile.match) for decoder in decoders)

    @property
    def filters(self) -> list[str]:
        """What to subscribe to, each once, and none that another covers: it would come twice."""
        patterns = [*(pattern for pattern, _ in self._ways), self._status]
        filters = list(dict.fromkeys(pattern.filter for pattern in patterns))
        return [one for one in filters if not any(covers(other, one) for other in filters)]

    @property
    def last(self) -> Decoder:
        """The decoder of what no other takes."""
        return self._ways[-1][1]

    def learn(self, places: Iterable[Place]) -> None:
        """Vendors, models and tags may choose the profile: what is remembered may be wrong now."""
        if not self._by_facts:
            return
        known = {(place.district, place.code): place for place in places}
        if known != self._places:
            self._places = known
            self.clear()

    def of(self, sender: Source, code: str) -> Source:
        """The monitor that a payload from `sender` names; "" is the topic's own."""
        if not code or code == sender.code:
            return sender
        key = sender.district, code
        if key not in self._named:
            if len(self._named) >= self._most:
                self._named.clear()
            self._named[key] = Source(Kind.READING, *key)
        return self._named[key]

    def __missing__(self, topic: bytes) -> Source:
        if len(self) >= self._most:  # hostile topics must not fill the memory
            self.clear()
        source = self[topic] = self._parse(topic.decode("utf-8", "replace"))
        return source

    def _parse(self, topic: str) -> Source:
        if topic.startswith(ECHO):
            return Source(Kind.ECHO, "", "")
        if key := self._status.match(topic):
            return Source(Kind.STATUS, *key)
        for pattern, decoder in self._ways:
            key = pattern.match(topic)
            if key is not None and _takes(decoder.profile.match, key, self._places):
                return Source(Kind.READING, *key, decoder=decoder)
        return Source(Kind.STRANGE, "", topic)


def _needs_facts(match: Match) -> bool:
    return bool(match.vendor or match.model or match.tags)


def _takes(match: Match, key: Key, places: dict[Key, Place]) -> bool:
    place = places.get(key, _NOWHERE)
    wanted = (
        (match.district, (key[0],)),
        (match.vendor, (place.vendor,)),
        (match.model, (place.model,)),
        (match.tags, place.tags),
    )
    return all(not names or set(names) & set(has) for names, has in wanted)
