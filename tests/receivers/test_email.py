import shutil
import socket
import threading
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.core.notice import as_notice
from fumewatch.receivers.email import Email, EmailSettings, mailbox
from fumewatch.receivers.mail import compose
from tests.receivers.factories import KEY, a_body
from tests.receivers.smtp import PASSWORD, Mails, certificate, smtp_server

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def settings(**overrides: Any) -> EmailSettings:
    return EmailSettings.model_validate(
        {
            "kind": "email",
            "name": "mail",
            "host": "127.0.0.1",
            "security": "none",
            "from": "油烟预警 <fumewatch@example.org>",
            "to": ["li@example.org", "王 <wang@example.org>"],
            "timeout": "2s",
            **overrides,
        }
    )


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def port(mails: Mails) -> Iterator[int]:
    with smtp_server(mails) as port:
        yield port


def refusal(receiver: Email) -> SendError:
    with pytest.raises(SendError) as caught:
        receiver.send(a_body(), KEY)
    return caught.value


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    text: str = found.get_content()
    return text


def test_a_mail_in_both_languages_reaches_everybody(mails: Mails, port: int) -> None:
    answer = Email(settings(port=port)).send(a_body(), KEY)

    assert answer == "accepted for li@example.org, wang@example.org"
    assert mails.recipients == [["li@example.org", "wang@example.org"]]
    (message,) = mails.messages
    assert message["Subject"] == "【预警】老王面馆：油烟浓度 1.23 mg/m³"
    assert message["From"] == "油烟预警 <fumewatch@example.org>"
    assert message["To"] == "li@example.org, 王 <wang@example.org>"
    assert message["Message-ID"] == f"<{KEY}@example.org>"
    assert message["References"] == f"<{a_body()['id']}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    text = part(message, "plain").replace("\r\n", "\n")
    assert text == f"{a_body()['text']['zh']}\n\n{a_body()['text']['en']}\n"
    assert f'href="{a_body()["link"]}"' in part(message, "html")


def test_the_same_notification_is_the_same_mail(mails: Mails, port: int) -> None:
    """A mailbox that drops repeated Message-IDs shows what was sent twice once."""
    receiver = Email(settings(port=port))
    receiver.send(a_body(), KEY)
    receiver.send(a_body(), KEY)

    first, second = mails.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"] == "Mon, 23 Nov 2026 04:15:00 +0000"


def composed(body: dict[str, Any], language: Any = "both") -> EmailMessage:
    return compose(
        as_notice({**body, "key": str(KEY)}, "mail"),
        sender=mailbox("a@b.cn"),
        to=[mailbox("王 <c@d.cn>")],
        language=language,
    )


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("zh", "【预警】老王面馆：油烟浓度 1.23 mg/m³"),
        ("en", "[Early warning] 老王面馆: fume 1.23 mg/m³"),
    ],
)
def test_one_language(language: str, subject: str) -> None:
    message = composed(a_body(), language)

    assert message["Subject"] == subject
    assert part(message, "plain").splitlines() == a_body()["text"][language].splitlines()


def test_it_is_seven_bit_whatever_is_in_it() -> None:
    raw = composed(a_body(text={"zh": "头" * 3000, "en": "x" * 3000})).as_bytes()

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_html_of_a_hostile_name_is_text() -> None:
    evil = "<img src=x onerror=alert(1)>\r\nBcc: all@example.org"
    message = composed(a_body(text={"zh": evil, "en": evil}, link="javascript:alert(1)"))

    assert "<img" not in part(message, "html")
    assert "<a " not in part(message, "html")
    assert message["Bcc"] is None
    assert message["Subject"] == "＜img src=x onerror=alert(1)＞"


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [("451 try later", False), ("452 full", False), ("550 spam", True), ("552 too big", True)],
)
def test_what_a_refused_message_means(
    mails: Mails, port: int, answer: str, is_permanent: bool
) -> None:
    mails.data = answer

    error = refusal(Email(settings(port=port)))

    assert (error.permanent, error.detail) == (is_permanent, answer)


@pytest.mark.parametrize(
    ("answer", "is_permanent"), [("450 greylisted", False), ("550 unknown", True)]
)
def test_nobody_accepted_is_a_failure_that_names_them(
    mails: Mails, port: int, answer: str, is_permanent: bool
) -> None:
    mails.rcpt = {"li@example.org": answer, "wang@example.org": answer}

    error = refusal(Email(settings(port=port)))

    assert error.permanent is is_permanent
    assert f"li@example.org: {answer}; wang@example.org: {answer}" in error.detail


