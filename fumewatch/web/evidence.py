"""Evidence as a page shows it: single facts, and tables of what was listed.

A rule puts into its evidence what it likes, so nothing here knows a kind: text and numbers are
facts; lists of named values, and times with their values, are tables; times are the site zone's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fumewatch.web.words import WORDS

MOST_ROWS: Final = 240
_MOST_IN_A_FACT: Final = 2
"""Named values; more are a table of one row."""
_SAID_ELSEWHERE: Final = frozenset({"unit", "line", "members", "part_of"})
"""By the number it belongs to, by the picture of days, by lists with links."""
Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Evidence:
    facts: list[Fact]
    tables: list[Table]


def lay_out(evidence: Mapping[str, Any], zone: ZoneInfo) -> Evidence:
    facts: list[Fact] = []
    tables: list[Table] = []
    for name, value in _paired(evidence).items():
        if name in _SAID_ELSEWHERE or value is None or value == []:
            continue
        if table := _table(name, value, zone):
            tables.append(table)
        elif isinstance(value, Mapping):
            ends = (
                (value["from"], value["to"]) if {"from", "to"} <= value.keys() else value.values()
            )
            facts.append((name, " – ".join(_text(part, zone) for part in ends)))
        else:
            facts.append((name, _text(value, zone)))
    order = list(WORDS)  # the store keeps no order of its own
    facts.sort(key=lambda fact: order.index(fact[0]) if fact[0] in WORDS else len(order))
    return Evidence(facts, tables)


def _paired(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Times or days and the values that belong to them, as one table."""
    values = evidence.get("values")
    for name, column in (("times", "at"), ("days", "day")):
        times = evidence.get(name)
        if isinstance(times, list) and isinstance(values, list) and len(times) == len(values):
            rest = {key: value for key, value in evidence.items() if key not in (name, "values")}
            return rest | ({"values": {column: times, "value": values}} if times else {})
    return dict(evidence)


def _table(name: str, value: Any, zone: ZoneInfo) -> Table | None:
    """From {column: [cells]} of one length, or from a list of rows."""
    match value:
        case {**columns} if columns and _are_columns(list(columns.values())):
            cells = zip(*columns.values(), strict=True)
            return Table(name, list(map(str, columns)), _rows([list(row) for row in cells], zone))
        case {**row} if len(row) > _MOST_IN_A_FACT:
            return Table(name, list(map(str, row)), _rows([list(row.values())], zone))
        case [dict() as first, *_]:
            names = list(first)
            found = [[row.get(key) for key in names] for row in value if isinstance(row, dict)]
            return Table(name, names, _rows(found, zone))
        case _:
            return None


def _are_columns(values: list[Any]) -> bool:
    return all(isinstance(value, list) for value in values) and len(set(map(len, values))) == 1


def _rows(rows: list[list[Any]], zone: ZoneInfo) -> list[list[str]]:
    """The newest ones, as evidence is in the order of time."""
    return [[_text(cell, zone) for cell in row] for row in rows[-MOST_ROWS:]]


def _text(value: Any, zone: ZoneInfo) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "✓" if value else "✗"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case list():
            return ", ".join(_text(item, zone) for item in value[:MOST_ROWS])
        case str():
            return _moment(value, zone) or value
        case _:
            return str(value)


def _moment(text: str, zone: ZoneInfo) -> str | None:
    if not 19 <= len(text) <= 35 or text[4:5] != "-":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{at.astimezone(zone):%m-%d %H:%M}" if at.tzinfo else None
