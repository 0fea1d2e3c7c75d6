"""The dialects that texts are written in."""

from enum import StrEnum


class Style(StrEnum):
    """What a receiver's text is read as. HTML: a whole document, for mail."""

    PLAIN = "plain"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    HTML = "html"
