"""Reading one image file: PNG, and PGM, the plainest picture format there is."""

from __future__ import annotations

import os
import re

import numpy as np

from glassnet.datasets.files import checked_path
from glassnet.datasets.png import MAX_PIXELS, SIGNATURE, decode_png
from glassnet.errors import DataError
from glassnet.typing import Array

_MAX_BYTES = 2**26
_PGM_HEADER = re.compile(rb"P([25])" + 3 * rb"(?:\s|#[^\n]*\n)+(\d{1,9})" + rb"\s")
_KNOWN = {b"\xff\xd8\xff": "a JPEG file", b"GIF8": "a GIF file", b"BM": "a BMP file", b"RIFF": "a WebP file"}


def read_image(path: str | os.PathLike[str]) -> Array:
    """The pixels of a PNG or PGM file as uint8: (H, W) for a grey image, (H, W, 3) for a coloured one.

    >>> read_image("photo.jpg")
    Traceback (most recent call last):
    glassnet.errors.DataError: photo.jpg: the file does not exist
      expected: a file
      received: does not exist
    """
    path = checked_path(path, _MAX_BYTES)
    data = path.read_bytes()
    if data.startswith(SIGNATURE):
        return decode_png(data, str(path))
    if data.startswith((b"P2", b"P5")):
        return decode_pgm(data, str(path))
    kind = next(
        (name for start, name in _KNOWN.items() if data.startswith(start)),
        f"a file that starts with {data[:8]!r}",
    )
    raise DataError(f"{path}: not a known image file", expected="PNG or PGM", received=kind, fix="save it as PNG")


def encode_pgm(image: Array, max_value: int) -> bytes:
    """The PGM file of a grey uint8 image (H, W), in which `max_value` is white."""
    height, width = image.shape
    return f"P5\n{width} {height}\n{max_value}\n".encode() + image.tobytes()


def decode_pgm(data: bytes, name: str) -> Array:
    """The pixels (H, W) of a PGM file, binary (P5) or text (P2), as they stand: 0 to its own maximum."""
    header = _PGM_HEADER.match(data)
    if not header:
        raise DataError(f"{name}: broken PGM header", expected="P5 or P2, width, height, maximum")
    form, width, height, maximum = (int(number) for number in header.groups())
    if not 0 < width * height <= MAX_PIXELS or not 0 < maximum < 256:
        raise DataError(
            f"{name}: this PGM image is not read",
            expected=f"1 to {MAX_PIXELS:,} pixels and a maximum of 1 to 255",
            received=f"{width} x {height} and {maximum}",
        )
    values = data[header.end() :] if form == 5 else _text_values(data[header.end() :], name)
    if len(values) < width * height:
        raise DataError(
            f"{name}: the file is truncated",
            expected=f"{width * height:,} pixels",
            received=f"{len(values):,}",
        )
    return np.frombuffer(values[: width * height], np.uint8).reshape(height, width).copy()


def _text_values(text: bytes, name: str) -> bytes:
    try:
        return bytes(int(word) for word in text.split())
    except ValueError as error:
        raise DataError(f"{name}: a pixel is no number from 0 to 255", received=str(error)) from error
