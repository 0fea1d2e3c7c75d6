"""Text can be read: 4.5 to 1 against whatever it stands on, by day and by night."""

import re
from pathlib import Path

import pytest

import fumewatch.web

CSS = (Path(fumewatch.web.__file__).parent / "static" / "base.css").read_text()
DAY, NIGHT = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
ON = [
    *((text, "ground") for text in ("ink", "soft", "accent")),
    *((text, "surface") for text in ("ink", "soft", "accent")),
    *((text, "raised") for text in ("ink", "soft", "accent")),
    *((text, f"{text}-wash") for text in ("critical", "warning", "info", "good")),
    *((text, "surface") for text in ("critical", "warning", "info", "good")),
    ("ink", "critical-wash"),
    ("soft", "critical-wash"),
]


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize(("text", "ground"), ON)
def test_text_stands_out(theme: dict[str, str], text: str, ground: str) -> None:
    light, dark = sorted((_luminance(theme[text]), _luminance(theme[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
