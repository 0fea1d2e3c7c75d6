import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.alert import Reason, Severity, State, Transition
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.phrases import one_line, show_pair
from fumewatch.core.site import Place
from fumewatch.core.wording import MOST_EVIDENCE, message, trim
from fumewatch.core.words import EN, ZH
from tests.core.transitions import OPENED_AT, a_place, a_transition

SHANGHAI = ZoneInfo("Asia/Shanghai")
BASE = "http://127.0.0.1:8080"
WINDOW = {"from": "2026-11-23T04:05:00+00:00", "to": "2026-11-23T04:15:00+00:00"}


@dataclass(frozen=True)
class Spoken:
    """A rule as wording sees it."""

    zh: str = "规则名"
    en: str = "rule name"
    asks: tuple[str, ...] = ()

    def title(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    def checks(self, language: str) -> Sequence[str]:
        return self.asks


def said(transition: Transition, place: Place | None = None, **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"rule": Spoken(), "base_url": BASE, "zone": SHANGHAI}
    return message(transition, place or a_place(), **{**defaults, **options})


def headlines(transition: Transition, **options: Any) -> tuple[str, str]:
    text = said(transition, **options)["text"]
    return text["zh"].partition("\n")[0], text["en"].partition("\n")[0]


MEAN: dict[str, Any] = {
    "value": 1.234,
    "limit": 1.0,
    "evidence": {
        "channel": "fume",
        "statistic": "mean",
        "window": WINDOW,
        "above": "1 * limit",
        "peak": 2.31,
    },
}
SHARE: dict[str, Any] = {
    "value": 0.72,
    "limit": 0.6,
    "evidence": {
        "channel": "fume",
        "statistic": "share",
        "share_above": 1.0,
        "window": WINDOW,
        "above": "0.6",
        "peak": 0.9,
    },
}
LOW: dict[str, Any] = {
    "value": 4.2,
    "limit": 7.0,
    "evidence": {
        "channel": "purifier_current",
        "statistic": "p95",
        "window": WINDOW,
        "below": "7",
        "peak": 3.9,
    },
}
LINKAGE: dict[str, Any] = {
    "kind": "linkage",
    "severity": Severity.CRITICAL,
    "value": 7.0,
    "limit": 5.0,
    "evidence": {"window": WINDOW, "peak": 9},
}
ABSENCE: dict[str, Any] = {
    "kind": "absence",
    "value": 35.2,
    "limit": 30.0,
    "evidence": {
        "last_measured": "2026-11-23T03:40:00+00:00",
        "last_will": "2026-11-23T03:41:00+00:00",
        "peak": 130.5,
    },
}
BEATS_AGAIN: dict[str, Any] = {
    **ABSENCE,
    "evidence": {
        **ABSENCE["evidence"],
        "cleared": {
            "last_measured": "2026-11-23T03:40:00+00:00",
            "last_heartbeat": "2026-11-23T05:50:00+00:00",
        },
    },
}
TREND: dict[str, Any] = {
    "kind": "trend",
    "severity": Severity.INFO,
    "value": 1.1,
    "limit": 1.0,
    "evidence": {
        "channel": "fume",
        "now": 0.72,
        "slope_per_hour": 0.6,
        "minutes_to_limit": 28.0,
        "reaches": "1 * limit",
        "peak": 1.3,
    },
}
OTHER: dict[str, Any] = {"kind": "unheard-of", "value": math.nan, "limit": math.nan}


@pytest.mark.parametrize(
    ("alert", "state", "zh", "en"),
    [
        (
            MEAN,
            State.PENDING,
            "【观察】老王面馆：油烟浓度 10 分钟均值 1.23 mg/m³，高于限值 1.00 mg/m³，"
            "尚未达到预警时长",
            "[Watching] 老王面馆: fume mean over 10 min 1.23 mg/m³, above the limit of 1.00 mg/m³, "
            "not yet for long enough to warn",
        ),
        (
            MEAN,
            State.FIRING,
            "【预警】老王面馆：油烟浓度 10 分钟均值 1.23 mg/m³，高于限值 1.00 mg/m³",
            "[Early warning] 老王面馆: fume mean over 10 min 1.23 mg/m³, "
            "above the limit of 1.00 mg/m³",
        ),
        (
            MEAN,
            State.RESOLVED,
            "【预警解除】老王面馆：油烟浓度已恢复，持续 10 分钟，"
            "峰值 2.31 mg/m³（限值 1.00 mg/m³）",
            "[Early warning over] 老王面馆: fume in order again after 10 min, peak 2.31 mg/m³ "
            "(limit 1.00 mg/m³)",
        ),
        (
            SHARE,
            State.FIRING,
            "【预警】老王面馆：规则名，10 分钟内 72% 的时间油烟浓度高于 1.00 mg/m³（预警线 60%）",
            "[Early warning] 老王面馆: rule name, fume above 1.00 mg/m³ for 72% of the last 10 min "
            "(warning level 60%)",
        ),
        (
            SHARE,
            State.RESOLVED,
            "【预警解除】老王面馆：规则名，油烟浓度已恢复，持续 10 分钟，"
            "时间占比最高 90%（预警线 60%）",
            "[Early warning over] 老王面馆: rule name, fume in order again after 10 min, "
            "at most 90% of the time above 1.00 mg/m³ (warning level 60%)",
        ),
        (
            LOW,
            State.FIRING,
            "【预警】老王面馆：规则名，净化器电流 10 分钟第 95 百分位值 4.20 A，低于预警线 7.00 A",
            "[Early warning] 老王面馆: rule name, purifier current 95th percentile over 10 min "
            "4.20 A, below the warning level of 7.00 A",
        ),
        (
            LINKAGE,
            State.PENDING,
            "【观察】老王面馆：风机运行而净化器未开启，最近 10 分钟内有 7 分钟，尚未达到预警时长",
            "[Watching] 老王面馆: purifier off while the fan runs, 7 min of the last 10 min, "
            "not yet for long enough to warn",
        ),
        (
            LINKAGE,
            State.FIRING,
            "【严重预警】老王面馆：风机运行而净化器未开启，最近 10 分钟内有 7 分钟",
            "[Critical early warning] 老王面馆: purifier off while the fan runs, "
            "7 min of the last 10 min",
        ),
        (
            LINKAGE,
            State.RESOLVED,
            "【预警解除】老王面馆：风机运行而净化器未开启的情况已结束，持续 10 分钟"
            "（10 分钟内最多 9 分钟）",
            "[Early warning over] 老王面馆: purifier no longer off while the fan runs, "
            "after 10 min (up to 9 min of 10 min)",
        ),
        (
            ABSENCE,
            State.PENDING,
            "【观察】老王面馆：监测仪已 35 分钟没有数据，尚未达到预警时长",
            "[Watching] 老王面馆: no data from the monitor for 35 min, "
            "not yet for long enough to warn",
        ),
        (
            ABSENCE,
            State.FIRING,
            "【预警】老王面馆：监测仪已 35 分钟没有数据",
            "[Early warning] 老王面馆: no data from the monitor for 35 min",
        ),
        (
            ABSENCE,
            State.RESOLVED,
            "【预警解除】老王面馆：监测仪恢复上报，离线 2 小时 10 分钟",
            "[Early warning over] 老王面馆: monitor reports again after 2 h 10 min offline",
        ),
        (
            BEATS_AGAIN,
            State.RESOLVED,
            "【预警解除】老王面馆：监测仪恢复通信，有心跳但尚无读数，离线 2 小时 10 分钟",
            "[Early warning over] 老王面馆: monitor is alive again after 2 h 10 min offline, "
            "but sends no reading yet",
        ),
        (
            TREND,
            State.PENDING,
            "【观察】老王面馆：油烟浓度预计 12:43 达到限值 1.00 mg/m³（约 28 分钟后），"
            "当前 0.72 mg/m³，每小时上升 0.60 mg/m³，尚未达到预警时长",
            "[Watching] 老王面馆: fume expected to reach the limit of 1.00 mg/m³ at 12:43 "
            "(in about 28 min), now 0.72 mg/m³, rising 0.60 mg/m³ an hour, "
            "not yet for long enough to warn",
        ),
        (
            TREND,
            State.FIRING,
            "【提醒】老王面馆：油烟浓度预计 12:43 达到限值 1.00 mg/m³（约 28 分钟后），"
            "当前 0.72 mg/m³，每小时上升 0.60 mg/m³",
            "[Advisory] 老王面馆: fume expected to reach the limit of 1.00 mg/m³ at 12:43 "
            "(in about 28 min), now 0.72 mg/m³, rising 0.60 mg/m³ an hour",
        ),
        (
            TREND,
            State.RESOLVED,
            "【预警解除】老王面馆：油烟浓度上升趋势已缓解，持续 10 分钟，预测值最高 1.30 mg/m³"
            "（限值 1.00 mg/m³）",
            "[Early warning over] 老王面馆: fume no longer rising towards the limit after 10 min, "
            "highest forecast 1.30 mg/m³ (limit 1.00 mg/m³)",
        ),
        (OTHER, State.FIRING, "【预警】老王面馆：规则名", "[Early warning] 老王面馆: rule name"),
        (
            OTHER,
            State.RESOLVED,
            "【预警解除】老王面馆：规则名，已恢复，持续 10 分钟",
            "[Early warning over] 老王面馆: rule name, over after 10 min",
        ),
    ],
    ids=lambda x: x.get("kind", "threshold") if isinstance(x, dict) else x[:8],
)
def test_headline(alert: dict[str, Any], state: State, zh: str, en: str) -> None:
    assert headlines(a_transition(state, **alert)) == (zh, en)


def test_a_warning_can_be_acted_on_without_opening_anything() -> None:
    alert = {**MEAN, "evidence": {**MEAN["evidence"], "skipped": ["fan_on"]}}
    text = said(
        a_transition(**alert),
        a_place(sites=("老王面馆", "小李饭店", "Pizza <3")),
        rule=Spoken("油烟浓度超标预警", "Fume above the limit", ("purifier on?", "a bypass?")),
    )["text"]
    id_ = a_transition().alert.id

    assert text["zh"].split("\n")[1:] == [
        "地点：天平路街道 衡山路 1 号，1 号排口（监测仪 MN0007）",
        "共用排口：小李饭店、Pizza <3",
        "时间：11-23 12:05 起，已持续 10 分钟",
        "现场核查：purifier on?、a bypass?",
        "注意：监测仪不上报风机状态，相应条件未核对",
        "规则：油烟浓度超标预警（exceedance）",
        f"详情：http://127.0.0.1:8080/alerts/{id_}",
        "在线数据仅作预警，不作为执法依据",
    ]
    assert text["en"].split("\n")[1:] == [
        "Where: 天平路街道 衡山路 1 号, 1 号排口 (monitor MN0007)",
        "Flue shared with: 小李饭店, Pizza <3",
        "Since: 11-23 12:05, for 10 min so far",
        "Check on site: purifier on?, a bypass?",
        "Note: the monitor never reports fan state, so that condition was not checked",
        "Rule: Fume above the limit (exceedance)",
        f"Details: http://127.0.0.1:8080/alerts/{id_}",
        "Online values are an early warning, not legal proof",
    ]


def test_silence_tells_whom_to_call() -> None:
    lines = said(a_transition(**ABSENCE))["text"]["en"].split("\n")

    assert lines[3:6] == [
        "Last reading: 11-23 11:40",
        "Connection lost: 11-23 11:41",
        "Vendor of the monitor: acme",
    ]


def test_an_end_says_from_when_to_when() -> None:
    same_day = said(a_transition(State.RESOLVED, **MEAN))["text"]
    days = said(a_transition(State.RESOLVED, lasting=timedelta(days=2, hours=3), **MEAN))["text"]
    years = said(a_transition(State.RESOLVED, lasting=timedelta(days=60), **MEAN))["text"]

    assert "时间：11-23 12:05 至 12:15" in same_day["zh"]
    assert "When: 11-23 12:05 to 11-25 15:05" in days["en"]
    assert "after 2 d 3 h," in days["en"]
    assert "When: 2026-11-23 12:05 to 2027-01-22 12:05" in years["en"]


def test_an_end_does_not_count_the_time_in_which_values_were_missing() -> None:
    seen = OPENED_AT + timedelta(minutes=9)
    text = said(a_transition(State.RESOLVED, lasting=timedelta(hours=3), breached_at=seen, **MEAN))[
        "text"
    ]

    assert "持续 9 分钟" in text["zh"]
    assert "When: 11-23 12:05 to 12:14" in text["en"]


def test_a_peak_and_its_limit_have_as_many_places() -> None:
    zh, _ = headlines(a_transition(State.RESOLVED, **{**MEAN, "value": 0.9995}))

    assert zh.endswith("峰值 2.31 mg/m³（限值 1.00 mg/m³）")


@pytest.mark.parametrize(
    ("value", "limit", "bound"), [(1.2, 1.0, "the limit of 1.00"), (0.01, 0.02, "level of 0.02")]
)
def test_a_band_is_told_by_the_side_that_was_left(value: float, limit: float, bound: str) -> None:
    evidence = {**MEAN["evidence"], "above": "1 * limit", "below": "0.02"}
    _, en = headlines(a_transition(value=value, limit=limit, evidence=evidence))

    assert bound in en


def test_a_limit_about_to_be_met_is_a_minute_off() -> None:
    evidence = {**TREND["evidence"], "minutes_to_limit": 0.3}

    assert "（约 1 分钟后）" in headlines(a_transition(**{**TREND, "evidence": evidence}))[0]


def test_times_are_the_sites_own() -> None:
    hours = BusinessHours.parse("10:00-22:00", "Asia/Urumqi")

    assert "时间：11-23 10:05 起" in said(a_transition(), a_place(hours=hours))["text"]["zh"]


def test_an_unassigned_monitor_is_said_to_be_one() -> None:
    stray = Place(monitor=9, code="MN0009", district="xuhui")
    body = said(a_transition(**MEAN), stray)

    assert body["text"]["zh"].startswith("【预警】未分配监测仪 MN0009：油烟浓度 10 分钟均值")
    assert "未分配：监测仪 MN0009（xuhui）尚未分配到餐饮单位和排口，请先分配" in body["text"]["zh"]
    assert body["text"]["en"].startswith("[Early warning] unassigned monitor MN0009: fume mean")
    assert "belongs to no site and outlet yet; assign it first" in body["text"]["en"]
    assert (body["site"], body["street"], body["address"]) == ("", "", "")


@pytest.mark.parametrize(
    ("reason", "rule", "zh", "en"),
    [
        (
            Reason.CLEARED_EARLY,
            Spoken(),
            "【观察结束】老王面馆：规则名，未达到预警时长即恢复",
            "[Watch over] 老王面馆: rule name, over before it was long enough to warn",
        ),
        (
            Reason.RULE_REMOVED,
            None,
            "【预警关闭】老王面馆：规则 exceedance 已停用，现场情况未确认",
            "[Early warning closed] 老王面馆: rule exceedance no longer in force, "
            "state of the site not confirmed",
        ),
    ],
)
def test_an_end_that_is_no_all_clear(reason: Reason, rule: Spoken | None, zh: str, en: str) -> None:
    assert headlines(a_transition(State.RESOLVED, reason=reason, **MEAN), rule=rule) == (zh, en)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", ["threshold", "linkage", "absence", "trend", "cleaning"])
def test_without_any_evidence_it_still_speaks(kind: str, state: State) -> None:
    transition = a_transition(state, kind=kind, value=math.nan, limit=math.nan)
    bare = a_place(street="", address="", outlet="", vendor="", sites=())
    body = said(transition, bare, rule=None, base_url="")

    for text in body["text"].values():
        assert text.startswith(("【", "["))
        assert "nan" not in text.lower().replace("1 号", "")
        assert "{" not in text
        assert "http" not in text
    assert body["value"] is None
    assert body["limit"] is None
    json.dumps(body, allow_nan=False)


EVIL = "<b>甲</b>\r\nBcc: all@x\x00\u202e\u2028{rule}" + "长" * 300


def test_hostile_names_stay_on_their_line() -> None:
    place = a_place(
        site=EVIL, sites=(EVIL, EVIL + "2"), street=EVIL, address=EVIL, outlet=EVIL, code=EVIL
    )
    body = said(a_transition(**MEAN), place, rule=Spoken(EVIL, EVIL, (EVIL,)))
    honest = said(a_transition(**MEAN), a_place(sites=("a", "b")), rule=Spoken(asks=("?",)))

    for language in ("zh", "en"):
        assert body["text"][language].count("\n") == honest["text"][language].count("\n")
        assert body["text"][language].replace("\n", "").isprintable()
        assert "{rule}" in body["text"][language]  # nobody else's template is filled in
    assert all(body[name].isprintable() for name in ("site", "street", "address", "monitor"))
    assert len(json.dumps(body, ensure_ascii=False)) < 8000


def test_the_body_is_the_contracts() -> None:
    body = said(a_transition(**MEAN))

    assert list(body) == [
        "id",
        "rule",
        "kind",
        "severity",
        "state",
        "reason",
        "monitor",
        "district",
        "site",
        "street",
        "address",
        "value",
        "limit",
        "opened_at",
        "at",
        "evidence",
        "link",
        "text",
    ]
    assert body["opened_at"] == "2026-11-23T12:05:00+08:00"  # on the site's clock
    assert body["at"] == "2026-11-23T12:15:00+08:00"
    assert body["reason"] == "breach held"
    assert json.loads(json.dumps(body, allow_nan=False)) == body


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (0.82, 1.0, ("0.82 u", "1.00 u")),
        (1.004, 1.0, ("1.004 u", "1.000 u")),
        (1.00004, 1.0, ("1.0000 u", "1.0000 u")),
        (12.34, 10.0, ("12.3 u", "10.0 u")),
        (9.96, 10.0, ("9.96 u", "10.00 u")),
        (250.4, 200.0, ("250 u", "200 u")),
        (math.nan, 1.0, ("", "1.00 u")),
        (math.inf, math.nan, ("", "")),
    ],
)
def test_two_numbers_are_told_apart(value: float, limit: float, shown: tuple[str, str]) -> None:
    assert show_pair(value, limit, "u") == shown


