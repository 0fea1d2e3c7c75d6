"""The words of notifications, a table per language: what wording.py puts facts into.

A headline is a list of templates, best first; one that needs a fact which is not known is passed
over. A line is such a list too, and is left out where none of it can be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from fumewatch.core.sayings import SAID_EN, SAID_ZH, Templates

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """`said` and `lines` by (kind, stage) and by stage; a stage is firing, pending, resolved,
    unfired (over before it fired) or removed (the rule is gone, nothing is known of the site)."""

    code: Language
    headline: str
    said: Mapping[tuple[str, str], Templates]
    said_of_any: Mapping[str, Templates]
    lines: Mapping[str, tuple[Templates, ...]]
    tags: Mapping[str, str]
    statistics: Mapping[str, str]
    bounds: Mapping[str, str]
    beyond: Mapping[str, str]
    tops: Mapping[str, str]
    comma: str
    list_comma: str
    stray: str
    groups: Mapping[str, str]
    units: tuple[str, str, str]
    moment: str

    def headlines(self, kind: str, stage: str) -> Templates:
        """The last one needs nothing but the rule's id, which there always is."""
        return (*self.said.get((kind, stage), ()), *self.said_of_any[stage], "{rule}")

    def duration(self, length: timedelta) -> str:
        """In the two largest units that matter to a person: 35 min, 2 h 5 min, 1 d 3 h."""
        minutes = int(length.total_seconds() // 60)
        if minutes < 1:
            return self.moment
        days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [(days, self.units[0]), (hours, self.units[1]), (minutes, self.units[2])]
        shown = parts[:2] if days else parts
        return " ".join(f"{n} {unit}" for n, unit in shown if n)


_WHERE_ZH: Final = (
    "地点：{where}（监测仪 {monitor}）",
    "未分配：监测仪 {monitor}（{district}）尚未分配到餐饮单位和排口，请先分配",
)
_WHERE_EN: Final = (
    "Where: {where} (monitor {monitor})",
    "Unassigned: monitor {monitor} ({district}) belongs to no site and outlet yet; assign it first",
)
_RULE_ZH: Final = ("规则：{title}（{rule}）", "规则：{rule}")
_RULE_EN: Final = ("Rule: {title} ({rule})", "Rule: {rule}")
_SHARED_ZH: Final = ("共用排口：{others}",)
_SHARED_EN: Final = ("Flue shared with: {others}",)
_LINK_ZH: Final = ("详情：{link}",)
_LINK_EN: Final = ("Details: {link}",)
_SINCE_ZH: Final = ("时间：{since} 起，已持续 {lasted}", "时间：{since} 起")
_SINCE_EN: Final = ("Since: {since}, for {lasted} so far", "Since: {since}")
_NO_PROOF_ZH: Final = ("在线数据仅作预警，不作为执法依据",)
_NO_PROOF_EN: Final = ("Online values are an early warning, not legal proof",)
_OVER_ZH: Final = (_WHERE_ZH, _SHARED_ZH, ("时间：{since} 至 {until}",), _RULE_ZH, _LINK_ZH)
_OVER_EN: Final = (_WHERE_EN, _SHARED_EN, ("When: {since} to {until}",), _RULE_EN, _LINK_EN)

ZH: Final = Words(
    code="zh",
    headline="【{tag}】{who}：{said}",
    tags={
        "info": "提醒",
        "warning": "预警",
        "critical": "严重预警",
        "pending": "观察",
        "resolved": "预警解除",
        "unfired": "观察结束",
        "removed": "预警关闭",
    },
    said=SAID_ZH,
    said_of_any={
        "firing": ("{title}",),
        "pending": ("{title}，尚未达到预警时长",),
        "resolved": ("{title}，已恢复，持续 {lasted}",),
        "unfired": ("{title}，未达到预警时长即恢复", "规则 {rule} 未达到预警时长即恢复"),
        "removed": (
            "{title}，规则已停用，现场情况未确认",
            "规则 {rule} 已停用，现场情况未确认",
        ),
    },
    lines={
        "firing": (
            _WHERE_ZH,
            _SHARED_ZH,
            _SINCE_ZH,
            ("最后读数：{last_reading}",),
            ("最后心跳：{last_heartbeat}",),
            ("断线通知：{last_will}",),
            ("设备厂商：{vendor}",),
            ("失联时间：{first_silent} 至 {last_silent}",),
            ("发生日期：{dates}",),
            ("其中设备重启：{restarts} 次",),
            ("风机运行：上次清洗后已运行 {fan_hours}，上限 {fan_hours_limit}",),
            ("现场核查：{checks}",),
            ("注意：监测仪不上报{skipped}，相应条件未核对",),
            _RULE_ZH,
            _LINK_ZH,
            _NO_PROOF_ZH,
        ),
        "pending": (_WHERE_ZH, _SHARED_ZH, _SINCE_ZH, _RULE_ZH, _LINK_ZH, _NO_PROOF_ZH),
        "resolved": _OVER_ZH,
        "unfired": _OVER_ZH,
        "removed": _OVER_ZH,
    },
    statistics={"mean": "均值", "max": "最大值", "p95": "第 95 百分位值"},
    bounds={"limit": "限值", "level": "预警线"},
    beyond={"above": "高于", "below": "低于"},
    tops={"peak": "日常峰值", "median": "日中位值"},
    comma="，",
    list_comma="、",
    stray="未分配监测仪 {monitor}",
    groups={"vendor": "设备厂商 {name}", "street": "{name}"},
    units=("天", "小时", "分钟"),
    moment="不到 1 分钟",
)

EN: Final = Words(
    code="en",
    headline="[{tag}] {who}: {said}",
    tags={
        "info": "Advisory",
        "warning": "Early warning",
        "critical": "Critical early warning",
        "pending": "Watching",
        "resolved": "Early warning over",
        "unfired": "Watch over",
        "removed": "Early warning closed",
    },
    said=SAID_EN,
    said_of_any={
        "firing": ("{title}",),
        "pending": ("{title}, not yet for long enough to warn",),
        "resolved": ("{title}, over after {lasted}",),
        "unfired": (
            "{title}, over before it was long enough to warn",
            "rule {rule}, over before it was long enough to warn",
        ),
        "removed": (
            "{title}, rule no longer in force, state of the site not confirmed",
            "rule {rule} no longer in force, state of the site not confirmed",
        ),
    },
    lines={
        "firing": (
            _WHERE_EN,
            _SHARED_EN,
            _SINCE_EN,
            ("Last reading: {last_reading}",),
            ("Last heartbeat: {last_heartbeat}",),
            ("Connection lost: {last_will}",),
            ("Vendor of the monitor: {vendor}",),
            ("Fell silent: {first_silent} to {last_silent}",),
            ("Dates: {dates}",),
            ("Restarts of the device among them: {restarts}",),
            ("Fan: has run {fan_hours} since the last cleaning, of {fan_hours_limit} at most",),
            ("Check on site: {checks}",),
            ("Note: the monitor never reports {skipped}, so that condition was not checked",),
            _RULE_EN,
            _LINK_EN,
            _NO_PROOF_EN,
        ),
        "pending": (_WHERE_EN, _SHARED_EN, _SINCE_EN, _RULE_EN, _LINK_EN, _NO_PROOF_EN),
        "resolved": _OVER_EN,
        "unfired": _OVER_EN,
        "removed": _OVER_EN,
    },
    statistics={"mean": "mean", "max": "maximum", "p95": "95th percentile"},
    bounds={"limit": "limit", "level": "warning level"},
    beyond={"above": "above", "below": "below"},
    tops={"peak": "peak of a typical day", "median": "daily median"},
    comma=", ",
    list_comma=", ",
    stray="unassigned monitor {monitor}",
    groups={"vendor": "vendor {name}", "street": "{name}"},
    units=("d", "h", "min"),
    moment="less than 1 min",
)
