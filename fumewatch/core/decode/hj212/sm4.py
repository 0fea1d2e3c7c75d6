"""SM4 in ECB mode, as HJ 212-2025 has it for CP; the ciphertext comes in hexadecimal or base64.

The standard pads nothing, so devices fill the last block up themselves: with zeros or blanks, or by
PKCS#7. All of them are read. cryptography is imported when the first encrypted frame comes.
"""

import re
from base64 import b64decode, b64encode
from typing import Final, Literal

KEY_BYTES: Final = 16
_BLOCK: Final = 16
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{32})+")
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

Form = Literal["hex", "base64"]
Padding = Literal["pkcs7", "zero"]


def ciphertext(text: str) -> bytes | None:
    """The blocks that a CP holds; None where it holds anything else."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not text or not _BASE64.fullmatch(text):
        return None
    blocks = b64decode(text)
    return None if len(blocks) % _BLOCK else blocks


def decrypt(key: bytes, blocks: bytes) -> bytes:
    """The plaintext without its padding. With a wrong key it is noise."""
    plain = _through(key, blocks, decrypts=True)
    last = plain[-1]
    if 0 < last <= _BLOCK and plain.endswith(bytes([last]) * last):
        return plain[:-last]
    return plain.rstrip(b"\0 ")


def encrypt(key: bytes, plain: bytes, *, padding: Padding = "pkcs7", form: Form = "hex") -> str:
    """The text that stands between `CP=&&` and `&&`."""
    missing = -len(plain) % _BLOCK
    filling = b"\0"
    if padding == "pkcs7":
        missing = missing or _BLOCK
        filling = bytes([missing])
    blocks = _through(key, plain + filling * missing, decrypts=False)
    return blocks.hex().upper() if form == "hex" else b64encode(blocks).decode()


def _through(key: bytes, blocks: bytes, *, decrypts: bool) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.SM4(key), modes.ECB())  # HJ 212-2025 wants it  # nosec B305
    context = cipher.decryptor() if decrypts else cipher.encryptor()
    return context.update(blocks) + context.finalize()
