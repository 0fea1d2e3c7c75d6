"""Whatever happens, in whatever order, and however often the daemon starts anew."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.alert import PART_OF, Alert, State
from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.dispatch.plan import Due, Plan
from fumewatch.core.notice import Contact
from fumewatch.core.routing import labels_of
from tests.core.dispatch_scene import START, Scene, a_receiver, a_route, a_silence

NAMES = ["a@6", "b@6", "c@6", "a@8", "c@8", "b@9", "c@10", "i@12"]
PART = {PART_OF: {"alert": "x", "name": "x"}}
CALENDAR = Calendar(holidays=frozenset({date(2026, 11, 24)}))
CRITICAL = {"match": {"severity": "critical"}}
INHIBITIONS: list[list[dict[str, Any]]] = [
    [],
    [{"source": CRITICAL, "target": {"match_not": {"severity": "critical"}}}],
    [{"source": CRITICAL, "target": {"match_re": {"rule": ".*"}}, "equal": ["site"]}],
    [
        {"source": CRITICAL, "target": {"match": {"rule": "b"}}, "equal": ["site"]},
        {"source": {"match": {"rule": "b"}}, "target": {"match": {"rule": "a"}}},
    ],
]
QUIET = [
    None,
    {"hours": "12:10-13:00"},
    {"hours": "12:10-13:00, 13:00-13:20; holiday 11:00-14:00", "through": CRITICAL},
]
ROUTES = st.fixed_dictionaries(
    {
        "group_by": st.sampled_from(["alert", "site", ["street", "severity"], "district"]),
        "group_wait": st.sampled_from([0, 60]),
        "group_interval": st.sampled_from([0, 300]),
    }
)
STEPS = st.one_of(
    st.tuples(
        st.sampled_from(["fire", "fire", "part", "resolve", "release"]), st.sampled_from(NAMES)
    ),
    st.tuples(st.just("silence"), st.sampled_from("abc")),
    st.tuples(
        st.sampled_from(["unsilence", "restart", "tick", "tick", "zone", "people"]), st.just("")
    ),
)
SCRIPT = st.lists(st.tuples(st.integers(0, 12), STEPS), max_size=40)
PEOPLE = [[], [Contact(1, "Ann")], [Contact(1, "Ann"), Contact(2, "Bo")]]


class Watched(Scene):
    """Checks each message against muting as it is said, not as it is computed."""

    def due(self, now: datetime) -> Due:
        self.now = now
        return super().due(now)

    def _check(self, plan: Plan) -> None:
        super()._check(plan)
        for alert, change in plan.members:
            assert not self.is_silenced(alert), self.line(plan)
            assert not self.is_quiet(plan.group.receiver, alert), self.line(plan)
            assert change == "resolved" or not self.is_inhibited(alert), self.line(plan)
            assert change == "resolved" or not alert.is_part or change == "still"

    def labels(self, alert: Alert) -> Any:
        return labels_of(alert, self.places[alert.monitor])

    def is_silenced(self, alert: Alert) -> bool:
        return any(
            silence.starts_at <= self.now < silence.ends_at
            and silence.matchers.take(self.labels(alert))
            for silence in self.silences
        )

    def is_quiet(self, receiver: str, alert: Alert) -> bool:
        quiet = {each.name: each.quiet for each in self.receivers}[receiver]
        if quiet is None or (quiet.through.match and quiet.through.take(self.labels(alert))):
            return False
        return BusinessHours.parse(quiet.hours, self.zone.key).is_open(self.now, self.calendar)

    def is_inhibited(self, alert: Alert) -> bool:
        return any(
            each.target.take(self.labels(alert))
            and each.source.take(self.labels(source))
            and not (each.source.take(self.labels(alert)) and each.target.take(self.labels(source)))
            and self.labels_equal(alert, source, each.equal[0])
            for each in self.inhibitions
            for source in self.store.values()
            if source.state is State.FIRING
        )

    def labels_equal(self, one: Alert, other: Alert, by: str) -> bool:
        first, second = self.places[one.monitor], self.places[other.monitor]
        return first.site_id == second.site_id if by == "site" else first.code == second.code


def act(scene: Watched, action: str, what: str, now: datetime) -> None:
    if action in ("fire", "part", "resolve", "release"):
        move(scene, action, what, now)
    elif action in ("restart", "zone"):
        scene.zone = ZoneInfo("Asia/Tokyo") if action == "zone" else scene.zone
        scene.restart()
    elif action == "people":
        scene.people = PEOPLE[(PEOPLE.index(list(scene.people)) + 1) % 3]
        scene.use()
    elif action == "silence":
        scene.silences.append(a_silence(now + timedelta(minutes=17), now, rule=what))
        scene.use()
    elif action == "unsilence":
        scene.silences = []
        scene.use()


def move(scene: Watched, action: str, what: str, now: datetime) -> None:
    known = scene.alerts.get(what)
    if known is None or (not known.is_open and known.opened_at < now):
        if action in ("fire", "part"):
            scene.fire(what, now, evidence=PART if action == "part" else {})
    elif known.is_open and action == "resolve":
        scene.resolve(what, now)
    elif known.is_open and known.is_part and action == "release":
        scene.release(what, now)


def play(scene: Watched, script: list[tuple[int, tuple[str, str]]]) -> datetime:
    now = START
    for gap, step in script:
        now += timedelta(minutes=gap)
        scene.now = now
        act(scene, *step, now)
        if step[0] == "tick":
            scene.due(now)
    return now


def run_out(scene: Watched, now: datetime) -> datetime:
    """Ask when it wants to be asked, until it wants to no more; bounded by what can end."""
    for _ in range(60):
        at = scene.dispatcher.next_at
        if at is None:
            return now
        now = max(at, now)
        scene.due(now)
    raise AssertionError("it asks on and on")


@settings(max_examples=150)
@given(
    ROUTES,
    st.sampled_from(INHIBITIONS),
    st.sampled_from(QUIET),
    st.sampled_from([["firing", "resolved"], ["firing"], ["resolved"]]),
    SCRIPT,
)
def test_in_the_end_everybody_knows_what_there_is(
    route: dict[str, Any],
    inhibit: list[dict[str, Any]],
    quiet: dict[str, Any] | None,
    states: list[str],
    script: list[tuple[int, tuple[str, str]]],
) -> None:
    scene = Watched(
        [a_route(receiver=["duty", "site"], **route)],
        [a_receiver(quiet=quiet, states=states), a_receiver("site", contact="site")],
        inhibit=inhibit,
        people=PEOPLE[1],
        calendar=CALENDAR,
    )
    scene.now = run_out(scene, play(scene, script))

    addresses = [("duty", ""), *(("site", contact.addressee) for contact in scene.people)]
    for alert in scene.store.values():
        for address in addresses:
            row = scene.told.get((*address, alert.id))
            if not alert.is_open:
                assert row is None or row.state is State.RESOLVED
            elif not alert.is_part and not scene.is_inhibited(alert):
                assert row is not None
                assert row.state is State.FIRING
    marks = {mark for line in scene.lines if "duty" in line for mark in "+-=" if mark in line}
    assert "-" not in marks or "resolved" in states
    assert not {"+", "="} & marks or "firing" in states
    missing = {receiver for receiver, _ in scene.dispatcher.unaddressed}
    fires = any(a.is_open and not a.is_part for a in scene.store.values())
    assert missing == ({"site"} if fires and not scene.people else set())
    assert not scene.due(scene.now + timedelta(days=3))


@settings(max_examples=60)
@given(ROUTES, st.sampled_from(INHIBITIONS), st.sampled_from(QUIET), SCRIPT)
def test_a_start_anew_changes_nothing_that_is_believed(
    route: dict[str, Any],
    inhibit: list[dict[str, Any]],
    quiet: dict[str, Any] | None,
    script: list[tuple[int, tuple[str, str]]],
) -> None:
    """Asked at each minute that something happens, with and without a start before it."""
    script = [each for each in script if each[1][0] not in ("zone", "restart")]
    ticking = [each for step in script for each in (step, (0, ("tick", "")))]
    starting = [each for step in script for each in (step, (0, ("restart", "")), (0, ("tick", "")))]
    scenes = []
    for steps in (ticking, starting):
        scene = Watched(
            [a_route(**{**route, "group_wait": 0, "group_interval": 0})],
            [a_receiver(quiet=quiet)],
            inhibit=inhibit,
            people=PEOPLE[0],
            calendar=CALENDAR,
        )
        run_out(scene, play(scene, steps))
        scenes.append(scene)

    one, other = scenes
    assert one.told == other.told
    assert one.keys == other.keys


@settings(max_examples=60)
@given(ROUTES, st.integers(1, 40), SCRIPT)
def test_what_goes_on_is_repeated_in_time_and_not_before(
    route: dict[str, Any], repeat: int, script: list[tuple[int, tuple[str, str]]]
) -> None:
    scene = Watched([a_route(**route, repeat_interval=60 * repeat)])
    now = play(scene, [each for each in script if each[1][0] not in ("restart", "zone")])
    least = timedelta(minutes=max(repeat, int(route["group_interval"]) // 60))
    for _ in range(100):
        at = scene.dispatcher.next_at
        if at is None or at > now + timedelta(hours=5):
            break
        now = max(now, at)
        before = dict(scene.told)
        for plan in scene.due(now).plans:
            if plan.reason == "repeat":
                rows = [before["duty", "", alert.id].at for alert, _ in plan.members]
                assert min(rows) + timedelta(minutes=repeat) <= now
                assert max(rows) + timedelta(seconds=route["group_interval"]) <= now
    last = [row.at for row in scene.told.values() if row.state is State.FIRING]
    assert all(now - at <= least + timedelta(minutes=20) for at in last)
