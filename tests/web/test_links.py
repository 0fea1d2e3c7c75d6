"""Links of messages: what they open, for whom, and what can be said through them."""

import io
import itertools
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.health import Health
from fumewatch.store import Database, actions, links
from fumewatch.web import create_app
from tests.fixtures.database import Servers
from tests.web.conftest import NOW, all_up, migrated, now
from tests.web.phones import (
    OLD_SECRET,
    RECEIVER,
    Scene,
    open_case,
    photo,
    place,
    post,
    token,
    with_links,
)

ZH = {"accept-language": "zh"}
EN = {"accept-language": "en"}
WEEK = timedelta(days=7)


OPENED: Final = NOW - timedelta(minutes=41)


@pytest.fixture(scope="module")
def sites(servers: Servers) -> Iterator[Database]:
    for database in migrated(servers, "sites"):
        place(database)
        yield database


@pytest.fixture(scope="module")
def app(sites: Database, config: Config) -> FastAPI:
    return create_app(sites, with_links(config), all_up(), now)


@pytest.fixture
def case(sites: Database, turn: Iterator[int]) -> Scene:
    """Of this test alone, at sites that all share."""
    return open_case(sites, OPENED - next(turn) * timedelta(seconds=1))


@pytest.fixture(scope="module")
def turn() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def phone(app: FastAPI) -> TestClient:
    return TestClient(app, headers=ZH)


def done(sites: Database, case: Scene) -> list[Action]:
    with sites.transaction() as conn:
        return actions.of(conn, case.alert)


# ── What a link opens ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["owner", "vendor", "patrol", "receiver"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_link_shows_the_alert_and_its_plot(
    phone: TestClient, case: Scene, who: str, language: str
) -> None:
    addressee = RECEIVER if who == "receiver" else getattr(case, who)
    key = token(case.alert, addressee)
    page = phone.get(f"/l/{key}", headers={"accept-language": language})
    assert page.status_code == 200
    for said in ("老弄堂本帮菜馆", "漕河泾街道", "2.63", f'data-readings="/l/{key}/readings"'):
        assert said in page.text
    assert (">签收<" if language == "zh" else ">Acknowledge<") in page.text
    readings = phone.get(f"/l/{key}/readings?from=2020-01-01T00:00:00Z").json()
    assert len(readings["measured_at"]) == pytest.approx(86, abs=5), "its span, not another one"


def test_the_address_is_told_to_nobody(phone: TestClient, case: Scene) -> None:
    key = token(case.alert, case.owner)
    for path in (f"/l/{key}", "/l/x", f"/l/{key}/nothing", f"/l/{key}/photos/{uuid.uuid4()}"):
        headers = phone.get(path, follow_redirects=False).headers
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["cache-control"] == "no-store", path
        assert "noindex" in headers["x-robots-tag"], path
        assert "unsafe" not in headers["content-security-policy"], path
    text = phone.get(f"/l/{key}").text
    assert not re.findall(r'(?:src|href)="(?!/static/|/l/|\?lang=|#)', text), (
        "nothing from elsewhere"
    )
    assert "<script>" not in text
    assert "style=" not in text


@pytest.mark.parametrize(
    ("said", "status", "zh", "en"),
    [
        ("forged", 404, "链接无法打开", "This link opens nothing"),
        ("other secret", 404, "链接无法打开", "This link opens nothing"),
        ("of no alert", 404, "链接无法打开", "This link opens nothing"),
        ("expired", 410, "链接已过期", "This link has expired"),
        ("revoked", 403, "链接已失效", "This link is not valid any more"),
        ("all revoked", 403, "链接已失效", "This link is not valid any more"),
        ("contact gone", 403, "链接已失效", "This link is not valid any more"),
        ("receiver gone", 403, "链接已失效", "This link is not valid any more"),
    ],
)
def test_a_link_that_opens_nothing_says_what_to_do(
    phone: TestClient, case: Scene, sites: Database, said: str, status: int, zh: str, en: str
) -> None:
    key = {
        "forged": token(case.alert, case.owner)[:-2] + "xx",
        "other secret": token(case.alert, case.owner, secret="x" * 32),
        "of no alert": token(uuid.uuid4(), case.owner),
        "expired": token(case.alert, case.owner, signed_at=NOW - WEEK),
        "contact gone": token(case.alert, "contact 4711"),
        "receiver gone": token(case.alert, "receiver gone"),
    }.get(said, token(case.alert, case.owner))
    whose = {"revoked": case.owner, "all revoked": links.EVERYBODY}.get(said)
    if whose is not None:
        with sites.transaction() as conn:
            links.revoke(conn, case.alert, whose, "boss", NOW)
    for headers, text in ((ZH, zh), (EN, en)):
        answer = phone.get(f"/l/{key}", headers=headers)
        assert (answer.status_code, text in answer.text) == (status, True)
        assert str(case.alert) not in answer.text
        assert "老弄堂" not in answer.text
    assert post(phone, key, "acknowledge", name="x").status_code == status
    assert phone.get(f"/l/{key}/readings").status_code == status
    assert done(sites, case) == []


