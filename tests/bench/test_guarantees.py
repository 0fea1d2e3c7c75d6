"""What is counted of a kill, and of a broker's log."""

import pytest

from tests.bench.crash import Cost, cost
from tests.bench.machine import Table
from tests.bench.twice import acked_in

READING = "1: Sending PUBLISH to one (d0, q1, r0, m1, 'fume/xuhui/a/up', ... (9 bytes))\n"
AGAIN = READING.replace("d0", "d1")
ECHO = "1: Sending PUBLISH to one (d0, q1, r0, m2, 'fumewatch/echo', ... (9 bytes))\n"
ACK_1 = "1: Received PUBACK from one (Mid: 1, RC:0)\n"
ACK_2 = "1: Received PUBACK from one (Mid: 2, RC:0)\n"
OTHER = "1: Received PUBACK from two (Mid: 1, RC:0)\n"


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ([1, 2, 3, 4, 5], Cost(5, in_hand=0, away=0, later=0, double=0)),
        ([1, 1, 1, 2, 3, 4, 5], Cost(5, in_hand=0, away=0, later=0, double=2)),
        ([2, 3, 4, 5], Cost(5, in_hand=1, away=0, later=0, double=0)),
        ([1, 1, 5], Cost(5, in_hand=1, away=2, later=0, double=1)),
        ([], Cost(5, in_hand=2, away=2, later=1, double=0)),
        ([0, 0, 1, 2, 3, 4, 5], Cost(5, in_hand=0, away=0, later=0, double=0)),  # not of the stream
    ],
)
def test_a_kill_costs(stored: list[int], found: Cost) -> None:
    assert cost([1, 2, 3, 4, 5], stored, killed=3, back=5) == found


@pytest.mark.parametrize(
    ("log", "acked"),
    [
        (READING, 0),
        (READING + ACK_1, 1),
        (READING + ECHO + ACK_2, 0),
        (READING + OTHER, 0),
        (READING + AGAIN + ACK_1, 1),
    ],
)
def test_acks_of_readings_are_counted(log: str, acked: int) -> None:
    assert acked_in(log) == acked


def test_tables_are_joined_by_their_first_cells() -> None:
    left = Table("speed", ("", "a second"), [("we", "2"), ("they", "1")])
    right = Table("loss", ("", "lost"), [("we", "0")])
    assert left.beside(right) == Table(
        "speed; loss", ["", "a second", "lost"], [["we", "2", "0"], ["they", "1", "-"]]
    )
