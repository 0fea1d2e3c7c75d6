"""Hostile names and texts at every other way out: terminal, CSV, log, messages."""

import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog
from pydantic import TypeAdapter

from fumewatch import log
from fumewatch.core import contacts_csv, sites_csv
from fumewatch.core.errors import ImportRefused
from fumewatch.core.letter import Style
from fumewatch.core.notice import Body, Reason
from fumewatch.receivers import ReceiverSettings, build
from fumewatch.store.document import text as storable
from tests.cli.conftest import Fumewatch
from tests.cli.conftest import fumewatch as fumewatch
from tests.core.letter.dialects import active
from tests.core.letter.notices import with_name
from tests.fixtures.database import Servers
from tests.hostile import HARMLESS, NOW, TABLE, Scene, scene, unseen
from tests.receivers.bots import BotServer
from tests.receivers.factories import KEY
from tests.receivers.kinds import KINDS
from tests.receivers.servers import Request, webhook_server
from tests.receivers.smtp import Mails, smtp_server
from tests.web.conftest import migrated

TEXTS = list(TABLE.values())


@dataclass(frozen=True)
class House:
    """A configuration on a database of nothing but hostile texts."""

    config: Path
    scene: Scene


@pytest.fixture(scope="module")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for database in migrated(servers, "hostile_cli"):
        found = scene(database, TEXTS, NOW)
        with database.transaction() as conn:
            url = servers["plain"].url(conn.info.dbname)
        config = tmp_path_factory.mktemp("hostile") / "config.toml"
        config.write_text(
            f'[database]\nurl = "{url}"\n[[limit]]\nname = "DB31/844-2014"\nfume = 1.0\n'
            '[[limit]]\nname = "DB11/1488-2018"\nfume = 1.0\n'
            '[[rule]]\nid = "exceedance"\nkind = "threshold"\nchannel = "fume"\nabove = 1\n'
            '[[receiver]]\nname = "log"\nkind = "log"\npath = "a.jsonl"\n'
            '[[route]]\nreceiver = "log"\n'
        )
        yield House(config, found)


# ── The terminal ────────────────────────────────────────────────────────────────────────────────

COMMANDS = {
    "status": 1,  # nothing leads
    **dict.fromkeys(("sites list", "contacts list", "cleanings list", "complaints list"), 0),
    **dict.fromkeys(("alerts list --limit 99", "alerts show ALERT", "silences list --all"), 0),
    **dict.fromkeys(("outbox --limit 99", "user list", "user sessions user21", "token list"), 0),
    **dict.fromkeys(("deadletters list --limit 99", "deadletters show 22"), 0),
    **dict.fromkeys(("routes explain ALERT", "audit verify", "check"), 0),
}
REFUSED = {
    "deadletters export -": 0,
    "user role a\x1b[2J viewer": 2,
    "user add a\x1b[2J --role viewer": 2,
    "token revoke a\x1b[2J\u202e": 2,
    "routes explain --rule exceedance --monitor a\x1b[2J\u202e": 2,
    "contacts import a\x1b[2J\u202e": 1,
}
"""And what takes no --json."""


@pytest.mark.parametrize(
    ("command", "code"),
    [*COMMANDS.items(), *((f"{c} --json", n) for c, n in COMMANDS.items()), *REFUSED.items()],
)
def test_no_command_lets_a_text_steer_the_terminal(
    fumewatch: Fumewatch, house: House, command: str, code: int
) -> None:
    words = command.replace("ALERT", str(house.scene.alerts[0])).split(" ")
    said = fumewatch(*words, "--config", house.config)
    assert said.code == code, said.err
    assert said.out or said.err
    assert unseen(said.out) == unseen(said.err) == []


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────


def test_no_cell_of_an_export_is_a_formula(fumewatch: Fumewatch, house: House) -> None:
    exported = fumewatch("contacts", "export", "--config", house.config).out
    for text in (exported, sites_csv.write(house.scene.facts)):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == len(TEXTS) + 1, "no text makes a row of its own"
        for cell in (cell for row in rows for cell in row):
            assert cell[:1] not in tuple("=@+-＝＠＋－\t\r"), cell


@pytest.mark.parametrize("name", ["equals", "plus", "minus", "at", "wide", "nul", "escapes"])
def test_an_import_refuses_what_a_spreadsheet_would_compute_or_nobody_can_see(name: str) -> None:
    row = io.StringIO()
    csv.writer(row).writerow(["田林街道", TABLE[name], "13800000000"])
    with pytest.raises(ImportRefused):
        contacts_csv.parse(f"street,name,phone\n{row.getvalue()}".encode(), "c.csv", ())


# ── The log ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_event_is_one_line_whatever_is_in_it(
    capsys: pytest.CaptureFixture[str], form: Any
) -> None:
    """Of ours and of a library's, in every place of an event."""
    log.set_up("info", form)
    for text in TEXTS:
        structlog.get_logger().warning("event", topic=text, more={text: [text]})
        logging.getLogger("library").warning("said %s", text)
    lines = capsys.readouterr().err.splitlines(keepends=True)
    assert len(lines) == 2 * len(TEXTS)
    assert all(unseen(line, but="\n") == [] or "\x1b[0m" in line for line in lines)
    if form == "json":
        assert [json.loads(line).get("topic") for line in lines[::2]] == TEXTS


