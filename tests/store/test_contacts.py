"""Contacts in the store: who stays whom, who goes."""

from dataclasses import replace

import pytest

from fumewatch.core.addressing import Addressing, Entry
from fumewatch.core.facts import Facts, SiteFacts
from fumewatch.core.notice import Contact
from fumewatch.store import Connection, Database, contacts, sites
from fumewatch.store.tally import Tally

OWNER = Entry("site", "S1", Contact(0, "王店长", phone="13800000000"))
REPAIR = Entry("vendor", "明创", Contact(0, "repair", email="repair@example.org", language="en"))
PATROL = Entry("street", "田林街道", Contact(0, "值班", account="tianlin"))
EVERYBODY = (OWNER, REPAIR, PATROL)


@pytest.fixture
def conn(database: Database):
    with database.transaction() as conn:
        sites.replace(conn, Facts((SiteFacts("S1", "甲", "xuhui", "田林街道"),), (), ()))
        yield conn


def ids(conn: Connection) -> dict[str, int]:
    return {entry.contact.name: entry.contact.id for entry in contacts.all_contacts(conn)}


def without_ids(conn: Connection) -> tuple[Entry, ...]:
    stored = contacts.all_contacts(conn)
    return tuple(replace(entry, contact=replace(entry.contact, id=0)) for entry in stored)


def test_what_goes_in_comes_out(conn: Connection) -> None:
    assert contacts.add(conn, EVERYBODY) == Tally(3, 0, 0)
    assert contacts.add(conn, EVERYBODY) == Tally(0, 0, 3)
    assert without_ids(conn) == EVERYBODY


def test_a_person_keeps_the_id_whatever_else_changes(conn: Connection) -> None:
    contacts.add(conn, EVERYBODY)
    before = ids(conn)
    moved = replace(OWNER, contact=replace(OWNER.contact, phone="13900000000"))
    new = replace(OWNER, contact=replace(OWNER.contact, name="李店长"))
    assert contacts.add(conn, [moved, new]) == Tally(1, 1, 0)
    assert {**ids(conn), **before} == ids(conn)
    assert set(without_ids(conn)) == {moved, new, REPAIR, PATROL}


def test_the_same_name_elsewhere_is_somebody_else(conn: Connection) -> None:
    both = [PATROL, replace(PATROL, of="枫林街道"), replace(PATROL, role="vendor")]
    assert contacts.add(conn, both) == Tally(3, 0, 0)


def test_replacing_removes_only_whom_the_file_does_not_name(conn: Connection) -> None:
    contacts.add(conn, EVERYBODY)
    before = ids(conn)
    assert contacts.replace(conn, [OWNER, PATROL]) == (Tally(0, 0, 2), 1)
    assert ids(conn) == {name: before[name] for name in ("王店长", "值班")}


def test_vendors_and_streets_that_nothing_has_are_told(conn: Connection) -> None:
    contacts.add(conn, EVERYBODY)
    assert contacts.strangers(conn) == [("vendor", "明创")]


def test_the_stored_are_addressed(conn: Connection) -> None:
    contacts.add(conn, EVERYBODY)
    addressing = Addressing(contacts.all_contacts(conn))
    known = ids(conn)
    assert {name: addressing.named(f"contact {number}").name for name, number in known.items()} == {
        name: name for name in known
    }
    assert addressing.named("contact 0") is None
