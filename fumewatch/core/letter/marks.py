"""What a layout marks up with, in the dialect it is rendered for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from fumewatch.core.letter.style import Ready, Style, inert

_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "critical": ("warning", "red"),
    "warning": ("warning", "red"),
    "info": ("comment", "grey"),
    "resolved": ("info", "green"),
}
"""WeCom has three: info is green, comment grey, warning orange. Feishu's are called as they are."""
_UNSAFE_IN_URL: Final = re.compile(r"[^\x21-\x7e]|[()<>\"'`\[\]{}|\\^*]")
_WEB: Final = re.compile(r"https?://[^\s/]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marks:
    """Each takes facts and gives text that is ready."""

    style: Style
    colon: str

    def as_globals(self) -> dict[str, Callable[..., Ready]]:
        return {"strong": self.strong, "soft": self.soft, "tint": self.tint, "link": self.link}

    def strong(self, value: Any) -> Ready:
        text = inert(value, self.style)
        if not text or self.style is Style.PLAIN:
            return text
        return Ready(f"<b>{text}</b>" if self.style is Style.HTML else f"**{text}**")

    def soft(self, value: Any) -> Ready:
        """What matters less."""
        return self.tint(value, "info")

    def tint(self, value: Any, severity: str) -> Ready:
        """As severe as that, or "resolved". DingTalk's document knows no colours."""
        text = inert(value, self.style)
        wecom, feishu = _COLOURS.get(severity, _COLOURS["info"])
        if text and self.style is Style.WECOM:
            return Ready(f'<font color="{wecom}">{text}</font>')
        if text and self.style is Style.FEISHU:
            return Ready(f"<font color='{feishu}'>{text}</font>")
        return text

    def link(self, url: Any, label: Any = "") -> Ready:
        """Nothing where there is no address of the web."""
        address = web_address(url)
        text = inert(label, self.style)
        if not address:
            return Ready("")
        match self.style:
            case Style.PLAIN:
                return Ready(f"{text}{self.colon}{address}" if text else address)
            case Style.HTML:
                href = escape(address)
                return Ready(f'<a href="{href}">{text or href}</a>')
            case _:
                return Ready(f"[{text or address}]({address})")


def web_address(url: Any) -> str:
    """What could end a link's markup is per-cent encoded; nothing for what is no http address."""
    text = str(url or "").strip()
    if not _WEB.match(text):
        return ""
    return _UNSAFE_IN_URL.sub(_encoded, text)


def _encoded(unsafe: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in unsafe[0].encode("utf-8", "replace"))
