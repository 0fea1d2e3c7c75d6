"""Words of the program as people read them, before translation.

The keys are values of enums and columns (states, severities, reasons, kinds of dead letters), the
texts are looked up in the catalogue like any other.
"""

from typing import Final


def _(text: str) -> str:
    """Marks a text for the catalogue."""
    return text


WORDS: Final = {
    # severities
    "critical": _("Critical"),
    "warning": _("Warning"),
    "info": _("Advisory"),
    # an alert's states and reasons
    "pending": _("Watching"),
    "firing": _("Open"),
    "resolved": _("Resolved"),
    "breached": _("Breach seen"),
    "breach held": _("The breach lasted"),
    "cleared": _("Back to normal"),
    "cleared before it fired": _("Cleared before it fired"),
    "rule removed": _("The rule was removed"),
    # a notification's states
    "due": _("To be sent"),
    "sent": _("Sent"),
    "failed": _("Failed"),
    # states of the fleet
    "exceeding": _("Exceeding"),
    "warned": _("Other alert"),
    "offline": _("Offline"),
    "fault": _("Fault"),
    "stale": _("Stale"),
    "normal": _("Normal"),
    "unassigned": _("Unassigned"),
    # what a state of the fleet rests on
    "no site yet": _("No site is known for it yet"),
    "exceedance alert open": _("An exceedance alert is open"),
    "other alert open": _("Another alert is open"),
    "offline alert open": _("An offline alert is open"),
    "connection lost": _("The broker lost its connection"),
    "no reading yet": _("It has not reported yet"),
    "data flag not normal": _("It flags its data as not normal"),
    "fume out of plausible range": _("Its fume value is out of the plausible range"),
    "alive, but measures nothing": _("It is alive, but measures nothing"),
    "no recent reading": _("No reading for more than 10 minutes"),
    "reporting": _("It reports and nothing is wrong"),
    # size classes
    "small": _("Small"),
    "medium": _("Medium"),
    "large": _("Large"),
    # parts of the daemon
    "broker": _("MQTT broker"),
    "database": _("Database"),
    "ingest": _("Ingest"),
    "evaluate": _("Evaluation"),
    "deliver": _("Delivery"),
    "starting": _("Starting"),
    # kinds of rules
    "threshold": _("Threshold"),
    "linkage": _("Linkage"),
    "absence": _("Absence"),
    "trend": _("Trend"),
    # what devices tell of themselves, and what their own means span
    "restart": _("Restart"),
    "log": _("Log"),
    "facility": _("States"),
    "minutes": _("10 minutes"),
    "hour": _("Hour"),
    "day": _("Day"),
    # units
    "min": _("min"),
    # why a message could not be read
    "not_json": _("It is no JSON"),
    "not_object": _("An element is no object"),
    "no_time": _("It has no time"),
    "bad_time": _("Its time cannot be read"),
    "no_reading": _("It holds no reading"),
    "no_channel": _("It holds no value"),
    "wrong_type": _("A value is of the wrong kind"),
    "wrong_monitor": _("It names another monitor"),
    "too_large": _("It is too large"),
    "too_old": _("It is older than what is kept"),
    "future": _("It is of the future"),
    "bad_state": _("A state is neither on nor off"),
    "bad_value": _("A value is no number"),
    "sentinel_value": _("It says only that values are missing"),
    "bad_datatime": _("Its DataTime is no time"),
    "no_monitor": _("It does not name its monitor"),
    "not_hj212": _("It is no HJ 212 frame"),
    "crc_mismatch": _("Its checksum is wrong"),
    "crc_not_hex": _("Its checksum is no checksum"),
    "length_mismatch": _("Its length is wrong"),
    "bad_length_field": _("Its length is no number"),
    "truncated": _("It is cut off"),
    "no_cp": _("It has no CP"),
    "no_key": _("It is encrypted, and there is no key"),
    "bad_cipher": _("It cannot be deciphered"),
    "stream": _("It holds too many faults"),
    "bad_status": _("It is no status"),
    "bad_topic": _("Its topic names no monitor"),
    "store_refused": _("The database refused it"),
    "internal_error": _("We failed to read it"),
    # what evidence calls its entries
    "channel": _("Channel"),
    "statistic": _("Statistic"),
    "mean": _("Mean"),
    "max": _("Maximum"),
    "p95": _("95th percentile"),
    "share": _("Share of the time"),
    "window": _("Window"),
    "value": _("Value"),
    "limit": _("Limit"),
    "share_above": _("Counted above"),
    "above": _("Breach above"),
    "below": _("Breach below"),
    "reaches": _("Breach on reaching"),
    "unit": _("Unit"),
    "at": _("Time"),
    "times": _("Minutes"),
    "values": _("Values"),
    "fresh": _("Fresh minutes"),
    "held": _("Held minutes"),
    "refresh_minutes": _("Refresh period, minutes"),
    "refresh_learned": _("Refresh period learned"),
    "skipped": _("Conditions left out"),
    "now": _("Now"),
    "slope_per_hour": _("Slope an hour"),
    "agreement": _("Agreement"),
    "points": _("Points"),
    "horizon_minutes": _("Horizon, minutes"),
    "minutes_to_limit": _("Minutes to the limit"),
    "last_measured": _("Last measured"),
    "last_heartbeat": _("Last heartbeat"),
    "last_will": _("Connection lost"),
    "open_for_minutes": _("Open for, minutes"),
    "minutes_known": _("Minutes known"),
    "minutes_off": _("Minutes off"),
    "peak": _("Peak"),
}
CONNECTION: Final = {"online": _("connected"), "offline": _("connection lost")}
LASTING: Final = {
    "s": _("%(s)d s"),
    "m": _("%(m)d min"),
    "h": _("%(h)d h %(m)d min"),
    "d": _("%(d)d d %(h)d h"),
    "w": _("%(d)d d"),
}
"""Durations, by the largest unit shown; w: two weeks and more."""
