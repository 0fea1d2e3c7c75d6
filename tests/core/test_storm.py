"""What a storm's one message says of all that went into it."""

import uuid
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.notice import MOST_ALERTS
from fumewatch.core.storm import Merged, Said, key_of, merge, stand, thread_of
from tests.core.transitions import OPENED_AT
from tests.receivers.factories import a_body

said = st.builds(
    Said,
    alert=st.sampled_from([str(n) for n in range(70)]),
    state=st.sampled_from(["firing", "resolved"]),
    severity=st.sampled_from(["info", "warning", "critical"]),
    opened_at=st.sampled_from(["2026-11-23T04:05:00+00:00", "2026-11-23T04:06:00+00:00"]),
    change=st.sampled_from(["firing", "still", "resolved"]),
    row=st.integers(1, 9),
    place=st.just(1),
)


@given(st.lists(said, max_size=200))
def test_every_alert_is_counted_once_as_it_was_last_said_to_stand(all_said: list[Said]) -> None:
    last = {each.alert: each for each in all_said}
    states = Counter(each.state for each in last.values())

    standing = stand(all_said)

    assert (standing.firing, standing.resolved) == (states["firing"], states["resolved"])
    assert len(standing.worst) == min(len(last), MOST_ALERTS)
    assert {(each.alert, each.state) for each in standing.worst} <= {
        (each.alert, each.state) for each in last.values()
    }


@given(st.lists(said, min_size=1, max_size=200))
def test_the_worst_are_listed_first_and_all_are_counted(all_said: list[Said]) -> None:
    standing = stand(all_said)
    alerts = [
        a_body(id=each.alert, state=each.state, severity=each.severity, opened_at=each.opened_at)
        for each in standing.worst
    ]
    body = merge(
        standing,
        alerts,
        Merged(len(all_said), 0, unlisted=(3, 2)),
        key=uuid.UUID(int=1),
        at=OPENED_AT,
        receiver="bot",
    )

    rank = {"critical": 0, "warning": 1, "info": 2}
    order = [(a["state"] == "resolved", rank[a["severity"]]) for a in body["alerts"]]
    assert order == sorted(order)
    assert body["counts"] == {"firing": standing.firing + 3, "resolved": standing.resolved + 2}
    assert sum(body["counts"].values()) == len(body["alerts"]) + body["left_out"]
    assert [a["change"] for a in body["alerts"]] == [each.change for each in standing.worst]


def test_what_was_new_and_goes_on_is_still_new() -> None:
    def of(change: str) -> Said:
        return Said("a", "firing", "info", OPENED_AT.isoformat(), change, 1, 1)  # type: ignore[arg-type]

    table = [
        (["firing", "still"], "firing"),
        (["firing", "still", "still"], "firing"),
        (["still", "still"], "still"),
        (["firing", "resolved"], "resolved"),
    ]
    for changes, told in table:
        assert [each.change for each in stand(map(of, changes)).worst] == [told]


def test_keys_do_not_depend_on_the_order() -> None:
    keys = [uuid.UUID(int=n) for n in range(3)]
    assert key_of(keys) == key_of(reversed(keys)) != key_of(keys[:2])
    assert thread_of("bot", "") != thread_of("bot", "contact 1")
