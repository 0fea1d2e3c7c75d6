"""The two checksums that HJ 212 devices send.

The standard's register loses its low byte at every byte of the message, so a checksum depends on
eight bits only: on h(state) ^ byte, where h is linear over GF(2). h applied eight times changes
nothing. So bytes eight apart count alike, a message may be folded by exclusive or until eight bytes
are left, and each of these adds what its distance from the end makes of it. On a whole number of
Python a fold is two operations, whatever the length.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL: Final = 0xA001


def _shifted(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register


_TABLE: Final = [_shifted(state) for state in range(256)]
_H: Final = [crc >> 8 for crc in _TABLE]


def _powers() -> list[list[int]]:
    """[k][x]: h applied k times to x."""
    powers = [list(range(256))]
    for _ in range(7):
        powers.append([_H[x] for x in powers[-1]])
    return powers


_POWERS: Final = _powers()
_, _1, _2, _3, _4, _5, _6, _7 = _POWERS
_START: Final = [_POWERS[(length - 1) % 8][0xFF] for length in range(8)]
"""What the register's first value adds, by the message's length modulo 8."""
_PRINTED: Final = [f"{crc:04X}" for crc in _TABLE]
_EIGHT_BYTES: Final = 2**64 - 1
_HALF: Final = 2**512 - 1


def standard(data: bytes) -> int:
    """The standard's own CRC."""
    return int(printed(data), 16)


def printed(data: bytes) -> str:
    """The standard's own CRC as frames carry it: four hexadecimal digits.

    Of the folded message only the lowest 64 bits are what they should be, and only they are used.
    """
    length = len(data)
    folded = int.from_bytes(data, "big")
    if length > 256:
        if length > 512:
            folded = _folded(folded, length)
        folded ^= folded >> 2048
    folded ^= folded >> 1024
    folded ^= folded >> 512
    folded &= _HALF
    folded ^= folded >> 256
    folded ^= folded >> 128
    folded ^= folded >> 64
    a, b, c, d, e, f, g, last = (folded & _EIGHT_BYTES).to_bytes(8, "big")
    state = last ^ _1[g] ^ _2[f] ^ _3[e] ^ _4[d] ^ _5[c] ^ _6[b] ^ _7[a] ^ _START[length & 7]
    return _PRINTED[state] if length else "FFFF"


def _folded(message: int, length: int) -> int:
    """Down to 512 bytes."""
    shift = 4096
    while shift < 8 * length:
        shift *= 2
    while shift >= 4096:
        message ^= message >> shift
        shift //= 2
    return message


_POWERS_ARRAY: Final = np.array(_POWERS, np.uint8)
_START_ARRAY: Final = np.array(_START, np.uint8)
_DISTANCES: Final = np.arange(8)
_PRINTED_ARRAY: Final = np.array([list(crc.encode()) for crc in _PRINTED], np.uint8)


def printed_of(
    data: NDArray[np.uint8], starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """uint8 [n, 4]: `printed` of each data[start:end], all at once; none of them empty.

    Eight bytes or more stand before and behind each. What is folded of it lies between two of the
    exclusive-or sums that run over all of `data`.
    """
    sums = np.bitwise_xor.accumulate(data[: len(data) & -8].view(np.uint64)).view(np.uint8)
    lasts = ends[:, None] - 1 - _DISTANCES
    befores = starts[:, None] - 8 + (lasts - starts[:, None]) % 8
    added = _POWERS_ARRAY[_DISTANCES, sums[lasts] ^ sums[befores]]
    states = np.bitwise_xor.reduce(added, axis=1) ^ _START_ARRAY[(ends - starts) % 8]
    crcs: NDArray[np.uint8] = _PRINTED_ARRAY[states]
    return crcs


_BLOCK: Final = 1024


def modbus(data: bytes) -> int:
    """The ordinary CRC-16/Modbus: each of its bits is the parity of the message under a mask."""
    odd = len(data) % _BLOCK
    crc = _blockwise(0xFFFF, data[:odd]) if odd > 1 else _bytewise(0xFFFF, data[:odd])
    for place in range(odd, len(data), _BLOCK):
        crc = _blockwise(crc, data[place : place + _BLOCK])
    return crc


def _bytewise(crc: int, data: bytes) -> int:
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def _blockwise(crc: int, block: bytes) -> int:
    """The CRC so far counts as if it were added to the next two bytes."""
    swapped = (crc & 0xFF) << 8 | crc >> 8
    message = int.from_bytes(block, "big") ^ swapped << 8 * (len(block) - 2)
    found = 0
    for mask in _masks():
        found = found << 1 | (message & mask).bit_count() & 1
    return found


@cache
def _masks() -> list[int]:
    """For each bit of the CRC, highest first: which bits of a block of up to 1024 bytes it adds."""
    masks = [bytearray(_BLOCK) for _ in range(16)]
    effects = [_TABLE[1 << bit] for bit in range(8)]  # of each bit of a byte, at the end of a block
    for place in reversed(range(_BLOCK)):
        for bit, effect in enumerate(effects):
            for row, mask in enumerate(masks):
                mask[place] |= (effect >> (15 - row) & 1) << bit
        effects = [(crc >> 8) ^ _TABLE[crc & 0xFF] for crc in effects]
    return [int.from_bytes(mask, "big") for mask in masks]
