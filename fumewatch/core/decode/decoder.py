"""A profile at work: payloads of one model of monitor, JSON or HJ 212, into readings."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fumewatch.core.decode.canonical import parse
from fumewatch.core.decode.columns import Columns, Horizon, Names
from fumewatch.core.decode.decoded import Decoded
from fumewatch.core.decode.hj212.translate import Translator
from fumewatch.core.decode.mapped import Mapped
from fumewatch.core.decode.profile import Profile
from fumewatch.core.topic import Pattern

_JSON_STARTS: Final = (b"{", b"[")


class Decoder:
    """Built once for a profile. For one thread: it remembers how frames are laid out."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.pattern = _pattern(profile)
        """The profile's own topic, None where it is for the common one."""
        self._mapped = None if profile.is_canonical else Mapped(profile)
        self._translator = Translator(profile)

    @property
    def key_of(self) -> Callable[[str], bytes | None] | None:
        """MN → its SM4 key; None where the profile has no keys."""
        return self._translator.key_of

    def decode(
        self,
        payloads: Sequence[bytes],
        monitors: Sequence[str],
        now: int,
        horizon: Horizon,
        received: Sequence[int] | None = None,
    ) -> Decoded:
        """Read payloads; `monitors[p]` is the code in payload p's topic, "" where that tells none;
        `now` in µs UTC; `received[p]` is when payload p came, where that was not now.

        1. Payloads into columns: canonical JSON, JSON by the profile's paths, HJ 212 by its codes.
           Thousandths; MISSING for null, NaN, "" and what the profile calls missing; channels out
           of their plausible range or with a flag that is not N are kept and marked unjudged.
        2. Rows that must not be stored into faults: another monitor's name, an unreadable time or
           one outside the horizon, a state neither on nor off, no channel at all.
        """
        received = received or [now] * len(payloads)
        frames = self._frames(payloads)
        if not frames:
            return self._judged(self._json(payloads, received), monitors, now, horizon)
        if len(frames) == len(payloads):
            columns = self._translator.columns(payloads, monitors)
            return self._judged(columns, monitors, now, horizon)
        chosen = set(frames)
        rest = [place for place in range(len(payloads)) if place not in chosen]
        parts = [(self, frames), (self, rest)]
        return _apart(parts, payloads, monitors, now, horizon, received)

    def _frames(self, payloads: Sequence[bytes]) -> Sequence[int]:
        """Which payloads are HJ 212."""
        match self.profile.format:
            case "json":
                return ()
            case "hj212":
                return range(len(payloads))
            case "auto":
                return [
                    place
                    for place, payload in enumerate(payloads)
                    if payload[:2] == b"##" or is_frame(payload)
                ]

    def _json(self, payloads: Sequence[bytes], received: Sequence[int]) -> Columns:
        if self._mapped is None:
            return Columns.of(parse(payloads))
        return self._mapped.columns(payloads, received)

    def _judged(
        self, columns: Columns, monitors: Sequence[str], now: int, horizon: Horizon
    ) -> Decoded:
        profile = self.profile
        must = profile.monitor_from == "payload"
        names = Names(monitors, agree=not must and profile.other_monitor == "refuse", must=must)
        is_named = must or not any(monitors)
        decoded = Decoded.of(columns, names, now, horizon, named=is_named)
        decoded.oddities.update(
            {(profile.name, oddity): count for oddity, count in columns.oddities.items()}
        )
        return decoded


def decode_each(
    decoders: Sequence[Decoder],
    payloads: Sequence[bytes],
    monitors: Sequence[str],
    now: int,
    horizon: Horizon,
    received: Sequence[int] | None = None,
) -> Decoded:
    """As Decoder.decode, each payload by its own decoder; nearly every batch has only one."""
    kinds = list(dict.fromkeys(decoders))
    if len(kinds) == 1:
        return kinds[0].decode(payloads, monitors, now, horizon, received)
    parts = [(kind, [i for i, each in enumerate(decoders) if each is kind]) for kind in kinds]
    return _apart(parts, payloads, monitors, now, horizon, received or [now] * len(payloads))


def _apart(
    parts: Sequence[tuple[Decoder, Sequence[int]]],
    payloads: Sequence[bytes],
    monitors: Sequence[str],
    now: int,
    horizon: Horizon,
    received: Sequence[int],
) -> Decoded:
    """Some of the payloads by one decoder, some by another, put together again."""
    decoded = [
        decoder.decode(
            [payloads[place] for place in places],
            [monitors[place] for place in places],
            now,
            horizon,
            [received[place] for place in places],
        )
        for decoder, places in parts
    ]
    places = [np.array(places, np.intp) for _, places in parts]
    return Decoded.joined(list(zip(places, decoded, strict=True)))


def is_frame(payload: bytes) -> bool:
    """HJ 212, perhaps with something before its ##; what begins like JSON is JSON."""
    if payload[:1] in _JSON_STARTS:
        return False
    start = payload.lstrip()
    return start[:1] not in _JSON_STARTS and b"##" in start


def _pattern(profile: Profile) -> Pattern | None:
    if not profile.topic:
        return None
    return Pattern.parse(
        profile.topic, profile.district, names_monitor=profile.monitor_from == "topic"
    )
