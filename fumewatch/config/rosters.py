"""What a configuration says of the monitors there are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fumewatch.config.tree import Config
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place


class Rosters:
    """The rosters of one configuration, one after the other: built anew where places changed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._places: Sequence[Place] = ()
        self._roster: Roster | None = None

    def of(self, places: Sequence[Place], offline_since: Mapping[int, datetime]) -> Roster:
        """As `roster_of`. `places`: the same sequence as the last time where none has changed."""
        if self._roster is None or places is not self._places:
            self._roster = roster_of(self._config, places, offline_since)
            self._places = places
        else:
            self._roster = self._roster.with_wills(offline_since)
        return self._roster


def roster_of(
    config: Config, places: Iterable[Place], offline_since: Mapping[int, datetime] | None = None
) -> Roster:
    """`offline_since`: monitor → time of its last will, for those whose last status is offline."""
    return Roster.build(
        places,
        limits_of(config),
        config.business_hours,
        offline_since,
        calendar=config.calendar.days,
        classes=config.classes,
        pauses=config.pause,
    )


def limits_of(config: Config) -> dict[str, dict[str, float]]:
    """Profile → channel → limit in the channel's unit."""
    return {
        profile.name: profile.model_dump(exclude={"name"}, exclude_none=True)
        for profile in config.limit
    }
