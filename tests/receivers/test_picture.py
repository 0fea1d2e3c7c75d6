"""The plot of a mail, looked at dot by dot."""

import io
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from fumewatch.core.letter.curve import Curve
from fumewatch.core.letter.samples import AT, sample_curve
from fumewatch.receivers.picture import HEIGHT, WIDTH, draw

ZONE = ZoneInfo("Asia/Shanghai")
BLUE, GREY, RED, PINK = (9, 105, 218), (140, 149, 159), (209, 36, 47), (253, 236, 236)


def dots(curve: Curve) -> dict[tuple[int, int, int], int]:
    image = Image.open(io.BytesIO(draw(curve, ZONE))).convert("RGB")
    assert image.size == (WIDTH, HEIGHT)
    near: dict[tuple[int, int, int], int] = dict.fromkeys((BLUE, GREY, RED, PINK), 0)
    for count, colour in image.getcolors(1_000_000) or []:
        for wanted in near:
            if all(abs(a - b) <= 4 for a, b in zip(colour, wanted, strict=True)):
                near[wanted] += count
    return near


def test_fresh_values_are_a_line_held_ones_dots_the_limit_red_and_the_alert_shaded() -> None:
    seen = dots(sample_curve())

    assert seen[BLUE] > 3000
    assert 500 < seen[GREY] < seen[BLUE]
    assert seen[RED] > 3000
    assert seen[PINK] > 5000


@pytest.mark.parametrize(
    ("overrides", "colour"),
    [
        ({"limit": None}, RED),
        ({"fresh": (True,) * 181}, GREY),
        ({"fresh": (False,) * 181}, BLUE),
        ({"opened_at": AT + timedelta(hours=1)}, PINK),
    ],
)
def test_what_is_not_there_is_not_drawn(
    overrides: dict[str, object], colour: tuple[int, int, int]
) -> None:
    found = dots(replace(sample_curve(), **overrides))  # type: ignore[arg-type]

    assert found[colour] < 150  # letters have grey edges


def test_a_gap_is_no_line() -> None:
    whole = sample_curve()
    values = tuple(None if 100 <= n < 160 else value for n, value in enumerate(whole.values))

    assert dots(replace(whole, values=values))[BLUE] < 0.7 * dots(whole)[BLUE]


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ((0.0, 0.0), None),
        ((1e-4, 2e-4), None),
        ((29.9, 0.0), 2.0),
        ((199_000.0, 1.0), None),
        ((-40.0, 5.0), None),
    ],
)
def test_any_values_can_be_drawn(values: tuple[float, float], limit: float | None) -> None:
    at = (AT - timedelta(minutes=1), AT)

    assert draw(Curve("fume", at, values, (True, True), limit, AT), ZONE).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("overrides", "language", "caption"),
    [
        (
            {},
            "zh",
            "油烟浓度 (mg/m³)，11-23 09:15 至 12:15；实线为新测值；虚线为未刷新的保持值；"
            "红线为限值 1.00 mg/m³；浅红区为预警时段",
        ),
        (
            {"fresh": (True,) * 181, "limit": None},
            "en",
            "fume (mg/m³), 11-23 09:15 to 12:15; shaded: the early warning",
        ),
    ],
)
def test_the_caption_says_what_can_be_seen(
    overrides: dict[str, object], language: str, caption: str
) -> None:
    curve = replace(sample_curve(), **overrides)  # type: ignore[arg-type]

    assert curve.caption("zh" if language == "zh" else "en", ZONE) == caption
