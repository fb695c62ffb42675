"""Names: 32,033 first names, the data of Karpathy's makemore."""

from __future__ import annotations

import os

from glassnet.datasets.text import TextFile

__all__ = ["load_data"]

_NAMES = TextFile(
    name="names",
    mirrors=(
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "https://cdn.jsdelivr.net/gh/karpathy/makemore@master/names.txt",
    ),
    sha256="0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> list[str]:
    """The names in lower case, in the order of the file, the most frequent first.

    data_dir: the folder that holds `text/names.txt`; by default the one that the variable GLASSNET_DATA names, and
    without it the cache folder, filled from the mirrors on first use.

    >>> load_data()[:3]  # skipped here: needs 0.2 MB of data  # doctest: +SKIP
    ['emma', 'olivia', 'ava']
    """
    return _NAMES.load(data_dir).splitlines()
