import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.link import Link, Refusal, of_receiver, opened, read, sign

SECRET = "0123456789abcdef0123456789abcdef"
ALERT = uuid.UUID("018f2c6a-7b1e-5c40-9d5e-3f0a1b2c3d4e")
NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


def token(addressee: str = "contact 7", secret: str = SECRET, valid: timedelta = WEEK) -> str:
    return sign(secret, ALERT, addressee, signed_at=NOW, expires_at=NOW + valid)


addressees = st.integers(1, 2**31).map("contact {}".format) | st.from_regex(
    r"[\w.-]{1,64}", fullmatch=True
).map(of_receiver)
minutes = st.integers(0, 90 * 24 * 60).map(lambda n: timedelta(minutes=n))


@given(st.uuids(), addressees, minutes)
def test_what_was_signed_is_read(alert, addressee, valid):
    signed = sign(SECRET, alert, addressee, signed_at=NOW, expires_at=NOW + valid)
    assert opened([SECRET], signed) == Link(alert, addressee, NOW, NOW + valid)


@given(st.integers(0, 49), st.characters(codec="utf-8"))
def test_a_changed_character_opens_nothing(place, other):
    true = token()
    forged = true[:place] + other + true[place + 1 :]
    assert forged == true or read([SECRET], forged, NOW) is Refusal.FORGED


@given(st.text(max_size=900))
def test_whatever_else_is_written_opens_nothing(text):
    assert read([SECRET], text, NOW) is Refusal.FORGED


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        (token()[:-1], "cut"),
        (token() + "=", "padded"),
        (token() + "A", "longer"),
        (token()[:20] + "\n" + token()[20:], "broken into lines"),
        ("A" * 2000, "huge"),
        (token(secret="another secret of 32 characters."), "of another daemon"),
        (base64.urlsafe_b64encode(bytes(60)).decode(), "zeros"),
    ],
)
def test_forged(text, why):
    assert read([SECRET], text, NOW) is Refusal.FORGED, why


def test_another_spelling_of_the_same_bytes_is_refused():
    signed = sign(SECRET, ALERT, "contact 300", signed_at=NOW, expires_at=NOW)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = {signed[:-1] + c for c in last} - {signed}
    assert all(opened([SECRET], other) is None for other in others)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (NOW, True),
        (NOW + WEEK - timedelta(seconds=1), True),
        (NOW + WEEK, False),
        (NOW + 10 * WEEK, False),
    ],
)
def test_it_opens_until_it_expires(at, opens):
    found = read([SECRET], token(), at)
    assert (found == opened([SECRET], token())) if opens else (found is Refusal.EXPIRED)


def test_a_secret_can_be_changed_while_links_are_on_their_way():
    old = token(secret="the old one, of thirty-two bytes")
    assert isinstance(read([SECRET, "the old one, of thirty-two bytes"], old, NOW), Link)
    assert read([SECRET], old, NOW) is Refusal.FORGED
    assert read([], old, NOW) is Refusal.FORGED


def test_whose_it_is():
    contact, receiver = opened([SECRET], token()), opened([SECRET], token("receiver contact-7"))
    assert contact
    assert (contact.contact, contact.receiver) == (7, None)
    assert receiver
    assert (receiver.contact, receiver.receiver) == (None, "contact-7")


def test_it_fits_a_short_message():
    assert len(token("contact 65535")) <= 51
    assert len(token("receiver 徐汇区大气科值班")) <= 80


@pytest.mark.parametrize(
    "addressee", ["", "contact", "contact 0", "contact x", "receiver ", "duty"]
)
def test_there_are_two_kinds_of_addressee(addressee):
    with pytest.raises(ValueError, match="neither 'contact N' nor 'receiver NAME'"):
        token(addressee)


def test_it_cannot_expire_before_it_is_signed():
    with pytest.raises(ValueError, match="before it is signed"):
        token(valid=timedelta(seconds=-1))
