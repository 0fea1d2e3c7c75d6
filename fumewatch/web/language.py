"""The reader's language: Chinese first, English too.

Texts are written in English in templates and code; locales/zh_CN.po says them in Chinese. It is
read once, when first asked for, so no compiled catalogue has to be built or kept in step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from babel.messages.pofile import read_po

Code = Literal["zh", "en"]
COOKIE: Final = "fumewatch_lang"


@dataclass(frozen=True, slots=True)
class Language:
    """`html` is for the lang attribute, `locale` for Babel."""

    code: Code
    html: str
    locale: str
    own_name: str

    def gettext(self, message: str) -> str:
        return _catalogue(self.code).texts.get(message, message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return _catalogue(self.code).plurals.get(one) or (one if n == 1 else many)


class _Catalogue(NamedTuple):
    texts: Mapping[str, str]
    plurals: Mapping[str, str]


@cache
def _catalogue(code: Code) -> _Catalogue:
    return _chinese() if code == "zh" else _Catalogue({}, {})


def _chinese() -> _Catalogue:
    texts: dict[str, str] = {}
    plurals: dict[str, str] = {}
    with (files("fumewatch.web") / "locales" / "zh_CN.po").open("rb") as file:
        for message in read_po(file, locale="zh_CN"):
            match message.id, message.string:
                case (str(id), str(string)) if id and string:
                    texts[id] = string
                case ((one, _), (string, *_)) if string:  # Chinese has one form for any number
                    plurals[one] = string
                case _:
                    pass
    return _Catalogue(texts, plurals)


LANGUAGES: Final[dict[Code, Language]] = {
    "zh": Language("zh", "zh-CN", "zh_CN", "中文"),
    "en": Language("en", "en", "en", "English"),
}


def choose(wanted: str | None, cookie: str | None, accept: str | None, default: Code) -> Language:
    """The first of: ?lang=, the cookie, Accept-Language, the configured default."""
    for word in (wanted, cookie, *_accepted(accept or "")):
        if word and (known := _known(word)):
            return known
    return LANGUAGES[default]


def _known(word: str) -> Language | None:
    """By the primary subtag: zh-CN, zh_TW and zh are all Chinese."""
    primary = word.strip().lower().replace("_", "-").split("-")[0]
    return next((language for code, language in LANGUAGES.items() if code == primary), None)


def _accepted(header: str) -> list[str]:
    """The header's languages, most wanted first; what cannot be read counts least."""
    weighted = []
    for part in header.split(",")[:20]:
        tag, _, parameter = part.partition(";")
        weighted.append((-_weight(parameter.strip()), tag))
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight]


def _weight(parameter: str) -> float:
    if not parameter.startswith("q="):
        return 1.0
    try:
        return float(parameter[2:])
    except ValueError:
        return 0.0
