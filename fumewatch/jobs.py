"""Jobs: what happens by the clock rather than by a reading."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.store import Database, daemons, dead_letters, partitions, rollups

log = structlog.get_logger()

PARTITIONS_AHEAD: Final = 3
"""Days. A partition made in good time costs the first reading of a day nothing."""


REPAIR_HOURS: Final = 48


@dataclass(frozen=True, slots=True)
class Job:
    """Runs every `minutes`, or where that is 0 daily at `hour` of the zone."""

    name: str
    run: Callable[[Database, datetime], Any]
    minutes: int = 0
    hour: int | None = None


def jobs(zone: ZoneInfo, keep: timedelta) -> tuple[Job, ...]:
    def make_partitions(database: Database, now: datetime) -> None:
        days = [(now + timedelta(days=n)).date() for n in range(PARTITIONS_AHEAD + 1)]
        with database.transaction() as conn:
            partitions.ensure(conn, days)

    def drop_old(database: Database, now: datetime) -> int:
        oldest = now - keep
        with database.transaction() as conn:
            dead_letters.drop_before(conn, oldest)
            daemons.drop_before(conn, oldest)
            # A day more than ingest accepts: no reading may come for a partition just dropped.
            return partitions.drop_before(conn, (oldest - timedelta(days=1)).date())

    def repair_rollups(database: Database, now: datetime) -> int:
        """An hour a transaction: ingest must not wait for days of recounting."""
        last = now.replace(minute=0, second=0, microsecond=0)
        recounted = 0
        for hours in range(REPAIR_HOURS, 0, -1):
            start = last - timedelta(hours=hours)
            with database.transaction() as conn:
                recounted += rollups.repair(conn, start, start + timedelta(hours=1), zone)
        return recounted

    return (
        Job("make_partitions", make_partitions, minutes=60),
        Job("drop_old", drop_old, hour=3),
        Job("repair_rollups", repair_rollups, hour=4),
    )


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