# ── Messages ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Sent:
    """What a receiver sent: `markup` is what of it is active; `parts`: each a header, a topic or a
    line of its own; `called`: who was called by name."""

    markup: Any = None
    parts: list[str] = field(default_factory=list)
    called: Any = ()


_SITES = "{% for one in alerts %}{{ one.site }}{% endfor %}"


def by_http(kind: str, **table: Any) -> Callable[[Body], Sent]:
    def send(body: Body) -> Sent:
        with webhook_server() as server:
            at = {each: _at(server.url, kind) for each in ("url", "urls") if each in table}
            _send({"kind": kind, "name": "r", **table, **at}, body)
            (request,) = server.requests
        return _of_request(request)

    return send


def _at(url: str, kind: str) -> Any:
    match kind:
        case "apprise":
            return [url.replace("http://", "json://")]
        case "alertmanager":
            return [url.rpartition("/")[0]]
        case "http":
            return f"{url}/{_SITES}"
        case _:
            return url


def _of_request(request: Request) -> Sent:
    assert request.body is not None, "it is JSON"
    return Sent(
        markup=(sorted(request.headers), request.path.count("/"), request.path.count("?")),
        parts=[request.path, *request.headers.values()],
    )


def by_bot(name: str) -> Callable[[Body], Sent]:
    (kind,) = (kind for kind in KINDS if kind.name == name)

    def send(body: Body) -> Sent:
        server: BotServer
        with kind.server(now=NOW.timestamp) as server:
            _send({"kind": name, "name": "r", "url": server.url}, body)
            (message,) = server.messages
        markup = active(message.text, Style(name)), active(message.title, Style.PLAIN)
        return Sent(markup, [message.title], (message.names, message.mobiles, message.all))

    return send


def by_mail(body: Body) -> Sent:
    mails = Mails()
    with smtp_server(mails) as port:
        table = {"host": "127.0.0.1", "port": port, "security": "none", "to": ["a@example.org"]}
        _send({"kind": "email", "name": "r", "from": "f@example.org", **table}, body)
    (mail,) = mails.messages
    html = mail.get_body(("html",))
    assert html is not None
    markup = Counter(tag for tag, _ in active(html.get_content(), Style.HTML).elements())
    names = sorted({name for name in mail if name != "Message-ID"})
    return Sent((names, markup), [str(value) for value in mail.values()], mails.recipients)


def by_file(body: Body) -> Sent:
    path = Path(_FOLDER[0]) / "alerts.jsonl"
    path.unlink(missing_ok=True)
    _send({"kind": "log", "name": "r", "path": str(path)}, body)
    (line,) = path.read_text(encoding="utf-8").splitlines()
    json.loads(line)
    return Sent()


def by_mqtt(body: Body) -> Sent:
    published: list[str] = []

    class Publisher:
        def publish(self, topic: str, payload: bytes, **_: Any) -> None:
            json.loads(payload)
            published.append(topic)

    _send({"kind": "mqtt", "name": "r"}, body["alerts"][0], Publisher())
    (topic,) = published
    return Sent((topic.count("/"), "+" in topic, "#" in topic), [topic])


def _send(table: dict[str, Any], body: Body, publisher: Any = None) -> None:
    settings: ReceiverSettings = TypeAdapter(ReceiverSettings).validate_python(table)
    receiver = build(settings, publisher, lambda: NOW)
    try:
        receiver.send(body, KEY)
    finally:
        receiver.close()


_FOLDER: list[Path] = []
TEMPLATE = '{"sites": {{ alerts | tojson }}, "text": {{ text | tojson }}}'
WAYS: dict[str, Callable[[Body], Sent]] = {
    "webhook": by_http("webhook", url=""),
    "cloudevents": by_http("cloudevents", url="", mode="binary"),
    "alertmanager": by_http("alertmanager", urls=""),
    "apprise": by_http("apprise", urls=""),
    "http": by_http("http", url="", body=TEMPLATE, headers={"X-Site": _SITES}),
    "wecom": by_bot("wecom"),
    "dingtalk": by_bot("dingtalk"),
    "feishu": by_bot("feishu"),
    "email": by_mail,
    "log": by_file,
    "mqtt": by_mqtt,
}


def test_every_kind_of_receiver_is_looked_at() -> None:
    kinds = get_args(get_args(ReceiverSettings)[0])
    assert {get_args(kind.model_fields["kind"].annotation)[0] for kind in kinds} == set(WAYS)


def of(text: str) -> Body:
    """As the outbox has it. To one person, who has no account to be mentioned by."""
    person = {"id": 1, "name": text, "email": "b@example.org", "language": "zh"}
    return {**with_name(Reason.TRANSITION, text), "to": {**person, "phone": "", "account": ""}}


@pytest.mark.parametrize("kind", WAYS)
def test_a_message_does_nothing_that_a_text_in_it_says(kind: str, tmp_path: Path) -> None:
    """No markup, mention, recipient, header, row or topic that it has not with a harmless one."""
    _FOLDER[:] = [tmp_path]
    expected = WAYS[kind](of(HARMLESS))
    for text in map(storable, TEXTS):
        sent = WAYS[kind](of(text))
        assert (sent.markup, sent.called) == (expected.markup, expected.called), text[:60]
        assert [unseen(part) for part in sent.parts if unseen(part, but="")] == [], text[:60]
