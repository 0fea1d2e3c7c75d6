"""What is said for each reason, in both languages."""

import json
import re
from typing import Any

import pytest

from fumewatch.core.letter import Letter, Style, Templates, render
from fumewatch.core.letter.samples import CONTACT, sample, samples
from fumewatch.core.letter.template import Layout
from fumewatch.core.notice import Body, Reason, as_notice
from tests.core.letter.notices import of_many

ONE = "https://fume.example.org/alerts/28d3830f-c0c7-5959-b4aa-1de3b7a73586"
TWO = "https://fume.example.org/alerts/b5cca8b9-b6d1-5255-92ee-ebc8430a18da"
OVER = "https://fume.example.org/alerts/22d367bd-f610-5cf9-91e9-7c116d3d83af"
LINES_ZH = f"""\
地点：天平路街道 衡山路 1 号，1 号排口（监测仪 MN0001）
时间：11-23 12:05 起，已持续 10 分钟
现场核查：净化器是否开启、净化器是否清洗、有无旁路
规则：油烟浓度超标（exceedance）
在线数据仅作预警，不作为执法依据
详情：{ONE}"""
LINES_EN = f"""\
Where: 天平路街道 衡山路 1 号, 1 号排口 (monitor MN0001)
Since: 11-23 12:05, for 10 min so far
Check on site: is the purifier on, is it clean, is there a bypass
Rule: Exceedance (exceedance)
Online values are an early warning, not legal proof
Details: {ONE}"""
SAID_ZH = "老王面馆（天平路店）：油烟浓度 10 分钟均值 2.31 mg/m³，高于限值 1.00 mg/m³"
SAID_EN = "老王面馆（天平路店）: fume mean over 10 min 2.31 mg/m³, above the limit of 1.00 mg/m³"
ENDED_ZH = "油烟浓度已恢复，持续 1 小时 15 分钟，峰值 2.40 mg/m³（限值 1.00 mg/m³）"
LISTED_ZH = f"""\
【严重预警】{SAID_ZH}，天平路街道 衡山路 1 号，11-23 12:05 起 详情：{ONE}
【预警】"M&M" [咖啡]_＜酒吧＞：油烟浓度 10 分钟均值 1.23 mg/m³，高于限值 1.00 mg/m³，\
天平路街道 康平路 8 号，11-23 12:05 起 详情：{TWO}
【预警解除】老王面馆（天平路店）：{ENDED_ZH}，天平路街道 衡山路 1 号 详情：{OVER}
查看全部：https://fume.example.org/
在线数据仅作预警，不作为执法依据"""
WHOLE: dict[tuple[Reason, str], str] = {
    (Reason.TRANSITION, "zh"): f"【严重预警】{SAID_ZH}\n{LINES_ZH}",
    (Reason.TRANSITION, "en"): f"[Critical early warning] {SAID_EN}\n{LINES_EN}",
    (Reason.REPEAT, "zh"): f"【严重预警·仍未解除】{SAID_ZH}\n{LINES_ZH}",
    (Reason.REPEAT, "en"): f"[Still: Critical early warning] {SAID_EN}\n{LINES_EN}",
    (Reason.ESCALATION, "zh"): f"""\
【催办·严重预警】街镇现场巡查：{SAID_ZH}
李四，以下预警自 11-23 12:05 起尚未办结，现升级到第 2 步（共 3 步）。
请核查现场，并打开链接签收、反馈整改或核查结果，时限 11-26 12:15。
{LINES_ZH}""",
    (Reason.ESCALATION, "en"): f"""\
[Reminder: Critical early warning] 街镇现场巡查: {SAID_EN}
李四: nobody has closed this since 11-23 12:05; it is now at step 2 of 3.
Check on site, then open the link to acknowledge it and to say what was done or found, \
by 11-26 12:15.
{LINES_EN}""",
    (Reason.GROUP, "zh"): f"【预警】天平路街道：2 条预警未解除，1 条已解除\n{LISTED_ZH}",
    (Reason.STORM, "zh"): f"""\
【预警汇总】预警集中，12 条通知合并为一条
2 条预警未解除，1 条已解除
{LISTED_ZH}""",
    (Reason.DIGEST, "zh"): f"""\
【早间清单】2 条预警未解除，1 条已解除
1、老王面馆（天平路店），天平路街道 衡山路 1 号
【严重预警】{SAID_ZH.partition("：")[2]}，11-23 12:05 起 详情：{ONE}
【预警解除】{ENDED_ZH} 详情：{OVER}
2、"M&M" [咖啡]_＜酒吧＞，天平路街道 康平路 8 号
【预警】油烟浓度 10 分钟均值 1.23 mg/m³，高于限值 1.00 mg/m³，11-23 12:05 起 详情：{TWO}
查看全部：https://fume.example.org/
在线数据仅作预警，不作为执法依据""",
    (Reason.DEAD_MAN, "zh"): """\
【系统提醒】通知送不出去：“street”自 2026-11-23 11:55 起没有收到任何通知，12 条待发
预警仍在记录，恢复后会补发。请检查网络，以及该接收方的地址和密钥。""",
    (Reason.DEAD_MAN, "en"): """\
[Notice] Notifications do not get out: street has taken none since 2026-11-23 11:55; 12 wait
Early warnings are still recorded, and sent once it works again.
Check the network, and the address and secret of that receiver.""",
    (Reason.TEST, "zh"): """\
【测试】预警消息测试
李四，您好。这是一条测试消息，收到即表示餐饮油烟预警可以送达，无需处理。""",
    (Reason.TEST, "en"): """\
[Test] an early warning can reach you
李四: this is a test: early warnings of oil fume can reach you. Nothing is to be done.""",
}
FIRST: list[tuple[Reason, dict[str, Any], str, str]] = [
    (Reason.GROUP, {}, "zh", "【预警】天平路街道：2 条预警未解除，1 条已解除"),
    (Reason.GROUP, {}, "en", "[Early warnings] 天平路街道: 2 early warnings open, 1 over"),
    (
        Reason.GROUP,
        {"group": {"severity": "critical", "vendor": "acme", "rule": "exceedance"}},
        "zh",
        "【预警】严重预警，设备厂商 acme：2 条预警未解除，1 条已解除",
    ),
    (
        Reason.GROUP,
        {"group": {}, "counts": {"firing": 1, "resolved": 1}},
        "en",
        "[Early warnings] 1 early warning open, 1 over",
    ),
    (Reason.DIGEST, {}, "en", "[Morning list] 2 early warnings open, 1 over"),
    (
        Reason.STORM,
        {},
        "en",
        "[Early warnings] 12 notifications in one: too many for one by one",
    ),
]


