"""How training went: the loss and the metrics of every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from glassnet.autograd.worked import format_number
from glassnet.errors import ArgumentError
from glassnet.plot.sheet import finished, panels, sheet, titled
from glassnet.plot.theme import Theme
from glassnet.typing import Array


def curves(history: Any, ax: Axes | None = None, theme: str = "light") -> Any:
    """Loss and metrics over the epochs: training solid, validation dashed, the best epoch of each ringed.

    Arguments:
        history: what `fit` returned, or a dictionary of lists as in `history.history`.

    >>> import glassnet as gn
    >>> gn.plot.curves({"loss": [0.9, 0.4], "val_loss": [0.8, 0.5]}).alt_text
    'Training curves over 2 epochs: loss from 0.9 to 0.4 (validation 0.8 to 0.5).'
    """
    logs: Any = history if isinstance(history, Mapping) else getattr(history, "history", None)
    if not isinstance(logs, Mapping) or not any(len(values) for values in logs.values()):
        raise ArgumentError(
            "plot.curves: there is nothing to draw", expected="a History of at least one epoch",
            received=type(history).__name__ if logs is None else "no epochs", fix="plot.curves(model.fit(...))",
        )  # fmt: skip
    names = [name for name in logs if not (name.startswith("val_") and name[4:] in logs)]
    epochs = max(len(values) for values in logs.values())
    with sheet(ax, theme, (6.2, 0.7 + 1.9 * len(names))) as (ax, colours):
        places = panels(ax, colours, len(names))
        for place, name in zip(places, names):
            _panel(place, colours, name, logs[name], logs.get(f"val_{name}"), epochs)
        places[-1].set_xlabel("epoch")
        titled(ax, colours, f"Training over {epochs} epoch{'s' if epochs > 1 else ''}")
        told = "; ".join(_in_words(name, logs[name], logs.get(f"val_{name}")) for name in names)
        return finished(ax, f"Training curves over {epochs} epoch{'s' if epochs > 1 else ''}: {told}.")


def _panel(
    ax: Axes, colours: Theme, name: str, train: Sequence[float], validation: Sequence[float] | None, epochs: int
) -> None:
    lines: list[tuple[str, Array, str, Any]] = [("training", np.asarray(train, float), colours.text, "-")]
    if validation is not None:
        lines.append(("validation", np.asarray(validation, float), colours.dim, (0, (4, 1.6))))
    ends: list[float] = []
    for label, values, colour, style in lines:
        every = epochs / len(values)  # validation_freq leaves epochs out
        at = np.arange(1, len(values) + 1) * every
        ax.plot(at, values, color=colour, ls=style, lw=1.6, marker="o" if epochs == 1 else None, ms=4)
        if np.isfinite(values).any():
            best = int(np.nanargmin(values) if is_loss(name) else np.nanargmax(values))
            ax.plot(at[best], values[best], "o", ms=6, mfc=colours.page, mec=colour, mew=1.3, clip_on=False)
        ends.append(values[-1])
        ax.annotate(
            f"{label} {format_number(values[-1], 3)}", (at[-1], values[-1]), (7, 0), textcoords="offset points",
            color=colour, fontsize=8.5, va="center", annotation_clip=False,
        )  # fmt: skip
    _keep_apart(ax)
    ax.set_ylabel(name)
    ax.set_xlim(1 if epochs > 1 else 0.5, max(epochs, 1.5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y", color=colours.line, lw=0.5, alpha=0.5)


def _keep_apart(ax: Axes) -> None:
    """Move the labels at the ends of two lines where they would overlap."""
    if len(ax.texts) < 2:
        return
    low, high = ax.get_ylim()
    room = 72 * 1.35 / (high - low)  # points per unit: a panel is about 1.35 inches high
    first, second = (label for label in ax.texts if isinstance(label, Annotation))
    gap = (first.xy[1] - second.xy[1]) * room
    if np.isfinite(gap) and abs(gap) < 11:
        push = (11 - abs(gap)) / 2 * (1 if gap >= 0 else -1)
        first.set_position((7, push))
        second.set_position((7, -push))


def is_loss(name: str) -> bool:
    """Whether smaller is better.

    >>> is_loss("val_loss"), is_loss("mean_squared_error"), is_loss("accuracy")
    (True, True, False)
    """
    return any(part in name for part in ("loss", "error", "crossentropy", "mae", "mse", "mape", "divergence"))


def _in_words(name: str, train: Sequence[float], validation: Sequence[float] | None) -> str:
    text = f"{name} from {format_number(train[0], 3)} to {format_number(train[-1], 3)}"
    if validation is None:
        return text
    return f"{text} (validation {format_number(validation[0], 3)} to {format_number(validation[-1], 3)})"
