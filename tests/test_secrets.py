"""No secret of the configuration is shown by anything, whatever goes wrong."""

import base64
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from fumewatch import log
from fumewatch.config import Config, examine, load, shape
from fumewatch.config.secrets import secrets
from fumewatch.core.mask import MASK, SHORTEST, Mask
from tests.cli.conftest import Fumewatch, fumewatch  # noqa: F401
from tests.daemon.conftest import World, until, world  # noqa: F401
from tests.fixtures.broker import free_port

CANARY = "canary0yellow"
HEX = base64.b16encode(CANARY.encode() + b"000").decode().lower()
SIGNING = "whsec_" + base64.b64encode(CANARY.encode() + b"-" * 20).decode()
SHOWN = (CANARY, HEX, SIGNING.removeprefix("whsec_")[:20])
"""What must be nowhere."""


def secretive(database: str, dead: int) -> str:
    """A configuration with a canary in every secret option, whose receivers nobody answers."""
    url = f"http://user:{CANARY}-u@127.0.0.1:{dead}/{CANARY}-path-of-a-bot?access_token={CANARY}-q"
    proxy = f"http://user:{CANARY}-proxy@127.0.0.1:{dead}"
    long = f"{CANARY}-{'x' * 32}"
    return f"""
    [database]
    url = "{database}"
    [mqtt]
    url = "mqtt://127.0.0.1:{dead}"
    username = "fumewatch"
    password = "{CANARY}-mqtt"
    [log]
    level = "debug"
    [links]
    secret = "{long}1"
    old_secret = "{long}2"
    [login]
    metrics_token = "{long}3"
    [dead_man]
    ping_url = "{url}"
    [[limit]]
    name = "DB31/844-2014"
    fume = 1.0
    [[profile]]
    name = "acme"
    topic = "acme/{{district}}/{{monitor}}/up"
    format = "hj212"
    sm4_keys = {{ A1 = "{HEX}" }}
    [[rule]]
    id = "offline"
    kind = "absence"
    [[receiver]]
    name = "webhook"
    kind = "webhook"
    url = "{url}"
    proxy = "{proxy}"
    headers = {{ X-Key = "{CANARY}-header" }}
    [[receiver]]
    name = "http"
    kind = "http"
    url = "{url}"
    proxy = "{proxy}"
    secret = "{SIGNING}"
    headers = {{ X-Key = "{CANARY}-header" }}
    values = {{ key = "{CANARY}-value" }}
    body = '{{"key": "{{{{ values.key }}}}"}}'
    [[receiver]]
    name = "cloudevents"
    kind = "cloudevents"
    url = "{url}"
    proxy = "{proxy}"
    headers = {{ X-Key = "{CANARY}-header" }}
    [[receiver]]
    name = "password"
    kind = "alertmanager"
    urls = ["http://127.0.0.1:{dead}/{CANARY}-path-of-a-proxy"]
    headers = {{ X-Key = "{CANARY}-header" }}
    username = "fumewatch"
    password = "{CANARY}-am"
    [[receiver]]
    name = "token"
    kind = "alertmanager"
    urls = ["http://127.0.0.1:{dead}/{CANARY}-path-of-another"]
    token = "{CANARY}-token"
    proxy = "{proxy}"
    [[receiver]]
    name = "dingtalk"
    kind = "dingtalk"
    url = "{url}"
    proxy = "{proxy}"
    secret = "SEC{CANARY}"
    [[receiver]]
    name = "feishu"
    kind = "feishu"
    url = "{url}"
    proxy = "{proxy}"
    secret = "{CANARY}-feishu"
    [[receiver]]
    name = "wecom"
    kind = "wecom"
    url = "{url}"
    proxy = "{proxy}"
    [[receiver]]
    name = "straight"
    kind = "dingtalk"
    url = "{url}"
    [[receiver]]
    name = "apprise"
    kind = "apprise"
    urls = ["json://user:{CANARY}-apprise@127.0.0.1:{dead}/{CANARY}-path-of-a-bot"]
    [[receiver]]
    name = "email"
    kind = "email"
    host = "127.0.0.1"
    port = {dead}
    username = "fumewatch"
    password = "{CANARY}-email"
    from = "duty@example.org"
    to = ["duty@example.org"]
    [[route]]
    receiver = "webhook"
    """


def fields_of_secrets(model: Any, seen: set[Any] | None = None) -> Iterator[tuple[str, str]]:
    """(model, field) of every SecretStr below, through unions, lists and tables."""
    seen = set() if seen is None else seen
    for part in shape.parts(model):
        for annotation in within(part):
            yield from fields_of_secrets(annotation, seen)
        if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
            seen.add(part)
            for name, field in part.model_fields.items():
                if holds_secret(field.annotation):
                    yield part.__name__, name
                yield from fields_of_secrets(field.annotation, seen)


