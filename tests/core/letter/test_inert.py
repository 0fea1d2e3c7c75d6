"""Nothing that comes from outside is markup, a link, a mention or a header."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fumewatch.core.letter import Style, Templates, render
from fumewatch.core.letter.style import inert, shortened
from fumewatch.core.letter.template import Layout
from fumewatch.core.notice import Reason
from fumewatch.core.phrases import one_line
from tests.core.letter.dialects import active
from tests.core.letter.notices import with_name

HARMLESS = "老王面馆"
PARTS = [
    *("*", "**", "_", "__", "~~", "`", "```", "[", "]", "(", ")", "](", "!", "![", "|", "\\", "$"),
    *(
        "](http://evil.com)",
        "![](http://evil.com/x.png)",
        "[x](http://evil.com)",
        "[x]: //evil.com",
    ),
    *(
        "<@all>",
        "<@",
        "<at id=all></at>",
        '<at user_id="all">x</at>',
        "@all",
        "@所有人",
        "@13800000000",
    ),
    *(
        '<font color="info">',
        "</font>",
        "<a href='javascript:alert(1)'>",
        "<script>",
        "<!--",
        "-->",
    ),
    *("&lt;@all&gt;", "&#60;", "&", "<", ">", '"', "'", "=", "===", "---", "- ", "+ ", "# ", "> "),
    *(
        "1. ",
        "12) ",
        "\n",
        "\r\nBcc: x@evil.com\r\n\r\n",
        "\n# ",
        "\n> ",
        "\n- ",
        "\x1b[31m",
        "\x00",
    ),
    *(
        "http://evil.com",
        "https://1.2.3.4/x",
        "www.evil.com",
        "evil.com/x",
        "x@evil.com",
        "weixin://x",
    ),
    *(":DONE:", ":OK", "DONE:", ":", "{{ title }}", "{% raw %}", "\u202e", "\u200b", "\u2028"),
    *("老王", "店", "A1", "a", " ", "1.5", "MN_01", "🏮"),
]
hostile = st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map("".join).filter(one_line)
OWN = Templates(
    *2
    * [
        Layout(
            "{{ receiver }}预警\n"
            "{% if alerts %}{{ alerts[0].site }}\n"
            "  {{ alerts[0].street }}\n"
            "**{{ alerts[0].site }}** {{ strong(alerts[0].site) }}\n"
            "[{{ alerts[0].site }}](https://own.example.org/x)\n"
            '<font color="info">{{ alerts[0].site|upper|join }}</font>\n'
            "{% set twice = alerts[0].site ~ alerts[0].site %}- {{ twice }}\n"
            "{{ link(alerts[0].link, alerts[0].site) }}"
            "{% endif %}\n"
        )
    ]
)


@pytest.mark.parametrize("style", Style)
@settings(max_examples=20, deadline=None)
@given(name=hostile, reason=st.sampled_from(list(Reason)), language=st.sampled_from(["zh", "en"]))
@example(name="[x](http://evil.com)", reason=Reason.TRANSITION, language="zh")
@example(name="<@all><at id=all></at>", reason=Reason.DIGEST, language="en")
@example(name="1. x", reason=Reason.ESCALATION, language="en")
@example(name=":DONE", reason=Reason.GROUP, language="en")
def test_a_name_does_nothing_in_our_layouts(
    style: Style, name: str, reason: Reason, language: str
) -> None:
    said, plain = (
        render(with_name(reason, each), language=language, style=style)  # type: ignore[arg-type]
        for each in (name, HARMLESS)
    )

    assert active(said.text, style) == active(plain.text, style)
    assert said.title.isprintable()
    assert active(said.title, Style.PLAIN) == active(plain.title, Style.PLAIN)


@pytest.mark.parametrize("style", [style for style in Style if style is not Style.HTML])
@settings(max_examples=20, deadline=None)
@given(name=hostile)
@example(name="x](http://evil.com)")
@example(name="- x")
@example(name="===")
def test_a_name_does_nothing_in_a_layout_of_ones_own(style: Style, name: str) -> None:
    said, plain = (
        render(with_name(Reason.TRANSITION, each), language="zh", style=style, templates=OWN).text
        for each in (name, HARMLESS)
    )

    assert active(said, style) == active(plain, style)


@pytest.mark.parametrize(
    ("name", "style", "shown"),
    [
        ("M&M (天平路) A_1", Style.PLAIN, "M&M (天平路) A_1"),
        ("M&M (天平路) A_1", Style.WECOM, "M＆M (天平路) A_1"),
        ("M&M (天平路) A_1", Style.HTML, "M&amp;M (天平路) A_1"),
        ("_x_ [y]", Style.DINGTALK, "＿x＿ ［y］"),
        ("a < b, 1.5 > 0.9", Style.PLAIN, "a ＜ b, 1.5 ＞ 0.9"),
        ("http://evil.com/x?a=1", Style.PLAIN, "http:／／evil. com/x?a=1"),
        ("li@evil.com", Style.PLAIN, "li＠evil. com"),
        ("-5 °C", Style.WECOM, "-5 °C"),
        ("- 5", Style.WECOM, "－ 5"),
        ("12:05:30 :OK:", Style.FEISHU, "12:05:30 ：OK："),
        ("up\x1b[2J\u202edown", Style.PLAIN, "up [2J down"),
        (None, Style.PLAIN, ""),
        (1.25, Style.FEISHU, "1.25"),
    ],
)
def test_how_it_is_shown(name: str | float | None, style: Style, shown: str) -> None:
    assert inert(name, style) == shown
    assert inert(inert(name, style), style) == shown


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("老王面馆", 4, "老王面馆"),
        ("老王面馆", 3, "老王…"),
        ("老王面馆", 1, "…"),
        ("老王面馆", 0, ""),
        ("cafe\u0301 bar", 5, "caf…"),
        ("a👍🏽b", 3, "a…"),
        ("a🇨🇳b", 3, "a…"),
        ("a🇨🇳🇫🇷b", 5, "a🇨🇳…"),
        ("x👨\u200d👩b", 4, "x…"),
    ],
)
def test_a_cut_is_between_two_signs(text: str, most: int, shown: str) -> None:
    assert shortened(text, most) == shown
