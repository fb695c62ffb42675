"""Progress: in a terminal one line that is redrawn in place, anywhere else one plain line per epoch.

A line in place needs only a carriage return and spaces, so it also works in a Windows console. Where the output cannot
hold block characters (code page 437 or 1252), the sparkline is made of ASCII.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from glassnet.errors import ArgumentError
from glassnet.training.callback import Callback
from glassnet.training.compiled import as_float

__all__ = ["LiveLine", "Progbar", "ProgbarLogger", "sparkline"]

BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_GAP = "  "
_BAR_WIDTH, _SPARK_WIDTH = 10, 8
_INTERVAL = 0.1


def sparkline(values: Sequence[float], width: int = 40, levels: str = BLOCKS) -> str:
    """A curve in one line of text; of a long one, `width` evenly spaced values, the first and the last among them.

    >>> sparkline([3.0, 2.0, 1.0, 1.0, 2.0])
    '█▅▁▁▅'
    """
    count = min(len(values), width)
    last = len(values) - 1
    shown = [values[round(i * last / (count - 1))] if count > 1 else values[last] for i in range(count)]
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (len(levels) - 1) / (high - low) if high > low else 0.0
    return "".join(levels[math.floor((v - low) * scale + 0.5)] if math.isfinite(v) else "?" for v in shown)


def number(value: Any) -> str:
    """A metric as short text: four decimals, or a power of ten where these would hide it."""
    if not isinstance(value, (int, float)):
        return " ".join(str(value).split())
    plain = value == 0 or 1e-3 <= abs(value) < 1e5 or not math.isfinite(value)
    return f"{value:.4f}" if plain else f"{value:.3e}"


def metric_texts(logs: dict[str, Any]) -> list[str]:
    """Every metric with its validation value beside it: `loss 0.2113 (val 0.1934)`."""
    texts = []
    for name, value in logs.items():
        validated = logs.get(f"val_{name}")
        if not (name.startswith("val_") and name[4:] in logs):
            texts.append(f"{name} {number(value)}" + ("" if validated is None else f" (val {number(validated)})"))
    return texts


def duration(seconds: float) -> str:
    """A time as short text.

    >>> duration(0.012), duration(3.21), duration(75), duration(7260)
    ('12 ms', '3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def bar(done: int, total: int, width: int = _BAR_WIDTH) -> str:
    """`[####......]`."""
    filled = width * min(done, total) // max(total, 1)
    return f"[{'#' * filled}{'.' * (width - filled)}]"


class LiveLine:
    """The last line of a terminal, rewritten in place; in a pipe or a file only finished lines are written.

    Arguments:
        stream: None writes nothing at all.
        live: draw in place if the stream is a terminal.
        interval: seconds between two drawings, at least.
    """

    def __init__(self, stream: TextIO | None, live: bool = True, interval: float = _INTERVAL) -> None:
        self.stream, self.interval = stream, interval
        self.live = live and stream is not None and stream.isatty()
        self.due = 0.0 if self.live else math.inf
        """When the next drawing is welcome, on the clock of `time.perf_counter`."""
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self.columns = shutil.get_terminal_size().columns - 1 if self.live else 80
        self.levels = BLOCKS if self._holds(BLOCKS) else ASCII
        self._drawn = 0

    def _holds(self, text: str) -> bool:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def draw(self, text: str) -> None:
        """Show the text in place of what was drawn before."""
        if self.stream is None or not self.live:
            return
        text = text[: self.columns]
        self._put(f"\r{text}{' ' * (self._drawn - len(text))}")
        self._drawn, self.due = len(text), time.perf_counter() + self.interval

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._drawn:
            self._put(f"\r{' ' * self._drawn}\r")
            self._drawn = 0

    def write(self, text: str) -> None:
        """Write a line that stays."""
        self.clear()
        self._put(f"{text}\n")

    def _put(self, text: str) -> None:
        if self.stream is not None:  # a metric's name may hold what the encoding cannot
            self.stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
            self.stream.flush()

    def with_spark(self, pieces: Iterable[str], values: Sequence[float]) -> str:
        """The pieces and, where there is room, a sparkline."""
        text = _GAP.join(pieces)
        spark = sparkline(values, _SPARK_WIDTH, self.levels)
        fits = len(values) > 1 and len(text) + len(_GAP) + len(spark) <= self.columns
        return f"{text}{_GAP}{spark}" if fits else text


class ProgbarLogger(Callback):
    """The progress of fit, evaluate and predict on standard output; added by their `verbose`.

    "auto" and 1 draw a live line in a terminal; 2 writes only the finished line of each epoch; 0 is silent.

    >>> logger = ProgbarLogger()
    >>> logger.set_params({"epochs": 3, "steps": 10, "verbose": 2})
    """

    takes_tensors, every_batch = True, False
    _line = LiveLine(None)
    _in_fit = False
    _epoch, _started = 0, 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training."""
        verbose = params.get("verbose", "auto")
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError("unknown verbose", expected="'auto', 0, 1 or 2", received=repr(verbose))
        super().set_params(params)

    def _begin(self) -> None:
        verbose = self.params.get("verbose", "auto")
        self._line = LiveLine(sys.stdout if verbose else None, live=verbose != 2)
        self._started = time.perf_counter()

    def make_room(self) -> None:
        """Take the live line away."""
        self._line.clear()

    # ------------------------------------------------------------ fit
    def on_train_begin(self, logs: Any = None) -> None:
        """Find out what standard output can show."""
        self._in_fit = True
        self._begin()

    def on_train_end(self, logs: Any = None) -> None:
        """Leave a clean line."""
        self._in_fit = False
        self._line.clear()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock of the epoch."""
        self._epoch, self._started = epoch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draw, at most ten times a second; metrics are read only then."""
        if time.perf_counter() >= self._line.due:
            self._draw(self._title(), batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the line of the epoch."""
        self._epoch = epoch
        self._line.write(
            self._line.with_spark([self._title(), self._elapsed(), *metric_texts(logs or {})], self._losses(logs))
        )

    def _title(self) -> str:
        epochs = str(self.params.get("epochs", "?"))
        return f"epoch {self._epoch + 1:>{len(epochs)}}/{epochs}"

    def _elapsed(self) -> str:
        return duration(time.perf_counter() - self._started)

    def _losses(self, logs: Any) -> list[float]:
        """The loss of earlier epochs (of many, some thirty), and of this one so far."""
        history = getattr(self.model, "history", None)
        before = history.history.get("loss", []) if self._in_fit and history is not None else []
        before = before[:: len(before) // 32 + 1]
        return [*before, logs["loss"]] if logs and "loss" in logs else before

    def _draw(self, title: str, done: int, logs: Any) -> None:
        numbers = {name: as_float(value) for name, value in (logs or {}).items()}
        steps = self.params.get("steps")
        passed = time.perf_counter() - self._started
        place = [f"step {done}"]
        if steps:
            place = [bar(done, steps), f"{duration(passed * (steps - done) / done)} left"]
        self._line.draw(self._line.with_spark([title, *place, *metric_texts(numbers)], self._losses(numbers)))

    # ------------------------------------------------------------ evaluate and predict
    def on_test_begin(self, logs: Any = None) -> None:
        """Outside fit, begin."""
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draw, at most ten times a second."""
        if time.perf_counter() < self._line.due:
            return
        if self._in_fit:
            self._line.draw(f"{self._title()}{_GAP}validating, step {batch + 1}")
        else:
            self._draw("evaluate", batch + 1, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Outside fit, write the result."""
        if not self._in_fit:
            self._line.write(_GAP.join(["evaluate", self._elapsed(), *metric_texts(logs or {})]))

    def on_predict_begin(self, logs: Any = None) -> None:
        """Begin."""
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draw, at most ten times a second."""
        if time.perf_counter() >= self._line.due:
            self._draw("predict", batch + 1, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """Write how long it took."""
        self._line.write(_GAP.join(["predict", self._elapsed()]))


class Progbar:
    """A progress line for a loop of your own.

    Arguments:
        target: number of steps, or None if it is not known.
        width: of the bar, in characters.
        verbose: 0 silent, 1 live in a terminal, 2 only the finished line.
        interval: seconds between two drawings, at least.
        stateful_metrics, stateless_metrics: names shown as they are, or names averaged over the steps; give one of
            them or neither, and then all are averaged.

    >>> progress = Progbar(target=2)
    >>> for step in range(2):
    ...     progress.add(1, [("loss", 1.0 - step)])  # doctest: +ELLIPSIS
    2/2  [####################]  ...s  loss 0.5000
    """

    def __init__(
        self, target: int | None, width: int = 20, verbose: int = 1, interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None, stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:  # fmt: skip
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError("Progbar: give stateful_metrics or stateless_metrics, not both")
        self.target, self.width, self.unit_name = target, width, unit_name
        self._shown_as_is = None if stateful_metrics is None else set(stateful_metrics)
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._line = LiveLine(sys.stdout if verbose else None, live=verbose == 1, interval=interval)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen, self._started = 0, time.perf_counter()

    def add(self, n: int, values: Any = None) -> None:
        """Note `n` more steps and their metrics."""
        self.update(self._seen + n, values)

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Note that `current` steps are done.

        Arguments:
            values: pairs (name, value of the last step).
            finalize: write the finished line; by default once the target is reached.
        """
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0)) if self._averages(name) else (0.0, 0)
            self._sums[name] = total + float(value) * steps, count + steps
        self._seen = current
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if finalize:
            self._line.write(self._text())
        elif time.perf_counter() >= self._line.due:
            self._line.draw(self._text())

    def _averages(self, name: str) -> bool:
        if self._averaged is not None:
            return name in self._averaged
        return self._shown_as_is is None or name not in self._shown_as_is

    def _text(self) -> str:
        passed = duration(time.perf_counter() - self._started)
        metrics = {name: total / count for name, (total, count) in self._sums.items()}
        place = [f"{self._seen} {self.unit_name}s"]
        if self.target is not None:
            place = [f"{self._seen}/{self.target}", bar(self._seen, self.target, self.width)]
        return _GAP.join([*place, passed, *metric_texts(metrics)])
