"""What `fumewatch rules explain` tells: text and a picture, or plain values for programs."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from fumewatch.cli import pictured, show, turning
from fumewatch.cli.pictured import labelled
from fumewatch.cli.replayed import Explained
from fumewatch.cli.turning import limit_word, number
from fumewatch.core.alert import State, Transition, Verdict
from fumewatch.core.explain import Explanation, Minutewise, times
from fumewatch.core.reading import CHANNELS
from fumewatch.core.rules.rule import Common
from fumewatch.core.timetable import Meal

LONG: Final = 20
"""Minutes: a longer window is shown one by one only where that is asked for."""
_MOVES: Final = 8
_LISTED: Final = 20
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT.*\+00:00")
_VERDICTS: Final = {
    Verdict.BREACH: "breach",
    Verdict.CLEAR: "clear",
    Verdict.NO_DATA: "no data",
}
_COLOURS: Final = {"BREACH": "red", "CLEAR": "green", "NO DATA": "yellow"}
_NOT_SHOWN: Final = frozenset(
    {"times", "values", "days", "value", "limit", "unit", "channel", "statistic", "window"}
    | {"skipped", "fresh", "held", "at", "refresh_minutes", "refresh_learned", "share_above"}
    | {"above", "below", "reaches", "horizon_minutes"}
)
"""Of the evidence: it is told otherwise."""


def tell(found: Explained, *, verbose: bool) -> None:
    for line in lines(found, verbose=verbose):
        word = line.split(":")[0].removeprefix("verdict").strip()
        if line.startswith("verdict"):
            show.line(line, word, _COLOURS[word])
        else:
            show.line(line)


def lines(found: Explained, *, verbose: bool = False) -> Iterator[str]:
    explanation = found.explanation
    yield from _head(found)
    yield ""
    if explanation.window is not None:
        yield from pictured.picture(explanation.window, found.config.zone)
        if verbose or len(explanation.window.minutes) <= LONG:
            yield from pictured.minute_by_minute(explanation.window, found.config.zone)
        yield ""
    elif "days" in explanation.evidence and "values" in explanation.evidence:
        yield from pictured.days(explanation)
        yield ""
    yield from _facts(found)
    yield from _verdict(found)
    yield from _alert(found)


# ── who, what, when ──


def _head(found: Explained) -> Iterator[str]:
    rule, place = found.explanation.rule, found.history.place
    yield f"{rule.id}  {rule.title('en')} ({rule.title('zh')})"
    yield labelled("rule", f"{rule.kind}, {rule.severity}; {_written(rule)}")
    where = ", ".join(filter(None, (place.site, place.street, place.outlet)))
    yield labelled("monitor", f"{_name(found)}{f', {where}' if where else ''}{_limits(found)}")
    yield labelled("at", f"{_stamp(found, found.at)}, {_calendar(found)}")
    begin = _stamp(found, found.begin)
    if found.readings:
        said = f"{found.readings:,} readings of {found.history.where} from {begin} on"
        yield labelled("replayed", f"{said}{_period(found.explanation)}")
        if found.learned_at:
            yield labelled(
                "", f"Learned before, as the store has it: {_stamp(found, found.learned_at)}"
            )
    else:
        yield labelled("looked at", f"alerts and events of {found.history.where} from {begin} on")
    if not found.explanation.concerns:
        yield labelled("", "The rule is not about this monitor (when): it is clear here.")


def _written(rule: Common) -> str:
    return ", ".join(f"{name} = {_toml(value)}" for name, value in _configured(rule).items())


def _configured(rule: Common) -> dict[str, Any]:
    """Every number of it, defaults as well."""
    dumped = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    when = rule.when.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    left_out = {"id", "kind", "title", "severity", "when"}
    options = {name: value for name, value in dumped.items() if name not in left_out}
    return options | ({"when": when} if when else {})


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return (
        json.dumps(limit_word(value), ensure_ascii=False) if isinstance(value, str) else str(value)
    )


def _limits(found: Explained) -> str:
    profile = found.history.place.limit_profile
    row = found.roster.rows(np.array([_monitor(found)]))[0]
    known = [
        f"{c.name} {number(found.roster.limit[i, row], c.unit)}"
        for i, c in enumerate(CHANNELS)
        if np.isfinite(found.roster.limit[i, row])
    ]
    return f"; limits of {profile}: {', '.join(known) or 'none'}" if profile else "; no limits"


def _calendar(found: Explained) -> str:
    facts = calendar(found)
    opened = facts["open_for_minutes"]
    words = [f"open for {opened} min" if opened else "closed"]
    words += [f"{facts['meal']}"] if facts["meal"] else []
    if facts["not_judged"] and facts["paused"]:
        words.append(f"paused: {facts['not_judged']}")
    elif facts["not_judged"]:
        words = [facts["not_judged"]]
    return ", ".join(words)


def calendar(found: Explained) -> dict[str, Any]:
    """Of the last minute judged."""
    roster, minute = found.roster, np.array([int(found.at.timestamp()) // 60 - 1])
    rows = roster.rows(np.array([_monitor(found)], np.int32))
    meal = Meal(int(roster.in_meal(rows, minute)[0, 0]))
    unjudged = roster.unjudged(int(rows[0]), int(minute[0]))
    return {
        "open_for_minutes": int(roster.open_for(rows, minute)[0, 0]),
        "meal": "" if meal is Meal.NONE else meal.name.lower(),
        "paused": bool(roster.paused(rows, minute)[0, 0]),
        "not_judged": unjudged.text("en") if unjudged else "",
    }


def _period(explanation: Explanation) -> str:
    if "refresh_minutes" not in explanation.evidence:
        return ""
    minutes = explanation.evidence["refresh_minutes"]
    how = "learned" if explanation.evidence["refresh_learned"] else "not learned yet: the default"
    return f"; measures anew every {minutes} min ({how})"


# ── the verdict ──


def _facts(found: Explained) -> Iterator[str]:
    """What else the evidence has, and where a pattern has them, the times counted."""
    evidence = found.explanation.evidence
    for name, value in evidence.items():
        if name not in _NOT_SHOWN and value not in (None, [], {}) and value is not False:
            yield labelled(name, _plain(found, value))
    if found.explanation.window is None and evidence.get("times"):
        yield labelled("times", _plain(found, evidence["times"]))


def _plain(found: Explained, value: Any) -> str:
    """Instants as the zone's clock shows them."""
    if isinstance(value, list):
        more = ", ..." if len(value) > _LISTED else ""
        return ", ".join(_plain(found, each) for each in value[:_LISTED]) + more
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(found, each)}" for key, each in value.items())
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return _stamp(found, datetime.fromisoformat(value))
    return str(value)


