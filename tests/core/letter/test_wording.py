"""[receiver.wording]: what a layout of one's own may be."""

import pytest
from pydantic import ValidationError

from fumewatch.core.letter import Templates, Wording
from fumewatch.core.letter.letter import default
from fumewatch.core.letter.template import Layout

IF = "{% if alerts %}"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (
            "预警\n{{ nothing }}",
            r"template line 2: 'nothing' is undefined, .*; known: alerts, at, ",
        ),
        (
            f"预警\n\n{IF}{{{{ alerts[0].hedline }}}}{{% endif %}}",
            r"line 3: .*no attribute 'hedline'",
        ),
        (
            "预警 {{ alerts[0].site }}",
            r"of reason 'dead man'; it has no alerts: write {% if alerts %}",
        ),
        ("预警\n{% if alerts %}", "template line 2: Unexpected end of template"),
        ("{{ title | safe }}预警", "No filter named 'safe'"),
        ("预警 {{ 1 / 0 }}", "template line 1: ZeroDivisionError"),
        (
            "预警{{ title.__class__ }}",
            "template line 1: not allowed: access to attribute '__class__'",
        ),
        ("{% include 'x' %}预警", "template line 1: "),
        (f"{IF}预警{{% endif %}}", "says nothing, for a notice of reason 'dead man'"),
        ("预警\n此店违法", r"template line 2: says '违法'; online values are an early warning"),
        ("a violation", "says 'violation'"),
    ],
)
def test_a_layout_that_will_not_do_is_told_with_its_line(layout: str, words: str) -> None:
    for language in ("zh", "en"):
        with pytest.raises(ValidationError, match=words):
            Wording.model_validate({language: layout})


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_default_layout_will_do(language: str) -> None:
    layout = default("zh" if language == "zh" else "en")

    assert getattr(Wording.model_validate({language: layout}).templates, language) == layout


def test_without_any_the_default_ones_are_meant() -> None:
    assert Wording().templates == Templates(Layout(""), Layout(""))
