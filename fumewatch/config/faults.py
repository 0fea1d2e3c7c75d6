"""pydantic's errors as an operator reads them: which key, what is wrong, what to write."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fumewatch.config import shape
from fumewatch.config.positions import Path
from fumewatch.config.source import Source, closest
from fumewatch.core.duration import show

_PASSWORD_IN_URL: Final = re.compile(r"(://[^:/@\s']*:)[^@\s']+@")
_BOUNDS: Final = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_WANTED: Final = {
    "int_": "a whole number",
    "float_": "a number",
    "decimal_": "a number",
    "bool_": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list like [...]",
    "list_type": "a list like [...]",
    "dict_type": "a table like { ... }",
    "model_type": "a table like { ... }",
    "model_attributes_type": "a table like { ... }",
    "date_": "a date like 2026-11-23",
    "path_type": "the path of a file",
    "time_delta_": "a duration like 90s, 10m, 1h30m or 7d",
}


def collect(source: Source, model: type[BaseModel], error: ValidationError) -> None:
    """Put every error into the source, one fault a key: a union reports once per member."""
    told: set[Path] = set()
    for detail in sorted(error.errors(), key=_says_most):
        path, annotation = _locate(source, model, detail)
        if path not in told:
            told.add(path)
            what = _what(detail, annotation, str(path[-1]) if path else "")
            source.fault(path, _PASSWORD_IN_URL.sub(r"\1***@", what))


def _says_most(detail: ErrorDetails) -> bool:
    """Our own validators' words come before pydantic's guesses at the other union members."""
    return detail["type"] != "value_error"


def _locate(source: Source, model: type[BaseModel], detail: ErrorDetails) -> tuple[Path, Any]:
    """The path in the file and the annotation there, without pydantic's marks for union members."""
    path: Path = ()
    annotation: Any = model
    node: Any = source.values
    for part in detail["loc"]:
        if isinstance(part, int) and isinstance(node, list) and part < len(node):
            path, annotation = (*path, part), shape.element(annotation)
        elif isinstance(node, dict) and part in node and part != node.get("kind"):
            known = shape.pick(annotation, node)
            inner = shape.fields(known).get(str(part)) if known else shape.mapped(annotation)
            path, annotation = (*path, part), inner
        else:
            continue
        node = node[part]
    if detail["type"] == "missing":
        path = (*path, str(detail["loc"][-1]))
    elif detail["type"].startswith("union_tag"):
        path = (*path, str(detail.get("ctx", {}).get("discriminator", "kind")).strip("'"))
    elif detail["type"] == "extra_forbidden":
        annotation = _around(source, model, path)
    return path, annotation


def _around(source: Source, model: type[BaseModel], path: Path) -> Any:
    """The model of the table that the last key of the path stands in."""
    annotation: Any = model
    node: Any = source.values
    for part in path[:-1]:
        known = shape.pick(annotation, node)
        if isinstance(part, int):
            annotation = shape.element(annotation)
        else:
            annotation = shape.fields(known).get(part) if known else shape.mapped(annotation)
        node = node[part]
    return shape.pick(annotation, node)


def _what(detail: ErrorDetails, annotation: Any, key: str) -> str:
    kind, given, ctx = detail["type"], detail["input"], detail.get("ctx", {})
    special: dict[str, Callable[[], str]] = {
        "value_error": lambda: str(ctx["error"]),
        "missing": lambda: "missing; it has no default",
        "extra_forbidden": lambda: f"unknown key{_known_keys(annotation, key)}",
        "literal_error": lambda: _not_one_of(given, shape.choices(annotation) or [ctx["expected"]]),
        "enum": lambda: _not_one_of(given, re.findall(r"'([^']*)'", str(ctx["expected"]))),
        "union_tag_invalid": lambda: _not_one_of(
            ctx["tag"], re.findall(r"'([^']*)'", str(ctx["expected_tags"]))
        ),
        "union_tag_not_found": lambda: "missing; it says what the rest of the table means",
        "string_too_short": lambda: "must not be empty",
        "too_short": lambda: "must not be empty",
        "path_not_file": lambda: f"no such file: {given}",
    }
    if kind in special:
        return special[kind]()
    shown = "what is given" if shape.is_secret(annotation) else _shown(given)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {ctx[name]}, not {shown}"
    wanted = next((words for prefix, words in _WANTED.items() if kind.startswith(prefix)), "")
    return f"must be {wanted}, not {shown}" if wanted else f"{detail['msg']}: {shown}"


def _shown(given: Any) -> str:
    return show(given) if isinstance(given, timedelta) else repr(given)


def _known_keys(model: Any, key: str) -> str:
    return closest(key, list(shape.fields(model))) if model else ""


def _not_one_of(given: Any, known: list[str]) -> str:
    near = closest(str(given), known) if len(known) > 1 else ""
    near = near if near.startswith("; did") else ""
    return f"{given!r} is not one of {', '.join(known)}{near}"