def test_one_unknown_recipient_does_not_keep_it_from_the_others(mails: Mails, port: int) -> None:
    mails.rcpt = {"li@example.org": "550 unknown"}

    answer = Email(settings(port=port)).send(a_body(), KEY)

    assert answer == "accepted for wang@example.org; refused: li@example.org: 550 unknown"
    assert mails.recipients == [["wang@example.org"]]


def test_one_greylisted_recipient_is_tried_again_alone(mails: Mails, port: int) -> None:
    receiver = Email(settings(port=port))
    mails.rcpt = {"li@example.org": "450 greylisted"}
    error = refusal(receiver)
    mails.rcpt = {}
    answer = receiver.send(a_body(), KEY)

    assert error.detail == "refused for now: li@example.org: 450 greylisted"
    assert answer == "accepted for li@example.org, wang@example.org"
    assert mails.recipients == [["wang@example.org"], ["li@example.org"]]
    assert not receiver._served


def test_a_rude_good_bye_changes_nothing(mails: Mails, port: int) -> None:
    mails.quit = "500 go away"

    assert Email(settings(port=port)).send(a_body(), KEY).startswith("accepted")


@needs_openssl
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_and_log_in(mails: Mails, tmp_path: Path, security: str) -> None:
    ca, server_side = certificate(tmp_path)
    with smtp_server(mails, **{security: server_side}) as port:
        receiver = Email(
            settings(
                port=port, security=security, tls_ca=ca, username="fumewatch", password=PASSWORD
            )
        )
        receiver.send(a_body(), KEY)

    assert mails.logins == [b"fumewatch"]
    assert len(mails.messages) == 1


@needs_openssl
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    mails: Mails, tmp_path: Path, security: str
) -> None:
    _, server_side = certificate(tmp_path)
    with smtp_server(mails, **{security: server_side}) as port:
        receiver = Email(
            settings(port=port, security=security, username="fumewatch", password=PASSWORD)
        )
        error = refusal(receiver)

    assert "CERTIFICATE_VERIFY_FAILED" in error.detail
    assert not error.permanent
    assert mails.logins == []


def test_no_starttls_there_means_no_mail_in_the_clear(mails: Mails, port: int) -> None:
    error = refusal(Email(settings(port=port, security="starttls")))

    assert "STARTTLS" in error.detail
    assert mails.messages == []


def test_a_wrong_password_loses_nothing(mails: Mails, port: int) -> None:
    """It is the configuration's fault and can be mended within the day."""
    error = refusal(Email(settings(port=port, username="fumewatch", password="wrong")))

    assert error.detail.startswith("535")
    assert not error.permanent
    assert "wrong" not in error.detail


def test_a_server_that_says_nothing_means_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refusal(Email(settings(port=silent.getsockname()[1], timeout=0.2)))

    assert not error.permanent


def test_a_server_that_is_not_there_means_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = refusal(Email(settings(port=taken.getsockname()[1])))

    assert not error.permanent
    assert "refused" in error.detail


def test_a_server_that_hangs_up_means_again() -> None:
    def hang_up(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=hang_up, args=(listener,))
        server.start()
        error = refusal(Email(settings(port=listener.getsockname()[1])))
        server.join()

    assert not error.permanent


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c",
        "a@b.cn, c@d.cn",
        "a@b.cn\r\nBcc: all@example.org",
        "王\n <a@b.cn>",
        "a b@c.cn",
        "用户@例子.cn",
        "<a@b.cn",
    ],
)
def test_what_is_not_one_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match=r"is not an address like duty@example\.org"):
        settings(to=[address])
    with pytest.raises(ValidationError, match=r"is not an address like duty@example\.org"):
        settings(**{"from": address})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"to": []}, 'missing `to`; name addresses, or write contact = "site"'),
        ({"to": ["a@b.cn", "A <a@b.cn>"]}, "names an address twice"),
        ({"username": "x"}, "go together"),
        ({"password": "x"}, "go together"),
        ({"security": "ssl"}, "'starttls', 'tls' or 'none'"),
    ],
)
def test_wrong_settings_are_refused(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**overrides)


def test_the_password_is_not_shown() -> None:
    assert PASSWORD not in repr(settings(username="x", password=PASSWORD))


def test_memory_of_half_served_mails_is_bounded(mails: Mails, port: int) -> None:
    receiver = Email(settings(port=port))
    mails.rcpt = {"li@example.org": "450 greylisted"}
    for n in range(1500):
        receiver._served[uuid.UUID(int=n)] = {"wang@example.org"}
    refusal(receiver)

    assert len(receiver._served) == 1000