def test_a_link_signed_after_the_withdrawal_opens(
    phone: TestClient, case: Scene, sites: Database
) -> None:
    with sites.transaction() as conn:
        links.revoke(conn, case.alert, case.owner, "boss", NOW - timedelta(minutes=5))
    old, new = token(case.alert, case.owner), token(case.alert, case.owner, signed_at=NOW)
    assert [phone.get(f"/l/{key}").status_code for key in (old, new)] == [403, 200]
    assert phone.get(f"/l/{token(case.alert, case.vendor)}").status_code == 200, "another's"
    assert phone.get(f"/l/{token(case.other, case.owner)}").status_code == 200, "another alert"


def test_what_the_old_secret_signed_opens_while_it_is_named(
    phone: TestClient, case: Scene, sites: Database, config: Config, health: Health
) -> None:
    key = token(case.alert, case.owner, secret=OLD_SECRET)
    assert phone.get(f"/l/{key}").status_code == 200
    later = create_app(sites, with_links(config, old_secret=None), health, now)
    assert TestClient(later).get(f"/l/{key}").status_code == 404
    none = TestClient(create_app(sites, config, health, now))
    assert none.get(f"/l/{token(case.alert, case.owner)}").status_code == 404


def test_a_get_changes_nothing(phone: TestClient, case: Scene, sites: Database) -> None:
    key = token(case.alert, RECEIVER)
    answers = ("acknowledge", "correcting", "corrected", "visited", "outcome", "note", "x?done=y")
    for answer in answers:
        gone = phone.get(f"/l/{key}/{answer}", follow_redirects=False)
        assert gone.status_code in (200, 303), answer
        assert phone.head(f"/l/{key}/{answer}").status_code in (200, 303, 405)
    assert done(sites, case) == []


# ── What can be said ────────────────────────────────────────────────────────────────────────────


PARTY = {"acknowledge", "correcting", "corrected", "claim", "note"}
INSPECTOR = {"acknowledge", "correcting", "corrected", "visited", "outcome", "note"}


@pytest.mark.parametrize(
    ("who", "can"),
    [("owner", PARTY), ("vendor", PARTY), ("patrol", INSPECTOR), ("receiver", INSPECTOR)],
)
def test_who_can_say_what(
    phone: TestClient, case: Scene, sites: Database, who: str, can: set[str]
) -> None:
    key = token(case.alert, RECEIVER if who == "receiver" else getattr(case, who))
    text = phone.get(f"/l/{key}").text
    assert set(re.findall(rf'action="/l/{key}/(\w+)"', text)) == can
    for answer in (PARTY | INSPECTOR) - can:
        refused = post(phone, key, answer, text="x", outcome="resolved", name="x")
        assert refused.status_code == 403
        assert "此链接不能进行该操作" in refused.text
    assert done(sites, case) == []


UNTIL = "2026-11-24T18:00"


