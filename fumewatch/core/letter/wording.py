"""[receiver.wording]: a receiver's own layouts."""

import re
from functools import lru_cache
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from fumewatch.core.letter.facts import Budget, facts
from fumewatch.core.letter.samples import CONTACT, samples
from fumewatch.core.letter.style import Style
from fumewatch.core.letter.template import Layout, LayoutFault, Templates, compiled, fill
from fumewatch.core.words import Language

_PROOF: Final = re.compile(r"violat(?:e|es|ed|ion|ions|or|ors)\b|违法|违规|违反", re.IGNORECASE)


class Wording(BaseModel):
    """[receiver.wording] of a [[receiver]]: layouts of its own, as template text.

    `zh_file`, `en_file` name files that hold them. Empty: the default layout. Each is tried on a
    sample notice of every reason, so that no early warning fails on it later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: Layout = Layout("")
    en: Layout = Layout("")

    @field_validator("zh", "en")
    @classmethod
    def _works(cls, layout: Layout, info: ValidationInfo) -> Layout:
        _try_out(layout, "zh" if info.field_name == "zh" else "en")
        return layout

    @property
    def templates(self) -> Templates:
        return Templates(self.zh, self.en)


@lru_cache(maxsize=200)
def _try_out(layout: Layout, language: Language) -> None:
    """Raise ValueError that names the line of the template, or the reason it fails for."""
    if found := _PROOF.search(layout):
        line = layout.count("\n", 0, found.start()) + 1
        what = f"says {found[0]!r}; online values are an early warning (预警), never proof"
        raise LayoutFault(what, line)
    compiled(layout, Style.PLAIN, language)
    for notice in samples() + samples(to=CONTACT) if layout.strip() else ():
        given = facts(notice, language, Budget())
        try:
            text = fill(layout, Style.PLAIN, language, given)
        except LayoutFault as fault:
            what = f"{fault.what}{_of(notice['reason'])}{_hint(fault, given)}"
            raise LayoutFault(what, fault.line) from None
        if not text.strip():
            raise LayoutFault(f"says nothing{_of(notice['reason'])}", None)


def _of(reason: str) -> str:
    return f", for a notice of reason {reason!r}"


def _hint(fault: LayoutFault, given: dict[str, object]) -> str:
    if "is undefined" in fault.what:
        return f"; known: {', '.join(sorted(given))}"
    if "no element 0" in fault.what:
        return "; it has no alerts: write {% if alerts %}"
    return ""
