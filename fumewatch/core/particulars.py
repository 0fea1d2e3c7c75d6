"""What only one kind of rule has to say, as facts for the words of its notifications."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from fumewatch.core.alert import Alert
from fumewatch.core.case import Case, Facts
from fumewatch.core.phrases import (
    clock,
    count,
    instant,
    listed,
    minutes,
    number,
    one_line,
    show_number,
    unit_of,
)
from fumewatch.core.words import Words

_DAY_MINUTES: Final = 24 * 60


def particulars(case: Case, words: Words) -> Facts:
    of_kind = _OF_KIND.get(case.alert.kind)
    return of_kind(case, words) if of_kind else {}


def _of_linkage(case: Case, words: Words) -> Facts:
    return {
        "minutes_off": minutes(case.alert.value, words),
        "peak_off": minutes(number(case.alert.evidence.get("peak")), words),
    }


def _of_absence(case: Case, words: Words) -> Facts:
    """The silence up to now; where the monitor is back, the longest that was seen."""
    alert, at = case.alert, case.transition.at
    names = ("last_measured", "last_heartbeat", "last_will")
    last, beat, will = (instant(alert.evidence.get(name)) for name in names)
    alive = max(filter(None, (last, beat)), default=None)
    longest = number(alert.evidence.get("peak")) if case.stage == "resolved" else alert.value
    silent = minutes(longest, words)
    return {
        "last_reading": clock(last, at, case.zone) if last else "",
        "last_heartbeat": clock(beat, at, case.zone) if beat else "",
        "last_will": clock(will, at, case.zone) if will and (not alive or will > alive) else "",
        "silent": silent,
        "silent_till_beat": silent if _only_beats(alert) else "",
        "vendor": one_line(case.place.vendor),
    }


def _only_beats(alert: Alert) -> bool:
    """A heartbeat ended the silence: no reading has come since."""
    cleared = alert.evidence.get("cleared")
    if not isinstance(cleared, Mapping) or not instant(cleared.get("last_heartbeat")):
        return False
    return cleared.get("last_measured") == alert.evidence.get("last_measured")


def _of_trend(case: Case, words: Words) -> Facts:
    evidence, at = case.alert.evidence, case.transition.at
    unit = unit_of(evidence.get("channel"))
    to_limit = number(evidence.get("minutes_to_limit"))
    ahead = timedelta(minutes=max(to_limit, 1)) if 0 <= to_limit < _DAY_MINUTES else None
    return {
        "now": show_number(number(evidence.get("now")), unit),
        "slope": show_number(number(evidence.get("slope_per_hour")), unit),
        "reaches_at": clock(at + ahead, at, case.zone, is_later=True) if ahead is not None else "",
        "reaches_in": words.duration(ahead) if ahead is not None else "",
    }


def _of_flatline(case: Case, words: Words) -> Facts:
    evidence = case.alert.evidence
    return {
        "unchanged": minutes(number(evidence.get("unchanged_minutes")), words),
        "stuck_at": show_number(number(evidence.get("stuck_at")), unit_of(evidence.get("channel"))),
    }


def _of_jump(case: Case, words: Words) -> Facts:
    evidence = case.alert.evidence
    ratio = number(evidence.get("times_before"))
    return {
        "step": minutes(number(evidence.get("step_minutes")), words),
        "before": show_number(number(evidence.get("before")), unit_of(evidence.get("channel"))),
        "ratio": f"{ratio:.1f}" if math.isfinite(ratio) else "",
    }


def group(alert: Alert, words: Words) -> Facts:
    """Of an alert about many monitors, which ones; nothing where it is about a single one."""
    template = words.groups.get(str(alert.evidence.get("by")))
    name = one_line(str(alert.evidence.get("name") or ""))
    if alert.kind != "outage" or not template or not name:
        return {}
    return {"who": template.format(name=name.rpartition("/")[2])}


def _of_outage(case: Case, _: Words) -> Facts:
    evidence, at = case.alert.evidence, case.transition.at
    signs = evidence.get("last_signs")
    ends = [instant(signs.get(end)) for end in ("from", "to")] if isinstance(signs, Mapping) else []
    first, last = ends if len(ends) == 2 and all(ends) else (None, None)
    return {
        "silent_count": count(evidence.get("value")),
        "alive_count": count(evidence.get("of")),
        "most_silent": count(evidence.get("peak")),
        "first_silent": clock(first, at, case.zone) if first else "",
        "last_silent": clock(last, at, case.zone) if last else "",
    }


def _of_recurrence(case: Case, words: Words) -> Facts:
    """Days, or alerts, in a number of days."""
    evidence = case.alert.evidence
    counted = "times" if evidence.get("counted") == "alerts" else "days"
    days = evidence.get("days")
    within = number(evidence.get("within_days"))
    return {
        "period": minutes(within * _DAY_MINUTES, words),
        f"{counted}_seen": count(evidence.get("value")),
        f"{counted}_limit": count(evidence.get("limit")),
        "dates": listed([str(day)[5:] for day in days], words) if isinstance(days, list) else "",
        "restarts": count(evidence.get("restarts") or None),
    }


def _of_complaint(case: Case, _: Words) -> Facts:
    evidence, at = case.alert.evidence, case.transition.at
    complained, opened = (instant(evidence.get(name)) for name in ("complaint_at", "alert_opened"))
    return {
        "complained_at": clock(complained, at, case.zone) if complained else "",
        "distance": show_number(number(evidence.get("value")), "m", 0),
        "near_alert": one_line(str(evidence.get("alert") or "")),
        "alert_at": clock(opened, at, case.zone) if opened else "",
    }


_OF_KIND: Final[Mapping[str, Callable[[Case, Words], Facts]]] = {
    "linkage": _of_linkage,
    "absence": _of_absence,
    "trend": _of_trend,
    "flatline": _of_flatline,
    "jump": _of_jump,
    "outage": _of_outage,
    "recurrence": _of_recurrence,
    "mismatch": _of_recurrence,
    "complaint": _of_complaint,
}
