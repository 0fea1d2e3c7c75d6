"""What the demo is asked for, shows while it runs, and says at its end."""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from fumewatch.demo.gateway import Tally
from fumewatch.demo.simulate import Figures
from fumewatch.demo.sink import Delivered
from fumewatch.store import summary


class DemoError(Exception):
    """The demo cannot start or go on; the text says what to do, or ends with a part's log."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`duration` None: until stopped. `port` 0: any free one."""

    duration: timedelta | None = None
    monitors: int = 200
    seed: int = 1
    port: int = 0


@dataclass(frozen=True, slots=True)
class DemoState:
    """What there is to show. `counts` of database and daemon, `recent` of the webhook, `told` of
    the gateway of people. phone: a link that it was sent; answered: the page of the alert that
    was acknowledged."""

    step: str
    elapsed_s: float = 0.0
    folder: Path | None = None
    page: str = ""
    sent: Figures = field(default_factory=Figures)
    counts: summary.Counts | None = None
    readings_per_s: float = 0.0
    recent: tuple[Delivered, ...] = ()
    webhook_messages: int = 0
    told: Tally = field(default_factory=Tally)
    phone: str = ""
    answered: str = ""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What came of it, read from the database, the webhook and the gateway at the end.

    notices_to_people: those that the gateway took; alerts_told: in them, each once; escalations:
    alerts whose next step was told. alerts_acknowledged: by the demo's own inspector.
    """

    readings_stored: int
    alerts_fired: int
    alerts_resolved: int
    alerts_open: int
    messages_delivered: int
    messages_failed: int
    dead_letters: int
    monitors: int
    monitors_unassigned: int
    page: str
    readings_sent: int
    malformed_sent: int
    webhook_messages: int
    notices_to_people: int
    alerts_told: int
    escalations: int
    alerts_acknowledged: int
    seconds: float
    seconds_to_page: float
    seconds_to_first_alert: float | None
    seconds_to_first_notice: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
