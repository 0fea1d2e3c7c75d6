"""What `fumewatch status` tells: the daemons, the fleet, what is open and what is stuck."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fumewatch.cli import held, outbox, show
from fumewatch.config import Config
from fumewatch.core.fleet import tally
from fumewatch.health import STARTING, TAKING_OVER, under_way
from fumewatch.store import Connection, backup, daemons, delivery, partitions, rollups, summary
from fumewatch.store.daemons import Daemon
from fumewatch.store.delivery import Figures as Delivery
from fumewatch.store.pages import dead_letters, devices, fleet, operation
from fumewatch.store.pages.devices import Figures
from fumewatch.store.pages.operation import Outbox, StoreFacts
from fumewatch.web.present import Presenter

SILENT_AFTER: Final = timedelta(seconds=30)
"""A daemon that has not beaten for this long is not running."""
REMEMBER: Final = timedelta(days=1)
"""A daemon that stopped without a word is told of for so long."""
LOOK_BACK: Final = timedelta(days=7)
"""Failed notifications, dead letters and what devices told are history, not news, before that."""


@dataclass(frozen=True, slots=True)
class Status:
    at: datetime
    daemons: list[Daemon]
    readings_last_minute: int
    monitors: dict[str, int]
    open_alerts: dict[str, int]
    outbox: Outbox
    delivery: list[Delivery]
    """Of each receiver, those that are not configured any more included."""
    dead_letters: list[dead_letters.Group]
    """Of the last days: `recent` counts them, up to MOST_COUNTED."""
    devices: Figures
    counts: summary.Counts
    counted_to: datetime | None
    """Readings received later are not in `counts` yet: they are counted some at a time."""
    database: StoreFacts
    engine: str
    backup_at: datetime | None
    """Of the last one that is whole."""

    def runs(self, daemon: Daemon) -> bool:
        return self.at - daemon.heartbeat_at <= SILENT_AFTER

    @property
    def is_running(self) -> bool:
        return any(map(self.runs, self.daemons))

    @property
    def held(self) -> dict[str, Any] | None:
        """What the daemon told of readings on their way (health.Held), the leader's first."""
        told = (d.counters.get("held") for d in self.daemons if self.runs(d))
        return next((each for each in told if isinstance(each, dict)), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "running": self.is_running,
            "held": self.held,
            "daemons": [asdict(d) | {"running": self.runs(d)} for d in self.daemons],
            "readings_last_minute": self.readings_last_minute,
            "monitors": self.monitors,
            "open_alerts": self.open_alerts,
            "outbox": asdict(self.outbox),
            "delivery": [asdict(receiver) for receiver in self.delivery],
            "dead_letters": [
                {"profile": g.profile, "kind": g.kind, "count": g.recent, "latest_at": g.latest_at}
                for g in self.dead_letters
            ],
            "devices": asdict(self.devices),
            "counts": asdict(self.counts) | {"readings_counted_to": self.counted_to},
            "database": asdict(self.database) | {"engine": self.engine, "backup": self.backup_at},
        }


def look(conn: Connection, config: Config, now: datetime) -> Status:
    present = Presenter(config)
    stands = [present.standing(row, now) for row in fleet.monitors(conn)]
    receivers = [*(each.name for each in config.receiver), *delivery.names(conn, now)]
    return Status(
        at=now,
        daemons=daemons.running(conn, now - REMEMBER),
        readings_last_minute=operation.readings_received(conn, now - timedelta(minutes=1), now),
        monitors={state.value: n for state, n in tally(stands).items()},
        open_alerts=operation.open_by_severity(conn),
        outbox=operation.outbox(conn, now - LOOK_BACK),
        delivery=delivery.figures(conn, list(dict.fromkeys(receivers)), now),
        dead_letters=[
            group for group in dead_letters.summary(conn, now - LOOK_BACK).groups if group.recent
        ],
        devices=devices.figures(conn, now - LOOK_BACK),
        counts=summary.counts(conn),
        counted_to=rollups.received_to(conn),
        database=operation.store_facts(conn),
        engine=partitions.engine(conn).value,
        backup_at=backup.last_made(conn),
    )


def tell(status: Status) -> None:
    _tell_daemons(status)
    if status.held is not None:
        held.tell(status.held)
    show.table("Now", ["what", "how much"], _figures(status))
    if status.delivery:
        outbox.tell_receivers(status.delivery, status.at)
    if status.dead_letters:
        show.table(
            "Dead letters of the last 7 days",
            ["profile", "reason", "count", "latest"],
            [
                (d.profile or "none", d.kind, _counted(d.recent), show.ago(status.at - d.latest_at))
                for d in status.dead_letters
            ],
        )
        show.line("See them with fumewatch deadletters list")


def _counted(letters: int) -> str:
    return f"{letters:,}{'+' if letters >= dead_letters.MOST_COUNTED else ''}"


