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
_MOST_PIXELS: Final = {"JPEG": 64_000_000, "PNG": 24_000_000, "WEBP": 24_000_000}
"""A JPEG is opened at a fraction of its size, the others whole: 4 bytes a pixel."""
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
        with Image.open(file, formats=_READ) as image:
            if image.width * image.height > _MOST_PIXELS[image.format or ""]:
                return Unfit.TOO_LARGE
            return _drawn(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Unfit.TOO_LARGE
    except Exception:  # whatever a file made to break a decoder may raise
        return Unfit.NONE


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
