r"""Recurrence: a network that reads a sequence step by step and keeps a state. One operation runs the whole sequence.

Letters: N samples, T steps, I inputs, O units. At step t a cell gets the input xₜ (N, I) and its last state hₜ₋₁ (N, O),
adds them up with weights, zₜ = xₜ W + hₜ₋₁ U + b, and makes the new state hₜ of zₜ. An LSTM has four such sums per unit,
side by side, a GRU three: W is (I, 4 O) or (I, 3 O), and so on. The states of all steps are the result y (N, T, O).

Backpropagation through time, with L the loss and ā = ∂L/∂a:

1. Written out step by step the recurrence is a deep network of T layers, all of which use the same W, U and b.
2. hₜ is used twice: it is the result yₜ, and step t + 1 reads it. Both count: h̄ₜ = ȳₜ + (what step t + 1 sends back).
   To the last state comes back only its own cotangent.
3. The cell turns h̄ₜ into z̄ₜ. These lines are the only ones in which the operations differ; they stand at each of them.
4. zₜ = xₜ W + hₜ₋₁ U + b is a dense layer of two inputs: x̄ₜ = z̄ₜ Wᵀ, and step t sends z̄ₜ Uᵀ back to hₜ₋₁.
5. Every step uses the same weights, so their cotangents are sums over the steps (and, as always, over the samples):
   W̄ = Σₜ xₜᵀ z̄ₜ,  Ū = Σₜ hₜ₋₁ᵀ z̄ₜ,  b̄ = Σₜ z̄ₜ.
6. Where the mask of a sample is False it skips the step, hₜ = hₜ₋₁: then z̄ₜ = 0, and h̄ₜ goes back to hₜ₋₁ as it is.

Only points 2, 3 and z̄ₜ Uᵀ walk from step to step, the last first; all else is one product over all steps.

Source: Werbos (1990), Backpropagation Through Time: What It Does and How to Do It.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autograd.op import Op, apply, common_dtype, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor, wrap
from glassnet.errors import ShapeError
from glassnet.typing import Shape

__all__ = ["gru", "lstm", "simple_rnn"]


# ---------------------------------------------------------------- one step in primitives: cells, and `compose`


def rnn_step(z: Any, h: Any, U: Any, activation: Any) -> Any:
    """The next state of a simple recurrent cell, from z = x W + b and the last state."""
    return activation(z + h @ U)


def lstm_step(z: Any, h: Any, c: Any, U: Any, activation: Any, gate: Any) -> tuple[Any, Any]:
    """The next state and carry of an LSTM cell, from z = x W + b and the last ones."""
    i, f, g, o = F.split(z + h @ U, 4, axis=-1)
    c = gate(f) * c + gate(i) * activation(g)
    return gate(o) * activation(c), c


def gru_step(z: Any, h: Any, read: Any, U: Any, b: Any, activation: Any, gate: Any, reset_after: bool) -> Any:
    """The next state of a GRU cell, from z = x W + b and the last state.

    Arguments:
        read: the last state as the sums read it; with recurrent dropout it is not all of h.
        b: the bias of these sums, used with `reset_after`.
    """
    units = h.shape[-1]
    z_u, z_r, z_g = F.split(z, 3, axis=-1)
    if reset_after:
        s_u, s_r, s_g = F.split(read @ U + b, 3, axis=-1)
        u, r = gate(z_u + s_u), gate(z_r + s_r)
        g = activation(z_g + r * s_g)
    else:
        s_u, s_r = F.split(read @ U[:, : 2 * units], 2, axis=-1)
        u, r = gate(z_u + s_u), gate(z_r + s_r)
        g = activation(z_g + (r * read) @ U[:, 2 * units :])
    return u * h + (1 - u) * g


def kept(mask: Any, t: int, new: Any, old: Any) -> Any:
    """The new state of the samples that take step t, the old one of those that skip it."""
    data = mask.data if isinstance(mask, Tensor) else mask
    if not isinstance(data, Spec) and np.all(data):
        return new
    return F.where(F.expand_dims(mask[:, t], tuple(range(1, new.ndim))), new, old)


# ---------------------------------------------------------------- what all of them need


def _time_first(xp: Any, x: Any) -> Any:
    """(N, T, ...) as (T, N, ...), one block of memory per step; free for the result of another recurrence."""
    return xp.ascontiguousarray(x.swapaxes(0, 1))


def _weighted(xp: Any, x: Any, W: Any, b: Any) -> Any:
    """The sums x W + b of all steps in one product, time first."""
    x = _time_first(xp, x)
    z = xp.matmul(x.reshape(-1, x.shape[-1]), W)
    z += b
    return z.reshape(*x.shape[:2], W.shape[-1])


def _skipped(xp: Any, mask: Any) -> Any:
    """True where a sample skips a step, (T, N, 1); None where nobody skips any."""
    return None if mask.all() else ~_time_first(xp, mask)[..., None]


def _halves(xp: Any, units: int, blocks: str, dtype: Any) -> Any:
    """1/2 for every sum that a sigmoid bends, 1 for those of a tanh; "sst": two sigmoids and a tanh per unit."""
    return xp.repeat(xp.asarray([1.0 if block == "t" else 0.5 for block in blocks], dtype), units)


def _bend(xp: Any, z: Any, half: Any) -> None:
    """Sigmoids and tanhs in one pass, in place: σ(z) = 1/2 tanh(z/2) + 1/2, so gate = half tanh(half z) + (1 - half).

    The weights have been multiplied by `half` before; as halving is exact, this is no other number.
    """
    xp.tanh(z, out=z)
    z *= half
    z += 1 - half


def _slopes(xp: Any, gates: Any, half: Any) -> Any:
    """What `_bend` has for derivatives, from its results: half² - (gate - (1 - half))², which is σ (1 - σ) or 1 - tanh²."""
    slopes = gates - (1 - half)
    slopes *= slopes
    return xp.subtract(half * half, slopes, out=slopes)


def _parted(xp: Any, cotangent: Any, skipped: Any, t: int) -> tuple[Any, Any]:
    """The cotangent of a state at step t: of the samples that take the step, and of those that skip it (point 6)."""
    if skipped is None:
        return cotangent, None
    return xp.where(skipped[t], 0, cotangent), xp.where(skipped[t], cotangent, 0)


def _rows(x: Any) -> Any:
    """All samples of all steps as one axis."""
    return x.reshape((x.shape[0] * x.shape[1], x.shape[2]))


def _states_before(F: Any, y: Any, h0: Any) -> Any:
    """h₀ ... h_T₋₁, time first: what each step has read."""
    return F.concatenate([F.expand_dims(h0, 0), F.swapaxes(y, 0, 1)[:-1]], axis=0)


def _or_zeros(F: Any, cotangents: Any, like: Any) -> tuple[Any, ...]:
    """Cotangents of results that nobody has used are 0."""
    return tuple(F.zeros_like(x) if g is None else g for g, x in zip(cotangents, like))


def _by_input(F: Any, z_bar: Any, x: Any, W: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    """x̄ and W̄ of z = x W."""
    x_bar = F.swapaxes((_rows(z_bar) @ W.T).reshape((*z_bar.shape[:2], x.shape[2])), 0, 1) if needed[0] else None
    return x_bar, _rows(F.swapaxes(x, 0, 1)).T @ _rows(z_bar) if needed[1] else None


def _fits(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(None in (m, n) or m == n for m, n in zip(shape, expected))


class _Recurrence(Op):
    """Shapes of a recurrence: x, W, U, b, the first states and the mask; y, the last states and the residuals."""

    kind = "opaque"
    order = 1
    promotes = False
    sums = 1
    """How many sums a unit has."""

    def bias_shape(self, units: int) -> Shape:
        """The shape of b."""
        return (self.sums * units,)

    def residual_shapes(self, steps: Any, samples: Any, units: int) -> tuple[Shape, ...]:
        """The shapes of the residuals."""
        return ()

    def dtypes(self, *inputs: Spec) -> Any:
        return (common_dtype(self.name, inputs[:-1]),) * len(self.results)

    def shapes(self, x: Spec, W: Spec, U: Spec, b: Spec, *rest: Spec) -> Any:
        *states, mask = rest
        if x.ndim != 3 or x.shape[1] == 0:
            raise ShapeError(
                f"{self.name}: x is not a sequence", expected="(N, T, I) with at least one step", received=x.shape,
                fix="x[..., None] where every step is one number" if x.ndim == 2 else None,
            )  # fmt: skip
        units: Any = U.shape[0]
        samples, steps = x.shape[:2]
        wide = self.sums * units
        expected = {"W": (x.shape[2], wide), "U": (units, wide), "b": self.bias_shape(units)}
        expected |= dict.fromkeys(self.inputs[4:-1], (samples, units)) | {"mask": (samples, steps)}
        for name, spec in zip(self.inputs[1:], (W, U, b, *states, mask)):
            if not _fits(spec.shape, expected[name]):
                raise ShapeError(
                    f"{self.name}: {name} does not fit x {x.shape} and {units} units", expected=expected[name],
                    received=spec.shape,
                )  # fmt: skip
        last = ((samples, units),) * len(states)
        return (samples, steps, units), *last, *self.residual_shapes(steps, samples, units)


def _started(op: _Recurrence, x: Any, W: Any, U: Any, b: Any, states: Any, mask: Any) -> Any:
    """Run it: what is not given is 0 for bias and states, and True for the mask."""
    x, W, U = operand(x), operand(W), operand(U)
    if x.dtype.kind != "f":
        x = F.cast(x, W.dtype)
    samples, steps, units = *(*x.shape, None, None)[:2], U.shape[0]
    b = _filled(op.bias_shape(units), 0, W.dtype) if b is None else operand(b)
    states = [_filled((samples, units), 0, W.dtype) if state is None else operand(state) for state in states]
    mask = _filled((samples, steps), True, bool) if mask is None else operand(mask)
    given = [x, W, U, b, *states, mask if mask.dtype == np.bool_ else F.cast(mask, "bool")]
    op.shapes(*map(Spec.of, given))  # raw arrays are not checked elsewhere
    return apply(op, *given)


def _filled(shape: Shape, value: Any, dtype: Any) -> Any:
    return wrap(Spec(shape, np.dtype(dtype)), None) if None in shape else np.full(shape, value, dtype)


# ---------------------------------------------------------------- the simple cell


class SimpleRnn(_Recurrence):
    r"""A sequence through the simplest recurrent cell: hₜ = tanh(xₜ W + hₜ₋₁ U + b).

    1. With zₜ the sum, dhₜ/dzₜ = 1 - tanh²(zₜ) = 1 - hₜ².
    2. z̄ₜ = h̄ₜ (1 - hₜ²): point 3 of backpropagation through time, at the top of this file; the rest is said there.

    h̄ₜ₋₁ is h̄ₜ times the slopes and times Uᵀ; over many steps such products vanish, or explode.
    Source: Elman (1990), Finding Structure in Time; Pascanu, Mikolov and Bengio (2013) on vanishing gradients.
    """

    formula = r"h_t = \tanh(x_t\,W + h_{t-1}\,U + b)"
    gradient = (
        r"\bar x_t = \bar z_t\,W^\top", r"\bar W = \sum_t x_t^\top \bar z_t", r"\bar U = \sum_t h_{t-1}^\top \bar z_t",
        r"\bar b = \sum_t \bar z_t,\quad \bar z_t = \bar h_t\,(1 - h_t^2)",
        r"\bar h_{t-1} = \bar y_{t-1} + \bar z_t\,U^\top",
    )  # fmt: skip
    outputs = ("y", "h")
    saves = ("x", "W", "U", "b", "h0", "mask", "y")

    def forward(self, xp: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any) -> Any:
        y, h, skipped = _weighted(xp, x, W, b), h0, _skipped(xp, mask)
        for t in range(len(y)):
            y[t] += h @ U
            xp.tanh(y[t], out=y[t])
            if skipped is not None:
                xp.copyto(y[t], h, where=skipped[t])
            h = y[t]
        return y.swapaxes(0, 1), h.copy()

    def vjp(
        self, F: Any, g: Any, y: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any, needed: tuple[bool, ...]
    ) -> Any:
        y_bar, h_bar = _or_zeros(F, g, (y[0], h0))
        z_bar, h0_bar = apply(_SimpleRnnBackward(), y_bar, h_bar, y[0], U, mask)
        return (
            *_by_input(F, z_bar, x, W, needed),
            _rows(_states_before(F, y[0], h0)).T @ _rows(z_bar) if needed[2] else None,
            _rows(z_bar).sum(axis=0) if needed[3] else None,
            h0_bar, None,
        )  # fmt: skip

    def compose(self, F: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any) -> Any:
        z, h, states = x @ W + b, h0, []
        for t in range(x.shape[1]):
            h = kept(mask, t, rnn_step(z[:, t], h, U, F.tanh), h)
            states.append(h)
        return F.stack(states, axis=1), h


class _SimpleRnnBackward(Op):
    """The walk backward through time of `SimpleRnn`: z̄ of all steps, time first, and h̄₀."""

    formula = r"\bar z_t = \bar h_t\,(1 - h_t^2),\quad \bar h_{t-1} = \bar y_{t-1} + \bar z_t\,U^\top"
    outputs = ("z_bar", "h0_bar")
    promotes = False
    differentiable = False

    def shapes(self, y_bar: Spec, h_bar: Spec, y: Spec, U: Spec, mask: Spec) -> Any:
        samples, steps, units = y.shape
        return (steps, samples, units), h_bar.shape

    def dtypes(self, y_bar: Spec, h_bar: Spec, y: Spec, U: Spec, mask: Spec) -> Any:
        return y.dtype, y.dtype

    def forward(self, xp: Any, y_bar: Any, h_bar: Any, y: Any, U: Any, mask: Any) -> Any:
        y, skipped, h = _time_first(xp, y), _skipped(xp, mask), h_bar
        z_bar, back = xp.empty_like(y), xp.ascontiguousarray(U.T)
        for t in reversed(range(len(y))):
            h, resting = _parted(xp, h + y_bar[:, t], skipped, t)
            xp.multiply(h, 1 - y[t] * y[t], out=z_bar[t])
            h = z_bar[t] @ back
            if skipped is not None:
                h += resting
        return z_bar, h


def simple_rnn(x: Any, W: Any, U: Any, b: Any = None, h0: Any = None, mask: Any = None) -> tuple[Any, Any]:
    """A sequence through a simple recurrent cell, hₜ = tanh(xₜ W + hₜ₋₁ U + b).

    Arguments:
        x: shape (N, T, I).
        W, U, b: shapes (I, O), (O, O), (O,); no bias by default.
        h0: the first state (N, O); 0 by default.
        mask: (N, T), False where a sample skips a step.

    Returns: the states of all steps (N, T, O), and the last state (N, O).

    >>> y, h = simple_rnn(np.ones((1, 3, 1)), np.array([[0.5]]), np.array([[1.0]]))
    >>> y[0, :, 0].round(3)
    array([0.462, 0.745, 0.847])
    """
    found: tuple[Any, Any] = _started(SimpleRnn(), x, W, U, b, [h0], mask)
    return found


# ---------------------------------------------------------------- long short-term memory


class Lstm(_Recurrence):
    r"""A sequence through an LSTM cell, whose carry c runs through time past gates.

    i, f, o = σ and g = tanh of their sums in zₜ;  cₜ = f cₜ₋₁ + i g;  hₜ = o tanh(cₜ).

    With h̄ and c̄ of step t, in which c̄ is what step t + 1 sends back to cₜ:

    1. hₜ = o tanh(cₜ): ō = h̄ tanh(cₜ), and cₜ gets h̄ o (1 - tanh²(cₜ)) on top of c̄.
    2. cₜ = f cₜ₋₁ + i g: f̄ = c̄ cₜ₋₁, ī = c̄ g, ḡ = c̄ i, and c̄ f goes back to cₜ₋₁.
    3. z̄ is each of them times its slope: σ' = σ (1 - σ) for i, f, o and 1 - g² for g.

    From cₜ to cₜ₋₁ there is no product with U and no slope, only the factor f: with open forget gates the gradient does
    not vanish. The blocks of W, U and b stand in the order i, f, g, o.
    Source: Hochreiter and Schmidhuber (1997), Long Short-Term Memory; the forget gate: Gers et al. (2000).
    """

    formula = r"c_t = f\,c_{t-1} + i\,g,\quad h_t = o\,\tanh(c_t)"
    gradient = (
        r"\bar x_t = \bar z_t\,W^\top", r"\bar W = \sum_t x_t^\top \bar z_t", r"\bar U = \sum_t h_{t-1}^\top \bar z_t",
        r"\bar b = \sum_t \bar z_t", r"\bar h_{t-1} = \bar y_{t-1} + \bar z_t\,U^\top",
        r"\bar c_{t-1} = f \left(\bar c_t + \bar h_t\,o\,(1 - \tanh^2 c_t)\right)",
    )  # fmt: skip
    outputs = ("y", "h", "c")
    residuals = ("gates", "carries", "bent")
    saves = ("x", "W", "U", "b", "h0", "c0", "mask", "y", "gates", "carries", "bent")
    sums = 4

    def residual_shapes(self, steps: Any, samples: Any, units: int) -> tuple[Shape, ...]:
        return (steps, samples, 4 * units), (steps, samples, units), (steps, samples, units)

    def forward(self, xp: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, mask: Any) -> Any:
        half = _halves(xp, len(U), "ssts", W.dtype)
        gates, U, skipped = _weighted(xp, x, W * half, b * half), U * half, _skipped(xp, mask)
        y, carries, bent = (xp.empty((*gates.shape[:2], len(U)), x.dtype) for _ in range(3))
        i, f, g, o = xp.split(gates, 4, axis=-1)
        product, h, c = xp.empty_like(gates[0]), h0, c0
        for t in range(len(gates)):
            gates[t] += xp.matmul(h, U, out=product)
            _bend(xp, gates[t], half)
            xp.multiply(f[t], c, out=carries[t])
            carries[t] += i[t] * g[t]
            xp.tanh(carries[t], out=bent[t])
            xp.multiply(o[t], bent[t], out=y[t])
            if skipped is not None:
                xp.copyto(y[t], h, where=skipped[t])
                xp.copyto(carries[t], c, where=skipped[t])
            h, c = y[t], carries[t]
        return y.swapaxes(0, 1), h.copy(), c.copy(), gates, carries, bent

    def vjp(
        self, F: Any, g: Any, y: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, mask: Any,
        needed: tuple[bool, ...],
    ) -> Any:  # fmt: skip
        y, _, _, gates, carries, bent = y
        cotangents = _or_zeros(F, g, (y, h0, c0))
        z_bar, h0_bar, c0_bar = apply(_LstmBackward(), *cotangents, gates, carries, bent, U, c0, mask)
        return (
            *_by_input(F, z_bar, x, W, needed),
            _rows(_states_before(F, y, h0)).T @ _rows(z_bar) if needed[2] else None,
            _rows(z_bar).sum(axis=0) if needed[3] else None,
            h0_bar, c0_bar, None,
        )  # fmt: skip

    def compose(self, F: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, mask: Any) -> Any:
        z, h, c, states = x @ W + b, h0, c0, []
        for t in range(x.shape[1]):
            h_new, c_new = lstm_step(z[:, t], h, c, U, F.tanh, F.sigmoid)
            h, c = kept(mask, t, h_new, h), kept(mask, t, c_new, c)
            states.append(h)
        return F.stack(states, axis=1), h, c


class _LstmBackward(Op):
    """The walk backward through time of `Lstm`: z̄ of all steps, time first, h̄₀ and c̄₀."""

    formula = (
        r"\bar z_t = (\bar c_t g\,i(1-i),\ \bar c_t c_{t-1} f(1-f),\ \bar c_t i\,(1-g^2),\ \bar h_t \tanh(c_t)\,o(1-o))"
    )
    outputs = ("z_bar", "h0_bar", "c0_bar")
    promotes = False
    differentiable = False

    def shapes(self, y_bar: Spec, h_bar: Spec, c_bar: Spec, gates: Spec, *rest: Spec) -> Any:
        return gates.shape, h_bar.shape, c_bar.shape

    def dtypes(self, *inputs: Spec) -> Any:
        return (inputs[0].dtype,) * 3

    def forward(
        self,
        xp: Any,
        y_bar: Any,
        h_bar: Any,
        c_bar: Any,
        gates: Any,
        carries: Any,
        bent: Any,
        U: Any,
        c0: Any,
        mask: Any,
    ) -> Any:
        half, skipped = _halves(xp, len(U), "ssts", U.dtype), _skipped(xp, mask)
        z_bar, back, h, c = xp.empty_like(gates), xp.ascontiguousarray(U.T), h_bar, c_bar
        (i, f, g, o), (i_bar, f_bar, g_bar, o_bar) = xp.split(gates, 4, axis=-1), xp.split(z_bar, 4, axis=-1)
        for t in reversed(range(len(gates))):
            h, resting = _parted(xp, h + y_bar[:, t], skipped, t)
            c, resting_c = _parted(xp, c, skipped, t)
            xp.multiply(h, bent[t], out=o_bar[t])
            c = c + (h - o_bar[t] * bent[t]) * o[t]
            xp.multiply(c, carries[t - 1] if t else c0, out=f_bar[t])
            xp.multiply(c, g[t], out=i_bar[t])
            xp.multiply(c, i[t], out=g_bar[t])
            z_bar[t] *= _slopes(xp, gates[t], half)
            h, c = z_bar[t] @ back, c * f[t]
            if skipped is not None:
                h, c = h + resting, c + resting_c
        return z_bar, h, c


def lstm(
    x: Any, W: Any, U: Any, b: Any = None, h0: Any = None, c0: Any = None, mask: Any = None
) -> tuple[Any, Any, Any]:
    """A sequence through an LSTM cell; gates stand side by side in the order i, f, g, o, as in Keras.

    Arguments:
        x: shape (N, T, I).
        W, U, b: shapes (I, 4 O), (O, 4 O), (4 O,); no bias by default.
        h0, c0: the first state and carry (N, O); 0 by default.
        mask: (N, T), False where a sample skips a step.

    Returns: the states of all steps (N, T, O), the last state and the last carry (N, O).

    >>> y, h, c = lstm(np.ones((1, 3, 1)), np.array([[9.0, 9.0, 9.0, 9.0]]), np.zeros((1, 4)))
    >>> c.round(2)  # open gates: each step adds tanh(9) to the carry
    array([[3.]])
    """
    found: tuple[Any, Any, Any] = _started(Lstm(), x, W, U, b, [h0, c0], mask)
    return found


# ---------------------------------------------------------------- gated recurrent unit


class Gru(_Recurrence):
    r"""A sequence through a GRU cell, which mixes its last state and a candidate.

    u, r = σ of their sums;  g = tanh(z_g + r s_g) with s_g = hₜ₋₁ U_g + b';  hₜ = u hₜ₋₁ + (1 - u) g.
    Where the reset gate works before the product, g = tanh(z_g + (r hₜ₋₁) U_g) instead.

    1. hₜ = u hₜ₋₁ + (1 - u) g: ū = h̄ (hₜ₋₁ - g), ḡ = h̄ (1 - u), and h̄ u goes back to hₜ₋₁.
    2. z̄_g = ḡ (1 - g²), z̄_u = ū u (1 - u).
    3. Reset after: r̄ = z̄_g s_g and s̄_g = z̄_g r, which takes the place of z̄_g in point 4 of backpropagation through time.
       Reset before: the product r hₜ₋₁ gets p̄ = z̄_g U_gᵀ, so r̄ = p̄ hₜ₋₁, and p̄ r goes back to hₜ₋₁.
    4. z̄_r = r̄ r (1 - r).

    The blocks of W and U stand in the order u, r, g; b is (2, 3 O) with b' in its second row, or (3 O,) for reset before.
    Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder (reset before).
    """

    formula = r"h_t = u\,h_{t-1} + (1 - u)\,g"
    gradient = (
        r"\bar x_t = \bar z_t\,W^\top", r"\bar W = \sum_t x_t^\top \bar z_t", r"\bar U = \sum_t h_{t-1}^\top \bar s_t",
        r"\bar b = \sum_t (\bar z_t, \bar s_t)", r"\bar h_{t-1} = \bar y_{t-1} + \bar h_t\,u + \bar s_t\,U^\top",
    )  # fmt: skip
    outputs = ("y", "h")
    residuals = ("gates", "reset")
    saves = ("x", "W", "U", "b", "h0", "mask", "y", "gates", "reset")
    sums = 3

    reset_after: bool = True

    def bias_shape(self, units: int) -> Shape:
        return (2, 3 * units) if self.reset_after else (3 * units,)

    def residual_shapes(self, steps: Any, samples: Any, units: int) -> tuple[Shape, ...]:
        return (steps, samples, 3 * units), (steps, samples, units)

    def forward(self, xp: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any) -> Any:
        units, skipped, h = len(U), _skipped(xp, mask), h0
        half = _halves(xp, units, "sst", W.dtype)
        b, U = b * half, U * half
        gates = _weighted(xp, x, W * half, b[0] if self.reset_after else b)
        y, reset = (xp.empty((*gates.shape[:2], units), x.dtype) for _ in range(2))
        u, r, g = xp.split(gates, 3, axis=-1)
        for t in range(len(gates)):
            s = h @ U + b[1] if self.reset_after else h @ U[:, : 2 * units]
            gates[t, :, : 2 * units] += s[:, : 2 * units]
            _bend(xp, gates[t, :, : 2 * units], half[: 2 * units])
            reset[t] = s[:, 2 * units :] if self.reset_after else h
            g[t] += r[t] * reset[t] if self.reset_after else (r[t] * h) @ U[:, 2 * units :]
            xp.tanh(g[t], out=g[t])
            xp.multiply(u[t], h - g[t], out=y[t])
            y[t] += g[t]
            if skipped is not None:
                xp.copyto(y[t], h, where=skipped[t])
            h = y[t]
        return y.swapaxes(0, 1), h.copy(), gates, reset

    def vjp(
        self, F: Any, g: Any, y: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any, needed: tuple[bool, ...]
    ) -> Any:
        y, _, gates, reset = y
        before, units = _states_before(F, y, h0), U.shape[0]
        cotangents = _or_zeros(F, g, (y, h0))
        z_bar, h0_bar = apply(_GruBackward(self.reset_after), *cotangents, gates, reset, before, U, mask)
        r, z_g = gates[..., units : 2 * units], z_bar[..., 2 * units :]
        left, right = (before, z_g * r) if self.reset_after else (before * r, z_g)
        by_gates, by_candidate = _rows(z_bar[..., : 2 * units]), _rows(right)
        U_bar, b_bar = None, None
        if needed[2]:
            U_bar = F.concatenate([_rows(before).T @ by_gates, _rows(left).T @ by_candidate], axis=1)
        if needed[3]:
            b_bar = _rows(z_bar).sum(axis=0)
            if self.reset_after:
                b_bar = F.stack([b_bar, F.concatenate([by_gates.sum(axis=0), by_candidate.sum(axis=0)])])
        return *_by_input(F, z_bar, x, W, needed), U_bar, b_bar, h0_bar, None

    def compose(self, F: Any, x: Any, W: Any, U: Any, b: Any, h0: Any, mask: Any) -> Any:
        by_input, by_state = (b[0], b[1]) if self.reset_after else (b, 0)
        z, h, states = x @ W + by_input, h0, []
        for t in range(x.shape[1]):
            h = kept(mask, t, gru_step(z[:, t], h, h, U, by_state, F.tanh, F.sigmoid, self.reset_after), h)
            states.append(h)
        return F.stack(states, axis=1), h


class _GruBackward(Op):
    """The walk backward through time of `Gru`: z̄ of all steps, time first, and h̄₀."""

    formula = r"\bar z_t = (\bar h_t (h_{t-1} - g)\,u(1-u),\ \bar r\,r(1-r),\ \bar h_t (1-u)(1-g^2))"
    outputs = ("z_bar", "h0_bar")
    promotes = False
    differentiable = False

    reset_after: bool

    def shapes(self, y_bar: Spec, h_bar: Spec, gates: Spec, *rest: Spec) -> Any:
        return gates.shape, h_bar.shape

    def dtypes(self, *inputs: Spec) -> Any:
        return (inputs[0].dtype,) * 2

    def forward(self, xp: Any, y_bar: Any, h_bar: Any, gates: Any, reset: Any, before: Any, U: Any, mask: Any) -> Any:
        units, skipped, h = len(U), _skipped(xp, mask), h_bar
        half, back = _halves(xp, units, "sst", U.dtype), xp.ascontiguousarray(U.T)
        z_bar = xp.empty_like(gates)
        (u, r, g), (u_bar, r_bar, g_bar) = xp.split(gates, 3, axis=-1), xp.split(z_bar, 3, axis=-1)
        for t in reversed(range(len(gates))):
            h, resting = _parted(xp, h + y_bar[:, t], skipped, t)
            slopes = _slopes(xp, gates[t], half)
            xp.multiply(h, before[t] - g[t], out=u_bar[t])
            xp.multiply(h - h * u[t], slopes[:, 2 * units :], out=g_bar[t])
            onward = g_bar[t] if self.reset_after else g_bar[t] @ back[2 * units :]
            xp.multiply(onward, reset[t], out=r_bar[t])
            z_bar[t, :, : 2 * units] *= slopes[:, : 2 * units]
            h = h * u[t] + z_bar[t, :, : 2 * units] @ back[: 2 * units]
            h += (onward * r[t]) @ back[2 * units :] if self.reset_after else onward * r[t]
            if skipped is not None:
                h += resting
        return z_bar, h


def gru(
    x: Any, W: Any, U: Any, b: Any = None, h0: Any = None, mask: Any = None, reset_after: bool = True
) -> tuple[Any, Any]:
    """A sequence through a GRU cell; gates stand side by side in the order update, reset, candidate, as in Keras.

    Arguments:
        x: shape (N, T, I).
        W, U: shapes (I, 3 O), (O, 3 O).
        b: (2, 3 O), one row for the inputs and one for the states; (3 O,) for reset before; no bias by default.
        h0: the first state (N, O); 0 by default.
        mask: (N, T), False where a sample skips a step.
        reset_after: whether the reset gate works after the product with U, or on the state before it.

    Returns: the states of all steps (N, T, O), and the last state (N, O).

    >>> y, h = gru(np.ones((1, 2, 1)), np.array([[0.0, 0.0, 9.0]]), np.zeros((1, 3)))
    >>> y[0, :, 0].round(2)  # an update gate of 1/2 goes half of the way to the candidate, tanh(9)
    array([0.5 , 0.75])
    """
    found: tuple[Any, Any] = _started(Gru(reset_after), x, W, U, b, [h0], mask)
    return found
