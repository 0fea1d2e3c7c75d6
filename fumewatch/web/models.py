"""What the API answers with; the pages show the same values. Times carry the site's zone."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.fleet import FleetState, Why
from fumewatch.web import recorded


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class Title(_Out):
    zh: str
    en: str


class Alert(_Out):
    """One rule breached at one monitor. `value` and `limit` are in `unit`, null where the rule has
    no number; `site` is empty while the monitor is unassigned. `is_legal_limit`: `limit` is that of
    the site's limit profile; else it is a warning level of the rule's own. `group`: the vendor or
    the street that an outage is of; it then stands at the group's first monitor."""

    id: UUID
    rule: str
    title: Title
    kind: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "firing", "resolved"]
    monitor_id: int
    monitor: str
    district: str
    site_id: int | None
    site: str
    street: str
    address: str
    outlet: str
    group: str
    channel: str | None
    value: float | None
    limit: float | None
    is_legal_limit: bool
    unit: str
    opened_at: datetime
    breached_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    link: str
    rank: int = Field(exclude=True)

    @property
    def name(self) -> str:
        """What people call the place: the site, or the monitor's code while it has none."""
        return self.group or self.site or self.monitor

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"

    @property
    def times(self) -> float | None:
        """How many times the legal limit the value is."""
        if not self.limit or self.value is None or not self.is_legal_limit:
            return None
        return self.value / self.limit


class Alerts(_Out):
    """`next` is the cursor of the next page, null on the last."""

    alerts: list[Alert]
    next: str | None


class Transition(_Out):
    id: int
    before: str | None
    after: str
    at: datetime
    reason: str
    value: float | None


class AlertDetail(_Out):
    """`told`: what each receiver's people know by now; `actions`: in the order they were done."""

    alert: Alert
    evidence: dict[str, Any]
    transitions: list[Transition]
    notifications: list[recorded.Notification]
    told: list[recorded.Told]
    actions: list[recorded.Action]


class Value(_Out):
    channel: str
    value: float
    unit: str
    is_judged: bool


class Monitor(_Out):
    """`limits`: by channel, in mg/m³. `latest`: the channels of the latest reading. `heard_at`: its
    last heartbeat."""

    id: int
    code: str
    district: str
    state: FleetState
    why: Why
    site_id: int | None
    site: str
    street: str
    address: str
    outlet: str
    outlet_id: int | None
    vendor: str
    model: str
    limit_profile: str
    limits: dict[str, float]
    cleaned_at: date | None
    status: str | None
    status_at: datetime | None
    heard_at: datetime | None
    registered_at: datetime
    measured_at: datetime | None
    quality: str
    open_alerts: int
    latest: list[Value]

    @property
    def name(self) -> str:
        return self.site or self.code

    def value_of(self, channel: str) -> Value | None:
        return next((value for value in self.latest if value.channel == channel), None)


class DeviceEvent(_Out):
    """`at`: by the device's clock, which may be wrong. `detail`: as the device wrote it."""

    kind: Literal["restart", "log", "facility"]
    at: datetime
    received_at: datetime
    detail: dict[str, str]

    @property
    def is_late(self) -> bool:
        """It came, or its clock goes, so wrong that both times are worth knowing."""
        return abs(self.received_at - self.at) > timedelta(minutes=10)


class Finding(_Out):
    """A mean of the device's own that differs from ours over the same interval, both in `unit`.

    A question to ask, not proof of anything. `our_readings`: how many ours rests on.
    """

    interval: Literal["minutes", "hour", "day"]
    start: datetime
    channel: str
    unit: str
    device_mean: float
    our_mean: float
    our_readings: int


class Device(_Out):
    """What a monitor told of itself: its newest events and findings of 30 days, and how many of its
    own means were `compared` with ours and `differ`."""

    monitor_id: int
    last_heartbeat: datetime | None
    events: list[DeviceEvent]
    compared: int
    differ: int
    findings: list[Finding]

    @property
    def has_told(self) -> bool:
        """There is something to show besides heartbeats."""
        return bool(self.events or self.compared)


class Monitors(_Out):
    """`next` is the offset of the next page, null on the last."""

    monitors: list[Monitor]
    total: int
    next: int | None


class SiteInList(_Out):
    id: int
    code: str
    name: str
    street: str
    address: str
    monitors: int
    open_alerts: int


