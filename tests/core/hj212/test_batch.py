"""Many payloads at once: what comes out is what each of them gives by itself."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fumewatch.core.decode import Decoded, Horizon
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.hj212 import translate
from fumewatch.core.decode.hj212.alike import FEWEST, Alike, alike
from fumewatch.core.decode.hj212.cut import Cut, cut
from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.decode.hj212.items import cp_items, header_items
from fumewatch.core.decode.hj212.plain import plain
from fumewatch.core.decode.profile import Profile
from tests.core.hj212.samples import HEADER, TYPICAL, TYPICAL_CP, enclosed, made
from tests.core.hj212.test_fuzz import PAYLOADS

TIME = "20261123120000"
NOON = 1_795_406_400_000_000  # that
HORIZON = Horizon(NOON - 86_400_000_000, NOON + 300_000_000)
CHANNEL = {
    "fume": {"code": ["a34041", "LAMPBLACK"]},
    "temperature": {"code": "a01012"},
    "fan_current": {"code": "ga2001"},
    "fan_on": {"code": ["ga2101", "SB1"], "from": "fan_current", "above": 0.5},
    "purifier_on": {"code": "ga0701", "on": 2, "off": 1},
}
PROFILES: list[dict[str, Any]] = [
    {},
    {"no_flag": "D", "other_monitor": "ignore"},
    {"monitor_from": "payload", "readings": [2011]},
    {"downlink": "fume/{district}/{monitor}/down", "aggregates": [2051], "readings": [2011, 2021]},
]


def decoder(options: dict[str, Any]) -> Decoder:
    return Decoder(Profile.model_validate({"name": "own", "channel": CHANNEL, **options}))


def told(decoded: Decoded) -> list[Any]:
    """All of it, by message; the faults of one in no order."""
    rows = zip(
        decoded.message.tolist(),
        decoded.names(),
        decoded.measured_at.tolist(),
        decoded.values.T.tolist(),
        decoded.quality.tolist(),
        decoded.unjudged.tolist(),
        strict=True,
    )
    faults = [(i, fault.kind, fault.detail, fault.at) for i, fault in decoded.faults]
    facts = [(fact.message, fact.monitor, fact.fact) for fact in decoded.facts]
    return [list(rows), Counter(faults), facts, decoded.oddities]


def one_by_one(by: Decoder, payloads: list[bytes], topics: list[str]) -> list[Any]:
    whole: list[Any] = [[], Counter(), [], Counter()]
    for place, (payload, topic) in enumerate(zip(payloads, topics, strict=True)):
        rows, faults, facts, oddities = told(by.decode([payload], [topic], NOON, HORIZON))
        whole[0] += [(place, *row[1:]) for row in rows]
        whole[1].update((place, *fault[1:]) for fault in faults.elements())
        whole[2] += [(place, *fact[1:]) for fact in facts]
        whole[3] += oddities
    return whole


def of(cp: str = f"DataTime={TIME};a34041-Rtd=1;a01012-Rtd=2", **header: str | None) -> bytes:
    return made(cp, **{"QN": f"{TIME}001", "MN": "M1", "Flag": "4", **header})


NUMBERS = st.sampled_from(["1"] * 20 + ["2"] * 10 + ["", "NaN", "-999", "1_0", "1e999", "x"])
FLAGS = st.sampled_from(["N", "N", "N", "N", "D", "n", "", "?!"])
TIMES = st.sampled_from([TIME] * 5 + ["20261123115900", f"{TIME}250", "20261323120000", "19991231"])
KEYS = st.sampled_from(
    [
        ("DataTime", "a34041-Rtd", "a34041-Flag"),
        ("DataTime", "a34041-Rtd", "a34041-Flag", "a01012-Rtd", "a01012-Flag"),
        ("DataTime", "a01012-Rtd", "a01012-Flag", "a34041-Rtd", "a34041-Flag"),
        ("a34041-Rtd", "a01012-Rtd", "DataTime"),
        ("DataTime", "ga2001-Rtd", "ga2001-Flag", "ga0701-Rtd"),
        ("DataTime", "a34041-Min", "a34041-Avg", "a34041-Max", "a34041-Flag"),
        ("DataTime", "SB1-RS", "SB2-RS"),
        ("DataTime", "a34004-Rtd", "a34004-Flag"),
        ("a34041-Rtd", "a34041-Flag"),
        ("DataTime", "LAMPBLACK", "LAMPBLACK"),
    ]
)


@st.composite
def readings(draw: st.DrawFn) -> bytes:
    """Frames of a few layouts; half of them without any oddity but in their values."""
    items = [f"{key}={draw(_written(key))}" for key in draw(KEYS)]
    if draw(st.booleans()):
        return of(";".join(items), QN=draw(st.sampled_from([f"{TIME}001", None])))
    last = draw(st.sampled_from(["", "", ";", ";b", ",b", ";b=1=2", ";b;1", ";a=//;//", ";a=油"]))
    return of(
        draw(st.sampled_from([";", ",", ";;"])).join(items) + last,
        QN=draw(st.sampled_from([f"{TIME}001", "2026", "", None])),
        CN=draw(st.sampled_from(["2011", "2051", "2021", "9015"])),
        MN=draw(st.sampled_from(["M1", "M2", "", None])),
        Flag=draw(st.sampled_from(["4", "5"])),
    )


def _written(key: str) -> st.SearchStrategy[str]:
    if key == "DataTime":
        return TIMES
    return FLAGS if key.endswith("-Flag") else NUMBERS


BATCHES = st.lists(st.one_of(readings(), readings(), readings(), PAYLOADS), min_size=8, max_size=12)


@settings(max_examples=30, deadline=None)
@given(
    BATCHES, st.sampled_from(PROFILES), st.sampled_from([["M1", "M1", "M2"], [""]]), st.randoms()
)
def test_a_batch_gives_what_each_gives_by_itself(
    pieces: list[bytes], options: dict[str, Any], topic: list[str], random: Random
) -> None:
    payloads = pieces * FEWEST
    random.shuffle(payloads)
    topics = random.choices(topic, k=len(payloads))
    assert len(payloads) >= translate.FEWEST
    by = decoder(options)
    assert told(by.decode(payloads, topics, NOON, HORIZON)) == one_by_one(by, payloads, topics)


WRONG_CRC = TYPICAL[:-6] + b"xxxx\r\n"
BROKEN = [
    WRONG_CRC,
    of()[:-6] + b"0000\r\n",
    b"",
    b"##",
    TYPICAL[:-7],
    TYPICAL * 2,
    TYPICAL[1:],
    b" " + TYPICAL,
    b"##0001" + of()[6:],
    b"#x" + of()[2:],
    of(f"DataTime={TIME};a34041-Rtd=1;a=油"),
    of(f"DataTime={TIME};a34041-Rtd=1&a01012-Rtd=2"),
    of(f"DataTime={TIME};a34041-Rtd=1;a=/b/"),
    enclosed(f"CN=2011;MN=M1;CP=&&DataTime={TIME};a34041-Rtd=1"),
    enclosed(f"CN=2011;MN=M1;CP=&&DataTime={TIME};a34041-Rtd=1&&;a01012-Rtd=3"),
    enclosed(f"CN=2011;MN=M1;CP=&&DataTime={TIME};a34041-Rtd=1&x&"),
    enclosed(f"CN=2011;MN=M1;CP=&x&DataTime={TIME};a34041-Rtd=1&&"),
    enclosed(f"CN=2011;MN=M1;XX=&&DataTime={TIME};a34041-Rtd=1&&"),
]
"""None of them is a whole frame without any oddity."""
GOOD = [
    of(),
    of(QN=None),
    of(f"DataTime={TIME},a34041-Rtd=3;a01012-Rtd=4;"),
    of(f"DataTime={TIME};a01012-Rtd=5;a34041-Rtd=6"),
    of(f"DataTime={TIME};a34041-Rtd=1;a01012-Rtd=-999"),
    of(f"DataTime={TIME};ga2001-Rtd=1,ga2001-Flag=N"),
    of(f"DataTime={TIME};ga2001-Rtd=1,ga2001-Flag=D"),
    of(f"DataTime={TIME};a34041-Rtd=1,a34041-Flag=N;a01012-Rtd=1,a01012-Flag=D"),
]
"""All of them are readings, and nothing is odd about them."""
ODD = [
    of(f"DataTime={TIME}250;a34041-Rtd=1;a01012-Rtd=2"),
    of("DataTime=20261323120000;a34041-Rtd=1;a01012-Rtd=2"),
    of(f"DataTime={TIME};a34041-Rtd=x;a01012-Rtd=2"),
    of(f"DataTime={TIME};a34041-Rtd=-999;a01012-Rtd=NaN"),
    of(f"DataTime={TIME};a34004-Rtd=1;a01001-Rtd=2"),
    of("a34041-Rtd=1;a01012-Rtd=2"),
    of(f"DataTime={TIME};i-Info=//a;a34041-Rtd=5;b=//;a01012-Rtd=3"),
    of(f"DataTime={TIME};a34041-Rtd=1;a34041-Rtd=2"),
    of(f"DataTime;{TIME};a34041-Rtd=1;a01012-Rtd=2"),
    of(f"DataTime={TIME};a34041-Rtd=1;b"),
    of(MN="M2"),
    of(Flag="5"),
    of(Flag="5", CN="2051"),
    of(CN="9015"),
    enclosed(f"QN=2026;MN=M2;PW=123;CN=2011;CP=&&DataTime={TIME};a34041-Rtd=1&&"),
    enclosed(f"CN=2011;MN=M1;MN=M1;CP=&&DataTime={TIME};a34041-Rtd=1&&"),
]


@pytest.mark.parametrize("options", PROFILES)
@pytest.mark.parametrize("topic", ["M1", ""])
def test_what_is_odd_is_told_as_if_it_were_alone(options: dict[str, Any], topic: str) -> None:
    payloads = [*GOOD, *ODD, *BROKEN] * FEWEST
    topics = [topic] * len(payloads)
    by = decoder(options)
    decoded = by.decode(payloads, topics, NOON, HORIZON)
    assert told(decoded) == one_by_one(by, payloads, topics)
    assert len(decoded) >= len(GOOD) * FEWEST


@given(st.lists(st.one_of(readings(), PAYLOADS), max_size=8))
@example([b"", b"#", b"##", TYPICAL, b"\r\n"])
@example([made("a=//b//"), made("a=1", MN="x&&y"), made("a=1", MN="油"), made("a=1"), b"\xff"])
@example([enclosed(text) for text in ("CP=&&a=1;&&", "CP=&&;&&", "CP=&&&&", "&&&&", "CP=&&a=1")])
@example([TYPICAL[:6] + b"QN=1;" + TYPICAL[11:], made("a=1", QN=None), made("a=1", QN="1" * 18)])
def test_what_is_cut_is_what_the_frame_holds(payloads: list[bytes]) -> None:
    found = cut(payloads)
    assert found.places == sorted(set(found.places))
    for place, head, has_qn, items in zip(*fields_of(found), strict=True):
        alone = plain(payloads[place])
        if alone is not None:
            frame = alone.frame()
            begin = f"QN={frame.header['QN']}" if has_qn else ""
            assert header_items(begin + head.decode()) == (frame.header, ())
            assert cp_items(items.decode()) == (frame.fields, ())


def fields_of(found: Cut) -> tuple[list[int], list[bytes], list[bool], list[bytes]]:
    return found.places, found.heads, found.has_qn, found.items


def test_whole_frames_can_be_cut() -> None:
    good = [TYPICAL, TYPICAL[:-2], TYPICAL[:-6] + TYPICAL[-6:].lower(), made(QN=None)]
    assert cut([*good, *BROKEN, TYPICAL]).places == [0, 1, 2, 3, len(good) + len(BROKEN)]
    assert cut([]).places == cut([b""]).places == []


def test_items_are_cut_without_their_last_semicolon() -> None:
    assert cut([made("a=1;b=2;"), made("a=1;b=2")]).items == [b"a=1;b=2"] * 2


@pytest.mark.parametrize(
    ("begin", "has_qn"),
    [
        ("QN=20261123120000001;CN=2011;", True),
        ("QN=20261123120000001", False),
        ("QN=2026;MN=M2;PW=123;CN=2011;", False),
        ("QM=20261123120000001;CN=2011;", False),
        ("QN=2026", False),
        ("", False),
    ],
)
def test_heads_are_cut_without_their_qn(begin: str, has_qn: bool) -> None:
    found = cut([enclosed(f"{begin}CP=&&a=345678;b=1&&")])
    head = begin[20:] if has_qn else begin
    assert fields_of(found) == ([0], [head.encode()], [has_qn], [b"a=345678;b=1"])


def test_a_payload_longer_than_a_frame_is_not_even_copied() -> None:
    assert cut([TYPICAL + bytes(10_000_000), TYPICAL]).places == [1]


def groups(payloads: list[bytes]) -> list[Alike]:
    return list(alike([2011] * len(payloads), cut(payloads).items))


def test_frames_are_alike_whose_keys_are_the_same_in_the_same_order() -> None:
    one, two, three = made("a=1;b=2"), made("b=2;a=1"), made("a=1,b=2")
    found = groups([one, two, three] * FEWEST)
    assert sorted(list(each.places) for each in found) == [
        [kind + 3 * place for place in range(FEWEST)] for kind in range(3)
    ]
    assert [each.values(FEWEST - 1) for each in found] == [[b"1", b"2"], [b"2", b"1"], [b"1", b"2"]]
    assert found[0].column(1) == [b"2"] * FEWEST


@pytest.mark.parametrize("cp", ["a=1", "a;1=b;2", "a=1;a=2", "a=1;b", "a==1;b=2"])
def test_frames_whose_items_are_odd_are_not_read_together(cp: str) -> None:
    assert groups([made(cp)] * FEWEST) == []


def test_few_frames_are_not_read_together() -> None:
    assert groups([made("a=1;b=2")] * (FEWEST - 1)) == []


def test_one_bad_frame_among_many_is_the_only_one_that_is_looked_at_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[bytes] = []

    def looking(payload: bytes) -> Any:
        looked_at.append(payload)
        return plain(payload)

    monkeypatch.setattr(translate, "plain", looking)
    good = encode(HEADER | {"Flag": "4"}, TYPICAL_CP.replace("20211011123600", TIME))
    bad = [
        encode(HEADER | {"Flag": "4"}, f"DataTime={time};a34041-Rtd={value};a01012-Rtd={value}")
        for time, value in ((TIME, "x"), ("2026", "1"), (TIME, "-999"))
    ]
    fine = encode(HEADER | {"Flag": "4"}, f"DataTime={TIME};a34041-Rtd=1;a01012-Rtd=-999")
    payloads = [good] * 20 + bad + [fine] * 20 + [WRONG_CRC]
    topics = [HEADER["MN"]] * len(payloads)
    decoded = decoder({}).decode(payloads, topics, NOON, HORIZON)
    assert looked_at == [*bad, WRONG_CRC]
    kinds = ["bad_value", "bad_datatime", "sentinel_value", "crc_not_hex"]
    assert [(message, fault.kind) for message, fault in decoded.faults] == list(
        zip([20, 21, 22, 43], kinds, strict=True)
    )
    assert decoded.message.tolist() == [*range(20), *range(23, 43)]
