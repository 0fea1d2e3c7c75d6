"""Receivers by configuration alone, held against gateways that answer as real ones do."""

import base64
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook

from fumewatch.core.errors import SendError
from fumewatch.core.notice import Reason
from fumewatch.receivers import http
from fumewatch.receivers.http import Http, HttpSettings
from tests.receivers.factories import KEY, a_body, a_contact, a_notice
from tests.receivers.servers import CLOSE_IN_BODY, Answer, Request, WebhookServer, webhook_server

SMS = {
    "contact": "site",
    "language": "zh",
    "values": {"account": "bureau", "token": "geheim-token"},
    "body": """{"account": {{ values.account | tojson }}, "token": {{ values.token | tojson }},
        "mobile": {{ to.phone | tojson }}, "content": {{ text | tojson }}}""",
    "success": "body.code == `0`",
    "retry": "body.code == `1016`",
    "answer": "body.msg",
}
NASTY = '面馆"\\\r\nX-Evil: 1\u2028<b>{{ 7 * 7 }}&a=1 @all'


@pytest.fixture(scope="module")
def loopback() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def server(loopback: WebhookServer) -> WebhookServer:
    loopback.requests.clear()
    loopback.behave = lambda request: Answer(body=b'{"code": 0, "msg": "accepted"}')
    return loopback


def settings(**overrides: Any) -> HttpSettings:
    table = {"kind": "http", "name": "sms", "url": "http://127.0.0.1/", "timeout": 2}
    return HttpSettings.model_validate({**table, **overrides})


def send(server: WebhookServer, notice: dict[str, Any], **overrides: Any) -> str:
    receiver = Http(settings(**{"url": server.url, **overrides}), lambda: datetime.now(UTC))
    try:
        return receiver.send(notice, KEY)
    finally:
        receiver.close()


def refusal(server: WebhookServer, answer: Answer, **overrides: Any) -> SendError:
    server.behave = lambda request: answer
    with pytest.raises(SendError) as caught:
        send(server, a_notice(to=a_contact()), **{**SMS, **overrides})
    return caught.value


def test_a_gateway_for_sms(server: WebhookServer) -> None:
    answer = send(server, a_notice(to=a_contact(phone="13912345678")), **SMS)

    assert answer == "200 accepted"
    (request,) = server.requests
    assert request.key == KEY
    assert request.headers["Content-Type"] == "application/json"
    assert request.body["mobile"] == "13912345678"
    assert request.body["token"] == "geheim-token"
    assert "油烟浓度 1.23" in request.body["content"]


@pytest.mark.parametrize(("language", "word"), [("zh", "预警"), ("en", "Early warning")])
def test_a_contact_is_written_to_in_their_language(
    server: WebhookServer, language: str, word: str
) -> None:
    send(server, a_notice(to=a_contact(language=language)), **SMS)

    assert word in server.requests[0].body["content"]


def test_a_citys_platform(server: WebhookServer) -> None:
    send(
        server,
        a_body(key=str(KEY)),
        takes="transitions",
        url=f"{server.url}/{{{{ alerts[0].district }}}}?t={{{{ at | when('ms') }}}}",
        headers={"X-Token": "geheim", "X-Monitor": "{{ alerts[0].monitor }}"},
        content_type="application/x-www-form-urlencoded",
        body="{{ {'id': key, 'level': severity, 'what': title} | urlencode }}",
        success="body.code == `0`",
    )

    (request,) = server.requests
    assert request.path == "/alerts/xuhui?t=1795407300000"
    assert (request.headers["X-Token"], request.headers["X-Monitor"]) == ("geheim", "MN0001")
    form = parse_qs(request.raw.decode())
    assert form["id"] == [str(KEY)]
    assert "老王面馆" in form["what"][0]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_other_methods(server: WebhookServer, method: str) -> None:
    body = "" if method == "GET" else '{"key": {{ key | tojson }}}'
    send(server, a_notice(), method=method, url=f"{server.url}?key={{{{ key }}}}", body=body)

    (request,) = server.requests
    assert (request.method, request.path) == (method, f"/alerts?key={KEY}")
    assert ("Content-Type" in request.headers) is (method != "GET")


def test_an_old_gateway_with_gbk(server: WebhookServer) -> None:
    server.behave = lambda request: Answer(
        headers={"Content-Type": "text/plain; charset=GBK"}, body="成功".encode("gbk")
    )
    answer = send(
        server,
        a_notice(),
        content_type="application/x-www-form-urlencoded; charset=GBK",
        body="{{ {'content': title} | urlencode }}",
        success="body == '成功'",
    )

    assert answer == "200 成功"
    sent = parse_qs(server.requests[0].raw.decode(), encoding="gbk")
    assert "预警" in sent["content"][0]


