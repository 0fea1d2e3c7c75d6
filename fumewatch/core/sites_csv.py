"""sites.csv: one row for each relation of a site, an outlet and a monitor.

Rows repeat what they share: a site with two outlets has two rows, a flue shared by three sites has
three. An empty cell adds nothing, two different values for one thing are a contradiction. Reading
is in two steps, each of which names every fault it finds:

1. core.table: bytes → rows of named cells (encoding, delimiter, header);
2. here: cells → facts (codes, dates, hours, contradictions, shared flues).
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from fumewatch.core import cells as cell
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.table import BAD, Column, Row, Table, closest, guarded, read

COLUMNS: Final = (
    Column("district", ("区", "区县", "行政区"), "as in the topic fume/{district}/..., e.g. xuhui"),
    Column("street", ("街镇", "街道"), "street or town, e.g. 田林街道"),
    Column("site_code", ("单位编码", "餐饮单位编码"), "your own number of the restaurant"),
    Column("site", ("餐饮单位", "单位名称", "店名"), "its name"),
    Column("address", ("地址", "单位地址"), "where an inspector goes"),
    Column("contact", ("联系人", "联系方式", "联系电话"), "whom an inspector asks for"),
    Column("size_class", ("规模", "单位规模"), "small, medium or large (小型, 中型, 大型)"),
    Column(
        "business_hours",
        ("营业时间",),
        "10:30-14:00; weekend 11:00-22:30; holiday closed; empty: the default",
    ),
    Column("tags", ("标签",), "words for rules and routes, separated by ; or 、"),
    Column("outlet_code", ("排口编码", "排口编号"), "number of the flue; empty: the site_code"),
    Column("outlet", ("排口", "排口名称"), "its name, e.g. 屋顶东侧"),
    Column("limit_profile", ("排放限值", "执行标准"), "name of a [[limit]] of the configuration"),
    Column("cleaned_at", ("清洗日期", "最近清洗", "清洗台账"), "last cleaning, e.g. 2026-11-23"),
    Column("monitor", ("监测仪", "监测仪编号", "MN", "设备编号"), "as in the topic; may be empty"),
    Column("vendor", ("厂商", "品牌", "运维单位"), "who made it"),
    Column("model", ("型号", "设备型号"), "which device"),
    Column("latitude", ("纬度",), "of the site, WGS 84 degrees, e.g. 31.1742"),
    Column("longitude", ("经度",), "of the site, e.g. 121.4187; give both or neither"),
    Column("responsible", ("责任单位", "是否责任单位"), "yes or no (是, 否) on shared flues"),
)
NEEDED: Final = ("district", "street", "site_code", "site", "limit_profile")

_SIZES: Final = {
    **dict.fromkeys(("small", "小", "小型"), "small"),
    **dict.fromkeys(("medium", "中", "中型"), "medium"),
    **dict.fromkeys(("large", "大", "大型", "特大型"), "large"),
}
_YES: Final = ("yes", "y", "true", "1", "是")
_NO: Final = ("no", "n", "false", "0", "否")
_TAG_MARKS: Final = re.compile(r"[;；、,，|]")


def parse(data: bytes, name: str, profiles: Collection[str]) -> Facts:
    """Raise ImportRefused with every fault as `name:line column: what`.

    `profiles` are the names of the configured limit profiles.
    """
    table = read(data, name, COLUMNS, NEEDED)
    book = _Book()
    for row in table.rows:
        _check_cells(table, row, profiles)
        _enter(table, book, row)
    _missing(table, book)
    outlets = tuple(_outlet(table, book, code, entry) for code, entry in book.outlets.items())
    sites = tuple(_site(table, code, entry) for code, entry in book.sites.items())
    table.refuse()
    return Facts(
        sites,
        outlets,
        tuple(_monitor(*key, entry) for key, entry in book.monitors.items()),
    )


def write(facts: Facts) -> str:
    """The file that `parse` reads back as these facts; each outlet has at least one row a site."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    sites = {site.code: site for site in facts.sites}
    outlets = {outlet.code: outlet for outlet in facts.outlets}
    for monitor in facts.monitors:
        for code in outlets[monitor.outlet].sites:
            writer.writerow(map(guarded, _cells(sites[code], outlets[monitor.outlet], monitor)))
    measured = {monitor.outlet for monitor in facts.monitors}
    for outlet in facts.outlets:
        if outlet.code not in measured:
            writer.writerows(
                map(guarded, _cells(sites[code], outlet, None)) for code in outlet.sites
            )
    return out.getvalue()


