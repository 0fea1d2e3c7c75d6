"""Layouts compiled: Jinja2 in a sandbox, where every value that is put out is made inert.

Templates are rendered by `finalize`, which escapes for the dialect, and not by Jinja2's own escape,
which knows HTML only. What a macro or a block puts together is Ready: all of its parts were.
"""

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final, NewType

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fumewatch.core.letter.marks import Marks
from fumewatch.core.letter.style import Ready, Style, inert
from fumewatch.core.words import Language

Layout = NewType("Layout", str)
"""Template text. A file that holds one is no secret."""

COLONS: Final[Mapping[str, str]] = {"zh": "：", "en": ": "}
_MEANINGLESS: Final = ("safe", "escape", "e", "forceescape", "urlize", "xmlattr", "tojson")
"""Filters for HTML: values are escaped for their dialect anyway, and nothing turns that off."""


@dataclass(frozen=True, slots=True)
class Templates:
    """A receiver's own layouts; empty: the default one of that language."""

    zh: Layout = Layout("")
    en: Layout = Layout("")

    def of(self, language: Language) -> Layout:
        return self.zh if language == "zh" else self.en


class LayoutFault(ValueError):
    """What is wrong with a layout, and in which of its lines; None: of no line in particular."""

    def __init__(self, what: str, line: int | None) -> None:
        self.what = what
        self.line = line
        super().__init__(f"template line {line}: {what}" if line else what)


class _Environment(ImmutableSandboxedEnvironment):
    @staticmethod
    def concat(parts: Iterable[str]) -> Ready:
        return Ready("".join(parts))


@lru_cache(maxsize=200)
def compiled(layout: str, style: Style, language: Language) -> Template:
    """Raise LayoutFault."""
    try:
        return _environment(style, language).from_string(layout)
    except TemplateSyntaxError as error:
        raise LayoutFault((error.message or "no template").rstrip("."), error.lineno) from None
    except TemplateError as error:  # an unknown filter
        raise LayoutFault(str(error), None) from None


def fill(layout: str, style: Style, language: Language, facts: Mapping[str, Any]) -> Ready:
    """Raise LayoutFault, also for what only shows with these facts."""
    template = compiled(layout, style, language)
    try:
        return Ready(template.render(facts))
    except SecurityError as error:
        raise LayoutFault(f"not allowed: {error}", _line(error)) from None
    except Exception as error:
        what = (
            str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        )
        raise LayoutFault(what, _line(error)) from None


def said(
    layout: str, macro: str, style: Style, language: Language, facts: Mapping[str, Any]
) -> Ready:
    """What one macro of a layout says."""
    module = compiled(layout, style, language).make_module(dict(facts))
    return Ready(getattr(module, macro)())


@cache
def _environment(style: Style, language: Language) -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        finalize=partial(inert, style=style),
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    for name in (*_MEANINGLESS, "random"):
        environment.filters.pop(name, None)
    environment.globals.update(Marks(style, COLONS[language]).as_globals())
    environment.globals.pop("lipsum", None)
    return environment


def _line(error: BaseException) -> int | None:
    """Of the template, in a trace that Jinja2 has rewritten to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
    return lines[-1] if lines else None
