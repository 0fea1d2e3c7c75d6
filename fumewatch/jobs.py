"""Jobs: what happens by the clock rather than by a reading."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.store import Connection, Database, dead_letters, partitions, rollups

log = structlog.get_logger()

PARTITIONS_AHEAD: Final = 3
"""Days. A partition made in good time costs the first reading of a day nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """Runs every `minutes`, or where that is 0 daily at `hour` of the zone."""

    name: str
    run: Callable[[Connection, datetime], Any]
    minutes: int = 0
    hour: int | None = None


def jobs(zone: ZoneInfo, keep: timedelta) -> tuple[Job, ...]:
    def make_partitions(conn: Connection, now: datetime) -> None:
        days = [(now + timedelta(days=n)).date() for n in range(PARTITIONS_AHEAD + 1)]
        partitions.ensure(conn, days)

    def drop_old(conn: Connection, now: datetime) -> int:
        oldest = now - keep
        dead_letters.drop_before(conn, oldest)
        # A day more than ingest still accepts: no reading may arrive for a partition just dropped.
        return partitions.drop_before(conn, (oldest - timedelta(days=1)).date())

    def repair_rollups(conn: Connection, now: datetime) -> int:
        return rollups.repair(conn, now - timedelta(days=2), now, zone)

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
        with database.transaction() as conn:
            result = job.run(conn, now())
    except (StoreUnavailable, StoreRefused) as error:
        log.warning("job failed", job=job.name, error=str(error))
    else:
        log.info("job done", job=job.name, result=result)
