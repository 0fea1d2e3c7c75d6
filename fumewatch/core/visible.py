"""Texts without what cannot be seen: control characters, and what turns a line round."""

import json
import re
from typing import Final

UNSEEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
"""In a regular expression's brackets: control characters but for tab and line feed, and what turns
a line round or cannot be seen."""
_UNSEEN: Final = re.compile(f"[{UNSEEN}]")


def plain(text: str) -> str:
    """Nothing in it but what is read, and its lines: names may be made to look like others.

    >>> plain("a\u202egpj.exe")
    'a gpj.exe'
    """
    return text if text.isprintable() else _UNSEEN.sub(" ", text)


def inert_json(document: str) -> str:
    """The same JSON on one line for every reader, with what cannot be seen written out.

    >>> print(inert_json('"a\u2028b"'))
    "a\\u2028b"
    """
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], document)
