"""PNG in its plain form: written as 8-bit grey or RGB, read as any 8-bit image that is not interlaced.

A PNG file is a signature and chunks: length, type, data, CRC-32. IHDR holds the size and the kind of pixel,
IDAT the zlib-compressed rows, each behind a byte that names its filter: what was subtracted from every byte
before compression (the pixel to the left, the one above, their mean, or the nearest of three). Source: the
W3C's PNG specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from glassnet.errors import DataError
from glassnet.typing import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 2**24
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}


def encode_png(image: Array) -> bytes:
    """The PNG file of a uint8 image (H, W), (H, W, 1) or (H, W, 3)."""
    height, width = image.shape[:2]
    rows = image.reshape(height, -1)
    kind = _RGB if image.shape[2:] == (3,) else _GREY
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    no_filter = np.zeros((height, 1), np.uint8)
    data = zlib.compress(np.hstack([no_filter, rows]).tobytes(), 9)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode_png(data: bytes, name: str) -> Array:
    """The uint8 pixels of a PNG file: (H, W) if grey, (H, W, 3) if coloured; transparent becomes white."""
    header, palette, compressed = b"", b"", b""
    for kind, content in _chunks(data, name):
        match kind:
            case b"IHDR":
                header = content
            case b"PLTE":
                palette = content
            case b"IDAT":
                compressed += content
    if len(header) != 13:
        raise _broken(name, "no image header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in _CHANNELS or interlaced:
        raise DataError(
            f"{name}: this kind of PNG is not read",
            expected="8 bits per channel, not interlaced",
            received=f"{depth} bits per channel{', interlaced' if interlaced else ''}",
            fix="save the image again as plain 8-bit PNG",
        )
    if not 0 < width * height <= MAX_PIXELS:
        raise DataError(
            f"{name}: the image is too large",
            expected=f"1 to {MAX_PIXELS:,} pixels",
            received=f"{width} x {height}",
        )
    pixels = _unfilter(
        _inflate(compressed, height * (1 + width * _CHANNELS[colour]), name), height, _CHANNELS[colour], name
    )
    return _to_grey_or_rgb(pixels, colour, palette, name)


def _broken(name: str, received: str) -> DataError:
    return DataError(f"{name}: not a whole PNG file", received=received)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk up to IEND as (type, content), its checksum verified."""
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length = int.from_bytes(data[position : position + 4])
        kind, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        checksum = data[position + 8 + length : position + 12 + length]
        if len(checksum) < 4:
            raise _broken(name, "the file is truncated")
        if int.from_bytes(checksum) != zlib.crc32(kind + content):
            raise _broken(name, f"wrong checksum in chunk {kind.decode('latin-1')}")
        yield kind, content
        position += 12 + length


def _inflate(compressed: bytes, size: int, name: str) -> Array:
    """Exactly `size` bytes of image data; memory for more is never taken."""
    try:
        data = zlib.decompressobj().decompress(compressed, size + 1)
    except zlib.error as error:
        raise _broken(name, str(error)) from error
    if len(data) != size:
        raise _broken(name, f"{'more' if len(data) > size else 'less'} image data than the header says")
    return np.frombuffer(data, np.uint8)


def _unfilter(data: Array, height: int, channels: int, name: str) -> Array:
    """The pixels (H, W, channels) of filtered rows. uint8 sums wrap around at 256, as the format wants."""
    rows = data.reshape(height, -1)
    above = np.zeros(rows.shape[1] - 1, np.uint8)
    pixels = np.empty((height, above.size), np.uint8)
    for row, filtered in enumerate(rows):
        kind, line = filtered[0], filtered[1:]
        match kind:
            case 0:
                pixels[row] = line
            case 1:
                pixels[row] = np.cumsum(line.reshape(-1, channels), axis=0, dtype=np.uint8).reshape(-1)
            case 2:
                pixels[row] = line + above
            case 3 | 4:
                pixels[row] = _unfilter_by_neighbours(
                    line.tolist(), above.tolist(), channels, paeth=kind == 4
                )
            case _:
                raise _broken(name, f"unknown row filter {kind}")
        above = pixels[row]
    return pixels.reshape(height, -1, channels)


def _unfilter_by_neighbours(line: list[int], above: list[int], channels: int, *, paeth: bool) -> list[int]:
    """Undo the two filters in which a byte depends on its finished left neighbour, so byte by byte."""
    left_edge = [0] * channels
    out, above = left_edge.copy(), left_edge + above
    for i, value in enumerate(line):
        left, up, corner = out[i], above[i + channels], above[i]
        if paeth:
            guess = left + up - corner
            predicted = min(
                (left, up, corner), key=lambda neighbour: abs(guess - neighbour)
            )  # the first of equals
        else:
            predicted = (left + up) // 2
        out.append((value + predicted) & 255)
    return out[channels:]


def _to_grey_or_rgb(pixels: Array, colour: int, palette: bytes, name: str) -> Array:
    if colour == _PALETTE:
        colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
        if pixels.max() >= len(colours):
            raise _broken(name, f"colour {pixels.max()} of a palette of {len(colours)}")
        return colours[pixels[..., 0]]
    if colour in (_GREY_ALPHA, _RGBA):
        ink, alpha = pixels[..., :-1].astype(np.uint32), pixels[..., -1:].astype(np.uint32)
        pixels = ((ink * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels
