"""A login in a real Chromium, with our own argon2 and on the real clock."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from fumewatch.config import Config
from fumewatch.core.access import FREE_TRIES
from fumewatch.store import Database, accounts, actions, sessions
from fumewatch.web import Server, create_app
from tests.web.accounts import PASSWORD, add_users, with_login
from tests.web.conftest import all_up
from tests.web.phones import Scene, open_case, photo, place
from tests.web.test_browser import Tab

PAGES = ("/", "/fleet", "/status", "/silences", "/delivery", "/dead-letters", "/sites/1")
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def case(database: Database) -> Scene:
    now = clock().replace(second=0, microsecond=0)
    place(database, now)
    add_users(database, now - timedelta(days=2))
    return open_case(database, now - timedelta(minutes=41))


@pytest.fixture
def site(database: Database, config: Config, case: Scene) -> Iterator[str]:
    app = create_app(database, with_login(config), all_up(), clock)
    with Server(app, "127.0.0.1", 0) as server:
        yield server.url


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.locator("form.form button").click()


def test_an_inspector_logs_in_answers_and_leaves_nothing_behind(
    site: str, case: Scene, database: Database, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "shot.jpg").write_bytes(photo(1200, 900))
    tab = Tab(browser, **PHONE)
    page = tab.open(f"{site}/alerts/{case.alert}")
    expect(page).to_have_url(re.compile("/login"))
    for name in ("zhangsan", "nobody"):
        log_in(page, name, "wrong horse battery")
        expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")
    log_in(page, "zhangsan")
    expect(page).to_have_url(f"{site}/alerts/{case.alert}")
    page.wait_for_selector(".plot[data-drawn]")
    page.get_by_role("button", name="签收").tap()
    expect(page.locator(".is-done")).to_contain_text("张三 (zhangsan)")
    page.locator("#visited summary").tap()
    page.get_by_label("现场情况").fill("净化器停用")
    page.locator("#visited input[type=file]").set_input_files(tmp_path / "shot.jpg")
    page.locator("#visited button").tap()
    expect(page.locator(".timeline")).to_contain_text("净化器停用")
    page.locator(".photos img").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.photos img').naturalWidth === 1200")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    with database.transaction() as conn:
        done = actions.of(conn, case.alert)
    assert [(a.kind, a.actor, a.via, a.addressee) for a in done] == [
        (kind, "张三 (zhangsan)", "page", "") for kind in ("acknowledged", "visited")
    ]

    page.goto(f"{site}/")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.locator("a.own").tap()
    (cookie,) = tab.context.cookies()
    page.get_by_role("button", name="退出登录").tap()
    expect(page).to_have_url(f"{site}/login")
    copied = httpx2.get(f"{site}/account", headers={"cookie": f"fumewatch={cookie['value']}"})
    assert copied.headers["location"] == "/login?next=%2Faccount", "not only in this browser"
    for _ in range(3):
        page.go_back()
        expect(page).to_have_url(re.compile("/login"))
        assert "老弄堂" not in page.content()
    assert tab.context.cookies() == []
    assert [text for text in tab.complaints if "401" not in text] == []
    tab.context.close()


def test_a_viewer_is_kept_waiting_then_looks_and_presses_nothing(
    site: str, case: Scene, database: Database, browser: Browser
) -> None:
    with database.transaction() as conn:
        for _ in range(FREE_TRIES):
            sessions.count_failure(conn, "kan", "127.0.0.1", clock())
    tab = Tab(browser)
    page = tab.open(f"{site}/silences")
    log_in(page, "kan")
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"，请在 ([1-9]|10) 秒后重试。$"))
    with database.transaction() as conn:
        conn.execute("delete from login_failure")
    log_in(page, "kan")
    forms: dict[str, list[str]] = {}
    for path in (*PAGES, "/account", f"/alerts/{case.alert}"):
        page.goto(site + path)
        forms[path] = page.eval_on_selector_all(
            "form[method=post]", "forms => forms.map((form) => form.getAttribute('action'))"
        )
    assert forms.pop("/account") == ["/logout", "/account/password#password"]
    assert set(map(tuple, forms.values())) == {()}
    for path in ("/silences", "/users", "/delivery/retry", f"/alerts/{case.alert}/acknowledge"):
        post = "path => fetch(path, {method: 'POST', body: new URLSearchParams({name: 'x'})})"
        assert page.evaluate(f"({post})('{path}').then((answer) => answer.status)") == 403, path
    assert page.goto(f"{site}/users").status == 403
    tab.context.close()


def test_what_was_typed_outlives_the_login(
    site: str, case: Scene, database: Database, browser: Browser
) -> None:
    tab = Tab(browser, **PHONE)
    page = tab.open(f"{site}/alerts/{case.alert}")
    log_in(page, "zhangsan")
    page.locator("#note summary").tap()
    page.get_by_label("备注").fill("屋顶风机在响")
    with database.transaction() as conn:
        conn.execute("update session set ended_at = now()")
    page.locator("#note button").tap()
    expect(page.get_by_role("alert")).to_contain_text("刚才提交的内容没有保存")
    log_in(page, "zhangsan", "wrong horse battery")
    log_in(page, "zhangsan")
    expect(page).to_have_url(f"{site}/alerts/{case.alert}")
    expect(page.get_by_role("alert")).to_contain_text("您填写的内容已恢复")
    expect(page.get_by_label("备注")).to_have_value("屋顶风机在响")
    page.locator("#note button").tap()
    expect(page.locator(".timeline")).to_contain_text("屋顶风机在响")
    page.reload()
    expect(page.locator(".notice.unsent")).to_have_count(0)
    tab.context.close()


def test_a_live_page_ends_with_its_login(
    site: str, database: Database, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fumewatch.web.live.STILL_SECONDS", 0.1)
    tab = Tab(browser)
    page = tab.open(f"{site}/login")
    log_in(page, "kan")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    with database.transaction() as conn:
        account = accounts.named(conn, "kan")
        assert account is not None
        accounts.disable(conn, account, "boss", clock())
    expect(page).to_have_url(re.compile("/login"), timeout=15_000)
    tab.context.close()


def test_an_administrator_looks_after_users_and_silences(
    site: str, database: Database, browser: Browser
) -> None:
    tab = Tab(browser, locale="en")
    page = tab.open(f"{site}/login?next=/users")
    log_in(page, "chen")
    page.locator("#add input[name=name]").fill("LiSi")
    page.locator("#add input[name=display_name]").fill("李四 <b>")
    page.locator("#add select").select_option("inspector")
    page.locator("#add button").click()
    link = page.locator(".secret code").inner_text()
    assert link.startswith("http://127.0.0.1:8080/i/"), "as [web] listen says"

    other = Tab(browser)
    phone = other.open(site + "/i/" + link.rpartition("/")[2])
    choose(phone, "lisilisi2026", "lisilisi2026")
    expect(phone.get_by_role("alert")).to_contain_text("密码不能是姓名或用户名")
    choose(phone, "changjiang huanghe", "something else")
    expect(phone.get_by_role("alert")).to_contain_text("两次输入的密码不一致")
    choose(phone, "changjiang huanghe", "changjiang huanghe")
    expect(phone.locator("a.own")).to_contain_text("李四 <b> (lisi)")
    assert phone.goto(site + "/i/" + link.rpartition("/")[2]).status == 404, "opens once"
    phone.goto(f"{site}/account")
    phone.get_by_role("button", name="退出登录").click()
    log_in(phone, "lisi", "changjiang huanghe")
    expect(phone.locator("a.own")).to_contain_text("李四 <b> (lisi)")

    page.goto(f"{site}/users")
    row = page.locator(".rows li", has_text="lisi").first
    row.locator("summary").click()
    row.get_by_role("button", name="Keep out").click()
    expect(page.locator(".rows li", has_text="lisi").first).to_contain_text("disabled")
    expect(phone.goto(f"{site}/account") and phone).to_have_url(re.compile("/login"))
    own = page.locator(".rows li", has_text="chen").first
    own.locator("summary").click()
    own.get_by_role("button", name="Keep out").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody would be left")

    page.goto(f"{site}/silences")
    page.get_by_label("Site").fill("老弄堂本帮菜馆")
    page.get_by_label("Why; everybody sees it").fill("roof is repaired")
    page.get_by_role("button", name="Add a silence").click()
    expect(page.locator(".letters li")).to_contain_text("chen")
    expect(page.locator(".letters li")).to_contain_text("1 fires now")
    page.get_by_role("button", name="End it now").click()
    expect(page.locator(".letters li")).to_contain_text("ended by chen")
    assert [text for text in (*tab.complaints,) if "422" not in text] == []
    with database.transaction() as conn:
        told = [(one.what, one.subject, one.actor) for one in accounts.changes(conn, 5)]
    assert told[:4] == [
        ("disabled", "lisi", "chen"),
        ("password changed", "lisi", "lisi"),
        ("invited", "lisi", "chen"),
        ("added", "lisi", "chen"),
    ]
    other.context.close()
    tab.context.close()


def choose(page: Page, password: str, again: str) -> None:
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=again]").fill(again)
    page.locator("form.form button").click()


def shots(site: str, case: Scene, browser: Browser, folder: Path) -> Iterator[Any]:
    """For people to look at; run by hand."""
    paths = {
        "login": "/login",
        "account": "/account",
        "users": "/users",
        "silences": "/silences",
        "alert": f"/alerts/{case.alert}",
        "delivery": "/delivery",
    }
    for width in (390, 1280):
        tab = Tab(browser, viewport={"width": width, "height": 844})
        page = tab.open(f"{site}/login")
        page.screenshot(path=folder / f"login-{width}.png", full_page=True)
        log_in(page, "chen")
        for name, path in paths.items():
            if name != "login":
                answer = page.goto(site + path)
                assert answer is not None
                assert answer.status == 200, path
                page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
                yield name, width, page.evaluate("document.documentElement.scrollWidth")
        tab.context.close()


@pytest.mark.soak
def test_pages_fit(site: str, case: Scene, browser: Browser, tmp_path: Path) -> None:
    for name, width, scroll in shots(site, case, browser, tmp_path):
        assert scroll == width, name
