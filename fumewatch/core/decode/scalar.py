"""Single values as devices write them: which mean "missing", and when two are the same."""

import json
from math import isfinite
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

BLANKS: Final = frozenset({"", "nan", "null", "none"})
_LONGEST_SHOWN: Final = 60


def _single(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"{value!r} is no single value; write a number, a text, true or false")


Scalar = Annotated[bool | int | float | str, BeforeValidator(_single)]
"""A value as a device writes it."""


def is_blank(value: object) -> bool:
    if not isinstance(value, str):
        return value is None
    return len(value) <= _LONGEST_SHOWN and value.strip().lower() in BLANKS


def plain(value: bool | float | str) -> float | str:
    """What the ways of writing one value have in common.

    1, 1.0, "1", " 01 " and true are all 1.0; texts are stripped and case-folded.
    """
    text = value.strip().casefold() if isinstance(value, str) else ""
    if text in ("true", "false"):
        return float(text == "true")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return text or str(value)
    return number if isfinite(number) and "_" not in text else text or str(number)


def shown(value: object) -> str:
    """As a person finds it in the payload, in one short line."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, str):
        value = value[: _LONGEST_SHOWN + 1]
    try:
        text = json.dumps(value, ensure_ascii=False)
    except ValueError:  # Python prints no number of more than 4,300 digits
        return "a number without end"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
