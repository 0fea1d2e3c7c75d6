"""What a browser calls itself, as people call it."""

from typing import Final

_BROWSERS: Final = (
    *(("wxwork/", "WeCom"), ("MicroMessenger/", "WeChat"), ("DingTalk", "DingTalk")),
    *(("Lark/", "Feishu"), ("HuaweiBrowser/", "Huawei Browser"), ("Edg", "Edge")),
    *(("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome")),
    *(("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
"""Nearly all say that they are Chrome and Safari, too: those are the last."""
_SYSTEMS: Final = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("HarmonyOS", "HarmonyOS"), ("Android", "Android")),
    *(("Windows", "Windows"), ("Macintosh", "Mac"), ("Linux", "Linux")),
)


def device_of(agent: str) -> str:
    """Of a User-Agent header: "Safari · iPhone", or the header itself where it names neither."""
    found = (next((name for mark, name in of if mark in agent), "") for of in (_BROWSERS, _SYSTEMS))
    return " · ".join(filter(None, found)) or agent
