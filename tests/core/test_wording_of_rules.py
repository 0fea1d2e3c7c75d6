"""What is said of alerts that the rules themselves opened: wording reads the evidence they give."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.alert import State
from fumewatch.core.wording import message
from tests.core.scene import ZONE, Monitor, judge, rule_of, view_of, wavering
from tests.core.transitions import a_place

RISING = [round(0.3 + 0.01 * minute, 3) for minute in range(45)]
ON, OFF = [1.0] * 60, [0.0] * 60
EXCEEDANCE = {"kind": "threshold", "channel": "fume", "window": "10m"}


def first_lines(rule: Any, monitor: Monitor) -> tuple[str, str]:
    """The headlines of the alert that this rule opens at this monitor."""
    (step,) = judge(rule, view_of(monitor), {})
    assert step.transition
    assert step.transition.alert.state is State.FIRING
    text = message(
        step.transition,
        a_place(monitor=0),
        rule=rule,
        base_url="http://127.0.0.1:8080",
        zone=ZoneInfo(ZONE),
    )["text"]
    return text["zh"].split("\n")[0], text["en"].split("\n")[0]


@pytest.mark.parametrize(
    ("rule", "monitor", "zh", "en"),
    [
        (
            {**EXCEEDANCE, "above": "limit", "when": {"fan_on": True}},
            {"fume": wavering(1.25, 60), "fan_on": ON},
            "【预警】老王面馆：油烟浓度 10 分钟均值 1.25 mg/m³，高于限值 1.00 mg/m³",
            "[Early warning] 老王面馆: fume mean over 10 min 1.25 mg/m³, "
            "above the limit of 1.00 mg/m³",
        ),
        (
            {**EXCEEDANCE, "above": "2 * limit", "severity": "critical"},
            {"fume": wavering(2.5, 60)},
            "【严重预警】老王面馆：油烟浓度异常预警，油烟浓度 10 分钟均值 2.50 mg/m³，"
            "高于预警线 2.00 mg/m³",
            "[Critical early warning] 老王面馆: fume out of bounds, fume mean over 10 min "
            "2.50 mg/m³, above the warning level of 2.00 mg/m³",
        ),
        (
            {**EXCEEDANCE, "statistic": "share", "share_above": "limit", "above": 0.6},
            {"fume": wavering(1.25, 60)},
            "【预警】老王面馆：油烟浓度异常预警，10 分钟内 100% 的时间油烟浓度高于 1.00 mg/m³"
            "（预警线 60%）",
            "[Early warning] 老王面馆: fume out of bounds, fume above 1.00 mg/m³ for 100% of the "
            "last 10 min (warning level 60%)",
        ),
        (
            {"kind": "linkage", "window": "20m", "at_least": "10m", "severity": "critical"},
            {"fan_on": ON, "purifier_on": OFF},
            "【严重预警】老王面馆：风机运行而净化器未开启，最近 20 分钟内有 20 分钟",
            "[Critical early warning] 老王面馆: purifier off while the fan runs, "
            "20 min of the last 20 min",
        ),
        (
            {"kind": "absence", "in_hours": "30m"},
            {"fume": [*wavering(0.1, 10), *[None] * 39]},
            "【预警】老王面馆：监测仪已 40 分钟没有数据",
            "[Early warning] 老王面馆: no data from the monitor for 40 min",
        ),
        (
            {"kind": "trend", "channel": "fume", "severity": "info"},
            {"fume": RISING},
            "【提醒】老王面馆：油烟浓度预计 12:26 达到限值 1.00 mg/m³（约 26 分钟后），"
            "当前 0.74 mg/m³，每小时上升 0.60 mg/m³",
            "[Advisory] 老王面馆: fume expected to reach the limit of 1.00 mg/m³ at 12:26 "
            "(in about 26 min), now 0.74 mg/m³, rising 0.60 mg/m³ an hour",
        ),
    ],
    ids=["mean", "level", "share", "linkage", "absence", "trend"],
)
def test_each_kind_of_rule_is_told_in_full(
    rule: dict[str, Any], monitor: Monitor, zh: str, en: str
) -> None:
    assert first_lines(rule_of(**rule), monitor) == (zh, en)
