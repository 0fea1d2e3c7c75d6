"""Apprise, with its plug-in for any server that takes JSON."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.receivers.apprise import Apprise, AppriseSettings
from tests.receivers.factories import KEY, a_body, a_contact, a_notice
from tests.receivers.servers import Answer, Request, WebhookServer, webhook_server

pytest.importorskip("apprise")


@pytest.fixture(scope="module")
def loopback() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def server(loopback: WebhookServer) -> WebhookServer:
    loopback.requests.clear()
    loopback.behave = lambda request: Answer()
    return loopback


def settings(*urls: str, **overrides: Any) -> AppriseSettings:
    table = {"kind": "apprise", "name": "others", "urls": urls or ["json://127.0.0.1/"]}
    return AppriseSettings.model_validate({**table, **overrides})


def service(server: WebhookServer, path: str) -> str:
    return server.url.replace("http://", "json://").replace("/alerts", path)


def test_title_and_text_apart(server: WebhookServer) -> None:
    receiver = Apprise(settings(service(server, "/one"), language="en"))

    assert receiver.send(a_notice(), KEY) == "taken by jsons"
    (request,) = server.requests
    assert "Early warning" in request.body["title"]
    assert "1.23 mg/m³" in request.body["title"] + request.body["message"]
    assert request.body["title"] not in request.body["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (a_notice(a_body(severity="info")), "info"),
        (a_notice(a_body(severity="warning")), "warning"),
        (a_notice(a_body(severity="critical")), "failure"),
        (a_notice(a_body(state="resolved")), "success"),
        (a_body(key=str(KEY)), "warning"),
    ],
)
def test_types(server: WebhookServer, body: dict[str, Any], kind: str) -> None:
    Apprise(settings(service(server, "/one"))).send(body, KEY)

    assert server.requests[0].body["type"] == kind


def test_a_contact_is_written_to_in_their_language(server: WebhookServer) -> None:
    notice = a_notice(to=a_contact(language="en"))
    Apprise(settings(service(server, "/one"), contact="site", language="zh")).send(notice, KEY)

    assert "预警" not in server.requests[0].body["title"]


def test_what_is_not_taken_is_tried_again_but_not_at_those_who_took_it(
    server: WebhookServer,
) -> None:
    statuses = {"/geheim-one": 200, "/geheim-two": 500}
    server.behave = lambda request: Answer(statuses[request.path])
    receiver = Apprise(settings(service(server, "/geheim-one"), service(server, "/geheim-two")))
    with pytest.raises(SendError) as caught:
        receiver.send(a_notice(), KEY)
    statuses["/geheim-two"] = 200
    answer = receiver.send(a_notice(), KEY)

    assert not caught.value.permanent
    assert caught.value.detail.startswith("jsons: ")
    assert "geheim" not in caught.value.detail
    assert answer == "taken by jsons, jsons"
    assert [r.path for r in server.requests] == ["/geheim-one", "/geheim-two", "/geheim-two"]


def test_nobody_listens_means_again() -> None:
    receiver = Apprise(settings("json://127.0.0.1:9/geheim-token"))
    with pytest.raises(SendError) as caught:
        receiver.send(a_notice(), KEY)

    assert not caught.value.permanent
    assert "Connection error" in caught.value.detail
    assert "geheim" not in caught.value.detail


def test_what_apprise_logs_is_not_ours_to_show(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with pytest.raises(SendError):
            Apprise(settings("json://127.0.0.1:9/geheim-token")).send(a_notice(), KEY)
        logging.getLogger("other").debug("shown")
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()

    log = (tmp_path / "log").read_text()
    assert "shown" in log
    assert "geheim" not in log


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("dingtalk://geheimtoken", 'URL 2 of 2: use kind = "dingtalk"'),
        ("wecombot://geheimtoken", 'URL 2 of 2: use kind = "wecom"'),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=geheimtoken", 'kind = "wecom"'),
        ("feishu://geheimtoken", 'URL 2 of 2: use kind = "feishu"'),
        ("lark://geheimtoken", 'URL 2 of 2: use kind = "feishu"'),
        ("nothing://geheimtoken", "apprise does not understand URL 2 of 2"),
        ("geheimtoken", "apprise does not understand URL 2 of 2"),
        ("json://", "apprise does not understand URL 2 of 2"),
    ],
)
def test_faults_of_the_configuration(url: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings("json://127.0.0.1/", url)

    (error,) = caught.value.errors()
    assert words in error["msg"]
    assert "geheim" not in error["msg"]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(ValidationError, match=r"pip install 'fumewatch\[apprise\]'"):
        settings()


def test_secrets_are_not_shown() -> None:
    assert "geheim" not in repr(settings("json://user:geheim@127.0.0.1/geheim"))


def test_text_is_as_short_as_the_service_wants_it(server: WebhookServer) -> None:
    """Its plug-in says how short; a longer one would be cut anywhere."""
    many = [a_body(id=f"7f0c1c8e-2f1b-5a51-8a43-{n:012}", street="街" * 60) for n in range(50)]
    receiver = Apprise(settings(service(server, "/one")))
    receiver._services[0]._most = 600
    receiver.send(a_notice(*many), KEY)

    def size(request: Request) -> int:
        return len(f"{request.body['title']}\n{request.body['message']}".encode())

    assert size(server.requests[0]) <= 600
