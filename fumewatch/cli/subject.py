"""The alert that `fumewatch routes explain` is asked about: of the store, or like it."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from fumewatch.cli import named, options
from fumewatch.core.addressing import Addressing
from fumewatch.core.alert import Alert, Severity, State, alert_id
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.dispatch.plan import Told
from fumewatch.core.errors import FumewatchError, StoreRefused, StoreUnavailable
from fumewatch.core.followup.action import Action
from fumewatch.core.routing import Label, Matchers
from fumewatch.core.site import Place

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.store import Connection

_NOWHERE = -1
"""The number of a monitor that is not of the store."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of an alert; empty: nothing."""

    rule: str
    severity: str
    monitor: str
    site: str
    street: str
    district: str
    vendor: str
    tags: tuple[str, ...]

    @property
    def is_anything(self) -> bool:
        return any(astuple(self))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the store knows besides: silences, people, what else fires."""

    silences: tuple[Silence, ...] = ()
    addressing: Addressing = field(default_factory=Addressing)
    firing: tuple[tuple[Alert, Place], ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """`is_stored`: it is of the store, and so are what was done and told; else only like one."""

    alert: Alert
    place: Place
    around: Surroundings = Surroundings()
    is_stored: bool = False
    actions: tuple[Action, ...] = ()
    told: tuple[Told, ...] = ()
    notes: tuple[str, ...] = ()


def of_store(config: "Config", beginning: str, now: datetime) -> Subject:
    """Of the alert whose id begins so."""
    from fumewatch.store import actions, told

    with options.transaction(config) as conn:
        id = named.alert(conn, beginning, "ALERT")
        move = told.of(conn, [id])[0]
        places = _places(conn, config)
        return Subject(
            move.alert,
            places[move.alert.monitor],
            _around(conn, places, now),
            is_stored=True,
            actions=tuple(actions.of(conn, id)),
            told=tuple(row for row in told.load(conn) if row.alert == id),
        )


def of_labels(config: "Config", given: Given, now: datetime) -> Subject:
    """Looked up in the store as far as that answers."""
    rule = named.rule(config, given.rule, "--rule") if given.rule else None
    severity = given.severity or (rule.severity if rule else Severity.WARNING)
    if severity not in list(Severity):
        what = f"no severity {severity!r}; there are {', '.join(Severity)}"
        raise typer.BadParameter(what, param_hint="--severity")
    try:
        with options.transaction(config) as conn:
            places = _places(conn, config)
            around = _around(conn, places, now)
    except (StoreUnavailable, StoreRefused) as error:
        return _like(given, rule.kind if rule else "", Severity(severity), now, _away(error))
    place = _place(places, given)
    notes = tuple(_strangers(config, places, given))
    subject = _like(given, rule.kind if rule else "", Severity(severity), now, notes, place)
    return replace(subject, around=around)


def _away(error: FumewatchError) -> tuple[str, ...]:
    what = "explained by the configuration alone: silences, contacts, other alerts are not known"
    return (f"{what}: {str(error).splitlines()[0]}",)


def _like(
    given: Given,
    kind: str,
    severity: Severity,
    now: datetime,
    notes: tuple[str, ...],
    place: Place | None = None,
) -> Subject:
    where = _told_of(given, place or _from_text(given))
    alert = Alert(
        id=alert_id(given.rule, where.monitor, now),
        rule=given.rule,
        kind=kind,
        severity=severity,
        monitor=where.monitor,
        state=State.FIRING,
        opened_at=now,
        breached_at=now,
        value=float("nan"),
        limit=float("nan"),
        fired_at=now,
    )
    return Subject(alert, where, notes=notes)


def _from_text(given: Given) -> Place:
    district, _, code = given.monitor.rpartition("/")
    return Place(_NOWHERE, code, district, site=given.site)


def _told_of(given: Given, place: Place) -> Place:
    """What is given besides counts more than what the store says."""
    wanted = {name: getattr(given, name) for name in ("street", "district", "vendor", "tags")}
    return replace(place, **{name: value for name, value in wanted.items() if value})


def _place(places: dict[int, Place], given: Given) -> Place | None:
    """The monitor that is named, or the first of the site that is."""
    if given.monitor:
        return named.place(places.values(), given.monitor)
    of_site = (p for p in places.values() if given.site and given.site in (p.site, p.site_code))
    return next(of_site, None)


def _strangers(config: "Config", places: dict[int, Place], given: Given) -> Iterator[str]:
    """What nothing is called so, likely misspelt."""
    from fumewatch.core.conditions import known_values, strangers

    codes = {place.site_code for place in places.values()}
    asked = {
        Label.SITE: () if given.site in codes else (given.site,),
        Label.STREET: (given.street,),
        Label.DISTRICT: (given.district,),
        Label.VENDOR: (given.vendor,),
        Label.TAG: given.tags,
    }
    match = {label: values for label, values in asked.items() if any(values)}
    rules = {rule.id: rule.kind for rule in config.rule}
    yield from strangers(Matchers(match=match), known_values(places.values(), rules))


def _places(conn: "Connection", config: "Config") -> dict[int, Place]:
    from fumewatch.store import monitors

    return {place.monitor: place for place in monitors.places(conn, str(config.zone))}


def _around(conn: "Connection", places: dict[int, Place], now: datetime) -> Surroundings:
    from fumewatch.store import alerts, contacts, silences

    return Surroundings(
        tuple(silences.unended(conn, now)),
        Addressing(contacts.all_contacts(conn)),
        tuple((alert, places[alert.monitor]) for alert in alerts.open_alerts(conn)),
    )
