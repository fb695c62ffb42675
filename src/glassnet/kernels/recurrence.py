"""Recurrences: the walk through time.

The text of a step is the same for all steps; what changes is which parts of the arrays it reads and writes. The first step
reads the given state and the last one leaves its own, so these are written out; of those between them one is, and the
driver repeats it while its parts move on. Derivations stand in `ops/recurrent.py`; letters: n a sample, k one of the sums
side by side, o a unit, j a unit of the state before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from glassnet.autograd.spec import Spec
from glassnet.graph.ir import Call
from glassnet.kernels.memory import Part
from glassnet.kernels.nest import Lowering, Nest, Repetition

_ALL = slice(None)
_GATES = ("into", "forget", "fresh", "out")
"""The blocks i, f, g, o of an LSTM."""


def _sigmoid(z: str) -> str:
    return f"(0.5*tanh(0.5*({z})) + 0.5)"


class _Walk:
    """The call of a recurrence: its arrays by name, and a way to write rules about parts of them."""

    def __init__(self, call: Call, lowering: Lowering) -> None:
        self.lowering, self.attributes = lowering, call.op.attributes
        self.arrays = dict(zip(call.op.input_names(len(call.inputs)), call.inputs))
        self.results = dict(zip(call.op.results, call.results))
        self.units = lowering.shape(self.arrays["U"])[0]
        self.is_masked = not lowering.is_all_true(self.arrays["mask"])
        self.dtype = lowering.specs[self.arrays["U"]].dtype
        self.repetition: Repetition | None = None
        self.direction = 0
        """Of the steps that are repeated now: 1 forward, -1 backward."""

    def steps(self, numbers: range) -> Iterator[int]:
        """The steps to write out: the first, the last, and one for all between them, which are equal but for their arrays."""
        first, *others = numbers
        yield first
        if len(others) > 1:
            self.repetition, self.direction = Repetition(len(others) - 1), numbers.step
            yield others[0]
            self.repetition, self.direction = None, 0
        yield from others[-1:]

    def part(self, value: int, *index: Any) -> int:
        """A part of an array, in NumPy's notation, as a value of its own; the part of a step moves on with the steps."""
        return self.lowering.part(Part(value, index, tuple(self.direction * isinstance(i, int) for i in index)))

    def block(self, value: int, number: int) -> int:
        """The sums of one kind, which lie side by side along the last axis."""
        units = slice(number * self.units, (number + 1) * self.units)
        return self.part(value, *[_ALL] * (len(self.lowering.shape(value)) - 1), units)

    def state(self, samples: int) -> int:
        """A new array of a number per sample and unit."""
        return self.lowering.new_value(Spec((samples, self.units), self.dtype))

    def write(self, rule: str, arrays: dict[str, int], results: dict[str, int]) -> Iterator[Nest]:
        """The nests of a rule."""
        for nest in self.lowering.written(rule, arrays, results, self.attributes):
            yield replace(nest, repetition=self.repetition)

    def taken(self, new: str, old: str) -> str:
        """What a sample has after a step: the new number, or the old one where its mask skips the step."""
        return f"where(m[n], {new}, {old})" if self.is_masked else new

    def mask(self, step: int) -> dict[str, int]:
        """The mask of a step, where there is one."""
        return {"m": self.part(self.arrays["mask"], _ALL, step)} if self.is_masked else {}


# ---------------------------------------------------------------- forward


def _forward(walk: _Walk, bias: str, step_nests: Callable[[int, int, int], Iterator[Nest]]) -> Iterator[Nest]:
    """The sums over the inputs of all steps at once, the steps, and copies of the last states."""
    samples, steps, _ = walk.lowering.shape(walk.arrays["x"])
    sums = walk.lowering.new_value(Spec((steps, samples, walk.lowering.shape(walk.arrays["W"])[1]), walk.dtype))
    yield from walk.write(f"z[t,n,k] = sum_i x[n,t,i]*W[i,k] + {bias}", walk.arrays, {"z": sums})
    for step in walk.steps(range(steps)):
        state = walk.part(walk.results["y"], _ALL, step - 1) if step else walk.arrays["h0"]
        yield from step_nests(step, walk.part(sums, step), state)
    last = walk.part(walk.results["y"], _ALL, steps - 1)
    yield from walk.write("h[n,o] = last[n,o]", {"last": last}, {"h": walk.results["h"]})


