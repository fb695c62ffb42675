"""A file written by `atomic_write` is the old or the new one, whole, whatever happens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import glassnet.saving.atomic
from glassnet.saving.atomic import atomic_write

OLD, NEW = b"old" * 50_000, b"new" * 100_000
SOURCE = Path(glassnet.saving.atomic.__file__).parents[2]

# A process that ends itself at the chosen moment: SIGKILL where the OS has it, else os._exit, so that
# neither `finally` nor buffers nor atexit run.
KILLED_WRITER = """
import os, signal, sys
from glassnet.saving.atomic import atomic_write

path, moment = sys.argv[1:]

def die(*_):
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(9)

def die_after(function):
    return lambda *args: (function(*args), die())

replacements = {
    "before fsync": ("fsync", die),
    "after fsync": ("fsync", die_after(os.fsync)),
    "before rename": ("replace", die),
    "after rename": ("replace", die_after(os.replace)),
}
if moment in replacements:
    name, function = replacements[moment]
    setattr(os, name, function)
with atomic_write(path) as file:
    if moment == "nothing written":
        die()
    file.write(b"new" * 50_000)
    if moment == "half written":
        file.flush()
        die()
    file.write(b"new" * 50_000)
    if moment == "all written":
        die()
print("lived")
"""


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("nothing written", OLD),
        ("half written", OLD),
        ("all written", OLD),
        ("before fsync", OLD),
        ("after fsync", OLD),
        ("before rename", OLD),
        ("after rename", NEW),
    ],
)
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file_whole(tmp_path, moment, expected):
    path = tmp_path / "model.bin"
    path.write_bytes(OLD)
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, str(path), moment],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) in [(-9, b"", b""), (9, b"", b"")]
    assert path.read_bytes() == expected
    with atomic_write(path) as file:  # and what the kill left behind does not disturb the next writing
        file.write(b"next")
    assert path.read_bytes() == b"next"


def test_the_content_appears_at_the_end_of_the_block_and_not_before(tmp_path):
    path = tmp_path / "a.bin"
    with atomic_write(path) as file:
        file.write(NEW)
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_exception_keeps_the_old_file_and_removes_the_temporary_one(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)

    def write_half():
        with atomic_write(path) as file:
            file.write(NEW)
            raise error("in the block")

    with pytest.raises(error, match="in the block"):
        write_half()
    assert path.read_bytes() == OLD
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_system_call_keeps_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as file:
        file.write(NEW)
    assert path.read_bytes() == OLD
    assert leftovers(tmp_path) == []


def test_the_file_is_synced_before_the_rename_and_its_folder_after(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args)))
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(NEW)
    folder_sync = [] if sys.platform == "win32" else ["fsync"]
    assert calls == ["fsync", "replace", *folder_sync]


def test_a_missing_folder_raises_what_the_system_says_and_nothing_after_it(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match="No such file") as caught,
        atomic_write(tmp_path / "no" / "a"),
    ):
        raise AssertionError("the block must not run")
    assert caught.value.__context__ is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits and needs a right for links")
def test_permissions_follow_the_umask_and_a_link_stays_a_link(tmp_path):
    plain, real, link = tmp_path / "plain", tmp_path / "real", tmp_path / "link"
    plain.touch()
    link.symlink_to(real)
    with atomic_write(link) as file:
        file.write(NEW)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert real.stat().st_mode == plain.stat().st_mode
