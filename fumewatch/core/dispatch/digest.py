"""Digests: a list at a fixed time of day."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fumewatch.core.routing import Matchers, Strings, listed


class Digest(Matchers):
    """One [[digest]]: sent at `at`, site time of the configured zone, on these kinds of days.

    of: "open": what fires now, the worst first; "day": what fired and ended since the one before.
    """

    name: str = Field(min_length=1, max_length=64)
    receiver: Strings
    at: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    days: Annotated[
        tuple[Literal["workday", "weekend", "holiday"], ...], BeforeValidator(listed)
    ] = ("workday", "weekend", "holiday")
    of: Literal["open", "day"] = "open"
    empty: bool = False
    """Sent even where there is nothing to list."""