def letter(notice: Body, language: Any, style: Style = Style.PLAIN) -> Letter:
    return render(notice, language=language, style=style)


@pytest.mark.parametrize(("reason", "language"), WHOLE, ids=lambda x: str(x).replace(" ", "-"))
def test_what_is_said(reason: Reason, language: str) -> None:
    said = letter(sample(reason, to=CONTACT), language)

    assert said.text == WHOLE[reason, language]
    assert said.title == WHOLE[reason, language].partition("\n")[0]


@pytest.mark.parametrize(("reason", "overrides", "language", "first"), FIRST)
def test_how_a_list_begins(
    reason: Reason, overrides: dict[str, Any], language: str, first: str
) -> None:
    assert letter(sample(reason) | overrides, language).title == first


@pytest.mark.parametrize("language", ["zh", "en"])
def test_many_of_a_repeat_are_still_open(language: str) -> None:
    many = of_many(Reason.GROUP, 2, group={}) | {"reason": "repeat"}
    for alert in many["alerts"]:
        alert["change"] = "still"

    head, first, *_ = letter(many, language).text.split("\n")

    still = ("·仍未解除】", "（仍未解除）") if language == "zh" else ("[Still] ", " (still)")
    assert (still[0] in head, still[1] in first) == (True, True)


def test_a_morning_list_of_open_ones_says_whom_to_visit() -> None:
    notice = sample(Reason.DIGEST)
    firing = [alert for alert in notice["alerts"] if alert["state"] == "firing"]
    opened = notice | {"alerts": firing, "counts": {"firing": 2, "resolved": 0}}

    assert letter(opened, "zh").text.split("\n")[:2] == [
        "【早间清单】2 条预警未解除",
        "建议核查以下单位，最严重的在前：",
    ]
    assert "To be visited, the worst first:" in letter(opened, "en").text


def test_an_empty_list_and_a_channel_that_works_again() -> None:
    none = {"alerts": [], "counts": {"firing": 0, "resolved": 0}, "left_out": 0, "link": ""}

    empty = letter(sample(Reason.DIGEST) | none, "zh").text
    again = letter(sample(Reason.DEAD_MAN) | {"state": "resolved"}, "en").text

    assert empty == "【早间清单】0 条预警未解除\n没有需要处理的预警。"
    assert again.endswith("\nEarly warnings go out as before.")


def test_what_is_left_out_is_counted() -> None:
    text = letter(of_many(Reason.GROUP, 120), "zh").text

    assert text.count("详情：") == 50
    assert "\n另有 70 条 查看全部：https://fume.example.org/\n" in text
    assert "and 70 more, not listed" in letter(of_many(Reason.GROUP, 120, link=""), "en").text


def test_both_languages_in_one_letter() -> None:
    both = letter(sample(Reason.TRANSITION), "both")
    zh, en = (letter(sample(Reason.TRANSITION), code) for code in ("zh", "en"))

    assert both == Letter(zh.title, f"{zh.text}\n\n{en.text}")


