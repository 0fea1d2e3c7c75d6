"""The report as one HTML file that needs nothing else: plotly's script is in it.

Names of sites come from outside: the template escapes them, plots show none of them, and the page
allows no script but its own.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from fumewatch.backtest import plots
from fumewatch.backtest.compare import Change, Difference
from fumewatch.backtest.report import Report
from fumewatch.backtest.said import described, span_of
from fumewatch.backtest.sources import Source
from fumewatch.backtest.summary import Summary

MOST_DIFFERENCES: Final = 200
"""More plots no browser shows well, and nobody looks at."""
MOST_ROWS: Final = 30


def page(report: Report, source: Source) -> str:
    """Missed differences come first, then the others by time."""
    shown = chosen(report)
    found = [each for each, _ in shown]
    drawn = plots.of(found, report, source)
    total = len(report.comparison.differences) if report.comparison else 0
    data = {
        "days": list(_days(report)),
        "plots": [plot.as_json() if plot else None for plot in drawn],
    }
    own, plotly = _text("page.js"), _plotly()
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _text("page.html")
    )
    return template.render(
        report=report,
        first_day=f"{report.span.start.astimezone(report.zone):%Y-%m-%d}",
        last_day=f"{report.span.end.astimezone(report.zone):%Y-%m-%d}",
        tiles=list(_tiles(report)),
        tables=list(_tables(report)),
        cards=[_card(*each, plot, report) for each, plot in zip(shown, drawn, strict=True)],
        picks=list(_picks(found)),
        hidden=total - len(shown),
        repeated=_repeated(report),
        css=Markup(_text("page.css")),  # our own file  # nosec B704
        data=Markup(_inert(data)),  # JSON, without a <  # nosec B704
        plotly=Markup(plotly),  # the script of the plotly wheel  # nosec B704
        js=Markup(own),  # our own file  # nosec B704
        scripts_allowed=Markup(f"{_digest(plotly)} {_digest(own)}"),  # hashes  # nosec B704
    )


def chosen(report: Report) -> list[tuple[Difference, Any]]:
    """The differences that are shown, each with its reason."""
    if not report.comparison:
        return []
    pairs = list(zip(report.comparison.differences, report.reasons, strict=True))
    pairs.sort(key=lambda pair: not pair[0].is_missed)
    return pairs[:MOST_DIFFERENCES]


@dataclass(frozen=True, slots=True)
class _Tile:
    name: str
    now: str
    was: str | None = None
    is_bad: bool = False


def _tiles(report: Report) -> Iterator[_Tile]:
    new, old, found = report.new, report.old, report.comparison
    yield _Tile("messages", f"{new.messages:,}", f"{old.messages:,}" if old else None)
    yield _Tile("alerts", f"{new.alerts:,}", f"{old.alerts:,}" if old else None)
    if found:
        missed = f"{found.missed:,}"
        yield _Tile(f"missed of {found.warned:,} early warnings", missed, is_bad=found.missed > 0)
        if found.undecided:
            yield _Tile("undecided at the end", f"{found.undecided:,}")
        yield _Tile("new alerts", f"{found.count(Change.NEW):,}")
        yield _Tile("alerts gone", f"{found.count(Change.GONE):,}")


@dataclass(frozen=True, slots=True)
class _Cell:
    was: str
    now: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """`share`, `was_share`: lengths of the bars in per cent; None without an old one."""

    name: str
    note: str
    cells: list[_Cell]
    share: int
    was_share: int | None


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    what: str
    columns: Sequence[str]
    rows: list[_Row]
    idle: list[str]
    more: int = 0


def _tables(report: Report) -> Iterator[_Table]:
    yield _table(
        report,
        ("By rule", "rule"),
        lambda summary: {row.rule: row for row in summary.by_rule},
        (("alerts", "alerts"), ("messages", "messages"), ("median_minutes", "median, min")),
        lambda key, row: (key, f"{row.title}, {row.severity}"),
    )
    yield _table(
        report,
        ("By street", "street"),
        lambda summary: {(row.district, row.street): row for row in summary.by_street},
        (("alerts", "alerts"), ("messages", "messages")),
        lambda key, row: (row.street or "no site", row.district),
    )
    yield _table(
        report,
        ("Messages by receiver", "receiver"),
        lambda summary: {row.receiver: row for row in summary.by_receiver},
        (("total", "in all"), ("firing", "firing"), ("most", "most a day")),
        lambda key, row: (key, ""),
    )


def _table(
    report: Report,
    names: tuple[str, str],
    rows_of: Callable[[Summary], dict[Any, Any]],
    columns: Sequence[tuple[str, str]],
    name_of: Callable[[Any, Any], tuple[str, str]],
) -> _Table:
    """The first column is what the bars show; who has nothing in any is only named."""
    new, old = rows_of(report.new), rows_of(report.old) if report.old else {}
    both = {**old, **new}
    everyone = [*new, *(key for key in old if key not in new)]
    keys = [key for key in everyone if _has_any((old.get(key), new.get(key)), columns)]
    idle = [name_of(key, both[key])[0] for key in everyone if key not in keys]
    first = columns[0][0]
    most = max((getattr(row, first) for row in [*new.values(), *old.values()]), default=0)
    rows = []
    for key in keys[:MOST_ROWS]:
        now, was = new.get(key), old.get(key)
        cells = [_cell(was, now, attribute, report) for attribute, _ in columns]
        share, was_share = (round(100 * getattr(row, first, 0) / (most or 1)) for row in (now, was))
        name, note = name_of(key, both[key])
        rows.append(_Row(name, note, cells, share, was_share if report.old else None))
    titles = [title for _, title in columns]
    return _Table(*names, titles, rows, idle, max(0, len(keys) - MOST_ROWS))


def _has_any(rows: Sequence[Any], columns: Sequence[tuple[str, str]]) -> bool:
    return any(getattr(row, attribute, 0) for row in rows for attribute, _ in columns)


def _cell(was: Any, now: Any, attribute: str, report: Report) -> _Cell:
    before, after = (_number(getattr(row, attribute, 0)) for row in (was, now))
    return _Cell(before, after, report.old is not None and before != after)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,g}" if value < 1e6 else f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class _Mark:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Card:
    kinds: list[str]
    marks: list[_Mark]
    rule: str
    where: str
    old: str
    new: str
    why: Any
    height: int


def _card(difference: Difference, reason: Any, plot: plots.Plot | None, report: Report) -> _Card:
    place = report.places[difference.either.monitor]
    parts = (place.site, place.street, place.address, f"{place.district}/{place.code}")
    old, new = difference.old, difference.new
    return _Card(
        kinds=list(_kinds(difference)),
        marks=list(_marks(difference)),
        rule=difference.either.rule,
        where=", ".join(filter(None, parts)),
        old=span_of(old, report.zone) if old else "",
        new=span_of(new, report.zone) if new else "",
        why=reason,
        height=plot.height if plot else 0,
    )


def _marks(difference: Difference) -> Iterator[_Mark]:
    if difference.is_missed:
        yield _Mark("missed", "missed")
    if difference.is_undecided:
        yield _Mark("undecided", "undecided")
    for text in described(difference):
        yield _Mark("change", text)


def _kinds(difference: Difference) -> Iterator[str]:
    if difference.is_missed:
        yield "missed"
    yield from (change.value for change in difference.changes)


def _picks(shown: Sequence[Difference]) -> Iterator[dict[str, Any]]:
    kinds = [set(_kinds(each)) for each in shown]
    for name in ("missed", *(change.value for change in Change)):
        if count := sum(name in own for own in kinds):
            yield {"name": name, "count": count}


def _days(report: Report) -> Iterator[dict[str, Any]]:
    sides = [("old", report.old), ("new", report.new)]
    for side, summary in sides:
        if summary:
            yield {
                "side": side,
                "name": side if report.old else "",
                "day": [row.day.isoformat() for row in summary.by_day],
                "alerts": [row.alerts for row in summary.by_day],
                "messages": [row.messages for row in summary.by_day],
            }


def _repeated(report: Report) -> str:
    read = report.read
    if not read.repeated:
        return ""
    return (
        f"Rows that repeat a monitor's time: {read.repeated:,}, {read.differing:,} of them with "
        "other values (the larger counts)."
    )


def _text(name: str) -> str:
    return (files("fumewatch.backtest") / name).read_text("utf-8")


def _plotly() -> str:
    """Out of its own wheel; an end tag in it would end the script."""
    script = (files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")
    return script.replace("</script", "<\\/script")


def _inert(data: Any) -> str:
    """JSON that no browser takes for the end of the script."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def _digest(script: str) -> str:
    """As a content security policy names an inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