def test_names_from_outside_stay_where_they_are_put(server: WebhookServer) -> None:
    send(
        server,
        a_notice(a_body(site=NASTY, monitor=NASTY)),
        url=f"{server.url}/{{{{ alerts[0].site if alerts }}}}/end?a=0",
        headers={"X-Site": "{{ alerts[0].site if alerts }}"},
        body='{"site": {{ (alerts[0].site if alerts) | tojson }}}',
    )

    (request,) = server.requests
    assert request.body == {"site": NASTY}
    assert "X-Evil" not in request.headers
    assert request.headers["X-Site"].startswith('%E9%9D%A2%E9%A6%86"\\%0D%0AX-Evil: 1')
    parts = urlsplit(request.path)
    assert parts.path.count("/") == 3
    assert parts.query == "a=0"


def test_signed_as_standard_webhooks(server: WebhookServer) -> None:
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    send(server, a_notice(), secret=secret, body='{"what": {{ title | tojson }}}')

    (request,) = server.requests
    assert request.headers["webhook-id"] == str(KEY)
    assert Webhook(secret).verify(request.raw, request.headers) == request.body
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(request.raw + b" ", request.headers)


HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("answer", "overrides", "is_permanent", "words"),
    [
        (Answer(200, {}, b'{"code": 1004, "msg": "bad mobile"}'), {}, True, "200 bad mobile"),
        (Answer(200, {}, b'{"code": 1016, "msg": "busy"}'), {}, False, "200 busy"),
        (Answer(200, {}, b'{"code": "0"}'), {}, True, '200 {"code": "0"}'),
        (Answer(200, {}, b'{"msg": {"a": ["b"]}}'), {}, True, '200 {"a": ["b"]}'),
        (Answer(200, {}, b"ERR: mobile"), {}, True, "200 ERR: mobile"),
        (Answer(200, HTML, b"<h1>Log in</h1>"), {}, False, "200 <h1>Log in</h1>"),
        (CLOSE_IN_BODY, {}, False, "200 taken"),
        (
            Answer(200, {}, b'{"code": 0, "pad": "' + b"x" * 70_000 + b'"}'),
            {},
            False,
            '200 {"code"',
        ),
        (Answer(200, {}, b""), {}, True, "200"),
        (Answer(302, {"Location": "/"}, b""), {}, False, "302"),
        (Answer(401, {}, b'{"msg": "who"}'), {}, True, "401 who"),
        (Answer(403, {}, b'{"code": 1016}'), {}, False, '403 {"code": 1016}'),
        (Answer(502, HTML, b"bad gateway"), {}, False, "502 bad gateway"),
        (Answer(500, {}, b'{"msg": "x"}'), {"success": "", "retry": ""}, False, "500 x"),
        (Answer(200, {}, b'{"ok": "true"}'), {"success": "body.ok"}, True, '200 {"ok": "true"}'),
        (Answer(404, {}, b"no geheim-token here"), {}, True, "404 no *** here"),
    ],
)
def test_what_an_answer_means(
    server: WebhookServer,
    answer: Answer,
    overrides: dict[str, Any],
    is_permanent: bool,
    words: str,
) -> None:
    error = refusal(server, answer, **overrides)

    assert error.permanent is is_permanent
    assert error.detail.startswith(words)
    assert "geheim" not in error.detail


def test_429_says_how_long_to_wait(server: WebhookServer) -> None:
    error = refusal(server, Answer(429, {"Retry-After": "30"}, b"slow down"))

    assert (error.permanent, error.retry_after) == (False, timedelta(seconds=30))


def test_a_success_outside_of_2xx(server: WebhookServer) -> None:
    server.behave = lambda request: Answer(409, body=b'{"code": "seen before"}')

    answer = send(server, a_notice(), success="status == `200` || body.code == 'seen before'")
    assert answer.startswith("409")


def test_a_notice_that_cannot_be_rendered_is_refused_for_good(server: WebhookServer) -> None:
    none = a_notice(reason=Reason.TEST) | {"alerts": []}
    form = {"content_type": "text/plain", "body": "{{ alerts[0].site }}"}
    with pytest.raises(SendError) as caught:
        send(server, none, takes="transitions", **form)

    assert caught.value.permanent
    assert caught.value.detail == "body, line 1: list object has no element 0"
    assert server.requests == []


