"""A table of a file of tests into a trial, by a configuration; faults go to the source."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from fumewatch.config.positions import Path, nearest
from fumewatch.config.source import Source, closest
from fumewatch.config.tree import Config
from fumewatch.config.trials.tables import ExpectTable, Moment, MonitorTable, SiteTable, TestTable
from fumewatch.core.alert import State
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.day import DayRule
from fumewatch.core.series import Flags, Series, flags, measured, state
from fumewatch.core.site import Place
from fumewatch.core.trial import Expected, Trial, Watched
from fumewatch.core.trial.days import NAMES

ALONE: Final = "monitor"
"""The code of a test's only monitor."""
LONGEST: Final = timedelta(days=400)

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Case:
    """A trial, and the lines on which it and its expectations are written."""

    trial: Trial
    line: int
    lines: tuple[int, ...]

    @property
    def rules(self) -> frozenset[str]:
        """Of which it expects something."""
        return frozenset(each.rule for each in self.trial.expected)


def case(source: Source, config: Config, number: int, table: TestTable) -> Case | None:
    """None where it has a fault."""
    before = len(source.faults)
    path: Path = ("test", number)
    trial = _Builder(source, config, table, path).trial()
    if len(source.faults) > before:
        return None
    expected = [nearest(source.lines, (*path, "expect", i)) for i in range(len(table.expect))]
    return Case(trial, nearest(source.lines, path), tuple(expected))


