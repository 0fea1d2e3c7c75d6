"""Photos from phones, drawn anew: nothing of the file that came is kept.

What is stored holds pixels only: no EXIF (where and with what it was taken), nothing behind the
picture's end, no second meaning for a browser that guesses.
"""

import io
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from PIL import Image, ImageOps

LONGEST_SIDE: Final = 1600
MEDIA_TYPE: Final = "image/jpeg"
_QUALITY: Final = 82
_READ: Final = ("JPEG", "PNG", "WEBP")
_MOST_PIXELS: Final = 24_000_000
"""Opened whole: 4 bytes a pixel, 6 of a progressive JPEG."""
_MOST_PIXELS_OF_BASELINE: Final = 64_000_000
"""A JPEG in one pass is opened at a fraction of its size."""
_SCAN: Final = b"\xff\xda"
"""SOS of ISO/IEC 10918-1: never in the data of a scan itself, where 00 follows each ff."""
_MOST_SCANS: Final = 40
"""A camera's JPEG has 1, a progressive one about 10, its previews a few more. A scan of 90 bytes
makes the decoder go through all pixels once more."""
_BRANDS_OF_HEIC: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
)
"""Of ISO/IEC 14496-12's ftyp box, as ISO/IEC 23008-12 names them for HEIF."""


class Unfit(StrEnum):
    """Why a file is not taken as a photo."""

    HEIC = "photo is heic"
    NONE = "photo is none"
    TOO_LARGE = "photo too large"


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG; `width` and `height` in pixels."""

    content: bytes
    width: int
    height: int


def drawn_anew(file: BinaryIO) -> Picture | Unfit:
    """The photo upright, its longest side at most LONGEST_SIDE. Takes about a second of a CPU."""
    head = file.read(12)
    file.seek(0)
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS_OF_HEIC:
        return Unfit.HEIC
    try:
        if file.read().count(_SCAN) > _MOST_SCANS and head.startswith(b"\xff\xd8"):
            return Unfit.NONE
        file.seek(0)
        with Image.open(file, formats=_READ) as image:
            is_too_large = image.width * image.height > _most_pixels(image)
            return Unfit.TOO_LARGE if is_too_large else _drawn(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Unfit.TOO_LARGE
    except Exception:  # whatever a file made to break a decoder may raise
        return Unfit.NONE


def _most_pixels(image: Image.Image) -> int:
    """MPO: a JPEG with others behind it, as phones write for depth or brightness."""
    is_baseline = image.format in ("JPEG", "MPO") and "progressive" not in image.info
    return _MOST_PIXELS_OF_BASELINE if is_baseline else _MOST_PIXELS


def _drawn(image: Image.Image) -> Picture:
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = _opaque(ImageOps.exif_transpose(image))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(out.getvalue(), upright.width, upright.height)


def _opaque(image: Image.Image) -> Image.Image:
    """On white, where it lets something through; a copy that carries nothing but pixels."""
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGB", layer.size, "white")
        ground.paste(layer, mask=layer)
        return ground
    plain = Image.new("RGB", image.size)
    plain.paste(image.convert("RGB"))
    return plain
