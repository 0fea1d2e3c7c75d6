"""DingTalk (钉钉) custom group bot, as of open.dingtalk.com, 自定义机器人接入 and its 安全设置.

(document/robots/custom-robot-access, now under orgapp.) From there: POST of JSON to the URL with
its access_token; `timestamp` (ms, within an hour) and `sign` in the query; markdown of title and
text; `at`, and an @ for each of them in the text itself; 20 messages a minute, beyond which the bot
is shut for 10 minutes; 310000 for signature, keyword and address alike, told apart by its words.
The limit of 20,000 bytes is in the words of 460101, as users have seen them; 300005 and 40035 are
what the server was seen to say; 4000xx, 4001xx and 4301xx are from copies of its table of codes.
"""

import base64
import hashlib
import hmac
from functools import partial
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote

from pydantic import SecretStr

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
from fumewatch.receivers.mention import Called

MOST_BYTES: Final = 20_000

_TOO_OFTEN: Final = moment("more than 20 messages a minute: the bot is shut", minutes=10)
_NO_TOKEN: Final = set_up("DingTalk does not know the access_token in the URL; copy it again")
_UNFIT: Final = message("DingTalk finds something in the message unfit")
_SIGN: Final = set_up("signature refused: is `secret` the bot's 加签, and the clock right?")
_KEYWORD: Final = message("none of the bot's 自定义关键词 is in it; allow 预警 and Early warning")
_ADDRESS: Final = set_up("our address is not in the bot's IP 地址段; add it there")


class DingTalkSettings(BotFields):
    """A [[receiver]] of kind "dingtalk". `secret`: of 加签, where the bot is set so."""

    kind: Literal["dingtalk"]
    secret: SecretStr | None = None


class DingTalk(Bot[DingTalkSettings]):
    platform = "DingTalk"
    faults: ClassVar = {
        -1: moment("DingTalk is busy", seconds=30),
        130101: _TOO_OFTEN,
        410100: _TOO_OFTEN,
        300001: _NO_TOKEN,
        300005: _NO_TOKEN,
        400101: _NO_TOKEN,
        400013: set_up("the group is dissolved"),
        400102: set_up("the bot was switched off in its group"),
        400106: set_up("there is no such bot"),
        430101: _UNFIT,
        430102: _UNFIT,
        430103: _UNFIT,
        430104: _UNFIT,
        460101: message("the message was too long"),
        40035: message("DingTalk misses something in the message"),
        43004: message("DingTalk does not know this kind of content"),
        400105: message("DingTalk does not know this type of message"),
    }

    def _request(self, notice: Body, who: Called) -> tuple[str, Told]:
        return self._signed(), fitted(partial(self._told, notice, who), MOST_BYTES)

    def _signed(self) -> str:
        url, secret = self._settings.url.get_secret_value(), self._settings.secret
        if secret is None:
            return url
        timestamp = str(int(self._now().timestamp() * 1000))
        signature = quote(sign(timestamp, secret.get_secret_value()), safe="")
        return f"{url}{'&' if '?' in url else '?'}timestamp={timestamp}&sign={signature}"

    def _told(self, notice: Body, who: Called, most: int) -> Told:
        letter = self._render(notice, Style.DINGTALK, most)
        at = [*who.names, *who.mobiles, *(["所有人"] if who.all else [])]
        end = "\n\n" + " ".join(f"@{name}" for name in at) if at else ""
        return {
            "msgtype": "markdown",
            "markdown": {"title": as_title(letter.title), "text": letter.text + end},
            "at": {
                "atUserIds": list(who.names),
                "atMobiles": list(who.mobiles),
                "isAtAll": who.all,
            },
        }

    def _fault(self, code: int, said: str) -> Fault | None:
        if code == 310000:
            return _insecure(said.lower())
        if code == 40035 and "access_token" in said:
            return _NO_TOKEN
        return super()._fault(code, said)

    def _odd(self, answer: Any) -> Fault | None:
        """DingTalk's gateway, of an address that asks too often: {"punish": "deny", "wait": 5}."""
        if isinstance(answer, dict) and answer.get("punish") == "deny":
            return moment("DingTalk's gateway shuts our address out", minutes=5)
        return None


def _insecure(said: str) -> Fault:
    if "keyword" in said or "关键词" in said:
        return _KEYWORD
    if "whitelist" in said or "白名单" in said:
        return _ADDRESS
    if "sign" in said or "timestamp" in said or "签名" in said:
        return _SIGN
    return set_up("refused by the bot's 安全设置: signature, keyword or address")


def sign(timestamp: str, secret: str) -> str:
    """Base64, not yet fit for a URL. `timestamp`: milliseconds."""
    asked = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), asked, hashlib.sha256)).decode()
