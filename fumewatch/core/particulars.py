"""What only one kind of rule has to say, as facts for the words of its notifications."""

import math
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from fumewatch.core.alert import Alert
from fumewatch.core.case import Case, Facts
from fumewatch.core.outlook import cleaning_due, day, is_overdue, outlook
from fumewatch.core.phrases import (
    clock,
    count,
    instant,
    listed,
    minutes,
    number,
    one_line,
    percent,
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
    template, name = words.groups.get(str(alert.evidence.get("by"))), group_name(alert.evidence)
    return (
        {"who": template.format(name=name)} if alert.kind == "outage" and template and name else {}
    )


def group_name(evidence: Mapping[str, Any]) -> str:
    """The vendor, or the street without its district, that an outage is of."""
    name = one_line(str(evidence.get("name") or ""))
    return name.partition("/")[2] or name if evidence.get("by") == "street" else name


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


def _of_deterioration(case: Case, words: Words) -> Facts:
    """What is to reach the level is the line times `ratio`, so its slope is too."""
    evidence = case.alert.evidence
    unit = unit_of(evidence.get("channel"))
    slope = number(evidence.get("slope_per_week")) * number(evidence.get("ratio"))
    found = outlook(evidence)
    return {
        "of": words.tops.get(str(evidence.get("of")), ""),
        "level": show_number(number(evidence.get("level")), unit),
        "now": show_number(number(evidence.get("now")), unit),
        "slope": show_number(slope, unit),
        "reached_on": str(found.on) if found else "",
        "earliest": _day(found.earliest) if found else "",
        "latest": _day(found.latest) if found else "",
        **_cleaned_since(evidence),
    }


def _of_baseline(case: Case, _: Words) -> Facts:
    evidence = case.alert.evidence
    unit = unit_of(evidence.get("channel"))
    of_cleaning = evidence.get("baseline_since") == "cleaning"
    return {
        "now": show_number(number(evidence.get("now")), unit),
        "baseline" if of_cleaning else "own_baseline": show_number(
            number(evidence.get("baseline")), unit
        ),
        "cleaned": _day(day(evidence.get("cleaned"))),
        **_rates(case.alert),
    }


def _of_cleaning(case: Case, _: Words) -> Facts:
    evidence = case.alert.evidence
    hours = (number(evidence.get(name)) for name in ("fan_hours", "fan_hours_limit"))
    run, most = (show_number(each, "h", 0) for each in hours)
    by_fan = evidence.get("by") == "fan_hours"
    return {
        "overdue_since" if is_overdue(evidence) else "due_on": _day(cleaning_due(evidence)),
        "cleaned": _day(day(evidence.get("cleaned"))),
        "fan_hours": run if by_fan else "",
        "fan_hours_limit": most if by_fan else "",
        **_cleaned_since(evidence),
    }


def _of_linkage_rate(case: Case, words: Words) -> Facts:
    evidence = case.alert.evidence
    return {
        "day": _day(day(evidence.get("day"))),
        "off": minutes(number(evidence.get("minutes_off")), words),
        "whole": minutes(number(evidence.get("minutes_known")), words),
        **_rates(case.alert),
    }


def _of_validity(case: Case, words: Words) -> Facts:
    evidence = case.alert.evidence
    whole = "whole_open" if evidence.get("of") == "open" else "whole"
    valid = number(evidence.get("minutes_valid"))
    return {
        "day": _day(day(evidence.get("day"))),
        "valid": minutes(valid, words) if valid else f"0 {words.units[2]}",
        whole: minutes(number(evidence.get("minutes")), words),
        **_rates(case.alert),
    }


def _rates(alert: Alert) -> Facts:
    """A share, what it was held against, the worst, and what it is now that the alert is over."""
    cleared = alert.evidence.get("cleared")
    return {
        "rate": percent(alert.value),
        "rate_limit": percent(alert.limit),
        "rate_worst": percent(number(alert.evidence.get("peak"))),
        "rate_now": percent(number(cleared.get("value"))) if isinstance(cleared, Mapping) else "",
    }


def _cleaned_since(evidence: Mapping[str, Any]) -> Facts:
    """When it was cleaned, where that is why the alert is over."""
    cleared = evidence.get("cleared")
    now = day(cleared.get("cleaned")) if isinstance(cleared, Mapping) else None
    before = day(evidence.get("cleaned"))
    return {"cleaned_since": str(now)} if now and (before is None or now > before) else {}


def _day(found: date | None) -> str:
    return str(found) if found else ""


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
    "deterioration": _of_deterioration,
    "baseline": _of_baseline,
    "cleaning": _of_cleaning,
    "linkage_rate": _of_linkage_rate,
    "validity": _of_validity,
}
