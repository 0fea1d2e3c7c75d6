"""Payloads into columns of readings. Bad payloads become faults; nothing here raises for them."""

from collections.abc import Sequence

from fumewatch.core.decode.canonical import parse
from fumewatch.core.decode.columns import Columns, Horizon, Names
from fumewatch.core.decode.decoded import Decoded

__all__ = ["Decoded", "Horizon", "decode"]


def decode(
    payloads: Sequence[bytes], monitors: Sequence[str], now: int, horizon: Horizon
) -> Decoded:
    """Read payloads; `monitors[p]` is the code in payload p's topic; `now` in µs UTC.

    1. Payloads into entries: canonical JSON, one object or an array.
    2. Entries into columns: thousandths; MISSING for null, NaN, "", -999 and -9999; channels out of
       their plausible range kept and marked unjudged.
    3. Rows that must not be stored into faults: another monitor's name, an unreadable time or one
       outside the horizon, a state neither on nor off, no channel at all.
    """
    return Decoded.of(Columns.of(parse(payloads)), Names(monitors), now, horizon)
