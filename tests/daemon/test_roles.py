"""The daemon as a role that may change no table; what it says to a schema that is not its own."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fumewatch import jobs
from fumewatch.cli.options import opened
from fumewatch.config.tree import RetentionSettings
from fumewatch.core.integrity import Integrity
from fumewatch.store import DatabaseSettings, roles
from fumewatch.store.roles import Kind
from tests.daemon.conftest import World, exceeding, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def writer(world: World) -> Iterator[str]:
    """The database's URL for a role that has a writer's rights and no others."""
    name = f"writer_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(world.database_url) as conn:
        roles.apply(conn, {name: Kind.WRITER})
    yield make_conninfo(world.database_url, user=name)
    with psycopg.connect(world.database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        conn.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.mark.parametrize(
    "engine", ["plain", pytest.param("timescaledb", marks=pytest.mark.soak)], indirect=True
)
def test_a_daemon_without_the_owners_rights_does_all_its_work(world: World, writer: str):
    world.assign("M1")
    daemon = world.daemon(database=writer).start()
    world.publish("M1", *exceeding())
    until(lambda: world.sink.bodies, daemon.log)
    world.publish_raw("fume/xuhui/M1/up", b"no json")
    until(lambda: world.rows("select state from outbox") == [("sent",)], daemon.log)
    until(lambda: world.count("dead_letter") == 1, daemon.log)
    assert daemon.ask("status").returncode == 0
    assert daemon.get("/")[0] == 200
    assert daemon.stop() == 0
    assert world.count("monitor_latest") == 1
    said = [line for line in daemon.log().splitlines() if "permission denied" in line]
    assert said == []


def test_the_jobs_need_no_rights_of_the_owner(world: World, writer: str):
    world.assign("M1")
    now = datetime.now(UTC)
    with opened(DatabaseSettings(url=writer)) as database:
        for job in jobs.jobs(ZoneInfo("Asia/Shanghai"), RetentionSettings, Integrity):
            job.run(database, now)
    made = world.rows(
        "select relname from pg_class where relname like 'reading_2%' and relkind='r'"
    )
    assert len(made) == jobs.PARTITIONS_AHEAD + 1


def test_a_daemon_that_may_not_migrate_says_who_must(world: World, writer: str):
    with psycopg.connect(world.database_url) as conn:
        conn.execute("update alembic_version set version_num = '0004'")
    daemon = world.daemon(database=writer).start(ready=False)
    assert daemon.process.wait(60) == 1
    assert "run `fumewatch migrate` as the database's owner" in daemon.log()


def test_a_daemon_refuses_a_schema_that_is_newer(world: World):
    with psycopg.connect(world.database_url) as conn:
        conn.execute("update alembic_version set version_num = '9999'")
    daemon = world.daemon().start(ready=False)
    assert daemon.process.wait(60) == 1
    assert "install the newer fumewatch that made it" in daemon.log()