def _simple_rnn(walk: _Walk) -> Iterator[Nest]:
    def step_nests(step: int, z: int, h: int) -> Iterator[Nest]:
        yield from walk.write(
            f"s[n,o] = z[n,o] + sum_j h[n,j]*U[j,o]; y[n,o] = {walk.taken('tanh(s[n,o])', 'h[n,o]')}",
            {"z": z, "h": h, "U": walk.arrays["U"], **walk.mask(step)},
            {"y": walk.part(walk.results["y"], _ALL, step)},
        )

    yield from _forward(walk, "b[k]", step_nests)


def _lstm(walk: _Walk) -> Iterator[Nest]:
    O, results = walk.units, walk.results  # noqa: E741  # the letter of units
    half = f"(1 - 0.5*[k < {2 * O} or k >= {3 * O}])"  # 1/2 for the sums that a sigmoid bends

    def step_nests(step: int, z: int, h: int) -> Iterator[Nest]:
        carry = walk.part(results["carries"], step - 1) if step else walk.arrays["c0"]
        own = {name: walk.part(results[name], step) for name in ("gates", "carries", "bent")}
        yield from walk.write(
            f"s[n,k] = z[n,k] + sum_j h[n,j]*U[j,k]; gates[n,k] = {half}*tanh({half}*s[n,k]) + 1 - {half}",
            {"z": z, "h": h, "U": walk.arrays["U"]}, {"gates": own["gates"]},
        )  # fmt: skip
        gates = {name: walk.block(own["gates"], number) for number, name in enumerate(_GATES)}
        yield from walk.write(
            "new[n,o] = forget[n,o]*c[n,o] + into[n,o]*fresh[n,o]; bent[n,o] = tanh(new[n,o]); "
            f"carries[n,o] = {walk.taken('new[n,o]', 'c[n,o]')}; "
            f"y[n,o] = {walk.taken('out[n,o]*bent[n,o]', 'h[n,o]')}",
            {**gates, "c": carry, "h": h, **walk.mask(step)},
            {"bent": own["bent"], "carries": own["carries"], "y": walk.part(results["y"], _ALL, step)},
        )

    yield from _forward(walk, "b[k]", step_nests)
    last = walk.part(results["carries"], walk.lowering.shape(results["carries"])[0] - 1)
    yield from walk.write("c[n,o] = last[n,o]", {"last": last}, {"c": results["c"]})


def _gru(walk: _Walk) -> Iterator[Nest]:
    O, U, resets_after = walk.units, walk.arrays["U"], walk.attributes["reset_after"]  # noqa: E741

    def step_nests(step: int, z: int, h: int) -> Iterator[Nest]:
        gates, reset = walk.part(walk.results["gates"], step), walk.part(walk.results["reset"], step)
        u, r, g = (walk.block(gates, number) for number in range(3))
        z_u, z_r, z_g = (walk.block(z, number) for number in range(3))
        y = walk.part(walk.results["y"], _ALL, step)
        new_state = f"y[n,o] = {walk.taken('u[n,o]*(h[n,o] - g[n,o]) + g[n,o]', 'h[n,o]')}"
        if resets_after:
            sums = walk.lowering.new_value(Spec(walk.lowering.shape(z), walk.dtype))
            yield from walk.write(
                "s[n,k] = b[1,k] + sum_j h[n,j]*U[j,k]", {"h": h, "U": U, "b": walk.arrays["b"]}, {"s": sums}
            )
            s_u, s_r, s_g = (walk.block(sums, number) for number in range(3))
            yield from walk.write(
                f"u[n,o] = {_sigmoid('v[n,o] + p[n,o]')}; r[n,o] = {_sigmoid('w[n,o] + q[n,o]')}; "
                f"reset[n,o] = s[n,o]; g[n,o] = tanh(z[n,o] + r[n,o]*s[n,o]); {new_state}",
                {"v": z_u, "p": s_u, "w": z_r, "q": s_r, "z": z_g, "s": s_g, "h": h, **walk.mask(step)},
                {"u": u, "r": r, "reset": reset, "g": g, "y": y},
            )
            return
        yield from walk.write(
            f"s[n,k] = z[n,k] + sum_j h[n,j]*U[j,k]; gates[n,k] = {_sigmoid('s[n,k]')}",
            {"z": walk.part(z, _ALL, slice(2 * O)), "h": h, "U": walk.part(U, _ALL, slice(2 * O))},
            {"gates": walk.part(gates, _ALL, slice(2 * O))},
        )
        seen = walk.state(walk.lowering.shape(h)[0])
        yield from walk.write(
            "reset[n,o] = h[n,o]; seen[n,o] = r[n,o]*h[n,o]", {"h": h, "r": r}, {"reset": reset, "seen": seen}
        )
        yield from walk.write(
            f"s[n,o] = z[n,o] + sum_j seen[n,j]*U[j,o]; g[n,o] = tanh(s[n,o]); {new_state}",
            {"z": z_g, "seen": seen, "U": walk.block(U, 2), "u": u, "h": h, **walk.mask(step)}, {"g": g, "y": y},
        )  # fmt: skip

    yield from _forward(walk, "b[0,k]" if resets_after else "b[k]", step_nests)


