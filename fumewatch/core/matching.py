"""Which monitors a [[class]] or a [[pause]] is about: all that is named must fit, each by one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fumewatch.core.arrays import Mask
from fumewatch.core.routing import Strings, listed
from fumewatch.core.site import Place

Size = Literal["small", "medium", "large"]
Sizes = Annotated[tuple[Size, ...], BeforeValidator(listed), Field(min_length=1)]

_FACTS: Final[Mapping[str, Callable[[Place], Iterable[str]]]] = {
    "size_class": lambda place: (place.size_class,),
    "tags": lambda place: place.tags,
    "streets": lambda place: (place.street,),
    "districts": lambda place: (place.district,),
    "sites": lambda place: (place.site_code, place.site),
    "vendors": lambda place: (place.vendor,),
    "monitors": lambda place: (place.code, f"{place.district}/{place.code}"),
}


class _Match(BaseModel):
    """A key that is not given fits every monitor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def wanted(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The keys that are given."""
        return tuple((key, frozenset(names)) for key, names in self if names)

    def takes_all_of(self, other: Self) -> bool:
        """Whatever fits the other fits this one."""
        theirs = dict(other.wanted)
        return all(key in theirs and theirs[key] <= names for key, names in self.wanted)


class ClassMatch(_Match):
    size_class: Sizes = ()
    tags: Strings = ()
    streets: Strings = ()
    districts: Strings = ()


class PauseMatch(_Match):
    """`sites`: codes, names; of a shared flue the responsible site's. `monitors`: M1, xuhui/M1."""

    sites: Strings = ()
    streets: Strings = ()
    districts: Strings = ()
    tags: Strings = ()
    vendors: Strings = ()
    monitors: Strings = ()


class Facts:
    """What is known of places, by monitor number below `size`, to match all of them at once."""

    def __init__(self, places: Sequence[Place], size: int) -> None:
        self.size = size
        self._places = places
        self._monitors: dict[str, dict[str, list[int]]] = {}

    def fitting(self, match: _Match) -> Mask:
        """bool [size]; of a number that no place has nothing is known."""
        found = np.ones(self.size, np.bool_)
        for key, names in match.wanted:
            with_one = np.zeros(self.size, np.bool_)
            monitors = self._with_any(key)
            for name in names:
                with_one[monitors.get(name, [])] = True
            found &= with_one
        return found

    def _with_any(self, key: str) -> Mapping[str, list[int]]:
        """By fact, the monitors that have it; made once, and only for keys that are asked for."""
        if key not in self._monitors:
            monitors = self._monitors[key] = {}
            for place in self._places:
                for fact in _FACTS[key](place):
                    monitors.setdefault(fact, []).append(place.monitor)
        return self._monitors[key]
