"""`fumewatch audit`."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from fumewatch.store import Database, actions
from tests.cli.conftest import Fumewatch
from tests.store.test_actions import done, ids

__all__ = ["ids"]


@pytest.fixture
def acted(database: Database, ids: list[UUID]) -> None:
    with database.transaction() as conn:
        actions.record(conn, done(ids[0], "acknowledged"))


def test_an_untouched_record_is_verified_and_so_is_its_head(
    fumewatch: Fumewatch, config: Path, acted: None
) -> None:
    head = fumewatch("audit", "head", "-c", config).out.strip()
    assert head.startswith("3:")
    said = fumewatch("audit", "verify", "--head", head, "-c", config)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"3 entries verified, nothing was changed. Head: {head}\n"
    seq, hash = head.split(":")
    assert fumewatch("audit", "head", "--json", "-c", config).json == {"seq": 3, "hash": hash}
    assert fumewatch("audit", "verify", "--json", "-c", config).json == {
        "entries": int(seq), "head": head, "findings": [],
    }  # fmt: skip


def test_a_changed_row_is_named(
    fumewatch: Fumewatch, config: Path, acted: None, database_url: str
) -> None:
    head = fumewatch("audit", "head", "-c", config).out.strip()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute("update action set actor = 'somebody else'")
        action = conn.execute("select id from action").fetchone()[0]
    said = fumewatch("audit", "verify", "-c", config)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [
        f"entry 3, action {action}: changed since it was recorded, or put in the place of another",
        "1 finding in 3 entries.",
    ]
    found = fumewatch("audit", "verify", "--head", head, "--json", "-c", config)
    assert found.code == 1
    assert [(f["seq"], f["of"], f["trouble"]) for f in found.json["findings"]] == [
        (3, f"action {action}", "changed")
    ]


def test_a_head_that_is_none_is_refused(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("audit", "verify", "--head", "12:abc", "-c", config)
    assert said.code == 2
    assert "'12:abc' is no head of the record" in said.err
