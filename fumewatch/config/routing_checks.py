"""What no single table can know of who is told: names that must exist, ways that lead nowhere.

Checks run on every table that is right in itself, whatever is wrong with the others, so that all
faults are told at once.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from fumewatch.config.positions import Path
from fumewatch.config.source import Source, closest
from fumewatch.core.conditions import covers
from fumewatch.core.duration import show
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.routing import Matchers, Route
from fumewatch.core.rules import Rule
from fumewatch.receivers import ReceiverSettings

_GROUPING: Final = ("group_by", "group_wait", "group_interval", "repeat_interval")
_NEAR: Final = frozenset({"log", "mqtt"})
"""Kinds of receivers that stay in the house: whoever reads there has no use for a link."""
KINDS: Final = frozenset(
    get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Rule)[0])
)
"""Of rules."""


def check(source: Source, *, advise: bool) -> None:
    """`advise`: tell also what is only advised, which a daemon need not hear at each start."""
    receivers = _Receivers(source)
    _names_exist(source, receivers)
    _matchers_fit_something(source)
    _every_way_is_reached(source, "route", Route)
    _every_way_is_reached(source, "escalation", Escalation)
    _groups_are_for_people(source, receivers)
    _repeats_are_apart(source)
    _settings_have_an_effect(source, receivers)
    _everybody_is_sent_something(source, receivers)
    _someone_else_tells_of_failures(source, receivers)
    if advise:
        _links_lead_somewhere(source, receivers)


class _Receivers:
    """By name: as written, and those that are right in themselves. `named_by`: the paths of what
    sends to each."""

    def __init__(self, source: Source) -> None:
        self.names = [
            item["name"]
            for item in source.items("receiver")
            if isinstance(item, dict) and isinstance(item.get("name"), str)
        ]
        self.valid = {
            receiver.name: (index, receiver)
            for index, receiver in source.valid("receiver", ReceiverSettings)
        }
        self.named_by: dict[str, list[Path]] = {}
        for path in _senders(source):
            wanted = source.at(path)
            for name in wanted if isinstance(wanted, list) else [wanted]:
                if isinstance(name, str):
                    self.named_by.setdefault(name, []).append(path)

    def are_machines(self, names: Collection[str]) -> bool:
        return all(name in self.valid and self.valid[name][1].is_machine for name in names)

    def have_contacts(self, name: str) -> bool:
        return name in self.valid and self.valid[name][1].contact is not None


def _senders(source: Source) -> Iterator[Path]:
    """The paths of whatever names receivers."""
    for section in ("route", "digest"):
        for index, item in enumerate(source.items(section)):
            if isinstance(item, dict):
                yield (section, index, "receiver")
    for index, item in enumerate(source.items("escalation")):
        steps = item.get("step") if isinstance(item, dict) else None
        for number in range(len(steps) if isinstance(steps, list) else 0):
            yield ("escalation", index, "step", number, "receiver")
    if isinstance(source.values.get("dead_man"), dict):
        yield ("dead_man", "receiver")


# ── names ──


def _names_exist(source: Source, receivers: _Receivers) -> None:
    for name, paths in receivers.named_by.items():
        for path in paths:
            if name not in receivers.names:
                hint = closest(name, receivers.names) or "; add a [[receiver]]"
                source.fault(path, f"no receiver is named {name!r}{hint}")
            elif path[0] in ("escalation", "digest") and receivers.are_machines([name]):
                source.fault(path, f"{name!r} takes transitions, not {_MESSAGE[path[0]]}; {_TAKE}")
            elif path[0] == "dead_man" and receivers.have_contacts(name):
                what = f"{name!r} writes to the contacts of an alert, and this is about none"
                source.fault(path, f"{what}; name a receiver with an address of its own")


_MESSAGE: Final[Mapping[Any, str]] = {"escalation": "steps", "digest": "digests"}
_TAKE: Final = 'name a receiver of people (takes = "groups")'


def _matchers_fit_something(source: Source) -> None:
    rules = [
        item["id"]
        for item in source.items("rule")
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    ]
    for path in _matchers(source):
        _exist(source, (*path, "rule"), rules, "rule")
        _exist(source, (*path, "kind"), sorted(KINDS), "kind of rule")


def _matchers(source: Source) -> Iterator[Path]:
    """The paths of all tables of labels and values."""
    whole: list[Path] = [
        (section, index)
        for section in ("route", "escalation", "digest")
        for index in range(len(source.items(section)))
    ]
    for index in range(len(source.items("inhibit"))):
        whole += [("inhibit", index, "source"), ("inhibit", index, "target")]
    whole += [
        ("receiver", index, "quiet", "through") for index in range(len(source.items("receiver")))
    ]
    for path in whole:
        for key in ("match", "match_not"):
            if isinstance(source.at((*path, key)), dict):
                yield (*path, key)


def _exist(source: Source, path: Path, known: list[str], what: str) -> None:
    """The value there is a name or a list of names."""
    wanted = source.at(path)
    for name in wanted if isinstance(wanted, list) else [wanted]:
        if isinstance(name, str) and name not in known:
            hint = closest(name, known) or f"; add a [[{path[-1]}]]"
            source.fault(path, f"no {what} is named {name!r}{hint}")


# ── ways ──


def _every_way_is_reached(source: Source, section: str, shape: type[Matchers]) -> None:
    """Of the tables of which the first that takes an alert keeps it."""
    before: list[tuple[int, Matchers]] = []
    for index, way in source.valid(section, shape):
        for earlier, other in before:
            if covers(other, way):
                line = source.where((section, earlier)).rpartition(":")[2]
                takes = "all" if other.take_all else "all that it would"
                source.warn(
                    (section, index), f"never reached: the {section} in line {line} takes {takes}"
                )
                break
        if not getattr(way, "goes_on", False):
            before.append((index, way))


def _groups_are_for_people(source: Source, receivers: _Receivers) -> None:
    for index, route in source.valid("route", Route):
        given = [key for key in _GROUPING if source.at(("route", index, key)) is not None]
        if given and receivers.are_machines(route.receiver):
            names = " and ".join(route.receiver)
            what = f"has no effect: {names} takes transitions, each at once; leave it out"
            source.warn(("route", index, given[0]), what)


def _repeats_are_apart(source: Source) -> None:
    for index, route in source.valid("route", Route):
        if route.repeat_interval and route.repeat_interval < route.group_interval:
            what = (
                f"{show(route.repeat_interval)} is shorter than group_interval = "
                f"{show(route.group_interval)}, which it waits for; make it longer"
            )
            source.warn(("route", index, "repeat_interval"), what)


# ── receivers ──


def _settings_have_an_effect(source: Source, receivers: _Receivers) -> None:
    for index, receiver in receivers.valid.values():
        if receiver.is_machine and receiver.contact:
            what = (
                'goes with takes = "groups": a machine is sent each transition at its own address; '
                "leave it out"
            )
            source.fault(("receiver", index, "contact"), what)
        if receiver.is_machine and receiver.quiet:
            what = "has no effect: it takes transitions, each at once; leave it out"
            source.warn(("receiver", index, "quiet"), what)


def _everybody_is_sent_something(source: Source, receivers: _Receivers) -> None:
    for name, (index, _) in receivers.valid.items():
        if name not in receivers.named_by:
            what = (
                "nothing is sent there: no route, escalation, digest or [dead_man] names it; "
                "name it or take it out"
            )
            source.warn(("receiver", index), what)


def _someone_else_tells_of_failures(source: Source, receivers: _Receivers) -> None:
    """Of a receiver that fails somebody must be told by another way."""
    path = ("dead_man", "receiver")
    named = [name for name, paths in receivers.named_by.items() if path in paths]
    if named and set(receivers.names) == set(named) and len(named) == 1:
        what = f"{named[0]!r} is the only receiver: if it fails, nobody is told; add another one"
        source.warn(path, what)


def _links_lead_somewhere(source: Source, receivers: _Receivers) -> None:
    sent = {n: r for n, (_, r) in receivers.valid.items() if n in receivers.named_by}
    outside = [name for name, receiver in sent.items() if receiver.kind not in _NEAR]
    if outside and not source.at(("web", "public_url")):
        what = (
            f"is empty: links in messages to {_few(outside)} lead nowhere; "
            "write the address under which people open the page"
        )
        source.warn(("web", "public_url"), what)
    people = [name for name, receiver in sent.items() if not receiver.is_machine]
    if people and not source.at(("links", "secret")):
        what = (
            f"is empty: whom {_few(people)} tells cannot answer from the message; "
            'write secret_file = "links.secret"'
        )
        source.warn(("links", "secret"), what)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