def _cells(site: SiteFacts, outlet: OutletFacts, monitor: MonitorFacts | None) -> list[str]:
    return [
        site.district,
        site.street,
        site.code,
        site.name,
        site.address,
        site.contact,
        site.size_class,
        site.business_hours,
        ";".join(site.tags),
        outlet.code,
        outlet.name,
        outlet.limit_profile,
        outlet.cleaned_at.isoformat() if outlet.cleaned_at else "",
        monitor.code if monitor else "",
        monitor.vendor if monitor else "",
        monitor.model if monitor else "",
        cell.written(site.latitude),
        cell.written(site.longitude),
        "yes" if outlet.responsible_site == site.code else "no",
    ]


@dataclass(slots=True)
class _Entry:
    """One thing that rows speak of: what they say of it, by column, and on which line first."""

    line: int
    said: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __getitem__(self, column: str) -> str:
        """The text, "" where no row says anything or what it says is wrong."""
        return self.said.get(column, ("", 0))[0].strip(BAD)


@dataclass(slots=True)
class _Book:
    """Rows sorted into the things they speak of. `on_outlet`: outlet → site → its rows."""

    sites: dict[str, _Entry] = field(default_factory=dict)
    outlets: dict[str, _Entry] = field(default_factory=dict)
    monitors: dict[tuple[str, str], _Entry] = field(default_factory=dict)
    on_outlet: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    relations: dict[tuple[str, str, str], int] = field(default_factory=dict)


def _check_cells(table: Table, row: Row, profiles: Collection[str]) -> None:
    """Bring each cell into one spelling; a wrong one is told and marked."""
    for column, text in row.cells.items():
        if text is BAD:
            continue
        try:
            row.cells[column] = _CHECKS[column](text) if column in _CHECKS else text
            if column == "limit_profile":
                _known_profile(text, profiles)
        except ValueError as error:
            table.fault(row.line, column, str(error))
            row.cells[column] = BAD


def _enter(table: Table, book: _Book, row: Row) -> None:
    cells = row.cells
    for column in ("district", "site_code"):
        if column not in cells:
            table.fault(row.line, column, "missing; every row needs it")
    site, district = cells.get("site_code", BAD), cells.get("district", BAD)
    outlet, monitor = cells.setdefault("outlet_code", site), cells.get("monitor", "")
    if BAD in (site, district, outlet, monitor):
        return
    before = book.relations.setdefault((site, outlet, monitor), row.line)
    if before != row.line:
        table.fault(row.line, "", f"same site, outlet and monitor as line {before}; delete one")
        return
    _say(table, book.sites.setdefault(site, _Entry(row.line)), row, _SITE, f"site {site}")
    _say(table, book.outlets.setdefault(outlet, _Entry(row.line)), row, _OUTLET, f"outlet {outlet}")
    if monitor:
        entry = book.monitors.setdefault((district, monitor), _Entry(row.line))
        _say(table, entry, row, _MONITOR, f"monitor {monitor}")
    book.on_outlet.setdefault(outlet, {}).setdefault(site, []).append(row)


def _say(table: Table, entry: _Entry, row: Row, columns: Iterable[str], whose: str) -> None:
    for column in columns:
        if column not in row.cells:
            continue
        text = row.cells[column]
        said, line = entry.said.setdefault(column, (text, row.line))
        if said != text and BAD not in (said, text):
            table.fault(
                row.line,
                column,
                f"{whose} has {text!r} here and {said!r} in line {line}; make them the same",
            )


def _missing(table: Table, book: _Book) -> None:
    for entries, columns in ((book.sites, ("street", "site")), (book.outlets, ("limit_profile",))):
        for code, entry in entries.items():
            for column in columns:
                if column not in entry.said:
                    table.fault(entry.line, column, f"missing for {code!r}; no row gives it")