@pytest.mark.parametrize(
    ("length", "zh", "en"),
    [
        (timedelta(seconds=59), "不到 1 分钟", "less than 1 min"),
        (timedelta(minutes=35, seconds=59), "35 分钟", "35 min"),
        (timedelta(hours=2), "2 小时", "2 h"),
        (timedelta(hours=2, minutes=5), "2 小时 5 分钟", "2 h 5 min"),
        (timedelta(days=1, hours=3, minutes=5), "1 天 3 小时", "1 d 3 h"),
        (timedelta(days=40), "40 天", "40 d"),
    ],
)
def test_durations(length: timedelta, zh: str, en: str) -> None:
    assert (ZH.duration(length), EN.duration(length)) == (zh, en)


def test_evidence_keeps_the_newest_of_long_lists() -> None:
    trimmed = trim(
        {"values": list(range(1000)), "times": ["t"] * 50, "n": math.nan, "at": OPENED_AT}
    )

    assert trimmed["values"] == list(range(880, 1000))
    assert trimmed["times"] == ["t"] * 50
    assert trimmed["n"] is None
    assert trimmed["at"] == "2026-11-23T04:05:00+00:00"


@pytest.mark.parametrize(
    "evidence",
    [
        {"text": "x" * 100_000},
        {str(n): n for n in range(10_000)},
        {"points": [["2026-11-23T04:05:00+00:00", n / 7] for n in range(5000)]},
        {str(n): ["长" * 200] * 200 for n in range(200)},
        {"deep": [[[[[[[1]]]]]]], "odd": {1: {2, 3}}, "when": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_evidence_of_any_size_is_small(evidence: dict[str, Any]) -> None:
    trimmed = trim(evidence)

    assert trimmed
    assert len(json.dumps(trimmed, ensure_ascii=False, allow_nan=False).encode()) <= MOST_EVIDENCE


def test_no_text_speaks_of_violation() -> None:
    everything = f"{ZH}{EN}"

    assert not re.search("违法|违规|violat|illegal|offen[cs]e", everything)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fine", "fine"),
        ("  two\r\nlines\t", "two lines"),
        ("nul\x00 esc\x1b[0m sep\u2028end", "nul esc [0m sep end"),
        ("x" * 81, "x" * 79 + "…"),
        ("", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
