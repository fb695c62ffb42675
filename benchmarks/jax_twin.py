"""JAX's side: one jitted function per step, or `lax.scan` over many steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp

from benchmarks.workloads import (
    LSTM,
    Array,
    Brick,
    Conv,
    Decoder,
    Dense,
    Flatten,
    GlobalAverage,
    MaxPool,
    Residual,
    Runner,
    Workload,
    stepwise,
)  # fmt: skip

Take = Callable[[], Any]
ACTIVATIONS: dict[str | None, Callable[[Any], Any]] = {
    None: lambda x: x, "relu": nn.relu, "tanh": jnp.tanh, "sigmoid": nn.sigmoid,
}  # fmt: skip


def _conv(x: Any, w: Any, padding: str = "SAME") -> Any:
    return lax.conv_general_dilated(x, w, (1, 1), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _normalized(x: Any, axes: tuple[int, ...], scale: Any, shift: Any) -> Any:
    mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * scale + shift


def _residual(brick: Residual, x: Any, take: Take) -> Any:
    inner = nn.relu(_normalized(_conv(x, take()), (0, 1, 2), take(), take()))
    inner = _normalized(_conv(inner, take()), (0, 1, 2), take(), take())
    return nn.relu(inner + (x if x.shape[-1] == brick.filters else _conv(x, take())))


def _lstm(brick: LSTM, x: Any, take: Take) -> Any:
    kernel, recurrent, bias = take(), take(), take()

    def cell(state: Any, part: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(part + h @ recurrent, 4, axis=1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        return (nn.sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((len(x), brick.units), "float32")
    return lax.scan(cell, (start, start), (x @ kernel + bias).swapaxes(0, 1))[0][0]


def _decoder(brick: Decoder, ids: Any, take: Take) -> Any:
    x = take()[ids] + take()
    for _ in range(brick.blocks):
        qkv, (out, out_bias) = [(take(), take()) for _ in range(3)], (take(), take())
        first, second = ((take(), take()) for _ in range(2))
        seen = _normalized(x, (2,), *first)
        q, k, v = (jnp.einsum("ntd,dhk->nthk", seen, w) + b for w, b in qkv)
        attended = nn.dot_product_attention(q, k, v, is_causal=True)
        x = x + jnp.einsum("nthk,hkd->ntd", attended, out) + out_bias
        up = nn.gelu(_normalized(x, (2,), *second) @ take() + take(), approximate=False)
        x = x + up @ take() + take()
    return _normalized(x, (2,), take(), take()) @ take() + take()


BRICKS: dict[type, Callable[[Any, Any, Take], Any]] = {
    Dense: lambda b, x, take: ACTIVATIONS[b.activation](x @ take() + take()),
    Conv: lambda b, x, take: ACTIVATIONS[b.activation](_conv(x, take(), b.padding) + take()),
    MaxPool: lambda b, x, take: lax.reduce_window(x, -jnp.inf, lax.max, *[(1, b.size, b.size, 1)] * 2, "VALID"),
    Flatten: lambda b, x, take: x.reshape(len(x), -1),
    Residual: _residual,
    GlobalAverage: lambda b, x, take: jnp.mean(x, (1, 2)),
    LSTM: _lstm,
    Decoder: _decoder,
}  # fmt: skip


def forward(bricks: Sequence[Brick], weights: Sequence[Any], x: Any) -> Any:
    """The network's output."""
    take = partial(next, iter(weights))
    for brick in bricks:
        x = BRICKS[type(brick)](brick, x, take)
    return x


def _loss(workload: Workload, weights: Sequence[Any], x: Any, y: Any) -> Any:
    out = forward(workload.bricks, weights, x)
    if workload.loss == "mse":
        return jnp.mean((out - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(nn.log_softmax(out), y[..., None], -1))


def _step(workload: Workload, state: Any, x: Any, y: Any) -> Any:
    """The next weights and slots, and the loss."""
    weights, m, v, t = state
    loss, gradients = jax.value_and_grad(partial(_loss, workload))(weights, x, y)
    if workload.optimizer != "adam":
        if workload.optimizer == "momentum":
            m = gradients = [0.9 * a + g for a, g in zip(m, gradients)]
        return ([w - workload.rate * g for w, g in zip(weights, gradients)], m, v, t), loss
    t = t + 1
    m = [0.9 * a + 0.1 * g for a, g in zip(m, gradients)]
    v = [0.999 * a + 0.001 * g * g for a, g in zip(v, gradients)]
    rate = workload.rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    weights = [w - rate * a / (jnp.sqrt(b) + 1e-12) for w, a, b in zip(weights, m, v)]
    return (weights, m, v, t), loss


def _state(weights: Sequence[Array]) -> Any:
    zeros = [np.zeros_like(w) for w in weights]
    return jax.tree.map(jnp.array, (list(weights), zeros, zeros, np.float32(0)))


def steps(workload: Workload, weights: Sequence[Array]) -> Runner:
    """The own loop, one call per step; the state is given away."""
    run, state = jax.jit(partial(_step, workload), donate_argnums=0), _state(weights)

    def update(x: Any, y: Any) -> float:
        nonlocal state
        state, loss = run(state, x, y)
        return float(loss)

    return stepwise(workload, update, jnp.asarray)


def scan(workload: Workload, weights: Sequence[Array]) -> Runner:
    """`lax.scan`: many steps per call, each picking its batch."""
    x, y = (jnp.asarray(a.reshape(workload.batches, workload.batch, *a.shape[1:])) for a in workload.data())
    run = jax.jit(
        lambda state, numbers: lax.scan(lambda s, k: _step(workload, s, x[k], y[k]), state, numbers), donate_argnums=0
    )
    state = _state(weights)

    def advance(count: int) -> Array:
        nonlocal state
        state, losses = run(state, np.arange(count) % workload.batches)
        return np.asarray(losses)

    return Runner(advance)


def predict(workload: Workload, weights: Sequence[Array]) -> Runner:
    """Forward passes."""
    run, x = jax.jit(partial(forward, workload.bricks)), jnp.asarray(workload.data()[0])
    arrays = [jnp.asarray(w) for w in weights]
    return Runner(lambda count: [float(run(arrays, x)[0, 0]) for _ in range(count)])
