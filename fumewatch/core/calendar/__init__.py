"""When a site is open: kinds of days, hours by kind of day.

`calendar.local` has the same for arrays of minutes; it is apart so that this imports nothing heavy.
"""

from fumewatch.core.calendar.hours import BusinessHours, Spans
from fumewatch.core.calendar.year import ONLY_WEEKENDS, Calendar, DayKind, whole_breaks

__all__ = [
    "ONLY_WEEKENDS",
    "BusinessHours",
    "Calendar",
    "DayKind",
    "Spans",
    "whole_breaks",
]
