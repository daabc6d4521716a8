"""CRC-32C (Castagnoli), the checksum that Google sends along. Pure.

Source: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
"""

from __future__ import annotations

REVERSED = 0x82F63B78
LARGEST = 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (REVERSED if byte & 1 else 0)
    return byte


TABLE = tuple(_entry(byte) for byte in range(256))


def crc32c(data: bytes) -> int:
    """The checksum of *data*.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    value = LARGEST
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ LARGEST
