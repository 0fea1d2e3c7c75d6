"""From a notice to what is sent: the layout that fits, filled, and cut to its length."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from fumewatch.core.letter.en import EN
from fumewatch.core.letter.facts import Budget, facts
from fumewatch.core.letter.mail import mail
from fumewatch.core.letter.marks import Marks
from fumewatch.core.letter.style import Ready, Style, inert, shortened
from fumewatch.core.letter.template import COLONS, Layout, LayoutFault, Templates, fill
from fumewatch.core.letter.zh import ZH
from fumewatch.core.notice import Body
from fumewatch.core.words import Language

LONGEST_TITLE: Final = 150
_SPACE: Final = re.compile(r"\n\s*\n")
_BLANK: Final = re.compile(r"\s*\n\s*")


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
    """`templates`: a receiver's own layouts; one that fails gives way to the default one, for
    early warnings must get out. `most_bytes`: of `text` in UTF-8; None: no limit.

    What does not fit goes alert by alert from the end ("and 3 more"), then line by line, then
    names and sentences are cut; links never are.
    """
    languages: tuple[Language, ...] = ("zh", "en") if language == "both" else (language,)
    letter = _Letter(notice, languages, style, templates or Templates())
    text = letter.text(Budget())
    if most_bytes is not None and _size(text) > most_bytes:
        text = letter.fit(most_bytes)
    return Letter(letter.title(languages[0]), text)


def default(language: Language) -> Layout:
    return ZH if language == "zh" else EN


@dataclass(frozen=True, slots=True)
class _Letter:
    notice: Body
    languages: tuple[Language, ...]
    style: Style
    templates: Templates

    def title(self, language: Language) -> str:
        return shortened(self._lines(language, Style.PLAIN, Budget())[0], LONGEST_TITLE)

    def text(self, budget: Budget) -> str:
        if self.style is Style.HTML:
            return self._mail(budget)
        parts = [self._lines(code, self.style, budget) for code in self.languages]
        if self.style is Style.FEISHU:
            parts[0] = parts[0][1:]
        if self.style is Style.DINGTALK:  # there one line end ends no line
            return "\n\n".join(line for lines in parts for line in lines if line)
        return "\n\n".join("\n".join(lines) for lines in parts)

    def _mail(self, budget: Budget) -> str:
        """A layout of the receiver's own is for both parts of a mail: in HTML as plain text."""
        own = [
            self._lines(code, Style.PLAIN, budget) if self.templates.of(code) else None
            for code in self.languages
        ]
        given = [facts(self.notice, code, budget) for code in self.languages]
        titles = [self.title(code) for code in self.languages]
        return mail(self.languages, titles, given, own)

    def _lines(self, language: Language, style: Style, budget: Budget) -> list[str]:
        given = facts(self.notice, language, budget)
        own = self.templates.of(language)
        try:
            text = fill(own or default(language), style, language, given)
        except LayoutFault:
            if not own:
                raise
            own, text = Layout(""), fill(default(language), style, language, given)
        if own:  # its blank lines are meant
            return _SPACE.sub("\n\n", text.strip()).split("\n")
        return [line for line in _BLANK.split(text.strip()) if line]

    def fit(self, most: int) -> str:
        """1. Fewer alerts. 2. Fewer lines. 3. Shorter facts. 4. The bare minimum."""
        budget = Budget()
        for name in ("alerts", "lines", "letters"):
            found = self._most(budget, name, most)
            budget = replace(budget, **{name: found})
            text = self.text(budget)
            if _size(text) <= most:
                return text
        return self._bare(most)

    def _most(self, budget: Budget, name: str, most: int) -> int:
        """The most of it that fits; the least there may be where nothing does."""

        def fits(n: int) -> bool:
            return _size(self.text(replace(budget, **{name: n}))) <= most

        match name:
            case "alerts":
                return _greatest(1, len(self.notice["alerts"]), fits)
            case "lines":
                kept = self.notice["alerts"][: budget.alerts]
                texts = [each for alert in kept for each in alert["text"].values()]
                return _greatest(0, max((text.count("\n") for text in texts), default=0), fits)
            case _:
                return _greatest(0, _size(self.text(budget)), fits)

    def _bare(self, most: int) -> str:
        """The title as far as there is room, and the link if it is whole."""
        links = [alert["link"] for alert in self.notice["alerts"]] + [self.notice["link"]]
        link = Marks(self.style, COLONS[self.languages[0]]).link(next(filter(None, links), ""))
        room = most - _size(link) - 1 if link else most
        if room < 0:
            link, room = Ready(""), most
        title = self.title(self.languages[0])

        def shown(n: int) -> str:
            return inert(shortened(title, n), self.style)

        cut = shown(_greatest(0, len(title), lambda n: _size(shown(n)) <= room))
        return "\n".join(filter(None, (cut, link)))


def _greatest(least: int, most: int, fits: Callable[[int], bool]) -> int:
    """The greatest number from least to most that fits; the least where none does."""
    low, high = least, max(least, most)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
