"""OpHook: every run of every operation is reported, and nothing changes by being watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.hooks import NanGuard, OpHook, Timer
from glassnet.autograd.state import STATE
from glassnet.errors import NonFiniteError


class Diary(OpHook):
    """Writes down what it is told, under its name."""

    def __init__(self, name: str, pages: list[str]) -> None:
        self.name, self.pages = name, pages

    def before(self, op: Any, inputs: Any) -> None:
        self.pages.append(f"{self.name}: before {op.name}, {STATE.phase}")

    def after(self, op: Any, inputs: Any, results: Any) -> None:
        self.pages.append(f"{self.name}: after {op.name}, {STATE.phase}")

    def on_tape(self, node: Any, inputs: Any, results: Any) -> None:
        self.pages.append(f"{self.name}: {node.op.name} on the tape")

    def before_vjp(self, node: Any, cotangent: Any) -> None:
        self.pages.append(f"{self.name}: before vjp of {node.op.name}")

    def after_vjp(self, node: Any, cotangent: Any, found: Any) -> None:
        self.pages.append(f"{self.name}: after vjp of {node.op.name}")


def test_events_come_in_order_and_stop_with_the_block():
    pages: list[str] = []
    x = Tensor(3.0, requires_grad=True)
    with Diary("a", pages):
        (x * 2).backward()
    assert pages == [
        "a: before multiply, forward", "a: after multiply, forward", "a: multiply on the tape",
        "a: before vjp of multiply",
        "a: before multiply, backward", "a: after multiply, backward", "a: after vjp of multiply",
    ]  # fmt: skip
    with pytest.raises(ZeroDivisionError), Diary("a", pages):
        raise ZeroDivisionError
    ops.relu(x).backward()
    assert (len(pages), STATE.hooks) == (7, ())


def test_the_inner_hook_is_nearer_to_the_operation():
    pages: list[str] = []
    with Diary("a", pages), Diary("b", pages):
        ops.relu(np.ones(1))
    assert [page[0] for page in pages] == ["a", "b", "b", "a"]


def test_watched_results_and_gradients_are_the_same_bits():
    def run() -> list[Any]:
        rng = np.random.default_rng(0)
        x, w = Tensor(rng.normal(size=(5, 3)), requires_grad=True), gn.Variable(rng.normal(size=(3, 2)))
        loss = ops.softmax_crossentropy(ops.tanh(x @ w) + x @ w, np.ones((5, 2)) / 2).sum()
        loss.backward()
        return [loss, x.grad, w.grad]

    with Diary("a", []), Timer():
        watched = run()
    for a, b in zip(watched, run(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_timer_counts_calls_per_operation_and_phase():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with Timer() as timer:
        ops.tanh(ops.tanh(x) * x).sum().backward()
    calls = {(row.op, row.phase): row.calls for row in timer.rows()}
    assert (calls["tanh", "forward"], calls["multiply", "forward"]) == (2, 1)
    assert calls["multiply", "backward"] >= 2
    seconds = [row.seconds for row in timer.rows()]
    assert seconds == sorted(seconds, reverse=True) > [0.0]


def at(*values: float) -> Tensor:
    return Tensor(np.array(values), requires_grad=True)


ALREADY = r"\n.*\n.*its input was not finite already"
PLANTED: dict[str, tuple[Any, str]] = {
    "log of 0": (lambda: ops.log(at(1.0, 0.0)), r"forward of log .*: y is .*\n.*\n.*-inf at index \(1,\).* finite\n"),
    "root of a negative": (lambda: ops.sqrt(at(-1.0)), r"forward of sqrt .*\n.*\n.*nan at index \(0,\)"),
    "division by 0": (lambda: 1 / at(2.0, 0.0), r"forward of divide .*\n.*\n.*inf at index \(1,\)"),
    "overflow": (lambda: ops.exp(at(1.0, 1000.0)), r"forward of exp .*\n.*\n.*inf at index \(1,\)"),
    "bad data": (lambda: ops.relu(at(1.0, np.nan)), "forward of relu .*" + ALREADY),
    "a sum of NaN": (lambda: at(1.0, np.nan).sum(), "forward of sum .*" + ALREADY),
    "slope of the root at 0": (lambda: ops.sqrt(at(0.0)).sum().backward(), "backward of sqrt .*: gradient of x is"),
    "slope of a power at 0": (lambda: (at(0.0) ** 0.5).sum().backward(), "backward of power .*: gradient of a is"),
    "a bad cotangent": (lambda: (at(1.0) * 2).backward(np.array([np.inf])), "backward of multiply .*" + ALREADY),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_guard_names_the_operation_of_the_first_bad_number(fault: str):
    run, text = PLANTED[fault]
    with pytest.raises(NonFiniteError, match=text), NanGuard():
        run()


@pytest.mark.parametrize(("weight", "cotangent", "phase"), [(np.nan, 1.0, "forward"), (1.0, np.inf, "backward")])
def test_the_guard_names_layer_and_batch(weight: float, cotangent: float, phase: str):
    layers = [gn.layers.Dense(1, kernel_initializer="ones", name=name) for name in ("first", "second")]
    model = gn.Sequential([gn.Input((1,)), *layers], name="net")
    layers[1].kernel.assign([[weight]])
    guard = NanGuard()
    guard.batch = 7
    with pytest.raises(NonFiniteError, match=rf"{phase} of linear in net/second, batch 7"), guard:
        model(np.ones((1, 1), "float32")).backward(np.array([[cotangent]], "float32"))
