"""[receiver.wording]: a receiver's own layouts."""

from pydantic import BaseModel, ConfigDict

from fumewatch.core.letter.template import Templates


class Wording(BaseModel):
    """[receiver.wording] of a [[receiver]]: layouts of its own, as template text.

    `zh_file`, `en_file` name files that hold them. Empty: the default layout.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = ""
    en: str = ""

    @property
    def templates(self) -> Templates:
        return Templates(self.zh, self.en)