@pytest.mark.parametrize(
    ("who", "answer", "fields", "kind", "detail"),
    [
        ("owner", "acknowledge", {}, "acknowledged", {}),
        ("owner", "correcting", {"until": UNTIL}, "correcting", {"until": f"{UNTIL}:00+08:00"}),
        ("owner", "corrected", {"text": "换了滤网"}, "corrected", {}),
        ("vendor", "claim", {"text": "在校准"}, "note", {"claim": "false alarm"}),
        ("vendor", "note", {"text": "明天到"}, "note", {}),
        ("patrol", "visited", {"text": "净化器停用"}, "visited", {"findings": "净化器停用"}),
        ("patrol", "outcome", {"outcome": "confirmed"}, "outcome", {"outcome": "confirmed"}),
        ("receiver", "outcome", {"outcome": "false alarm"}, "outcome", {"outcome": "false alarm"}),
        ("receiver", "outcome", {"outcome": "resolved"}, "outcome", {"outcome": "resolved"}),
    ],
)
def test_an_answer_is_an_action_of_who_gave_it(
    phone: TestClient,
    case: Scene,
    sites: Database,
    who: str,
    answer: str,
    fields: dict[str, str],
    kind: str,
    detail: dict[str, Any],
) -> None:
    addressee = RECEIVER if who == "receiver" else getattr(case, who)
    key = token(case.alert, addressee)
    sent = post(phone, key, answer, (photo(),), name="陈队", **fields)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/l/{key}?done={answer}")
    names = {"owner": "王经理", "vendor": "蓝盾 李工", "patrol": "漕河泾 张", "receiver": "陈队"}
    (one,) = done(sites, case)
    assert (one.kind, one.actor, one.via, one.addressee) == (kind, names[who], "link", addressee)
    assert {k: v for k, v in one.detail.items() if k != "form"} == detail
    assert one.note == ("" if answer == "visited" else fields.get("text", ""))
    assert (one.at, len(one.photos)) == (NOW, 1)
    shown = phone.get(sent.headers["location"]).text
    assert "已保存，谢谢" in shown
    assert names[who] in shown


@pytest.mark.parametrize(
    ("who", "answer", "fields", "said"),
    [
        ("receiver", "acknowledge", {}, "请填写您的姓名"),
        ("receiver", "acknowledge", {"name": " \u202e\t"}, "请填写您的姓名"),
        ("owner", "note", {"text": " \n "}, "请填写文字说明"),
        ("owner", "claim", {}, "请填写文字说明"),
        ("patrol", "visited", {}, "请填写文字说明"),
        ("owner", "note", {"text": "长" * 1001}, "文字过长"),
        ("owner", "corrected", {"text": "好了"}, "整改完成需附照片"),
        ("owner", "correcting", {}, "30 天内"),
        ("owner", "correcting", {"until": "tomorrow"}, "30 天内"),
        ("owner", "correcting", {"until": "2026-11-23T19:30"}, "30 天内"),
        ("owner", "correcting", {"until": "2027-01-01T00:00"}, "30 天内"),
        ("patrol", "outcome", {}, "请选择三项结果之一"),
        ("patrol", "outcome", {"outcome": "fined"}, "请选择三项结果之一"),
        ("owner", "acknowledge", {"form": "short"}, "请再提交一次"),
    ],
)
def test_what_is_lacking_is_said_and_the_rest_kept(
    phone: TestClient,
    case: Scene,
    sites: Database,
    who: str,
    answer: str,
    fields: dict[str, str],
    said: str,
) -> None:
    key = token(case.alert, RECEIVER if who == "receiver" else getattr(case, who))
    sent = post(phone, key, answer, **fields)
    assert sent.status_code == 422
    assert said in sent.text
    assert f">{fields['text']}</textarea>" in sent.text if fields.get("text") else True
    assert done(sites, case) == []


