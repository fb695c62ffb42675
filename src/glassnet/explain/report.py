"""The report of a run: one offline HTML file with curves, confusions and the pictures behind them, weights and commands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.autograd.worked import format_number
from glassnet.explain.packing import array_to_json
from glassnet.typing import Array
from glassnet.web.bundle import bundle
from glassnet.web.payload import encode_array

_STYLES = ("theme.css", "views.css", "report.css")
_MOST_MISTAKES = 600
_RIGHT_PER_CLASS = 12
_MOST_WORST = 30
_MOST_ROWS = 20
_MOST_COLUMNS = 8


@dataclass
class Judgement:
    """What a network said about the test set."""

    x: Array
    targets: Array
    """Class indices of shape (N,), or the numbers to predict."""
    outputs: Array
    """Probabilities of shape (N, K), or predicted numbers."""
    classes: Sequence[str] | None = None
    """None where a number is predicted."""
    image: tuple[int, int] | None = None
    """Rows and columns, where the samples are images."""
    columns: Sequence[str] = field(default_factory=list)
    """Names of the inputs, where the samples are rows of a table."""

    @property
    def said(self) -> Array:
        """The class with the largest output, per sample."""
        return np.asarray(self.outputs.argmax(axis=-1))

    @property
    def mistakes(self) -> Array:
        """Samples that were judged wrongly, the surest answers first; of numbers all, the furthest off first."""
        if self.classes is None:
            return np.argsort(-np.abs(self.outputs - self.targets).reshape(len(self.x), -1).max(axis=1), kind="stable")
        wrong = np.flatnonzero(self.said != self.targets)
        return np.asarray(wrong[np.argsort(-self.outputs[wrong].max(axis=-1), kind="stable")])


def report_page(
    model: Any, judgement: Judgement, history: Mapping[str, Sequence[float]], *, title: str,
    facts: Sequence[tuple[str, str]] = (), commands: Sequence[str] = (), explained: tuple[str, str] | None = None,
    x_train: Array | None = None,
) -> str:  # fmt: skip
    """The report as an HTML page.

    Arguments:
        history: a number per epoch for each name: loss, val_loss, accuracy, ...
        facts: names and values for the head of the page.
        commands: lines that do it all again.
        explained: the file of an explain page, and the words of the link to it.
        x_train: what was learned from; inputs that are 0 in all of it are hatched in the pictures of the weights.
    """
    is_image = judgement.image is not None and judgement.classes is not None
    kept = _kept(judgement) if is_image else np.empty(0, int)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    weights = _weights(model, judgement.image, x_train)
    data = {
        "heading": title, "facts": [list(pair) for pair in facts], "charts": _charts(history),
        "classes": None if judgement.classes is None else list(judgement.classes), "counts": _counts(judgement),
        "image": judgement.image, "judged": [_judged(judgement, sample, place) for place, sample in enumerate(kept)],
        "worst": _places(kept, judgement.mistakes[:_MOST_WORST]) if is_image else [],
        "images": _array("images", judgement.x[kept].reshape(len(kept), -1)) if is_image else None,
        "rows": None if is_image else _rows(judgement), "summary": "\n".join(lines), "commands": list(commands),
        "explained": None if explained is None else {"file": explained[0], "words": explained[1]}, **weights,
    }  # fmt: skip
    return bundle("report.js", title=title, data={"report": data}, styles=_STYLES)


def _array(ref: str, array: Array) -> dict[str, Any]:
    return array_to_json(ref, array, encode_array(array))


def _charts(history: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """A chart for each quantity, with its training and validation curve."""
    charts = []
    for name in [name for name in history if not name.startswith("val_")]:
        series = [
            {"name": words, "points": [[epoch, _number(value)] for epoch, value in enumerate(history[key], 1)]}
            for key, words in ((name, "training"), (f"val_{name}", "validation"))
            if key in history
        ]
        charts.append({"title": name.replace("_", " "), "y": name.replace("_", " "), "series": series})
    return charts


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _counts(judgement: Judgement) -> list[list[int]] | None:
    """How often each class was taken for each other one."""
    if judgement.classes is None:
        return None
    counts = np.zeros((len(judgement.classes),) * 2, int)
    np.add.at(counts, (judgement.targets, judgement.said), 1)
    found: list[list[int]] = counts.tolist()
    return found


def _kept(judgement: Judgement) -> Array:
    """The samples whose pictures go into the file: the mistakes, and some of what is right in each class."""
    right = [
        np.flatnonzero((judgement.targets == k) & (judgement.said == k))[:_RIGHT_PER_CLASS]
        for k in range(len(judgement.classes or ()))
    ]
    return np.concatenate([judgement.mistakes[:_MOST_MISTAKES], *right])


def _judged(judgement: Judgement, sample: int, place: int) -> dict[str, Any]:
    said = int(judgement.said[sample])
    return {
        "sample": int(sample), "truth": int(judgement.targets[sample]), "said": said, "image": place,
        "share": _number(round(float(judgement.outputs[sample, said]), 4)),
    }  # fmt: skip


def _places(kept: Array, wanted: Array) -> list[int]:
    place = {int(sample): number for number, sample in enumerate(kept)}
    return [place[int(sample)] for sample in wanted if int(sample) in place]


def _rows(judgement: Judgement) -> dict[str, Any]:
    """The largest mistakes as rows of a table."""
    chosen = judgement.mistakes[:_MOST_ROWS]
    names = list(judgement.columns)[:_MOST_COLUMNS]
    inputs = judgement.x.reshape(len(judgement.x), -1)
    cells = []
    for sample in chosen:
        features = [format_number(inputs[sample, i]) for i in range(len(names))]
        cells.append([str(int(sample)), *_truth_and_answer(judgement, sample), *features])
    answer = ["true", "said", "off by"] if judgement.classes is None else ["true", "said", "confidence"]
    return {"columns": ["sample", *answer, *names], "cells": cells}


def _truth_and_answer(judgement: Judgement, sample: int) -> list[str]:
    if judgement.classes is not None:
        said = int(judgement.said[sample])
        share = 100 * float(judgement.outputs[sample, said])
        return [judgement.classes[int(judgement.targets[sample])], judgement.classes[said], f"{share:.0f} %"]
    truth, answer = float(judgement.targets.ravel()[sample]), float(judgement.outputs.ravel()[sample])
    return [format_number(truth), format_number(answer), format_number(answer - truth)]


def _weights(model: Any, image: tuple[int, int] | None, x_train: Array | None) -> dict[str, Any]:
    """The first kernel that has a picture for each unit."""
    found: dict[str, Any] = {"weights": None, "biases": None, "trained": None}
    if image is None:
        return found
    for layer in model.flatten_layers():
        kernel, bias = getattr(layer, "kernel", None), getattr(layer, "bias", None)
        if kernel is not None and kernel.ndim == 2 and kernel.shape[0] == math.prod(image):
            lit = None if x_train is None else x_train.reshape(len(x_train), -1).any(axis=0)
            found["weights"] = _array(kernel.path, kernel.numpy())
            found["biases"] = None if bias is None else _array(bias.path, bias.numpy())
            found["trained"] = None if lit is None else lit.astype(int).tolist()
            break
    return found
