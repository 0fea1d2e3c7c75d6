"""How a page says what a setting, and what a browser, is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fumewatch.web.agents import device_of
from fumewatch.web.language import LANGUAGES
from fumewatch.web.render import Show

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) {WEBKIT}"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; V2309A) {WEBKIT} Chrome/120.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (f"{IPHONE} Version/17.0 Mobile/15E148 Safari/604.1", "Safari · iPhone"),
        (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0", "WeChat · iPhone"),
        (f"{IPHONE} wxwork/4.1 MicroMessenger/7.0", "WeCom · iPhone"),
        (ANDROID, "Chrome · Android"),
        (f"{ANDROID} Edg/120.0", "Edge · Android"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "Firefox · Linux",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome · Windows"),
        ("curl/8.5", "curl/8.5"),
        ("<script>", "<script>"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent: str, device: str) -> None:
    assert device_of(agent) == device


@pytest.mark.parametrize(
    ("duration", "en", "zh"),
    [
        (timedelta(days=7), "7 days", "7 天"),
        (timedelta(hours=24), "1 day", "1 天"),
        (timedelta(hours=12), "12 hours", "12 小时"),
        (timedelta(minutes=90), "1 h 30 min", "1 小时 30 分"),
        (timedelta(minutes=15), "15 min", "15 分钟"),
    ],
)
def test_a_round_setting_is_said_roundly(duration: timedelta, en: str, zh: str) -> None:
    for code, said in (("en", en), ("zh", zh)):
        show = Show(LANGUAGES[code], ZoneInfo("Asia/Shanghai"), lambda: datetime.now(UTC))
        assert show.term(duration) == said
