"""Attention layers, EinsumDense and transformer blocks: contract table, naive heads, masks, dropout, error texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.gradcheck import check_gradients
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers import (
    AdditiveAttention,
    Attention,
    EinsumDense,
    Embedding,
    GroupQueryAttention,
    MultiHeadAttention,
    TransformerDecoder,
    TransformerEncoder,
)
from glassnet.layers.masking import mask_of
from glassnet.models.files import load_model

from helpers.contract import close
from helpers.layer_contract import LayerCase, contract_test

RNG = np.random.default_rng(0)
X, MEMORY = RNG.normal(size=(2, 4, 6)).astype("float32"), RNG.normal(size=(2, 3, 6)).astype("float32")
IDS = np.array([[1, 2, 3, 0], [4, 3, 2, 1]])


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def heads(q: Any, v: Any, allowed: Any, wq: Any, bq: Any, wk: Any, bk: Any, wv: Any, bv: Any, wo: Any, bo: Any) -> Any:
    """Multi-head attention, one head after the other."""
    y = np.zeros((*q.shape[:2], bo.shape[-1])) + bo
    for head in range(wq.shape[1]):
        group = head * wk.shape[1] // wq.shape[1]
        query, key = q @ wq[:, head] + bq[head], v @ wk[:, group] + bk[group]
        z = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
        weights = softmax(np.where(allowed, z, -1e30))
        y = y + weights @ (v @ wv[:, group] + bv[group]) @ wo[head]
    return y


def norm(x: Any, gamma: Any, beta: Any) -> Any:
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5) * gamma + beta


def encoder(x: Any, *w: Any) -> Any:
    a = norm(x + heads(x, x, True, *w[:8]), *w[8:10])
    return norm(a + np.maximum(a @ w[12] + w[13], 0) @ w[14] + w[15], *w[10:12])


def encoder_normalized_first(x: Any, *w: Any) -> Any:
    y = norm(x, *w[8:10])
    a = x + heads(y, y, True, *w[:8])
    return a + np.maximum(norm(a, *w[10:12]) @ w[12] + w[13], 0) @ w[14] + w[15]


def decoder(x: Any, *w: Any) -> Any:
    a = norm(x + heads(x, x, np.tri(x.shape[1]) > 0, *w[:8]), *w[8:10])
    return norm(a + np.tanh(a @ w[12] + w[13]) @ w[14] + w[15], *w[10:12])


def block_weights(attention: str, c: int, h: int, d: int, hidden: int) -> dict[str, tuple[int, ...]]:
    projections = {
        f"{attention}/{name}/{part}": shape
        for name in ("query", "key", "value")
        for part, shape in (("kernel", (c, h, d)), ("bias", (h, d)))
    }
    return projections | {
        f"{attention}/attention_output/kernel": (h, d, c), f"{attention}/attention_output/bias": (c,),
        "self_attention_layer_norm/gamma": (c,), "self_attention_layer_norm/beta": (c,),
        "feedforward_layer_norm/gamma": (c,), "feedforward_layer_norm/beta": (c,),
        "feedforward_intermediate_dense/kernel": (c, hidden), "feedforward_intermediate_dense/bias": (hidden,),
        "feedforward_output_dense/kernel": (hidden, c), "feedforward_output_dense/bias": (c,),
    }  # fmt: skip


test_contract = contract_test(
    [
        LayerCase(
            EinsumDense, {"equation": "abc,cde->abde", "output_shape": (None, 2, 5), "bias_axes": "de"}, (4, 3, 6),
            oracle=lambda x, W, b: np.einsum("abc,cde->abde", x, W) + b, weights={"kernel": (6, 2, 5), "bias": (2, 5)},
        ),
        LayerCase(
            EinsumDense, {"equation": "ab...,bc->ac...", "output_shape": 2, "bias_axes": "c", "activation": "tanh"},
            (4, 3, 5), oracle=lambda x, W, b: np.tanh(np.einsum("abe,bc->ace", x, W) + b),
            weights={"kernel": (3, 2), "bias": (2, 1)},
        ),
        LayerCase(
            Attention, {}, (4, 3, 5), (4, 2, 5), oracle=lambda q, v: softmax(q @ v.swapaxes(1, 2)) @ v,
        ),
        LayerCase(
            Attention, {"use_scale": True, "score_mode": "concat"}, (4, 3, 2), (4, 2, 6), (4, 2, 2),
            oracle=lambda q, v, k, s, c: softmax(c * np.tanh(s * (q[:, :, None] + k[:, None])).sum(-1)) @ v,
            weights={"scale": (), "concat_score_weight": ()},
        ),
        LayerCase(
            AdditiveAttention, {}, (4, 3, 5), (4, 2, 5), weights={"scale": (5,)},
            oracle=lambda q, v, s: softmax((s * np.tanh(q[:, :, None] + v[:, None])).sum(-1)) @ v,
        ),
        LayerCase(
            TransformerEncoder, {"intermediate_dim": 5, "num_heads": 2}, (4, 3, 6), oracle=encoder,
            weights=block_weights("self_attention_layer", 6, 2, 3, 5),
        ),
        LayerCase(
            TransformerEncoder, {"intermediate_dim": 3, "num_heads": 1, "normalize_first": True}, (4, 2, 4),
            oracle=encoder_normalized_first, weights=block_weights("self_attention_layer", 4, 1, 4, 3),
        ),
        LayerCase(
            TransformerDecoder, {"intermediate_dim": 3, "num_heads": 2, "activation": "tanh", "dropout": 0.25},
            (4, 3, 4), oracle=decoder, weights=block_weights("self_attention", 4, 2, 2, 3),
        ),
    ]
)  # fmt: skip


def random_weights(layer: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return list(layer.get_weights())


HEADED = [
    (MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "value_dim": 4}),
    (GroupQueryAttention, {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}),
]


@pytest.mark.parametrize(("cls", "arguments"), HEADED)
def test_heads_compute_what_one_head_after_the_other_computes(cls: Any, arguments: Any) -> None:
    layer = cls(**arguments)
    layer(X, MEMORY)
    weights = random_weights(layer)
    close(layer(X, MEMORY).numpy(), heads(X, MEMORY, True, *weights), "y")
    close(layer(X, X, use_causal_mask=True).numpy(), heads(X, X, np.tri(4) > 0, *weights), "causal")
    near = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) < 2
    windowed = cls(**arguments, sliding_window=2)
    windowed(X, X)
    windowed.set_weights(weights)
    close(windowed(X, X).numpy(), heads(X, X, near, *weights), "window")
    close(windowed(X, X, use_causal_mask=True).numpy(), heads(X, X, near & (np.tri(4) > 0), *weights), "both")


@pytest.mark.parametrize(("cls", "arguments"), HEADED)
def test_gradients_replay_and_files_of_heads(cls: Any, arguments: Any, tmp_path: Path) -> None:
    layer = cls(**arguments, dropout=0.5, seed=3, use_gate=True)
    layer(X, MEMORY)
    mask = np.array([[True, True, False], [True, False, True]])
    report = check_gradients(
        lambda q, v: layer(q, v, value_mask=mask, training=False), X.astype("float64"), MEMORY.astype("float64")
    )
    assert {v.path for v in layer.trainable_variables} <= {array.name for array in report.arrays}
    q, v = gn.Input((4, 6)), gn.Input((None, 6))
    model = gn.Model([q, v], layer(q, v, use_causal_mask=True))
    state, bits, found = model.get_weights(), layer.seed_generator.state, []
    for jit_compile in (False, True):
        model.set_weights(state)
        layer.seed_generator.state = bits
        model.compile(gn.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
        history = model.fit([X, MEMORY], X, epochs=3, batch_size=1, shuffle=False, verbose=0).history
        found.append([*history["loss"], *model.get_weights()])
    for eager, replayed in zip(*found, strict=True):
        np.testing.assert_array_equal(replayed, eager)
    model.save(tmp_path / "m.glassnet")
    loaded = load_model(tmp_path / "m.glassnet")
    np.testing.assert_array_equal(loaded([X, MEMORY]).numpy(), model([X, MEMORY]).numpy())


def test_weights_have_kerass_names_shapes_and_order() -> None:
    layer = MultiHeadAttention(2, 3, value_dim=4, output_shape=(5, 7), name="mha")
    layer.build((None, 4, 6), (None, 3, 5), (None, 3, 8))
    assert {path: v.shape for path, v in layer.named_variables().items()} == {
        "query/kernel": (6, 2, 3), "query/bias": (2, 3), "key/kernel": (8, 2, 3), "key/bias": (2, 3),
        "value/kernel": (5, 2, 4), "value/bias": (2, 4), "attention_output/kernel": (2, 4, 5, 7),
        "attention_output/bias": (5, 7),
    }  # fmt: skip
    assert layer.compute_output_shape((None, 4, 6), (None, 3, 5)) == (None, 4, 5, 7)


def test_masks_that_the_inputs_carry_are_those_given_by_name() -> None:
    embedding, layer = Embedding(5, 6, mask_zero=True), MultiHeadAttention(2, 3)
    x, memory, mask = embedding(IDS), embedding(IDS[:, :3]), IDS != 0
    carried = layer(x, memory)
    plain = layer(x + 0, memory + 0, query_mask=mask, value_mask=mask[:, :3])
    np.testing.assert_array_equal(carried.numpy(), plain.numpy())
    assert mask_of(carried).numpy().tolist() == mask.tolist()
    assert mask_of(x).numpy().tolist() == mask.tolist()  # the caller's tensor keeps it
    both = layer(x + 0, memory + 0, attention_mask=mask[:, :, None] & mask[:, None, :3])
    np.testing.assert_array_equal(both.numpy(), plain.numpy())


def test_padding_changes_nothing_for_the_steps_that_count() -> None:
    embedding = Embedding(5, 6, mask_zero=True)
    encoder, decoder = TransformerEncoder(8, 2), TransformerDecoder(8, 2)
    memory = encoder(embedding(np.array([[1, 2, 3]])))
    short = decoder(embedding(np.array([[4, 3]])), memory)
    memory = encoder(embedding(np.array([[1, 2, 3, 0, 0]])))
    long = decoder(embedding(np.array([[4, 3, 0]])), memory)
    np.testing.assert_allclose(long.numpy()[:, :2], short.numpy(), rtol=1e-5, atol=1e-6)
    assert mask_of(long).numpy().tolist() == [[True, True, False]]
    given = encoder(embedding(np.array([[1, 2, 3, 0, 0]])) + 0, padding_mask=np.array([[1, 1, 1, 0, 0]]))
    np.testing.assert_array_equal(given.numpy(), memory.numpy())


def test_a_causal_decoder_never_looks_ahead() -> None:
    layer = TransformerDecoder(8, 2)
    before = layer(X).numpy()
    changed = X.copy()
    changed[:, 2] += 1
    after = layer(changed).numpy()
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert (after[:, 2:] != before[:, 2:]).all()
    free = layer(changed, use_causal_mask=False).numpy() - layer(X, use_causal_mask=False).numpy()
    assert (free[:, :2] != 0).any()


def test_scores_are_the_weights_before_dropout_and_a_query_without_keys_gives_0() -> None:
    layer = MultiHeadAttention(2, 3, dropout=0.5, seed=0)
    mask = np.array([[[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]], bool)
    y, weights = layer(X, MEMORY, attention_mask=mask, return_attention_scores=True, training=True)
    np.testing.assert_allclose(weights.numpy().sum(axis=-1)[:, :, [0, 2, 3]], 1, rtol=1e-6)
    assert not weights.numpy()[:, :, ~mask[0]].any()
    np.testing.assert_array_equal(y.numpy()[:, 1], np.broadcast_to(layer.output_dense.bias.numpy(), (2, 6)))
    whole, same = layer(X, MEMORY, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_array_equal(same.numpy(), weights.numpy())
    assert (whole.numpy() != y.numpy()).any()
    encoder = TransformerEncoder(8, 2)
    y, weights = encoder(X, return_attention_scores=True)
    np.testing.assert_array_equal(y.numpy(), encoder(X).numpy())
    assert weights.shape == (2, 2, 4, 4)


def test_dropout_of_weights_keeps_the_mean() -> None:
    x, v = np.zeros((1, 1, 2), "float32"), np.ones((1, 4000, 2), "float32")
    for layer, call in ((Attention(dropout=0.5, seed=0), [[x, v]]), (AdditiveAttention(dropout=0.25), [[x, v]])):
        assert layer(*call, training=True).numpy() == pytest.approx(1, abs=0.1)
        assert layer(*call).numpy() == pytest.approx(1, abs=1e-4)  # a float32 sum of 4000 weights


def test_einsum_dense_draws_its_kernel_with_the_fans_of_the_whole_sum() -> None:
    layer = EinsumDense("abc,cde->abde", (None, 20, 30))
    layer(np.zeros((1, 1, 100), "float32"))
    assert np.abs(layer.kernel.numpy()).max() == pytest.approx(np.sqrt(6 / (100 + 600)), rel=1e-3)


def test_einsum_dense_of_two_letters_is_dense() -> None:
    dense, einsum = gn.layers.Dense(3), EinsumDense("...x,xy->...y", 3, bias_axes="y")
    dense(X)
    einsum(X)
    einsum.set_weights(dense.get_weights())
    close(einsum(X).numpy(), dense(X).numpy(), "y")


@pytest.mark.parametrize(
    ("mistake", "error", "text"),
    [
        (lambda: MultiHeadAttention(0, 2), ArgumentError, "number of heads must be a positive integer"),
        (lambda: MultiHeadAttention(2, 2, dropout=1.0), ArgumentError, r"dropout must be in \[0, 1\)"),
        (lambda: MultiHeadAttention(2, 2, attention_axes=(1, 2)), ArgumentError, "attention over other axes"),
        (lambda: GroupQueryAttention(2, 3, 2), ArgumentError, "same number of query heads"),
        (lambda: MultiHeadAttention(2, 2)(X[0], X[0]), ShapeError, "query has the wrong shape"),
        (lambda: MultiHeadAttention(2, 2)(X, X[:, :3], X), ShapeError, "each key needs one value"),
        (
            lambda: MultiHeadAttention(2, 2)(X, X, value_mask=np.ones((2, 3))),
            ShapeError, r"value_mask does not fit\n  expected: \(2, 4\)\n  received: \(2, 3\)",
        ),
        (lambda: MultiHeadAttention(2, 2)(X, X, attention_mask=np.ones((2, 4, 3))), ShapeError, "the mask does not fit"),
        (lambda: Attention()(X), ArgumentError, "takes a list"),
        (lambda: Attention(score_mode="cosine"), ArgumentError, "'dot' or 'concat'"),
        (lambda: EinsumDense("ab->ac", 3), ArgumentError, "'ab,bc->ac'"),
        (lambda: EinsumDense("abc,cd->abd", 3)(X), ShapeError, "one size for each of b, d"),
        (lambda: EinsumDense("abc,cd->abd", (5, 3))(X), ShapeError, "axis b has two sizes"),
        (lambda: EinsumDense("abc,cz->abd", (None, 3))(X), ShapeError, "nothing says what 'z' is"),
        (lambda: TransformerEncoder(8, 7)(X), ArgumentError, "more heads than features"),
        (lambda: TransformerEncoder(8, 2)(X, padding_mask=np.ones((2, 5))), ShapeError, "the padding mask does not fit"),
    ],
)  # fmt: skip
def test_mistakes_are_named(mistake: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        mistake()


def test_a_decoder_stays_what_it_was_built_as() -> None:
    alone, pair = TransformerDecoder(8, 2), TransformerDecoder(8, 2)
    alone(X)
    pair(X, MEMORY)
    with pytest.raises(ArgumentError, match="it was built without an encoder_sequence"):
        alone(X, MEMORY)
    with pytest.raises(ArgumentError, match="it was built with an encoder_sequence"):
        pair(X)
