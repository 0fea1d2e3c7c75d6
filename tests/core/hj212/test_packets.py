"""Frames split into packets and put together again."""

from fumewatch.core.decode.hj212.frame import Frame, parse
from fumewatch.core.decode.hj212.packets import merged
from tests.core.hj212.samples import SAMPLES, made

SPLIT = [parse(each["frame"].encode()) for each in SAMPLES if "PNUM=" in each["frame"]]
TIME = "DataTime=20160801080000"


def packet(place: int, total: int = 3, *, cp: str = "", **header: str) -> Frame:
    header = {"Flag": "7", "PNUM": str(total), "PNO": str(place)} | header
    return parse(made(f"{TIME};{cp or f'a{place}-Rtd={place}'}", **header))


def test_the_example_of_the_standard() -> None:
    (frame,) = merged(SPLIT)
    assert list(frame.pollutants) == ["w00000", "w01001", "w01018"]
    assert frame.cp_fields == {"DataTime": "20160801080000"}
    assert "PNUM" not in frame.header
    assert frame.header["QN"] == SPLIT[0].header["QN"]
    assert frame.oddities == ()


def test_packets_come_in_any_order() -> None:
    (frame,) = merged([packet(3), packet(1), packet(2)])
    assert list(frame.fields) == ["DataTime", "a1-Rtd", "a2-Rtd", "a3-Rtd"]


def test_what_is_no_packet_stays_where_it_is() -> None:
    single, odd = parse(made("a=1;b=2")), packet(1, total=1)
    read = merged([single, packet(1, 2), odd, packet(2, 2), single])
    assert [each is single for each in read] == [True, False, False, True]
    assert read[2] is odd


def test_a_missing_packet_is_told_and_the_others_are_kept() -> None:
    (frame,) = merged([packet(1), packet(3)])
    assert frame.oddities == ("packet_missing",)
    assert list(frame.fields) == ["DataTime", "a1-Rtd", "a3-Rtd"]


def test_monitors_commands_and_times_are_kept_apart() -> None:
    other_time = parse(made("DataTime=20160801090000;a=1", PNUM="2", PNO="2"))
    parts = [packet(1, 2), packet(2, 2, MN="M2"), packet(2, 2, CN="2051"), other_time]
    assert [frame.oddities for frame in merged(parts)] == [("packet_missing",)] * 4


def test_of_a_packet_that_comes_twice_the_later_counts() -> None:
    (frame,) = merged([packet(1, 2, cp="a-Rtd=1"), packet(2, 2), packet(1, 2, cp="a-Rtd=5")])
    assert frame.fields["a-Rtd"] == "5"
    assert frame.oddities == ()


def test_oddities_of_every_packet_are_told_once() -> None:
    (frame,) = merged([packet(1, 2, cp="a=1;a=2"), packet(2, 2, cp="b=1;b=2")])
    assert frame.oddities == ("duplicate_key",)


def test_of_nothing_comes_nothing() -> None:
    assert merged([]) == []
