"""What is said of alerts of day rules: wording reads the evidence that the rules give."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.core.alert import Reason, State
from fumewatch.core.outlook import cleaning_due, is_overdue, outlook
from fumewatch.core.wording import message, sentence
from tests.core.days_scene import LAST, ago, day_rule, days_of
from tests.core.scene import ZONE
from tests.core.transitions import a_place, a_transition

Found = tuple[Any, dict[str, Any]]
RISING = [round(0.2 + 0.01 * n + 0.03 * (n * 7 % 5 - 2), 3) for n in range(28)]


def deterioration(of: str = "peak") -> Found:
    rule = day_rule(kind="deterioration", of=of, clear_beyond="90d", horizon="60d")
    days = days_of({"fume": RISING}, peak={"fume": [1.5 * value for value in RISING]})
    return rule, rule.evidence(days, 0)


def baseline(cleaned: int | None = 20) -> Found:
    rule = day_rule(kind="baseline")
    currents = np.where(np.arange(28) < 20, 2.0, 1.2)
    since = [ago(cleaned)] if cleaned else []
    return rule, rule.evidence(days_of({"purifier_current": currents}, cleaned=since), 0)


def cleaning(back: int, **fields: Any) -> Found:
    rule = day_rule(kind="cleaning", **fields)
    days = days_of({"fume": [0.3] * 91}, cleaned=[ago(back)])
    return rule, rule.evidence(days, 0)


def linkage_rate() -> Found:
    rule = day_rule(kind="linkage_rate")
    return rule, rule.evidence(days_of(linkage_known=[500], linkage_on=[400]), 0)


def validity(of: str) -> Found:
    rule = day_rule(kind="validity", of=of)
    return rule, rule.evidence(days_of(valid=[700], valid_open=[0]), 0)


def headline(found: Found, state: State = State.FIRING, **more: Any) -> tuple[str, str]:
    """In Chinese and in English."""
    rule, evidence = found
    transition = a_transition(
        state,
        kind=rule.kind,
        rule="it",
        value=evidence["value"],
        limit=evidence["limit"],
        evidence=evidence | more,
        lasting=timedelta(days=2),
        breached_at=a_transition().alert.opened_at + timedelta(days=1),
    )
    body = message(transition, a_place(), rule=rule, base_url="", zone=ZoneInfo(ZONE))
    zh, en = (body["text"][code].split("\n")[0] for code in ("zh", "en"))
    for language, line in (("zh", zh), ("en", en)):
        said = sentence(transition, a_place(), rule=rule, zone=ZoneInfo(ZONE), language=language)
        assert line.endswith(said), "the page says what the message says"
    return zh, en


@pytest.mark.parametrize(
    ("found", "zh", "en"),
    [
        (
            deterioration,
            "【预警】老王面馆：油烟浓度日常峰值逐日上升，预计 2026-12-12 达到限值 1.00 mg/m³"
            "（2026-12-05 至 2026-12-19 之间），目前 0.70 mg/m³，每周上升 0.11 mg/m³",
            "[Early warning] 老王面馆: fume (peak of a typical day) rising day by day, expected to "
            "reach the limit of 1.00 mg/m³ on 2026-12-12, between 2026-12-05 and 2026-12-19; "
            "now 0.70 mg/m³, rising 0.11 mg/m³ a week",
        ),
        (
            baseline,
            "【预警】老王面馆：净化器电流为清洗后基线的 60%（预警线 70%），"
            "目前 1.20 A，基线 2.00 A",
            "[Early warning] 老王面馆: purifier current at 60% of what it was after the cleaning "
            "(warning level 70%), now 1.20 A, then 2.00 A",
        ),
        (
            lambda: baseline(None),
            "【预警】老王面馆：净化器电流为自身基线的 60%（预警线 70%），目前 1.20 A，基线 2.00 A",
            "[Early warning] 老王面馆: purifier current at 60% of its own baseline "
            "(warning level 70%), now 1.20 A, baseline 2.00 A",
        ),
        (
            lambda: cleaning(85),
            "【预警】老王面馆：净化器应于 2026-11-27 前清洗，上次清洗 2026-08-29",
            "[Early warning] 老王面馆: purifier due for cleaning by 2026-11-27, "
            "last cleaned on 2026-08-29",
        ),
        (
            lambda: cleaning(90, warn_before="0d"),
            "【预警】老王面馆：净化器清洗已逾期，应于 2026-11-22 前清洗，上次清洗 2026-08-24",
            "[Early warning] 老王面馆: purifier overdue for cleaning since 2026-11-22, "
            "last cleaned on 2026-08-24",
        ),
        (
            linkage_rate,
            "【预警】老王面馆：2026-11-22 净化器联动率 80%（预警线 90%），"
            "风机运行的 8 小时 20 分钟中有 1 小时 40 分钟未开启净化器",
            "[Early warning] 老王面馆: purifier on for 80% of the fan's time on 2026-11-22 "
            "(warning level 90%), off for 1 h 40 min of 8 h 20 min",
        ),
        (
            lambda: validity("readings"),
            "【预警】老王面馆：2026-11-22 监测数据有效率 50%（预警线 90%），"
            "有读数的 23 小时 20 分钟中有效 11 小时 40 分钟",
            "[Early warning] 老王面馆: 50% of the readings valid on 2026-11-22 (warning level 90%)"
            ", 11 h 40 min of 23 h 20 min",
        ),
        (
            lambda: validity("open"),
            "【预警】老王面馆：2026-11-22 营业时间数据有效率 0%（预警线 90%），"
            "9 小时 30 分钟中有效 0 分钟",
            "[Early warning] 老王面馆: 0% of business hours with valid data on 2026-11-22 "
            "(warning level 90%), 0 min of 9 h 30 min",
        ),
    ],
)
def test_headline(found: Callable[[], Found], zh: str, en: str) -> None:
    assert headline(found()) == (zh, en)


@pytest.mark.parametrize(
    ("found", "peak", "cleared", "zh", "en"),
    [
        (
            deterioration,
            20.0,
            {"cleaned": "2026-11-23"},
            "油烟浓度逐日上升已缓解，持续 1 天，净化器已于 2026-11-23 清洗",
            "fume no longer rising day by day after 1 d, purifier cleaned on 2026-11-23",
        ),
        (
            deterioration,
            20.0,
            {"cleaned": None},
            "油烟浓度逐日上升已缓解，持续 1 天",
            "fume no longer rising day by day after 1 d",
        ),
        (
            baseline,
            0.55,
            {"value": 0.97},
            "净化器电流已恢复，为基线的 97%，持续 1 天，最低 55%（预警线 70%）",
            "purifier current in order again after 1 d, at 97% of its baseline, 55% at the lowest "
            "(warning level 70%)",
        ),
        (
            lambda: cleaning(85),
            5.0,
            {"cleaned": "2026-11-23"},
            "净化器已于 2026-11-23 清洗",
            "purifier cleaned on 2026-11-23",
        ),
        (
            linkage_rate,
            0.72,
            {"value": 0.98},
            "净化器联动率已恢复至 98%，持续 1 天，最低 72%（预警线 90%）",
            "purifier on for 98% of the fan's time again after 1 d, 72% at the lowest "
            "(warning level 90%)",
        ),
        (
            lambda: validity("readings"),
            0.5,
            {"value": None},
            "监测数据有效率已恢复，持续 1 天",
            "enough of the data valid again after 1 d",
        ),
    ],
)
def test_the_end(
    found: Callable[[], Found], peak: float, cleared: dict[str, Any], zh: str, en: str
) -> None:
    told = headline(found(), State.RESOLVED, peak=peak, cleared=cleared)
    assert told == (f"【预警解除】老王面馆：{zh}", f"[Early warning over] 老王面馆: {en}")


def test_the_fan_may_be_what_makes_a_cleaning_due() -> None:
    rule, evidence = cleaning(40, fan_hours=400)
    assert evidence["by"] == "fan_hours"
    transition = a_transition(kind="cleaning", evidence=evidence, value=evidence["value"])
    text = message(transition, a_place(), rule=rule, base_url="", zone=ZoneInfo(ZONE))["text"]
    assert "净化器应于 2026-11-27 前清洗，上次清洗 2026-10-13" in text["zh"]
    assert "风机运行：上次清洗后已运行 360 h，上限 400 h" in text["zh"]
    assert "Fan: has run 360 h since the last cleaning, of 400 h at most" in text["en"]


@pytest.mark.parametrize(
    ("left", "between", "on", "earliest", "latest"),
    [
        (7.0, [5.2, 9.9], 7, 6, 10),
        (0.4, [0.0, 1.0], 1, 0, 1),
        (7.0, [5.0, None], 7, 5, None),
        (7.0, "odd", 7, None, None),
        (7.0, None, 7, None, None),
    ],
)
def test_the_day_is_the_first_that_reaches_it(
    left: float, between: Any, on: int, earliest: int | None, latest: int | None
) -> None:
    evidence = {"days": [str(LAST)], "days_to_limit": left, "days_to_limit_between": between}
    found = outlook(evidence)
    assert found is not None
    assert found.on == LAST + timedelta(days=on)
    assert (found.earliest, found.latest) == (
        None if earliest is None else LAST + timedelta(days=earliest),
        None if latest is None else LAST + timedelta(days=latest),
    )


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"days": [], "days_to_limit": 3},
        {"days": ["2026-13-01"], "days_to_limit": 3},
        {"days": ["2026-11-22"], "days_to_limit": None},
        {"days": ["2026-11-22"], "days_to_limit": 1e9},
        {"days": "2026-11-22", "days_to_limit": 3},
    ],
)
def test_without_a_day_there_is_no_outlook(evidence: dict[str, Any]) -> None:
    assert outlook(evidence) is None


@pytest.mark.parametrize(("left", "overdue"), [(7, False), (0.5, False), (0, True), (-5, True)])
def test_a_due_day_that_passed_is_overdue(left: float, overdue: bool) -> None:
    evidence = {"cleaned": "2026-09-01", "cycle_days": 90, "value": left, "by": "cycle"}
    assert is_overdue(evidence) is overdue
    assert cleaning_due(evidence) == date(2026, 11, 30)


KINDS = ("deterioration", "baseline", "cleaning", "linkage_rate", "validity")
ODD: tuple[dict[str, Any], ...] = (
    {},
    {"days": 3, "cleaned": "{x}", "value": "3", "day": [], "cleared": 7, "channel": "smoke"},
    {"days": ["2026-11-22"], "days_to_limit": None, "cleared": {"cleaned": 1}, "of": "\n"},
)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("evidence", ODD, ids=["none", "odd", "odder"])
def test_whatever_the_evidence_it_still_speaks(
    kind: str, state: State, evidence: dict[str, Any]
) -> None:
    transition = a_transition(state, kind=kind, evidence=evidence, reason=Reason.BREACHED)
    body = message(transition, a_place(), rule=None, base_url="", zone=ZoneInfo(ZONE))
    for text in body["text"].values():
        assert text.startswith(("【", "["))
        assert "nan" not in text.lower()
        assert "violation" not in text
        assert "违法" not in text
