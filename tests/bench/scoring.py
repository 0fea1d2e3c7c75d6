"""How well rules did, held against what really happened. Pure.

What really happened is a list of episodes for each rule. An alert that fires inside an episode is
true; one that fires inside none is false. An episode that ought to be found is found if an alert
fires inside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

NOTHING: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert of a rule at a monitor began to fire, seconds since 1970."""

    rule: str
    monitor: int
    at_s: int


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert in [from_s, until_s] is true. `event_s`: what it is about begins, within or outside.

    must      it ought to be found; else an alert may speak of it, and nothing is missed without one
    is_close  it is not true, but no instrument could tell: what claims it is neither true nor a
              false message
    """

    monitor: int
    from_s: int
    until_s: int
    event_s: int
    must: bool = True
    is_close: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one rule. `close`: alerts that are not true, but within what instruments can tell.

    `delays`: of each episode that was found, seconds from the event to the first alert in it; less
    than 0: before the event. `strays`: the false alerts.
    """

    rule: str
    fired: int
    true: int
    close: int
    expected: int
    found: int
    delays: tuple[int, ...]
    strays: tuple[Fired, ...]

    @property
    def false(self) -> int:
        return self.fired - self.true - self.close

    @property
    def precision(self) -> float:
        """The share of true ones; close ones are not true."""
        return self.true / self.fired if self.fired else NOTHING

    @property
    def recall(self) -> float:
        return self.found / self.expected if self.expected else NOTHING

    @property
    def lead_s(self) -> float:
        """The median lead over all that ought to be found; what was missed had none."""
        leads = [-delay for delay in self.delays] + [0] * (self.expected - self.found)
        return median(leads) if leads else NOTHING

    @property
    def delay_s(self) -> float:
        return median(self.delays) if self.delays else NOTHING


def score(rule: str, fired: Iterable[Fired], episodes: Iterable[Episode]) -> Score:
    """Of one rule's alerts."""
    alerts = sorted((f for f in fired if f.rule == rule), key=lambda f: f.at_s)
    by_monitor: dict[int, list[Episode]] = {}
    for episode in episodes:
        by_monitor.setdefault(episode.monitor, []).append(episode)
    strays, close, first = [], 0, dict[Episode, int]()
    for alert in alerts:
        inside = [e for e in by_monitor.get(alert.monitor, ()) if _is_in(alert, e)]
        if not inside:
            strays.append(alert)
        close += bool(inside) and all(episode.is_close for episode in inside)
        for episode in inside:
            first.setdefault(episode, alert.at_s)
    expected = {e for own in by_monitor.values() for e in own if e.must}
    found = {e: at for e, at in first.items() if e.must}
    return Score(
        rule,
        len(alerts),
        len(alerts) - len(strays) - close,
        close,
        len(expected),
        len(found),
        tuple(sorted(at - e.event_s for e, at in found.items())),
        tuple(strays),
    )


def pooled(scores: Sequence[Score]) -> Score:
    """Several runs' scores of one rule, as if of one."""
    return Score(
        scores[0].rule,
        sum(s.fired for s in scores),
        sum(s.true for s in scores),
        sum(s.close for s in scores),
        sum(s.expected for s in scores),
        sum(s.found for s in scores),
        tuple(sorted(delay for s in scores for delay in s.delays)),
        tuple(stray for s in scores for stray in s.strays),
    )


def false_in_all(scores: Mapping[str, Score], quiet: Iterable[str] = ()) -> int:
    """False alerts of all rules, those in `quiet` apart."""
    return sum(s.false for rule, s in scores.items() if rule not in set(quiet))


def merged(spans: Iterable[tuple[int, int]], gap: int = 0) -> list[tuple[int, int]]:
    """Spans [start, end) in order; those no more than `gap` apart are one.

    >>> merged([(5, 6), (0, 2), (3, 4)], gap=1)
    [(0, 6)]
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def crowded(times: Sequence[int], least: int, within: int) -> list[tuple[int, int]]:
    """Where at least `least` of these times lie within `within`: from the one that makes it so many
    to `within` after the last.

    >>> crowded([0, 5, 8, 100], least=3, within=10)
    [(8, 18)]
    """
    ordered = sorted(times)
    spans = [
        (last, last + within)
        for first, last in zip(ordered, ordered[least - 1 :], strict=False)
        if last - first <= within
    ]
    return merged(spans)


def _is_in(alert: Fired, episode: Episode) -> bool:
    return episode.from_s <= alert.at_s <= episode.until_s
