"""The pages as the server sends them."""

import re
import time
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.health import Health
from fumewatch.mqtt import Filling, Level, Pressure
from fumewatch.mqtt.queue import unknown
from fumewatch.store import Database, dead_letters
from fumewatch.store.dead_letters import CUT, DeadLetter, Which
from fumewatch.web import create_app
from fumewatch.web.language import LANGUAGES
from fumewatch.web.render import Show
from tests.web.conftest import NOW, now
from tests.web.seed import Seeded

PAGES = ("/", "/fleet", "/status", "/dead-letters", "/delivery")


@pytest.fixture
def empty(database: Database, config: Config, health: Health) -> TestClient:
    return TestClient(create_app(database, config, health, now))


def paths(seeded: Seeded) -> list[str]:
    return [
        *PAGES,
        "/?state=pending",
        "/?state=resolved&street=华泾镇",
        "/fleet?street=华泾镇&state=normal&q=面",
        *(f"/alerts/{alert.id}" for alert in seeded.alerts.values()),
        *(f"/sites/{site}" for site in seeded.sites[:12]),
        f"/monitors/{seeded.monitors[-1]}",
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_there_in_both_languages(
    client: TestClient, seeded: Seeded, language: str
) -> None:
    for path in paths(seeded):
        answer = client.get(path, headers={"accept-language": language})
        assert answer.status_code == 200, path
        assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text


def test_a_language_asked_for_is_remembered(client: TestClient) -> None:
    assert "Alerts" in client.get("/?lang=en", headers={"accept-language": "zh"}).text
    assert "Alerts" in client.get("/", headers={"accept-language": "zh"}).text


def test_an_alert_tells_an_inspector_what_to_do(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/alerts/{seeded.alerts['linkage'].id}", headers=ZH).text
    for said in (
        *("风机运行时净化器未开启", "老弄堂川菜馆", "田林街道", "18", "10", "分钟"),
        *("净化器电源与联动开关", "410 Gone: bot was removed from the group", "不作为执法依据"),
    ):
        assert said in text


def test_no_page_speaks_of_violations(client: TestClient, seeded: Seeded) -> None:
    for language in ("zh", "en"):
        for path in paths(seeded):
            text = client.get(path, headers={"accept-language": language}).text.lower()
            assert "违法" not in text
            assert "violation" not in text


def test_a_site_shows_what_its_device_tells(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/sites/{seeded.sites[3]}", headers=ZH).text
    for said in (
        *("数据完整性", "最近 30 天比对 40 个均值", "4 个不一致", "不一致只表示需要核实"),
        *("监测仪最近心跳", "SB1-RS=0; SB2-RS=1", "重启", "采样泵压力低"),
    ):
        assert said in text
    assert "篡改" not in text, "a finding is a question to ask"


def test_what_a_device_writes_is_inert(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/sites/{seeded.sites[3]}", headers=EN).text
    assert "&lt;b&gt;bold&lt;/b&gt; right to left second line" in text
    assert "\u202e" not in text
    assert "x" * 90 in text
    assert "i11008-Info" not in text, "a long detail is cut"


def test_nothing_is_shown_of_a_device_that_tells_nothing(
    client: TestClient, seeded: Seeded
) -> None:
    for site, heard in ((4, True), (7, False)):
        text = client.get(f"/sites/{seeded.sites[site]}", headers=EN).text
        assert "What the device told" not in text
        assert "Data integrity" not in text
        assert ("Last heartbeat" in text) is heard


def test_the_fleet_says_who_beats_and_measures_nothing(client: TestClient) -> None:
    text = client.get("/fleet?state=stale", headers=EN).text
    assert 'title="It is alive, but measures nothing"' in text


def test_an_assigned_monitor_is_shown_with_its_site(client: TestClient, seeded: Seeded) -> None:
    answer = client.get(f"/monitors/{seeded.monitors[3]}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sites/{seeded.sites[3]}#monitor-{seeded.monitors[3]}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/alerts/not-an-id", 404),
        ("/alerts/00000000-0000-0000-0000-000000000000", 404),
        ("/sites/2000000000", 404),
        ("/sites/99999999999999999999", 404),
        ("/monitors/x", 404),
        ("/?severity=terrible", 404),
        ("/?after=x", 400),
        ("/static/../../config.toml", 404),
        ("/static/nothing.js", 404),
    ],
)
def test_what_is_not_there_is_said_kindly(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_an_empty_district_says_what_to_do(empty: TestClient) -> None:
    said = {path: empty.get(path, headers=EN).text for path in PAGES}
    assert "New ones appear here by themselves" in said["/"]
    assert "fumewatch sites import sites.csv" in said["/fleet"]
    assert "every message was understood" in said["/fleet"]
    assert "every message was understood" in said["/dead-letters"]
    assert "Start one with: fumewatch run" in said["/status"]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10,000+"), ([9_000, 9_000], "18,000"), ([], "0"),
     ([1, 10_000], "10,001+")],
)  # fmt: skip
def test_a_count_that_was_not_finished_says_so(numbers: int | list[int], said: str) -> None:
    assert Show(LANGUAGES["en"], ZoneInfo("Asia/Shanghai"), now).counted(numbers) == said


def test_dead_letters_are_shown_by_profile_and_reason(client: TestClient) -> None:
    text = client.get("/dead-letters", headers=ZH).text
    for said in ("无配置 · 时间无法识别", "无配置 · 不是 JSON", "fume/xuhui/XH0001/up", "24:61"):
        assert said in text
    assert "&lt;html&gt;504 Gateway Time-out&lt;/html&gt;" in text
    assert text.count("<pre tabindex") == 9, "three samples each"
    assert "fumewatch deadletters replay --profile &#39;&#39; --kind bad_time" in text


def test_dead_letters_know_their_replays(database: Database, empty: TestClient) -> None:
    usual = (NOW, "t/1", b"{", "no_time", "no time")
    with database.transaction() as conn:
        dead_letters.add(conn, [DeadLetter(*usual, f"it's {n}") for n in (1, 1, 1, 2)])
        dead_letters.add(conn, [DeadLetter(NOW, "t/1", b"[", "too_large", CUT)])
        dead_letters.request(conn, Which(ids=(2, 4)), 0, 9, NOW)
        conn.execute("update dead_letter set replayed_at = now() where id = 1")
    text = empty.get("/dead-letters", headers=EN).text
    counts = re.findall(r"<dt>([^<]*)</dt><dd><b>(\d+)</b>", text)
    assert counts == [
        ("Unread", "4"),
        ("Of these in the last 24 hours", "4"),
        ("Waiting for a replay", "2"),
        ("Replayed", "1"),
    ]
    assert "--profile &#39;it&#39;&#34;&#39;&#34;&#39;s 1&#39; --kind no_time" in text
    assert text.count("replay asked for") == 2
    assert text.count("cut, cannot be replayed") == 1
    assert 'href="/dead-letters"' in empty.get("/fleet").text
    assert 'href="/dead-letters"' in empty.get("/status").text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_page_replays_nothing(client: TestClient, method: str) -> None:
    """Nor does it to who logs in: tests/web/test_login.py."""
    own = {"origin": "http://testserver"}
    for path, status in (("/dead-letters", 303), ("/api/v1/dead-letters", 401)):
        answer = getattr(client, method)(path, headers=own, follow_redirects=False)
        assert answer.status_code == status


def test_a_flood_of_reasons_makes_no_endless_page(database: Database, empty: TestClient) -> None:
    with database.transaction() as conn:
        dead_letters.add(
            conn, [DeadLetter(NOW, "t", b"{", f"kind_{n}", "", str(n % 7)) for n in range(60)]
        )
    text = empty.get("/dead-letters", headers=EN).text
    assert text.count("fumewatch deadletters replay") == 40
    assert "And more kinds" in text


def test_without_the_database_pages_say_so_and_the_process_lives(away: TestClient) -> None:
    for path in (*PAGES, "/sites/1", "/alerts/00000000-0000-0000-0000-000000000000"):
        page = away.get(path, headers=ZH)
        assert (page.status_code, page.headers["retry-after"]) == (503, "10")
        assert "数据库不可用" in page.text
        assert "127.0.0.1" not in page.text
    api = away.get("/api/v1/alerts")
    assert (api.status_code, api.json()["detail"]) == (503, "the database is away; try again")
    assert away.get("/livez").json() == {"status": "alive"}
    assert away.get("/metrics").status_code == 200


def test_readiness_follows_the_parts(client: TestClient, health: Health) -> None:
    assert client.get("/readyz").status_code == 200
    health.down("broker", "connection refused")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    down = [name for name, part in answer.json()["parts"].items() if not part["is_up"]]
    assert down == ["broker"]


def test_metrics_are_prometheus_text(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE fumewatch_readings_total counter" in answer.text
    assert 'fumewatch_part_up{part="broker"} 1.0' in answer.text


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        (
            Pressure(Level.WARNING, "", 600_000, messages=480_000, seconds_left=5400.0, dropped=3),
            ["480,000", "600,000", "Nearly full", "Full at this pace in", "Dropped by the broker"],
        ),
        (unknown("nobody tells", 600_000), ["Not known", ">nobody tells</span>"]),
    ],
)
def test_the_page_of_operation_tells_who_holds_what(
    client: TestClient, health: Health, queue: Pressure, said: list[str]
) -> None:
    health.look_at_queue(lambda: queue)
    text = client.get("/status", headers={"accept-language": "en"}).text
    for words in (*said, "This daemon takes nothing in now"):
        assert words in text
    health.look_at_inbox(lambda: Filling(1234, 5_000_000, 1200, 50_000, 64 << 20), 10_000)
    text = client.get("/status", headers={"accept-language": "en"}).text
    for words in ("1,234 / 50,000", "1,200 / 10,000", "Not yet acknowledged to the broker"):
        assert words in text


