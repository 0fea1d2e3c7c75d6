"""Feishu (飞书) custom group bot, as of open.feishu.cn, 自定义机器人使用指南.

(document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN.) From there: POST of JSON to the hook's URL, with
`timestamp` (s, within an hour) and `sign` in the body, whose HMAC is of nothing, with timestamp,
line break and secret as its KEY; a request of 20 KB at most; 100 a minute and 5 a second, and
refusals on the hour and half-hour even so (11232); members are mentioned by Open ID or User ID
only, and a card that mentions everybody fails where the group does not allow it. The card is JSON
1.0, which every client shows: .../feishu-cards/card-components/content-components/rich-text. Codes
19001, 19007 and 11246, and 9499 for "too many request", are what users have seen.
"""

import base64
import hashlib
import hmac
from functools import partial
from typing import ClassVar, Final, Literal

from pydantic import Field, SecretStr, field_validator

from fumewatch.core.letter import Style
from fumewatch.core.notice import Body
from fumewatch.receivers.bot import (
    Bot,
    BotFields,
    Fault,
    Told,
    as_title,
    fitted,
    message,
    moment,
    set_up,
)
from fumewatch.receivers.mention import Called, Mention

MOST_BYTES: Final = 20_000
COLOURS: Final = {"critical": "red", "warning": "orange", "info": "blue"}

_TOO_OFTEN: Final = moment("too many messages for this bot, or Feishu is busy", seconds=30)


class FeishuSettings(BotFields):
    """A [[receiver]] of kind "feishu". `secret`: of 签名校验, where the bot is set so."""

    kind: Literal["feishu"]
    secret: SecretStr | None = None
    most_per_minute: int = Field(100, ge=0, le=6000)

    @field_validator("mention")
    @classmethod
    def _has_no_mobiles(cls, mention: Mention) -> Mention:
        if mention.mobiles:
            raise ValueError("a bot of Feishu mentions by Open ID or User ID: put them in names")
        return mention


class Feishu(Bot[FeishuSettings]):
    platform = "Feishu"
    codes: ClassVar = {"code": "msg", "StatusCode": "StatusMessage"}
    limits = ((5, 1.1),)
    faults: ClassVar = {
        9499: message("Feishu finds the message malformed, or longer than 20 KB"),
        11232: _TOO_OFTEN,
        11246: message("Feishu refuses the card"),
        19001: set_up("Feishu does not know the hook in the URL; copy it again"),
        19007: set_up("the bot was switched off in its group"),
        19021: set_up("signature refused: is `secret` the bot's 签名校验, and the clock right?"),
        19022: set_up("our address is not in the bot's IP 白名单; add it there"),
        19024: message("none of the bot's 自定义关键词 is in it; allow 预警 and Early warning"),
    }

    def _request(self, notice: Body, who: Called) -> tuple[str, Told]:
        told = partial(self._told, notice, who, self._signature())
        return self._settings.url.get_secret_value(), fitted(told, MOST_BYTES)

    def _signature(self) -> Told:
        if self._settings.secret is None:
            return {}
        timestamp = str(int(self._now().timestamp()))
        secret = self._settings.secret.get_secret_value()
        return {"timestamp": timestamp, "sign": sign(timestamp, secret)}

    def _told(self, notice: Body, who: Called, signature: Told, most: int) -> Told:
        letter = self._render(notice, Style.FEISHU, most)
        ids = [*who.names, *(["all"] if who.all else [])]
        end = "\n" + "".join(f"<at id={name}></at>" for name in ids) if ids else ""
        title: Told = {"tag": "plain_text", "content": as_title(letter.title)}
        card = {
            "config": {"wide_screen_mode": True},
            "header": {"template": colour(notice), "title": title},
            "elements": [{"tag": "markdown", "content": letter.text + end}],
        }
        return {**signature, "msg_type": "interactive", "card": card}

    def _fault(self, code: int, said: str) -> Fault | None:
        if code == 9499 and "too many" in said.lower():
            return _TOO_OFTEN
        return super()._fault(code, said)


def colour(notice: Body) -> str:
    """Of the card's head."""
    return "green" if notice["state"] == "resolved" else COLOURS[notice["severity"]]


def sign(timestamp: str, secret: str) -> str:
    """`timestamp`: seconds."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()
