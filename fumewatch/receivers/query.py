"""Questions to an answer, in JMESPath (jmespath.org): over {status, headers, body}.

`body` is what the JSON says, or the text where it is not JSON; names of headers are lower case.
"""

from collections.abc import Iterator
from typing import Any, Final

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError
from jmespath.functions import Functions

from fumewatch.core.phrases import one_line
from fumewatch.receivers.post import Answer

KNOWN: Final = ("status", "headers", "body")
_EXAMPLE: Final = {"status": 200, "headers": {}, "body": {}}
_BESIDE: Final = frozenset(
    {"comparator", "and_expression", "or_expression", "not_expression", "function_expression"}
    | {"multi_select_list", "multi_select_dict", "key_val_pair"}
)
"""Nodes whose every child looks at the same thing as they do; of others it is only the first."""


def check_query(text: str) -> str:
    """For pydantic: ValueError says what is wrong with it. Empty is no question."""
    if not text:
        return text
    try:
        compiled = jmespath.compile(text)
    except JMESPathError as error:
        hint = "; numbers stand in backticks, text in single quotes: body.code == `0`"
        raise ValueError(f"is not JMESPath: {one_line(str(error), 200)}{hint}") from None
    for name in _asked(compiled.parsed):
        if name not in KNOWN:
            raise ValueError(_unknown(name))
    try:
        compiled.search(_EXAMPLE)
    except (UnknownFunctionError, ArityError) as error:
        raise ValueError(f"cannot be asked: {one_line(str(error), 200)}") from None
    except JMESPathError:
        pass  # an empty body need not have the types that a real one has
    return text


def ask(text: str, answer: Answer) -> Any:
    """What the answer says to it; None where it does not fit the answer."""
    said = answer.json()
    body = answer.text if said is None else said
    try:
        return jmespath.search(
            text, {"status": answer.status, "headers": dict(answer.headers), "body": body}
        )
    except JMESPathError:
        return None


def _asked(node: Any) -> Iterator[str]:
    """The names that are looked up in the whole, not in a part of it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
        raise ValueError(f"JMESPath has no function {node['value']}()")
    for child in children if kind in _BESIDE else children[:1]:
        if child["type"] != "expref":
            yield from _asked(child)


def _unknown(name: str) -> str:
    if not name.isidentifier():
        return f"{name!r} in double quotes is a name, not a text: write '{name}' or `{name}`"
    return f"there is no {name!r} in an answer but {', '.join(KNOWN)}: body.{name}?"
