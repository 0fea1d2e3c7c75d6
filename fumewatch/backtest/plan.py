"""A backtest as it is asked for: the history opened, the span settled, run, compared, reported."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.backtest import run as runs
from fumewatch.backtest.compare import Span, compare
from fumewatch.backtest.places import EVERYTHING, Found, Wanted, find
from fumewatch.backtest.report import Read, Report, report
from fumewatch.backtest.run import Outcome, Trial
from fumewatch.backtest.sources import (
    FileSource,
    Intake,
    Progress,
    Source,
    StoreSource,
    read_file,
)
from fumewatch.backtest.spool import Spool
from fumewatch.config import Config
from fumewatch.core import sites_csv
from fumewatch.core.duration import show
from fumewatch.core.errors import Fault, ImportRefused, StoreRefused
from fumewatch.core.facts import Facts
from fumewatch.core.rules import DayRule, PatternRule
from fumewatch.core.rules.rule import Common
from fumewatch.store import Database, history, monitors

USUAL_SPAN: Final = timedelta(days=30)
"""Of the store, where nobody says from when."""
MOST_SPAN: Final = timedelta(days=400)
WARM_UP: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for. None: whatever there is."""

    trials: Sequence[Trial]
    wanted: Wanted = EVERYTHING
    start: datetime | None = None
    end: datetime | None = None
    warm_up: timedelta = WARM_UP

    @property
    def config(self) -> Config:
        return self.trials[0].config


@dataclass(frozen=True, slots=True)
class Opened:
    """History at hand. `first`, `last`: of its readings; `first` None: not known.

    `stranger`: what was asked for and nobody is called. `read`: what was read, once it has been.
    """

    source: Source
    first: datetime | None
    last: datetime
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
    read: Callable[[int], Read]


@contextmanager
def file(
    path: Path, sites: Path | None, asked: Asked, *, skip_bad: bool, progress: Progress
) -> Iterator[Opened]:
    """Raise ImportRefused for what is wrong with either of the files."""
    config = asked.config
    facts = _facts(sites, asked.trials) if sites else None
    with Spool() as spool:
        intake = read_file(path, config.zone, spool, skip_bad=skip_bad, progress=progress)
        if spool.first is None or spool.last is None:
            raise ImportRefused([Fault(str(path), "holds no reading")])
        profile = config.limit[0].name if config.limit else ""
        found = find(spool.names, facts, str(config.zone), profile, str(path))
        chosen = asked.wanted.pick(found.places.values())
        source = FileSource(spool, found.keys, chosen)

        def read(readings: int) -> Read:
            twice = spool.twice
            return Read(
                str(path),
                readings,
                len(source.places),
                dict(sorted(intake.refused.items())),
                intake.empty,
                twice.repeated,
                twice.differing,
            )

        yield Opened(
            source,
            _moment(spool.first),
            _moment(spool.last),
            tuple(asked.wanted.unknown(list(found.places.values()))),
            tuple(_file_notes(found, sites, profile, intake)),
            read,
        )


@contextmanager
def store(database: Database, asked: Asked) -> Iterator[Opened]:
    """Raise StoreRefused where the store has no reading."""
    with database.transaction() as conn:
        places = monitors.places(conn, str(asked.config.zone))
        last = history.newest(conn)
    if last is None:
        raise StoreRefused("the store has no reading yet; give some with --readings FILE")
    chosen = asked.wanted.pick(places)
    source = StoreSource(database, chosen, is_all=not asked.wanted)
    unknown = tuple(asked.wanted.unknown(places))
    yield Opened(source, None, last, unknown, (), lambda n: Read("store", n, len(source.places)))


