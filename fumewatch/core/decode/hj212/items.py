"""Items of a frame, `key=value` between separators, into dictionaries."""

import re
from typing import Final

_LAST: Final = r"(?=[;,]|\Z)"
_QUOTED: Final = rf"//[^/]*+(?:/(?!/)[^/]*+)*+//{_LAST}"  # a log's text may hold ; , and =
_ITEM: Final = re.compile(rf"(\A|[;,])((?:[^=;,]*+=)?)({_QUOTED}|[^;,]*+)")

Items = tuple[dict[str, str], tuple[str, ...]]
"""The items, and how they depart from the rules: words as in Frame.oddities."""


def header_items(text: str) -> Items:
    """Of what stands before and after CP; `;` between items."""
    found: dict[str, str] = {}
    odd: dict[str, None] = {}
    for item in filter(None, text.split(";")):
        key, equals, value = item.partition("=")
        if not equals:
            odd["stray_item"] = None
            continue
        if key in found:
            odd["duplicate_key"] = None
        found[key] = value
    return found, tuple(odd)


def cp_items(text: str) -> Items:
    """Of CP; `;` or `,` between items.

    1. The last of several items with one key counts.
    2. A piece without `=` after a comma belongs to the value before it: `PolId=w01018,w01001`.
    3. One after a semicolon is left out.
    """
    found: dict[str, str] = {}
    odd: dict[str, None] = {}
    last = None
    for separator, key_equals, value in _ITEM.findall(text):
        if key_equals:
            last = key_equals[:-1]
            if last in found:
                odd["duplicate_key"] = None
            found[last] = value
        elif value and separator == "," and last is not None:
            found[last] += "," + value
        elif value:
            odd["stray_item"] = None
            last = None
    return found, tuple(odd)
