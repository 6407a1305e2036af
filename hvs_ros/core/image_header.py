# SPDX-License-Identifier: Apache-2.0
"""Read an image's format and size, and whether its file is whole, without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
import struct
from typing import BinaryIO
import zlib

_PNG = b'\x89PNG\r\n\x1a\n'
_JPEG_END = b'\xff\xd9'
_JPEG_START_OF_SCAN = 0xDA
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_HEIF_BRANDS = {b'avif': 'AVIF', b'avis': 'AVIF'}
_FOREIGN = (
    (b'GIF8', 'GIF'), (b'BM', 'BMP'), (b'II*\0', 'TIFF'), (b'MM\0*', 'TIFF'),
    (b'\x76\x2f\x31\x01', 'OpenEXR'), (b'#?RADIANCE', 'Radiance HDR'), (b'\xff\x0a', 'JPEG XL'),
    (b'\0\0\0\x0cJXL ', 'JPEG XL'), (b'\0\0\0\x0cjP', 'JPEG 2000'),
    (b'\xff\x4f\xff\x51', 'JPEG 2000'), (b'%PDF', 'PDF'), (b'PK\x03\x04', 'a zip'),
)


class HeaderError(ValueError):
    """Say, as the end of a sentence that starts with the file's name, what is wrong."""


@dataclass(frozen=True)
class ImageHeader:
    """Hold what a file says about itself: ``kind`` is JPEG, PNG or WebP; sizes in pixels."""

    kind: str
    width: int
    height: int


def read_header(stream: BinaryIO) -> ImageHeader:
    """
    Return the header of the image at the stream's position.

    A JPEG is left at the start of its first scan. Raise ``HeaderError`` for other formats,
    which are named, and for headers that are cut or broken.
    """
    start = stream.read(12)
    if start.startswith(b'\xff\xd8\xff'):
        stream.seek(2)
        return _jpeg_header(stream)
    if start.startswith(_PNG):
        return _png_header(stream)
    if start[:4] == b'RIFF' and start[8:12] == b'WEBP':
        return _webp_header(stream)
    raise HeaderError(f'is {_foreign_name(start)}, and only JPEG, PNG and WebP are read')


def _foreign_name(start: bytes) -> str:
    """Return the name of a format that is not read."""
    if not start:
        return 'empty'
    if start[4:8] == b'ftyp':
        return _HEIF_BRANDS.get(start[8:12], 'HEIC or another ISO media file')
    for magic, name in _FOREIGN:
        if start.startswith(magic):
            return name
    return 'not an image'


def _take(stream: BinaryIO, count: int) -> bytes:
    """Return exactly ``count`` bytes."""
    taken = stream.read(count)
    if len(taken) < count:
        raise HeaderError('is truncated: its header is cut')
    return taken


def _jpeg_header(stream: BinaryIO) -> ImageHeader:
    """Walk the segments up to the first scan."""
    size: tuple[int, int] | None = None
    while True:
        marker = _take(stream, 1)[0]
        if marker != 0xFF:
            raise HeaderError('is corrupt: its JPEG header is broken')
        while marker == 0xFF:
            marker = _take(stream, 1)[0]
        if marker in _JPEG_BARE:
            continue
        if marker == _JPEG_END[1]:
            raise HeaderError('is corrupt: it is a JPEG without a picture')
        length = struct.unpack('>H', _take(stream, 2))[0]
        content = _take(stream, max(length, 2) - 2)
        if marker in _JPEG_FRAMES and len(content) >= 5:
            height, width = struct.unpack('>HH', content[1:5])
            size = (width, height)
        if marker == _JPEG_START_OF_SCAN:
            if size is None:
                raise HeaderError('is corrupt: it is a JPEG without a size')
            return ImageHeader('JPEG', *size)


def _png_header(stream: BinaryIO) -> ImageHeader:
    """Read IHDR, which the format puts first."""
    chunk = _take(stream, 12)  # 4 bytes of its length went with the signature
    if chunk[:4] != b'IHDR':
        raise HeaderError('is corrupt: its PNG header is broken')
    return ImageHeader('PNG', *struct.unpack('>II', chunk[4:12]))


def _webp_header(stream: BinaryIO) -> ImageHeader:
    """Read the first chunk of the three kinds of WebP."""
    chunk = _take(stream, 18)
    kind, content = chunk[:4], chunk[8:]
    if kind == b'VP8X':
        width = int.from_bytes(content[4:7], 'little') + 1
        return ImageHeader('WebP', width, int.from_bytes(content[7:10], 'little') + 1)
    if kind == b'VP8L' and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], 'little')
        return ImageHeader('WebP', (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b'VP8 ' and content[3:6] == b'\x9d\x01\x2a':
        width, height = struct.unpack('<HH', content[6:10])
        return ImageHeader('WebP', width & 0x3FFF, height & 0x3FFF)
    raise HeaderError('is corrupt: its WebP header is broken')


def check_end(stream: BinaryIO, header: ImageHeader, size: int) -> None:
    """
    Raise ``HeaderError`` when the file of ``size`` bytes stops before its picture does.

    Call it right after ``read_header`` on the same stream. Reads a few bytes of the end, and
    all of it only in a JPEG with a long trailer.
    """
    if header.kind == 'JPEG':
        scan = stream.tell()
        stream.seek(max(scan, size - (1 << 16)))
        if _JPEG_END in stream.read():
            return
        stream.seek(scan)
        whole = _JPEG_END in stream.read()
    elif header.kind == 'PNG':
        stream.seek(max(0, size - (1 << 16)))
        whole = b'IEND' in stream.read()
    else:
        stream.seek(4)
        whole = struct.unpack('<I', _take(stream, 4))[0] + 8 <= size
    if not whole:
        raise HeaderError('is truncated: its picture is cut')


def check_png_chunks(content: bytes) -> None:
    """Raise ``HeaderError`` when a chunk is cut or its checksum is wrong, as decoders may not."""
    view = memoryview(content)
    at = len(_PNG)
    while at + 12 <= len(content):
        length = struct.unpack_from('>I', content, at)[0]
        end = at + 12 + length
        if end > len(content):
            break
        if zlib.crc32(view[at + 4:end - 4]) != struct.unpack_from('>I', content, end - 4)[0]:
            raise HeaderError('is corrupt: a PNG checksum is wrong')
        if content[at + 4:at + 8] == b'IEND':
            return
        at = end
    raise HeaderError('is truncated: its picture is cut')
