"""From a notice to what is sent."""

from dataclasses import dataclass
from typing import Literal

from fumewatch.core.letter.style import Style
from fumewatch.core.letter.template import Templates
from fumewatch.core.notice import Body
from fumewatch.core.phrases import one_line


@dataclass(frozen=True, slots=True)
class Letter:
    """title: one line of plain text, in any dialect. text: the whole, in the dialect; it begins
    with the title, but for FEISHU, whose cards have a header for that."""

    title: str
    text: str


def render(
    notice: Body,
    *,
    language: Literal["zh", "en", "both"],
    style: Style,
    templates: Templates | None = None,
    most_bytes: int | None = None,
) -> Letter:
    """`templates`: a receiver's own layouts. `most_bytes`: of `text` in UTF-8; None: no limit.

    What does not fit goes alert by alert from the end ("and 3 more"), then line by line, then
    names and sentences are cut; links never are.
    """
    languages = ("zh", "en") if language == "both" else (language,)
    texts = [alert["text"][code] for code in languages for alert in notice["alerts"]]
    title = one_line(texts[0].partition("\n")[0], 150) if texts else notice["title"][languages[0]]
    return Letter(title, "\n\n".join(texts))
