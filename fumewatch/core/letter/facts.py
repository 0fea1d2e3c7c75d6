"""What a layout may say: a notice's facts, in one language.

reason, severity, state, language, receiver     as in the notice
total, more         alerts it is about; those of them that are not in `alerts`
counts              {firing, resolved}
alerts              see _alert
sites               the same alerts: [{name, where, alerts}], the worst first
group, common       {label: value}; in words: ["天平路街道", "严重预警"]
title, at           of the notice; what is not known is ""
page                address of the page of all of them, or ""
to                  {name, email, phone, account, language}, or all empty
step                {name, number, of, since, until, on}, of an escalation
merged              messages that became one in a storm
picture             {src, caption}, or none: of a mail
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fumewatch.core.letter.style import shortened
from fumewatch.core.notice import Body
from fumewatch.core.words import EN, ZH, Language, Words

Facts = dict[str, Any]

_TAG: Final = re.compile(r"【([^】]{1,20})】|\[([^\]]{1,30})\] ")
_LABEL: Final = re.compile(r"([^：:。，,;]{1,24})(?:：|: )(?=.)")
_LINK_LINES: Final = ("详情：http", "Details: http")
"""Of core.wording: the page's address; the addressee's own link goes out instead."""
_SPOKEN: Final = ("severity", "district", "street", "site", "vendor", "monitor")
_NOBODY: Final = {"name": "", "email": "", "phone": "", "account": "", "language": ""}
_NO_STEP: Final[Facts] = {"name": "", "number": 0, "of": 0, "since": "", "until": "", "on": ""}
_WHOLE: Final = (
    *("link", "page", "id", "src", "since", "until", "at", "receiver", "language"),
    *("reason", "severity", "state", "change", "kind"),
)
"""Facts that are never cut: addresses, times, and what layouts ask for."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is said: alerts, lines of each, characters of each fact; None: all there is."""

    alerts: int | None = None
    lines: int | None = None
    letters: int | None = None


def facts(notice: Body, language: Language, budget: Budget) -> Facts:
    words = ZH if language == "zh" else EN
    listed = notice["alerts"]
    kept = listed[: budget.alerts]
    alerts = [_alert(alert, language, words, budget) for alert in kept]
    found = {
        **{name: notice[name] for name in ("reason", "severity", "state", "receiver", "counts")},
        "language": language,
        "total": len(listed) + notice["left_out"],
        "more": len(listed) - len(kept) + notice["left_out"],
        "alerts": alerts,
        "group": notice["group"],
        "common": list(_common(notice["group"], words)),
        "title": notice["title"].get(language, ""),
        "at": local(notice["at"]),
        "page": notice["link"],
        "to": {**_NOBODY, **(notice["to"] or {})},
        "step": _step(notice.get("step") or {}, alerts, language),
        "merged": notice.get("merged", 0),
        "picture": _picture(notice.get("picture"), language),
    }
    cut: Facts = found if budget.letters is None else _cut(found, budget.letters)
    return {**cut, "sites": _sites(cut["alerts"])}


def _alert(alert: Body, language: Language, words: Words, budget: Budget) -> Facts:
    """headline: the first line; `tag` and `told` are its two parts, `sentence` is `told` without
    the site. lines: the others, but for that of the link. pairs: these as (label, what is said)."""
    headline, *lines = alert["text"][language].split("\n")
    lines = [line for line in lines if not line.startswith(_LINK_LINES)][: budget.lines]
    match = _TAG.match(headline)
    told = headline[match.end() :] if match else headline
    own = "id rule kind severity state reason monitor district site street address value limit"
    return {
        **{name: alert[name] for name in own.split()},
        "change": alert.get("change", "firing"),
        "link": alert["link"],
        "headline": headline,
        "tag": (match[1] or match[2]) if match else words.tags[alert["severity"]],
        "told": told,
        "sentence": told.removeprefix(f"{alert['site']}：").removeprefix(f"{alert['site']}: "),
        "where": " ".join(filter(None, (alert["street"], alert["address"]))),
        "since": local(alert["opened_at"]),
        "until": local(alert["at"]) if alert["state"] == "resolved" else "",
        "lines": lines,
        "pairs": [_pair(line) for line in lines],
    }


def _pair(line: str) -> tuple[str, str]:
    match = _LABEL.match(line)
    return (match[1], line[match.end() :]) if match else ("", line)


def _common(group: Mapping[str, str], words: Words) -> Iterator[str]:
    """A rule's id and a kind say nothing to people; each alert's own text does."""
    for label, value in group.items():
        if not value or label not in _SPOKEN:
            continue
        if label == "severity":
            yield words.tags.get(value, value)
        else:
            yield words.groups["vendor"].format(name=value) if label == "vendor" else value


def _step(step: Mapping[str, Any], alerts: list[Facts], language: Language) -> Facts:
    """Of one alert that nothing else is known of: since it began, nobody acted."""
    began = {"since": alerts[0]["since"]} if len(alerts) == 1 else {}
    known = began | {name: step[name] for name in _NO_STEP if name in step}
    for name in ("since", "until"):
        known[name] = local(known.get(name) or "")
    if isinstance(known.get("name"), Mapping):
        known["name"] = known["name"].get(language, "")
    return {**_NO_STEP, **known}


def _picture(picture: Mapping[str, Any] | None, language: Language) -> Facts | None:
    if picture is None:
        return None
    return {"src": picture["src"], "caption": picture["caption"][language]}


def _sites(alerts: list[Facts]) -> list[Facts]:
    sites: dict[tuple[str, str], Facts] = {}
    for alert in alerts:
        name = alert["site"] or alert["monitor"]
        site = {"name": name, "where": alert["where"], "alerts": []}
        sites.setdefault((name, alert["where"]), site)["alerts"].append(alert)
    return list(sites.values())


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return shortened(value, most)
    if isinstance(value, Mapping):
        return {k: v if k in _WHOLE else _cut(v, most) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each, most) for each in value]
    return value


def local(moment: str) -> str:
    """2026-11-23T12:05:00+08:00 is 11-23 12:05, on the clock it is written by; else as it is."""
    try:
        return f"{datetime.fromisoformat(moment):%m-%d %H:%M}"
    except ValueError:
        return moment
