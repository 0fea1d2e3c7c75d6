"""A backtest's report, as `fumewatch backtest` tells it to people."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from fumewatch.backtest.compare import Change, Difference
from fumewatch.backtest.report import Report
from fumewatch.backtest.said import described, span_of
from fumewatch.backtest.summary import Summary
from fumewatch.cli import show
from fumewatch.core import duration

MOST_DIFFERENCES: Final = 100
"""For the eye; --json and --html have more."""
MOST_STREETS: Final = 20
_BARS: Final = "▁▂▃▄▅▆▇█"


def tell(report: Report) -> None:
    show.line(report.summary.en)
    show.line()
    for line in _head(report):
        show.line(show.inert(line))
    _rules(report)
    _streets(report)
    _days(report)
    _receivers(report)
    if report.comparison:
        _differences(report)


def _head(report: Report) -> Iterator[str]:
    if report.old:
        yield f"New: {report.new.config}"
        yield f"Old: {report.old.config}"
    else:
        yield f"Configuration: {report.new.config}"
    read = report.read
    yield f"Readings: {read.readings:,} of {show.count(read.monitors, 'monitor')}, {read.source}"
    if read.repeated:
        yield (
            f"Rows that repeat a monitor's time: {read.repeated:,}, {read.differing:,} of them "
            "with other values (the larger counts)"
        )
    for note in report.notes:
        yield f"Note: {note}"


def _rules(report: Report) -> None:
    """Old numbers stand before the new ones: 12 → 9."""
    old = {row.rule: row for row in report.old.by_rule} if report.old else {}
    new = {row.rule: row for row in report.new.by_rule}
    rows = []
    for id in [*new, *(id for id in old if id not in new)]:
        now, was = new.get(id), old.get(id)
        row = now or was
        assert row
        rows.append(
            (
                id,
                row.severity,
                _change(_of(was, "alerts"), _of(now, "alerts"), report),
                _change(_of(was, "watched"), _of(now, "watched"), report),
                _minutes(row.median_minutes),
                _minutes(row.p90_minutes),
                _change(_of(was, "messages"), _of(now, "messages"), report),
            )
        )
    columns = ["rule", "severity", "alerts", "watched", "median", "p90", "messages"]
    show.line()
    show.table("By rule", columns, rows)


def _of(row: Any, name: str) -> int | None:
    return getattr(row, name, None)


def _streets(report: Report) -> None:
    def found(summary: Summary | None) -> dict[tuple[str, str], tuple[int, int]]:
        rows = summary.by_street if summary else ()
        return {(row.district, row.street): (row.alerts, row.messages) for row in rows}

    old, new = found(report.old), found(report.new)
    keys = [*new, *(key for key in old if key not in new)]
    rows = [
        (
            " ".join(filter(None, key)) or "(no site)",
            _change(old.get(key, (0, 0))[0], new.get(key, (0, 0))[0], report),
            _change(old.get(key, (0, 0))[1], new.get(key, (0, 0))[1], report),
        )
        for key in keys[:MOST_STREETS]
    ]
    if rows:
        show.table("By street", ["street", "alerts", "messages"], rows)
    if len(keys) > MOST_STREETS:
        show.line(f"... and {len(keys) - MOST_STREETS:,} streets more")
        show.line()


def _change(was: int | None, now: int | None, report: Report) -> str:
    if report.old is None:
        return f"{now:,}"
    before, after = (f"{n:,}" if n is not None else "–" for n in (was, now))
    return before if before == after else f"{before} → {after}"


def _minutes(length: float | None) -> str:
    return "" if length is None else duration.show(timedelta(minutes=length))


def _days(report: Report) -> None:
    """A bar a day; old and new against one scale."""
    summaries = [("new" if report.old else "", report.new)]
    if report.old:
        summaries.insert(0, ("old", report.old))
    rows = [row for _, summary in summaries for row in summary.by_day]
    if not rows:
        return
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    for what in ("alerts", "messages"):
        most = max(getattr(row, what) for row in rows)
        show.line(f"{what.capitalize()} a day, {first} to {last}, at most {most:,}")
        for name, summary in summaries:
            bars = sparkline([getattr(row, what) for row in summary.by_day], most)
            show.line(f"  {name} {bars}".replace("   ", "  "))
    show.line()


def sparkline(numbers: Sequence[int], most: int) -> str:
    """One sign a number; none at all is a dot.

    >>> sparkline([0, 1, 4, 8], 8)
    '·▁▄█'
    """
    top = len(_BARS)
    return "".join(
        "·" if not n else _BARS[max(0, -(-n * top // max(most, 1)) - 1)] for n in numbers
    )


def _receivers(report: Report) -> None:
    old = {row.receiver: row for row in report.old.by_receiver} if report.old else {}
    new = {row.receiver: row for row in report.new.by_receiver}
    names = [*new, *(name for name in old if name not in new)]
    parts = ("firing", "resolved", "pending", "total", "most")

    def cells(name: str) -> Iterator[str]:
        for part in parts:
            was, now = (getattr(rows.get(name), part, 0) for rows in (old, new))
            yield _change(was, now, report)

    if names:
        columns = ["messages to", "firing", "resolved", "pending", "in all", "most a day"]
        show.table("", columns, [(name, *cells(name)) for name in names])


def _differences(report: Report) -> None:
    comparison = report.comparison
    assert comparison
    counts = [(change, comparison.count(change)) for change in Change]
    listed = ", ".join(f"{n:,} {change}" for change, n in counts if n) or "none"
    show.line(f"Differences: {listed}; {show.count(comparison.same, 'alert')} as before")
    show.line(
        f"Early warnings of the old one: {comparison.warned:,}, missed {comparison.missed:,}"
        + (f", undecided {comparison.undecided:,}" if comparison.undecided else "")
    )
    ordered = sorted(
        zip(comparison.differences, report.reasons, strict=True), key=lambda d: not d[0].is_missed
    )
    for difference, reason in ordered[:MOST_DIFFERENCES]:
        show.line()
        show.line(show.inert(headline(difference, report)))
        show.line(show.inert(f"  {reason.en}"))
    if len(ordered) > MOST_DIFFERENCES:
        rest = len(ordered) - MOST_DIFFERENCES
        show.line()
        show.line(f"... and {rest:,} differences more; --json and --html have them")


def headline(difference: Difference, report: Report) -> str:
    """What, which rule, where, when.

    MISSED gone: exceedance at 老灶台面馆, 田林街道 (FM-1), 11-23 12:05 to 12:40
    """
    place = report.places[difference.either.monitor]
    where = ", ".join(filter(None, (place.site, place.street))) or place.district
    mark = "MISSED " if difference.is_missed else "UNDECIDED " if difference.is_undecided else ""
    both = (difference.old, difference.new)
    spans = (span_of(alert, report.zone) for alert in both if alert)
    what = f"{mark}{', '.join(described(difference))}: {difference.either.rule}"
    return f"{what} at {where} ({place.code}), {' → '.join(dict.fromkeys(spans))}"
