"""Why there is no verdict, and what would change one: when alerts open, fire, clear, resolve."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from fumewatch.core.duration import show
from fumewatch.core.explain import Explanation, Kind
from fumewatch.core.lacking import Lack, Lacks
from fumewatch.core.rules.rule import Common

Sentences = tuple[str, str]
"""When an alert opens; when one that fires clears."""


def sentences(explanation: Explanation) -> Sentences:
    """Without how long it must last; "" where the kind has nothing to say."""
    said = _OF_KIND.get(explanation.rule.kind, _of_bounds)
    return said(explanation, explanation.rule)


def after(rule: Common) -> Sentences:
    """How long a breach must last before it fires; how long clear before it resolves."""
    fires = f", for {show(rule.hold)} to fire" if rule.hold else ""
    ends = f", for {show(rule.keep_firing_for)} to resolve" if rule.keep_firing_for else ""
    return fires, ends


def lack_text(lack: Lack, explanation: Explanation) -> str:
    """Why there is no verdict, as a person reads it."""
    said = _LACKS[lack.what].format(name=lack.name, number=lack.number, least=lack.least)
    return said + (_others(explanation) if lack.what is Lacks.TOO_FEW else "")


def _others(explanation: Explanation) -> str:
    """What became of the minutes that do not count."""
    window = explanation.window
    if window is None or not window.series:
        return ""
    counts = Counter(
        str(kind) if kind in (Kind.HELD, Kind.MISSING) else "without what when asks"
        for kind, counts in zip(window.series[0].kinds, window.counted.tolist(), strict=True)
        if not counts
    )
    said = ", ".join(f"{n} {what}" for what, n in counts.items())
    return f" ({said})" if said else ""


def number(value: float, unit: str = "") -> str:
    """
    >>> number(0.9, "mg/m³")
    '0.9 mg/m³'
    """
    if not np.isfinite(value):
        return "no number"
    return f"{value:.3f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")


def limit_word(written: str) -> str:
    """A level as people write it.

    >>> limit_word("1 * limit")
    'limit'
    """
    return "limit" if written == "1 * limit" else written


def unit_of(explanation: Explanation) -> str:
    """Of the value and the limit."""
    if getattr(explanation.rule, "statistic", "") == "share":
        return ""
    return str(explanation.evidence.get("unit", ""))


def value_of(explanation: Explanation) -> str:
    """What the value is: mean, projection, silence."""
    of = getattr(explanation.rule, "statistic", "")
    return of or _VALUES.get(explanation.rule.kind, "value")


_LACKS: Final = {
    Lacks.PAUSED: "the monitor is paused ({name})",
    Lacks.CLOSED: "outside business hours, and the rule is about others (when)",
    Lacks.OPEN: "within business hours, and the rule is about others (when)",
    Lacks.NO_MEAL: "no {name} now (when)",
    Lacks.NOT_REPORTED: '{name} is not reported, and missing = "no_data"',
    Lacks.NO_LIMIT: "the outlet's profile has no limit of {name}",
    Lacks.SILENT: "no value of {name} in {number} min",
    Lacks.TOO_FEW: "{number} of the {least} {name} it needs",
    Lacks.NEVER_HEARD: "nothing was ever heard of the monitor",
    Lacks.NO_DAYS: "no whole day of readings",
    Lacks.UNKNOWN: "{name} not known",
}
_VALUES: Final = {
    "linkage": "minutes with the fan on and the purifier off",
    "absence": "silence",
    "trend": "the line's end",
    "flatline": "minutes without a change",
    "jump": "mean",
    "deterioration": "days left",
    "baseline": "share of the baseline",
    "cleaning": "days left",
    "linkage_rate": "share",
    "validity": "share",
    "outage": "silent monitors",
    "recurrence": "count",
    "mismatch": "days",
    "complaint": "distance",
}


def _of_bounds(explanation: Explanation, rule: Any) -> Sentences:
    """above, below, clear_below, clear_above: levels or plain numbers."""
    bounds = {bound.name: bound for bound in explanation.bounds}
    unit = unit_of(explanation)

    def at(name: str) -> str:
        if bound := bounds.get(name):
            written = f" ({limit_word(bound.written)})" if "limit" in bound.written else ""
            return number(bound.number, unit) + written
        plain = getattr(rule, name, None)
        return number(plain, unit) if isinstance(plain, int | float) else ""

    above, below = at("above"), at("below")
    opens = [f"above {above}" if above else "", f"below {below}" if below else ""]
    clears = [
        (f"below {at('clear_below')}" if at("clear_below") else f"not above {above}")
        if above
        else "",
        (f"above {at('clear_above')}" if at("clear_above") else f"not below {below}")
        if below
        else "",
    ]
    return " or ".join(filter(None, opens)), " and ".join(filter(None, clears))


def _linkage(_: Explanation, rule: Any) -> Sentences:
    least = show(rule.at_least)
    return (
        f"with {least} of such minutes in {show(rule.window)}",
        f"once there is less than {least}, and the last minute that is known is not such a one",
    )


def _absence(explanation: Explanation, rule: Any) -> Sentences:
    silence = number(explanation.limit, "min")
    return (
        f"after {silence} without reading or heartbeat while the site is open, "
        f"{show(rule.out_of_hours)} at any time",
        "with the next reading or heartbeat",
    )


def _trend(explanation: Explanation, rule: Any) -> Sentences:
    unit = unit_of(explanation)
    at = {bound.name: number(bound.number, unit) for bound in explanation.bounds}
    return (
        f"when it is below {at['reaches']} now and reaches that within {show(rule.horizon)}, "
        f"rises by {at['min_rise']} or more in {show(rule.window)}, "
        f"and {rule.agreement:g} of the pairs of points rise",
        f"while the line's end stays below {at.get('clear_below', at['reaches'])}",
    )


def _flatline(_: Explanation, rule: Any) -> Sentences:
    return (
        f"with {show(rule.at_least)} of minutes without a change in {show(rule.window)}",
        "as soon as the value changes",
    )


def _jump(explanation: Explanation, rule: Any) -> Sentences:
    limit = number(explanation.limit, unit_of(explanation))
    least = limit_word(str(rule.at_least))
    return (
        f"from {limit} on: {rule.times:g} times the mean before, and at least {least}",
        f"below {limit}",
    )


def _deterioration(explanation: Explanation, rule: Any) -> Sentences:
    return (
        f"when a significant trend leaves {rule.horizon.days} days or fewer",
        f"with more than {rule.clear_beyond.days} days left, a cleaning, or a step down",
    )


def _cleaning(_: Explanation, rule: Any) -> Sentences:
    return f"with {rule.warn_before.days} days or fewer left", "with a recorded cleaning"


def _recurrence(_: Explanation, rule: Any) -> Sentences:
    what = f"{rule.at_least} {rule.count} within {show(rule.within)}"
    return f"from {what} on", f"with fewer than {what}"


def _mismatch(_: Explanation, rule: Any) -> Sentences:
    what = f"{rule.at_least} days with a mean that differs within {show(rule.within)}"
    return f"from {what} on", f"with fewer than {what}"


def _complaint(_: Explanation, rule: Any) -> Sentences:
    return (
        f"with a complaint within {rule.radius:g} m and {show(rule.within)} of an alert",
        f"{show(rule.lasts)} after the complaint",
    )


def _outage(_: Explanation, rule: Any) -> Sentences:
    return (
        f"with {rule.at_least} silent ones that are {rule.share:g} of the {rule.by} or more",
        f"when less than {rule.clear_share:g} of them are silent",
    )


_OF_KIND: Final[dict[str, Callable[[Explanation, Any], Sentences]]] = {
    "linkage": _linkage,
    "absence": _absence,
    "trend": _trend,
    "flatline": _flatline,
    "jump": _jump,
    "deterioration": _deterioration,
    "cleaning": _cleaning,
    "recurrence": _recurrence,
    "mismatch": _mismatch,
    "complaint": _complaint,
    "outage": _outage,
}
