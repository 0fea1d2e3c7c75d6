"""Where a value stands in a JSON payload."""

from typing import Any

import pytest

from fumewatch.core.decode.lookup import lookup

PAYLOAD = {
    "a": {"b": {"c": 1}, "n": None},
    "油烟": {"浓度": 2},
    "fan-flag": 3,
    "2nd": 4,
    "l": [5, 6],
}


@pytest.mark.parametrize(
    ("expression", "there"),
    [
        ("a.b.c", 1),
        ("a.b", {"c": 1}),
        ("a.n", None),
        ("a.n.c", None),
        ("a.b.c.d", None),
        ("l.a", None),
        ("gone", None),
        ("油烟.浓度", 2),
        ("fan-flag", 3),
        ("2nd", 4),
        ('"fan-flag"', 3),
        ("l[0]", 5),
        ("l[-1]", 6),
        ("gone || a.b.c", 1),
        ("max(l)", 6),
        ("@.a.b.c", 1),
        ("$.outer.x", 7),
        ("$.outer[0]", None),
    ],
)
def test_a_value_is_found(expression: str, there: Any) -> None:
    assert lookup(expression)(PAYLOAD, {"outer": {"x": 7}}) == there


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("a.", "'a.' is no JMESPath: "),
        ("a b", "'a b' is no JMESPath: "),
        ("$a", "'$a' is no JMESPath: "),
        ("[?x=1]", "'[?x=1]' is no JMESPath: "),
        ("a[", "'a[' is no JMESPath: Incomplete expression"),
        ("first(a)", "'first(a)' is no JMESPath: Unknown function: first()"),
        ("max(a, b)", "'max(a, b)' is no JMESPath: Expected 1 argument for function max()"),
        ("$.", "'' is no JMESPath: "),
        ("(" * 3000 + "a", "is no JMESPath: "),
    ],
)
def test_what_is_no_expression(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match="is no JMESPath") as refused:
        lookup(expression)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_plain_name_is_not_left_to_jmespath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmespath.compile", None)
    for expression in ("a", "a.b.c", "$.a.b", "油烟.浓度", "fan-flag"):
        lookup(expression)({}, {})
    with pytest.raises(TypeError):
        lookup("a[0]")