def _responsible(table: Table, book: _Book, outlet: str) -> str:
    """The code of the site that answers for the outlet: the only one, or the one marked yes."""
    rows = book.on_outlet[outlet]
    marks = {site: {row.cells.get("responsible", "") for row in rows[site]} for site in rows}
    yes = [site for site in rows if "yes" in marks[site]]
    if len(yes) == 1:
        return yes[0]
    if not yes and len(rows) == 1 and "no" not in marks[next(iter(rows))]:
        return next(iter(rows))
    line = rows[yes[1]][0].line if yes else book.outlets[outlet].line
    said = f"{' and '.join(yes)} are" if yes else "none is"
    if BAD not in set().union(*marks.values()):
        table.fault(
            line,
            "responsible",
            f"outlet {outlet} serves {len(rows)} site(s) and {said} responsible; say yes for one",
        )
    return ""


def _site(table: Table, code: str, entry: _Entry) -> SiteFacts:
    latitude, longitude = _position(table, entry)
    return SiteFacts(
        code=code,
        name=entry["site"],
        district=entry["district"],
        street=entry["street"],
        address=entry["address"],
        contact=entry["contact"],
        size_class=entry["size_class"],
        business_hours=entry["business_hours"],
        tags=tuple(filter(None, entry["tags"].split(";"))),
        latitude=latitude,
        longitude=longitude,
    )


def _position(table: Table, entry: _Entry) -> tuple[float, float] | tuple[None, None]:
    if any(entry.said.get(column, ("",))[0] == BAD for column in ("latitude", "longitude")):
        return None, None
    latitude, longitude = (
        float(entry[column]) if entry[column] else None for column in ("latitude", "longitude")
    )
    try:
        return cell.position(latitude, longitude) or (None, None)
    except ValueError as error:
        table.fault(entry.line, "latitude" if latitude is None else "longitude", str(error))
        return None, None


def _outlet(table: Table, book: _Book, code: str, entry: _Entry) -> OutletFacts:
    cleaned = entry["cleaned_at"]
    return OutletFacts(
        code=code,
        responsible_site=_responsible(table, book, code),
        sites=tuple(sorted(book.on_outlet[code])),
        limit_profile=entry["limit_profile"],
        name=entry["outlet"],
        cleaned_at=date.fromisoformat(cleaned) if cleaned else None,
    )


def _monitor(district: str, code: str, entry: _Entry) -> MonitorFacts:
    return MonitorFacts(district, code, entry["outlet_code"], entry["vendor"], entry["model"])


def _topic_level(text: str) -> str:
    code = cell.code(text)
    if strange := next((c for c in code if c in "+#/" or c.isspace()), ""):
        raise ValueError(f"{text!r} has {strange!r}, which no topic level of a monitor has")
    return code


def _size(text: str) -> str:
    if text.casefold() not in _SIZES:
        raise ValueError(f"{text!r} is not one of small, medium, large (小型, 中型, 大型)")
    return _SIZES[text.casefold()]


def _hours(text: str) -> str:
    return str(BusinessHours.parse(text, "UTC"))


def _tags(text: str) -> str:
    return ";".join(dict.fromkeys(filter(None, map(str.strip, _TAG_MARKS.split(text)))))


def _date(text: str) -> str:
    return cell.day(text).isoformat()


def _latitude(text: str) -> str:
    return cell.written(cell.latitude(text))


def _longitude(text: str) -> str:
    return cell.written(cell.longitude(text))


def _yes(text: str) -> str:
    if text.casefold() in _YES:
        return "yes"
    if text.casefold() in _NO:
        return "no"
    raise ValueError(f"{text!r} is neither yes nor no (是, 否)")


def _known_profile(text: str, profiles: Collection[str]) -> None:
    if text not in profiles:
        known = closest(text, profiles) or f"; known: {', '.join(profiles) or 'none'}"
        raise ValueError(f"no [[limit]] of the configuration is named {text!r}{known}")


_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "district": _topic_level,
    "monitor": _topic_level,
    "site_code": cell.code,
    "outlet_code": cell.code,
    "size_class": _size,
    "business_hours": _hours,
    "tags": _tags,
    "cleaned_at": _date,
    "latitude": _latitude,
    "longitude": _longitude,
    "responsible": _yes,
}
_SITE: Final = (
    "district",
    "street",
    "site",
    "address",
    "contact",
    "size_class",
    "business_hours",
    "tags",
    "latitude",
    "longitude",
)
_OUTLET: Final = ("outlet", "limit_profile", "cleaned_at")
_MONITOR: Final = ("outlet_code", "vendor", "model")
