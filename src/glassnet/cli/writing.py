"""Text written by a run that learned from a text."""

from __future__ import annotations

from typing import Any

from glassnet.cli import runs
from glassnet.cli.sources import Task
from glassnet.datasets.text import decode, encode
from glassnet.errors import ArgumentError
from glassnet.utils import generate


def text_run(run: str) -> runs.Run:
    """A run that learned from a text."""
    kept = runs.load(run)
    if kept.task.kind != "text":
        raise ArgumentError(
            f"sample: {run} learned from {kept.task.name}, which is no text", expected="a run of a text",
            fix="glassnet train tinyshakespeare",
        )  # fmt: skip
    return kept


def written(
    model: Any, task: Task, prompt: str, length: int, temperature: float = 1.0, top_k: int | None = None, seed: int = 0
) -> str:
    """The prompt and what the model writes after it.

    Arguments:
        prompt: "" stands for a new line, or where the text has none for its first character by code point.
    """
    characters = "".join(task.class_names or ())
    start = encode(prompt or ("\n" if "\n" in characters else characters[0]), characters)
    return prompt + decode(generate(model, start, length, temperature, top_k, seed), characters)