@dataclass(slots=True)
class Work:
    """A backtest under way: `readings` judged so far."""

    asked: Asked
    opened: Opened
    span: Span
    begin: datetime
    readings: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        return (self.span.end - self.begin) // _MINUTE

    def run(self, progress: Progress) -> Report:
        """Told of minutes that were judged."""
        at = self.begin

        def judged(readings: int, until: int) -> None:
            nonlocal at
            now = _moment(until)
            progress((now - at) // _MINUTE)
            self.readings, at = self.readings + readings, now

        source = self.opened.source
        self.outcomes = runs.run(self.asked.trials, source, self.span, self.begin, judged)
        comparison = None
        if len(self.outcomes) > 1:
            new, old = (outcome.alerts.values() for outcome in self.outcomes)
            comparison = compare(old, new, self.span)
        notes = [*self.opened.notes, *_notes(self.asked, self.span.start - self.begin)]
        read = self.opened.read(self.readings)
        return report(self.outcomes, comparison, self.span, self.begin, read, notes, source.places)


def work(asked: Asked, opened: Opened) -> Work:
    """Settle what is to be judged. ImportRefused where that is nothing, or too much."""
    first = _whole(opened.first) if opened.first else None
    end = _whole(asked.end) if asked.end else _whole(opened.last) + _MINUTE
    start = _whole(asked.start) if asked.start else first or _days_before(end, asked.config.zone)
    begin = start - asked.warm_up if asked.start or first is None else start
    if first is not None:
        begin = min(start, max(begin, first))
    if start >= end:
        what = f"nothing to judge from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
        raise ImportRefused([Fault("--from, --to", what)])
    if end - begin > MOST_SPAN:
        what = f"{show(end - begin)} are too many, {show(MOST_SPAN)} are judged at most; give both"
        raise ImportRefused([Fault("--from, --to", f"{what}. From {start}, to {end}")])
    return Work(asked, opened, Span(start, end), begin)


def _days_before(end: datetime, zone: ZoneInfo) -> datetime:
    """The local midnight that lies the usual span before."""
    day = (end - USUAL_SPAN).astimezone(zone).date()
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _facts(path: Path, trials: Sequence[Trial]) -> Facts:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImportRefused([Fault(str(path), f"cannot be read: {error.strerror}")]) from None
    profiles = {profile.name for trial in trials for profile in trial.config.limit}
    return sites_csv.parse(data, str(path), sorted(profiles))


def _file_notes(found: Found, sites: Path | None, profile: str, intake: Intake) -> Iterator[str]:
    if found.strangers and profile:
        who = "every monitor" if sites is None else _some(found.strangers, f"not in {sites}")
        yield f"Limits of {profile!r}, the first of the configuration, for {who}."
    elif found.strangers:
        yield 'The configuration has no [[limit]]: rules that say "limit" judge nothing.'
    if intake.refused:
        counts = ", ".join(f"{kind} {n:,}" for kind, n in sorted(intake.refused.items()))
        yield f"Rows left out that could not be read: {counts}."
    if intake.empty:
        yield f"Rows without any value, passed over: {intake.empty:,}."


def _some(names: Sequence[str], what: str) -> str:
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{len(names):,} monitors {what} ({listed})"


def _notes(asked: Asked, warm_up: timedelta) -> Iterator[str]:
    rules: dict[str, Common] = {r.id: r for trial in asked.trials for r in trial.config.rule}
    wanted = asked.trials[0].rules
    counted = [rule for rule in rules.values() if not wanted or rule.id in wanted]
    for rule in counted:
        if isinstance(rule, DayRule) and timedelta(days=rule.days_needed) > warm_up:
            yield (
                f"Rule {rule.id} looks back {rule.days_needed} days, the warm-up is "
                f"{show(warm_up)}: it judges little at first (--warm-up)."
            )
    if any(rule.kind == "absence" for rule in counted):
        yield "Silence is judged by readings alone: heartbeats and last wills are not replayed."
    if any(isinstance(rule, PatternRule) for rule in counted):
        yield "What inspectors found is not replayed; of a file, no complaints and restarts either."
    if asked.wanted:
        yield "Rules about the whole fleet see only the monitors that were asked for."
    for trial in asked.trials:
        if trial.config.rule and not trial.config.route:
            yield f"{trial.name} has no [[route]]: nobody would be told of anything."


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
