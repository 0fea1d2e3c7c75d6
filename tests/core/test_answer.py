"""What can be said through a link, and who sees what."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.followup.answer import (
    LONGEST_TEXT,
    Answer,
    Lack,
    Meant,
    Role,
    Said,
    is_shown,
    meant,
    offered,
    paragraph,
)

NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
PARTY, INSPECTOR = Role.RESPONSIBLE, Role.SUPERVISOR


def test_only_a_supervisor_visits_and_closes():
    assert set(Answer) - set(offered(PARTY)) == {Answer.VISITED, Answer.OUTCOME}
    assert set(Answer) - set(offered(INSPECTOR)) == {Answer.CLAIM}


def test_a_correction_needs_a_photo_of_the_site_only():
    said = Said("王", "done")
    assert meant(Answer.CORRECTED, said, PARTY, NOW) is Lack.PHOTO
    assert meant(Answer.CORRECTED, said, INSPECTOR, NOW) == Meant(ActionKind.CORRECTED, "done", {})


@given(
    st.sampled_from(Answer),
    st.builds(
        Said,
        name=st.text(max_size=50),
        text=st.text(max_size=1100),
        until=st.none() | st.datetimes(timezones=st.just(UTC)),
        outcome=st.sampled_from(["", "confirmed", "false alarm", "resolved", "fined"]),
        photos=st.integers(0, 3),
    ),
    st.sampled_from(Role),
)
def test_whatever_is_said_is_an_action_or_lacks_something(answer, said, role):
    found = meant(answer, said, role, NOW)
    if isinstance(found, Meant):
        assert all(line.isprintable() for line in found.note.split("\n"))
        assert len(found.note) <= LONGEST_TEXT
        Action(uuid.UUID(int=1), NOW, found.kind, said.name, "link", detail=dict(found.detail))
    else:
        assert found in list(Lack)


@pytest.mark.parametrize(
    ("until", "is_taken"),
    [
        (None, False),
        (NOW, False),
        (NOW + timedelta(minutes=1), True),
        (NOW + timedelta(days=30), True),
        (NOW + timedelta(days=30, minutes=1), False),
    ],
)
def test_a_correction_is_promised_for_a_time_to_come(until, is_taken):
    found = meant(Answer.CORRECTING, Said("王", until=until), PARTY, NOW)
    assert (found is not Lack.UNTIL) == is_taken


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a\r\n\r\n\r\nb  c ", "a\nb c"),
        ("\u202eevil\x00\x07", "evil"),
        ("\n\n", ""),
        ("a\u2028b\u0085c", "a\nb\nc"),
    ],
)
def test_a_text_keeps_its_lines_and_nothing_that_turns_them(text, shown):
    assert paragraph(text) == shown


@pytest.mark.parametrize(
    ("kind", "whose", "role", "is_seen"),
    [
        (ActionKind.NOTE, "receiver duty", PARTY, False),
        (ActionKind.NOTE, "contact 1", PARTY, True),
        (ActionKind.NOTE, "contact 2", PARTY, False),
        (ActionKind.NOTE, "contact 2", INSPECTOR, True),
        (ActionKind.LINK_REVOKED, "", PARTY, False),
        (ActionKind.VISITED, "receiver duty", PARTY, True),
        (ActionKind.OUTCOME, "receiver duty", PARTY, True),
    ],
)
def test_notes_of_supervisors_are_among_themselves(kind, whose, role, is_seen):
    assert is_shown(kind, whose, role, "contact 1") == is_seen
