"""Both checksums against their definitions, bit by bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode.hj212.crc import modbus, printed, printed_of, standard

LENGTHS = (0, 1, 2, 7, 8, 9, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1026, 2049, 9999)


def standard_by_definition(data: bytes) -> int:
    register = 0xFFFF
    for byte in data:
        register = shifted_eight_times((register >> 8) ^ byte)
    return register


def modbus_by_definition(data: bytes) -> int:
    register = 0xFFFF
    for byte in data:
        register = shifted_eight_times(register ^ byte)
    return register


def shifted_eight_times(register: int) -> int:
    for _ in range(8):
        lowest = register & 1
        register >>= 1
        if lowest:
            register ^= 0xA001
    return register


@given(st.binary(max_size=1200))
def test_any_message(data: bytes) -> None:
    assert standard(data) == standard_by_definition(data)
    assert modbus(data) == modbus_by_definition(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=9), st.integers(8, 20))
def test_many_messages_at_once(messages: list[bytes], margin: int) -> None:
    data = bytes(margin) + b"".join(messages) + bytes(margin)
    lengths = np.array([len(message) for message in messages], np.intp)
    ends = margin + np.cumsum(lengths)
    found = printed_of(np.frombuffer(data, np.uint8), ends - lengths, ends)
    assert [bytes(crc).decode() for crc in found] == [printed(message) for message in messages]


@pytest.mark.parametrize("length", LENGTHS)
def test_any_length(length: int) -> None:
    data = bytes(place * 7 % 251 for place in range(length))
    assert standard(data) == standard_by_definition(data)
    assert modbus(data) == modbus_by_definition(data)


def test_the_check_values_that_are_published() -> None:
    assert modbus(b"123456789") == 0x4B37
    example = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    assert printed(example + b"CP=&&RtdInterval=30&&") == "1C80"


def test_there_are_256_standard_checksums_and_0000_is_one() -> None:
    checksums = {printed(bytes([byte])) for byte in range(256)}
    assert len(checksums) == 256
    assert "0000" in checksums
