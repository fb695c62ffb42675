"""A compiled plan as text: the formulas are those that run, every number and name can be found in the graph."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Expr, Name, Negative, Number, Read
from glassnet.errors import ArgumentError
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels import show
from glassnet.kernels.llvm import machine
from glassnet.kernels.nest import rebuilt
from glassnet.kernels.plan import CompiledPlan

from helpers.formulas import Numbers

L = gn.layers


def plan_of(layers: list[Any], x: Any, y: Any, loss: str = "mse", threads: int = 1) -> CompiledPlan:
    """The training step of a model."""
    model = gn.Sequential([gn.Input(x.shape[1:]), *layers])
    model.compile(gn.optimizers.SGD(0.5), loss)
    model.train_on_batch(x, y)
    return CompiledPlan(trace(lambda x, y: model.train_step((x, y)), x, y)[0], threads)


def zeros(*shape: int) -> Any:
    return np.zeros(shape, "float32")


@pytest.fixture
def small() -> CompiledPlan:
    w = gn.Variable(np.ones((5, 3), "float32"), name="w")

    def step(x: Any) -> Any:
        y = gn.ops.tanh(x @ w)
        w.assign(w - 0.5 * gn.ops.matmul(gn.ops.transpose(x), y))
        return gn.ops.sum(y)

    return CompiledPlan(trace(step, zeros(4, 5))[0], threads=1)


REPORT = """\
7 operations: 6 assignments in 3 kernels, 3 functions
memory of its own: 176 bytes; values that take turns save 0
updated in place: w
stage 0
  kernel 0: 4 x 3, about 84 operations, one thread
    matmul[j,k] = sum_{i<5} input0[j,i] * w[i,k]  (in registers)
    tanh[j,k] = tanh(matmul[j,k])
  kernel 1: 5 x 3, about 105 operations, one thread
    matmul_2[j,k] = sum_{i<4} input0.transpose[j,i] * tanh[i,k]  (in registers)
    multiply[j,k] = 0.5 * matmul_2[j,k]  (in registers)
    w'[j,k] = w[j,k] - multiply[j,k]
  kernel 2: 1, about 13 operations, one thread
    sum = sum_{a<4,b<3} tanh[a,b]"""


def test_the_whole_report_of_a_small_step(small: CompiledPlan) -> None:
    assert small.report() == REPORT


def test_memory_without_sharing_is_the_sum(small: CompiledPlan) -> None:
    found = small.compilation
    sizes = [found.place(memory).size for memory in found.layout.offsets if memory >= 0]
    batches = [found.place(number).size for number in small.graph.inputs]
    padded = sum(-(-size // 64) * 64 for size in [*sizes, *batches])
    assert 0 <= padded - (found.arena_bytes + found.saved_bytes) < 64


MODELS = {
    "convolution": lambda: plan_of(
        [L.Conv2D(3, 3, padding="same", activation="gelu"), L.MaxPooling2D(), L.Flatten(), L.Dense(2)],
        zeros(2, 6, 6, 1),
        zeros(2, 2),
    ),
    "normalization": lambda: plan_of(
        [L.BatchNormalization(), L.Dense(4, "elu"), L.LayerNormalization(), L.Dropout(0.5)], zeros(3, 4), zeros(3, 4)
    ),
    "recurrence": lambda: plan_of([L.LSTM(3), L.Dense(2, "softmax")], zeros(2, 4, 3), zeros(2, 2)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_formula_that_is_read_back_is_the_one_that_was_compiled(name: str) -> None:
    plan = MODELS[name]()
    for kernel in plan.kernels:
        for nest in kernel.group.nests:
            for assignment, formula in zip(nest.assignments, show.formulas(nest, Numbers()), strict=True):
                (read,) = rules.parse(formula)
                letters = {
                    index.name: axis for index, axis in zip(read.indices, nest.letters) if isinstance(index, Name)
                }
                assert read.target == f"v{assignment.target}"
                assert rebuilt(read.body, lambda e, own=letters: _as_value(e, own)) == rebuilt(assignment.body, _plain)


def _as_value(expr: Expr, letters: dict[str, str]) -> Expr | None:
    """A formula that was read: values by number, axes by position."""
    match expr:
        case Name(name) if re.fullmatch(r"v\d+", name):
            return Read(name[1:], ())
        case Name(name):
            return Name(letters.get(name, name))
        case Read(array, indices) if array[0] == "v":
            return Read(array[1:], tuple(rebuilt(index, lambda e: _as_value(e, letters)) for index in indices))
    return None


def _plain(expr: Expr) -> Expr | None:
    """A compiled formula without what is not part of the language: checked indices, literals below 0."""
    match expr:
        case rules.Call("inside", (index,)):
            return rebuilt(index, _plain)
        case Binary("+" | "-" as sign, left, Number(value)) if value < 0:
            return Binary("-" if sign == "+" else "+", rebuilt(left, _plain), Number(-value))
        case Number(value) if value < 0:
            return Negative(Number(-value))
    return None


@pytest.mark.parametrize("name", MODELS)
def test_no_two_values_have_one_name(name: str) -> None:
    plan = MODELS[name]()
    names = show.Names(plan.compilation.program)
    values = {target for kernel in plan.kernels for target in kernel.group.targets | kernel.group.reads}
    parts = plan.compilation.program.lowering.parts
    pieces = {
        plan.compilation.place(value) if value in parts else value for value in values
    }  # a part may be cut out twice
    assert len({names[value] for value in values}) == len(pieces)


def test_equal_kernels_are_told_to_be_one_function() -> None:
    layers = [L.Dense(8, "tanh", name=f"layer_{k}") for k in range(3)]
    text = plan_of(layers, zeros(4, 8), zeros(4, 8)).report()
    assert re.search(r"kernel \d+: 4 x 8, .*, the function of kernel \d+\n    gives layer_1/tanh, ", text)


def test_the_walk_of_a_recurrence_names_parts_of_its_arrays() -> None:
    text = MODELS["recurrence"]().report()
    assert "lstm_cell/recurrent_kernel" in text
    assert re.search(r"lstm\S*/lstm\.gates\[0\]\[:,0:3\]\[i,j\]", text)


def test_large_kernels_are_told_to_be_shared() -> None:
    plan = plan_of([L.Dense(256)], zeros(64, 256), zeros(64, 256), threads=2)
    assert "kernel 0: 64 x 256, about 4,243,456 operations, shared by 2 threads" in plan.report()


@pytest.fixture
def wide() -> CompiledPlan:
    graph, _ = trace(lambda x: x * 2.0 + x, zeros(4, 64))
    return CompiledPlan(graph)


def test_a_kernel_is_shown_as_vectors_and_as_instructions_of_this_processor(wide: CompiledPlan) -> None:
    assert f"<{machine().lanes} x float>" in wide.ir(0)
    assert 'define void @"kernel_0"(' in wide.ir(0)
    assembly = wide.assembly(0)
    assert "kernel_0:" in assembly
    if machine().triple.startswith("x86_64"):
        register = {16: "%zmm", 8: "%ymm", 4: "%xmm"}[machine().lanes]
        assert re.search(rf"\b(v?mulps|vf\w*ps|v?addps)\b.*{register}", assembly)


@pytest.mark.parametrize("number", [-1, 1])
def test_a_kernel_that_is_not_there_is_refused(wide: CompiledPlan, number: int) -> None:
    for text in (wide.ir, wide.assembly):
        with pytest.raises(ArgumentError, match=rf"there is no such kernel\n.*0 to 0\n.*{number}"):
            text(number)