def test_a_form_sent_twice_counts_once(phone: TestClient, case: Scene, sites: Database) -> None:
    key = token(case.alert, case.owner)
    form = re.findall(r'name="form" value="([^"]+-acknowledge)"', phone.get(f"/l/{key}").text)[0]
    answers = [post(phone, key, "acknowledge", form=form) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {303}
    assert len(done(sites, case)) == 1
    assert form not in phone.get(f"/api/v1/alerts/{case.alert}").text


def test_a_name_is_remembered_on_the_phone(phone: TestClient, case: Scene) -> None:
    key = token(case.alert, RECEIVER)
    cookie = post(phone, key, "acknowledge", name='陈"队;').headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/l/" in cookie
    assert 'name="name" value="陈&#34;队;"' in phone.get(f"/l/{token(case.other, RECEIVER)}").text


def test_the_case_of_a_site_is_not_its_own_to_close(
    phone: TestClient, case: Scene, sites: Database
) -> None:
    owner, boss = token(case.alert, case.owner), token(case.alert, RECEIVER)
    assert post(phone, owner, "claim", text="风机没开").status_code == 303
    assert "认为是误报" in phone.get(f"/l/{boss}").text
    assert 'action="/l/' in phone.get(f"/l/{owner}").text, "still open"
    assert post(phone, boss, "outcome", outcome="false alarm", name="陈队").status_code == 303
    text = phone.get(f"/l/{owner}").text
    assert "该预警已办结" in text
    assert set(re.findall(rf'action="/l/{owner}/(\w+)"', text)) == {"note"}
    late = post(phone, owner, "correcting", until=UNTIL)
    assert (late.status_code, "已办结" in late.text) == (422, True)
    assert [one.kind for one in done(sites, case)] == ["note", "outcome"]


def test_a_site_sees_what_was_done_but_not_what_supervisors_note(
    phone: TestClient, case: Scene
) -> None:
    owner, boss = token(case.alert, case.owner), token(case.alert, RECEIVER)
    post(phone, boss, "note", (photo(),), text="怀疑堵了探头", name="陈队")
    post(phone, boss, "visited", (photo(),), text="净化器停用", name="陈队")
    post(phone, owner, "note", text="已通知蓝盾")
    for key, notes in ((owner, False), (boss, True)):
        text = phone.get(f"/l/{key}").text
        assert "净化器停用" in text
        assert "已通知蓝盾" in text
        assert ("怀疑堵了探头" in text) == notes
        shown = re.findall(rf'src="(/l/{key}/photos/[^"]+)"', text)
        assert len(shown) == 1 + notes
        assert all(phone.get(address).status_code == 200 for address in shown)
    hidden = re.findall(r"photos/([^\"]+)\"", phone.get(f"/l/{boss}").text)[0]
    assert phone.get(f"/l/{owner}/photos/{hidden}").status_code == 404
    assert phone.get(f"/l/{token(case.other, RECEIVER)}/photos/{hidden}").status_code == 404


def test_a_storm_of_answers_is_held_up(phone: TestClient, case: Scene, sites: Database) -> None:
    key = token(case.alert, case.owner)
    answers = [post(phone, key, "note", text=f"n{n}").status_code for n in range(22)]
    assert answers == [303] * 20 + [429] * 2
    assert post(phone, token(case.alert, case.vendor), "note", text="x").status_code == 303
    assert len(done(sites, case)) == 21


HOSTILE = "<script>hacked=1</script>'\"><img src=x onerror=hacked=1>{{7*7}}"


def test_hostile_words_stay_words(database: Database, config: Config, health: Health) -> None:
    place(database, name=HOSTILE, street=HOSTILE, address=HOSTILE)
    case = open_case(database, OPENED)
    phone = TestClient(create_app(database, with_links(config), health, now), headers=ZH)
    key = token(case.alert, RECEIVER)
    post(phone, key, "note", name=HOSTILE, text=f"{HOSTILE}\n\u202eevil\x00\x07")
    refused = post(phone, key, "correcting", name=HOSTILE, text=HOSTILE, until=HOSTILE)
    for text in (
        phone.get(f"/l/{key}").text,
        phone.get(f"/alerts/{case.alert}").text,
        refused.text,
    ):
        assert "<script>hacked" not in text
        assert "<img src=x" not in text
        assert "49" not in re.findall(r"onerror=hacked=1&gt;(.{5})", text)[0]
        assert "\u202e" not in text
    assert "evil" in done(database, case)[0].note


# ── Photos ──────────────────────────────────────────────────────────────────────────────────────


def stored(phone: TestClient, case: Scene) -> list[Image.Image]:
    record = phone.get(f"/api/v1/alerts/{case.alert}").json()
    addresses = [shown["url"] for one in record["actions"] for shown in one["photos"]]
    answers = [phone.get(address) for address in addresses]
    assert {answer.headers["content-type"] for answer in answers} <= {"image/jpeg"}
    return [Image.open(io.BytesIO(answer.content)) for answer in answers]


def exif(orientation: int = 6) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x010F] = "Huawei"
    found.get_ifd(0x8825)[1] = "N"
    return found


def test_a_photo_is_drawn_anew_upright_and_small(phone: TestClient, case: Scene) -> None:
    key = token(case.alert, case.owner)
    shot = photo(3200, 2400, exif=exif())
    assert post(phone, key, "corrected", (shot, photo(form="PNG"))).status_code == 303
    large, small = stored(phone, case)
    assert (large.size, small.size) == ((1200, 1600), (640, 480))
    assert not large.getexif()
    assert b"Huawei" not in shot[-1000:]
    pixel = large.convert("RGB").getpixel((1190, 10))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200 > 60 > pixel[1], "the red corner is upper right"


