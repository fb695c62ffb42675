"""PNG in its plain form: written as 8-bit grey or RGB, read as anything up to 8 bits, not interlaced.

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
_DEPTHS = {_GREY: (1, 2, 4, 8), _RGB: (8,), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8,), _RGBA: (8,)}


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
    header, palette, compressed = b"", b"", bytearray()
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
    if depth not in _DEPTHS.get(colour, ()) or interlaced:
        raise DataError(
            f"{name}: this kind of PNG is not read",
            expected="at most 8 bits per channel, not interlaced",
            received=f"{depth} bits per channel{', interlaced' if interlaced else ''}",
            fix="save the image again as plain 8-bit PNG",
        )
    if not 0 < width * height <= MAX_PIXELS:
        expected = f"1 to {MAX_PIXELS:,} pixels"
        raise DataError(f"{name}: wrong image size", expected=expected, received=f"{width} x {height}")
    channels = _CHANNELS[colour]
    row_bytes = (width * channels * depth + 7) // 8
    filtered = _inflate(compressed, height * (1 + row_bytes), name)
    rows = _unfilter(filtered.reshape(height, -1), max(1, channels * depth // 8), name)
    pixels = _unpack(rows, depth)[:, : width * channels].reshape(height, width, channels)
    if colour == _PALETTE:
        return _look_up(pixels[..., 0], palette, name)
    return _to_grey_or_rgb(pixels * np.uint8(255 // (2**depth - 1)))


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


def _inflate(compressed: bytearray, size: int, name: str) -> Array:
    """Exactly `size` bytes of image data; memory for more is never taken."""
    try:
        data = zlib.decompressobj().decompress(compressed, size + 1)
    except zlib.error as error:
        raise _broken(name, str(error)) from error
    if len(data) != size:
        raise _broken(name, f"{'more' if len(data) > size else 'less'} image data than the header says")
    return np.frombuffer(data, np.uint8)


def _unfilter(rows: Array, step: int, name: str) -> Array:
    """The bytes of every row with its filter undone; `step` bytes lie between a byte and its left neighbour.

    Sums of uint8 wrap around at 256, as the format wants.
    """
    out = np.empty((len(rows), rows.shape[1] - 1), np.uint8)
    above = np.zeros(out.shape[1], np.uint8)
    for row, (kind, line) in enumerate(zip(rows[:, 0], rows[:, 1:], strict=True)):
        match kind:
            case 0:
                out[row] = line
            case 1:
                out[row] = np.cumsum(line.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
            case 2:
                out[row] = line + above
            case 3 | 4:
                out[row] = _unfilter_by_neighbours(line.tolist(), above.tolist(), step, paeth=kind == 4)
            case _:
                raise _broken(name, f"unknown row filter {kind}")
        above = out[row]
    return out


def _unfilter_by_neighbours(line: list[int], above: list[int], step: int, *, paeth: bool) -> list[int]:
    """Undo the two filters in which a byte depends on its finished left neighbour, so byte by byte."""
    left_edge = [0] * step
    out, above = left_edge.copy(), left_edge + above
    for i, value in enumerate(line):
        left, up, corner = out[i], above[i + step], above[i]
        if paeth:
            guess = left + up - corner
            distances = abs(guess - left), abs(guess - up), abs(guess - corner)
            predicted = (left, up, corner)[distances.index(min(distances))]
        else:
            predicted = (left + up) // 2
        out.append((value + predicted) & 255)
    return out[step:]


def _unpack(rows: Array, depth: int) -> Array:
    """One value per element, where up to eight share a byte, the first in its highest bits."""
    if depth == 8:
        return rows
    bits = np.unpackbits(rows, axis=1).reshape(len(rows), -1, depth)
    weights = 2 ** np.arange(depth - 1, -1, -1, dtype=np.uint8)
    return np.asarray(bits @ weights)


def _look_up(indices: Array, palette: bytes, name: str) -> Array:
    colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    if indices.max() >= len(colours):
        raise _broken(name, f"colour {indices.max()} of a palette of {len(colours)}")
    return colours[indices]


def _to_grey_or_rgb(pixels: Array) -> Array:
    """Pixels (H, W, channels) without their alpha channel, laid over white, and without an axis of size 1."""
    if pixels.shape[2] in (2, 4):
        ink, alpha = pixels[..., :-1].astype(np.uint32), pixels[..., -1:].astype(np.uint32)
        pixels = ((ink * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels
