"""Story: what is played on a manim Scene, and how it becomes a video; Director: puts things on the Scene and has the word."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from glassnet.animate.scenes.engine import mn
from glassnet.animate.scenes.mobjects import Tile, paragraph, write
from glassnet.errors import ArgumentError
from glassnet.plot.theme import Theme, theme_named

QUALITIES = {"low": (854, 480, 15), "medium": (1280, 720, 30), "high": (1920, 1080, 60)}
"""Width and height in pixels, and frames per second."""
_FORMATS = (".mp4", ".webm")
_READING = 30.0
"""Characters that are read in a second."""


class Story(ABC):
    """What is played on a manim Scene; the base of all scenes here."""

    def __init__(self, theme: str = "dark", pace: float = 1.0) -> None:
        if not pace > 0:
            raise ArgumentError(
                f"animate.scenes.{type(self).__name__}: pace", expected="a number above 0", received=pace
            )
        self.colours, self.pace = theme_named(theme), pace
        if self.colours.in_grey:
            raise ArgumentError(
                f"animate.scenes.{type(self).__name__}: theme", expected="'light' or 'dark'", received=repr(theme)
            )

    @abstractmethod
    def play(self, director: Director) -> None:
        """Everything from the first picture to the last."""

    @property
    def scene(self) -> Any:
        """A manim Scene class, the base of a Scene of your own."""
        story = self

        def construct(scene: Any) -> None:
            scene.camera.background_color = mn.ManimColor(story.colours.page)
            story.play(Director(scene, story.colours, story.pace))

        return type(type(self).__name__, (mn.Scene,), {"construct": construct, "__doc__": self.__doc__})

    def save(self, path: str | Path, quality: str = "medium") -> None:
        """Write an .mp4 or .webm file.

        Arguments:
            quality: "low" (480 lines, quick), "medium" (720) or "high" (1080).
        """
        suffix = Path(path).suffix.lower()
        if suffix not in _FORMATS:
            raise ArgumentError(
                "animate.scenes: the name of the file says its format", expected=", ".join(_FORMATS), received=str(path)
            )
        if quality not in QUALITIES:
            raise ArgumentError("animate.scenes: quality", expected=", ".join(QUALITIES), received=repr(quality))
        width, height, rate = QUALITIES[quality]
        with tempfile.TemporaryDirectory() as folder:
            settings = {
                "pixel_width": width, "pixel_height": height, "frame_rate": rate, "format": suffix[1:],
                "media_dir": folder, "disable_caching": True, "verbosity": "ERROR", "progress_bar": "none",
                "preview": False, "write_to_movie": True, "save_last_frame": False, "dry_run": False,
            }  # fmt: skip
            with mn.tempconfig(settings):
                scene = self.scene()
                scene.render()
                shutil.copyfile(scene.renderer.file_writer.movie_file_path, path)


class Director:
    """Puts things on a Scene and keeps the text below them."""

    def __init__(self, scene: Any, colours: Theme, pace: float) -> None:
        self.scene, self.colours, self.pace = scene, colours, pace
        self.caption: Any = mn.VGroup()

    def title(self, text: str) -> None:
        """The line at the top."""
        self.scene.add(write(text, 30, self.colours.text, bold=True).to_edge(mn.UP, buff=0.28))

    def show(self, *animations: Any, seconds: float = 0.8) -> None:
        """Play animations together."""
        self.scene.play(*animations, run_time=max(self.pace * seconds, 0.07))

    def wait(self, seconds: float) -> None:
        """Nothing moves."""
        self.scene.wait(max(self.pace * seconds, 0.07))

    def say(self, words: str, *lines: str) -> None:
        """Change the text at the bottom: a sentence or two, and formulas with their numbers."""
        said = [paragraph(words, 21, self.colours.text)] if words else []
        said += [write(line, 23, self.colours.text) for line in lines]
        new = mn.VGroup(*said).arrange(mn.DOWN, buff=0.22)
        new.scale(min(1.0, 1.5 / max(new.height, 0.1))).move_to([0, -2.28, 0], aligned_edge=mn.UP)
        old, self.caption = self.caption, new
        self.show(mn.FadeOut(old), mn.FadeIn(new), seconds=0.4)

    def read(self) -> None:
        """Time to read what is said."""
        text = sum(len(part.original_text) for part in self.caption.get_family() if isinstance(part, mn.Text))
        self.wait(0.8 + text / _READING)

    def caption_of(self, place: Tile, *texts: str) -> Any:
        """Lines below a tile: its symbol, then smaller its shape."""
        lines = [write(text, size, self.colours.text) for text, size in zip(texts, (20, 15))]
        for line, below in zip(lines, (0.14, 0.45)):
            line.next_to(place.slot, mn.DOWN, buff=below)
        return mn.VGroup(*lines)
