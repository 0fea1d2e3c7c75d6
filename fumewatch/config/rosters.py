"""What a configuration says of the monitors there are."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from fumewatch.config.tree import Config
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place


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
