"""Every metric of the daemon, in one place; /metrics shows them."""

import math
from typing import Any, Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from fumewatch.mqtt import Filling, Pressure

_SECONDS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

MESSAGES: Final = Counter("fumewatch_mqtt_messages_total", "MQTT messages stored and acked")
READINGS: Final = Counter(
    "fumewatch_readings_total", "Readings: new, or repeated and ignored", ["outcome"]
)
DEAD_LETTERS: Final = Counter(
    "fumewatch_dead_letters_total", "Payloads that could not be decoded", ["profile", "kind"]
)
REPLAYS: Final = Counter(
    "fumewatch_replays_total", "Dead letters tried again: replayed, or still_dead", ["outcome"]
)
ODDITIES: Final = Counter(
    "fumewatch_payload_oddities_total",
    "Departures of payloads from their standard that were forgiven",
    ["profile", "oddity"],
)
REPLIES: Final = Counter(
    "fumewatch_device_replies_total", "Acknowledgements (9014) that devices asked for", ["outcome"]
)
INBOX: Final = Gauge("fumewatch_inbox_messages", "MQTT messages received, not yet acked")
INBOX_BYTES: Final = Gauge("fumewatch_inbox_bytes", "The same in bytes")
INBOX_LIMIT: Final = Gauge("fumewatch_inbox_limit_messages", "[ingest] inbox_limit")
INBOX_LIMIT_BYTES: Final = Gauge("fumewatch_inbox_limit_bytes", "[ingest] inbox_bytes")
UNACKED: Final = Gauge("fumewatch_unacked_messages", "Messages that the broker waits for acks of")
QUEUE: Final = Gauge(
    "fumewatch_broker_queue_messages", "Messages that the broker holds; NaN where it does not tell"
)
QUEUE_BYTES: Final = Gauge("fumewatch_broker_queue_bytes", "Their payloads; NaN as above")
QUEUE_LIMIT: Final = Gauge("fumewatch_broker_queue_limit_messages", "[mqtt] broker_queue; 0: none")
QUEUE_SHARE: Final = Gauge(
    "fumewatch_broker_queue_ratio", "Of its limit; warned of from 0.8; NaN as above"
)
QUEUE_SECONDS_LEFT: Final = Gauge(
    "fumewatch_broker_queue_seconds_left", "Until it is full at this pace; +Inf: it does not fill"
)
QUEUE_DROPPED: Final = Gauge(
    "fumewatch_broker_dropped_messages",
    "Dropped by the broker since this daemon looks, any client's",
)
ECHO_SECONDS: Final = Histogram(
    "fumewatch_echo_seconds",
    "From the lookout through broker, subscriber, inbox and a commit",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
ALIVE: Final = Gauge(
    "fumewatch_alive", "1 while nothing hangs; at 0 systemd's watchdog is no longer fed"
)
COMMIT_SECONDS: Final = Histogram(
    "fumewatch_commit_seconds", "Time to decode and store one batch", buckets=_SECONDS
)
EVALUATE_SECONDS: Final = Histogram(
    "fumewatch_evaluate_seconds", "Time to judge all rules once", buckets=_SECONDS
)
COMPARISONS: Final = Counter(
    "fumewatch_aggregate_comparisons_total",
    "Devices' own means compared with ours, by what it came to",
    ["outcome"],
)
TRANSITIONS: Final = Counter("fumewatch_transitions_total", "Alert transitions", ["rule", "state"])
OPEN_ALERTS: Final = Gauge("fumewatch_open_alerts", "Open alerts", ["state"])
NOTIFICATIONS: Final = Counter(
    "fumewatch_notifications_total", "Notifications by outcome", ["receiver", "outcome"]
)
OUTBOX_DUE: Final = Gauge(
    "fumewatch_outbox_due", "Notifications that wait to be sent", ["receiver"]
)
OUTBOX_OLDEST_DUE: Final = Gauge(
    "fumewatch_outbox_oldest_due_seconds", "How long the first of them has waited", ["receiver"]
)
DELIVERY_SECONDS: Final = Histogram(
    "fumewatch_delivery_seconds",
    "From the writing of a notification to its receiver having taken it",
    ["receiver"],
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 86_400),
)
RECEIVER_UP: Final = Gauge(
    "fumewatch_receiver_up",
    "0 when a receiver has taken nothing for [dead_man] after, though something was due",
    ["receiver"],
)
UNADDRESSED: Final = Gauge(
    "fumewatch_unaddressed_alerts", "Firing alerts that have no contact whom a receiver could tell"
)
PART_UP: Final = Gauge("fumewatch_part_up", "1 while this part of the daemon works", ["part"])
LEADER: Final = Gauge("fumewatch_leader", "1 while this daemon leads")
TERMS: Final = Counter("fumewatch_terms_total", "Terms of leadership that this daemon has begun")
TAKEOVER_SECONDS: Final = Gauge(
    "fumewatch_last_takeover_seconds",
    "From this daemon's getting the lock until it stored, judged and told, the last time",
)
CLOCK_OFFSET: Final = Gauge(
    "fumewatch_clock_offset_seconds", "How far our clock is ahead of the database's"
)
BACKUP_AT: Final = Gauge(
    "fumewatch_last_backup_timestamp_seconds",
    "When the last whole backup of the database was made, as the leader knows; 0: never",
)
RECORD_FINDINGS: Final = Gauge(
    "fumewatch_record_findings",
    "What verifying the record found, the last time; 0 before",
)
CONFIG_IS_RIGHT: Final = Gauge(
    "fumewatch_config_last_reload_successful",
    "1 if the configuration is right as it was last read; 0: an older one is in force",
)
CONFIG_TAKEN_AT: Final = Gauge(
    "fumewatch_config_last_reload_success_timestamp_seconds",
    "When the configuration in force was taken over",
)


def tell_held(inbox: Filling | None, queue: Pressure) -> None:
    INBOX.set(inbox.messages if inbox else 0)
    INBOX_BYTES.set(inbox.bytes if inbox else 0)
    UNACKED.set(inbox.unacked if inbox else 0)
    if inbox:
        INBOX_LIMIT.set(inbox.most_messages)
        INBOX_LIMIT_BYTES.set(inbox.most_bytes)
    QUEUE.set(_or_nan(queue.messages))
    QUEUE_BYTES.set(_or_nan(queue.bytes))
    QUEUE_LIMIT.set(queue.most)
    QUEUE_SHARE.set(_or_nan(queue.share))
    is_still = queue.messages is not None and queue.seconds_left is None
    QUEUE_SECONDS_LEFT.set(math.inf if is_still else _or_nan(queue.seconds_left))
    QUEUE_DROPPED.set(queue.dropped)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def counters() -> dict[str, Any]:
    """Of this process since its start, for the store: some of the numbers that /metrics shows."""
    read = REGISTRY.get_sample_value
    return {
        "messages": read("fumewatch_mqtt_messages_total"),
        "readings_new": read("fumewatch_readings_total", {"outcome": "new"}),
        "readings_repeated": read("fumewatch_readings_total", {"outcome": "repeated"}),
        "inbox": read("fumewatch_inbox_messages"),
    }
