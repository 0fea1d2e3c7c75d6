"""Topics of a profile as text: which levels stand for the district and the monitor."""

from typing import Final

PLACES: Final = ("{district}", "{monitor}")


def check_topic(topic: str) -> None:
    """Raise ValueError where it is no topic with {district}, {monitor} and + for whole levels."""
    if "#" in topic:
        raise ValueError(
            f"{topic!r}: '#' does not tell which level is the monitor; use {{monitor}}"
        )
    for level in topic.split("/"):
        if level != "+" and "+" in level:
            raise ValueError(f"{topic!r}: '+' stands for a whole level, not for a part of one")
        _check_level(topic, level)
    _check_once(topic)


def check_downlink(topic: str) -> None:
    """Raise ValueError where it is no topic to publish to, with {district} and {monitor} in it."""
    if "#" in topic or "+" in topic:
        raise ValueError(f"{topic!r}: nothing is published to a topic with '+' or '#'")
    for level in topic.split("/"):
        _check_level(topic, level)
    _check_once(topic)
    if topic and "{monitor}" not in topic.split("/"):
        raise ValueError(f"{topic!r} is no monitor's own; write {{monitor}} for a level of it")


def _check_level(topic: str, level: str) -> None:
    if level not in PLACES and ("{" in level or "}" in level):
        raise ValueError(f"{topic!r}: a level is {{district}}, {{monitor}} or text, not {level!r}")


def _check_once(topic: str) -> None:
    for place in PLACES:
        if topic.count(place) > 1:
            raise ValueError(f"{topic!r}: {place} stands there twice")
