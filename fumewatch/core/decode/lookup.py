"""Where a value stands in a JSON payload: JMESPath, with plain names taken the short way.

Two things go beyond JMESPath, and neither is valid in it, so nothing changes its meaning:

- `$.name` is looked up in the whole payload, where `items` leads to readings inside it;
- names need no quotes, whatever they are made of: `data.油烟浓度`, `fan-flag`, `2nd`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError

Lookup = Callable[[Any, Any], Any]
"""(reading, payload) → the value there; None where there is none. ValueError: it cannot be told."""

WHOLE: Final = "$."
_NAME: Final = r"""[^\s.$"'`\[\](){}|&,*@!<>=?:#\\]+"""
_INTRODUCTION: Final = re.compile(
    r"^(?:Bad|Invalid) jmespath expression: |(?:,? for expression)?:?$"
)
_PLAIN: Final = re.compile(rf"{_NAME}(?:\.{_NAME})*")


def lookup(expression: str) -> Lookup:
    """Raise ValueError that says what is wrong with the expression."""
    if expression.startswith(WHOLE):
        find = lookup(expression.removeprefix(WHOLE))
        return lambda _reading, payload: find(payload, payload)
    if not _PLAIN.fullmatch(expression):
        return _by_jmespath(expression)
    names = expression.split(".")
    return _by_name(*names) if len(names) == 1 else _by_names(names)


def first(expressions: Sequence[str]) -> Lookup:
    """The first of several that gives a value: not null, not blank, no object and no array.

    Of a single one whatever it gives.
    """
    looks = [lookup(expression) for expression in expressions]
    if len(looks) == 1:
        return looks[0]

    def find(reading: Any, payload: Any) -> Any:
        for look in looks:
            value = look(reading, payload)
            if gives(value):
                return value
        return None

    return find


def gives(value: object) -> bool:
    return value is not None and value != "" and not isinstance(value, (dict, list))


def _by_name(name: str) -> Lookup:
    return lambda reading, _payload: reading.get(name) if type(reading) is dict else None


def _by_names(names: Sequence[str]) -> Lookup:
    def find(reading: Any, _payload: Any) -> Any:
        for name in names:
            if type(reading) is not dict:
                return None
            reading = reading.get(name)
        return reading

    return find


def _by_jmespath(expression: str) -> Lookup:
    try:
        search = jmespath.compile(expression).search
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"{expression!r} is no JMESPath: {_reason(error)}") from None
    _has_known_functions(expression, search)

    def find(reading: Any, _payload: Any) -> Any:
        try:
            return search(reading)
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
    """The first line, without what introduces the quotation of the expression in the next one."""
    first, *_ = str(error).splitlines() or [type(error).__name__]
    return _INTRODUCTION.sub("", first)[:200]