def _tell_daemons(status: Status) -> None:
    if not status.is_running:
        show.line(
            f"The daemon is not running: {_last_seen(status)}. Start it with fumewatch run.\n"
        )
    rows = [_row(status, daemon) for daemon in status.daemons]
    if rows:
        show.table("Daemons", ["host/pid", "version", "role", "heartbeat", "down"], rows)
    for daemon in status.daemons:
        _tell_more(daemon, "configuration", _configuration(status, daemon))
        _tell_more(daemon, "down", _down(daemon))


def _row(status: Status, daemon: Daemon) -> tuple[str, ...]:
    beat = show.ago(status.at - daemon.heartbeat_at)
    down = ", ".join(_parts_down(daemon)) or "nothing"
    return _name(daemon), daemon.version, _role(status, daemon), beat, down


def _name(daemon: Daemon) -> str:
    return f"{daemon.host}/{daemon.pid}"


def _tell_more(daemon: Daemon, what: str, told: str) -> None:
    """Below the table, which it would make wider than a screen."""
    if told:
        show.line(f"{_name(daemon)} {what}: {told}\n")


def _role(status: Status, daemon: Daemon) -> str:
    """What it does, since when, and how long taking over took; "" of what older versions told."""
    told = daemon.counters
    if not status.runs(daemon):
        return "gone"
    if deposed_at := told.get("deposed_at"):  # by another; it has not told anything since
        return f"deposed {show.ago(status.at - datetime.fromisoformat(deposed_at))}"
    role = under_way(daemon.health) or ("leads" if daemon.is_leader else "stands by")
    if since := told.get("role_since"):
        lasted = show.ago(status.at - datetime.fromisoformat(since))
        role += f" for {lasted.removesuffix(' ago')}"
    if daemon.is_leader and told.get("takeover_seconds") is not None:
        role += f", took over in {told['takeover_seconds']:.1f} s"
    return role


def _last_seen(status: Status) -> str:
    if not status.daemons:
        return "none has reported within a day"
    latest = max(daemon.heartbeat_at for daemon in status.daemons)
    return f"the last heartbeat was {show.ago(status.at - latest)}"


def _down(daemon: Daemon) -> str:
    return "; ".join(f"{name}: {detail}" for name, detail in _parts_down(daemon).items())


def _parts_down(daemon: Daemon) -> dict[str, str]:
    """With why; those that only start or take over are not."""
    return {
        name: part.get("detail", "")
        for name, part in daemon.health.items()
        if isinstance(part, dict)
        and not part.get("is_up", True)
        and part.get("detail") not in (STARTING, TAKING_OVER)
    }


def _configuration(status: Status, daemon: Daemon) -> str:
    """How old it is, whether a newer one was refused, and what of it waits for a restart."""
    told = daemon.counters.get("configuration")
    if not isinstance(told, dict):
        return ""  # of an older version
    taken = show.ago(status.at - datetime.fromisoformat(told["since"]))
    said = [f"taken {taken}"]
    if told["refused_at"]:
        refused = show.ago(status.at - datetime.fromisoformat(told["refused_at"]))
        said.append(f"refused {refused}: {'; '.join(told['faults'])}")
    if told["after_restart"]:
        said.append(f"after a restart: {', '.join(told['after_restart'])}")
    return "; ".join(said)


def _figures(status: Status) -> list[tuple[str, str]]:
    stands = ", ".join(f"{n:,} {state}" for state, n in status.monitors.items() if n)
    alerts = ", ".join(f"{n:,} {severity}" for severity, n in status.open_alerts.items() if n)
    outbox, counts, database = status.outbox, status.counts, status.database
    told = status.devices
    waiting = ""
    if outbox.oldest_due is not None and outbox.oldest_due < status.at:
        waiting = f", the oldest fell due {show.ago(status.at - outbox.oldest_due)}"
    counted = ""
    if status.counted_to is not None:
        counted = f", of those received until {show.ago(status.at - status.counted_to)}"
    versions = f"PostgreSQL {database.postgresql}"
    if database.timescaledb:
        versions += f" with TimescaleDB {database.timescaledb} ({status.engine})"
    return [
        ("monitors", stands or "none yet"),
        ("firing alerts", alerts or "none"),
        ("readings received in the last minute", f"{status.readings_last_minute:,}"),
        ("readings stored", f"{counts.readings_stored:,}{counted}"),
        ("alerts fired / resolved", f"{counts.alerts_fired:,} / {counts.alerts_resolved:,}"),
        ("messages delivered", f"{counts.messages_delivered:,}"),
        ("messages due", f"{outbox.due:,}{waiting}"),
        ("messages failed in 7 days", f"{outbox.failed:,}"),
        (
            "device means compared / differing in 7 days",
            f"{told.compared:,} / {told.differ:,}",
        ),
        ("device restarts in 7 days", f"{told.restarts:,}"),
        ("database", f"{versions}, {show.size(database.size_bytes)}"),
        ("last backup", show.ago(status.at - status.backup_at) if status.backup_at else "none"),
    ]