# ---------------------------------------------------------------- backward


def _backward(
    walk: _Walk, steps: int, first: dict[str, tuple[int, int]],
    step_nests: Callable[[int, dict[str, int], dict[str, int]], Iterator[Nest]],
) -> Iterator[Nest]:  # fmt: skip
    """The steps from the last to the first.

    Arguments:
        first: of each cotangent that walks along: its value after the last step, and the result that it becomes.
        step_nests: (step, cotangents, cotangents of the step before) -> nests. Both may be in the same memory: who writes the
            latter needs the former no more.
    """
    yield from walk.write("back[k,j] = U[j,k]", walk.arrays, walk.arrays)
    walking = {name: start for name, (start, _) in first.items()}
    samples = walk.lowering.shape(next(iter(walking.values())))[0]
    states = {name: walk.state(samples) for name in first}
    for step in walk.steps(range(steps - 1, -1, -1)):
        following = {name: walk.part(state, _ALL) for name, state in states.items()} if walking is states else states
        yield from step_nests(step, walking, following if step else {name: end for name, (_, end) in first.items()})
        walking = states


def _simple_rnn_backward(walk: _Walk) -> Iterator[Nest]:
    arrays, (_, steps, _) = walk.arrays, walk.lowering.shape(walk.arrays["y"])

    def step_nests(step: int, now: dict[str, int], before: dict[str, int]) -> Iterator[Nest]:
        z_bar = walk.part(walk.results["z_bar"], step)
        yield from walk.write(
            f"a[n,o] = h[n,o] + e[n,o]; z_bar[n,o] = {walk.taken('a[n,o]*(1 - y[n,o]*y[n,o])', '0')}; "
            f"rest[n,o] = {walk.taken('0', 'a[n,o]')}",
            now | {"e": walk.part(arrays["y_bar"], _ALL, step), "y": walk.part(arrays["y"], _ALL, step)} | walk.mask(step),
            {"z_bar": z_bar, "rest": (rest := walk.state(walk.lowering.shape(now["h"])[0]))},
        )  # fmt: skip
        yield from walk.write(
            "s[n,j] = sum_k z_bar[n,k]*back[k,j]; h[n,j] = s[n,j] + rest[n,j]",
            {"z_bar": z_bar, "back": arrays["back"], "rest": rest}, before,
        )  # fmt: skip

    yield from _backward(walk, steps, {"h": (arrays["h_bar"], walk.results["h0_bar"])}, step_nests)


def _lstm_backward(walk: _Walk) -> Iterator[Nest]:
    arrays, results = walk.arrays, walk.results
    steps = walk.lowering.shape(arrays["gates"])[0]

    def step_nests(step: int, now: dict[str, int], before: dict[str, int]) -> Iterator[Nest]:
        z_bar, gates = walk.part(results["z_bar"], step), walk.part(arrays["gates"], step)
        read = {name: walk.block(gates, number) for number, name in enumerate(_GATES)}
        found = {f"z_{name}": walk.block(z_bar, number) for number, name in enumerate(_GATES)}
        read |= {"e": walk.part(arrays["y_bar"], _ALL, step), "bent": walk.part(arrays["bent"], step)}
        read["w"] = walk.part(arrays["carries"], step - 1) if step else arrays["c0"]
        rest = walk.state(walk.lowering.shape(now["h"])[0])
        yield from walk.write(
            f"all[n,o] = h[n,o] + e[n,o]; a[n,o] = {walk.taken('all[n,o]', '0')}; "
            f"rest[n,o] = {walk.taken('0', 'all[n,o]')}; "
            f"c_bar[n,o] = {walk.taken('c[n,o]', '0')} + a[n,o]*(1 - bent[n,o]*bent[n,o])*out[n,o]; "
            "z_into[n,o] = c_bar[n,o]*fresh[n,o]*into[n,o]*(1 - into[n,o]); "
            "z_forget[n,o] = c_bar[n,o]*w[n,o]*forget[n,o]*(1 - forget[n,o]); "
            "z_fresh[n,o] = c_bar[n,o]*into[n,o]*(1 - fresh[n,o]*fresh[n,o]); "
            "z_out[n,o] = a[n,o]*bent[n,o]*out[n,o]*(1 - out[n,o]); "
            f"c_before[n,o] = {walk.taken('c_bar[n,o]*forget[n,o]', 'c[n,o]')}",
            now | read | walk.mask(step), found | {"rest": rest, "c_before": before["c"]},
        )  # fmt: skip
        yield from walk.write(
            "s[n,j] = sum_k z_bar[n,k]*back[k,j]; h[n,j] = s[n,j] + rest[n,j]",
            {"z_bar": z_bar, "back": arrays["back"], "rest": rest}, {"h": before["h"]},
        )  # fmt: skip

    first = {"h": (arrays["h_bar"], results["h0_bar"]), "c": (arrays["c_bar"], results["c0_bar"])}
    yield from _backward(walk, steps, first, step_nests)