def _verdict(found: Explained) -> Iterator[str]:
    explanation = found.explanation
    fires = is_firing(found)
    verdict = explanation.stays if fires else explanation.opens
    yield labelled("verdict", f"{_VERDICTS[verdict].upper()}: {_reason(explanation, verdict)}")
    if explanation.opens is not explanation.stays:
        other = _VERDICTS[explanation.opens if fires else explanation.stays]
        which = "no alert fired" if fires else "an alert fired"
        yield labelled("", f"If {which}, it would be {other}: levels to open and to clear differ.")
    opens, clears = turning.sentences(explanation)
    holds, ends = turning.after(explanation.rule)
    if opens:
        yield labelled("opens", f"{opens}{holds}")
    if clears:
        yield labelled("clears", f"{clears}{ends}")


def _reason(explanation: Explanation, verdict: Verdict) -> str:
    if verdict is Verdict.NO_DATA:
        return "; ".join(turning.lack_text(lack, explanation) for lack in explanation.lacks)
    if not explanation.concerns:
        return "the rule is not about this monitor"
    value = _value(explanation)
    if not np.isfinite(value):
        is_idle = explanation.window is not None
        return "values come, too few of them while when holds" if is_idle else "nothing found"
    unit = turning.unit_of(explanation)
    said = f"{turning.value_of(explanation)} {number(value, unit)}"
    if np.isfinite(explanation.limit):
        said += f", held against {number(explanation.limit, unit)}"
    return said


def _value(explanation: Explanation) -> float:
    """A trend far from a breach draws its line for the evidence alone."""
    if np.isfinite(explanation.value):
        return explanation.value
    found = explanation.evidence.get("value")
    return np.nan if found is None else float(found)


def is_firing(found: Explained) -> bool:
    """By the replay; where nothing is replayed, by the store."""
    if found.readings or found.standing is None:
        return found.explanation.is_firing
    return found.standing.state is State.FIRING


