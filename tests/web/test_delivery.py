"""The page and the API of how delivery goes."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.health import Health
from fumewatch.store import Database, outbox, storm
from fumewatch.store.outbox import Notification, Outcome
from fumewatch.web import create_app
from tests.receivers.factories import a_body
from tests.store.test_storm import alert, of_alerts, row
from tests.web.conftest import NOW, now
from tests.web.seed import Seeded
from tests.web.test_pages import EN, ZH

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
def looking(database: Database, config: Config, health: Health) -> TestClient:
    """duty: one sent after 4 s, one failed, one due for an hour. bot: 30 merged, their one sent."""
    with database.transaction() as conn:
        for age, state in ((30, "sent"), (20, "failed")):
            write(conn, "duty", NOW - timedelta(minutes=age), state)
        write(conn, "duty", NOW - timedelta(hours=1))
        begun = NOW - timedelta(minutes=5)
        outbox.add(conn, [row(of_alerts(alert(n)), due_at=begun) for n in range(30)])
        (crowd,) = storm.crowds(conn, {"bot": 20}, NOW)
        storm.merge(conn, crowd, NOW - timedelta(minutes=4))
        claims = outbox.claim(conn, {"bot": 1}, NOW, timedelta(minutes=1))
        outbox.settle(conn, [Outcome(one, "sent", "ok") for one in claims], NOW)
    return TestClient(create_app(database, config, health, now))


def write(conn: Any, receiver: str, at: Any, state: Any = None) -> None:
    key = uuid.uuid4()
    body = a_body(text={"zh": f"【预警】{HOSTILE}\n次行", "en": "[Early warning] shop\nmore"})
    outbox.add(conn, [Notification(key, receiver, key, body, at)])
    if state:
        claims = outbox.claim(conn, {receiver: 1}, at, timedelta(minutes=1))
        done = [Outcome(one, state, f"answer {HOSTILE}") for one in claims]
        outbox.settle(conn, done, at + timedelta(seconds=4))


def test_each_receiver_is_told_of(looking: TestClient, config: Config) -> None:
    told = {each["name"]: each for each in looking.get("/api/v1/delivery").json()["receivers"]}

    assert set(told) == {each.name for each in config.receiver} | {"duty", "bot"}
    duty, bot = told["duty"], told["bot"]
    assert [duty[n] for n in ("due", "sent", "failed", "merged")] == [1, 1, 1, 0]
    assert (duty["p50_seconds"], duty["p95_seconds"]) == (4, 4)
    assert duty["due_since"] == "2026-11-23T18:30:00+08:00"
    assert duty["answer"].startswith("answer ")
    assert [bot[n] for n in ("due", "sent", "failed", "merged")] == [0, 1, 0, 30]
    assert bot["p50_seconds"] == 300  # from the writing of what was merged


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {("bot", "sent"): 1, ("bot", "merged"): 30, ("duty", "failed"): 1,
              ("duty", "sent"): 1, ("duty", "due"): 1}),
        ("receiver=duty", {("duty", "failed"): 1, ("duty", "sent"): 1, ("duty", "due"): 1}),
        ("receiver=duty&state=failed", {("duty", "failed"): 1}),
        ("state=merged&limit=7", {("bot", "merged"): 7}),
        ("receiver=nobody", {}),
    ],
)  # fmt: skip
def test_notifications_are_filtered(
    looking: TestClient, query: str, found: dict[tuple[str, str], int]
) -> None:
    rows = looking.get(f"/api/v1/delivery?{query}").json()["notifications"]
    pairs = [(row["receiver"], row["state"]) for row in rows]
    assert {pair: pairs.count(pair) for pair in pairs} == found


def test_a_storm_names_what_it_holds(looking: TestClient) -> None:
    answer = looking.get("/api/v1/delivery?receiver=bot").json()["notifications"]
    (whole,) = [row for row in answer if row["state"] == "sent"]
    assert (whole["reason"], whole["holds"]) == ("storm", 30)
    assert "30 条通知" in whole["title"]["zh"]
    assert {row["merged_into"] for row in answer} == {whole["id"], None}


def test_the_page_shows_it_in_both_languages(looking: TestClient) -> None:
    page = looking.get("/delivery?receiver=duty", headers=EN).text
    for said in ("Latest notifications", "[Early warning] shop", "4 s", "To be sent"):
        assert said in page
    assert re.search(r"<option selected>duty</option>", page)
    page = looking.get("/delivery", headers=ZH).text
    assert "含 30 条" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("query", ["state=gone", "receiver=" + "x" * 101])
def test_what_is_no_filter_is_refused(looking: TestClient, query: str) -> None:
    assert looking.get(f"/api/v1/delivery?{query}").status_code == 422


def test_a_seeded_district_has_it(client: TestClient, seeded: Seeded) -> None:
    page = client.get("/delivery?state=failed", headers=ZH).text
    assert "410 Gone: bot was removed from the group" in page
