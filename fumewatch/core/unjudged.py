"""Why a monitor is not judged at some minute, as people read it."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fumewatch.core.pause import PauseReason
from fumewatch.core.words import Language

UnjudgedReason: TypeAlias = Literal["closed", "holiday"] | PauseReason

_WORDS: Final[dict[UnjudgedReason, tuple[str, str]]] = {
    "closed": ("非营业时间", "outside business hours"),
    "holiday": ("节假日休息", "closed on this public holiday"),
    "maintenance": ("维护中", "under maintenance"),
    "calibration": ("校准中", "being calibrated"),
    "closure": ("停业", "site closed for some time"),
}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """`note`: what the configuration says of a pause; "" where it says nothing.

    >>> Unjudged("maintenance", "更换净化器").text("zh")
    '维护中：更换净化器'
    """

    reason: UnjudgedReason
    note: str = ""

    def text(self, language: Language) -> str:
        zh, en = _WORDS[self.reason]
        said, colon = (zh, "：") if language == "zh" else (en, ": ")
        return f"{said}{colon}{self.note}" if self.note else said
