"""How well a classifier judges: which classes it takes for which, and the mistakes it was surest of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from glassnet.errors import ArgumentError, DataError, ShapeError
from glassnet.plot.sheet import finished, framed, points_wide, scale_bar, sheet, titled
from glassnet.typing import Array


def confusion(
    y_true: Any, y_pred: Any, class_names: Sequence[str] | None = None, ax: Axes | None = None, theme: str = "light"
) -> Any:
    """How often each class was taken for which: a row per true class, a column per predicted one.

    Arguments:
        y_true: class indices (N,), or one-hot rows (N, K).
        y_pred: class indices (N,), or the model's outputs (N, K), or (N, 1) with class 1 above 0.5.
        class_names: 0, 1, 2, ... by default.

    >>> import glassnet as gn
    >>> gn.plot.confusion([0, 0, 1, 1], [0, 1, 1, 1], ["cat", "dog"]).alt_text
    'Confusion matrix of 4 samples: 3 right (75%). Most frequent mistake: cat taken for dog, 1 time.'
    """
    truth, said = as_classes(y_true, "plot.confusion: y_true"), as_classes(y_pred, "plot.confusion: y_pred")
    if len(truth) != len(said) or not len(truth):
        raise ShapeError(
            "plot.confusion: one prediction per sample", expected=f"{len(truth)}, at least 1", received=len(said)
        )
    names = names_for(max(truth.max(), said.max()) + 1, class_names, "plot.confusion")
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (truth, said), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.42 * len(names), 2.2, 9))
    with sheet(ax, theme, (side + 1.9, side + 1.2)) as (ax, colours):
        cells = np.ma.masked_equal(shares, 0)
        drawn = ax.imshow(cells, cmap=colours.magnitude, norm=Normalize(0, 1))
        if len(names) <= 24:
            _write_counts(ax, counts, shares, colours.in_grey, min(8.5, 0.33 * points_wide(ax) / len(names)))
        turned = 90 if max(map(len, names)) > 4 and len(names) > 4 else 0
        ax.set_xticks(range(len(names)), names, rotation=turned)
        ax.set_yticks(range(len(names)), names)
        ax.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
        ax.grid(which="minor", color=colours.line, lw=0.4)
        ax.tick_params(which="both", length=0)
        ax.set(xlabel="predicted class", ylabel="true class")
        right = int(np.trace(counts))
        titled(ax, colours, f"{right} of {len(truth)} right ({right / len(truth):.1%})", "count in each cell")
        scale_bar(ax, colours, drawn, "share of the true class")
        return finished(ax, _in_words(counts, names))


def _write_counts(ax: Axes, counts: Array, shares: Array, in_grey: bool, size: float) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            on_dark = (shares[row, column] > 0.5) == in_grey
            ink = "#FFFFFF" if on_dark else "#1A1A1A"
            ax.text(column, row, str(count), ha="center", va="center", fontsize=size, color=ink)


def _in_words(counts: Array, names: Sequence[str]) -> str:
    total, right = counts.sum(), np.trace(counts)
    text = f"Confusion matrix of {total} samples: {right} right ({right / total:.0%})."
    mistakes = counts - np.diag(np.diag(counts))
    if not mistakes.any():
        return text
    row, column = divmod(int(mistakes.argmax()), len(names))
    times = f"{mistakes.max()} time{'s' if mistakes.max() > 1 else ''}"
    return f"{text} Most frequent mistake: {names[row]} taken for {names[column]}, {times}."


def worst(
    model: Any, x: Any, y: Any, n: int = 25, class_names: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None, ax: Axes | None = None, theme: str = "light",
) -> Any:  # fmt: skip
    """The images that a classifier gets wrong with most confidence, the surest mistake first.

    Arguments:
        x: images (N, H, W), (N, H, W, C) or flat (N, I).
        y: true classes, as indices (N,) or one-hot rows.
        n: how many at most.
        image_shape: (H, W) of flat images; a square by default.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(2, "softmax", kernel_initializer="zeros")])
    >>> gn.plot.worst(model, np.eye(4), [0, 0, 1, 0]).alt_text
    'The 1 worst of 1 mistakes among 4 images: image 2 is 1, said 0 with 50%.'
    """
    x, truth = np.asarray(x), as_classes(y, "plot.worst: y")
    if len(x) != len(truth) or not len(x) or n < 1:
        raise ShapeError(
            "plot.worst: one class per image, and n >= 1", expected=f"{len(x)} classes", received=f"{len(truth)}, n={n}"
        )
    images = _as_images(x, image_shape)
    said, sureness = judged(np.asarray(model.predict(x, verbose=0)), "plot.worst")
    names = names_for(max(truth.max(), said.max()) + 1, class_names, "plot.worst")
    wrong = np.flatnonzero(said != truth)
    shown = wrong[np.argsort(-sureness[wrong], kind="stable")][:n]
    columns = max(1, math.ceil(math.sqrt(len(shown))))
    rows = max(1, math.ceil(len(shown) / columns))
    height, width = images.shape[1:3]
    across, down = 1.2 * width, height + 0.48 * width
    size = (max(1.05 * columns, 4.2) + 0.2, max(1.05 * rows * down / across, 0.8) + 0.7)
    with sheet(ax, theme, size) as (ax, colours):
        point = min(8.0, points_wide(ax) / columns / 9.5)
        for place, k in enumerate(shown):
            left, top = place % columns * across, place // columns * down
            ax.imshow(
                images[k], cmap=colours.ink, norm=_own_scale(images), extent=(left, left + width, top + height, top)
            )
            caption = f"is {names[truth[k]]}, said {names[said[k]]}\n#{k} · {sureness[k]:.0%} sure"
            ax.text(left, top - 0.04 * width, caption, fontsize=point, va="bottom", color=colours.dim, linespacing=1.15)
            framed(ax, colours, left, top, width, height)
        ax.set(xlim=(-0.05 * width, columns * across), ylim=(rows * down - 0.45 * width, -0.45 * width))
        ax.set_aspect("equal", anchor="NW")
        ax.set_axis_off()
        rate = f"{len(wrong)} mistakes among {len(x)} images"
        titled(ax, colours, f"The {len(shown)} surest of {rate}" if len(wrong) else f"No mistake among {len(x)} images")
        if not len(wrong):
            return finished(ax, f"No mistake among {len(x)} images.")
        first = shown[0]
        told = f"image {first} is {names[truth[first]]}, said {names[said[first]]} with {sureness[first]:.0%}"
        return finished(ax, f"The {len(shown)} worst of {rate}: {told}.")


def as_classes(y: Any, who: str) -> Array:
    """Class indices (N,), from indices, one-hot rows or the outputs of a model."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1))
    y = y.reshape(-1)
    if y.dtype.kind == "f" and not np.array_equal(y, np.round(y)):
        y = (y > 0.5).astype(int)
    if y.dtype.kind not in "iubf" or (len(y) and y.min() < 0):
        raise DataError(
            f"{who} does not hold classes", expected="indices 0, 1, 2, ... or rows of K outputs",
            received=f"{y.dtype}: {y[:5].tolist()}",
        )  # fmt: skip
    return np.asarray(y.astype(int))


