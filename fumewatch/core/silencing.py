"""What a silence does: how it stands, and which messages to people it keeps back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from fumewatch.core.addressing import Addressing, Role
from fumewatch.core.alert import Alert
from fumewatch.core.dispatch.grouping import same
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.routing import Labels, Route, labels_of, taken_by
from fumewatch.core.site import Place

LONGEST: Final = timedelta(days=90)
"""From now; what should be quiet for longer is a matter of the configuration."""

Standing = Literal["active", "coming", "ended"]


class Listener(Protocol):
    """A receiver as it is configured."""

    @property
    def takes(self) -> Literal["transitions", "groups"]: ...
    @property
    def contact(self) -> Role | None: ...


def standing(silence: Silence, now: datetime) -> Standing:
    if silence.until <= now:
        return "ended"
    return "coming" if now < silence.starts_at else "active"


def wrong_span(start: datetime, end: datetime, now: datetime) -> str:
    """Why a silence cannot last from start to end; "" where it can."""
    if end <= now:
        return "its end lies in the past; give one that is still to come"
    if end <= start:
        return "it ends before it starts"
    if end - now > LONGEST:
        return f"it ends in more than {LONGEST.days} days; change the routes or the rule instead"
    return ""


def silencing(silences: Iterable[Silence], labels: Labels) -> tuple[Silence, ...]:
    """Those of `silences` that keep an alert with these labels from being told."""
    return tuple(silence for silence in silences if silence.matchers.take(labels))


def kept_back(
    alerts: Iterable[tuple[Alert, Place]],
    routes: Sequence[Route],
    receivers: Mapping[str, Listener],
    addressing: Addressing,
) -> dict[str, int]:
    """By receiver of people, how many messages it takes to tell of all these alerts.

    As routes group them: alerts of one group are one message. An addressee each is one.
    """
    groups: dict[str, set[tuple[str, ...]]] = {}
    for alert, place in alerts:
        labels = labels_of(alert, place)
        led: set[str] = set()
        for route in taken_by(routes, labels):
            for name in dict.fromkeys(route.receiver):
                if name in led or receivers[name].takes != "groups":
                    continue
                led.add(name)
                for addressee in _addressees(receivers[name], place, addressing):
                    group = (same(alert, place, by) for by in route.group_by)
                    groups.setdefault(name, set()).add((addressee, *route.group_by, *group))
    return {name: len(found) for name, found in groups.items()}


def _addressees(receiver: Listener, place: Place, addressing: Addressing) -> tuple[str, ...]:
    if receiver.contact is None:
        return ("",)
    return tuple(contact.addressee for contact in addressing(place, receiver.contact))
