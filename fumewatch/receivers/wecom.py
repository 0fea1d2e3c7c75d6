"""WeCom (企业微信) group bot, as of developer.work.weixin.qq.com/document/path/91770.

(群机器人配置说明, now 消息推送配置说明 at path/99110.) From there: POST of JSON to the URL with its
key; `markdown` of 4096 bytes at most, in which <@userid> mentions; `text` of 2048 bytes at most,
with mentioned_list and mentioned_mobile_list, which markdown has not; 20 messages a minute. Codes:
path/90313 (全局错误码); 93004 and 93008 are from memory, and that 45009 ends within a minute is
what users say. Members who read in WeChat see no markdown, so `format = "text"`.
"""

from typing import ClassVar, Final, Literal

from fumewatch.core.letter import Style
from fumewatch.core.notice import Body
from fumewatch.receivers.bot import Bot, BotFields, Fault, Told, message, moment, set_up
from fumewatch.receivers.mention import Called

MOST_MARKDOWN: Final = 4096
MOST_TEXT: Final = 2048


class WeComSettings(BotFields):
    """A [[receiver]] of kind "wecom". A message that mentions a phone number or everybody goes as
    text, whatever `format` says: markdown cannot."""

    kind: Literal["wecom"]
    format: Literal["markdown", "text"] = "markdown"


class WeCom(Bot[WeComSettings]):
    platform = "WeCom"
    faults: ClassVar = {
        -1: moment("WeCom is busy", seconds=30),
        40008: message("WeCom does not know this type of message"),
        40058: message("WeCom refuses what is in the message, or its length"),
        44004: message("the message was empty"),
        45002: message("the message was too long"),
        45009: moment("too many messages for this bot", minutes=1),
        45033: moment("too many requests at one time", seconds=10),
        93000: set_up("WeCom does not know the key in the URL, or the bot was removed"),
        93004: set_up("the bot was switched off in its group"),
        93008: set_up("the bot is no longer in its group"),
    }

    def _request(self, notice: Body, who: Called) -> tuple[str, Told]:
        is_text = self._settings.format == "text" or who.mobiles or who.all
        told = self._text(notice, who) if is_text else self._markdown(notice, who)
        return self._settings.url.get_secret_value(), told

    def _markdown(self, notice: Body, who: Called) -> Told:
        end = "\n" + "".join(f"<@{name}>" for name in who.names) if who.names else ""
        letter = self._render(notice, Style.WECOM, MOST_MARKDOWN - len(end.encode()))
        return {"msgtype": "markdown", "markdown": {"content": letter.text + end}}

    def _text(self, notice: Body, who: Called) -> Told:
        text: Told = {"content": self._render(notice, Style.PLAIN, MOST_TEXT).text}
        if who.names or who.all:
            text["mentioned_list"] = [*who.names, *(["@all"] if who.all else [])]
        if who.mobiles:
            text["mentioned_mobile_list"] = list(who.mobiles)
        return {"msgtype": "text", "text": text}

    def _fault(self, code: int, said: str) -> Fault | None:
        if code == 93000 and "exceed max length" in said:  # the code of older times
            return self.faults[45002]
        return super()._fault(code, said)
