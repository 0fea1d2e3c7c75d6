"""Which monitors a [[class]] or a [[pause]] is about: all that is named must fit, each by one."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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

    def fits(self, place: Place) -> bool:
        return all(not names.isdisjoint(_FACTS[key](place)) for key, names in self.wanted)

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
