"""What is promised whatever broke, held against what the monitors sent and the store has."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from fumewatch.core import record as chain
from fumewatch.store import record
from tests.core.scene import micros
from tests.faults.publisher import Numbered
from tests.faults.stage import Stage, as_readings

Move = tuple[Any, ...]

_ROLLUPS: Final = """
    select count(*) from (
        select monitor_id, bucket, readings::int8, fume_n::int8, fume_sum::int8, fume_max,
            pm_sum::int8, fan_on::int8
        from rollup_10m
        except all
        select monitor_id, date_bin('10 minutes', measured_at, 'epoch'), count(*), count(fume),
            sum(fume), max(fume), sum(pm), count(*) filter (where fan_on > 0)
        from reading group by 1, 2
    ) differs
"""
_ROLLED_UP: Final = "select coalesce(sum(readings), 0)::int8 from {}"
_LATEST: Final = """
    select count(*) from (
        select distinct on (monitor_id) monitor_id, measured_at, fume, pm from reading
        order by monitor_id, measured_at desc
    ) r full join monitor_latest l using (monitor_id, measured_at, fume, pm)
    where r.fume is null or l.fume is null
"""
_MOVES: Final = """
    select t.at, a.rule, m.code, t.after, t.reason, t.value, a.opened_at, t.evidence
    from transition t join alert a on a.id = t.alert_id join monitor m on m.id = a.monitor_id
    order by t.id
"""
_READINGS: Final = """
    select m.code, r.measured_at, r.fume, r.pm, r.fan_on
    from reading r join monitor m on m.id = r.monitor_id
"""
_OUTBOX: Final = """
    select o.idempotency_key::text, o.receiver, o.state, o.transition_id from outbox o order by o.id
"""
_FORGOTTEN: Final = """
    select count(*) from transition t
    left join outbox o on o.transition_id = t.id and o.receiver = 'duty'
    where t.after in ('firing', 'resolved') and o.id is null
        and not (t.after = 'resolved' and t.before = 'pending')
"""


def is_whole(stage: Stage) -> bool:
    """Whether a transition and its message are there together, as one transaction has it."""
    return bool(stage.rows(_FORGOTTEN)[0][0] == 0)


def check(stage: Stage, *, alerts: bool = True) -> None:
    """`alerts`: they must be an undisturbed run's."""
    check_readings(stage)
    check_rollups(stage)
    if alerts:
        check_alerts(stage)
    check_messages(stage)
    check_record(stage)
    assert stage.count("dead_letter") >= stage.feed.oversized


def check_readings(stage: Stage) -> None:
    """Each acknowledged one is there once, as it was sent, and no other."""
    sent = {_row(one): one.number for one in stage.feed.acked.values()}
    stored = Counter(stage.rows(_READINGS))
    assert [row for row, times in stored.items() if times > 1] == []
    lost = sorted({number for row, number in sent.items() if row not in stored} - stage.missing)
    assert not lost, f"lost: {lost[:20]} of {len(sent)}"
    assert [row for row in stored if row not in sent] == []


def _row(one: Numbered) -> tuple[Any, ...]:
    return one.monitor, one.measured_at, round(one.fume * 1000), round(one.pm * 1000), 1


def check_rollups(stage: Stage) -> None:
    assert stage.rows(_ROLLUPS) == [(0,)]
    number = stage.count("reading")
    for table in ("rollup_10m", "rollup_day", "rollup_street"):
        assert stage.rows(_ROLLED_UP.format(table)) == [(number,)], table
    assert stage.rows(_LATEST) == [(0,)]


def check_alerts(stage: Stage) -> None:
    want, have = undisturbed(stage), moves(stage)
    missed = [move for move in want if move not in have]
    made_up = [move for move in have if move not in want]
    differs = [f"missed  {_brief(m)}" for m in missed] + [f"made up {_brief(m)}" for m in made_up]
    assert not differs, "\n".join(differs)
    assert have == want


def check_messages(stage: Stage) -> None:
    rows = stage.rows(_OUTBOX)
    assert {state for _, _, state, _ in rows} <= {"sent"}
    for receiver in ("duty", "people"):
        keys = {key for key, name, _, _ in rows if name == receiver}
        received = stage.far_end.received[f"/{receiver}"]
        assert set(received) == keys
        for key, bodies in received.items():
            assert len(set(bodies)) == 1, f"one key, two messages: {bodies}"
            assert json.loads(bodies[0])["key"] == key
    assert is_whole(stage)
    told = Counter((b["rule"], b["monitor"], b["state"], b["at"]) for b in _duty(stage))
    assert [what for what, times in told.items() if times > 1] == []
    happened = {
        (rule, code, after, at)
        for at, rule, code, after, reason, *_ in moves(stage)
        if _is_told(after, reason)
    }
    assert {(*key, datetime.fromisoformat(at)) for *key, at in told} == happened
    check_people(stage)


def check_people(stage: Stage) -> None:
    """Nobody is woken twice: of one alert, one message for its beginning and one for its end."""
    query = """
        select a->>'id', o.body->>'state', count(*) from outbox o,
            jsonb_array_elements(o.body->'alerts') a
        where o.receiver = 'people' group by 1, 2 having count(*) > 1
    """
    assert stage.rows(query) == []


def check_record(stage: Stage) -> None:
    """Each transition is an entry of the chain, and the chain holds."""
    with psycopg.connect(stage.url) as conn:
        head = record.head(conn)
        assert [*chain.verify(record.entries(conn, head.seq)), *record.beside(conn)] == []
    assert head.seq == stage.count("transition")


def _duty(stage: Stage) -> list[dict[str, Any]]:
    return stage.far_end.bodies("/duty")


def _is_told(after: str, reason: str) -> bool:
    return after in ("firing", "resolved") and reason != "cleared before it fired"


def is_told(stage: Stage) -> bool:
    """Every minute that is over is judged, and nothing waits to be sent."""
    end = stage.begin + timedelta(minutes=stage.minute)
    judged = stage.rows("select judged_to from judged_mark")
    return judged == [(end,)] and stage.count("outbox where state = 'due'") == 0


def moves(stage: Stage) -> list[Move]:
    """What the store says that happened, in a comparable order."""
    found = []
    for at, rule, code, after, reason, value, opened_at, evidence in stage.rows(_MOVES):
        found.append((at, rule, code, after, reason, value, opened_at, _plain(evidence)))
    return sorted(found, key=lambda move: move[:4])


def undisturbed(stage: Stage) -> list[Move]:
    """What the engine says that happened, told at once of every reading that is to be there."""
    codes = {place.monitor: place.code for place in stage.places}
    engine = stage.engine(stage.places)
    known = [r for r in stage.feed.acked.values() if r.number not in stage.missing]
    engine.add(as_readings(known, stage.ids))
    engine.fill(micros(stage.begin - timedelta(minutes=1)))
    end = stage.begin + timedelta(minutes=stage.minute)
    found = [
        (m.at, m.alert.rule, codes[m.alert.monitor], str(m.alert.state), str(m.reason),
         m.alert.value, m.alert.opened_at, _plain(m.alert.evidence))
        for m in engine.advance(micros(end))
    ]  # fmt: skip
    return sorted(found, key=lambda move: move[:4])


def _plain(evidence: Any) -> str:
    return json.dumps(evidence, sort_keys=True, default=str)


def _brief(move: Move) -> str:
    at, rule, code, after, reason, value, opened_at, evidence = move
    return f"{at:%H:%M} {rule} {code} {after}: {reason} {value} {opened_at:%H:%M} {evidence}"
