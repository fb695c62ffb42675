"""Attention layers, EinsumDense and Embedding of Keras: outputs, and the gradients of all inputs and weights."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import torch
from keras.src import backend
from keras.src.backend.common import dtypes

FILE = Path(__file__).with_name("attention.npz")
Q, V = (2, 4, 6), (2, 3, 5)
QUERY_MASK = [[1, 1, 1, 0], [1, 1, 1, 1]]
VALUE_MASK = [[1, 1, 0], [0, 1, 1]]
PAIR_MASK = [[[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 1, 1]]]  # every query may look somewhere, with every other mask too

HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
CASES = [
    ("MultiHeadAttention", HEADS, [Q, V], {}),
    ("MultiHeadAttention", {**HEADS, "value_dim": 4, "output_shape": 5, "use_bias": False}, [Q, V], {}),
    ("MultiHeadAttention", {**HEADS, "output_shape": [2, 3]}, [Q, V, (2, 3, 4)], {}),
    ("MultiHeadAttention", HEADS, [Q, Q], {"use_causal_mask": True}),
    ("MultiHeadAttention", HEADS, [Q, V], {"use_causal_mask": True}),
    ("MultiHeadAttention", HEADS, [Q, V], {"value_mask": VALUE_MASK}),
    ("MultiHeadAttention", HEADS, [Q, V], {"value_mask": VALUE_MASK, "attention_mask": PAIR_MASK}),
    ("MultiHeadAttention", HEADS, [Q, Q], {"value_mask": QUERY_MASK, "use_causal_mask": True}),
    ("MultiHeadAttention", HEADS, [Q, V], {"attention_mask": PAIR_MASK, "return_attention_scores": True}),
    ("MultiHeadAttention", {**HEADS, "use_gate": True, "sliding_window": 2}, [Q, V], {"attention_mask": PAIR_MASK}),
    ("MultiHeadAttention", {**HEADS, "dropout": 0.5}, [Q, V], {"attention_mask": [[[0, 0, 0], *PAIR_MASK[0][1:]]]}),
    ("GroupQueryAttention", GROUPS, [Q, V], {}),
    ("GroupQueryAttention", {**GROUPS, "use_bias": False, "use_gate": True}, [Q, Q], {"use_causal_mask": True}),
    ("GroupQueryAttention", GROUPS, [Q, V], {"value_mask": VALUE_MASK, "attention_mask": PAIR_MASK}),
    ("Attention", {}, [[Q, (2, 3, 6)]], {}),
    ("Attention", {"use_scale": True}, [[Q, (2, 3, 5), (2, 3, 6)]], {"use_causal_mask": True}),
    ("Attention", {"score_mode": "concat", "use_scale": True}, [[Q, (2, 3, 6)]], {"mask": [QUERY_MASK, VALUE_MASK]}),
    ("AdditiveAttention", {}, [[Q, (2, 3, 6)]], {"mask": [QUERY_MASK, VALUE_MASK]}),
    ("AdditiveAttention", {"use_scale": False}, [[Q, (2, 3, 6)]], {}),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}, [(2, 3)], {}),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [None, 2, 5], "bias_axes": "de"}, [(2, 3, 4)], {}),
    ("EinsumDense", {"equation": "abde,dec->abc", "output_shape": [None, 3]}, [(2, 3, 2, 5)], {}),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, [(2, 3, 5, 2)], {}),
    ("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 4, "bias_axes": "c"}, [(2, 3, 5)], {}),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [3, 4], "bias_axes": "bd"}, [(2, 3, 6)], {}),
    ("EinsumDense", {"equation": "abc,bcd->abd", "output_shape": [3, 4], "activation": "tanh"}, [(2, 3, 6)], {}),
]


def masks(settings: dict) -> dict:
    """The same settings with masks as boolean arrays."""
    found = dict(settings)
    for key in {"mask", "value_mask", "attention_mask"} & set(settings):
        found[key] = [np.array(m, bool) for m in found[key]] if key == "mask" else np.array(found[key], bool)
    return found


def main() -> None:
    """Compute every case in float64 and write the file."""
    keras.config.set_floatx("float64")
    # Keras brings products and attention of two float64 arrays to float32; here all is float64
    backend.result_type = dtypes.result_type = lambda *_: "float64"
    rng, arrays = np.random.default_rng(0), {}
    for number, (name, arguments, shapes, settings) in enumerate(CASES):
        layer = getattr(keras.layers, name)(**arguments)
        listed = isinstance(shapes[0], list)
        inputs = [
            torch.tensor(rng.normal(size=shape), requires_grad=True, device="cpu")
            for shape in (shapes[0] if listed else shapes)
        ]
        call = [inputs] if listed else inputs
        layer(*call)
        layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
        found = layer(*call, **masks(settings))
        outputs = found if isinstance(found, tuple) else (found,)
        cotangents = [rng.normal(size=y.shape) for y in outputs]
        sum((y * torch.tensor(c)).sum() for y, c in zip(outputs, cotangents, strict=True)).backward()
        for position, (y, c) in enumerate(zip(outputs, cotangents, strict=True)):
            arrays |= {f"{number}/y{position}": y.detach().numpy(), f"{number}/c{position}": c}
        for position, x in enumerate(inputs):
            arrays |= {f"{number}/x{position}": x.detach().numpy(), f"{number}/x{position}_bar": x.grad.numpy()}
        for position, w in enumerate(layer.weights):
            arrays |= {f"{number}/w{position}": w.numpy(), f"{number}/w{position}_bar": w.value.grad.numpy()}
    ids = np.array([[1, 0, 4], [4, 4, 2]])
    layer = keras.layers.Embedding(6, 3)
    layer(ids)
    cotangent = rng.normal(size=(2, 3, 3))
    (layer(ids) * torch.tensor(cotangent)).sum().backward()
    table = layer.weights[0]
    arrays |= {"ids": ids, "table": table.numpy(), "table_bar": table.value.grad.numpy(), "cotangent": cotangent}
    places = {name: [int(end - array.size), array.shape] for (name, array), end in
              zip(arrays.items(), np.cumsum([array.size for array in arrays.values()]), strict=True)}  # fmt: skip
    numbers = np.concatenate([np.asarray(array, "float64").reshape(-1) for array in arrays.values()])
    np.savez_compressed(FILE, cases=json.dumps(CASES), places=json.dumps(places), numbers=numbers)
    print(FILE.name, FILE.stat().st_size, "bytes,", len(CASES), "cases")


if __name__ == "__main__":
    main()
