import re
from typing import Any

import pytest

from fumewatch.receivers.post import Answer
from fumewatch.receivers.query import ask, check_query

JSON = Answer(200, {"x-code": "7"}, b'{"code": 0, "data": {"list": [{"ok": true}]}, "msg": null}')
TEXT = Answer(200, {}, b"OK: 1")


@pytest.mark.parametrize(
    ("query", "answer", "value"),
    [
        ("body.code == `0`", JSON, True),
        ("body.code == '0'", JSON, False),
        ("status == `200` && body.data.list[0].ok", JSON, True),
        ("body.data.list[?ok].ok | [0]", JSON, True),
        ('headers."x-code"', JSON, "7"),
        ("contains(body.msg, 'busy')", JSON, None),  # a null has no parts: it does not fit
        ("body.code == `0`", TEXT, False),
        ("starts_with(body, 'OK')", TEXT, True),
        ("body == 'OK: 1'", TEXT, True),
    ],
)
def test_what_an_answer_says(query: str, answer: Answer, value: Any) -> None:
    assert check_query(query) == query
    assert ask(query, answer) == value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("body.code == 0", "numbers stand in backticks"),
        ("body.code ==", "is not JMESPath"),
        ("body.code = `0`", "is not JMESPath"),
        ('body.code == "0"', "'0' in double quotes is a name, not a text"),
        ("code == `0`", "there is no 'code' in an answer but status, headers, body: body.code?"),
        ("[status, bodies.x]", "there is no 'bodies'"),
        ("{a: status, b: text}", "there is no 'text'"),
        ("length(list)", "there is no 'list'"),
        ("status(body)", "JMESPath has no function status()"),
        ("length(body, status)", "cannot be asked: Expected 1 argument"),
    ],
)
def test_what_cannot_be_asked(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check_query(query)


def test_names_inside_of_a_part_are_free() -> None:
    assert check_query("sort_by(body.list, &age)[*].{a: name} | [0]")
