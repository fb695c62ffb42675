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

    graph, _ = trace(step, X)
    lines = str(graph).splitlines()
    assert lines[0] == "graph(%0)" and lines[-1].startswith("  return %")
    assert [line.strip() for line in lines if line.endswith(":")] == ["forward:", "backward:", "update:"]
    assert "linear() %0, %1:out/kernel, %2:out/bias -> float32[2, 1]    # out" in str(graph)
    assert any(line.startswith("  assign out/bias = %") for line in lines)
    assert [v.role for v in graph.values[:5]] == ["input", "variable", "variable", "result", "feed"]
    assert len(graph.variables) == 2 and len(graph.feeds) == 1 and len(graph.assigns) == 1


def test_data_in_structures_are_inputs_and_all_else_is_static():
    def function(pair: Any, options: Any, n: int) -> Any:
        return {"y": pair[0] * n + options["x"]}

    graph, result = trace(function, (X, 3), {"x": np.float32(1), "name": "a"}, 2)
    assert len(graph.inputs) == 2 and result["y"].is_symbolic and result["y"].shape == (2, 2)


REFUSED = {
    "if": lambda x: x if x.sum() > 0 else -x,
    "float": lambda x: x * float(x.sum()),
    "numpy": lambda x: x + np.asarray(x),
    "while": lambda x: [x for _ in range(int(x.sum()))],
}


@pytest.mark.parametrize("how", REFUSED)
def test_python_that_depends_on_the_data_is_refused_with_its_line(how: str):
    with pytest.raises(GraphError, match=r"asked at .*test_trace\.py:\d+.*there are no numbers yet\n.*where"):
        trace(REFUSED[how], X)


def test_tensors_of_another_trace_are_refused():
    kept: list[Any] = []
    trace(lambda x: kept.append(x) or x, X)
    with pytest.raises(GraphError, match=r"symbolic value Spec\(\(2, 2\), float32\) from outside entered the trace"):
        trace(lambda x: x + kept[0], X)


@pytest.mark.xfail(strict=True, reason="defect reported: a value read before the trace is frozen into it as a constant")
@pytest.mark.parametrize("leaf", [lambda: gn.Variable([1.0, 2.0]).value, lambda: Tensor([1.0, 2.0], requires_grad=True)])
def test_differentiable_tensors_from_before_the_trace_are_refused(leaf: Any):
    before = leaf()
    with pytest.raises(GraphError, match="before the trace"):
        trace(lambda x: x * before, X)


def test_traces_do_not_nest():
    with pytest.raises(GraphError, match="a trace is running already"):
        trace(lambda x: trace(lambda y: y, x), X)


def test_a_failed_trace_leaves_no_trace():
    w = gn.Variable([1.0, 2.0])
    (w * w).sum().backward()

    def step(x: Any) -> Any:
        (w * x).sum().backward()
        w.assign(x)

    with Timer() as timer, pytest.raises(ShapeError, match=r"assign needs the variable's own shape\n.*\(2,\)\n.*\(2, 2\)"):
        trace(step, X)
    assert (STATE.tracer, timer.rows(), w.version) == (None, [], 0)
    assert w.grad.numpy().tolist() == [2, 4]