def _alert(found: Explained) -> Iterator[str]:
    alert, standing = found.explanation.alert, found.standing
    if found.readings:
        said = f"{alert.state} since {_when(found, _since(alert))}" if alert else "none"
        yield labelled("alert, replayed", said)
        for move in found.moves[-_MOVES:]:
            yield labelled("", f"{_when(found, move.at)}  {_move(move)}")
    if found.history.database is not None:
        said = "none"
        if standing:
            said = f"{standing.state} since {_when(found, standing.since)}, {standing.id}"
        yield labelled("alert, stored", said)


def _since(alert: Any) -> datetime:
    at: datetime = alert.fired_at if alert.state is State.FIRING else alert.opened_at
    return at


def _move(move: Transition) -> str:
    has_value = move.alert.is_open and np.isfinite(move.alert.value)
    value = f"  {number(move.alert.value)}" if has_value else ""
    return f"{move.before or 'none'} → {move.alert.state}, {move.reason}{value}"


# ── words ──


def _name(found: Explained) -> str:
    place = found.history.place
    return f"{place.district}/{place.code}".lstrip("/")


def _monitor(found: Explained) -> int:
    """As the roster numbers it."""
    is_stored_past = not found.readings and found.history.database is not None
    return found.history.id if is_stored_past else found.history.monitor


def _local(found: Explained, at: datetime) -> datetime:
    return at.astimezone(found.config.zone)


def _stamp(found: Explained, at: datetime) -> str:
    return f"{_local(found, at):%Y-%m-%d %H:%M}"


def _when(found: Explained, at: datetime) -> str:
    local = _local(found, at)
    return (
        f"{local:%H:%M}"
        if local.date() == _local(found, found.at).date()
        else f"{local:%m-%d %H:%M}"
    )


# ── for programs ──


def as_json(found: Explained) -> dict[str, Any]:
    explanation, rule, place = found.explanation, found.explanation.rule, found.history.place
    fires = is_firing(found)
    opens, clears = turning.sentences(explanation)
    return {
        "rule": {
            "id": rule.id,
            "kind": rule.kind,
            "title": {"zh": rule.title("zh"), "en": rule.title("en")},
            "severity": rule.severity,
            "options": _configured(rule),
        },
        "monitor": place.code,
        "district": place.district,
        "site": place.site,
        "street": place.street,
        "limit_profile": place.limit_profile,
        "at": found.at,
        "judged_at": datetime.fromtimestamp(explanation.at / 1e6, UTC),
        "calendar": calendar(found),
        "replayed": {
            "from": found.begin,
            "readings": found.readings,
            "learned_at": found.learned_at,
        },
        "concerns": explanation.concerns,
        "window": _window_json(explanation.window),
        "bounds": [
            {"name": bound.name, "written": bound.written, "number": _finite(bound.number)}
            for bound in explanation.bounds
        ],
        "unit": turning.unit_of(explanation),
        "value": _finite(_value(explanation)),
        "limit": _finite(explanation.limit),
        "verdict": _VERDICTS[explanation.stays if fires else explanation.opens],
        "if_none_fires": _VERDICTS[explanation.opens],
        "if_one_fires": _VERDICTS[explanation.stays],
        "no_data_because": [
            {"reason": lack.what, "text": turning.lack_text(lack, explanation)}
            for lack in explanation.lacks
        ],
        "opens": opens,
        "clears": clears,
        "alert": {"replayed": _alert_json(found), "stored": found.standing},
        "transitions": [
            {"at": m.at, "before": m.before, "state": m.alert.state, "reason": m.reason,
             "value": _finite(m.alert.value)}
            for m in found.moves
        ],
        "evidence": explanation.evidence,
    }  # fmt: skip


def _window_json(window: Minutewise | None) -> list[dict[str, Any]] | None:
    if window is None:
        return None
    return [
        {
            "at": at,
            "values": {s.channel: _finite(float(s.values[i])) for s in window.series},
            "kinds": {s.channel: s.kinds[i] for s in window.series},
            "conditions": {c.text: c.marks[i] for c in window.conditions},
            "counted": bool(window.counted[i]),
        }
        for i, at in enumerate(times(window.minutes))
    ]


def _alert_json(found: Explained) -> dict[str, Any] | None:
    alert = found.explanation.alert
    if alert is None:
        return None
    return {"state": alert.state, "opened_at": alert.opened_at, "fired_at": alert.fired_at}


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
