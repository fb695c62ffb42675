"""Files that arrive from outside: looked at before memory is taken for them."""

from __future__ import annotations

import os
from pathlib import Path

from glassnet.errors import DataError


def checked_path(path: str | os.PathLike[str], max_bytes: int) -> Path:
    """The path as a `Path`, once it is known to be a file of at most `max_bytes`."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{path}: the file {what}", expected="a file", received=what)
    size = path.stat().st_size
    if size > max_bytes:
        raise DataError(
            f"{path}: the file is too large",
            expected=f"at most {max_bytes:,} bytes",
            received=f"{size:,} bytes",
        )
    return path