def test_every_answer_carries_the_shield(client: TestClient) -> None:
    for path in ("/", "/nothing", "/api/v1/counts", "/static/base.css", "/livez"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_nothing_inline_and_nothing_from_elsewhere(client: TestClient, seeded: Seeded) -> None:
    for path in paths(seeded):
        text = client.get(path).text
        assert "<script>" not in text
        assert "style=" not in text
        assert " onclick=" not in text
        assert 'src="http' not in text
        assert 'href="http' not in text


def test_static_files_are_kept_for_good_and_answered_with_304(client: TestClient) -> None:
    page = client.get("/status").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = client.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/base.css").headers["cache-control"] == "no-cache"
    again = client.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_plotlys_own_script_comes_compressed(client: TestClient) -> None:
    zipped = client.get("/static/plotly.min.js", headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < 2_000_000
    plain = client.get("/static/plotly.min.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == zipped.text
    assert "plotly.js" in plain.text[:200]


@pytest.mark.parametrize(
    "path",
    ["/", "/fleet", "/dead-letters", "/sites/{site}", "/api/v1/monitors/{monitor}/readings"],
)
def test_a_page_takes_less_than_300_ms(client: TestClient, seeded: Seeded, path: str) -> None:
    address = path.format(site=seeded.sites[0], monitor=seeded.monitors[0])
    assert min(_seconds(client, address) for _ in range(5)) < 0.3


def _seconds(client: TestClient, address: str) -> float:
    start = time.perf_counter()
    assert client.get(address).status_code == 200
    return time.perf_counter() - start


ZH = {"accept-language": "zh"}
EN = {"accept-language": "en"}
