"""What is said of alerts about many monitors, and about what happened before."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.alert import Reason, State
from fumewatch.core.rules.complaint import Complaint
from fumewatch.core.rules.flatline import Flatline
from fumewatch.core.rules.jump import Jump
from fumewatch.core.rules.mismatch import Mismatch
from fumewatch.core.rules.outage import Outage
from fumewatch.core.rules.recurrence import Recurrence
from fumewatch.core.wording import message
from tests.core.history import complaints, happenings, openings, past, rule_of
from tests.core.instants import heard_of, settled
from tests.core.scene import ZONE, place, roster_of, wavering
from tests.core.transitions import a_place, a_transition

AT = datetime(2026, 11, 23, 12, 1, tzinfo=ZoneInfo(ZONE))
DAYS = ("21 12:00", "22 12:00", "23 11:00")


def flatline() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Flatline)
    return rule, rule.evidence(settled({"fume": [*wavering(0.5, 30), *[0.8] * 36]}), 0, 0)


def jump() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Jump)
    steps = [value for level in (0.2, 0.2, 0.2, 0.5) for value in wavering(level, 10)]
    return rule, rule.evidence(settled({"fume": steps}), 0, 0)


def outage() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Outage)
    roster = roster_of(*(place(i, vendor="acme") for i in range(8)))
    view = heard_of(
        "23 12:00", ["23 11:30"] * 4 + ["23 11:40"] * 2 + ["23 11:59"] * 2, roster=roster
    )
    return rule, rule.evidence(view, 0, 0)


def outage_in_a_street() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Outage, by="street")
    view = heard_of("23 12:00", ["23 11:30"] * 8, roster=roster_of(*map(place, range(8))))
    return rule, rule.evidence(view, 0, 0)


def days() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Recurrence, rules=["exceedance"], count="days")
    return rule, rule.evidence(past("23 18:00", {"exceedance": openings(*DAYS)}), 0)


def alerts() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Recurrence, rules=["offline"], restarts=True, within="14d")
    of = past("23 18:00", {"offline": openings(*DAYS[:2])}, restarts=happenings(DAYS[2]))
    return rule, rule.evidence(of, 0)


def mismatch() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Mismatch)
    return rule, rule.evidence(past("23 18:00", findings=happenings(*DAYS)), 0)


def complaint() -> tuple[Any, dict[str, Any]]:
    rule = rule_of(Complaint)
    roster = roster_of(place(latitude=31.2, longitude=121.4))
    told = complaints(("23 11:30", 31.2009, 121.4))
    of = past("23 12:00", {"exceedance": openings("23 11:00")}, roster=roster, complaints=told)
    return rule, rule.evidence(of, 0)


def texts(
    found: tuple[Any, dict[str, Any]], state: State = State.FIRING, **more: Any
) -> tuple[list[str], list[str]]:
    """The lines in Chinese and in English."""
    rule, evidence = found
    transition = a_transition(
        state,
        kind=rule.kind,
        rule="it",
        value=evidence.get("value") or 0.0,
        limit=evidence.get("limit") or 0.0,
        evidence=evidence,
        lasting=timedelta(minutes=40),
        **more,
    )
    body = message(transition, a_place(), rule=rule, base_url="", zone=ZoneInfo(ZONE))
    zh, en = (body["text"][language].split("\n") for language in ("zh", "en"))
    return zh, en


@pytest.mark.parametrize(
    ("found", "zh", "en"),
    [
        (
            flatline,
            "【预警】老王面馆：油烟浓度已 35 分钟没有变化，停在 0.80 mg/m³",
            "[Early warning] 老王面馆: fume unchanged for 35 min, stuck at 0.80 mg/m³",
        ),
        (
            jump,
            "【预警】老王面馆：油烟浓度 10 分钟均值由 0.20 mg/m³ 升至 0.50 mg/m³（2.5 倍）",
            "[Early warning] 老王面馆: fume mean over 10 min up from 0.20 mg/m³ to 0.50 mg/m³ "
            "(2.5 times)",
        ),
        (
            outage,
            "【预警】设备厂商 acme：8 台监测仪中有 6 台同时没有数据",
            "[Early warning] vendor acme: 6 of 8 monitors silent at once",
        ),
        (
            outage_in_a_street,
            "【预警】天平路街道：8 台监测仪中有 8 台同时没有数据",
            "[Early warning] 天平路街道: 8 of 8 monitors silent at once",
        ),
        (
            days,
            "【预警】老王面馆：反复告警，30 天内有 3 天触发（预警线 3 天）",
            "[Early warning] 老王面馆: the same alerts again and again, days within 30 d: 3 "
            "(warning level 3)",
        ),
        (
            alerts,
            "【预警】老王面馆：反复告警，14 天内触发 3 次（预警线 3 次）",
            "[Early warning] 老王面馆: the same alerts again and again, times within 14 d: 3 "
            "(warning level 3)",
        ),
        (
            mismatch,
            "【预警】老王面馆：设备统计值与平台计算不符，7 天内有 3 天触发（预警线 3 天）",
            "[Early warning] 老王面馆: device's own means differ from ours, days within 7 d: 3 "
            "(warning level 3)",
        ),
        (
            complaint,
            "【预警】老王面馆：预警附近有居民投诉，11-23 11:30 有居民投诉，距监测仪约 100 m；"
            "11-23 11:00 曾触发规则 exceedance",
            "[Early warning] 老王面馆: complaint near an alert, a resident complained at "
            "11-23 11:30, about 100 m from the monitor; rule exceedance opened an alert at "
            "11-23 11:00",
        ),
    ],
)
def test_headline(found: Callable[[], tuple[Any, dict[str, Any]]], zh: str, en: str) -> None:
    chinese, english = texts(found())
    assert (chinese[0], english[0]) == (zh, en)


@pytest.mark.parametrize(
    ("found", "peak", "zh", "en"),
    [
        (flatline, 35, "油烟浓度恢复变化，持续 40 分钟", "fume changes again after 40 min"),
        (
            jump,
            0.6,
            "油烟浓度突变已结束，持续 40 分钟，峰值 0.60 mg/m³",
            "sudden rise of fume over after 40 min, peak 0.60 mg/m³",
        ),
        (
            outage,
            7,
            "监测仪已恢复上报，持续 40 分钟，最多 7 台没有数据",
            "monitors report again after 40 min, up to 7 were silent",
        ),
        (
            days,
            4,
            "反复告警，已恢复，持续 40 分钟",
            "the same alerts again and again, over after 40 min",
        ),
    ],
)
def test_the_end(
    found: Callable[[], tuple[Any, dict[str, Any]]], peak: float, zh: str, en: str
) -> None:
    rule, evidence = found()
    seen = AT.astimezone(ZoneInfo("UTC")) + timedelta(minutes=44)
    told = texts((rule, evidence | {"peak": peak}), State.RESOLVED, breached_at=seen)
    assert [lines[0].split("：" if i == 0 else ": ", 1)[1] for i, lines in enumerate(told)] == [
        zh,
        en,
    ]


def test_an_outage_is_of_no_single_place() -> None:
    chinese, english = texts(outage())
    assert chinese[1:4] == [
        "时间：11-23 12:05 起，已持续 40 分钟",
        "失联时间：11-23 11:30 至 11-23 11:40",
        "现场核查：联系设备厂商，核实平台或网络故障、核实所在街镇是否停电、断网",
    ]
    assert "Fell silent: 11-23 11:30 to 11-23 11:40" in english
    assert not any("老王面馆" in line or "MN0007" in line for line in chinese + english)


def test_when_it_happened_before_is_told() -> None:
    chinese, english = texts(alerts())
    assert "发生日期：11-21、11-22、11-23" in chinese
    assert "其中设备重启：1 次" in chinese
    assert "Dates: 11-21, 11-22, 11-23" in english


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    "kind", ["flatline", "jump", "outage", "recurrence", "mismatch", "complaint"]
)
@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"by": "vendor", "name": None, "last_signs": {"from": "?"}, "days": 3, "within_days": "x"},
        {"by": "vendor", "name": "{x}\n", "last_signs": [], "value": "3", "complaint_at": 7},
    ],
    ids=["none", "odd", "odder"],
)
def test_whatever_the_evidence_it_still_speaks(
    kind: str, state: State, evidence: dict[str, Any]
) -> None:
    transition = a_transition(state, kind=kind, evidence=evidence, reason=Reason.BREACHED)
    body = message(transition, a_place(), rule=None, base_url="", zone=ZoneInfo(ZONE))
    for text in body["text"].values():
        assert text.startswith(("【", "["))
        assert "nan" not in text.lower()
