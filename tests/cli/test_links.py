"""`fumewatch links`."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fumewatch.core.followup.action import ActionKind
from fumewatch.core.link import sign
from fumewatch.store import Database, actions, monitors
from tests.cli.conftest import Fumewatch, Said
from tests.web.seed import alert, open_alert

SECRET = "a secret of links, 32 characters"
DAY = timedelta(days=1)
Run = Callable[..., Said]


@pytest.fixture
def case(database: Database) -> uuid.UUID:
    with database.transaction() as conn:
        (id,) = monitors.register(conn, [("xuhui", "XH0000")]).values()
        opened = alert(id, "exceedance", datetime.now(UTC) - DAY)
        open_alert(conn, opened)
        conn.execute("insert into contact (street, name) values ('x', '王\x1b[2J')")
    return opened.id


@pytest.fixture
def run(fumewatch: Fumewatch, config: Path, tmp_path: Path) -> Run:
    (tmp_path / "links").write_text(SECRET + "\n")
    (tmp_path / "links").chmod(0o600)
    with config.open("a") as file:
        file.write('[links]\nsecret_file = "links"\n')
    return lambda *args: fumewatch("links", *args, "-c", config)


def token(of: uuid.UUID, addressee: str, ago: timedelta = timedelta(hours=1)) -> str:
    signed_at = datetime.now(UTC) - ago
    return sign(SECRET, of, addressee, signed_at=signed_at, expires_at=signed_at + DAY)


def test_a_link_is_shown(run: Run, case: uuid.UUID) -> None:
    key = token(case, "contact 1")
    said = run("show", f"https://fume.example.org/l/{key}?lang=en")
    assert said.code == 0
    assert f"alert      {case}" in said.out
    assert "addressee  contact 1 (王\\x1b[2J)" in said.out
    assert said.out.endswith("It opens.\n")
    assert SECRET not in said.out
    found = run("show", key, "--json").json
    assert (found["opens"], found["alert"], found["addressee"]) == (True, str(case), "contact 1")


@pytest.mark.parametrize(
    ("addressee", "ago", "why"),
    [
        ("contact 1", 2 * DAY, "it has expired"),
        ("contact 7", DAY / 2, "the contact is there no more"),
        ("receiver gone", DAY / 2, "no receiver of this name"),
    ],
)
def test_why_a_link_does_not_open(
    run: Run, case: uuid.UUID, addressee: str, ago: timedelta, why: str
) -> None:
    said = run("show", token(case, addressee, ago))
    assert (said.code, why in said.out) == (1, True)


def test_what_nobody_signed_is_told(run: Run, case: uuid.UUID) -> None:
    said = run("show", token(case, "contact 1")[:-3] + "xyz")
    assert (said.code, said.out) == (1, "It does not open: no secret of [links] signed it.\n")


def test_links_are_withdrawn_and_the_record_says_so(
    run: Run, case: uuid.UUID, database: Database
) -> None:
    mine, other = token(case, "contact 1"), token(case, "receiver log")
    said = run("revoke", case, "--addressee", "contact 1", "--by", "陈队")
    assert (said.code, said.out) == (0, f"Links of contact 1 to {case} open nothing any more.\n")
    assert [run("show", key).code for key in (mine, other)] == [1, 0]
    assert run("revoke", case, "--all", "--by", "陈队").code == 0
    assert "it was withdrawn" in run("show", other).out
    assert run("show", token(case, "contact 1", timedelta(hours=-1))).code == 0, "a later one"
    with database.transaction() as conn:
        done = actions.of(conn, case)
    assert [(one.kind, one.actor, one.via, one.detail) for one in done] == [
        (ActionKind.LINK_REVOKED, "陈队", "command", {"addressee": "contact 1"}),
        (ActionKind.LINK_REVOKED, "陈队", "command", {"addressee": ""}),
    ]


@pytest.mark.parametrize(
    ("args", "code", "complaint"),
    [
        (("--by", "x"), 2, "--addressee WHOSE, or --all"),
        (("--by", "x", "--all", "--addressee", "contact 1"), 2, "--addressee WHOSE, or --all"),
        (("--by", " ", "--all"), 2, "say who withdraws them"),
        (("--by", "x", "--addressee", "duty"), 2, "neither 'contact N' nor 'receiver NAME'"),
    ],
)
def test_whose_and_by_whom_must_be_said(
    run: Run, case: uuid.UUID, args: tuple[str, ...], code: int, complaint: str
) -> None:
    said = run("revoke", case, *args)
    assert said.code == code
    assert complaint in said.err


def test_an_alert_that_is_not_there(run: Run, case: uuid.UUID) -> None:
    said = run("revoke", uuid.UUID(int=7), "--all", "--by", "x")
    assert (said.code, "no alert 00000000-" in said.err) == (2, True)


def test_the_beginning_of_an_id_is_enough(run: Run, case: uuid.UUID) -> None:
    said = run("revoke", str(case)[:8], "--all", "--by", "x")
    assert said.out == f"Links of everybody to {case} open nothing any more.\n"