class _Builder:
    """Goes on after a fault, with something harmless in its place, to find the others too."""

    def __init__(self, source: Source, config: Config, table: TestTable, path: Path) -> None:
        self._source = source
        self._config = config
        self._table = table
        self._path = path
        named = {code: ((*path, "monitor", code), each) for code, each in table.monitor.items()}
        self._senders: Mapping[str, tuple[Path, MonitorTable]] = named or {ALONE: (path, table)}
        self._is_of_days = any(sender.days for _, sender in self._senders.values())
        self._start = _start(table.start, config.zone, whole_days=self._is_of_days)

    def trial(self) -> Trial:
        watched = tuple(
            self._watched(i, code, path, sender)
            for i, (code, (path, sender)) in enumerate(self._senders.items())
        )
        expected = tuple(
            self._expected((*self._path, "expect", i), each)
            for i, each in enumerate(self._table.expect)
        )
        interval = _DAY if self._is_of_days else self._table.interval
        end = self._end(watched, expected, interval)
        name, only = self._table.name, self._table.only
        return Trial(name, self._start.astimezone(UTC), end, interval, watched, expected, only)

    def _watched(self, number: int, code: str, path: Path, sender: MonitorTable) -> Watched:
        if sender.series and self._is_of_days:
            self._fault(
                (*path, "series"), "goes with minutes, and the test has days: one of the two"
            )
        facts = sender.site.model_dump(exclude_unset=True)
        site = SiteTable(**self._table.site.model_dump(exclude_unset=True) | facts)
        will = sender.last_will
        return Watched(
            self._place(number, code, site, (*path, "site")),
            self._each(sender.series, (*path, "series"), tuple(INDEX), _channel),
            self._read((*path, "quality"), flags, sender.quality) or Flags(),
            None if will is None else self._instant(will, (*path, "last_will")),
            self._each(sender.days, (*path, "days"), NAMES, lambda _: measured),
        )

    def _place(self, number: int, code: str, site: SiteTable, path: Path) -> Place:
        zone = str(self._config.zone)
        hours = self._read(
            (*path, "business_hours"),
            lambda text: BusinessHours.parse(text, zone),
            site.business_hours,
        )
        cleaned = (site.cleaned_at,) if isinstance(site.cleaned_at, date) else site.cleaned_at
        known = ("district", "street", "vendor", "model", "tags", "size_class")
        return Place(
            monitor=number,
            code=code,
            site_id=number + 1,
            site=site.name,
            sites=(site.name or code,),
            limit_profile=self._limit(site.limit_profile, (*path, "limit_profile")),
            hours=hours,
            latitude=site.latitude,
            longitude=site.longitude,
            cleanings=tuple(sorted(cleaned)),
            **{name: getattr(site, name) for name in known},
        )

    def _limit(self, given: str | None, path: Path) -> str:
        names = [profile.name for profile in self._config.limit]
        if given is not None and given not in names:
            self._fault(path, f"no [[limit]] is named {given!r}{closest(given, names)}")
        return given or next(iter(names), "")

    def _each(
        self,
        texts: Mapping[str, str],
        path: Path,
        known: Iterable[str],
        reader: Callable[[str], Callable[[str], Series]],
    ) -> dict[str, Series]:
        found = {}
        for name, text in texts.items():
            if name not in known:
                self._fault((*path, name), f"is not known here{closest(name, list(known))}")
            elif (series := self._read((*path, name), reader(name), text)) is not None:
                found[name] = series
        return found

    def _read(self, path: Path, reader: Callable[[str], _T], text: str | None) -> _T | None:
        try:
            return None if text is None else reader(text)
        except ValueError as error:
            self._fault(path, str(error))
            return None

    def _expected(self, path: Path, table: ExpectTable) -> Expected:
        self._can_judge(table.rule, (*path, "rule"))
        return Expected(
            rule=table.rule,
            monitor=self._monitor(table.monitor, path),
            at=None if table.at is None else self._instant(table.at, (*path, "at")),
            state=None if table.state in (None, "none") else State(table.state),
            value=table.value,
            severity=table.severity,
        )

    def _can_judge(self, name: str, path: Path) -> None:
        rules = {rule.id: rule for rule in self._config.rule}
        if name not in rules:
            self._fault(path, f"no rule is named {name!r}{closest(name, list(rules))}")
        elif self._is_of_days and not isinstance(rules[name], DayRule):
            self._fault(path, f"{name!r} does not judge days; give the test series instead")

    def _monitor(self, code: str | None, path: Path) -> int:
        codes = list(self._senders)
        if code is None and len(codes) > 1:
            self._fault(path, f"monitor is missing; the test has {', '.join(codes)}")
        elif code is not None and code not in codes:
            self._fault((*path, "monitor"), f"no monitor is named {code!r}{closest(code, codes)}")
        else:
            return codes.index(code) if code else 0
        return 0

    def _instant(self, moment: Moment, path: Path) -> datetime:
        at = _instant(moment, self._start)
        if at < self._start:
            self._fault(path, "is before the start")
        elif at - self._start > LONGEST:
            self._fault(path, f"is more than {LONGEST.days} days after the start")
        elif at.second or at.microsecond:
            self._fault(path, "is within a minute; rules judge at the ends of whole minutes")
        return at.astimezone(UTC)

    def _end(
        self, watched: tuple[Watched, ...], expected: tuple[Expected, ...], interval: timedelta
    ) -> datetime:
        """Where the longest series is over, or later where something is to happen then."""
        every = [each for w in watched for each in (*w.series.values(), *w.days.values())]
        over = self._start + max((each.least for each in every), default=0) * interval
        whole = (over - self._start + _MINUTE - timedelta(microseconds=1)) // _MINUTE * _MINUTE
        instants = [each.at for each in expected] + [each.last_will for each in watched]
        end = max([self._start + whole, *(at for at in instants if at)])
        if end == self._start and every:
            self._fault(self._path, "has no end; one series must say how long it is: x30, not x*")
        return end.astimezone(UTC)

    def _fault(self, path: Path, what: str) -> None:
        self._source.fault(path, what)


def _channel(name: str) -> Callable[[str], Series]:
    return state if CHANNELS[INDEX[name]].is_state else measured


def _start(written: datetime, zone: ZoneInfo, *, whole_days: bool) -> datetime:
    """In the configuration's zone, where it names none; of days, its midnight."""
    at = (written if written.tzinfo else written.replace(tzinfo=zone)).astimezone(zone)
    return at.replace(hour=0, minute=0) if whole_days else at


def _instant(moment: Moment, start: datetime) -> datetime:
    """Days are those of the wall clock."""
    if isinstance(moment, timedelta):
        days = moment // _DAY * _DAY
        return (start + days).astimezone(UTC) + (moment - days)
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=start.tzinfo)
    at = datetime.combine(start.date(), moment, start.tzinfo)
    return at if at >= start else at + _DAY
