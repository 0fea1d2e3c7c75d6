"""Evidence as a page shows it: single facts, and tables of what was listed.

A rule puts into its evidence what it likes, so nothing here knows a kind: text and numbers are
facts; a list of rows, of named values or of pairs becomes a table; times are the site zone's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

MOST_ROWS: Final = 240
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
    for name, value in evidence.items():
        if table := _table(name, value, zone):
            tables.append(table)
        elif isinstance(value, Mapping):
            inner = lay_out(value, zone)
            facts += [(f"{name}.{key}", text) for key, text in inner.facts]
            tables += [Table(f"{name}.{t.name}", t.columns, t.rows) for t in inner.tables]
        else:
            facts.append((name, _text(value, zone)))
    return Evidence(facts, tables)


def _table(name: str, value: Any, zone: ZoneInfo) -> Table | None:
    """From {column: [cells]} of one length, or from a list of rows."""
    match value:
        case {**columns} if columns and _are_columns(list(columns.values())):
            rows = zip(*columns.values(), strict=True)
            return Table(
                name, [str(column) for column in columns], _rows([list(row) for row in rows], zone)
            )
        case [dict() as first, *_]:
            names = list(first)
            found = [[row.get(key) for key in names] for row in value if isinstance(row, dict)]
            return Table(name, names, _rows(found, zone))
        case [[_, *_] as first, *_]:
            names = ["at", "value", *(str(i) for i in range(3, len(first) + 1))][: len(first)]
            return Table(name, names, _rows([list(row) for row in value], zone))
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
