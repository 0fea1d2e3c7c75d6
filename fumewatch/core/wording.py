"""Wording: what a notification says, in Chinese and English, to act on without opening anything.

A text is made of templates over facts that are already words. A fact that is not known is absent,
and a template that needs it is passed over: the next headline is taken, or the line is left out.
Online values are early warnings, never proof, and no text here says otherwise.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Transition
from fumewatch.core.case import Case, Facts, SpokenRule
from fumewatch.core.particulars import group, particulars
from fumewatch.core.phrases import (
    channels,
    clock,
    finite,
    instant,
    listed,
    number,
    one_line,
    percent,
    show_number,
    show_pair,
    unit_of,
)
from fumewatch.core.site import Place
from fumewatch.core.words import EN, ZH, Language, Words

MOST_EVIDENCE: Final = 8192
"""Bytes of JSON that a notification's evidence may take; the store keeps all of it."""
_MINUTE: Final = timedelta(minutes=1)
_JSON: Final = json.JSONEncoder(ensure_ascii=False)
_WHOLE: Final = (bool, int)
_LISTS: Final = (list, tuple)


def message(
    transition: Transition,
    place: Place,
    *,
    rule: SpokenRule | None,
    base_url: str,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The body of the contract, but for "key" and "transition", which the outbox's writer adds.

    `rule`: None where it is no longer in force. `zone`: for sites that have none of their own.
    The first line of each text is its headline.
    """
    alert = transition.alert
    case = Case(transition, place, rule, _link(base_url, alert), _zone(place, zone))
    return {
        "id": str(alert.id),
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "reason": transition.reason.value,
        "monitor": one_line(place.code),
        "district": one_line(place.district),
        "site": one_line(place.site),
        "street": one_line(place.street),
        "address": one_line(place.address),
        "value": finite(alert.value),
        "limit": finite(alert.limit),
        "opened_at": alert.opened_at.astimezone(case.zone).isoformat(),
        "at": transition.at.astimezone(case.zone).isoformat(),
        "evidence": trim(alert.evidence),
        "link": case.link,
        "text": {"zh": _text(case, ZH), "en": _text(case, EN)},
    }


def sentence(
    transition: Transition,
    place: Place,
    *,
    rule: SpokenRule | None,
    zone: ZoneInfo,
    language: Language,
) -> str:
    """What a headline says, without its tag and whose it is."""
    case = Case(transition, place, rule, "", _zone(place, zone))
    words = ZH if language == "zh" else EN
    return _first(words.headlines(case.alert.kind, case.stage), _facts(case, words))


def _text(case: Case, words: Words) -> str:
    facts = _facts(case, words)
    stage = case.stage
    tag = words.tags[case.alert.severity.value if stage == "firing" else stage]
    said = (_name(case, facts), _first(words.headlines(case.alert.kind, stage), facts))
    lines = [_first(templates, facts) for templates in words.lines[stage]]
    told = words.comma.join(filter(None, said))
    headline = words.headline.format(tag=tag, who=facts["who"], said=told)
    return "\n".join([headline, *filter(None, lines)])


def _name(case: Case, facts: Facts) -> str:
    """What the rule is called, where a value above a level does not say what it is a sign of."""
    says_more = case.alert.kind == "threshold" and _level(case.alert) == "level"
    says_it_anyway = case.stage in ("unfired", "removed") or "channel" not in facts
    return facts.get("title", "") if says_more and not says_it_anyway else ""


def _first(templates: Iterable[str], facts: Facts) -> str:
    """The first that can be said with these facts, or nothing."""
    for template in templates:
        try:
            return template.format_map(facts)
        except KeyError:
            continue
    return ""


def _facts(case: Case, words: Words) -> Facts:
    facts = {
        "rule": one_line(case.alert.rule),
        "title": one_line(case.rule.title(words.code)) if case.rule else "",
        "link": case.link,
        **_place(case, words),
        **_times(case, words),
        **_measured(case.alert, words),
        **particulars(case, words),
        "skipped": channels(case.alert.evidence.get("skipped"), words),
        "checks": listed(case.rule.checks(words.code), words) if case.rule else "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _place(case: Case, words: Words) -> Facts:
    if told := group(case.alert, words):
        return told
    place = case.place
    monitor = one_line(place.code)
    if not place.is_assigned:
        who = words.stray.format(monitor=monitor)
        return {"who": who, "monitor": monitor, "district": one_line(place.district) or "-"}
    street = " ".join(filter(None, map(one_line, (place.street, place.address))))
    others = [site for site in place.sites if site != place.site]
    return {
        "who": one_line(place.site) or monitor,
        "monitor": monitor,
        "where": words.comma.join(filter(None, (street, one_line(place.outlet)))) or "-",
        "others": listed(others, words),
    }


def _times(case: Case, words: Words) -> Facts:
    """To when the breach was last seen: before an alert is over, values may have been missing."""
    alert = case.alert
    end = case.transition.at if alert.is_open else alert.breached_at
    lasted = end - alert.opened_at
    return {
        "since": clock(alert.opened_at, end, case.zone),
        "until": clock(end, alert.opened_at, case.zone, is_later=True),
        "lasted": words.duration(lasted) if case.stage != "firing" or lasted >= _MINUTE else "",
    }


def _measured(alert: Alert, words: Words) -> Facts:
    """The value against its bound, in the channel's unit; a share in per cent."""
    evidence = alert.evidence
    unit = unit_of(evidence.get("channel"))
    peak = number(evidence.get("peak"))
    facts = {
        "channel": channels([evidence.get("channel")], words),
        "statistic": words.statistics.get(str(evidence.get("statistic")), ""),
        "window": _window(evidence.get("window"), words),
        "bound": words.bounds[_level(alert)],
        "beyond": words.beyond["below" if alert.value < alert.limit else "above"],
    }
    if evidence.get("statistic") == "share":
        return facts | {
            "share": percent(alert.value),
            "share_limit": percent(alert.limit),
            "share_peak": percent(peak),
            "share_above": show_number(number(evidence.get("share_above")), unit),
        }
    value, limit = show_pair(alert.value if alert.is_open else peak, alert.limit, unit)
    return facts | {"value": value, "limit": limit, "peak": value}


def _window(window: Any, words: Words) -> str:
    """From the start of its first minute to now, in whole minutes."""
    if not isinstance(window, Mapping):
        return ""
    start, end = instant(window.get("from")), instant(window.get("to"))
    return words.duration(-((start - end) // _MINUTE) * _MINUTE) if start and end else ""


def _level(alert: Alert) -> Literal["limit", "level"]:
    """Whether the value was held against the profile's limit itself or a level of the rule's."""
    sides = ("below", "above") if alert.value < alert.limit else ("above", "below")
    found = filter(None, map(alert.evidence.get, (*sides, "reaches")))
    return "limit" if next(found, "limit") in ("limit", "1 * limit") else "level"


def _link(base_url: str, alert: Alert) -> str:
    return f"{base_url.rstrip('/')}/alerts/{alert.id}" if base_url else ""


def _zone(place: Place, otherwise: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(place.hours.zone) if place.hours else otherwise


def trim(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence as JSON of at most MOST_EVIDENCE bytes: of long lists the last, newest entries."""
    for longest in (120, 30, 5):
        trimmed: dict[str, Any] = _plain(evidence, longest, depth=4)
        if len(_JSON.encode(trimmed).encode()) <= MOST_EVIDENCE:
            return trimmed
    return {"cut": f"more than {MOST_EVIDENCE} bytes; see the alert's page"}


def _plain(value: Any, longest: int, depth: int) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return one_line(value, 200)
    if isinstance(value, float):
        return finite(value)
    if value is None or isinstance(value, _WHOLE):
        return value
    if depth and isinstance(value, Mapping):
        some = list(value.items())[:longest]
        return {one_line(str(k)): _plain(v, longest, depth - 1) for k, v in some}
    if depth and isinstance(value, _LISTS):
        return [_plain(item, longest, depth - 1) for item in value[-longest:]]
    return one_line(str(value), 200)
