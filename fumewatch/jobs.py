"""Jobs: what happens by the clock rather than by a reading."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from fumewatch import metrics
from fumewatch.config.tree import RetentionSettings
from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.core.integrity import Comparison, Integrity, Outcome, compare
from fumewatch.core.record import verify
from fumewatch.store import (
    Database,
    accounts,
    backup,
    comparisons,
    daemons,
    day_facts,
    dead_letters,
    devices,
    partitions,
    pruning,
    record,
    rollups,
)
from fumewatch.store.comparisons import Due

log = structlog.get_logger()

PARTITIONS_AHEAD: Final = 3
"""Days. A partition made in good time costs the first reading of a day nothing."""
REPAIR_HOURS: Final = 48
COMPARE_MINUTES: Final = 5
"""Between two runs, or as long as late readings are waited for where that is less."""
COMPARE_AT_ONCE: Final = 5000
"""Aggregates a transaction, and how many of those a run: what is left waits for the next."""
COMPARE_RUNS: Final = 20
VERIFY_HOUR: Final = 2
MOST_TOLD: Final = 20
"""Findings in the log; `fumewatch audit verify` lists them all."""
BACKUP_MINUTES: Final = 5
DROP_AT_ONCE: Final = 5000
"""Rows a transaction."""
DROP_HOURS: Final = "3,9,15,21"
"""Four times a day: what a backup or a long report keeps from being dropped goes the next time."""
DROP_TRIES: Final = 20
DROP_PAUSE_SECONDS: Final = 1.0
REPLAYED: Final = timedelta(days=7)
"""A dead letter that was replayed is kept for so long, to be looked at."""


@dataclass(frozen=True, slots=True)
class Job:
    """Runs every `minutes`, or where that is 0 daily at `hour` (or several) of the zone."""

    name: str
    run: Callable[[Database, datetime], Any]
    minutes: int = 0
    hour: int | str | None = None


def jobs(
    zone: ZoneInfo,
    retention: Callable[[], RetentionSettings],
    integrity: Callable[[], Integrity],
) -> tuple[Job, ...]:
    """`retention` and `integrity` are asked at each run; how often to compare, only now."""

    def make_partitions(database: Database, now: datetime) -> None:
        days = [(now + timedelta(days=n)).date() for n in range(PARTITIONS_AHEAD + 1)]
        with database.transaction() as conn:
            partitions.ensure(conn, days)

    def drop_old(database: Database, now: datetime) -> int:
        with database.transaction() as conn:
            trusted = pruning.trusted_now(conn, now)
        if trusted < now:
            log.warning("readings end long ago: what is old is reckoned from them", now=trusted)
        clear(database, retention(), trusted, zone)
        # A day more than ingest accepts: no reading may come for a partition just dropped.
        oldest = trusted - retention().readings - timedelta(days=1)
        return drop_days(database, oldest.date())

    def repair_rollups(database: Database, now: datetime) -> int:
        """An hour a transaction: ingest must not wait for days of recounting."""
        last = now.replace(minute=0, second=0, microsecond=0)
        recounted = 0
        for hours in range(REPAIR_HOURS, 0, -1):
            start = last - timedelta(hours=hours)
            with database.transaction() as conn:
                recounted += rollups.repair(conn, start, start + timedelta(hours=1), zone)
        with database.transaction() as conn:
            comparisons.compare_again(conn, now - timedelta(hours=REPAIR_HOURS))
        return recounted

    def compare_means(database: Database, now: datetime) -> dict[str, int]:
        return compare_aggregates(integrity(), database, now)

    compare_minutes = min(COMPARE_MINUTES, integrity().settle // timedelta(minutes=1))
    return (
        Job("make_partitions", make_partitions, minutes=60),
        Job("drop_old", drop_old, hour=DROP_HOURS),
        Job("repair_rollups", repair_rollups, hour=4),
        Job("note_head_of_record", note_head, hour=5),
        Job("verify_record", verify_record, hour=VERIFY_HOUR),
        Job("look_at_backup", look_at_backup, minutes=BACKUP_MINUTES),
        Job("prune_logins", prune_logins, minutes=60),
        Job("compare_aggregates", compare_means, compare_minutes),
    )


def note_head(database: Database, _now: datetime) -> str:
    """Into the log, which is kept elsewhere: who writes the record anew cannot reach it."""
    with database.transaction() as conn:
        return str(record.head(conn))


def verify_record(database: Database, _now: datetime) -> int:
    """How many findings; as `fumewatch audit verify`."""
    with database.transaction() as conn:
        upto = record.head(conn).seq
        findings = [*verify(record.entries(conn, upto)), *record.beside(conn)]
    metrics.RECORD_FINDINGS.set(len(findings))
    if findings:
        told = [str(finding) for finding in findings[:MOST_TOLD]]
        log.error("the record was tampered with", number=len(findings), findings=told)
    return len(findings)


def look_at_backup(database: Database, _now: datetime) -> str:
    with database.transaction() as conn:
        made_at = backup.last_made(conn)
    metrics.BACKUP_AT.set(made_at.timestamp() if made_at else 0)
    return str(made_at)


def prune_logins(database: Database, now: datetime) -> int:
    with database.transaction() as conn:
        return accounts.prune(conn, now)


def compare_aggregates(integrity: Integrity, database: Database, now: datetime) -> dict[str, int]:
    """Devices' own means against our roll-ups; how often it came to what."""
    counts: Counter[str] = Counter()
    for _ in range(COMPARE_RUNS):
        found = _compare(database, integrity, now)
        counts.update(comparison.outcome.value for _, comparison in found)
        if len(found) < COMPARE_AT_ONCE:
            break
    for outcome, number in counts.items():
        metrics.COMPARISONS.labels(outcome).inc(number)
    return dict(counts)


