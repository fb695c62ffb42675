"""Recurrent layers, cells and wrappers of Keras, and PyTorch's LSTM, GRU and RNN: outputs, states, every gradient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE

FILE = Path(__file__).with_name("recurrent.npz")
SHAPE = (3, 4, 2)
MASKS = {
    "right": [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]],
    "left": [[0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]],
    "holes": [[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 0]],
}
SEQUENCES, STATES = {"return_sequences": True}, {"return_state": True}
BOTH = {**SEQUENCES, **STATES}


def of(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_name": name, "config": arguments}


def rows() -> list[dict[str, Any]]:
    """A row: a layer; with a mask, with initial states, stateful over two batches, another shape."""
    found: list[dict[str, Any]] = []
    for name, more in [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})]:
        more = {"units": 2, **more}
        found += [
            {"layer": of(name, **more)},
            {"layer": of(name, **more, **BOTH), "states": True},
            {"layer": of(name, **more, use_bias=False, activation="softsign")},
            {"layer": of(name, **more, **BOTH, go_backwards=True, unroll=True)},
            *[{"layer": of(name, **more, **BOTH), "mask": mask} for mask in MASKS],
            *[{"layer": of(name, **more), "mask": mask, "states": True} for mask in MASKS],
            {"layer": of(name, **more, **BOTH, go_backwards=True, zero_output_for_mask=True), "mask": "holes"},
            {"layer": of(name, **more, **BOTH, go_backwards=True), "mask": "right"},
            {"layer": of(name, **more, **SEQUENCES, unroll=True), "mask": "left"},
            {"layer": of(name, **more, **SEQUENCES, activation="relu"), "mask": "holes", "states": True},
            {"layer": of(name, **more, **BOTH, stateful=True), "batches": 2},
            {"layer": of("Bidirectional", layer=of(name, **more, **BOTH)), "states": True},
        ]
    for name in ("LSTM", "GRU"):
        inner = of(name, units=2, recurrent_activation="softsign")
        found.append({"layer": inner})
    long, sequence = of("LSTM", units=2), of("LSTM", units=2, **SEQUENCES)
    found += [{"layer": of("Bidirectional", layer=long, merge_mode=mode)} for mode in ("sum", "mul", "concat", "ave")]
    found += [
        {"layer": of("Bidirectional", layer=long, merge_mode=None)},
        {"layer": of("Bidirectional", layer=long), "mask": "right"},
        *[{"layer": of("Bidirectional", layer=sequence), "mask": mask} for mask in MASKS],
        {"layer": of("Bidirectional", layer=of("GRU", units=2, **BOTH), merge_mode=None), "mask": "left"},
        {"layer": of("Bidirectional", layer=sequence,
                     backward_layer=of("GRU", units=2, **SEQUENCES, go_backwards=True))},
        {"layer": of("Bidirectional", layer=of("GRU", units=2, stateful=True)), "batches": 2},
        {"layer": of("RNN", cell=of("LSTMCell", units=2))},
        {"layer": of("RNN", cell=[of("LSTMCell", units=2), of("GRUCell", units=3), of("SimpleRNNCell", units=2)], **BOTH),
         "mask": "holes"},
        {"layer": of("TimeDistributed", layer=of("Dense", units=3, activation="tanh"))},
        {"layer": of("TimeDistributed", layer=long), "shape": [2, 3, 4, 2]},
    ]  # fmt: skip
    return found


def made(module: Any, spec: Any) -> Any:
    """A layer of this module from its description."""
    if isinstance(spec, list):
        return [made(module, part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return getattr(module, spec["class_name"])(**{key: made(module, part) for key, part in spec["config"].items()})


def measured(outputs: Any, leaves: dict[str, Any], draw: Any) -> dict[str, Any]:
    """The outputs, random cotangents for them, and the gradients of the leaves."""
    outputs = [part for part in keras.tree.flatten(outputs) if part is not None]
    cotangents = [draw(tuple(y.shape)) for y in outputs]
    sum((y * torch.tensor(g)).sum() for y, g in zip(outputs, cotangents, strict=True)).backward()
    found = {f"y{i}": y.detach() for i, y in enumerate(outputs)} | {f"g{i}": g for i, g in enumerate(cotangents)}
    return found | {name: leaf.detach() for name, leaf in leaves.items()} | {
        f"{name}_bar": leaf.grad for name, leaf in leaves.items()
    }  # fmt: skip


def of_keras(row: dict[str, Any], draw: Any) -> dict[str, Any]:
    layer, shape = made(keras.layers, row["layer"]), tuple(row.get("shape", SHAPE))
    arguments: dict[str, Any] = {"mask": torch.tensor(MASKS[row["mask"]]).bool()} if "mask" in row else {}
    layer.build(shape)
    layer.set_weights([draw(w.shape) for w in layer.weights])
    found: dict[str, Any] = {}
    if "batches" in row:
        layer, arguments["initial_state"], found["before1"] = after_a_batch(layer, row, draw, shape)
    leaves = {"x": torch.tensor(draw(shape), requires_grad=True)}
    if "states" in row:
        count = {"LSTM": 2}.get(row["layer"]["class_name"], 1)
        if row["layer"]["class_name"] == "Bidirectional":
            count = 4 if row["layer"]["config"]["layer"]["class_name"] == "LSTM" else 2
        states = [torch.tensor(draw((shape[0], 2)), requires_grad=True) for _ in range(count)]
        leaves |= {f"s{i}": state for i, state in enumerate(states)}
        arguments["initial_state"] = states
    outputs = layer(leaves["x"], **arguments)
    leaves |= {f"w{i}": weight.value for i, weight in enumerate(layer.weights)}
    return found | measured(outputs, leaves, draw)


def after_a_batch(layer: Any, row: dict[str, Any], draw: Any, shape: Any) -> tuple[Any, Any, Any]:
    """A stateful layer has seen a batch: a layer without memory, and the states to start it from.

    Keras overwrites the states that PyTorch still needs for the gradient, so the gradient is taken of this twin.
    """
    before = draw(shape)
    layer(torch.tensor(before))
    states = [torch.tensor(np.asarray(state.value.detach()).copy()) for state in layer.states]
    twin = made(keras.layers, json.loads(json.dumps(row["layer"]).replace('"stateful": true', '"stateful": false')))
    twin.build(shape)
    twin.set_weights(layer.get_weights())
    return twin, states, before


def of_torch(name: str, draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A PyTorch layer in Keras's form: transposed weights, gates in Keras's order."""
    layer = getattr(torch.nn, name)(2, 2, batch_first=True, dtype=torch.float64)
    for weight in layer.parameters():
        weight.data = torch.tensor(draw(tuple(weight.shape)))
    x = torch.tensor(draw(SHAPE), requires_grad=True)
    y, _ = layer(x)
    found = measured([y], {"x": x}, draw)
    order = [2, 3, 0, 1, 4, 5] if name == "GRU" else list(range(layer.bias_ih_l0.shape[0]))
    kernel, recurrent, *bias = [p.detach().numpy()[order].T for p in layer.parameters()]
    slopes = [p.grad.numpy()[order].T for p in layer.parameters()]
    both = np.stack(bias) if name == "GRU" else bias[0] + bias[1]
    bias_bar = np.stack(slopes[2:]) if name == "GRU" else slopes[2]
    found |= {"w0": kernel, "w1": recurrent, "w2": both, "w0_bar": slopes[0], "w1_bar": slopes[1], "w2_bar": bias_bar}
    return {"layer": of({"RNN": "SimpleRNN"}.get(name, name), units=2, **SEQUENCES), "peer": "torch"}, found


def main() -> None:
    """Compute every row in float64 and write the file."""
    keras.config.set_floatx("float64")
    BIT64_TO_BIT32_DTYPE.clear()  # Keras's matmul rounds float64 to float32 otherwise
    rng = np.random.default_rng(0)

    def draw(shape: Any) -> Any:
        return rng.normal(size=shape).round(2)  # short numbers make a short file

    pairs = [(row, of_keras(row, draw)) for row in rows()] + [of_torch(name, draw) for name in ("RNN", "LSTM", "GRU")]
    arrays = {f"{i}/{key}": np.asarray(value) for i, (_, found) in enumerate(pairs) for key, value in found.items()}
    places = {
        name: array.shape for name, array in arrays.items()
    }  # one flat array: an array of its own takes 250 bytes
    np.savez_compressed(
        FILE, cases=json.dumps([row for row, _ in pairs]), masks=json.dumps(MASKS), places=json.dumps(places),
        numbers=np.concatenate([array.reshape(-1) for array in arrays.values()]),
        keras=keras.__version__, torch=torch.__version__,
    )  # fmt: skip


if __name__ == "__main__":
    main()
