"""What mutes an alert at a receiver right now, and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.inhibitor import Inhibitor
from fumewatch.core.dispatch.mute import Inhibition, Quiet, Silence, quiet_until
from fumewatch.core.dispatch.plan import Audience
from fumewatch.core.dispatch.standing import Key, Standing
from fumewatch.core.routing import Labels, Matchers, Sieve


@dataclass(frozen=True, slots=True)
class Hold:
    """until: when to look again; None: when `key` inhibits nothing any more."""

    until: datetime | None = None
    key: Key | None = None
    is_silenced: bool = False


class Muting:
    """Knows the silences, the quiet hours and the alerts that inhibit."""

    def __init__(
        self,
        audiences: Mapping[str, Audience],
        inhibitions: Sequence[Inhibition],
        calendar: Calendar,
        zone: ZoneInfo,
    ) -> None:
        self._inhibitions = inhibitions
        self.forget_sources()
        self._calendar = calendar
        self._quiet = {
            name: (each.quiet, each.quiet.in_zone(zone))
            for name, each in audiences.items()
            if each.quiet is not None
        }
        self._quiet_known: dict[str, tuple[datetime, datetime]] = {}
        self._silences: tuple[Silence, ...] = ()
        self._sieve = Sieve(self._silences, _matchers)
        self._number = 0

    def forget_sources(self) -> None:
        """Nothing fires."""
        self.inhibitor = Inhibitor(self._inhibitions)

    def use(self, silences: Sequence[Silence]) -> bool:
        """Whether they are others than before."""
        if tuple(silences) == self._silences:
            return False
        self._silences = tuple(silences)
        self._sieve = Sieve(self._silences, _matchers)
        self._number += 1
        return True

    def hold(self, standing: Standing, receiver: str, now: datetime) -> Hold | None:
        """What keeps a firing alert from being told; None: nothing."""
        silenced = self.silenced_until(standing, now)
        if key := self.inhibitor.inhibiting(standing.bearing):
            return Hold(key=key, is_silenced=silenced is not None)
        quiet = self.quiet_until(receiver, standing.labels, now)
        ends = [end for end in (silenced, quiet) if end is not None]
        return Hold(until=max(ends), is_silenced=silenced is not None) if ends else None

    def silenced_until(self, standing: Standing, now: datetime) -> datetime | None:
        """The end of the silences of now; another may follow."""
        if not self._silences:
            return None
        if standing.silences_of != self._number:
            standing.silences = tuple(self._sieve.taking(standing.labels))
            standing.silences_of = self._number
        if not standing.silences:
            return None
        active = [each.until for each in standing.silences if each.is_active(now)]
        return max(active, default=None)

    def quiet_until(self, receiver: str, labels: Labels, now: datetime) -> datetime | None:
        """The end of the receiver's quiet hours, for an alert that they do not let through."""
        if receiver not in self._quiet or lets_through(self._quiet[receiver][0], labels):
            return None
        since, until = self._quiet_known.get(receiver, (now, now))
        if since <= now < until:
            return until
        end = quiet_until(self._quiet[receiver][1], now, self._calendar)
        if end is not None:
            self._quiet_known[receiver] = now, end
        return end


def _matchers(silence: Silence) -> Matchers:
    return silence.matchers


def lets_through(quiet: Quiet, labels: Labels) -> bool:
    """`through` without any matchers is of nothing, not of everything."""
    return not quiet.through.take_all and quiet.through.take(labels)
