"""Backup while readings come in, and restore: on real servers, with PostgreSQL's own programs."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from fumewatch.demo.postgres import Postgres
from fumewatch.store import Database, DatabaseSettings, readings
from tests.cli.conftest import Fumewatch, Write
from tests.fixtures.reuse import create, drop, new_name
from tests.store.build import NOON, at, batch, reading

FACTS = """
    insert into site (code, name, district, street, contact)
    values ('S1', '老面馆', 'xuhui', '漕河泾街道', '13800000000');
    insert into outlet (code, responsible_site, limit_profile) values ('O1', 1, 'DB31/844-2014');
    insert into monitor (district, code, outlet_id) values ('xuhui', 'M1', 1), ('xuhui', 'M2', 1);
    insert into alert (id, rule, kind, severity, monitor_id, state, opened_at, breached_at, value,
        "limit")
    values ('00000000-0000-0000-0000-000000000001', 'exceedance', 'threshold', 'warning', 1,
        'firing', now(), now(), 1.5, 1.0);
    insert into transition (alert_id, before, after, at, reason, value)
    values ('00000000-0000-0000-0000-000000000001', null, 'firing', now(), 'breach', 1.5);
    insert into action (alert_id, at, kind, actor, via)
    values ('00000000-0000-0000-0000-000000000001', now(), 'acknowledged', 'Li', 'page');
    insert into photo (id, action_id, media_type, content, width, height)
    values ('00000000-0000-0000-0000-000000000002', 1, 'image/png', '\\x00ff', 1, 1);
"""
ALIKE = """
    select md5(string_agg(t::text, '|' order by t::text)) from {} t
"""
TABLES = ("site", "monitor", "alert", "transition", "action", "photo", "record", "reading")


class Ingest:
    """Batches of readings, one after the other, until it is told to stop."""

    def __init__(self, url: str) -> None:
        self._database = Database(DatabaseSettings(url=url))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.batches = 0

    def __enter__(self) -> "Ingest":
        self._database.open()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            minute = 10 + self.batches
            rows = batch(*[reading(m, minute, fume=minute) for m in (1, 2)])
            with self._database.transaction() as conn:
                readings.add(conn, rows, at(minute))
            self.batches += 1


@pytest.fixture
def filled(database_url: str) -> str:
    with psycopg.connect(database_url) as conn:
        conn.execute(FACTS)
        readings.add(conn, batch(*[reading(1, -1440 * d, fume=d + 1) for d in range(9)]), NOON)
    return database_url


@contextmanager
def another(server: Postgres) -> Iterator[str]:
    """An empty database's name."""
    name = new_name()
    with psycopg.connect(server.url(), autocommit=True) as conn:
        create(conn, name, "template1")
        yield name
        drop(conn, name)


def alike(one: str, two: str, tables: tuple[str, ...] = TABLES) -> bool:
    found = []
    for url in (one, two):
        with psycopg.connect(url) as conn:
            conn.execute("set timezone = 'UTC'")
            found.append([conn.execute(ALIKE.format(table)).fetchall() for table in tables])
    return found[0] == found[1]


@pytest.mark.parametrize(
    "engine",
    ["plain", *(pytest.param(f"timescaledb{e}", marks=pytest.mark.soak) for e in ("", "-apache"))],
    indirect=True,
)
def test_a_backup_taken_under_load_restores_whole(
    fumewatch: Fumewatch, config: Path, filled: str, postgres: Postgres, tmp_path: Path, engine: str
) -> None:
    if engine == "timescaledb":
        with psycopg.connect(filled) as conn:
            conn.execute("select set_columnstore(interval '7 days')")
            conn.execute("select compress_chunk(c) from show_chunks('reading') c limit 3")
    with Ingest(filled) as ingest:
        while ingest.batches < 3:
            time.sleep(0.01)
        said = fumewatch("backup", tmp_path, "--json", "-c", config)
        went_on = ingest.batches
    assert said.code == 0, said.err
    with psycopg.connect(filled) as conn:
        (made_at,) = conn.execute("select made_at from backup_mark").fetchall()[0]
    assert re.search(r"last backup +\S+ ago", fumewatch("status", "-c", config).out)
    assert abs(made_at.timestamp() - datetime.fromisoformat(said.json["made_at"]).timestamp()) < 1
    file, rows = Path(said.json["file"]), said.json["rows"]
    assert rows["reading"] % 2 == 1  # nine, and batches of two: none is half in it
    assert rows["reading"] < 9 + 2 * went_on
    assert file.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []
    with another(postgres) as name:
        said = fumewatch("restore", file, "--into", name, "-c", config)
        assert said.code == 0, said.err
        assert alike(filled, postgres.url(name), TABLES[:-1])
        with psycopg.connect(filled) as old, psycopg.connect(postgres.url(name)) as new:
            query = "select * from reading order by measured_at, monitor_id limit %s"
            got = new.execute(query, [999_999]).fetchall()
            assert got == old.execute(query, [rows["reading"]]).fetchall()
            new.execute(
                "insert into reading (monitor_id, measured_at, received_at)"
                " select 1, max(measured_at) + interval '1 s', now() from reading"
            )
        text = config.read_text().replace(filled, postgres.url(name))
        config.write_text(text)
        assert "not running" in fumewatch("status", "-c", config).out
        assert fumewatch("audit", "verify", "-c", config).code == 0
        assert fumewatch("restore", file, "-c", config).err.startswith(
            f"fumewatch: {name} is not empty"
        )
        assert fumewatch("restore", file, "--replace", name, "-c", config).code == 0
        assert alike(filled, postgres.url(name), TABLES[:-1])


