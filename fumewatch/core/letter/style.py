"""The dialects that texts are written in, and how outside text is kept from being markup in them.

What the bots read as markup is in their public documents: WeCom "消息推送配置说明", DingTalk
"自定义机器人发送群消息", Feishu "自定义机器人使用指南" and "富文本组件". None but Feishu's knows an
escape, so what could be markup becomes its full-width twin, which is inert for any renderer and
reads well in Chinese.
"""

import re
import unicodedata
from enum import StrEnum
from html import escape as html_escape
from typing import Any, Final

LONGEST: Final = 1000
"""Characters of one fact; a line of core.wording is shorter."""


class Style(StrEnum):
    """What a receiver's text is read as. HTML: a whole document, for mail."""

    PLAIN = "plain"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    HTML = "html"


class Ready(str):
    """Text that goes out as it is: a layout's own, or made inert already."""

    __slots__ = ()


def _twins(marks: str) -> dict[int, str]:
    """Each with its full-width twin."""
    return {ord(mark): chr(ord(mark) + 0xFEE0) for mark in marks}


_SPACES: Final = re.compile(r"\s+")
_PLAIN: Final = _twins("<>@")
_MARKDOWN: Final = _twins("<>@[]*`~#!|\\&")
_LOOSE_UNDERSCORE: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""One inside a code (MN_01) marks nothing."""
_EMOJI: Final = re.compile(r":(?=[0-9]*[A-Za-z_+-][\w+-]*(?::|$)|$)", re.ASCII)
"""Feishu's :DONE:, which may end in a layout's own colon; not that of 12:05."""
_LIST: Final = re.compile(r"^( ?)([-+](?=[ +-]|$)|=(?==*$))")
_NUMBERED: Final = re.compile(r"^( ?\d{1,9})([.)])(?= |$)")
_DOMAIN: Final = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2})")
"""The dot of a host name: apps make links of bare ones. Not that of a number."""


def inert(value: Any, style: Style) -> Ready:
    """What is shown of a fact: on one line, and neither markup, a link nor a mention."""
    if isinstance(value, Ready):
        return value
    text = "" if value is None else _unlinked(_one_line(str(value)))
    match style:
        case Style.HTML:
            return Ready(html_escape(text))
        case Style.PLAIN:
            return Ready(text.translate(_PLAIN))
        case Style.FEISHU:
            return Ready(_EMOJI.sub("：", _unmarked(text)))
        case _:
            return Ready(_unmarked(text))


def _one_line(text: str) -> str:
    """A space at either end stays one: a layout's own words may need it."""
    flat = "".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST])
    return shortened(_SPACES.sub(" ", flat), LONGEST)


def _unlinked(text: str) -> str:
    return _DOMAIN.sub(". ", text.replace("://", ":／／"))


def _unmarked(text: str) -> str:
    text = _LOOSE_UNDERSCORE.sub("＿", text.translate(_MARKDOWN))
    for at_start in (_LIST, _NUMBERED):
        text = at_start.sub(lambda found: found[1] + chr(ord(found[2]) + 0xFEE0), text)
    return text


def shortened(text: str, most: int) -> str:
    """At most so many characters, the last of them "…" where some are left out."""
    if len(text) <= most:
        return text
    if most < 1:
        return ""
    end = most - 1
    while end and _joins(text, end):
        end -= 1
    return text[:end].rstrip() + "…"


def _joins(text: str, at: int) -> bool:
    """Whether what begins there belongs to the sign before it: accents, joined emoji, flags."""
    here, before = text[at], text[at - 1]
    return (
        unicodedata.category(here)[0] == "M"
        or "\U0001f3fb" <= here <= "\U0001f3ff"
        or "\u200d" in (here, before)
        or (_is_flag(here) and _is_flag(before) and _flags_before(text, at) % 2 == 1)
    )


def _is_flag(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag(text[at - 1 - count]):
        count += 1
    return count
