"""The mail of a notice: whom it goes to, its parts, its plot, its thread."""

import io
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from PIL import Image

from fumewatch.core.errors import SendError, StoreUnavailable
from fumewatch.core.letter.curve import Curve
from fumewatch.core.letter.samples import CONTACT, sample, sample_curve
from fumewatch.core.notice import Body, Contact, Reason
from fumewatch.receivers.email import Email, EmailSettings, mailbox
from fumewatch.receivers.mail import SeriesOf, compose, thread_of
from tests.receivers.factories import KEY
from tests.receivers.smtp import Mails, smtp_server

CRITICAL = "c62828"


def settings(**overrides: Any) -> EmailSettings:
    usual = {
        "kind": "email",
        "name": "mail",
        "host": "127.0.0.1",
        "security": "none",
        "from": "fumewatch@example.org",
        "to": ["duty@example.org"],
        "timeout": "2s",
    }
    return EmailSettings.model_validate(usual | overrides)


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def port(mails: Mails) -> Iterator[int]:
    with smtp_server(mails) as port:
        yield port


def mail(notice: Body, series: SeriesOf | None = None, language: Any = "zh") -> EmailMessage:
    return compose(
        notice,
        sender=mailbox("fumewatch@example.org"),
        to=[mailbox("duty@example.org")],
        language=language,
        series=series,
    )


def plots(_alert: object) -> Curve:
    return sample_curve()


def fails(_alert: object) -> Curve:
    raise StoreUnavailable("the database is away")


def html(message: EmailMessage) -> str:
    found = message.get_body(("html",))
    assert found is not None
    return str(found.get_content())


def test_it_is_text_and_html_and_a_plot_inside_of_that(mails: Mails, port: int) -> None:
    Email(settings(port=port), plots).send(sample(Reason.GROUP), KEY)

    (message,) = mails.messages
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        *("multipart/alternative", "text/plain"),
        *("multipart/related", "text/html", "image/png"),
    ]
    png = list(message.walk())[-1]
    assert png["Content-ID"] == f"<plot.{KEY}@example.org>"
    assert png.get_content_disposition() == "inline"
    assert f'src="cid:plot.{KEY}@example.org"' in html(message)
    assert "老王面馆（天平路店） · 油烟浓度 (mg/m³)，11-23 09:15 至 12:15；" in html(message)
    image = Image.open(io.BytesIO(png.get_content()))
    assert (image.format, image.size) == ("PNG", (960, 440))
    assert len(image.convert("RGB").getcolors(100_000) or []) > 10


@pytest.mark.parametrize("series", [None, fails, lambda _: None], ids=["none", "fails", "empty"])
def test_without_a_plot_it_goes_out_all_the_same(series: SeriesOf | None) -> None:
    message = mail(sample(Reason.TRANSITION), series)

    assert message.get_content_type() == "multipart/alternative"
    assert "<img" not in html(message)
    assert "打开预警" in html(message)


@pytest.mark.parametrize("reason", [Reason.TEST, Reason.DEAD_MAN])
def test_what_is_about_no_alert_has_no_plot(reason: Reason) -> None:
    assert mail(sample(reason), fails).get_content_type() == "multipart/alternative"


def test_a_table_has_each_alert_with_the_colour_of_its_severity() -> None:
    text = html(mail(sample(Reason.GROUP), language="en"))

    assert text.count('<tr class="row">') == 3
    assert [text.count(f"border-left:5px solid #{c}") for c in (CRITICAL, "b45309", "2e7d32")] == [
        *(1, 1, 1)
    ]
    assert "&lt;酒吧&gt;" in text
    assert "<酒吧>" not in text
    assert "prefers-color-scheme: dark" in text


def test_nothing_in_it_is_loaded_from_anywhere() -> None:
    text = html(mail(sample(Reason.DIGEST), plots, "both"))

    assert "url(" not in text
    assert "<script" not in text
    assert [part for part in text.split("src=")[1:] if not part.startswith('"cid:')] == []


@pytest.mark.parametrize(
    ("to", "addressed", "subject"),
    [
        (None, "duty@example.org", "【严重预警】老王面馆"),
        (CONTACT, "li@example.org", "【严重预警】老王面馆"),
        (replace(CONTACT, language="en"), "li@example.org", "[Critical early warning] 老王面馆"),
    ],
)
def test_it_goes_to_whom_it_is_for_in_their_language(
    mails: Mails, port: int, to: Contact | None, addressed: str, subject: str
) -> None:
    receiver = Email(settings(port=port, language="zh", contact="site"))
    answer = receiver.send(sample(Reason.TRANSITION, to=to), KEY)

    assert answer == f"accepted for {addressed}"
    assert mails.recipients == [[addressed]]
    assert mails.messages[0]["To"] == addressed
    assert mails.messages[0]["Subject"].startswith(subject)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (
            replace(CONTACT, email=""),
            r"no e-mail address of 李四 \(contact 1\): has none; enter one",
        ),
        (replace(CONTACT, email="a@b@c"), r"of 李四 \(contact 1\): 'a@b@c' is no address"),
        (
            replace(CONTACT, email="a@b.cn\r\nBcc: all@b.cn"),
            r"of 李四 \(contact 1\): 'a@b.cn\\r\\nBcc: all@b.cn' is no address",
        ),
        (None, "for no contact, and this receiver has no `to`"),
    ],
)
def test_whom_nothing_can_be_sent_to_is_told_and_not_tried_again(
    to: Contact | None, words: str
) -> None:
    receiver = Email(settings(to=[], contact="site"))
    with pytest.raises(SendError, match=words) as caught:
        receiver.send(sample(Reason.TRANSITION, to=to), KEY)

    assert caught.value.permanent


def test_an_alerts_mails_are_one_thread_and_a_groups_are_one() -> None:
    one, again = sample(Reason.TRANSITION), sample(Reason.REPEAT)
    asked = sample(Reason.ESCALATION) | {"group": {"escalation": "street", "step": "visit"}}
    street, other = (
        sample(Reason.GROUP) | {"group": {"street": name}} for name in ("天平路街道", "湖南路街道")
    )
    fewer = street | {"alerts": street["alerts"][:1], "counts": {"firing": 1, "resolved": 0}}

    assert str(thread_of(one)) == one["alerts"][0]["id"]
    assert thread_of(one) == thread_of(again) == thread_of(asked)
    assert thread_of(street) == thread_of(fewer) != thread_of(other)
    assert thread_of(sample(Reason.DIGEST)) != thread_of(sample(Reason.STORM))
    assert mail(street)["References"] == f"<{thread_of(street)}@example.org>"


def test_a_layout_of_ones_own_is_in_both_parts(mails: Mails, port: int) -> None:
    layout = "预警 {{ alerts[0].site if alerts else title }}\n看 {{ counts.firing }} & <b>"
    receiver = Email(settings(port=port, language="zh", wording={"zh": layout}))
    receiver.send(sample(Reason.GROUP), KEY)

    (message,) = mails.messages
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == ["预警 老王面馆（天平路店）", "看 2 & <b>"]
    assert message["Subject"] == "预警 老王面馆（天平路店）"
    assert "看 2 &amp; &lt;b&gt;" in html(message)
