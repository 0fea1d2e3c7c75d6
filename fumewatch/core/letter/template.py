"""A receiver's own layouts, compiled."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Templates:
    """Layouts as template text; empty: the default one of that language."""

    zh: str = ""
    en: str = ""