def test_what_lets_something_through_stands_on_white(phone: TestClient, case: Scene) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(out, "PNG")
    post(phone, token(case.alert, case.owner), "corrected", (out.getvalue(),))
    assert stored(phone, case)[0].getpixel((20, 20)) == (255, 255, 255)


def bomb() -> bytes:
    """A few kilobytes that would be 12,000 by 12,000 pixels."""
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG", optimize=False, compress_level=1)
    return out.getvalue()


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (20, 20)).save(out, "GIF")
    return out.getvalue()


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        ((b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"x" * 100,), "无法读取 HEIC 照片"),
        ((b"<svg onload=alert(1)>",), "文件不是照片或已损坏"),
        ((b"%PDF-1.7",), "文件不是照片或已损坏"),
        ((gif(),), "文件不是照片或已损坏"),
        ((photo()[:3000],), "文件不是照片或已损坏"),
        ((bomb(),), "照片过大"),
        ((photo() + b"\0" * 10_000_000,), "照片过大"),
        ((photo(80, 80),) * 4, "照片过多"),
    ],
    ids=["heic", "svg", "pdf", "gif", "cut", "bomb", "heavy", "four"],
)
def test_what_is_no_photo_is_refused(
    phone: TestClient, case: Scene, sites: Database, photos: tuple[bytes, ...], said: str
) -> None:
    sent = post(phone, token(case.alert, case.owner), "corrected", photos)
    assert (sent.status_code, said in sent.text) == (422, True)
    assert done(sites, case) == []


def test_a_flood_is_cut_off(phone: TestClient, case: Scene, sites: Database) -> None:
    key = token(case.alert, case.owner)
    sent = post(phone, key, "corrected", (b"\0" * 10_100_000,) * 3)
    assert sent.status_code == 413
    assert f'href="/l/{key}"' in sent.text
    assert done(sites, case) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"text=x&form=ffffffffffffffffff"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\nz"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\nz\r\n--x--",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
            + b"z" * 20_000
            + b"\r\n--x--",
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    phone: TestClient, case: Scene, kind: str, body: bytes
) -> None:
    key = token(case.alert, case.owner)
    answer = phone.post(f"/l/{key}/note", content=body, headers={"content-type": kind})
    assert (answer.status_code, "无法识别" in answer.text) == (400, True)


# ── The record ──────────────────────────────────────────────────────────────────────────────────


def test_the_alert_page_and_the_api_tell_all_that_was_done(
    phone: TestClient, case: Scene, sites: Database
) -> None:
    post(phone, token(case.alert, case.owner), "corrected", (photo(),), text="换了滤网")
    post(phone, token(case.alert, RECEIVER), "note", text="怀疑堵了探头", name="陈队")
    step = {"escalation": "ladder", "step": "street", "receivers": ["patrols", "duty-log"]}
    with sites.transaction() as conn:
        actions.append(
            conn, [Action(case.alert, NOW, ActionKind.ESCALATED, "", "fumewatch", detail=step)]
        )
    text = phone.get(f"/alerts/{case.alert}").text
    for said in ("已整改", "换了滤网", "怀疑堵了探头", "已升级", "street", "patrols, duty-log"):
        assert said in text
    (address,) = re.findall(r'src="(/photos/[^"]+)"', text)
    picture = phone.get(address)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert phone.get(f"/photos/{uuid.uuid4()}").status_code == 404
    found = phone.get(f"/api/v1/alerts/{case.alert}").json()["actions"]
    assert [one["kind"] for one in found] == ["corrected", "note", "escalated"]
    assert found[0]["photos"][0]["url"] == address
    assert found[2]["detail"] == step


def test_when_the_database_is_away_nothing_is_taken_for_saved(
    away: TestClient, config: Config
) -> None:
    away.app.state.context.use(with_links(config))  # type: ignore[attr-defined]
    key = token(uuid.uuid4(), RECEIVER)
    assert away.get(f"/l/{key}").status_code == 503
    assert post(away, key, "note", text="x", name="x").status_code == 503
