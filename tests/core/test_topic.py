import pytest

from fumewatch.core.topic import Kind, Pattern, Sources


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("fume/xuhui/M1/up", ("xuhui", "M1")),
        ("fume/徐汇/油烟1号/up", ("徐汇", "油烟1号")),
        ("fume/xuhui/M1/down", None),
        ("fume/xuhui/M1", None),
        ("fume/xuhui/M1/up/x", None),
        ("fume/xuhui//up", None),
        ("fume/xuhui/" + "M" * 65 + "/up", None),
        ("fume/xuhui/M\n1/up", None),
        ("fume/" + "d" * 65 + "/M1/up", None),
    ],
)
def test_a_topic_names_district_and_monitor(topic, key):
    assert Pattern.parse("fume/+/+/up").match(topic) == key


def test_a_filter_with_one_plus_takes_its_district_from_the_configuration():
    assert Pattern.parse("sys/p1/+/post", "xuhui").match("sys/p1/D7/post") == ("xuhui", "D7")


@pytest.mark.parametrize("wrong", ["fume/#", "fume/xuhui/M1/up", "+/+/+", "fume/a+/+/up"])
def test_a_filter_that_does_not_tell_the_monitor_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\+"):
        Pattern.parse(wrong)


def test_sources_remember_and_stay_bounded():
    sources = Sources(Pattern.parse("fume/+/+/up"), Pattern.parse("fume/+/+/status"), most=3)
    first = sources[b"fume/xuhui/M1/up"]
    assert first.kind is Kind.READING
    assert sources[b"fume/xuhui/M1/up"] is first
    assert sources[b"fume/xuhui/M1/status"].kind is Kind.STATUS
    assert sources[b"\xff/what"].kind is Kind.STRANGE
    for i in range(10):
        assert sources[b"fume/x/%d/up" % i].code == str(i)
        assert len(sources) <= 3
