"""Where a value stands in a JSON payload: JMESPath, with plain names taken the short way.

Two things go beyond JMESPath, and neither is valid in it, so nothing changes its meaning:

- `$.name` is looked up in the whole payload, where `items` leads to readings inside it;
- names need no quotes, whatever they are made of: `data.油烟浓度`, `fan-flag`, `2nd`.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError

Lookup = Callable[[Any, Any], Any]
"""(reading, payload) → the value there; None where there is none. ValueError: it cannot be told."""

WHOLE: Final = "$."
_NAME: Final = r"""[^\s.$"'`\[\](){}|&,*@!<>=?:#\\]+"""
_PLAIN: Final = re.compile(rf"{_NAME}(?:\.{_NAME})*")


def lookup(expression: str) -> Lookup:
    """Raise ValueError that says what is wrong with the expression."""
    if expression.startswith(WHOLE):
        find = _finder(expression.removeprefix(WHOLE))
        return lambda _reading, payload: find(payload)
    find = _finder(expression)
    return lambda reading, _payload: find(reading)


def _finder(expression: str) -> Callable[[Any], Any]:
    if not _PLAIN.fullmatch(expression):
        return _expression(expression)
    *outer, last = expression.split(".")

    def find(node: Any) -> Any:
        for name in outer:
            node = node.get(name) if type(node) is dict else None
        return node.get(last) if type(node) is dict else None

    return find


def _expression(expression: str) -> Callable[[Any], Any]:
    try:
        search = jmespath.compile(expression).search
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"{expression!r} is no JMESPath: {_reason(error)}") from None
    _has_known_functions(expression, search)

    def find(node: Any) -> Any:
        try:
            return search(node)
        except Exception as error:  # its functions raise more than its own errors
            raise ValueError(_reason(error)) from None

    return find


def _has_known_functions(expression: str, search: Callable[[Any], Any]) -> None:
    """jmespath looks at a function only when it calls it."""
    try:
        search({})
    except (UnknownFunctionError, ArityError) as error:
        raise ValueError(f"{expression!r} is no JMESPath: {_reason(error)}") from None
    except Exception:  # an empty payload has not what the expression wants
        return


def _reason(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(": ").rpartition("expression: ")[2][:200]
