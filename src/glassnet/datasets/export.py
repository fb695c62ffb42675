"""Images out of arrays into files that every other program reads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from glassnet.datasets.images import encode_pgm
from glassnet.datasets.png import encode_png
from glassnet.errors import ArgumentError, DTypeError, ShapeError, did_you_mean
from glassnet.typing import Array

_FORMATS = ("png", "pgm", "csv", "npz")


def export_images(
    x: Array, y: Array | None, folder: str | os.PathLike[str], format: str = "png", *, max_value: int = 255
) -> list[Path]:
    """Write uint8 images (N, H, W), or (N, H, W, 3), and return the paths of the files written.

    y: integer labels (N,), or None. format: "png" or "pgm" writes one file per image,
    `folder/LABEL/INDEX.png`; "csv" one table `images.csv` with the columns label, pixel0, pixel1, ... that
    `load_csv` reads; "npz" one `images.npz` with the arrays x and y. max_value: the pixel that is drawn white
    (16 for the 8x8 digits).

    >>> import tempfile
    >>> x, y = np.zeros((2, 8, 8), np.uint8), np.array([3, 5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.relative_to(folder).as_posix() for path in export_images(x, y, folder)]
    ['3/00000.png', '5/00001.png']
    """
    _check(x, y, format, max_value)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if format == "csv":
        return [_write_csv(x, y, folder / "images.csv")]
    if format == "npz":
        path = folder / "images.npz"
        if y is None:
            np.savez_compressed(path, x=x)
        else:
            np.savez_compressed(path, x=x, y=y)
        return [path]
    return _write_each(x, y, folder, format, max_value)


def _check(x: Array, y: Array | None, format: str, max_value: int) -> None:
    if format not in _FORMATS:
        raise ArgumentError(
            "export_images: unknown format",
            expected=", ".join(_FORMATS),
            received=repr(format),
            fix=did_you_mean(format, _FORMATS),
        )
    if x.dtype != np.uint8:
        raise DTypeError(
            "export_images: wrong dtype of x",
            expected="uint8",
            received=x.dtype,
            fix="(255 * x).astype('uint8')",
        )
    channels = (1,) if format == "pgm" else (1, 3)
    if not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in channels)):
        expected = " or ".join(["(N, H, W)", *(f"(N, H, W, {number})" for number in channels)])
        raise ShapeError("export_images: wrong shape of x", expected=expected, received=x.shape)
    if y is not None and (y.shape != x.shape[:1] or y.dtype.kind not in "iu"):
        received = f"shape {y.shape}, dtype {y.dtype}"
        raise ShapeError(
            "export_images: one integer label per image", expected=f"shape {x.shape[:1]}", received=received
        )
    if not 1 <= max_value <= 255 or (x.size and x.max() > max_value):
        largest = f"{max_value}; the largest pixel is {x.max(initial=0)}"
        raise ArgumentError(
            "export_images: wrong max_value",
            expected="the largest pixel possible, 1 to 255",
            received=largest,
        )


def _write_each(x: Array, y: Array | None, folder: Path, format: str, max_value: int) -> list[Path]:
    paths = []
    for index, image in enumerate(x):
        target = folder if y is None else folder / str(y[index])
        target.mkdir(exist_ok=True)
        path = target / f"{index:05d}.{format}"
        if format == "png":
            stretched = image.astype(np.uint32) * 255 // max_value
            path.write_bytes(encode_png(stretched.astype(np.uint8)))
        else:
            path.write_bytes(encode_pgm(image.reshape(image.shape[:2]), max_value))
        paths.append(path)
    return paths


def _write_csv(x: Array, y: Array | None, path: Path) -> Path:
    rows = x.reshape(len(x), -1)
    names = [f"pixel{index}" for index in range(rows.shape[1])]
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(",".join(names if y is None else ["label", *names]) + "\n")
        for index, row in enumerate(rows.tolist()):
            cells = row if y is None else [int(y[index]), *row]
            out.write(",".join(map(str, cells)) + "\n")
    return path
