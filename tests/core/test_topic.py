import pytest

from fumewatch.core.topic import Pattern, fill


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
@pytest.mark.parametrize("written", ["fume/+/+/up", "fume/{district}/{monitor}/up"])
def test_a_topic_names_district_and_monitor(topic, key, written):
    assert Pattern.parse(written).match(topic) == key


@pytest.mark.parametrize(
    ("template", "topic", "key"),
    [
        ("sys/p1/+/post", "sys/p1/D7/post", ("xuhui", "D7")),
        ("/sys/+/{monitor}/post", "/sys/any/D7/post", ("xuhui", "D7")),
        ("{monitor}/{district}/+", "D7/minhang/x", ("minhang", "D7")),
        ("/sys/+/{monitor}/post", "sys/any/D7/post", None),
    ],
)
def test_a_template_may_have_any_order_and_a_district_from_the_configuration(template, topic, key):
    assert Pattern.parse(template, "xuhui").match(topic) == key


def test_a_gateway_topic_names_no_monitor():
    gateway = Pattern.parse("gateway/{district}/up", names_monitor=False)
    assert gateway.match("gateway/xuhui/up") == ("xuhui", "")
    assert Pattern.parse("all", "xuhui", names_monitor=False).match("all") == ("xuhui", "")


@pytest.mark.parametrize(
    ("template", "filter_"),
    [
        ("fume/+/+/up", "fume/+/+/up"),
        ("/sys/+/{monitor}/post", "/sys/+/+/post"),
        ("{district}/{monitor}/up", "+/+/up"),
    ],
)
def test_what_is_subscribed_to(template, filter_):
    assert Pattern.parse(template).filter == filter_


@pytest.mark.parametrize(
    "wrong",
    [
        "fume/#",
        "fume/xuhui/M1/up",
        "+/+/+",
        "fume/a+/+/up",
        "fume/{monitr}/up",
        "fume/{monitor}/{monitor}",
        "fume/{district}/+/up",
        "fume/x{monitor}/up",
    ],
)
def test_a_template_that_does_not_tell_the_monitor_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\+"):
        Pattern.parse(wrong)


@pytest.mark.parametrize("code", ["M1/../x", "M+", "#", "M\0"])
def test_a_name_that_cannot_stand_in_a_topic_gets_no_answer(code):
    assert fill("fume/{district}/{monitor}/down", "xuhui", code) is None
    assert fill("fume/{district}/{monitor}/down", "xuhui", "M1") == "fume/xuhui/M1/down"