def _compare(
    database: Database, integrity: Integrity, now: datetime
) -> list[tuple[Due, Comparison]]:
    with database.transaction() as conn:
        due = comparisons.due(conn, now - integrity.settle, COMPARE_AT_ONCE)
        found = [(one, compare(one.own, one.ours, integrity)) for one in due]
        comparisons.record(conn, found, now)
    differing = [one for one, comparison in found if comparison.outcome is Outcome.DIFFERS]
    if differing:
        monitors = sorted({one.monitor_id for one in differing})
        log.warning("aggregates differ", number=len(differing), monitor_ids=monitors[:20])
    return found


def clear(database: Database, keep: RetentionSettings, now: datetime, zone: ZoneInfo) -> None:
    """Delete the rows that are old by [retention]."""
    oldest = now - keep.readings
    first = oldest.astimezone(zone).date()
    replayed = now - min(REPLAYED, keep.dead_letters)
    for drop, before in (
        (pruning.messages, now - keep.messages),
        (pruning.told, now - keep.messages),
        (dead_letters.drop_before, now - keep.dead_letters),
        (dead_letters.drop_replayed_before, replayed),
        (devices.drop_before, now - keep.device_events),
        (pruning.agreeing_means, now - keep.device_means),
        (pruning.streets, oldest),
    ):
        _drop(database, partial(drop, before=before))
    _drop(database, partial(day_facts.drop_before, day=first))
    with database.transaction() as conn:
        daemons.drop_before(conn, oldest)
        accounts.prune(conn, now)


def _drop(database: Database, some: Callable[..., int]) -> None:
    """Bit by bit: a day of them may be millions, and a statement has a time-out."""
    dropped = 1
    while dropped:
        with database.transaction() as conn:
            dropped = some(conn, most=DROP_AT_ONCE)


def drop_days(database: Database, before: date) -> int:
    """Drop partitions or chunks, one a transaction; how many.

    Where others keep one in use, try again in a moment, and leave it at last to the next run.
    """
    dropped = failed = 0
    while failed < DROP_TRIES:
        try:
            with database.transaction() as conn:
                if partitions.drop_oldest(conn, before) is None:
                    return dropped
            dropped += 1
        except partitions.Busy:
            failed += 1
            time.sleep(DROP_PAUSE_SECONDS)
    log.warning("old days are in use: they are dropped next time", dropped=dropped)
    return dropped


def scheduler(
    table: tuple[Job, ...],
    database: Database,
    zone: ZoneInfo,
    now: Callable[[], datetime],
    leads: Callable[[], bool],
) -> BackgroundScheduler:
    """Not started yet. A missed run is made up for; a failed one waits for its next time.

    Only while this daemon leads: a standby's jobs pass by.
    """
    schedule = BackgroundScheduler(
        timezone=zone, job_defaults={"misfire_grace_time": None, "coalesce": True}
    )
    for job in table:
        trigger = (
            {"trigger": "cron", "hour": job.hour}
            if job.minutes == 0
            else {"trigger": "interval", "minutes": job.minutes, "next_run_time": now()}
        )
        schedule.add_job(_run, args=(job, database, now, leads), id=job.name, **trigger)
    return schedule


def _run(
    job: Job, database: Database, now: Callable[[], datetime], leads: Callable[[], bool]
) -> None:
    if not leads():
        return
    try:
        result = job.run(database, now())
    except (StoreUnavailable, StoreRefused) as error:
        log.warning("job failed", job=job.name, error=str(error))
    else:
        log.info("job done", job=job.name, result=result)
