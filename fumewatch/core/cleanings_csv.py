"""The ledger of cleanings (清洗台账): one row for each outlet and day on which it was cleaned.

A row names its outlet, or the site if that has one outlet only. Rows that say the same are one;
two notes on one cleaning are a contradiction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from fumewatch.core import cells
from fumewatch.core.table import BAD, Column, Row, Table, read

COLUMNS: Final = (
    Column("outlet_code", ("排口编码", "排口编号"), "as in sites.csv"),
    Column(
        "site_code", ("单位编码", "餐饮单位编码"), "instead, where the site has one outlet only"
    ),
    Column("cleaned_on", ("清洗日期", "清洗时间", "清洗日"), "the day, e.g. 2026-11-23"),
    Column("note", ("备注", "清洗内容", "清洗单位"), "who cleaned what; may be empty"),
)
NEEDED: Final = ("cleaned_on",)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """An outlet, by its code, was cleaned. Empty note: none."""

    outlet: str
    cleaned_on: date
    note: str = ""


def parse(
    data: bytes, name: str, outlets_of: Mapping[str, tuple[str, ...]], today: date
) -> tuple[Cleaning, ...]:
    """In the order of the file. Raise ImportRefused with every fault as `name:line column: what`.

    `outlets_of`: the codes of each known site's outlets, by the site's code.
    """
    table = read(data, name, COLUMNS, NEEDED)
    known = {outlet for outlets in outlets_of.values() for outlet in outlets}
    book: dict[tuple[str, date], tuple[int, str]] = {}
    for row in table.rows:
        outlet = _outlet(table, row, outlets_of, known)
        cleaned_on = _day(table, row, today)
        if outlet and cleaned_on:
            _enter(table, book, row, (outlet, cleaned_on))
    table.refuse()
    return tuple(Cleaning(*key, note) for key, (_, note) in book.items())


def _outlet(
    table: Table, row: Row, outlets_of: Mapping[str, tuple[str, ...]], known: set[str]
) -> str:
    """ "" where that is a fault."""
    outlet, site = row.cells.get("outlet_code", ""), row.cells.get("site_code", "")
    if BAD in (outlet, site):
        return ""
    if site and site not in outlets_of:
        table.fault(row.line, "site_code", f"no site has the code {site!r}; see sites list")
    elif outlet and outlet not in known:
        table.fault(row.line, "outlet_code", f"no outlet has the code {outlet!r}; see sites list")
    elif outlet and site and outlet not in outlets_of[site]:
        has = " and ".join(outlets_of[site]) or "none"
        table.fault(
            row.line, "outlet_code", f"{outlet} is no outlet of site {site}, which has {has}"
        )
    elif outlet:
        return outlet
    elif not site:
        table.fault(row.line, "", "names no outlet; give its outlet_code, or the site_code")
    elif len(outlets_of[site]) == 1:
        return outlets_of[site][0]
    else:
        has = ", ".join(outlets_of[site])
        count = f"{len(outlets_of[site])} outlets ({has})" if has else "no outlet"
        table.fault(row.line, "site_code", f"site {site} has {count}; say which in outlet_code")
    return ""


def _day(table: Table, row: Row, today: date) -> date | None:
    text = row.cells.get("cleaned_on")
    if text is None:
        table.fault(row.line, "cleaned_on", "missing; every row needs it")
    elif text != BAD:
        try:
            day = cells.day(text)
            if day <= today:
                return day
            table.fault(row.line, "cleaned_on", f"{day} lies ahead; record a cleaning once done")
        except ValueError as error:
            table.fault(row.line, "cleaned_on", str(error))
    return None


def _enter(
    table: Table,
    book: dict[tuple[str, date], tuple[int, str]],
    row: Row,
    key: tuple[str, date],
) -> None:
    note = row.cells.get("note", "")
    line, before = book.setdefault(key, (row.line, note))
    if note and before and note != before and BAD not in (note, before):
        what = f"{key[0]} on {key[1]} has {note!r} here and {before!r} in line {line}"
        table.fault(row.line, "note", f"{what}; make them the same")
    elif note and not before:
        book[key] = row.line, note