@pytest.fixture
def backed_up(fumewatch: Fumewatch, config: Path, tmp_path: Path) -> Path:
    file = tmp_path / "it.dump"
    assert fumewatch("backup", file, "-c", config).code == 0
    return file


def test_what_is_wrong_with_a_file_is_told(
    fumewatch: Fumewatch, config: Path, backed_up: Path
) -> None:
    manifest = Path(f"{backed_up}.json")
    whole, told = backed_up.read_bytes(), manifest.read_text()
    assert fumewatch("restore", "--verify-only", backed_up, "-c", config).code == 0
    assert "exists; a backup never overwrites" in fumewatch("backup", backed_up, "-c", config).err
    for damaged in (whole[:-1], whole[:500] + b"x" + whole[501:]):
        backed_up.write_bytes(damaged)
        said = fumewatch("restore", "--verify-only", backed_up, "-c", config)
        assert "is not what was written" in said.err
    backed_up.write_bytes(whole)
    for was, now, message in (
        ('"schema": "0007"', '"schema": "9999"', "the backup has schema 9999"),
        ('"timescaledb": null', '"timescaledb": "1.0"', "the backup is of TimescaleDB 1.0"),
        ('"postgresql": ', '"postgresql": 9', "whose pg_dump and pg_restore are needed"),
        ('"format": 1', '"format": 2', "written by a newer fumewatch"),
        ("{", "", "is no manifest"),
    ):
        manifest.write_text(told.replace(was, now, 1))
        said = fumewatch("restore", backed_up, "-c", config)
        assert (said.code, said.out) == (1, "")
        assert message in said.err
    manifest.unlink()
    assert "the backup is not whole" in fumewatch("restore", backed_up, "-c", config).err


def test_a_backup_that_cannot_be_written_leaves_nothing(
    fumewatch: Fumewatch, config: Path, tmp_path: Path
) -> None:
    said = fumewatch("backup", tmp_path / "nowhere" / "it.dump", "-c", config)
    assert "it.dump.part cannot be written: No such file" in said.err
    with psycopg.connect(config.read_text().split('url = "')[1].split('"')[0]) as conn:
        conn.execute("update alembic_version set version_num = '0004'")
    said = fumewatch("backup", tmp_path / "it.dump", "-c", config)
    assert "run fumewatch migrate" in said.err
    assert list(tmp_path.glob("it.dump*")) == []


def test_a_password_is_on_no_command_line(
    fumewatch: Fumewatch, write: Write, database_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A pg_dump that tells how it was called."""
    spy = tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exec echo "pg_dump (PostgreSQL) 99.1"\n'
        f'{{ echo "$@"; env; }} > {tmp_path}/told\nexit 1\n'
    )
    (spy.parent / "pg_restore").touch()
    spy.chmod(0o755)
    monkeypatch.setattr("fumewatch.store.clients._DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", f"{spy.parent}:/usr/bin:/bin")
    monkeypatch.setattr("fumewatch.cli.backup._folders", list)
    config = write(f'[database]\nurl = "{database_url}&password=hidden%20pass"\n')
    said = fumewatch("backup", tmp_path / "it.dump", "-c", config)
    assert said.code == 1
    arguments, _, environment = (tmp_path / "told").read_text().partition("\n")
    assert "--snapshot=" in arguments
    assert "hidden" not in arguments + said.err
    assert "PGPASSWORD=hidden pass" in environment
