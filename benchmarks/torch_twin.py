"""PyTorch's side: its usual loops."""

# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.workloads import (
    LSTM,
    Array,
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

Weights = Iterator[Array]
ACTIVATIONS: dict[str | None, Callable[[], nn.Module]] = {
    None: nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
}  # fmt: skip


def _set(parameter: Any, array: Array) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def linear(weights: Weights) -> nn.Linear:
    w, b = next(weights), next(weights)
    layer = nn.Linear(*w.shape)
    _set(layer.weight, w.T)
    _set(layer.bias, b)
    return layer


def convolution(weights: Weights, padding: str = "valid", bias: bool = True) -> nn.Conv2d:
    w = next(weights)
    layer = nn.Conv2d(
        w.shape[2], w.shape[3], w.shape[0], padding=w.shape[0] // 2 if padding == "same" else 0, bias=bias
    )
    _set(layer.weight, w.transpose(3, 2, 0, 1))
    if bias:
        _set(layer.bias, next(weights))
    return layer


def normalization(weights: Weights, kind: Any) -> nn.Module:
    scale, shift = next(weights), next(weights)
    layer: nn.Module = kind(len(scale), eps=1e-5)
    _set(layer.weight, scale)
    _set(layer.bias, shift)
    return layer


class LastState(nn.Module):
    """An LSTM's state after the last step. PyTorch has the bias twice: one of them stays 0."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        kernel, recurrent, bias = next(weights), next(weights), next(weights)
        self.lstm = nn.LSTM(kernel.shape[0], recurrent.shape[0], batch_first=True)
        for name, array in (
            ("weight_ih", kernel.T),
            ("weight_hh", recurrent.T),
            ("bias_ih", bias),
            ("bias_hh", 0 * bias),
        ):
            _set(getattr(self.lstm, f"{name}_l0"), array)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x: Any) -> Any:
        return self.lstm(x)[0][:, -1]


class ResidualBlock(nn.Module):
    def __init__(self, brick: Residual, channels: int, weights: Weights) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(weights, "same", bias=False), normalization(weights, nn.BatchNorm2d), nn.ReLU(),
            convolution(weights, "same", bias=False), normalization(weights, nn.BatchNorm2d),
        )  # fmt: skip
        self.shortcut = nn.Identity() if channels == brick.filters else convolution(weights, "same", bias=False)

    def forward(self, x: Any) -> Any:
        return F.relu(self.branch(x) + self.shortcut(x))


class Block(nn.Module):
    """A transformer block; query, key and value in one product, attention fused."""

    def __init__(self, heads: int, weights: Weights) -> None:
        super().__init__()
        qkv = [next(weights) for _ in range(6)]
        out_kernel, out_bias = next(weights), next(weights)
        width, self.heads = len(out_bias), heads
        kernel = np.concatenate([k.reshape(width, width) for k in qkv[::2]], axis=1)
        self.qkv = linear(iter([kernel, np.concatenate([b.ravel() for b in qkv[1::2]])]))
        self.out = linear(iter([out_kernel.reshape(width, width), out_bias]))
        self.norms = nn.ModuleList([normalization(weights, nn.LayerNorm) for _ in range(2)])
        self.up, self.down = linear(weights), linear(weights)

    def forward(self, x: Any) -> Any:
        n, t, width = x.shape
        q, k, v = (
            part.view(n, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norms[0](x)).split(width, dim=2)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, width)
        x = x + self.out(attended)
        return x + self.down(F.gelu(self.up(self.norms[1](x))))


class Gpt(nn.Module):
    def __init__(self, brick: Decoder, weights: Weights) -> None:
        super().__init__()
        self.token, self.position = (nn.Parameter(torch.from_numpy(next(weights).copy())) for _ in range(2))
        self.blocks = nn.Sequential(*[Block(brick.heads, weights) for _ in range(brick.blocks)])
        self.norm, self.logits = normalization(weights, nn.LayerNorm), linear(weights)

    def forward(self, ids: Any) -> Any:
        return self.logits(self.norm(self.blocks(F.embedding(ids, self.token) + self.position)))


def network(workload: Workload, weights: Sequence[Array], channels_last: bool = False) -> nn.Module:
    """The model with the common weights."""
    left, parts, channels = iter(weights), list[nn.Module](), workload.input_shape[-1]
    flat = False
    for brick in workload.bricks:
        match brick:
            case Dense(_, activation):
                layer = linear(left)
                if flat:  # its rows come as (height, width, channels), here the channels lie outside
                    side = int((layer.in_features / channels) ** 0.5)
                    kernel = layer.weight.detach().reshape(-1, side, side, channels).permute(0, 3, 1, 2)
                    _set(layer.weight, kernel.reshape(layer.weight.shape).numpy())
                parts += [layer, ACTIVATIONS[activation]()]
                flat = False
            case Conv(channels, _, activation, padding):
                parts += [convolution(left, padding), ACTIVATIONS[activation]()]
            case MaxPool(size):
                parts.append(nn.MaxPool2d(size))
            case Flatten():
                parts.append(nn.Flatten())
                flat = True
            case Residual(filters):
                parts.append(ResidualBlock(brick, channels, left))
                channels = filters
            case GlobalAverage():
                parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            case LSTM():
                parts.append(LastState(left))
            case Decoder():
                parts.append(Gpt(brick, left))
    assert next(left, None) is None, "a weight is left over"
    model = nn.Sequential(*[part for part in parts if not isinstance(part, nn.Identity)])
    return model.to(memory_format=torch.channels_last) if channels_last else model


def tensor(workload: Workload, channels_last: bool) -> Callable[[Array], Any]:
    """How an array becomes a tensor: images with the channels in front, in memory first or last."""

    def convert(array: Array) -> Any:
        found = torch.from_numpy(array)
        if workload.is_image and array.ndim == 4:
            found = found.permute(0, 3, 1, 2)
            return found.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
        return found

    return convert


def _update(workload: Workload, weights: Sequence[Array], fused: bool, channels_last: bool, compiled: bool) -> Any:
    """Zero_grad, forward, loss, backward, step."""
    model: Any = network(workload, weights, channels_last)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if workload.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(parameters, lr=workload.rate, eps=1e-12, fused=fused or None)
    else:
        momentum = 0.9 if workload.optimizer == "momentum" else 0.0
        optimizer = torch.optim.SGD(parameters, lr=workload.rate, momentum=momentum, fused=fused or None)
    if compiled:
        model = torch.compile(model)
    loss_of = F.mse_loss if workload.loss == "mse" else F.cross_entropy

    def update(x: Any, y: Any) -> float:
        optimizer.zero_grad()
        out = model(x)
        loss = loss_of(out, y) if out.ndim == 2 else loss_of(out.flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return update


def steps(
    workload: Workload, weights: Sequence[Array], fused: bool = False, channels_last: bool = False, compiled: bool = False
) -> Runner:  # fmt: skip
    """The own loop."""
    update, convert = _update(workload, weights, fused, channels_last, compiled), tensor(workload, channels_last)

    def facts() -> dict[str, Any]:
        if compiled:
            return {}
        with FlopCounterMode(display=False) as counter:
            update(*workload.batched(convert)[0])
        return {"flop": workload.flop or counter.get_total_flops()}

    return Runner(stepwise(workload, update, convert).advance, facts)


def epochs(workload: Workload, weights: Sequence[Array], loader: bool, channels_last: bool = False) -> Runner:
    """Epochs of the usual loop: batches from a DataLoader, or cut from the tensors by hand."""
    update, convert = _update(workload, weights, True, channels_last, False), tensor(workload, channels_last)
    x, y = map(convert, workload.data())
    batches = DataLoader(TensorDataset(x, y), batch_size=workload.batch)

    def epoch() -> float:
        if loader:
            return float(np.mean([update(*batch) for batch in batches]))
        places = [slice(start, start + workload.batch) for start in range(0, len(x), workload.batch)]
        return float(np.mean([update(x[place], y[place]) for place in places]))

    return Runner(lambda count: [epoch() for _ in range(count)])


def predict(
    workload: Workload, weights: Sequence[Array], channels_last: bool = False, compiled: bool = False
) -> Runner:
    """Forward passes without a graph."""
    model: Any = network(workload, weights, channels_last).eval()
    if compiled:
        model = torch.compile(model)
    x = tensor(workload, channels_last)(workload.data()[0])

    def advance(count: int) -> list[float]:
        with torch.inference_mode():
            return [float(model(x)[0, 0]) for _ in range(count)]

    return Runner(advance)