def judged(outputs: Array, who: str) -> tuple[Array, Array]:
    """The class that a model says to each sample, and the output with which it says so."""
    if outputs.ndim != 2:
        raise ShapeError(f"{who}: not a classifier", expected="outputs (N, K)", received=outputs.shape)
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs])
    return outputs.argmax(axis=1), outputs.max(axis=1)


def names_for(count: int, class_names: Sequence[str] | None, who: str) -> list[str]:
    """One name per class."""
    names = [str(k) for k in range(count)] if class_names is None else [str(name) for name in class_names]
    if len(names) < count:
        raise ArgumentError(f"{who}: too few class_names", expected=f"at least {count}", received=len(names))
    return names


def _as_images(x: Array, image_shape: tuple[int, int] | None) -> Array:
    """The samples as (N, H, W) or (N, H, W, 3)."""
    side = math.isqrt(x.shape[1]) if x.ndim == 2 else 0
    if x.ndim == 2 and (image_shape is not None or side * side == x.shape[1]):
        shape = (side, side) if image_shape is None else tuple(image_shape)
        if math.prod(shape) == x.shape[1]:
            return x.reshape(len(x), *shape)
    if x.ndim == 3:
        return x
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        return x[..., 0] if x.shape[-1] == 1 else x / max(float(x.max()), 1e-12)
    raise ShapeError(
        "plot.worst: the samples are not images", expected="(N, H, W), (N, H, W, C), or (N, I) with image_shape=(H, W)",
        received=x.shape if image_shape is None else f"{x.shape}, image_shape={image_shape}",
    )  # fmt: skip


def _own_scale(images: Array) -> Normalize:
    return Normalize(min(0.0, float(images.min())), float(images.max()) or 1.0)
