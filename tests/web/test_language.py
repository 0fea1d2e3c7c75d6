"""Chinese first, English too."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import fumewatch.web
from fumewatch.core import notice
from fumewatch.core.alert import Reason, Severity, State
from fumewatch.core.fleet import FleetState, Why
from fumewatch.core.followup.action import ActionKind, Outcome
from fumewatch.core.followup.answer import Lack
from fumewatch.health import QUEUE, STARTING, TAKING_OVER
from fumewatch.mqtt.queue import NOT_TOLD
from fumewatch.terms import PARTS, STANDING_BY
from fumewatch.web.language import LANGUAGES, _catalogue, choose
from fumewatch.web.picture import Unfit
from fumewatch.web.words import WORDS

FOLDER = Path(fumewatch.web.__file__).parent


@pytest.mark.parametrize(
    ("wanted", "cookie", "accept", "default", "code"),
    [
        (None, None, None, "zh", "zh"),
        (None, None, None, "en", "en"),
        (None, None, "en-US,en;q=0.9", "zh", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "en", "zh"),
        (None, None, "fr,en;q=0.2,zh;q=0.7", "en", "zh"),
        (None, None, "fr,de", "zh", "zh"),
        (None, None, "en;q=x,zh;q=0.1", "en", "zh"),
        (None, None, "en;q=0", "zh", "zh"),
        (None, "en", "zh", "zh", "en"),
        ("zh_TW", "en", "en", "en", "zh"),
        ("xx", "yy", ";;,,=", "zh", "zh"),
    ],
)
def test_the_nearest_wish_counts(
    wanted: str | None, cookie: str | None, accept: str | None, default: str, code: str
) -> None:
    assert choose(wanted, cookie, accept, default).code == code


def test_every_text_is_said_in_chinese() -> None:
    chinese = LANGUAGES["zh"]
    found = [message for _, _, message, _, _ in _texts()]
    assert len(found) > 100
    plain = [text for text in found if isinstance(text, str)]
    assert [text for text in plain if chinese.gettext(text) == text] == []
    plural = [text for text in found if isinstance(text, tuple)]
    assert [one for one, many in plural if chinese.ngettext(one, many, 2) in (one, many)] == []


def test_chinese_says_nothing_that_no_page_asks_for() -> None:
    found = {text if isinstance(text, str) else text[0] for _, _, text, _, _ in _texts()}
    chinese = _catalogue("zh")
    assert {*chinese.texts, *chinese.plurals} - found == set()


@pytest.mark.parametrize(
    "words", [FleetState, Why, State, Reason, Severity, notice.Reason, ActionKind, Lack, Unfit]
)
def test_every_word_of_the_program_can_be_said(words: type) -> None:
    assert [str(word) for word in words if word not in WORDS] == []


def test_every_part_of_a_daemon_and_what_it_does_can_be_said() -> None:
    said = (*PARTS, QUEUE, STARTING, TAKING_OVER, STANDING_BY, "stopped", NOT_TOLD)
    assert [one for one in said if one not in WORDS] == []


def test_every_outcome_can_be_said() -> None:
    assert [one for one in Outcome if f"outcome.{one}" not in WORDS] == []


def _texts() -> list[tuple]:
    return list(
        extract_from_dir(
            FOLDER,
            method_map=[("**.html", "jinja2.ext:babel_extract"), ("**.py", "python")],
            options_map={"**.html": {"extensions": "jinja2.ext.i18n", "silent": "false"}},
            keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
        )
    )
