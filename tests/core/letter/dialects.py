"""What is active in a text of each dialect: small recognisers, by the platforms' documents."""

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from fumewatch.core.letter import Style

Found = tuple[str, str]

_EVERYWHERE = {
    "address": r"[A-Za-z][A-Za-z0-9+.-]*://[^\s)\]\"'<>]*",
    "www": r"\bwww\.\S",
    "host": r"(?<![\w./@-])[A-Za-z0-9][\w-]*(?:\.[A-Za-z][\w-]+)+",
    "mail": r"[\w.+-]+@[\w-]+\.\w+",
    "unseen": r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]",
}
_MENTION = {"mention": r"@\S", "tag": r"</?[A-Za-z@!?][^>]*>?"}
_MARKDOWN = {
    **_MENTION,
    "image": r"!\[",
    "link": r"\[[^\]\n]*\]\([^)\n]*\)",
    "reference": r"^ {0,3}\[[^\]\n]+\]:|\]\[",
    "strong": r"\*\*[^*\n]+\*\*",
    "star": r"\*",
    "underscore": r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])",
    "strike": r"~",
    "code": r"`",
    "heading": r"^ {0,3}#{1,6}(?: |$)|^ {0,3}=+ *$",
    "quote": r"^ {0,3}>",
    "item": r"^ {0,3}(?:[-+*]|\d{1,9}[.)])(?: |$)",
    "rule": r"^ {0,3}(?:[-_*] *){3,}$",
    "table": r"\|",
    "escape": r"\\",
    "entity": r"&[#\w]+;",
}
_RECOGNISED = {
    Style.PLAIN: _MENTION,
    Style.WECOM: _MARKDOWN,
    Style.DINGTALK: _MARKDOWN,
    Style.FEISHU: _MARKDOWN | {"emoji": r":[A-Za-z0-9_+-]*[A-Za-z_][A-Za-z0-9_+-]*:"},
}


def active(text: str, style: Style) -> Counter[Found]:
    """(what, the text of it for an address or a link; else "") and how often."""
    return Counter(_in_html(text) if style is Style.HTML else _in_text(text, style))


def _in_text(text: str, style: Style) -> Iterator[Found]:
    return _found(text, _EVERYWHERE | _RECOGNISED[style])


def _found(text: str, patterns: dict[str, str]) -> Iterator[Found]:
    for name, pattern in patterns.items():
        for match in re.finditer(pattern, text, re.MULTILINE):
            yield name, match[0] if name in ("address", "tag") else ""


def _in_html(text: str) -> Iterator[Found]:
    parser = _Parser()
    parser.feed(text)
    yield from parser.found
    for said in parser.said:  # mail apps make links of addresses in it
        yield from _found(said, _EVERYWHERE)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept = [(n, v) for n, v in attrs if n not in ("style", "alt")]
        self.found.append((tag, repr(kept)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", ""))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_data(self, data: str) -> None:
        self.said.append(data)
