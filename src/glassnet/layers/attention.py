r"""Attention layers: MultiHeadAttention, GroupQueryAttention, Attention, AdditiveAttention.

Letters: N samples, T queries, S keys, C features of a step, H heads, K key heads, D features of a head, E of a value.
The derivation stands at `ops.attention.Attention`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.op import feed
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import Layer
from glassnet.layers.core import EinsumDense, positive_integer
from glassnet.layers.masking import without_mask
from glassnet.seeds import as_generator

__all__ = ["AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"]


class _Heads(Layer):
    """Projections of query, key and value to heads, attention in each head, and a projection back."""

    supports_masking = True

    def __init__(
        self, heads: tuple[int, int], sizes: tuple[int, int], output: Any, dropout: float, use_bias: bool,
        sliding_window: int | None, use_gate: bool, seed: Any, options: dict[str, Any], **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.heads = tuple(positive_integer(count, f"{self}: number of heads") for count in heads)
        self.sizes = tuple(positive_integer(size, f"{self}: size of a head") for size in sizes)
        if self.heads[0] % self.heads[1]:
            raise ArgumentError(
                f"{self}: every key head serves the same number of query heads",
                expected=f"num_query_heads as a multiple of {heads[1]}", received=heads[0],
                fix=f"num_query_heads={-(-self.heads[0] // self.heads[1]) * self.heads[1]}",
            )  # fmt: skip
        self.output_sizes = (output,) if isinstance(output, int) else None if output is None else tuple(output)
        self.dropout, self.use_bias, self.use_gate = checked_rate(dropout, str(self)), use_bias, use_gate
        self.sliding_window = sliding_window
        if sliding_window is not None:
            positive_integer(sliding_window, f"{self}: sliding_window")
        self.seed_generator, self.options = as_generator(seed), options

    def build(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> None:
        if value_shape is None:
            raise ArgumentError(
                f"{self}: it needs a query and a value", expected="layer(query, value)", received="one input",
                fix="layer(x, x): a sequence that looks at itself",
            )  # fmt: skip
        key_shape = value_shape if key_shape is None else key_shape
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            if len(shape) != 3:
                raise ShapeError(
                    f"{self}: {name} has the wrong shape", expected="(batch, time, features)", received=shape,
                    fix="add a batch axis: x[None]" if len(shape) == 2 else "Reshape the further axes into one",
                )  # fmt: skip
        (heads, served), (size, value_size) = self.heads, self.sizes
        self.query_dense = self._projection("query", query_shape, heads, size)
        self.key_dense = self._projection("key", key_shape, served, size)
        if self.use_gate:
            self.gate_dense = self._projection("gate", query_shape, heads, value_size, activation="sigmoid")
        self.value_dense = self._projection("value", value_shape, served, value_size)
        sizes = self.output_sizes or (query_shape[-1],)
        letters = "efghij"[: len(sizes)]
        self.output_dense = EinsumDense(
            f"abcd,cd{letters}->ab{letters}", (None, *sizes), bias_axes=letters if self.use_bias else None,
            dtype=self.dtype, name="attention_output", **self.options,
        )  # fmt: skip
        self.output_dense.build((*query_shape[:2], heads, value_size))

    def _projection(self, name: str, shape: Any, heads: int, size: int, **options: Any) -> EinsumDense:
        layer = EinsumDense(
            "abc,cde->abde", (None, heads, size), bias_axes="de" if self.use_bias else None, dtype=self.dtype,
            name=name, **options, **self.options,
        )  # fmt: skip
        layer.build(shape)
        return layer

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None,
        key_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False,
        training: bool = False, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        query, value, key = without_mask(query), without_mask(value), without_mask(value if key is None else key)
        masks = {"query_mask": (query_mask, query), "value_mask": (value_mask, value), "key_mask": (key_mask, key)}
        allowed = self._allowed(masks, attention_mask, query.shape[1], value.shape[1], use_causal_mask)
        y, weights = ops.attention_and_weights(
            self.query_dense(query), self.key_dense(key), self.value_dense(value), allowed,
            is_causal=use_causal_mask and allowed is None, rate=self.dropout,
            random_bits=self._bits(query, value) if training and self.dropout else None,
        )  # fmt: skip
        if allowed is not None and (self.dropout or return_attention_scores):
            some = ops.any(allowed, axis=-1, keepdims=True)  # Keras: a query that may look nowhere gives 0
            y, weights = y * ops.swapaxes(some, 1, 2), weights * some
        y = self.output_dense(y * self.gate_dense(query) if self.use_gate else y)
        return (y, weights) if return_attention_scores else y

    def _allowed(self, masks: dict[str, Any], attention_mask: Any, queries: int, keys: int, causal: bool) -> Any:
        """All masks as one of shape (N or 1, H or 1, T or 1, S or 1), or None; a causal one alone is left to the op."""
        parts = []
        for name, (mask, x) in masks.items():
            if mask is not None:
                if mask.ndim != 2 or any(None not in (a, b) and a != b for a, b in zip(mask.shape, x.shape)):
                    raise ShapeError(
                        f"{self}: {name} does not fit", expected=x.shape[:2], received=mask.shape,
                        fix="one entry per step, True where it counts; pairs of steps belong to attention_mask",
                    )  # fmt: skip
                mask = ops.cast(mask, "bool")
                parts.append(mask[:, None, :, None] if name == "query_mask" else mask[:, None, None, :])
        if attention_mask is not None:
            mask = ops.cast(attention_mask, "bool")
            while mask.ndim < 4:
                mask = ops.expand_dims(mask, max(mask.ndim - 2, 0))
            parts.append(mask)
        if self.sliding_window is not None and None not in (queries, keys):
            apart = np.abs(np.arange(queries)[:, None] - np.arange(keys))
            parts.append(ops.convert_to_tensor(apart[None, None] < self.sliding_window))
        if causal and parts and None not in (queries, keys):
            parts.append(ops.convert_to_tensor(np.tri(queries, keys, dtype=bool)[None, None]))
        return functools.reduce(ops.logical_and, parts) if parts else None

    def _bits(self, query: Any, value: Any) -> Any:
        shape = (query.shape[0], self.heads[0], query.shape[1], value.shape[1])
        return feed(lambda: self.seed_generator.uniform(shape, self.dtype), shape, self.dtype)

    def compute_output_shape(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> Any:
        """Shape of the output; that of the weights is not included."""
        return (*query_shape[:-1], *(self.output_sizes or query_shape[-1:]))


class MultiHeadAttention(_Heads):
    r"""Several attentions side by side: each head has its own queries, keys and values, small projections of the inputs.

    headₕ = softmax(qₕ kₕᵀ / √D) vₕ with qₕ = query W^Q_h + b^Q_h, kₕ = key W^K_h + b^K_h, vₕ = value W^V_h + b^V_h;
    y = Σₕ headₕ W^O_h + b^O. A query's output is a mean of what the values hold, weighted by how well the keys fit it.

    Arguments:
        num_heads: H.
        key_dim: D, features of a query and a key in one head; value_dim: E, those of a value (D by default).
        dropout: share of the weights that is dropped in training.
        output_shape: sizes of an output step; those of the query by default.
        attention_axes: 1, the axis of the steps; inputs with further axes are refused.
        sliding_window: only keys less than so many steps away are seen.
        use_gate: the heads are multiplied by sigmoid(query W + b).
        use_bias, *_initializer, *_regularizer, *_constraint: of all projections. seed: of the dropout.

    Call with `query`, `value`, `key` (the value by default), their masks (those they carry by default),
    `attention_mask` (N, T, S), `use_causal_mask`: step t sees the steps 0..t; `return_attention_scores`: also the
    weights (N, H, T, S). A query that may look nowhere gives no NaN.

    Weights: query, key, value: kernel (C, H, D), bias (H, D); attention_output: kernel (H, E, C), bias (C,).
    Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2.

    >>> x = np.ones((2, 5, 8))
    >>> MultiHeadAttention(num_heads=2, key_dim=4)(x, x, use_causal_mask=True).shape
    (2, 5, 8)
    """

    formula = "y = Σₕ softmax(qₕ kₕᵀ / √D) vₕ Wₕ + b"

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, use_gate: bool = False, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        options = {
            "kernel_initializer": kernel_initializer, "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer, "bias_regularizer": bias_regularizer,
            "activity_regularizer": activity_regularizer, "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }  # fmt: skip
        super().__init__(
            (num_heads, num_heads), (key_dim, key_dim if value_dim is None else value_dim), output_shape, dropout,
            use_bias, sliding_window, use_gate, seed, options, **kwargs,
        )  # fmt: skip
        if attention_axes not in (None, 1, (1,), [1], -2, (-2,), [-2]):
            raise ArgumentError(
                f"{self}: attention over other axes is not supported", expected="attention_axes=1, the axis of the steps",
                received=f"attention_axes={attention_axes!r}", fix="Reshape or Permute the inputs to (batch, time, features)",
            )  # fmt: skip


class GroupQueryAttention(_Heads):
    r"""MultiHeadAttention in which a group of query heads shares one head of keys and values: less to compute and keep.

    Arguments:
        head_dim: D, features of a head.
        num_query_heads: H, a multiple of num_key_value_heads: K.
        Others, inputs and call as in MultiHeadAttention.

    Weights: query: kernel (C, H, D), bias (H, D); key, value: kernel (C, K, D), bias (K, D); attention_output: kernel
    (H, D, C), bias (C,). Source: Ainslie et al. (2023), GQA: Training Generalized Multi-Query Transformer Models.

    >>> x = np.ones((2, 5, 8))
    >>> GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 8)
    """

    formula = "y = Σₕ softmax(qₕ kᵍᵀ / √D) vᵍ Wₕ + b, g the group of h"

    def __init__(
        self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0,
        use_bias: bool = True, sliding_window: int | None = None, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        use_gate: bool = False, seed: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        options = {
            "kernel_initializer": kernel_initializer, "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer, "bias_regularizer": bias_regularizer,
            "activity_regularizer": activity_regularizer, "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }  # fmt: skip
        super().__init__(
            (num_query_heads, num_key_value_heads), (head_dim, head_dim), None, dropout, use_bias, sliding_window,
            use_gate, seed, options, **kwargs,
        )  # fmt: skip


class Attention(Layer):
    r"""Attention without projections: y = softmax(scores) value, with scores = query keyᵀ.

    Arguments:
        use_scale: a trained factor of the scores.
        score_mode: "dot", or "concat": scores = c Σ_d tanh(query_d + key_d) with a trained c.
        dropout: share of the weights that is dropped in training. seed: of the dropout.

    Input: a list [query (N, T, C), value (N, S, E), key (N, S, C)], the key being the value by default; output (N, T, E).
    Weights: scale and concat_score_weight, single numbers, where asked for. Source: Luong et al. (2015), Effective
    Approaches to Attention-based Neural Machine Translation, section 3.1.

    >>> Attention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    formula = "y = softmax(q kᵀ) v"
    makes_masks = False

    def __init__(
        self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(f"{self}: score_mode", expected="'dot' or 'concat'", received=repr(score_mode))
        self.use_scale, self.score_mode, self.dropout = use_scale, score_mode, checked_rate(dropout, str(self))
        self.seed_generator = as_generator(seed)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the query."""
        return None if previous_mask is None else previous_mask[0]

    def scores(self, query: Any, key: Any) -> Any:
        """How well each key fits each query, (N, T, S)."""
        if self.score_mode == "dot":
            scores = ops.einsum("ntc,nsc->nts", query, key)
            return scores if self.scale is None else scores * self.scale
        both = ops.expand_dims(query, 2) + ops.expand_dims(key, 1)
        return self.concat_score_weight * ops.sum(ops.tanh(both if self.scale is None else both * self.scale), axis=-1)

    def call(
        self, inputs: Any, mask: Any = None, training: bool = False, return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ArgumentError(f"{self} takes a list", expected="[query, value] or [query, value, key]")
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        scores = self.scores(query, key)
        if value_mask is not None:
            scores = scores - 1e9 * ops.cast(ops.logical_not(value_mask[:, None, :]), scores.dtype)
        if use_causal_mask and None not in scores.shape[1:]:
            scores = scores - 1e9 * (1 - np.tri(*scores.shape[1:], dtype=scores.dtype))
        weights = ops.softmax(scores)
        if training and self.dropout:
            shape = weights.shape
            bits = feed(lambda: self.seed_generator.uniform(shape, self.dtype), shape, self.dtype)
            weights = ops.apply_dropout(weights, bits, self.dropout)
        y = ops.matmul(weights, value)
        if query_mask is not None:
            y = y * ops.cast(query_mask[:, :, None], y.dtype)
        return (y, weights) if return_attention_scores else y


class AdditiveAttention(Attention):
    r"""Attention whose scores are a small network: scores = Σ_d s_d tanh(query_d + key_d), with trained s.

    Arguments:
        use_scale: whether s is trained; otherwise it is 1.
        dropout: share of the weights that is dropped in training.

    Input and output as of Attention. Weights: scale s (C,). Source: Bahdanau, Cho and Bengio (2015), Neural Machine
    Translation by Jointly Learning to Align and Translate, appendix A.1.2.

    >>> AdditiveAttention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    formula = "y = softmax(Σ_d s_d tanh(q_d + k_d)) v"

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        size = input_shape[0][-1]
        self.scale = self.add_weight((size,), "glorot_uniform", name="scale") if self.use_scale else None

    def scores(self, query: Any, key: Any) -> Any:
        """How well each key fits each query, (N, T, S)."""
        both = ops.tanh(ops.expand_dims(query, 2) + ops.expand_dims(key, 1))
        return ops.sum(both if self.scale is None else both * self.scale, axis=-1)


def checked_rate(rate: float, who: str) -> float:
    """A rate of dropout; anything but 0 <= rate < 1 is an ArgumentError."""
    if not 0 <= rate < 1:
        raise ArgumentError(
            f"{who}: dropout must be in [0, 1)", received=f"dropout={rate}", fix="dropout=0.1 drops 10 %"
        )
    return float(rate)
