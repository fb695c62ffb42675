"""ExecutionPlan: a replay gives the eager bits, and memory is taken over only where nobody else reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import Variable, ops
from glassnet.autograd.op import Op, apply, feed
from glassnet.autograd.state import phase
from glassnet.graph import ExecutionPlan, trace


class Training:
    """A step with every kind of value: inputs, variables, random bits, constants, a backward pass and assigns."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.bits = np.random.default_rng(1)
        self.w, self.v = Variable(rng.normal(size=(3, 4)), name="w"), Variable(rng.normal(size=(4, 2)), name="v")
        self.count, self.mean = Variable(0, trainable=False), Variable(np.zeros(4), trainable=False)

    def step(self, x: Any, t: Any) -> Any:
        hidden = ops.tanh(x @ self.w)
        keep = feed(lambda: self.bits.random((5, 4)), (5, 4), "float64")
        loss = ops.softmax_crossentropy(ops.apply_dropout(hidden, keep, 0.5) @ self.v, t).mean()
        for variable in (self.w, self.v):
            variable.zero_grad()
        loss.backward()
        self.mean.assign(0.9 * self.mean + 0.1 * hidden.mean(axis=0))
        with phase("update"):
            for variable in (self.w, self.v):
                variable.assign(ops.sgd_update(variable.value, variable.grad, np.float64(0.3)))
            self.count.assign_add(1)
        return loss, self.w.value.T


def test_replays_equal_eager_steps_bit_for_bit():
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=(5, 3)), np.eye(2)[rng.integers(0, 2, 5)]
    eager, replayed = Training(), Training()
    plan = ExecutionPlan(trace(replayed.step, x, t)[0])
    for step in range(4):
        expected = eager.step(gn.Tensor(x + step), gn.Tensor(t))
        found = plan.run(x + step, t)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b.numpy())
        for name in ("w", "v", "count", "mean"):
            np.testing.assert_array_equal(getattr(replayed, name).numpy(), getattr(eager, name).numpy())
    assert (replayed.count.numpy(), replayed.w.version > 0) == (4, True)


def test_feeds_are_made_anew_for_every_run():
    numbers = iter(range(10))
    plan = ExecutionPlan(trace(lambda x: x + feed(lambda: next(numbers), (), "float64"), np.zeros(1))[0])
    assert [plan.run(np.zeros(1))[0].item() for _ in range(3)] == [0, 1, 2]


class Halve(Op):
    """w/2 + g, into w's own memory where that is offered."""

    rule = "w2 = w/2 + g"
    outputs = ("w2",)
    inplace = {"w2": "w"}
    differentiable = False
    offered = []

    def forward(self, xp: Any, w: Any, g: Any, out: Any = None) -> Any:
        self.offered.append(out is not None)
        return xp.add(w / 2, g, out=out)


def halve(w: Any, g: Any) -> Any:
    return apply(Halve(), w, g)


# (old w, old v, x) -> the new contents and the output; and which of the calls may write in place
UPDATES: dict[str, tuple[Any, list[bool]]] = {
    "one update": (lambda w, v, x: ({"w": halve(w, x)}, x), [True]),
    "two updates": (lambda w, v, x: ({"w": halve(w, x), "v": halve(v, x)}, x), [True, True]),
    "the old content is an output": (lambda w, v, x: ({"w": halve(w, x)}, w), [True]),
    "the old content goes elsewhere": (lambda w, v, x: ({"v": w, "w": halve(w, x)}, x), [True]),
    "the new content is an output": (lambda w, v, x: ({"w": (new := halve(w, x))}, new), [False]),
    "a later update reads it": (lambda w, v, x: ({"w": halve(w, x), "v": halve(v, w)}, x), [False, True]),
    "an earlier update reads it": (lambda w, v, x: ({"v": halve(v, w), "w": halve(w, x)}, x), [True, True]),
    "something later reads it": (lambda w, v, x: ({"w": halve(w, x)}, w * 3), [False]),
    "the same content twice": (lambda w, v, x: ({"w": halve(w, w)}, x), [False]),
    "a view of the content": (lambda w, v, x: ({"w": halve(w, w[::-1])}, x), [False]),
    "the content of another": (lambda w, v, x: ({"v": halve(w, x)}, x), [False]),
    "an update of an update": (lambda w, v, x: ({"w": halve(halve(w, x), x)}, x), [False, False]),
    "a swap": (lambda w, v, x: ({"w": v, "v": w}, x), []),
}


@pytest.mark.parametrize("case", UPDATES)
def test_memory_is_taken_over_only_where_nobody_else_reads_it(case: str):
    function, in_place = UPDATES[case]
    variables = {"w": Variable([1.0, 2.0, 3.0]), "v": Variable([5.0, 6.0, 7.0])}
    x = np.array([10.0, 20.0, 30.0], "float32")

    def step(x: Any) -> Any:
        with phase("update"):
            new, output = function(variables["w"].value, variables["v"].value, x)
            for name, value in new.items():
                variables[name].assign(value)
        return output

    plan = ExecutionPlan(trace(step, x)[0])
    for _ in range(2):
        old = {name: variable.numpy() for name, variable in variables.items()}
        new, expected = function(old["w"], old["v"], x)
        Halve.offered.clear()
        (output,) = plan.run(x)
        assert Halve.offered == in_place
        np.testing.assert_array_equal(output, expected)
        for name, variable in variables.items():
            np.testing.assert_array_equal(variable.numpy(), new.get(name, old[name]), err_msg=name)


def test_outputs_and_assigned_values_never_share_memory_with_variables_or_inputs():
    w, v, x = Variable(np.ones((2, 2))), Variable(np.zeros((2, 2))), np.full((2, 2), 7.0)

    def step(x: Any) -> Any:
        v.assign(x.T)
        return w.value, w.value.T, w.value[0], x, x.reshape(4)

    outputs = ExecutionPlan(trace(step, x)[0]).run(x)
    assert not any(np.shares_memory(array, other) for array in outputs for other in (w.array, v.array, x))
    x[:] = 0
    assert [v.numpy().max(), v.numpy().min(), *(array.max() for array in outputs)] == [7, 7, 1, 1, 1, 7, 7]
