"""Single values as devices write them, into numbers in the channel's own unit.

What JSON and HJ 212 have in common: a ChannelMap becomes a reader, compiled once and called for
every value.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.profile import ChannelMap, Profile
from fumewatch.core.decode.scalar import Scalar, is_blank, plain, shown
from fumewatch.core.decode.units import convert
from fumewatch.core.reading import CHANNELS, INDEX

Reader = Callable[[Any], float]
"""A value as written (text, number, true or false, None) → its number in the channel's unit, a
state as 1.0 or 0.0, NaN where it means missing. ValueError says what else it is."""

_MOST: Final = 10_000  # texts that a reader remembers, none longer than this:
_LONGEST: Final = 24


def reader(channel: str, mapping: ChannelMap, missing: Collection[Scalar]) -> Reader:
    """Of a measured channel or of a state, as the channel is."""
    if CHANNELS[INDEX[channel]].is_state:
        return state_reader(channel, mapping, missing)
    return number_reader(channel, mapping, missing)


def text_reader(channel: str, mapping: ChannelMap, missing: Collection[Scalar]) -> Reader:
    """As `reader`, for texts only, also in ASCII bytes; a mere lookup for those seen before."""
    read = reader(channel, mapping, missing)
    return _Seen(lambda text: read(text if isinstance(text, str) else text.decode())).__getitem__


def number_reader(channel: str, mapping: ChannelMap, missing: Collection[Scalar]) -> Reader:
    """`missing` is compared with the number as written, before scale, offset and unit."""
    factor, shift = convert(channel, mapping.unit)
    scale, offset = mapping.scale * factor, mapping.offset * factor + shift
    words = {plain(word) for word in missing}
    absent = frozenset(word for word in words if isinstance(word, float)) | {inf, -inf}

    def work_out(raw: str | float) -> float:
        try:
            number = float(raw)
        except OverflowError:
            return nan
        except ValueError:
            return _of_no_number(raw, words)
        return nan if number in absent else number * scale + offset

    def of_text(text: str) -> float:
        return work_out(text) if "_" not in text else _of_no_number(text, words)  # float("1_000")

    seen = _Seen(of_text)

    def read(raw: Any) -> float:
        if type(raw) is str:
            return seen[raw]
        if type(raw) is float or type(raw) is int:
            return work_out(raw)
        return _of_no_number(raw, words)

    return read


class _Seen(dict[str | bytes, float]):
    """Texts and their numbers: devices repeat themselves, and looking up costs less than float().

    Bounded, because what devices send is not ours to trust.
    """

    def __init__(self, work_out: Callable[[Any], float]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str | bytes) -> float:
        number = self._work_out(text)
        if len(text) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[text] = number
        return number


def _of_no_number(raw: Any, words: Collection[float | str]) -> float:
    if is_blank(raw) or (isinstance(raw, str) and plain(raw) in words):
        return nan
    raise ValueError(f"{shown(raw)} is no number")


def state_reader(_channel: str, mapping: ChannelMap, missing: Collection[Scalar]) -> Reader:
    """Values are compared as `plain` has them; a text is looked up as written first."""
    known: dict[Any, float] = {None: nan, "": nan}
    for words, meaning in ((missing, nan), (mapping.off, 0.0), (mapping.on, 1.0)):
        for word in words:
            known.update(dict.fromkeys(_spellings(word), meaning))

    def read(raw: Any) -> float:
        try:
            return known[raw]
        except (KeyError, TypeError):
            return _of_no_state(raw, known, mapping)

    return read


def _spellings(word: Scalar) -> Iterable[float | str]:
    normal = plain(word)
    yield normal
    if isinstance(word, str):
        yield word
    if isinstance(normal, float) and normal.is_integer():
        yield str(int(normal))


def _of_no_state(raw: Any, known: dict[Any, float], mapping: ChannelMap) -> float:
    if is_blank(raw) or (isinstance(raw, float) and not isfinite(raw)):
        return nan
    found = known.get(plain(raw)) if isinstance(raw, (bool, int, float, str)) else None
    if found is not None:
        return found
    on, off = (" or ".join(map(_told, words)) for words in (mapping.on, mapping.off))
    raise ValueError(f"{shown(raw)} is neither on ({on}) nor off ({off})")


def _told(word: Scalar) -> str:
    return word if isinstance(word, str) else shown(word)


@dataclass(frozen=True, slots=True)
class Derived:
    """Channel `state` is on while channel `source` is above `above`, in its unit."""

    state: int
    source: int
    above: float


def derivations(profile: Profile) -> tuple[Derived, ...]:
    return tuple(
        Derived(INDEX[name], INDEX[mapping.derived_from], mapping.above)
        for name, mapping in profile.channel.items()
        if mapping.derived_from
    )


def derive(numbers: NDArray[np.float64], derivations: Iterable[Derived]) -> None:
    """Fill in float64 [10, n], in place, the states that the payloads did not tell themselves.

    What is out of its plausible range tells nothing.
    """
    for each in derivations:
        state, source = numbers[each.state], numbers[each.source]
        known = CHANNELS[each.source]
        is_plausible = (source >= known.low) & (source <= known.high)  # NaN is not
        np.copyto(state, source > each.above, where=np.isnan(state) & is_plausible)
