"""Tracing: what a step does is written down, what only Python could know is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Tensor, ops
from glassnet.autograd.hooks import Timer
from glassnet.autograd.op import feed
from glassnet.autograd.state import STATE, phase
from glassnet.errors import GraphError, ShapeError
from glassnet.graph import trace

X = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def test_the_printed_graph_shows_the_whole_step():
    dense = gn.layers.Dense(1, name="out")
    dense.build((None, 2))

    def step(x: Any) -> Any:
        loss = ops.sum(dense(x) * feed(lambda: 2.0, (), "float32"))
        loss.backward()
        with phase("update"):
            dense.bias.assign_sub(dense.bias.grad)
        return loss

    lines = str(trace(step, X)[0]).splitlines()
    assert lines[:2] == ["graph(%0)", "  forward:"]
    assert lines[2] == "    %3 = linear() %0, %1:out/kernel, %2:out/bias -> float32[2, 1]    # out"
    assert [line.strip() for line in lines if line.endswith(":")] == ["forward:", "backward:", "update:"]
    assert [line[: line.index("%")] for line in lines[-2:]] == ["  assign out/bias = ", "  return "]


def test_data_in_structures_are_inputs_and_all_else_is_static():
    function = lambda pair, options, n: {"y": pair[0] * n + options["x"]}  # noqa: E731  # one line says it
    graph, result = trace(function, (X, 3), {"x": np.float32(1), "name": "a"}, 2)
    assert (len(graph.inputs), repr(result)) == (2, "{'y': Tensor(Spec((2, 2), float32))}")


REFUSED = {
    "if": lambda x: x if x.sum() > 0 else -x,
    "float": lambda x: x * float(x.sum()),
    "numpy": lambda x: x + np.asarray(x),
    "range": lambda x: [x for _ in range(int(x.sum()))],
}


@pytest.mark.parametrize("how", REFUSED)
def test_python_that_depends_on_the_data_is_refused_with_its_line(how: str):
    with pytest.raises(GraphError, match=r"asked at .*test_trace\.py:\d+.*there are no numbers yet\n.*where"):
        trace(REFUSED[how], X)


def test_tensors_of_another_trace_are_refused():
    _, kept = trace(lambda x: x, X)
    with pytest.raises(GraphError, match=r"symbolic value Spec\(\(2, 2\), float32\) from outside entered the trace"):
        trace(lambda x: x + kept, X)


@pytest.mark.parametrize("leaf", [gn.Variable([1.0, 2.0]).value, Tensor([1.0, 2.0], requires_grad=True)])
def test_differentiable_tensors_from_before_the_trace_are_refused(leaf: Tensor):
    with pytest.raises(GraphError, match="before the trace"):
        trace(lambda x: x * leaf, X)


def test_traces_do_not_nest():
    with pytest.raises(GraphError, match="a trace is running already"):
        trace(lambda x: trace(lambda y: y, x), X)


def test_a_failed_trace_leaves_no_trace():
    w = gn.Variable([1.0, 2.0])
    (w * w).sum().backward()

    def step(x: Any) -> Any:
        (w * x).sum().backward()
        w.assign(x)

    text = r"assign needs the variable's own shape\n.*\(2,\)\n.*\(2, 2\)"
    with Timer() as timer, pytest.raises(ShapeError, match=text):
        trace(step, X)
    assert (STATE.tracer, timer.rows(), w.version, w.grad.numpy().tolist()) == (None, [], 0, [2, 4])