def test_the_addressees_own_link_goes_out_and_not_the_pages() -> None:
    alert = sample(Reason.TRANSITION)["alerts"][0] | {"link": "https://fume.example.org/a/signed"}
    text = letter(sample(Reason.TRANSITION, alert=alert), "zh").text

    assert text.endswith("\n详情：https://fume.example.org/a/signed")
    assert ONE not in text


def test_an_old_body_is_said_as_it_was() -> None:
    body = sample(Reason.TRANSITION)["alerts"][0]
    notice = as_notice({**body, "key": "0b6e3c1e-9d51-4a59-9a5e-000000000000"}, "street")

    assert letter(notice, "zh").text == WHOLE[Reason.TRANSITION, "zh"]


@pytest.mark.parametrize(
    ("style", "head", "link"),
    [
        (Style.PLAIN, "【预警】天平路街道：", f"详情：{TWO}"),
        (Style.WECOM, "**【预警】天平路街道：", f"[详情]({TWO})"),
        (Style.DINGTALK, "**【预警】天平路街道：", f"[详情]({TWO})"),
        (Style.FEISHU, "<font color='red'>【严重预警】</font>", f"[详情]({TWO})"),
    ],
)
def test_each_dialect_has_its_marks(style: Style, head: str, link: str) -> None:
    """A card of Feishu has the title in its header."""
    said = letter(sample(Reason.GROUP), "zh", style)

    assert said.title == "【预警】天平路街道：2 条预警未解除，1 条已解除"
    assert said.text.startswith(head)
    assert link in said.text


def test_lines_are_paragraphs_at_dingtalk() -> None:
    """There one line end ends no line."""
    text = letter(sample(Reason.TRANSITION), "zh", Style.DINGTALK).text

    assert text.replace("\n\n", "").count("\n") == 0
    assert text.count("\n\n") == 6


@pytest.mark.parametrize("style", Style)
def test_online_values_are_an_early_warning(style: Style) -> None:
    for notice in samples(to=CONTACT):
        for language, word in (("zh", "预警"), ("en", "early warning")):
            said = letter(notice, language, style)
            assert word in f"{said.title}\n{said.text}".lower(), (notice["reason"], language)
            assert not re.search(r"violat|违法|违规|违反", json.dumps([said.title, said.text]))


def test_a_layout_of_ones_own_and_the_default_one_where_it_fails() -> None:
    works = Templates(
        zh=Layout("{{ alerts[0].site }} {{ alerts[0].severity }}\n\n  {{ counts.firing }}")
    )
    fails = Templates(zh=Layout("{{ alerts[5].site }}"))
    notice = sample(Reason.TRANSITION)

    own = render(notice, language="zh", style=Style.PLAIN, templates=works)
    rescued = render(notice, language="zh", style=Style.PLAIN, templates=fails)

    assert own == Letter("老王面馆（天平路店） critical", "老王面馆（天平路店） critical\n\n  1")
    assert rescued == letter(notice, "zh")


def test_a_layout_of_ones_own_in_a_mail_is_text_whose_links_work() -> None:
    layout = Layout(
        "<b>{{ title }}</b>预警\n{{ alerts[0].site }}\n{{ link(alerts[0].link, '看') }}"
    )
    notice = sample(Reason.TRANSITION)
    html = render(notice, language="zh", style=Style.HTML, templates=Templates(zh=layout)).text

    assert "&lt;b&gt;&lt;/b&gt;预警</h1>" in html
    assert f'>看：<a href="{ONE}">{ONE}</a></p>' in html


@pytest.mark.parametrize(
    ("step", "zh", "en"),
    [
        ({"number": 1}, "【请核查·", "[To be checked: "),
        ({"number": 2}, "【催办·", "[Reminder: "),
        ({"number": 3, "on": "confirmed"}, "【已核实·", "[Confirmed: "),
        ({"number": 3, "on": "corrected"}, "【请跟进·", "[Answered: "),
    ],
)
def test_only_what_nobody_closed_in_time_is_urged(step: dict[str, Any], zh: str, en: str) -> None:
    notice = sample(Reason.ESCALATION)
    notice["step"] = {**notice["step"], **step}
    assert letter(notice, "zh").title.startswith(zh)
    assert letter(notice, "en").title.startswith(en)
    is_urged = step["number"] == 2
    assert ("尚未办结" in letter(notice, "zh").text) is is_urged
    assert ("has closed this" in letter(notice, "en").text) is is_urged


def test_a_group_that_is_over_does_not_speak_of_open_ones() -> None:
    notice = of_many(Reason.GROUP, 3)
    over = [{**each, "state": "resolved", "change": "resolved"} for each in notice["alerts"]]
    notice |= {"alerts": over, "state": "resolved", "counts": {"firing": 0, "resolved": 3}}
    assert letter(notice, "zh").title.endswith("3 条已解除")
    assert "预警解除】" in letter(notice, "zh").title
    assert letter(notice, "en").title.endswith("3 early warnings over")
