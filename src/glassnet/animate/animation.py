"""Animation: pictures in a row, and the files they are written to."""

from __future__ import annotations

import base64
import html
import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glassnet.errors import ArgumentError, MissingDependency, SavingError, ShapeError
from glassnet.typing import Array

FORMATS = (".gif", ".webp", ".png", ".mp4")
_COLOURS = 256
_SAMPLED = 8
"""The common palette of a GIF is chosen from so many frames."""


class Animation:
    """Frames with a description in words.

    Arguments:
        frames: pictures uint8 (H, W, 3), all of one size.
        fps: frames per second.
        alt_text: what is to be seen, for those who cannot see it.
        hold: for how many seconds the last frame stays.

    >>> film = Animation([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)], fps=4, hold=1.0)
    >>> len(film), film.duration
    (2, 1.25)
    """

    def __init__(self, frames: Sequence[Array], fps: float = 12.0, alt_text: str = "", hold: float = 1.5) -> None:
        if not fps > 0 or hold < 0:
            raise ArgumentError(
                "Animation: fps must be positive, hold not negative", received=f"fps={fps}, hold={hold}"
            )
        self.frames = [np.asarray(frame) for frame in frames]
        shapes = {frame.shape for frame in self.frames}
        if len(shapes) != 1 or any(frame.dtype != np.uint8 or frame.shape[2:] != (3,) for frame in self.frames):
            raise ShapeError(
                "Animation: frames", expected="at least one, uint8 (H, W, 3), all of one size",
                received=[f"{frame.dtype} {frame.shape}" for frame in self.frames[:3]],
            )  # fmt: skip
        self.fps, self.alt_text, self.hold = fps, alt_text, hold

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        height, width, _ = self.frames[0].shape
        return f"Animation({len(self)} frames of {width} x {height}, {self.duration:.3g} s)"

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return sum(self._milliseconds()) / 1000

    def save(self, path: str | Path) -> None:
        """Write a .gif, .webp or .png (animated) file, or an .mp4 film where ffmpeg is installed."""
        suffix = Path(path).suffix.lower()
        if suffix not in FORMATS:
            raise ArgumentError(
                "Animation.save: the name of the file says its format", expected=", ".join(FORMATS), received=str(path)
            )
        Path(path).write_bytes(self._film() if suffix == ".mp4" else self._encoded(suffix))

    def _repr_html_(self) -> str:
        image = base64.b64encode(self._encoded(".gif")).decode()
        return f'<img alt="{html.escape(self.alt_text)}" src="data:image/gif;base64,{image}">'

    def _milliseconds(self) -> list[int]:
        """How long each frame stays; GIF counts in hundredths of a second."""
        each = max(10 * round(100 / self.fps), 10)
        return [each] * (len(self) - 1) + [max(10 * round(100 * self.hold), each)]

    def _encoded(self, suffix: str) -> bytes:
        images = [Image.fromarray(frame) for frame in self.frames]
        options: dict[str, Any] = {"duration": self._milliseconds(), "loop": 0}
        if suffix == ".gif":
            images = _with_one_palette(images)
            options["comment"] = self.alt_text.encode("ascii", "replace")
        elif suffix == ".webp":
            options |= {"lossless": True, "method": 2}
        buffer = io.BytesIO()
        images[0].save(
            buffer, format=suffix[1:].upper(), save_all=True, append_images=images[1:], **options
        )  # the formats are named like their files
        return buffer.getvalue()

    def _film(self) -> bytes:
        """H.264 in MP4 by ffmpeg; the picture is cut to even sizes, which the format needs."""
        ffmpeg = shutil.which("ffmpeg")
        if ffmpeg is None:
            raise MissingDependency(
                "Animation.save: an .mp4 film needs the program ffmpeg, which is not on the PATH",
                expected="ffmpeg", fix="install ffmpeg, or write .gif, .webp or .png",
            )  # fmt: skip
        height, width, _ = self.frames[0].shape
        last = max(round(self.hold * self.fps), 1)
        command = [
            ffmpeg, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
            "-r", str(self.fps), "-i", "-", "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-crf", "18",
            "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-",
        ]  # fmt: skip
        raw = b"".join(frame.tobytes() for frame in [*self.frames[:-1], *[self.frames[-1]] * last])
        done = subprocess.run(command, input=raw, capture_output=True, check=False)
        if done.returncode:
            raise SavingError("Animation.save: ffmpeg failed", received=done.stderr.decode(errors="replace").strip())
        return done.stdout


def _with_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """All frames in the same 256 colours, so that what stands still does not flicker."""
    width, height = images[0].size
    some = [images[k] for k in np.unique(np.linspace(0, len(images) - 1, _SAMPLED).astype(int))]
    sheet = Image.new("RGB", (width, height * len(some)))
    for row, image in enumerate(some):
        sheet.paste(image, (0, row * height))
    palette = sheet.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
