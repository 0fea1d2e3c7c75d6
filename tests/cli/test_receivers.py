"""`fumewatch receivers`: one test message, straight there, and what the remote answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumewatch.cli import receivers
from fumewatch.config import Config
from fumewatch.receivers.webhook import WebhookSettings
from fumewatch.store import Database
from tests.cli.conftest import Fumewatch, Write
from tests.core.transitions import OPENED_AT
from tests.receivers.factories import KEY
from tests.receivers.servers import CLOSE_HALF_WAY, Answer, WebhookServer, webhook_server

AWAY = '[database]\nurl = "postgresql://nobody@127.0.0.1:9/none"\n'


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def duty(write: Write, server: WebhookServer) -> Path:
    """Without a database, the address a secret."""
    return write(
        f'{AWAY}[[receiver]]\nname = "duty"\nkind = "webhook"\nurl = "{server.url}?token=s3cret"\n'
        '[[receiver]]\nname = "file"\nkind = "log"\npath = "/nowhere/alerts.jsonl"\n'
        f'[[receiver]]\nname = "people"\nkind = "webhook"\nurl = "{server.url}?token=s3cret"\n'
        'takes = "groups"\ncontact = "site"\n'
    )


def test_they_are_listed_without_their_secrets(fumewatch: Fumewatch, duty: Path) -> None:
    said = fumewatch("receivers", "list", "-c", duty)
    assert said.code == 0
    assert [line.split()[:3] for line in said.out.splitlines()[3:6]] == [
        ["duty", "webhook", "transitions"],
        ["file", "log", "transitions"],
        ["people", "webhook", "groups"],
    ]
    assert "s3cret" not in said.out
    listed = fumewatch("receivers", "list", "--json", "-c", duty).json["receivers"]
    assert [each["contact"] for each in listed] == [None, None, "site"]


def test_a_test_goes_straight_there(
    fumewatch: Fumewatch, duty: Path, server: WebhookServer
) -> None:
    said = fumewatch("receivers", "test", "duty", "--language", "en", "-c", duty)

    assert said.code == 0
    assert said.out.startswith("duty (webhook): taken after 0.")
    assert '  answer      200 {"ok": true}' in said.out
    (request,) = server.requests
    assert request.body["reason"] == "test"
    title = request.body["title"]
    assert title["en"] == "Test: duty gets notifications. This is no early warning."


@pytest.mark.parametrize(
    ("answer", "said", "advice"),
    [
        (Answer(401, body=b"token revoked"), "401 token revoked", "outbox retry --receiver duty"),
        (Answer(503, body=b"busy\x1b[2J"), "503 busy", "fumewatch check --connect"),
        (CLOSE_HALF_WAY, "closed before the answer", "fumewatch check --connect"),
    ],
)
def test_a_refusal_is_shown_with_what_to_do(
    fumewatch: Fumewatch,
    duty: Path,
    server: WebhookServer,
    answer: Answer,
    said: str,
    advice: str,
) -> None:
    server.behave = lambda request: answer
    told = fumewatch("receivers", "test", "duty", "-c", duty)
    assert told.code == 1
    assert said in told.out
    assert advice in told.out
    assert "s3cret" not in told.out + told.err
    assert "\x1b" not in told.out
    result = fumewatch("receivers", "test", "duty", "--json", "-c", duty).json
    assert (result["is_taken"], result["is_permanent"]) == (False, "retry" in advice)


def test_whatever_is_wrong_is_told(fumewatch: Fumewatch, duty: Path) -> None:
    said = fumewatch("receivers", "test", "file", "-c", duty)
    assert said.code == 1
    assert "No such file or directory: /nowhere/alerts.jsonl" in said.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("duti",), "did you mean 'duty'?"),
        (("duty", "--to", "wang@example.org"), "duty has an address of its own"),
        (("people",), "say whom with --to"),
        (("duty", "--language", "fr"), "'fr' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    fumewatch: Fumewatch, duty: Path, args: tuple[str, ...], said: str
) -> None:
    told = fumewatch("receivers", "test", *args, "-c", duty)
    assert told.code == 2
    assert said in " ".join(told.err.split())


@pytest.mark.parametrize(
    ("to", "known"),
    [
        ("wang@example.org", "email"),
        ("+86-13800000000", "phone"),
        ("13800000000", "phone"),
        ("zhang.san", "account"),
    ],
)
def test_whoever_is_named_is_in_the_notice(to: str, known: str) -> None:
    table = {"kind": "webhook", "name": "sms", "url": "https://sms.example.org/", "takes": "groups"}
    settings = WebhookSettings.model_validate({**table, "contact": "site"})
    whom = receivers._whom(Config(), settings, to)
    body = receivers.message(settings, KEY, OPENED_AT, whom)
    given = {name: body["to"][name] for name in ("email", "phone", "account")}
    assert given == {"email": "", "phone": "", "account": ""} | {known: to}
    assert (body["reason"], body["alerts"]) == ("test", [])


def test_a_contact_is_looked_up(
    fumewatch: Fumewatch, write: Write, database: Database, database_url: str, tmp_path: Path
) -> None:
    with database.transaction() as conn:
        conn.execute("insert into contact (vendor, name, email) values ('acme', '王', 'w@x.org')")
    file = tmp_path / "sent.jsonl"
    config = write(
        f'[database]\nurl = "{database_url}"\n[[receiver]]\nname = "vendor"\nkind = "log"\n'
        f'path = "{file}"\ntakes = "groups"\ncontact = "vendor"\n'
    )
    assert fumewatch("receivers", "test", "vendor", "--to", "contact 1", "-c", config).code == 0
    assert json.loads(file.read_text(encoding="utf-8"))["to"]["email"] == "w@x.org"
    gone = fumewatch("receivers", "test", "vendor", "--to", "contact 9", "-c", config)
    assert (gone.code, "there is no contact 9" in gone.err) == (2, True)
