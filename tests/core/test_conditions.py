"""Matchers as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.conditions import conditions, known_values, matchers_of, strangers
from fumewatch.core.routing import Label, Matchers
from fumewatch.core.site import Place

PLACES = [
    Place(1, "M1", "xuhui", 1, "甲饭店", street="田林街道", vendor="明创", tags=("重点",)),
    Place(2, "M2", "xuhui"),
]
KNOWN = known_values(PLACES, {"exceedance": "threshold"})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, ()),
        ({"match": ["severity=warning"]}, ("severity=warning",)),
        ({"match": ["severity=warning", " severity = info "]}, ("severity=warning | info",)),
        ({"match": ["site="]}, ("site=",)),
        ({"match": ["site=a=b"], "match_re": ["street=田林.*"]}, ("site=a=b", "street=~田林.*")),
        ({"match_not": ["tag=重点"]}, ("tag!=重点",)),
    ],
)
def test_what_is_written_is_what_is_read(given, read: tuple[str, ...]) -> None:
    assert tuple(map(str, conditions(matchers_of(given)))) == read


@pytest.mark.parametrize(
    ("field", "text", "what"),
    [
        ("match", "severity", "'severity' is no matcher; write label=value, like severity=warning"),
        ("match", "", "'' is no matcher; write label=value, like severity=warning"),
        ("match", "stret=x", "no label is called 'stret'; did you mean 'street'?"),
        ("match", "xyz=x", "no label is called 'xyz'; there are severity, rule, kind, state, "),
        ("match_not", "severity=bad", "no severity is called 'bad'; there are info, warning, crit"),
        ("match_re", "site=(", "site: '(' is not a pattern: missing ), unterminated subpattern"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(field: str, text: str, what: str) -> None:
    with pytest.raises(ValueError, match=r"^") as refused:
        matchers_of({field: [text]})
    assert str(refused.value).startswith(what)


_labels = st.sampled_from([Label.RULE, Label.STREET, Label.SITE, Label.TAG])
_values = st.text("甲=| ab", max_size=4).map(str.strip)


@given(st.lists(st.tuples(_labels, _values), max_size=4))
def test_values_survive_being_written(pairs: list[tuple[Label, str]]) -> None:
    found = matchers_of({"match_not": [f"{label}={value}" for label, value in pairs]})
    expected: dict[str, list[str]] = {}
    for label, value in pairs:
        expected.setdefault(label, []).append(value)
    assert found == Matchers.model_validate({"match_not": expected})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"match": ["street=田林街道", "severity=info", "tag=重点", "site="]}, []),
        ({"match": ["street=田林"]}, ["no street is called '田林'; did you mean '田林街道'?"]),
        ({"match_not": ["rule=x"]}, ["no rule is called 'x'"]),
        ({"match_re": ["street=田林"]}, ["no street fits '田林'"]),
        ({"match_re": ["street=田林.*", "street=x"]}, []),
        ({"match_re": ["monitor=M.", "vendor=(x|y)"]}, ["no vendor fits '(x|y)'"]),
    ],
)
def test_what_nothing_has_is_told(given, said: list[str]) -> None:
    assert list(strangers(matchers_of(given), KNOWN)) == said