def test_text_is_cut_where_the_gateway_wants_it_short(server: WebhookServer) -> None:
    many = [a_body(id=f"7f0c1c8e-2f1b-5a51-8a43-{n:012}") for n in range(40)]
    send(server, a_notice(*many, to=a_contact()), **{**SMS, "most_bytes": 500})

    assert len(server.requests[0].body["content"].encode()) <= 500


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"url": "https://{{ alerts[0].site }}/"}, "no template names the server"),
        ({"url": "https://host{{ key }}.example.org/"}, "no template names the server"),
        ({"url": "https://host:port/"}, "url: is not a URL"),
        ({"url": "ftp://host/"}, "is not a URL like"),
        ({"url": "https://host/{{ titel }}"}, "there is no 'titel' in a notice"),
        ({"url": "https://host/{{"}, "line 1: "),
        ({"headers": {"X-A": "{{ titel }}"}}, "X-A: there is no 'titel' in a notice"),
        ({"headers": {"X A": "1"}}, "is not a header's name"),
        ({"headers": {"webhook-id": "1"}}, "is set by fumewatch"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "not plain ASCII in one line"),
        ({"body": "{% if true %}\n\n{{ }}"}, "line 3: Expected an expression"),
        ({"body": "{{ text | tojson"}, "line 1: unexpected end of template"),
        ({"body": "{{ lipsum() }}"}, "there is no 'lipsum'"),
        ({"body": '\n{"a": "{{ text }}"}'}, "body: does not give JSON: "),
        ({"body": "{{ ''.__class__ }}"}, "access to attribute '__class__'"),
        ({"body": "\n{{ alerts[0].sight | tojson }}"}, "body, line 2: 'dict object' has no attr"),
        ({"body": "{{ alerts[0].site | tojson }}"}, "'dead man', which has no alert)"),
        ({"body": "{{ to.phone | tojson }}"}, "`to` is nobody where the receiver has no contact"),
        ({"body": "{{ values.token | tojson }}"}, "has no attribute 'token'"),
        ({"content_type": http.FORM, "body": "a={{ title }}"}, "is not allowed in a form"),
        ({"content_type": "json"}, "is not a content type"),
        ({"content_type": "text/plain\r\nX: 1"}, "is not a content type"),
        ({"content_type": "text/plain; charset=klingon"}, "the charsets known are"),
        ({"method": "GET", "body": "{}"}, "has no body"),
        ({"method": "DELETE"}, "'GET', 'POST', 'PUT' or 'PATCH'"),
        ({"success": "body.code == 0"}, "is not JMESPath"),
        ({"retry": "code == `1`"}, "there is no 'code' in an answer"),
        ({"answer": "msg"}, "there is no 'msg' in an answer"),
        ({"secret": "hush-hush"}, "is not whsec_ and 24 to 64 random bytes"),
        ({"secret": "whsec_" + "A" * 8}, "is not whsec_ and 24 to 64 random bytes"),
        ({"secret": "whsec_" + "A" * 32, "content_type": "a/b; charset=gbk"}, "only a body in UTF"),
    ],
)
def test_faults_of_the_configuration(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**overrides)

    told = [error["msg"] for error in caught.value.errors()]
    assert any(words in what for what in told), told
    assert not any("hush-hush" in what for what in told)


def test_a_fault_shows_no_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        settings(values={"token": "geheim-token"}, body="{{ values.token | when }}")

    assert "'***' is not a time" in caught.value.errors()[0]["msg"]


def test_secrets_are_not_shown() -> None:
    shown = repr(settings(**SMS, url="http://127.0.0.1/?t=geheim", headers={"X-T": "geheim"}))

    assert "geheim" not in shown


def test_the_examples_are_right() -> None:
    """Those in the docstring, as a configuration is read: a file's secret is in its place."""
    examples = re.findall(r"\[\[receiver\]\]\n(?: {4}.*\n|\n)+", http.__doc__ or "")
    for text in examples:
        (table,) = tomllib.loads(textwrap.dedent("    " + text))["receiver"]
        for name in {"headers", "values"} & table.keys():
            table[name] = {key.removesuffix("_file"): "x" for key in table[name]}
        assert json.loads(HttpSettings.model_validate(table).model_dump_json())["name"]
    assert len(examples) == 2


def test_the_key_is_the_outboxs(server: WebhookServer) -> None:
    def seen(request: Request) -> Answer:
        return Answer(body=request.raw)

    server.behave = seen
    body = a_body(key="00000000-0000-0000-0000-000000000000")

    assert str(KEY) in send(server, body, body="{{ key | tojson }}", takes="transitions")
