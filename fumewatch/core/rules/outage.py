"""Many monitors of one vendor, or in one street, fall silent at once: one incident, not many."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.roster import NEVER
from fumewatch.core.rules.absence import alive_at, silence_of
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.rule import Text
from fumewatch.core.view import View, iso

_minute: Final = timedelta(minutes=1)


class Outage(MinuteRule):
    """Breach: of the monitors of one group whose sites are open and not paused, and that were alive
    lately, at least `at_least` and at least the share `share` have been silent for `silent_for`.

    Lately is `alive_within`: who cuts the power each night is not silent but away. As with absence,
    silence before a site opened does not count, and a heartbeat is a sign of life.

    The breach is the group's first monitor's (the lowest id), whether or not it is silent itself:
    the same as long as the group is. All other monitors are clear. It is over once, at whatever
    hour, less than `clear_share` of those heard of within `gone_after` are silent; who has been
    silent for longer is gone and not part of it.
    """

    WHOLE_FLEET: ClassVar = True
    CHECKS: ClassVar = (
        Text(
            zh="联系设备厂商，核实平台或网络故障", en="ask the vendor about its platform or network"
        ),
        Text(zh="核实所在街镇是否停电、断网", en="is there a power or network cut in the street"),
    )

    kind: Literal["outage"]
    by: Literal["vendor", "street"] = Field(
        "vendor", description="what the monitors of a group share"
    )
    at_least: int = Field(5, ge=2, description="silent monitors that make an outage")
    share: float = Field(0.5, gt=0, le=1, description="of the group's monitors that were alive")
    silent_for: Duration = Field(
        timedelta(minutes=20), ge=_minute, description="silence of each, while its site is open"
    )
    after_last_will: Duration | None = Field(
        None,
        ge=_minute,
        description="in place of silent_for after a last will (default: no change)",
    )
    alive_within: Duration = Field(
        timedelta(hours=6), ge=_minute, description="who has been silent for longer is left out"
    )
    clear_share: float = Field(
        0.25, gt=0, le=1, description="it is over when less than this share is still silent"
    )
    gone_after: Duration = Field(
        timedelta(days=7), ge=_minute, description="who is silent for longer keeps nothing open"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if next(self.when.conditions(), None) or self.when.business_hours is not None:
            raise ValueError("when can hold tags, streets and districts only: there are no minutes")
        if self.clear_share > self.share:
            raise ValueError("clear_share is larger than share: it would be over as it begins")
        if not self.silent_for < self.alive_within <= self.gone_after:
            raise ValueError(
                "silent_for, alive_within, gone_after must follow each other in length"
            )
        return self

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset()

    @property
    def minutes_needed(self) -> int:
        return 1

    def default_title(self) -> Text:
        if self.by == "vendor":
            return Text(zh="同一厂商监测仪大面积离线", en="many monitors of one vendor offline")
        return Text(zh="同一街镇监测仪大面积离线", en="many monitors in one street offline")

    def weigh(self, view: View) -> Judgement:
        found, groups = self._found(view), self._groups(view)
        shape = (view.k, len(view))
        opens, stays = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        known, value = np.ones(shape, np.bool_), np.full(shape, np.nan)
        opens[:, groups.first] = found.opens
        stays[:, groups.first] = found.stays
        known[:, groups.first] = found.heard > 0
        value[:, groups.first] = found.silent
        return decide(opens, stays, known, value, self.at_least)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        """`members`: the ids of the silent ones. `last_signs`: between which these fell silent."""
        groups, found = self._groups(view), self._found(view)
        shown: dict[str, Any] = {"by": self.by, "limit": self.at_least}
        group = int(groups.number[row])
        if group < 0:
            return shown
        silent = np.flatnonzero(found.is_silent[instant] & (groups.number == group))
        last = alive_at(view)[instant, silent]
        return shown | {
            "name": view.roster.names[self.by][groups.named[group]],
            "value": int(found.silent[instant, group]),
            "of": int(found.alive[instant, group]),
            "members": view.ids[silent].tolist(),
            "last_signs": {"from": _iso(last.min()), "to": _iso(last.max())} if len(last) else None,
        }

    def members(self, view: View, instant: int) -> NDArray[np.int32]:
        """int32 [n]: of each silent monitor, whose alert stands for it if an outage alert is open;
        -1 for all others. Their own offline alerts are part of that one.
        """
        groups, found = self._groups(view), self._found(view)
        first = np.append(view.ids[groups.first], -1)
        in_outage = np.append(found.stays[instant] | found.opens[instant], False)
        belongs = found.is_quiet[instant] & in_outage[groups.number]
        return np.where(belongs, first[groups.number], -1).astype(np.int32)

    def _groups(self, view: View) -> "_Groups":
        def make() -> _Groups:
            named = np.where(self.when.covers(view), view.roster.belongs[self.by][view.rows], -1)
            return _group(named, view.ids)

        return view.remember(("groups", self), make)

    def _found(self, view: View) -> "_Found":
        return view.remember(("found", self), lambda: self._find(view))

    def _find(self, view: View) -> "_Found":
        silence, open_for = silence_of(view), view.open_for[-view.k :]
        allowed, sums = self._allowed(view), self._groups(view).sums
        paused = view.roster.paused(view.rows, view.minutes[-view.k :])
        is_counted = (open_for > 0) & ~paused & (silence <= self.alive_within / _minute)
        is_silent = is_counted & (np.minimum(silence, open_for) >= allowed)
        is_heard = silence <= self.gone_after / _minute
        is_quiet = is_heard & (silence >= allowed)
        alive, silent = sums(is_counted), sums(is_silent)
        heard, quiet = sums(is_heard), sums(is_quiet)
        opens = (silent >= self.at_least) & (silent >= self.share * alive)
        stays = (quiet > 0) & (quiet >= self.clear_share * heard)
        return _Found(opens, stays, alive, silent, heard, is_silent, is_quiet)

    def _allowed(self, view: View) -> Numbers:
        """[k, n], minutes of silence."""
        usual = self.silent_for / _minute
        if self.after_last_will is None:
            return np.full((1, 1), usual)
        will_at = view.roster.will_at[view.rows]
        is_lost = (will_at >= alive_at(view)) & (will_at != NEVER)
        return np.where(is_lost, self.after_last_will / _minute, usual)


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """g groups. number [n]: of which one a monitor is, -1: of none; first [g]: the row of its first
    monitor; named [g]: its number in the roster's names; order, starts: rows sorted by group."""

    number: NDArray[np.intp]
    first: NDArray[np.intp]
    named: NDArray[np.intp]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    def sums(self, mask: Mask) -> NDArray[np.int32]:
        """[k, g]: in how many of a group's monitors [k, n] is true."""
        if not len(self.starts):
            return np.zeros((len(mask), 0), np.int32)
        ordered = mask[:, self.order]
        total: NDArray[np.int32] = np.add.reduceat(ordered, self.starts, axis=1, dtype=np.int32)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """opens, stays bool [k, g]; alive, silent, heard int32 [k, g]; is_silent, is_quiet bool [k, n].

    silent: while the site is open, of those alive lately; quiet: at any hour, of those heard of and
    not gone.
    """

    opens: Mask
    stays: Mask
    alive: NDArray[np.int32]
    silent: NDArray[np.int32]
    heard: NDArray[np.int32]
    is_silent: Mask
    is_quiet: Mask


def _group(named: NDArray[np.int32], ids: NDArray[np.int32]) -> _Groups:
    order = np.lexsort((ids, named))
    order = order[named[order] >= 0]
    present, starts = np.unique(named[order], return_index=True)
    number = np.where(named >= 0, np.searchsorted(present, named), -1)
    return _Groups(number, order[starts], present.astype(np.intp), order, starts)


def _iso(at: np.int64) -> str:
    return iso(int(at))
