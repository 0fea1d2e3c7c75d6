"""Matchers as people write and read them: severity=warning, street=~田林.*, site!=示例饭店."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from fumewatch.core.routing import Label, Matchers
from fumewatch.core.site import Place

Field = Literal["match", "match_re", "match_not"]
_SIGNS: Final[tuple[tuple[Field, Literal["=", "=~", "!="]], ...]] = (
    ("match", "="),
    ("match_re", "=~"),
    ("match_not", "!="),
)

Known = Mapping[Label, frozenset[str]]
"""The values that each label has somewhere; a label that is not named may have any."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one label must be."""

    label: Label
    sign: Literal["=", "=~", "!="]
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.label}{self.sign}{' | '.join(self.values)}"


def conditions(matchers: Matchers) -> tuple[Condition, ...]:
    """None: everything is meant."""
    return tuple(
        Condition(label, sign, values)
        for field, sign in _SIGNS
        for label, values in getattr(matchers, field).items()
    )


def written(matchers: Matchers) -> str:
    """
    >>> written(Matchers(match={"severity": ["info", "warning"]}, match_not={"site": "A"}))
    'severity=info | warning, site!=A'
    """
    return ", ".join(map(str, conditions(matchers))) or "everything"


def matchers_of(given: Mapping[Field, Iterable[str]]) -> Matchers:
    """Of texts such as "severity=warning"; a label that comes again may have either value.

    Raise ValueError that says which is wrong, and what to write.
    """
    read: dict[str, dict[str, list[str]]] = {}
    for field, texts in given.items():
        for text in texts:
            label, value = _split(text)
            read.setdefault(field, {}).setdefault(label, []).append(value)
    try:
        return Matchers.model_validate(read)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def known_values(places: Iterable[Place], rules: Mapping[str, str]) -> Known:
    """Of all monitors, and of rules by id, with their kind."""
    listed = list(places)
    return {
        Label.RULE: frozenset(rules),
        Label.KIND: frozenset(rules.values()),
        Label.MONITOR: frozenset(place.code for place in listed),
        Label.DISTRICT: frozenset(place.district for place in listed),
        Label.STREET: frozenset(place.street for place in listed),
        Label.SITE: frozenset(place.site for place in listed),
        Label.VENDOR: frozenset(place.vendor for place in listed),
        Label.TAG: frozenset(tag for place in listed for tag in place.tags),
    }


def strangers(matchers: Matchers, known: Known) -> Iterator[str]:
    """What is asked for and nothing has, likely misspelt: a sentence each."""
    for field in (matchers.match, matchers.match_not):
        for label, values in field.items():
            yield from (
                f"no {label} is called {value!r}{_near(value, known[label])}"
                for value in values
                if label in known and value not in known[label]
            )
    for label, values in matchers.match_re.items():
        patterns = [re.compile(value) for value in values]
        if label in known and not any(p.fullmatch(v) for v in known[label] for p in patterns):
            yield f"no {label} fits {' or '.join(map(repr, values))}"


def covers(wider: Matchers, narrower: Matchers) -> bool:
    """Whatever `narrower` takes `wider` takes, as far as their texts tell: patterns are compared as
    they are written."""
    return (
        all(_within(label, wanted, narrower) for label, wanted in wider.match.items())
        and all(_fitting(label, texts, narrower) for label, texts in wider.match_re.items())
        and all(_without(label, not_, narrower) for label, not_ in wider.match_not.items())
    )


def _within(label: Label, wanted: tuple[str, ...], narrower: Matchers) -> bool:
    return label in narrower.match and set(narrower.match[label]) <= set(wanted)


def _fitting(label: Label, texts: tuple[str, ...], narrower: Matchers) -> bool:
    if label in narrower.match_re and set(narrower.match_re[label]) <= set(texts):
        return True
    values = narrower.match.get(label)
    return values is not None and all(any(re.fullmatch(t, v) for t in texts) for v in values)


def _without(label: Label, unwanted: tuple[str, ...], narrower: Matchers) -> bool:
    """A site has several tags: that it has one says nothing of the others."""
    if set(unwanted) <= set(narrower.match_not.get(label, ())):
        return True
    values = narrower.match.get(label)
    return label != Label.TAG and values is not None and not set(values) & set(unwanted)


def _split(text: str) -> tuple[str, str]:
    label, sign, value = text.partition("=")
    label, value = label.strip(), value.strip()
    if not sign:
        raise ValueError(f"{text!r} is no matcher; write label=value, like severity=warning")
    if label not in list(Label):
        hint = _near(label, list(Label)) or f"; there are {', '.join(Label)}"
        raise ValueError(f"no label is called {label!r}{hint}")
    return label, value


def _near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, [one for one in known if one], n=1, cutoff=0.6)
    return f"; did you mean {str(found[0])!r}?" if found else ""
