"""contacts.csv: what it says, what is said of a wrong one, whom a place addresses."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core import contacts_csv
from fumewatch.core.addressing import Addressing, Entry
from fumewatch.core.errors import ImportRefused
from fumewatch.core.notice import Contact
from fumewatch.core.site import Place

SITES = {"S1", "S2"}
HEADER = ",".join(column.name for column in contacts_csv.COLUMNS)


def people(text: str | bytes) -> tuple[Entry, ...]:
    data = text.encode() if isinstance(text, str) else text
    return contacts_csv.parse(data, "c.csv", SITES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_list(encoding: str) -> None:
    text = (
        "姓名,单位编码,厂商,街道,手机号,邮箱,账号,语言\n"
        "王店长,S1,,,138-0000 0000,,,\n"
        "repair,,明创,,+86 (21) 5555-0000,r@example.org,,英文\n"
        "值班,,,田林街道,,,tianlin,双语\n"
    )
    assert people(text.encode(encoding)) == (
        Entry("site", "S1", Contact(0, "王店长", phone="13800000000")),
        Entry("vendor", "明创", Contact(0, "repair", "r@example.org", "+862155550000", "", "en")),
        Entry("street", "田林街道", Contact(0, "值班", account="tianlin", language="both")),
    )


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("S1,,,,a@b.cn,,,", " name: missing; every row needs it"),
        (",,,甲,a@b.cn,,,", ": a contact is of one site_code, vendor or street; here is none"),
        (
            "S1,,田林,甲,a@b.cn,,,",
            ": a contact is of one site_code, vendor or street; here is site_code and street",
        ),
        ("9,,,甲,a@b.cn,,,", " site_code: no site has the code '9'; see sites list"),
        ("S1,,,甲,,,,", ": cannot be reached; give an email, a phone or an account"),
        ("S1,,,乙,a@b.cn,,,", " name: 乙 of S1 is in line 2; delete one"),
        ("S1,,," + "甲" * 65 + ",a@b.cn,,,", " name: has 65 characters; 64 are allowed"),
        (
            "S1,,,甲,a b@c.cn,,,",
            " email: 'a b@c.cn' is no e-mail address; write one, like duty@example.org",
        ),
        (
            "S1,,,甲,a@b,,,",
            " email: 'a@b' is no e-mail address; write one, like duty@example.org",
        ),
        (
            "S1,,,甲,,1.38E+10,,",
            " phone: '1.38E+10' is a number that Excel has rounded; format the column as text",
        ),
        (
            "S1,,,甲,,打电话,,",
            " phone: '打电话' is no phone number; write one, like 13800000000",
        ),
        ("S1,,,甲,,,all,", " account: 'all' would mention everybody; name one person's account"),
        ("S1,,,甲,,,@all,", " account: '@all' is a formula; paste its value"),
        (
            "S1,,,甲,,,a <b>,",
            " account: 'a <b>' is no account; write the user id, without spaces or brackets",
        ),
        ("S1,,,甲,,,x,fr", " language: 'fr' is no language of messages; write zh, en or both"),
    ],
)
def test_a_bad_row(row: str, fault: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        people(f"{HEADER}\nS1,,,乙,b@b.cn,,,\n{row}\n")
    assert [str(fault) for fault in refused.value.faults] == [f"c.csv:3{fault}"]


def test_every_bad_row_is_named_at_once() -> None:
    with pytest.raises(ImportRefused) as refused:
        people("street,name,phone\n田林,甲,x\n田林,乙,13800000000\n,丙,13800000000\n")
    assert [fault.where for fault in refused.value.faults] == ["c.csv:2 phone", "c.csv:4"]


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    for data in (text, f"{HEADER}\n{text}"):
        with contextlib.suppress(ImportRefused):
            people(data.encode(errors="replace"))


_word = st.text("甲乙丙ab,\"' ", min_size=1, max_size=8).map(str.strip).filter(bool)
_entries = st.builds(
    Entry,
    st.sampled_from(("vendor", "street")),
    _word,
    st.builds(
        Contact,
        st.just(0),
        _word,
        st.sampled_from(("", "a@example.org")),
        st.sampled_from(("13800000000", "+862155550000")),
        st.sampled_from(("", "tianlin")),
        st.sampled_from(("zh", "en", "both")),
    ),
)


@given(
    st.lists(
        _entries, max_size=5, unique_by=lambda entry: (*entry.role, entry.of, entry.contact.name)
    )
)
@settings(max_examples=50, deadline=None)
def test_what_is_written_reads_back(entries: list[Entry]) -> None:
    assert people(contacts_csv.write(entries)) == tuple(entries)


OWNER, COOK, REPAIR, PATROL = (Contact(number, "") for number in (1, 2, 3, 4))
ADDRESSING = Addressing(
    [
        Entry("site", "S1", OWNER),
        Entry("vendor", "V", REPAIR),
        Entry("site", "S1", COOK),
        Entry("street", "V", PATROL),
    ]
)
HERE = Place(1, "M1", "xuhui", 1, "甲", "S1", ("甲", "乙"), "田林", vendor="V")


@pytest.mark.parametrize(
    ("role", "contacts"), [("site", (OWNER, COOK)), ("vendor", (REPAIR,)), ("street", ())]
)
def test_a_place_addresses_the_contacts_of_its_site_vendor_or_street(role, contacts) -> None:
    assert ADDRESSING(HERE, role) == contacts
    assert list(ADDRESSING.lacking([HERE], role)) == ([] if contacts else [HERE])


@pytest.mark.parametrize("role", ["site", "vendor", "street"])
def test_an_unassigned_monitor_addresses_nobody(role) -> None:
    assert ADDRESSING(Place(2, "M2", "xuhui"), role) == ()


def test_an_addressee_is_found_by_its_name() -> None:
    assert ADDRESSING.named("contact 3") is REPAIR
    assert ADDRESSING.named("contact 9") is None
