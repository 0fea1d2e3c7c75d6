"""Series in a compact notation, for tests of rules: `0.4x10 _x5 1.3x12`.

Items are separated by blanks; each stands for one value or several, one an interval:

    0.4            one value, measured anew
    0.4x10         ten values, each measured anew
    =0.4x10        ten values, exactly the same: the device repeats (holds) what it measured once
    0.4+0.05x10    ten values, each 0.05 more than the one before it; 1.5-0.02x30 falls
    _   _x5        no value, five times no value
    on  offx5      a state (fan_on, purifier_on)
    0.4x*  onx*    to the end of the test; only as the last item

A device that measures anew never gives the same number twice in a row, and the engine takes what
does not change for held. So what is measured anew has a jitter (`Series.anew`), `=` has none.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from fumewatch.core.arrays import Mask, Numbers

LONGEST: Final = 100_000
"""Values of a series: ten weeks of minutes."""
_SHOWN: Final = 24

_NUMBER: Final = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_TIMES: Final = r"(?:x(?P<times>[0-9]+|\*))?"
_MEASURED: Final = re.compile(
    rf"(?:(?P<missing>_)|(?P<exact>=)?(?P<value>-?{_NUMBER})(?P<step>[+-]{_NUMBER})?){_TIMES}"
)
_STATE: Final = re.compile(rf"(?:(?P<missing>_)|(?P<on>on)|off){_TIMES}")
_FLAG: Final = re.compile(rf"(?P<flag>[A-Za-z]){_TIMES}")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """values [k] in the channel's unit, a state 0 or 1; NaN: none.

    anew [k]: measured anew there, to be given a jitter. goes_on: the last value stands for all that
    follow.
    """

    values: Numbers
    anew: Mask
    goes_on: bool = False

    @property
    def least(self) -> int:
        """How many values there are at least."""
        return len(self.values) - self.goes_on

    def stretched(self, k: int) -> "Series":
        """k of them: the last one again and again where it goes on, else none after the last."""
        more = max(k - len(self.values), 0)
        last, anew = (self.values[-1], self.anew[-1]) if self.goes_on else (np.nan, False)
        return Series(
            np.append(self.values, np.full(more, last))[:k],
            np.append(self.anew, np.full(more, anew))[:k],
        )


@dataclass(frozen=True, slots=True)
class Flags:
    """One letter for each of the first readings; the others have the last one or else N."""

    letters: str = ""
    goes_on: bool = False

    def stretched(self, k: int) -> str:
        return self.letters[:k].ljust(k, self.letters[-1] if self.goes_on else "N")


def measured(text: str) -> Series:
    """Of a measured channel. ValueError names the item and the column.

    >>> measured("0.4+0.1x3 _ =1.3x2").values
    array([0.4, 0.5, 0.6, nan, 1.3, 1.3])
    """
    hint = "no number, or no such sign; write 0.4, 0.4x10, =0.4x10, 0.4+0.05x10, _ or _x5"
    runs = _runs(text, _MEASURED, hint)
    anew = [run.filled(not run["missing"] and not run["exact"]) for run in runs]
    values = np.concatenate([_numbers(run) for run in runs])
    return Series(values, np.concatenate(anew).astype(np.bool_), runs[-1].goes_on)


def state(text: str) -> Series:
    """Of a state. ValueError names the item and the column.

    >>> state("onx2 _ off").values
    array([ 1.,  1., nan,  0.])
    """
    runs = _runs(text, _STATE, "a state is on, off, onx10, offx5, _ or _x5")
    values = [run.filled(np.nan if run["missing"] else float(bool(run["on"]))) for run in runs]
    known = np.concatenate(values)
    return Series(known, np.zeros(len(known), np.bool_), runs[-1].goes_on)


def flags(text: str) -> Flags:
    """Data flags. ValueError names the item and the column.

    >>> flags("Nx2 D").stretched(5)
    'NNDNN'
    """
    runs = _runs(text, _FLAG, "a data flag is one letter: N, Nx10, Dx5")
    return Flags("".join((run["flag"] or "") * run.times for run in runs), runs[-1].goes_on)


@dataclass(frozen=True, slots=True)
class _Run:
    """One item: its parts by name, how many values it stands for."""

    parts: dict[str, str | None]
    times: int
    goes_on: bool

    def __getitem__(self, name: str) -> str | None:
        return self.parts[name]

    def number(self, name: str) -> float:
        return float(self.parts.get(name) or 0)

    def filled(self, value: float) -> Numbers:
        return np.full(self.times, value, np.float64)


LARGEST: Final = 100_000.0
"""In a channel's unit: readings are whole numbers of 32 bits, in thousandths."""


def _numbers(run: _Run) -> Numbers:
    if run["missing"]:
        return run.filled(np.nan)
    # in thousandths, as readings are: ten steps of 0.1 arrive at 1.0
    first, step = run.number("value"), run.number("step")
    values: Numbers = np.round(first + step * np.arange(run.times), 6)
    return values


def _runs(text: str, pattern: re.Pattern[str], hint: str) -> list[_Run]:
    found = list(re.finditer(r"\S+", text))
    if not found:
        raise ValueError("is empty; write items like 0.4x10 with blanks between them")
    runs = []
    for number, item in enumerate(found, 1):
        try:
            runs.append(_run(item[0], pattern, hint, is_last=number == len(found)))
        except ValueError as error:
            raise ValueError(f"{_place(text, item, number)}: {error}") from None
    if sum(run.times for run in runs) > LONGEST:
        raise ValueError(f"more than {LONGEST:,} values")
    return runs


def _run(item: str, pattern: re.Pattern[str], hint: str, *, is_last: bool) -> _Run:
    match = pattern.fullmatch(item)
    if not match:
        raise ValueError(hint)
    parts = match.groupdict()
    times = parts.pop("times")
    if times == "*":
        if not is_last or parts.get("step"):
            raise ValueError("x* repeats one value to the end of the test: nothing can follow it")
        return _bounded(_Run(parts, 1, goes_on=True))
    if parts.get("step") and not times:
        raise ValueError(f"how many steps? Write {item}x10 for ten values")
    if times and not 0 < int(times[:9]) <= LONGEST:
        raise ValueError(f"x1 to x{LONGEST}: so many values")
    return _bounded(_Run(parts, int(times or 1), goes_on=False))


def _bounded(run: _Run) -> _Run:
    first = run.number("value")
    for end in (first, first + run.number("step") * (run.times - 1)):
        if abs(end) > LARGEST:
            raise ValueError(f"{end:g} is more than any monitor tells")
    return run


def _place(text: str, item: re.Match[str], number: int) -> str:
    """item 3 "0.4y10", column 9; with the line where there are several."""
    before = text[: item.start()]
    column = len(before) - (before.rfind("\n") + 1) + 1
    line = f"line {before.count(chr(10)) + 1}, " if "\n" in text.strip() else ""
    shown = item[0] if len(item[0]) <= _SHOWN else f"{item[0][:_SHOWN]}..."
    return f'item {number} "{shown}", {line}column {column}'
