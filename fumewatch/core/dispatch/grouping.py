"""What alerts have in common: by which they are grouped, and inhibit each other."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fumewatch.core.alert import Alert
from fumewatch.core.routing import GroupBy, Label, Labels, Route
from fumewatch.core.site import Place

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-726f75746573")

_SAME: Final[Mapping[GroupBy, Callable[[Alert, Place], str]]] = {
    "alert": lambda alert, place: str(alert.id),
    "severity": lambda alert, place: alert.severity.value,
    "rule": lambda alert, place: alert.rule,
    "kind": lambda alert, place: alert.kind,
    "monitor": lambda alert, place: str(alert.monitor),
    "site": lambda alert, place: "" if place.site_id is None else str(place.site_id),
    "street": lambda alert, place: place.street and f"{place.district}/{place.street}",
    "district": lambda alert, place: place.district,
    "vendor": lambda alert, place: place.vendor,
}


def same(alert: Alert, place: Place, by: GroupBy) -> str:
    """What is equal where the label is, and only there: two sites may have one name, two districts
    a street, or a monitor's code. Empty where there is nothing to have in common."""
    return _SAME[by](alert, place)


def shown(labels: Labels, by: Iterable[GroupBy]) -> tuple[tuple[str, str], ...]:
    """(label, value) for people, who do not read an alert's id."""
    return tuple((name, labels[Label(name)][0]) for name in by if name != "alert")


def route_name(route: Route) -> str:
    """Of what it takes and how it groups: routes added before it do not change its groups."""
    what = route.model_dump_json(include={"match", "match_re", "match_not", "group_by"})
    return uuid.uuid5(_NAMESPACE, what).hex[:12]
