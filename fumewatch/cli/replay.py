"""What `fumewatch deadletters replay` does: ask, then see it through or do it itself.

Only whoever holds the leader's lock may store readings. Where a daemon holds it, we ask and wait;
where nobody does, we take it and replay by ourselves. A kill leaves the requests: the next daemon,
or the next command, goes on with them.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from fumewatch.cli import options
from fumewatch.config import Config
from fumewatch.ingest import Stored
from fumewatch.replay import replay_all
from fumewatch.store import Database, dead_letters
from fumewatch.store.dead_letters import Outcome, Which
from fumewatch.store.leader import Leader
from fumewatch.store.pages import dead_letters as pages

ASK_AT_ONCE: Final = 5000
LOOK_AT_ONCE: Final = 1000
POLL_SECONDS: Final = 0.25
LEAD_SECONDS: Final = 2.0
"""How long nothing must happen before we look whether the leader is gone."""

Progress = Callable[[int, int], None]
"""Told how many of how many are settled."""


@dataclass(slots=True)
class StillDead:
    """Letters that cannot be read for one reason, and the first of them."""

    profile: str
    kind: str
    count: int
    id: int
    detail: str


@dataclass(slots=True)
class Report:
    """`asked`: for these a replay could be asked for; each is replayed, dead, gone or still due.

    `gone`: dropped meanwhile, being older than the retention. `cut`: never whole, so not asked for.
    `readings`: that nobody had; None where a daemon did it. By number only: `unknown` ones there
    are none of, `already` replayed ones with the time.
    """

    asked: int = 0
    replayed: int = 0
    gone: int = 0
    still_dead: list[StillDead] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    already: dict[int, datetime] = field(default_factory=dict)
    readings: int | None = None

    @property
    def is_asked(self) -> bool:
        """All that was meant could be asked for."""
        return not (self.cut or self.unknown)

    @property
    def is_complete(self) -> bool:
        return self.is_asked and not (self.still_dead or self.due or self.gone)

    def take(self, outcome: Outcome) -> None:
        if outcome.replayed_at is not None:
            self.replayed += 1
        elif outcome.profile is None or outcome.kind is None:
            self.gone += 1
        else:
            self._bury(outcome.id, outcome.profile, outcome.kind, outcome.detail or "")

    def _bury(self, id: int, profile: str, kind: str, detail: str) -> None:
        for group in self.still_dead:
            if (group.profile, group.kind) == (profile, kind):
                group.count += 1
                return
        self.still_dead.append(StillDead(profile, kind, 1, id, detail))


def request(database: Database, which: Which) -> Report:
    """Ask for the replay of all that fit."""
    report = Report()
    after: int | None = 0
    while after is not None:
        with database.transaction() as conn:
            asked = dead_letters.request(conn, which, after, ASK_AT_ONCE, options.clock())
        report.due += asked.due
        report.cut += asked.cut
        after = asked.last
    report.asked = len(report.due)
    if which.ids is not None:
        _explain_missing(database, report, which.ids)
    return report


def _explain_missing(database: Database, report: Report, ids: Sequence[int]) -> None:
    """Why a letter that was named is not asked for."""
    missing = set(ids) - set(report.due) - set(report.cut)
    which = Which(ids=tuple(missing), with_replayed=True)
    with database.transaction() as conn:
        found = {letter.id: letter for letter in pages.newest(conn, which, len(missing))}
    report.unknown = sorted(missing - found.keys())
    for id, letter in sorted(found.items()):
        if letter.replayed_at is not None:
            report.already[id] = letter.replayed_at


def see_through(
    config: Config, database: Database, report: Report, patience: timedelta, progress: Progress
) -> None:
    """Until each letter is settled, or nothing has happened for as long as `patience`."""
    with closing(Leader(config.database.url)) as leader:
        end = time.monotonic() + patience.total_seconds()
        while report.due:
            if leader.try_lead():
                _replay_here(config, database, leader, report, progress)
                leader.close()
            if _watch(database, report, progress):
                end = time.monotonic() + patience.total_seconds()
            elif time.monotonic() >= end:
                return


def _watch(database: Database, report: Report, progress: Progress) -> bool:
    """Follow what the leader settles until nothing happens for a while; whether anything did."""
    began = moved = time.monotonic()
    while report.due and time.monotonic() - moved < LEAD_SECONDS:
        if _take_outcomes(database, report):
            progress(report.asked - len(report.due), report.asked)
            moved = time.monotonic()
        else:
            time.sleep(POLL_SECONDS)
    return moved > began


def _replay_here(
    config: Config, database: Database, leader: Leader, report: Report, progress: Progress
) -> None:
    def on_batch(stored: Stored) -> bool:
        report.readings = (report.readings or 0) + len(stored.added)
        _take_outcomes(database, report)
        progress(report.asked - len(report.due), report.asked)
        return leader.still_leads()

    replay_all(config, database, options.clock, on_batch)
    _take_outcomes(database, report)


def _take_outcomes(database: Database, report: Report) -> bool:
    """Whether anything was settled. They are settled in the order of their numbers, or nearly."""
    before = len(report.due)
    while report.due:
        first = report.due[:LOOK_AT_ONCE]
        with database.transaction() as conn:
            settled = dead_letters.outcomes(conn, first)
        for outcome in settled:
            report.take(outcome)
        done = {outcome.id for outcome in settled}
        report.due[:LOOK_AT_ONCE] = [id for id in first if id not in done]
        if len(done) < LOOK_AT_ONCE:
            break
    return len(report.due) < before
