"""Tiny Shakespeare: 1.1 million characters of his plays, the data of Karpathy's char-rnn and nanoGPT."""

from __future__ import annotations

import os

from glassnet.datasets.text import TextFile

__all__ = ["load_data"]

_TINYSHAKESPEARE = TextFile(
    name="tinyshakespeare",
    mirrors=(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "https://cdn.jsdelivr.net/gh/karpathy/char-rnn@master/data/tinyshakespeare/input.txt",
    ),
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> str:
    """The whole text: 1,115,394 characters, 65 different ones.

    data_dir: the folder that holds `text/tinyshakespeare.txt`; by default the one that the variable GLASSNET_DATA
    names, and without it the cache folder, filled from the mirrors on first use.

    >>> print(load_data()[:14])  # skipped here: needs 1.1 MB of data  # doctest: +SKIP
    First Citizen:
    """
    return _TINYSHAKESPEARE.load(data_dir)
