"""Random programs: whatever operations follow each other, a compiled training step gives what NumPy gives.

A program is Python text that grows line by line; a failure prints it, and it runs as it stands. Its arrays are small, so
thresholds are lowered behind which passes and threads begin to work.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from glassnet.autograd.tensor import Tensor
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels.plan import CompiledPlan

PROGRAM = """\
import numpy as np, glassnet as gn
ops, variables = gn.ops, {{}}
def normal(*shape):
    return np.random.default_rng([{seed}, *shape]).normal(size=shape).astype(DTYPE)
def weight(*shape):
    return variables.setdefault(shape, gn.Variable(normal(*shape))).value
inputs = [normal(*shape) for shape in {shapes}]

def step(x0, x1, x2):
    {lines}
    loss = {loss}
    [variable.zero_grad() for variable in variables.values()]
    loss.backward()
    learned = {{shape: v.value - 0.1 * v.grad for shape, v in variables.items() if v.grad is not None}}
    return [loss, {results}], {{**learned, {taken}}}
"""
CELLS = ["tanh", "exp", "sigmoid", "relu", "gelu", "erf", "sin", "abs", "silu", "square", "stop_gradient", "tril"]
SUMS, SOFT = ["sum", "mean", "max", "var", "logsumexp"], ["softmax", "log_softmax", "layer_normalization", "normalize"]
SMALL, LARGE = [1, 2, 3, 4, 5, 8, 9], [3, 8, 16, 17, 20, 33]
MOST_CELLS, LARGEST, LINES = 25_000, 50, 10


class Writer:
    """Writes the program of a seed, and runs its lines while it does so."""

    def __init__(self, seed: int) -> None:
        self.rng, self.lines = np.random.default_rng(seed), list[str]()
        self.sizes = [self.one_of(SMALL), self.one_of(SMALL), self.one_of(LARGE)]
        shapes = [(*(self.one_of(self.sizes[:2]) for _ in range(rank)), self.sizes[2]) for rank in (1, 2, 3)]
        self.head = {"seed": seed, "shapes": shapes}
        self.known = executed(PROGRAM.partition("def step")[0].format(**self.head).replace("DTYPE", "'float64'"))
        self.values = {f"x{k}": Tensor(x) for k, x in enumerate(self.known["inputs"])}
        self.add(f"x1 * weight{shapes[1]}")
        while len(self.lines) < LINES:
            source = self.one_of([name for name in list(self.values)[-5:] if self.values[name].ndim])
            self.add(self.expression(source, self.values[source].shape))

    def one_of(self, choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def add(self, text: str) -> None:
        """One more line, unless it makes no sense or its numbers are many or large."""
        with contextlib.suppress(ValueError):
            value, name = eval(text, self.known, self.values), f"y{len(self.lines)}"
            if 0 < value.size <= MOST_CELLS and np.abs(value.numpy()).max() < LARGEST:
                self.values[name] = value
                self.lines.append(f"{name} = {text}")

    def expression(self, a: str, s: tuple[int, ...]) -> str:
        """Something of the value `a` of shape `s`."""
        rng, one_of, rank = self.rng, self.one_of, len(s)
        fits = [n for n, v in self.values.items() if all(i == j or 1 in (i, j) for i, j in zip(s[::-1], v.shape[::-1]))]
        axis, size, kept, b = int(rng.integers(rank)), one_of(self.sizes), one_of([True, False]), one_of(fits)
        order, at, some = tuple(rng.permutation(rank).tolist()), rng.integers(0, s[axis], size).tolist(), s[axis:]
        letters, cuts = "abcdefgh"[:rank], [one_of([":", ":", "::2", "::-1", "1:", ":-1", "0"]) for _ in s]
        left = "".join(one_of([letter, ""]) for letter in letters) + "z"
        (window, kernel), padding = (
            ([one_of(n) for _ in s[2:]] for n in ([1, 2, 3], [1, 3])),
            one_of(["'valid'", "'same'"]),
        )
        return one_of([
            one_of([f"ops.{one_of(CELLS)}({a})", f"ops.cumsum({a}, {axis})", f"1 / (1 + {a} * {a})"]),
            one_of([f"{a} {one_of('+-*')} {b}", f"{a} / ({b} * {b} + 1)", f"ops.where({a} > {b}, {a}, 0.5 * {b})"]),
            f"ops.maximum({a}, {b})", f"{a} {one_of('+*')} weight{some}", f"ops.{one_of(SOFT)}({a}, axis={axis})",
            f"0.9 * weight{one_of(list(self.known['variables']))} - 0.1",
            f"ops.{one_of(SUMS)}({a}, axis={tuple(sorted(order[: axis + 1]))}, keepdims={kept})",
            f"ops.batch_norm({a}, weight({s[axis]},), weight({s[axis]},), axis={axis})[0]",
            f"{a} @ weight({s[-1]}, {size}) * 0.3", f"0.3 * ({a} @ ops.swapaxes({b}, -1, -2))",
            f"0.3 * ops.einsum('{letters},{letters[axis]}z->{left}', {a}, weight({s[axis]}, {size}))",
            f"ops.transpose({a}, {order})", f"ops.reshape({a}, {(*s[:axis], -1)})", f"{a}[{', '.join(cuts)}]",
            one_of([f"ops.concatenate([{a}, {b}], {axis})", f"ops.stack([{a}, {b}], {axis})", f"{a}[..., None]"]),
            one_of([f"ops.flip({a}, {axis})", f"ops.roll({a}, 1, {axis})", f"ops.pad({a}, 1)"]),
            one_of([f"ops.take({a}, {at}, {axis})", f"ops.add_at({a}, {list(range(s[0], 0, -1))}, {s[0] + 1})"]),
            *[f"ops.{one_of(['max_pool', 'average_pool'])}({a}, {window}, padding={padding})"] * bool(window),
            *[f"0.2 * ops.conv({a}, weight{(*kernel, s[-1], size)}, 1, {padding})"] * 3 * bool(window),
            *[f"ops.lstm({a}, weight({s[-1]}, 20), weight(5, 20))[0]"] * (rank == 3),
            *[f"ops.dot_product_attention({a}, {a}, {a}, is_causal={kept})"] * (rank == 4),
        ])  # fmt: skip

    def text(self) -> str:
        """A training step; its DTYPE is left open."""
        lines, names = "\n    ".join(self.lines), list(self.values)[3:]
        loss = " + ".join(f"ops.mean(ops.square({name}))" for name in [names[0], *names[-2:]])
        latest = {value.shape: name for name, value in self.values.items()}
        used = [shape for shape in self.known["variables"] if f"weight{shape}" in lines and self.rng.random() < 0.4]
        taken = ", ".join(f"{s}: {latest.get(s, f'ops.flip(variables[{s}].value, 0)')}" for s in used)
        return PROGRAM.format(**self.head, lines=lines, loss=loss, taken=taken, results=", ".join(names[::2]))


def executed(text: str) -> dict[str, Any]:
    """What a program defines."""
    exec(text, known := dict[str, Any]())
    return known


def eager(text: str) -> list[np.ndarray]:
    """The results of two steps with NumPy, and the variables behind them."""
    program, found = executed(text), list[np.ndarray]()
    for _ in range(2):
        results, new = program["step"](*map(Tensor, program["inputs"]))
        found += [y.numpy().copy() for y in results]
        for variable, y in [(program["variables"][shape], y.numpy().copy()) for shape, y in new.items()]:
            variable.assign(y)
    return found + [variable.numpy() for variable in program["variables"].values()]


def compiled(text: str) -> list[np.ndarray]:
    """The same by a compiled plan, in memory that is full of NaN before each step."""
    program, found = executed(text), list[np.ndarray]()
    program["step"](*map(Tensor, program["inputs"]))  # makes the variables

    def step(*inputs: Any) -> list[Any]:
        results, new = program["step"](*inputs)
        for shape, y in new.items():
            program["variables"][shape].assign(y)
        return results

    plan = CompiledPlan(trace(step, *program["inputs"])[0], threads=2)
    for _ in range(2):
        plan._arena[:] = 255
        found += plan.run(*program["inputs"])
    return found + [variable.numpy() for variable in program["variables"].values()]


@pytest.mark.parametrize("seed", range(28))
def test_a_compiled_program_gives_the_numbers_of_numpy(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured at NumPy in float64; its own error in float32 counts where a program makes much of rounding."""
    for threshold in ("driver._WORTH_SHARING", "recompute._SMALL", "copies._LONG", "fuse._ENOUGH",
                      "winograd._LEAST_CHANNELS"):  # fmt: skip
        monkeypatch.setattr(f"glassnet.kernels.{threshold}", 1)
    single, double = (Writer(seed).text().replace("DTYPE", f"'float{bits}'") for bits in (32, 64))
    print(single)
    for found, rounded, exact in zip(compiled(single), eager(single), eager(double), strict=True):
        allowed = 3e-5 * max(np.abs(exact).max(), 0.1) + 50 * np.abs(rounded - exact).max()
        assert np.abs(found - exact).max() <= allowed
