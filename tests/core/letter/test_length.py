"""What does not fit is left out from the end, and cut between two signs; links stay whole."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fumewatch.core.letter import Style, Templates, render
from fumewatch.core.letter.template import Layout
from fumewatch.core.notice import Body, Reason
from tests.core.letter.dialects import active
from tests.core.letter.notices import of_many, with_name

STYLES = [style for style in Style if style is not Style.HTML]
REASONS = [Reason.GROUP, Reason.DIGEST, Reason.STORM, Reason.TRANSITION, Reason.ESCALATION]
names = st.text("老王面馆_*[<&a1 👍🏽e\u0301🇨🇳", min_size=1, max_size=80).filter(str.strip)


def size(text: str) -> int:
    return len(text.encode())


def links(notice: Body) -> set[str]:
    return {alert["link"] for alert in notice["alerts"]} | {notice["link"]}


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=20, deadline=None)
@given(
    name=names,
    reason=st.sampled_from(list(Reason)),
    language=st.sampled_from(["zh", "en", "both"]),
    most=st.integers(0, 1500),
)
@example(name="e\u0301" * 80, reason=Reason.TRANSITION, language="zh", most=200)
@example(name="🇨🇳" * 40, reason=Reason.GROUP, language="both", most=300)
def test_it_fits_and_is_whole_in_itself(
    style: Style, name: str, reason: Reason, language: str, most: int
) -> None:
    notice = with_name(reason, name)
    text = render(notice, language=language, style=style, most_bytes=most).text  # type: ignore[arg-type]

    assert size(text) <= most
    assert set(re.findall(r"https://[^\s)]+", text)) <= links(notice)
    assert not any(unicodedata.combining(after) for after in re.findall(r"…(.)", text))
    marks = active(text, style)
    assert marks["star", ""] == 4 * marks["strong", ""] if style is not Style.PLAIN else True
    assert text.count("<font") == text.count("</font>")
    assert text.count("](") == marks.total() - sum(
        n for (what, _), n in marks.items() if what != "link"
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("reason", [Reason.GROUP, Reason.DIGEST, Reason.STORM])
@pytest.mark.parametrize(("n", "most"), [(50, 4096), (1000, 2048), (10_000, 20_000), (3, 600)])
def test_whole_alerts_go_first_and_are_counted(
    style: Style, reason: Reason, n: int, most: int
) -> None:
    notice = of_many(reason, n)
    text = render(notice, language="zh", style=style, most_bytes=most).text

    told = re.search(r"另有 (\d+) 条", text)
    shown = len({link for link in links(notice) - {notice["link"]} if link in text})
    assert size(text) <= most
    assert shown + int(told[1] if told else 0) == n
    assert "…" not in text


@pytest.mark.parametrize("style", STYLES)
def test_as_much_is_said_as_there_is_room_for(style: Style) -> None:
    notice = of_many(Reason.GROUP, 50)
    texts = [
        render(notice, language="zh", style=style, most_bytes=n).text for n in range(3000, 3400)
    ]

    longest_line = max(size(line) for line in texts[-1].split("\n"))
    assert 3399 - size(texts[-1]) <= 2 * longest_line
    assert [size(text) for text in texts] == sorted(size(text) for text in texts)


def test_an_sms_keeps_the_headline_and_the_link() -> None:
    """Of one alert the lines go from the last on."""
    notice = of_many(Reason.TRANSITION, 1)
    said = [
        render(notice, language="zh", style=Style.PLAIN, most_bytes=most).text.split("\n")
        for most in (500, 420, 300, 220)
    ]

    link = f"详情：{notice['alerts'][0]['link']}"
    assert [lines[-1] for lines in said] == [link] * 4
    assert [len(lines) for lines in said] == [6, 5, 3, 2]
    assert [lines[0][-1] == "…" for lines in said] == [False, False, False, True]


@pytest.mark.parametrize(
    ("most", "text"),
    [
        (40, "【严重预警】老王面馆（…"),
        (12, "【严重…"),
        (2, ""),
    ],
)
def test_without_room_for_the_link_it_is_left_out_whole(most: int, text: str) -> None:
    notice = with_name(Reason.TRANSITION, "老王面馆（天平路店）")

    assert render(notice, language="zh", style=Style.PLAIN, most_bytes=most).text == text


def test_a_layout_of_ones_own_that_says_too_much_is_cut_to_its_title() -> None:
    endless = Templates(zh=Layout("预警 {{ alerts[0].site }}\n" + "说明" * 500))
    notice = of_many(Reason.TRANSITION, 1)
    text = render(notice, language="zh", style=Style.PLAIN, templates=endless, most_bytes=300).text

    assert text == f"预警 0 号饭店\n{notice['alerts'][0]['link']}"


def test_what_fits_is_not_touched() -> None:
    notice = of_many(Reason.GROUP, 3)
    whole = render(notice, language="both", style=Style.WECOM)

    assert render(notice, language="both", style=Style.WECOM, most_bytes=size(whole.text)) == whole
