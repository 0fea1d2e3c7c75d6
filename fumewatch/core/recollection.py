"""What a window has learned, as it is kept between two runs: out of it, and into a new one."""

import numpy as np

from fumewatch.core.fresh import NO_MINUTE, UNKNOWN
from fumewatch.core.learned import Learned
from fumewatch.core.reading import MEASURED
from fumewatch.core.window import Window


def recollect(window: Window) -> Learned:
    """Everything, as of the end of the last settled minute."""
    lessons, m = window.lessons, window.size
    learned = Learned.nothing(m)
    for i, channel in enumerate(MEASURED):
        if channel not in lessons.gaps:
            continue
        trail = window.trails[channel]
        learned.period[i] = lessons.period[channel]
        learned.is_learned[i] = lessons.is_learned[channel]
        learned.gaps[i] = lessons.gaps[channel].T
        learned.value[i] = trail.value
        learned.changed_at[i], learned.seen_at[i] = trail.changed_at, trail.seen_at
    learned.interval[:] = lessons.interval
    learned.presence_gaps[:] = lessons.sendings.T
    learned.sampling[:] = lessons.sampling.T
    learned.days[:] = lessons.days
    learned.today[:] = lessons.today.T
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
