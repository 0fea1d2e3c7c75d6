"""Words that invented restaurants are made of; the streets and roads are Xuhui's own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fumewatch.core.reading import CHANNELS

STREETS: Final = {
    "天平路街道": ("衡山路", "天平路", "余庆路"),
    "湖南路街道": ("复兴西路", "武康路", "华山路"),
    "枫林路街道": ("枫林路", "东安路", "小木桥路"),
    "斜土路街道": ("斜土路", "大木桥路", "瑞金南路"),
    "徐家汇街道": ("漕溪北路", "肇嘉浜路", "天钥桥路"),
    "田林街道": ("田林路", "宜山路", "柳州路"),
    "虹梅路街道": ("虹梅路", "桂平路", "田州路"),
    "康健新村街道": ("桂林西街", "浦北路", "沪闵路"),
    "龙华街道": ("龙华西路", "龙华中路", "丰谷路"),
    "漕河泾街道": ("漕宝路", "习勤路", "康健路"),
    "长桥街道": ("上中西路", "罗城路", "罗香路"),
    "凌云路街道": ("梅陇路", "老沪闵路", "凌云路"),
    "华泾镇": ("华泾路", "长华路", "龙吴路"),
}
FIRST: Final = (
    *(
        "老灶",
        "沁味",
        "阿福",
        "云上",
        "巷口",
        "半山",
        "鼎鲜",
        "三两",
        "喜禾",
        "拾味",
        "小满",
        "江畔",
    ),
    *(
        "桐叶",
        "青瓦",
        "南窗",
        "福临",
        "一碗",
        "春和",
        "蜀香",
        "浦江",
        "禾木",
        "得月",
        "松间",
        "灶台",
    ),
)
DISHES: Final = {  # how much fume each way of cooking makes, against a noodle shop
    "面馆": 0.7,
    "小笼馆": 0.6,
    "茶餐厅": 0.9,
    "本帮菜馆": 1.0,
    "湘菜馆": 1.2,
    "川菜馆": 1.2,
    "东北菜馆": 1.1,
    "海鲜坊": 1.0,
    "火锅店": 0.6,
    "龙虾馆": 1.2,
    "羊肉馆": 1.1,
    "烧烤店": 1.4,
}
SURNAMES: Final = tuple("王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗")


class Speech(StrEnum):
    """How a monitor writes: the name of the ready-made profile that reads it."""

    CANONICAL = "canonical"
    HJ212 = "hj212"
    LAMPBLACK = "json-lampblack"


@dataclass(frozen=True, slots=True)
class Vendor:
    """A make of monitor. `refresh_s`: between two new values, least and most, in seconds.

    `holds`: outside cooking sessions it measures nothing and repeats its last value.
    `clock`: how it writes measured_at in canonical JSON.
    `garbles`: share of its messages that come once more as rubbish.
    `topic`: where it publishes its own way, "" for the common one.
    """

    code: str
    name: str
    model: str
    share: float
    refresh_s: tuple[int, int]
    holds: bool
    clock: str
    lacks: frozenset[str] = frozenset()
    speaks: Speech = Speech.CANONICAL
    topic: str = ""
    garbles: float = 0.0005

    @property
    def needs_profile(self) -> bool:
        """HJ 212 with the usual codes is read without any."""
        return self.speaks is Speech.LAMPBLACK

    def reports(self, channel: str) -> bool:
        return channel not in self.lacks


VENDORS: Final = (
    Vendor("A", "净源仪器", "JY-200", 0.40, (600, 660), True, "iso"),
    Vendor("B", "申测科技", "SC-7", 0.15, (60, 60), False, "ms"),
    Vendor("C", "云烟物联", "YY-1", 0.10, (60, 60), False, "s", frozenset(
        {"pm", "nmhc", "humidity", "velocity", "fan_on", "purifier_on"}
    )),
    Vendor("D", "沪帆自控", "HF-212", 0.25, (60, 60), False, "iso", speaks=Speech.HJ212,
           garbles=0.001),
    Vendor("E", "灶安电子", "ZA-10", 0.10, (60, 60), False, "iso", frozenset(
        {"temperature", "humidity", "velocity", "fan_current", "purifier_current"}
    ), Speech.LAMPBLACK, "zaoan/{district}/{monitor}/data"),
)  # fmt: skip
assert all(vendor.lacks <= {channel.name for channel in CHANNELS} for vendor in VENDORS)
