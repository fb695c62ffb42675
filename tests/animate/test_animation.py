"""Animation: every format holds the frames, their durations and the description."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.animate import Animation
from glassnet.errors import ArgumentError, MissingDependency, SavingError, ShapeError


def frames(count: int = 5, height: int = 40, width: int = 60) -> list[Any]:
    """A bar that grows from the left, on white; of few colours, so that a palette loses nothing."""
    found = []
    for k in range(count):
        picture = np.full((height, width, 3), 255, np.uint8)
        picture[10:30, : 10 * (k + 1)] = (11, 99, 165)
        found.append(picture)
    return found


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".GIF"])
def test_a_file_holds_the_frames_and_their_durations(tmp_path: Path, suffix: str) -> None:
    film = Animation(frames(), fps=5, hold=1.0)
    film.save(tmp_path / f"film{suffix}")
    with Image.open(tmp_path / f"film{suffix}") as image:
        assert image.n_frames == len(film) == 5
        durations = []
        for number, frame in enumerate(film.frames):
            image.seek(number)
            image.load()
            durations.append(image.info["duration"])
            assert np.array_equal(np.asarray(image.convert("RGB")), frame)
        assert durations == [200, 200, 200, 200, 1000]
        assert sum(durations) / 1000 == film.duration
        assert image.info["loop"] == 0  # for ever


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not installed")
def test_an_mp4_film_shows_the_frames_and_holds_the_last(tmp_path: Path) -> None:
    film, path = Animation(frames(height=41, width=61), fps=5, hold=1.0), tmp_path / "film.mp4"
    film.save(path)
    command = ["ffmpeg", "-loglevel", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    shown = decoded.reshape(-1, 40, 60, 3)  # H.264 needs even sizes
    assert len(shown) == 4 + 5
    for number in range(9):
        wanted = film.frames[min(number, 4)][:40, :60]
        assert np.abs(shown[number].astype(int) - wanted).mean() < 6


def test_without_ffmpeg_an_mp4_film_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingDependency, match=r"(?s)ffmpeg, which is not on the PATH.*write .gif, .webp or .png"):
        Animation(frames()).save(tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_what_ffmpeg_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "ffmpeg"
    failing.write_text("#!/bin/sh\ncat > /dev/null\necho no such encoder >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(failing))
    with pytest.raises(SavingError, match=r"(?s)ffmpeg failed.*no such encoder"):
        Animation(frames()).save(tmp_path / "film.mp4")


def test_a_notebook_shows_it_with_its_description() -> None:
    shown = Animation(frames(), alt_text='a "bar" < 1')._repr_html_()
    assert shown.startswith('<img alt="a &quot;bar&quot; &lt; 1" src="data:image/gif;base64,R0lG')


def test_frames_of_many_colours_share_one_palette_and_do_not_flicker(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    moving = [np.concatenate([still, np.full((40, 20, 3), 40 * k, np.uint8)], axis=1) for k in range(6)]
    Animation(moving).save(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as image:
        shown = []
        for number in range(6):
            image.seek(number)
            shown.append(np.asarray(image.convert("RGB"))[:, :40])
    assert all(np.array_equal(shown[0], other) for other in shown)


MISUSE: list[tuple[Any, Any, str]] = [
    (lambda: Animation([]), ShapeError, "at least one, uint8"),
    (lambda: Animation([np.zeros((4, 4), np.uint8)]), ShapeError, r"(?s)all of one size.*uint8 \(4, 4\)"),
    (lambda: Animation([np.zeros((4, 4, 3))]), ShapeError, r"float64 \(4, 4, 3\)"),
    (lambda: Animation([*frames(1), *frames(1, 20)]), ShapeError, "all of one size"),
    (lambda: Animation(frames(), fps=0), ArgumentError, "fps must be positive"),
    (lambda: Animation(frames(), hold=-1), ArgumentError, "hold not negative"),
    (lambda: Animation(frames()).save("film.avi"), ArgumentError, r"(?s)says its format.*\.gif, .*film.avi"),
]


@pytest.mark.parametrize(("call", "kind", "words"), MISUSE)
def test_misuse_is_explained(call: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