class Sites(_Out):
    """`next` is the cursor of the next page, null on the last."""

    sites: list[SiteInList]
    next: int | None


class Site(_Out):
    id: int
    code: str
    name: str
    district: str
    street: str
    address: str
    contact: str
    size_class: str | None
    business_hours: str
    tags: list[str]
    monitors: list[Monitor]


class Series(_Out):
    """One channel: values in `unit`, null where missing.

    `held` names the rows whose value the monitor merely repeats, `over_range` those with a value
    out of the plausible range: neither is judged.
    """

    unit: str
    values: list[float | None]
    held: list[int] = []
    over_range: list[int] = []


class Readings(_Out):
    """Columns by time: one row per reading, or per `step_seconds` where the span is long.

    `quality` has one data flag per reading; only N is judged.
    """

    monitor_id: int
    start: datetime
    end: datetime
    step_seconds: int | None
    measured_at: list[datetime]
    channels: dict[str, Series]
    quality: str


class StreetSummary(_Out):
    street: str
    total: int
    states: dict[FleetState, int]


class FleetSummary(_Out):
    total: int
    states: dict[FleetState, int]
    streets: list[StreetSummary]


class OutboxCounts(_Out):
    due: int
    failed: int


class Counts(_Out):
    """`monitors` leaves the unassigned ones out; `readings_per_minute` is of the last minute."""

    alerts: dict[str, int]
    monitors: dict[FleetState, int]
    notifications: OutboxCounts
    readings_per_minute: int


class DeadLetter(_Out):
    """`payload` is its first 2,000 bytes as text; what is no UTF-8 is shown as \\xNN.

    `profile`: the one that could not read it, "" where none did. `tried_at`: of the last replay
    that failed. `is_cut`: only its beginning was kept, so it cannot be replayed.
    """

    id: int
    received_at: datetime
    topic: str
    payload: str
    kind: str
    detail: str
    profile: str
    state: Literal["open", "requested", "replayed"]
    is_cut: bool
    requested_at: datetime | None
    tried_at: datetime | None
    replayed_at: datetime | None


class DeadLetters(_Out):
    """`next` is the cursor of the next page, null on the last."""

    dead_letters: list[DeadLetter]
    next: int | None


class Condition(_Out):
    """What a label of an alert must be: one of these values, fit one of these patterns (=~), or
    be none of them (!=)."""

    label: str
    sign: Literal["=", "=~", "!="]
    values: list[str]


class Silence(_Out):
    """People are not told of the alerts that all `conditions` fit; of none: of no alert at all.

    `over_at`: when it ends, or was ended by `ended_by`. `alerts`: how many that fire it takes, of
    one in force.
    """

    id: int
    state: Literal["active", "coming", "ended"]
    conditions: list[Condition]
    starts_at: datetime
    ends_at: datetime
    over_at: datetime
    reason: str
    author: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    alerts: int | None


class Silences(_Out):
    silences: list[Silence]


class HealthPart(_Out):
    is_up: bool
    detail: str
    since: datetime


class Ready(_Out):
    ready: bool
    parts: dict[str, HealthPart]


class ReceiverShown(_Out):
    """`kind`: null where it is not configured any more. `due_since`: when the first of what is due
    was written. `sent`, `failed`, `merged`: in the last day. `p50_seconds`, `p95_seconds`: half and
    95 % of the last day's were taken within, from their writing. `answer`: of the last failure."""

    name: str
    kind: str | None
    due: int
    due_since: datetime | None
    sent: int
    failed: int
    merged: int
    p50_seconds: float | None
    p95_seconds: float | None
    sent_at: datetime | None
    failed_at: datetime | None
    answer: str | None

    @property
    def p50(self) -> timedelta | None:
        return None if self.p50_seconds is None else timedelta(seconds=self.p50_seconds)

    @property
    def p95(self) -> timedelta | None:
        return None if self.p95_seconds is None else timedelta(seconds=self.p95_seconds)


class Delivered(_Out):
    """A notification, whatever became of it. `merged_into`: the one it went into; `holds`: how many
    went into this one. `answer`: the remote's last, or our last error."""

    id: int
    key: UUID
    receiver: str
    addressee: str
    reason: str
    state: Literal["due", "sent", "failed", "merged"]
    title: Title
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None
    attempts: int
    answer: str | None
    merged_into: int | None
    holds: int


class Delivery(_Out):
    receivers: list[ReceiverShown]
    notifications: list[Delivered]
