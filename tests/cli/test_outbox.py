"""`fumewatch outbox`: what became of notifications; failed ones are sent again."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fumewatch.store import Database, outbox
from fumewatch.store.outbox import Notification, Outcome
from tests.cli.conftest import Fumewatch
from tests.receivers.factories import a_body

LEASE = timedelta(minutes=1)


@pytest.fixture
def rows(database: Database) -> list[int]:
    """1 and 2 failed, 3 sent, 4 due, all but 2 at "log"."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    with database.transaction() as conn:
        for name, state in (("log", "failed"), ("gone", "failed"), ("log", "sent"), ("log", "")):
            key = uuid.uuid4()
            body = a_body(text={"zh": "【预警】\x1b[2J老王\n次行", "en": "Early warning\nx"})
            outbox.add(conn, [Notification(key, name, key, body, at)])
            if state:
                claims = outbox.claim(conn, {name: 1}, at, LEASE)
                done = [Outcome(one, state, "401 revoked") for one in claims]  # type: ignore[arg-type]
                outbox.settle(conn, done, at + timedelta(seconds=2))
    return [1, 2, 3, 4]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("args", "found"),
    [
        ((), [1, 2, 3, 4]),
        (("--receiver", "log"), [1, 3, 4]),
        (("--state", "failed"), [1, 2]),
        (("--receiver", "gone", "--state", "due"), []),
        (("--limit", "1"), [3]),
    ],
)
def test_they_are_listed_by_what_is_asked(
    fumewatch: Fumewatch, config: Path, args: tuple[str, ...], found: list[int]
) -> None:
    said = fumewatch("outbox", *args, "--json", "-c", config)
    listed = [row["id"] for row in said.json["notifications"]]
    assert (said.code, sorted(listed)) == (0, found)


@pytest.mark.usefixtures("rows")
def test_receivers_are_counted(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("outbox", "--json", "-c", config)
    log, gone = said.json["receivers"]
    assert [log[name] for name in ("due", "sent", "failed", "merged")] == [1, 1, 1, 0]
    assert [log[name] for name in ("p50", "p95", "answer")] == [2, 2, "401 revoked"]
    assert (gone["receiver"], gone["sent_at"]) == ("gone", None)
    status = fumewatch("status", "--json", "-c", config).json
    assert [each["receiver"] for each in status["delivery"]] == ["log", "gone"]


@pytest.mark.usefixtures("rows")
def test_nothing_hostile_reaches_the_terminal(fumewatch: Fumewatch, config: Path) -> None:
    for said in (fumewatch("outbox", "-c", config), fumewatch("status", "-c", config)):
        assert all(c.isprintable() or c == "\n" for c in said.out)
        assert "401 revoked" in said.out


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("args", "code", "due", "left"),
    [
        (("1",), 0, [1], []),
        (("1", "2", "3", "77"), 1, [1, 2], [3, 77]),
        (("--receiver", "log", "--failed"), 0, [1], []),
        (("--receiver", "nobody", "--failed"), 0, [], []),
    ],
)
def test_failed_ones_are_due_again_with_their_keys(
    fumewatch: Fumewatch,
    config: Path,
    database: Database,
    args: tuple[str, ...],
    code: int,
    due: list[int],
    left: list[int],
) -> None:
    said = fumewatch("outbox", "retry", *args, "--json", "-c", config)
    assert (said.code, said.json) == (code, {"due": due, "not_failed": left})
    with database.transaction() as conn:
        room = {"log": 9, "gone": 9}
        claims = outbox.claim(conn, room, datetime.now(UTC), LEASE)
    assert {claim.id for claim in claims} == {4, *due}
    assert all(claim.attempts == 1 for claim in claims if claim.id in due)


@pytest.mark.parametrize(
    "args", [(), ("--failed",), ("--receiver", "log"), ("1", "--receiver", "log", "--failed")]
)
def test_what_to_retry_must_be_said(
    fumewatch: Fumewatch, config: Path, args: tuple[str, ...]
) -> None:
    said = fumewatch("outbox", "retry", *args, "-c", config)
    assert said.code == 2
    assert "--receiver NAME --failed" in said.err
