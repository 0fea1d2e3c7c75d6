"""Residents' complaints, as the hotline (12345) exports them: one row for each.

Where it was, a row says by latitude and longitude or by naming a site. One that says neither is
kept all the same, and placed nowhere.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from fumewatch.core import cells
from fumewatch.core.table import BAD, Column, Row, Table, read

COLUMNS: Final = (
    Column(
        "number",
        ("工单编号", "工单号", "投诉编号", "诉求编号", "受理编号"),
        "the hotline's own; the same again is the same complaint",
    ),
    Column(
        "at",
        ("投诉时间", "诉求时间", "受理时间", "来电时间"),
        "day and time, e.g. 2026-11-23 18:05; of the configured zone",
    ),
    Column("latitude", ("纬度",), "of what is complained of, WGS 84 degrees, e.g. 31.1742"),
    Column("longitude", ("经度",), "e.g. 121.4187; give both or neither"),
    Column("site_code", ("单位编码", "餐饮单位编码"), "instead: the site's position counts"),
    Column("address", ("地址", "投诉地址", "诉求地址", "事发地址"), "where, in words"),
    Column("text", ("内容", "投诉内容", "诉求内容"), "what the resident says", is_prose=True),
)
NEEDED: Final = ("number", "at")

_EARLIEST: Final = 2000
"""The year from which on there may be complaints."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Empty text: not given. Position: WGS 84 degrees; both or neither."""

    number: str
    at: datetime
    latitude: float | None = None
    longitude: float | None = None
    site_code: str = ""
    address: str = ""
    text: str = ""


def parse(
    data: bytes, name: str, sites: Collection[str], now: datetime, zone: ZoneInfo
) -> tuple[Complaint, ...]:
    """In the order of the file. Raise ImportRefused with every fault as `name:line column: what`.

    `sites`: the codes of all known sites.
    """
    table = read(data, name, COLUMNS, NEEDED)
    readers: dict[str, Callable[[str], Any]] = {
        "number": cells.code,
        "at": partial(_past, now=now, zone=zone),
        "latitude": cells.latitude,
        "longitude": cells.longitude,
        "site_code": partial(_known, sites=sites),
    }
    lines: dict[str, int] = {}
    found = []
    for row in table.rows:
        fields = _fields(table, row, readers)
        before = lines.setdefault(fields.get("number", BAD), row.line)
        if before != row.line and "number" in fields:
            table.fault(row.line, "number", f"{fields['number']} is in line {before}; delete one")
        found.append(fields)
    table.refuse()
    return tuple(Complaint(**fields) for fields in found)


def _fields(table: Table, row: Row, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Of a Complaint, those that are good; what is wrong with the others is told."""
    fields: dict[str, Any] = {}
    for column, text in row.cells.items():
        if text == BAD:
            continue
        try:
            fields[column] = readers[column](text) if column in readers else text
        except ValueError as error:
            table.fault(row.line, column, str(error))
    for column in NEEDED:
        if column not in row.cells:
            table.fault(row.line, column, "missing; every row needs it")
    given = [column for column in ("latitude", "longitude") if column in row.cells]
    if all(column in fields for column in given):
        try:
            cells.position(fields.get("latitude"), fields.get("longitude"))
        except ValueError as error:
            table.fault(row.line, given[0], str(error))
    return fields


def _past(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    at = cells.instant(text, zone)
    if at > now:
        raise ValueError(f"{text!r} lies ahead; mind the zone, {zone.key} where none is written")
    if at.year < _EARLIEST:
        raise ValueError(f"{text!r} lies before {_EARLIEST}; mind the year")
    return at


def _known(text: str, sites: Collection[str]) -> str:
    if text not in sites:
        raise ValueError(f"no site has the code {text!r}; see sites list")
    return text
