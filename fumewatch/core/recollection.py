"""What a window has learned, as it is kept between two runs: out of it, and into a new one."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from fumewatch.core.fresh import NO_MINUTE, UNKNOWN
from fumewatch.core.learned import Learned
from fumewatch.core.reading import MEASURED
from fumewatch.core.window import Window

MONITORS_AT_ONCE: Final = 10_000


def in_parts(window: Window) -> Iterator[Learned]:
    """As of the end of the last settled minute, some monitors after the others: all of a large
    fleet at once is 150 MB."""
    for first in range(0, window.size, MONITORS_AT_ONCE):
        yield _part(window, slice(first, min(first + MONITORS_AT_ONCE, window.size)))


def _part(window: Window, who: slice) -> Learned:
    lessons = window.lessons
    learned = Learned.nothing(who.stop - who.start)
    for i, channel in enumerate(MEASURED):
        if channel not in lessons.gaps:
            continue
        trail = window.trails[channel]
        learned.period[i] = lessons.period[channel][who]
        learned.is_learned[i] = lessons.is_learned[channel][who]
        learned.gaps[i] = lessons.gaps[channel][:, who].T
        learned.value[i] = trail.value[who]
        learned.changed_at[i], learned.seen_at[i] = trail.changed_at[who], trail.seen_at[who]
    learned.interval[:] = lessons.interval[who]
    learned.presence_gaps[:] = lessons.sendings[:, who].T
    learned.sampling[:] = lessons.sampling[:, who].T
    learned.days[:] = lessons.days[who]
    learned.today[:] = lessons.today[:, who].T
    return learned


def remember(window: Window, learned: Learned, as_of: int, begins: int) -> None:
    """Go on from what was learned until minute `as_of`, settling from minute `begins` on.

    A value that changed before both is known to stand at `begins`. Of one that changed in between
    it is not known how it stood: the next that comes may be held.
    """
    lessons, m = window.lessons, len(learned)
    window.make_room(m)
    for i, channel in enumerate(MEASURED):
        if channel not in lessons.gaps:
            continue
        lessons.gaps[channel][:, :m] = learned.gaps[i].T
        trail, known = window.trails[channel], learned.seen_at[i] > NO_MINUTE
        stands = known & (learned.changed_at[i] < begins) & (as_of >= begins)
        trail.value[:m][known] = np.where(stands, learned.value[i], UNKNOWN)[known]
        trail.changed_at[:m][stands] = learned.changed_at[i][stands]
        trail.began_at[:m][known] = NO_MINUTE
    lessons.sendings[:, :m] = learned.presence_gaps.T
    lessons.sampling[:, :m] = learned.sampling.T
    lessons.days[:m] = learned.days
    lessons.today[:, :m] = learned.today.T
    lessons.reckon()
    window.teaches_from = as_of
