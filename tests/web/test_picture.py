"""Photos from phones, and files that are made to look like one."""

import io
from typing import Any

import pytest
from PIL import Image

from fumewatch.web.picture import Picture, Unfit, drawn_anew

SCAN = b"\xff\xda"


def a_file(kind: str, size: tuple[int, int] = (400, 300), **how: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "gray").save(out, kind, **how)
    return out.getvalue()


def with_scans(count: int) -> bytes:
    """Its last scan again and again: small to send, long to decode."""
    data = a_file("JPEG", progressive=True)
    last = data[data.rindex(SCAN) : -2]
    return data[:-2] + last * (count - data.count(SCAN)) + b"\xff\xd9"


PHONES = {
    "baseline": a_file("JPEG"),
    "progressive": a_file("JPEG", progressive=True),
    "large": a_file("JPEG", (6000, 5000)),
    "with a second picture behind it": a_file(
        "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))]
    ),
    "png": a_file("PNG"),
    "webp": a_file("WEBP"),
}
BOMBS = {
    "scans": (with_scans(1000), Unfit.NONE),
    "progressive": (a_file("JPEG", (6000, 5000), progressive=True), Unfit.TOO_LARGE),
    "png": (a_file("PNG", (6000, 5000)), Unfit.TOO_LARGE),
}


@pytest.mark.parametrize("data", PHONES.values(), ids=PHONES)
def test_what_phones_send_is_taken(data: bytes) -> None:
    assert isinstance(drawn_anew(io.BytesIO(data)), Picture)


@pytest.mark.parametrize(("data", "why"), BOMBS.values(), ids=BOMBS)
def test_what_takes_long_is_not_opened(data: bytes, why: Unfit) -> None:
    assert drawn_anew(io.BytesIO(data)) is why
