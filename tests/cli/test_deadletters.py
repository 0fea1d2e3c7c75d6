"""`fumewatch deadletters`: what could not be read, and a second try."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fumewatch.store import Database, dead_letters
from fumewatch.store.dead_letters import CUT, DeadLetter
from tests.cli.conftest import Fumewatch, Said

HOSTILE = "fume/\x1b[2J\x9b31m\u202e/up"
INERT = r"fume/\x1b[2J\x9b31m\u202e/up"


@pytest.fixture
def dead(database: Database) -> Database:
    """1 of vendor-a, 2 no UTF-8, 3 hostile, 4 cut, 5 of vendor-a and replayed."""
    at = datetime.now(UTC) - timedelta(days=2)
    letters = [
        DeadLetter(at, "fume/xuhui/M1/up", b'{"fume": "\xe9\xab\x98"}', "no_time", "no time", "a"),
        DeadLetter(
            at, "fume/xuhui/M2/up", bytes(range(250, 256)) + b"12345678901", "not_json", "-"
        ),
        DeadLetter(datetime.now(UTC), HOSTILE, HOSTILE.encode() + b"\nnext", "not_json", HOSTILE),
        DeadLetter(at, "fume/xuhui/M3/up", b"[", "too_large", CUT),
        DeadLetter(at, "fume/xuhui/M1/up", b"{}", "no_time", "no time", "a"),
    ]
    with database.transaction() as conn:
        dead_letters.add(conn, letters)
        conn.execute("update dead_letter set replayed_at = now() where id = 5")
    return database


def numbers(said: Said) -> list[int]:
    return [letter["id"] for letter in said.json["letters"]]


@pytest.mark.usefixtures("dead")
def test_dead_letters_are_counted_and_listed(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("deadletters", "list", "-c", config)
    assert said.code == 0
    assert re.search(r"^ none +not_json +2 +1 ", said.out, re.M)
    assert re.search(r"^ a +no_time +1 +0 ", said.out, re.M)
    assert re.search(r"^ 4 .* fume/xuhui/M3/up +none +too_large +open +longer than", said.out, re.M)


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(
    ("args", "found"),
    [
        ((), [4, 3, 2, 1]),
        (("--all",), [5, 4, 3, 2, 1]),
        (("--limit", "1"), [4]),
        (("--kind", "not_json"), [3, 2]),
        (("--profile", "a", "--all"), [5, 1]),
        (("--profile", ""), [4, 3, 2]),
        (("--topic", "fume/xuhui/M[12]/up"), []),
        (("--topic", "fume/xuhui/M?/up", "--kind", "no_time"), [1]),
        (("--since", "1d"), [3]),
    ],
)
def test_dead_letters_are_listed_by_what_is_asked(
    fumewatch: Fumewatch, config: Path, args: tuple[str, ...], found: list[int]
) -> None:
    said = fumewatch("deadletters", "list", "--json", *args, "-c", config)
    assert numbers(said) == found
    assert all("payload" not in letter for letter in said.json["letters"])


def test_no_dead_letters_is_said(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("deadletters", "list", "-c", config)
    assert said == Said(0, "No dead letters: every message was understood, or none fits.\n", "")


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(
    ("number", "lines"),
    [
        ("1", ["letter       1, open", "profile      a", '{"fume": "高"}']),
        ("2", ["00000000  fa fb fc fd fe ff 31 32 33 34 35 36 37 38 39 30  ......1234567890",
               "00000010  31                                               1"]),
        ("3", [rf"topic        {INERT}", INERT, "next"]),
        ("5", ["letter       5, replayed"]),
    ],
)  # fmt: skip
def test_a_dead_letter_is_shown_whole(
    fumewatch: Fumewatch, config: Path, number: str, lines: list[str]
) -> None:
    said = fumewatch("deadletters", "show", number, "-c", config)
    assert said.code == 0
    assert set(lines) <= set(said.out.splitlines())


@pytest.mark.usefixtures("dead")
def test_nothing_hostile_reaches_the_terminal(fumewatch: Fumewatch, config: Path) -> None:
    for args in (
        ["list"],
        ["list", "--json"],
        ["show", "3"],
        ["show", "3", "--json"],
        ["export", "-"],
    ):
        said = fumewatch("deadletters", *args, "-c", config)
        assert said.code == 0
        assert all(c.isprintable() or c == "\n" for c in said.out), args
    assert said.out.splitlines()[2].count(r"\u202e") == 3


@pytest.mark.usefixtures("dead")
def test_a_dead_letter_that_is_not_there(fumewatch: Fumewatch, config: Path) -> None:
    assert fumewatch("deadletters", "show", "99", "-c", config) == Said(
        1, "", "fumewatch: there is no dead letter 99\n"
    )


@pytest.mark.usefixtures("dead")
def test_an_export_is_a_capture_of_the_messages(
    fumewatch: Fumewatch, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "letters.jsonl"
    said = fumewatch("deadletters", "export", file, "-c", config)
    assert (said.code, said.out, said.err) == (0, "", "4 dead letters written\n")
    first, second, third, _ = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert datetime.now(UTC) - datetime.fromisoformat(first.pop("received_at")) > timedelta(days=1)
    assert first == {
        "id": 1,
        "topic": "fume/xuhui/M1/up",
        "profile": "a",
        "kind": "no_time",
        "detail": "no time",
        "payload": '{"fume": "高"}',
    }
    assert base64.b64decode(second["payload_base64"]) == bytes(range(250, 256)) + b"12345678901"
    assert third["payload"].encode() == HOSTILE.encode() + b"\nnext"
    said = fumewatch("deadletters", "export", "--profile", "a", "--all", "-", "-c", config)
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == [1, 5]


@pytest.mark.usefixtures("dead")
def test_an_export_that_cannot_be_written(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("deadletters", "export", "/gone/letters", "-c", config)
    assert said == Said(
        1, "", "fumewatch: /gone/letters cannot be written: No such file or directory\n"
    )


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(
    "args", [(), ("1", "--all-open"), ("1", "--kind", "no_time"), ("--all-open", "--since", "1d")]
)
def test_a_replay_is_never_of_all_by_mistake(
    fumewatch: Fumewatch, config: Path, args: tuple[str, ...]
) -> None:
    said = fumewatch("deadletters", "replay", *args, "-c", config)
    assert (said.code, said.out) == (2, "")
    assert "--all-open" in said.err


@pytest.mark.usefixtures("dead")
def test_a_replay_tells_what_came_of_each(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("deadletters", "replay", "1", "4", "5", "99", "-c", config)
    assert said.code == 1
    assert "0 letters of 1 replayed, 0 readings nobody had." in said.out
    assert re.search(r"^Letter 5 was replayed already, at 20", said.out, re.M)
    assert re.search(r"^ default +no_time +1 +1 +\$ has no measured_at *$", said.out, re.M)
    assert "only the beginning was kept, so it cannot be replayed" in said.err
    assert said.err.endswith("There is no dead letter 99.\n")


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(("args", "code"), [(("5",), 0), (("--kind", "future"), 0), (("4",), 1)])
def test_a_replay_of_nothing(
    fumewatch: Fumewatch, config: Path, args: tuple[str, ...], code: int
) -> None:
    for wait in ((), ("--no-wait",)):
        assert fumewatch("deadletters", "replay", *args, *wait, "-c", config).code == code


@pytest.mark.usefixtures("dead")
def test_a_replay_speaks_json(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("deadletters", "replay", "--all-open", "--json", "-c", config)
    assert said.code == 1
    told = said.json
    assert (told["asked"], told["replayed"], told["cut"], told["due"]) == (3, 0, [4], [])
    assert {(group["kind"], group["count"]) for group in told["still_dead"]} == {
        *(("no_time", 1), ("not_json", 1), ("bad_topic", 1))
    }