def _gru_backward(walk: _Walk) -> Iterator[Nest]:
    arrays, results, O = walk.arrays, walk.results, walk.units  # noqa: E741
    steps, resets_after = walk.lowering.shape(arrays["gates"])[0], walk.attributes["reset_after"]

    def step_nests(step: int, now: dict[str, int], before: dict[str, int]) -> Iterator[Nest]:
        z_bar, gates = walk.part(results["z_bar"], step), walk.part(arrays["gates"], step)
        u, r, g = (walk.block(gates, number) for number in range(3))
        z_u, z_r, z_g = (walk.block(z_bar, number) for number in range(3))
        samples = walk.lowering.shape(now["h"])[0]
        a, rest, onward, sent = (walk.state(samples) for _ in range(4))
        read = {"u": u, "r": r, "g": g, "w": walk.part(arrays["before"], step), "p": walk.part(arrays["reset"], step)}
        yield from walk.write(
            f"all[n,o] = h[n,o] + e[n,o]; a[n,o] = {walk.taken('all[n,o]', '0')}; "
            f"rest[n,o] = {walk.taken('0', 'all[n,o]')}; z_u[n,o] = a[n,o]*(w[n,o] - g[n,o])*u[n,o]*(1 - u[n,o]); "
            "z_g[n,o] = a[n,o]*(1 - u[n,o])*(1 - g[n,o]*g[n,o])",
            now | read | {"e": walk.part(arrays["y_bar"], _ALL, step)} | walk.mask(step),
            {"z_u": z_u, "z_g": z_g, "a": a, "rest": rest},
        )
        candidates = walk.part(arrays["back"], slice(2 * O, None))
        if not resets_after:
            yield from walk.write(
                "onward[n,j] = sum_k z_g[n,k]*back[k,j]", {"z_g": z_g, "back": candidates}, {"onward": onward}
            )
        yield from walk.write(
            "z_r[n,o] = onward[n,o]*p[n,o]*r[n,o]*(1 - r[n,o]); sent[n,o] = onward[n,o]*r[n,o]",
            read | {"onward": z_g if resets_after else onward}, {"z_r": z_r, "sent": sent},
        )  # fmt: skip
        by_sent = "sum_l sent[n,l]*candidates[l,j]" if resets_after else "sent[n,j]"
        by_gates = walk.state(samples)
        yield from walk.write(
            "v[n,j] = sum_k z[n,k]*back[k,j]",
            {"z": walk.part(z_bar, _ALL, slice(2 * O)), "back": walk.part(arrays["back"], slice(2 * O))}, {"v": by_gates},
        )  # fmt: skip
        yield from walk.write(
            f"s[n,j] = {by_sent}; h[n,j] = s[n,j] + v[n,j] + a[n,j]*u[n,j] + rest[n,j]",
            {"sent": sent, "candidates": candidates, "v": by_gates, "a": a, "u": u, "rest": rest}, before,
        )  # fmt: skip

    yield from _backward(walk, steps, {"h": (arrays["h_bar"], results["h0_bar"])}, step_nests)


WALKS: dict[str, Callable[[_Walk], Iterator[Nest]]] = {
    "SimpleRnn": _simple_rnn, "_SimpleRnnBackward": _simple_rnn_backward,
    "Lstm": _lstm, "_LstmBackward": _lstm_backward, "Gru": _gru, "_GruBackward": _gru_backward,
}  # fmt: skip
"""By the classes of ops."""


def walked(call: Call, lowering: Lowering) -> list[Nest] | None:
    """The nests of a recurrence; None for another op."""
    if type(call.op).__name__ not in WALKS:
        return None
    return list(WALKS[type(call.op).__name__](_Walk(call, lowering)))
