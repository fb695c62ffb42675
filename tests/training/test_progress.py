"""The progress line: live in a terminal, plain lines in a pipe, ASCII where the encoding needs it, nearly free."""

from __future__ import annotations

import io
import re
import timeit
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError
from glassnet.training import progress
from glassnet.training.callback import LambdaCallback
from glassnet.training.callbacks import CallbackList
from glassnet.training.progress import Progbar, ProgbarLogger, duration, number, sparkline

X = np.linspace(-1, 1, 32, dtype="float32").reshape(16, 2)
Y = X.sum(axis=1, keepdims=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(output: str) -> list[str]:
    """What a terminal shows in the end: a carriage return goes back, and what follows overwrites."""
    lines = []
    for written in output.split("\n"):
        shown = ""
        for part in written.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def trained(stream: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[gn.metrics.MeanAbsoluteError(name="mae")])
    model.fit(X, Y, epochs=3, **{"validation_data": (X, Y), **settings})


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_pipe_gets_one_plain_line_per_epoch(verbose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(stream := io.StringIO(), monkeypatch, verbose=verbose)
    text = stream.getvalue()
    figure = r"\d+\.\d{4}"
    line = rf"epoch \d/3  \d+ ms  loss {figure} \(val {figure}\)  mae {figure} \(val {figure}\)(  [▁-█]+)?"
    assert all(re.fullmatch(line, part) for part in text.splitlines())
    assert text.count("\n") == 3
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_code_page_without_block_characters_gets_ascii(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    trained(io.TextIOWrapper(buffer, encoding=encoding, newline=""), monkeypatch)
    last = buffer.getvalue().decode("ascii").splitlines()[-1]
    assert set(last.split("  ")[-1]) <= set(progress.ASCII)


def test_a_name_that_the_encoding_cannot_hold_is_no_error() -> None:
    stream = io.TextIOWrapper(buffer := io.BytesIO(), encoding="cp1252", newline="")
    progress.LiveLine(stream).write("größe λ 0.5")
    assert buffer.getvalue().decode("cp1252") == "größe ? 0.5\n"


def test_a_terminal_is_redrawn_in_place_and_keeps_one_line_per_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    trained(stream := Terminal(), monkeypatch, batch_size=1)
    assert "\repoch 1/3  [" in stream.getvalue()
    shown = screen(stream.getvalue())
    assert [line.split("  ")[0] for line in shown] == ["epoch 1/3", "epoch 2/3", "epoch 3/3", ""]
    assert not any("left" in line or "validating" in line for line in shown)
    assert max(map(len, re.split(r"[\r\n]", stream.getvalue()))) < 80


def test_silent_when_verbose_is_0_and_without_redrawing_when_it_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    trained(silent := Terminal(), monkeypatch, verbose=0, callbacks=ProgbarLogger())
    trained(lines := Terminal(), monkeypatch, verbose=2)
    assert silent.getvalue() == ""
    assert "\r" not in lines.getvalue()
    with pytest.raises(ArgumentError, match=r"unknown verbose\n  expected: 'auto', 0, 1 or 2\n  received: 'loud'"):
        trained(silent, monkeypatch, verbose="loud")


def test_at_most_ten_drawings_a_second_and_metrics_are_read_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, read = [100.0], []
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(progress, "as_float", lambda value: read.append(value) or float(value))
    monkeypatch.setattr("sys.stdout", stream := Terminal())
    listed = CallbackList(add_progbar=True, epochs=1, steps=2000, verbose=1)
    listed.on_train_begin()
    listed.on_epoch_begin(0)
    for batch in range(2000):  # two seconds, a millisecond per batch
        now[0] += 0.001
        listed.on_train_batch_end(batch, {"loss": batch})
    assert stream.getvalue().count("\r") == len(read) == 20
    listed.on_test_begin()
    now[0] += 0.2
    for batch in range(5):
        listed.on_test_batch_end(batch, {"loss": 0.5})
    assert screen(stream.getvalue()) == ["epoch 1/1  validating, step 1"]


def test_a_batch_that_is_not_drawn_costs_less_than_two_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    listed = CallbackList(add_progbar=True, epochs=1, steps=10, verbose=1)
    listed.on_train_begin()
    logger = listed.callbacks[0]
    assert isinstance(logger, ProgbarLogger)
    logger._line.due = float("inf")
    logs = {"loss": gn.Tensor(1.0), "accuracy": gn.Tensor(0.5)}

    def step() -> None:
        listed.on_train_batch_begin(0)
        listed.on_train_batch_end(0, logs)

    assert min(timeit.repeat(step, number=2000, repeat=9)) / 2000 < 2e-6


def test_what_another_callback_says_does_not_tear_the_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = LambdaCallback()
    speaker.on_train_batch_end = lambda batch, logs=None: speaker.say(f"batch {batch}") if batch < 2 else None  # type: ignore[method-assign]
    trained(stream := Terminal(), monkeypatch, batch_size=1, callbacks=[speaker])
    assert screen(stream.getvalue())[:2] == ["batch 0", "batch 1"]


def test_evaluate_and_predict_write_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := Terminal())
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mae")
    model.evaluate(X, np.full((16, 1), 0.25))
    model.predict(X, verbose=1)
    evaluated, predicted, end = screen(stream.getvalue())
    assert re.fullmatch(r"evaluate  \d+ ms  loss 0\.2500", evaluated)
    assert re.fullmatch(r"predict  \d+ ms", predicted)
    assert end == ""


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 8, ""),
        ([5.0], 8, "▁"),
        ([2.0, 2.0], 8, "▁▁"),
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        (list(range(701)), 8, "▁▂▃▄▅▆▇█"),
        ([1.0, float("nan"), 0.0, float("inf")], 8, "█?▁?"),
    ],
)
def test_a_sparkline_goes_from_the_lowest_to_the_highest_block(values: Any, width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


def test_numbers_and_times_are_short() -> None:
    assert [number(v) for v in (0, 0.25, 1e-4, -2e6, float("nan"), np.array([1, 2]))] == [
        "0.0000", "0.2500", "1.000e-04", "-2.000e+06", "nan", "[1 2]",
    ]  # fmt: skip
    assert [duration(s) for s in (0.9999, 9.94, 59.4, 59.6, 3600)] == [
        "1.0 s",
        "9.9 s",
        "59 s",
        "1 min 0 s",
        "1 h 0 min",
    ]


def test_progbar_averages_over_steps_except_what_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    bar = Progbar(4, width=4, stateful_metrics=["rate"], unit_name="sample")
    bar.update(1, [("loss", 1.0), ("rate", 1.0)])
    bar.add(3, [("loss", 2.0), ("rate", 2.0)])  # (1 + 3 * 2) / 4
    open_end = Progbar(None, stateless_metrics=["loss"])
    open_end.update(2, [("loss", 1.0), ("rate", 1.0)], finalize=True)
    assert re.sub(r"\d+ ms", "T", stream.getvalue()).splitlines() == [
        "4/4  [####]  T  loss 1.7500  rate 2.0000",
        "2 steps  T  loss 1.0000  rate 1.0000",
    ]
    with pytest.raises(ArgumentError, match="stateful_metrics or stateless_metrics, not both"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])
