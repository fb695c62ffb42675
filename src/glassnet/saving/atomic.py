"""Write a file so that a kill at any moment leaves the old or the new one, whole.

The new content goes to a temporary file in the same folder (a rename is atomic only inside one file system).
It is forced to the disk before the rename, or a power cut could leave the new name on missing content, and
the folder is forced after it, so that the rename itself lasts.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_write"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of `path` when the block ends without an exception.

    After an exception the old file is still there and the temporary one is gone; after a kill a file
    `.NAME.*.tmp` may remain beside the old one. Errors of the operating system are raised as they are.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(f"{folder}/notes.txt") as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "notes.txt").read_bytes()
    b'whole'
    """
    target = Path(os.path.realpath(path))  # a link stays a link: the file behind it is replaced
    temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # KeyboardInterrupt too
        with contextlib.suppress(OSError):  # the first error is the one to report
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # has no such call
        return
    # The new file is in place and whole by now; some network file systems refuse only this last step.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