def within(part: Any) -> list[Any]:
    """What a list or a table holds; nothing of `tuple[()]`."""
    return [each for each in get_args(part) if each not in ((), ...)] if get_origin(part) else []


def holds_secret(annotation: Any) -> bool:
    parts = shape.parts(annotation)
    return shape.is_secret(annotation) or any(map(shape.is_secret, chain(*map(within, parts))))


def filled(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            inner = getattr(value, name)
            if inner and holds_secret(field.annotation):
                yield type(value).__name__, name
            yield from filled(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from filled(inner)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, mode: int = 0o600, name: str = "config.toml") -> Path:
        file = tmp_path / name
        file.write_text(text)
        file.chmod(mode)
        return file

    return write


def test_every_secret_option_has_its_canary_here(write: Callable[..., Path]) -> None:
    """A new one must be put into `secretive`, and is then tried by all tests below."""
    config = load(write(secretive("postgresql:///x", 9)), {})
    missing = set(fields_of_secrets(Config)) - set(filled(config)) - {("BotFields", "url")}
    assert not missing
    assert all(any(shown in secret for shown in SHOWN) for secret in secrets(config))
    assert not any(shown in repr(config) for shown in SHOWN)


def test_nothing_shows_a_secret(world: World, fumewatch: Fumewatch) -> None:  # noqa: F811
    """Commands, the log at debug, pages, API and metrics, while nobody answers."""
    dead = free_port()
    daemon = world.daemon()
    port = int(daemon.url.rpartition(":")[2])
    separator = "&" if "?" in world.database_url else "?"
    database = f"{world.database_url}{separator}password={CANARY}-database"
    text = secretive(database, dead).replace(
        "[login]", f'[web]\nlisten = "127.0.0.1:{port}"\n[login]\nrequired = false'
    )
    daemon.config.write_text(text)
    said = [
        fumewatch(*words.split(), "--config", daemon.config)
        for words in (
            "check",
            "check --json",
            "check --connect",
            *(f"receivers test {name}" for name in KINDS),
            "receivers list",
            "migrate",
            "status",
            "outbox",
        )
    ]
    daemon.start(ready=False)
    until(lambda: '"event": "started"' in daemon.log(), daemon.log)
    until(lambda: daemon.get("/livez")[0] == 200, daemon.log)
    paths = ("/", "/readyz", "/status", "/metrics", "/openapi.json", "/api/v1/alerts", "/delivery")
    pages = [daemon.get(path)[1] for path in paths]
    broken = daemon.config.read_text().replace('kind = "absence"', 'kind = "absent"')
    daemon.config.write_text(broken)
    until(lambda: "configuration refused" in daemon.log(), daemon.log)
    daemon.stop()
    texts = {
        "commands": "".join(each.out + each.err for each in said),
        "pages": "".join(pages),
        "log": daemon.log(),
    }
    assert "NOT REACHED" in texts["commands"]
    for where, shown in texts.items():
        assert not any(secret in shown for secret in SHOWN), where


KINDS = (
    *("webhook", "http", "cloudevents", "password", "token"),
    *("dingtalk", "straight", "feishu", "wecom", "apprise", "email"),
)


def test_a_database_that_is_away_tells_no_password(write: Callable[..., Path]) -> None:
    from fumewatch.core.errors import FumewatchError
    from fumewatch.store import Database

    for url in (
        f"postgresql://fumewatch:{CANARY}-a@127.0.0.1:1/none",
        f"postgresql://fumewatch@127.0.0.1:1/none?password={CANARY}-a",
        f"host=127.0.0.1 port=1 password={CANARY}-a",
    ):
        file = write(f'[database]\nurl = "{url}"\nconnect_timeout = "1s"\n')
        config = load(file, {})
        assert config.database.passwords == {f"{CANARY}-a"}
        database = Database(config.database)
        database.open()
        try:
            with pytest.raises(FumewatchError) as caught, database.transaction():
                pass
        finally:
            database.close()
        assert CANARY not in str(caught.value)


@pytest.fixture
def logged(
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., str]]:
    """logged(form, what to log) -> the lines on standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(form: Any, say: Callable[[Any], object]) -> str:
        log.set_up("debug", form)
        say(structlog.get_logger())
        return capsys.readouterr().err

    yield run
    log.hide(())
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "say",
    [
        lambda to: to.info("x", url=f"https://oapi.example.org/send?access_token={CANARY}"),
        lambda to: to.info(f"told {CANARY}"),
        lambda to: to.info("x", deep={"a": [{"b": CANARY}]}),
        lambda to: to.info("x", **{CANARY: 1}),
        lambda to: logging.getLogger("psycopg").warning("dsn %s", f"password={CANARY}"),
        lambda to: raises(to),
    ],
)
def test_a_log_line_has_no_secret_wherever_it_stands(
    logged: Callable[..., str], form: str, say: Callable[[Any], object]
) -> None:
    log.hide([CANARY])
    lines = logged(form, say)
    assert CANARY not in lines
    assert MASK in lines


def raises(to: Any) -> None:
    try:
        raise ValueError(f"cannot parse postgresql://u:{CANARY}@host/db")
    except ValueError:
        to.exception("failed")


def test_what_was_a_secret_before_a_reload_is_hidden_still(logged: Callable[..., str]) -> None:
    log.hide(["the-old-one"])
    log.hide(["the-new-one"], besides=True)
    said = logged("json", lambda to: to.info("x", a="the-old-one", b="the-new-one"))
    assert json.loads(said)["a"] == json.loads(said)["b"] == MASK


@given(st.text(min_size=SHORTEST), st.text(), st.text())
def test_a_secret_is_masked_in_every_spelling(secret: str, before: str, after: str) -> None:
    from urllib.parse import quote

    mask = Mask.of([secret])
    spellings = [secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]]
    if secret.isprintable():
        spellings.append(quote(secret, safe=""))
    for spelled in spellings:
        assert spelled not in mask(f"«{spelled}»")
    assert Mask.of([])(before + after) == before + after


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://u:pa55word-1@host/x", ["pa55word-1"]),
        ("https://tokentoken@host/x", ["tokentoken"]),
        ("https://host/bot/0123456789abcdef0123", ["0123456789abcdef0123"]),
        ("https://host/send?key=abcdefgh&x=1", ["abcdefgh"]),
        ("https://host/send?key=ab%2Fcdefgh", ["ab/cdefgh", "ab%2Fcdefgh"]),
    ],
)
def test_of_an_address_the_secret_part_is_masked_by_itself(url: str, parts: list[str]) -> None:
    mask = Mask.of([url])
    for part in parts:
        assert mask(f"refused: {part}!") == f"refused: {MASK}!"
    assert mask("host: connection refused") == "host: connection refused"


def warnings(file: Path, **env: str) -> list[str]:
    found = examine(file, env, date(2026, 11, 25)).warnings
    return [str(each).removeprefix(f"{file}:") for each in found if "a secret stands" in str(each)]


def test_check_names_each_secret_that_stands_in_the_file(write: Callable[..., Path]) -> None:
    text = (
        '[mqtt]\nusername = "u"\npassword = "of-the-broker"\n'
        '[database]\nurl = "postgresql://u:of-the-database@h/d"\n'
        '[[receiver]]\nname = "a"\nkind = "webhook"\nurl = "https://h/no-more-than-a-place"\n'
        '[[receiver]]\nname = "b"\nkind = "wecom"\nurl = "https://h/send?key=abc"\n'
    )
    stands = "a secret stands here; better in a file of its own"
    assert warnings(write(text)) == [
        f"3: [mqtt] password: {stands}: password_file",
        f"5: [database] url: {stands}: url_file",
        f'13: receiver "b": url: {stands}: url_file',
    ]
    assert warnings(write(""), FUMEWATCH_MQTT__PASSWORD="x", FUMEWATCH_MQTT__USERNAME="u") == []


def test_a_secret_may_be_a_credential_of_systemd(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "secret_mqtt").write_text("of-the-broker\n")
    (folder / "secret_links").write_text("x" * 40)
    for file in folder.iterdir():
        file.chmod(0o400)
    file = write(
        '[mqtt]\nusername = "u"\npassword_file = "credential:secret_mqtt"\n'
        '[links]\nsecret_file = "credential:secret_links"\n'
    )
    env = {"CREDENTIALS_DIRECTORY": str(folder)}
    config = load(file, env)
    assert config.mqtt.secret() == "of-the-broker"
    assert config.links.secrets == ("x" * 40,)
    assert secrets(config) == {"of-the-broker", "x" * 40}
    without = [str(fault).partition(": ")[2] for fault in examine(file, {}).faults]
    assert len(without) == 2
    for fault in without:
        assert "is only there for a service of systemd that has LoadCredential=secret_" in fault


@pytest.mark.parametrize("name", ["", "../mqtt", "a/b", ".hidden", "a\nb"])
def test_a_credential_has_a_plain_name(write: Callable[..., Path], name: str) -> None:
    file = write(f"[links]\nsecret_file = {json.dumps('credential:' + name)}\n")
    (fault,) = examine(file, {"CREDENTIALS_DIRECTORY": os.curdir}).faults
    assert "cannot be the name of a credential" in str(fault)


def test_a_secret_says_nothing_of_itself() -> None:
    assert CANARY not in f"{SecretStr(CANARY)!r} {SecretStr(CANARY)}"
