"""Transformer blocks: attention and a small network per step, each added to the stream of residuals.

Names and arguments are those of KerasHub. A model is a few of these blocks on top of token and position embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet import activations, ops
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.attention import MultiHeadAttention, checked_rate
from glassnet.layers.base import Layer
from glassnet.layers.core import Dense, looked_up, positive_integer
from glassnet.layers.masking import as_boolean, mask_of, without_mask
from glassnet.layers.normalization import LayerNormalization
from glassnet.layers.regularization import Dropout

__all__ = ["TransformerDecoder", "TransformerEncoder"]


class _Block(Layer):
    """What both blocks share: their arguments, the residual around each part, and the network per step."""

    supports_masking = True

    def __init__(
        self, intermediate_dim: int, num_heads: int, dropout: float = 0.0, activation: Any = "relu",
        layer_norm_epsilon: float = 1e-5, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        normalize_first: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.intermediate_dim = positive_integer(intermediate_dim, f"{self}: intermediate_dim")
        self.num_heads = positive_integer(num_heads, f"{self}: num_heads")
        self.activation = looked_up(activations, activation, f"{self}: activation")
        self.dropout = checked_rate(dropout, str(self))
        self.layer_norm_epsilon, self.normalize_first = layer_norm_epsilon, normalize_first
        self.options = {"kernel_initializer": kernel_initializer, "bias_initializer": bias_initializer}

    def _attention(self, name: str, query_shape: Any, value_shape: Any) -> MultiHeadAttention:
        size = query_shape[-1] // self.num_heads
        if not size:
            raise ArgumentError(
                f"{self}: more heads than features",
                expected=f"at most {query_shape[-1]} heads",
                received=self.num_heads,
            )
        layer = MultiHeadAttention(
            self.num_heads, size, dropout=self.dropout, dtype=self.dtype, name=name, **self.options
        )
        layer.build(query_shape, value_shape)
        return layer

    def _norm(self, name: str, shape: Any) -> LayerNormalization:
        layer = LayerNormalization(epsilon=self.layer_norm_epsilon, dtype=self.dtype, name=name)
        layer.build(shape)
        return layer

    def _build_feedforward(self, shape: Any) -> None:
        self.feedforward_layer_norm = self._norm("feedforward_layer_norm", shape)
        self.feedforward_intermediate_dense = Dense(
            self.intermediate_dim, self.activation, dtype=self.dtype, name="feedforward_intermediate_dense",
            **self.options,
        )  # fmt: skip
        self.feedforward_intermediate_dense.build(shape)
        self.feedforward_output_dense = Dense(
            shape[-1], dtype=self.dtype, name="feedforward_output_dense", **self.options
        )
        self.feedforward_output_dense.build((*shape[:-1], self.intermediate_dim))
        self.residual_dropout = Dropout(self.dropout, dtype=self.dtype, name="residual_dropout")

    def _feedforward(self, x: Any) -> Any:
        return self.feedforward_output_dense(self.feedforward_intermediate_dense(x))

    def _around(self, x: Any, norm: Layer, part: Callable[[Any], Any]) -> Any:
        """The sum x + part(x), normalized at the end of the part's branch or, with `normalize_first`, at its beginning."""
        if self.normalize_first:
            return x + self.residual_dropout(part(norm(x)))
        return norm(x + self.residual_dropout(part(x)))

    def _keys(self, x: Any, padding_mask: Any, attention_mask: Any) -> Any:
        """Which steps of x may be looked at: padding (N, S), else the mask that x carries, and (N, T, S)."""
        padding_mask = mask_of(x) if padding_mask is None else as_boolean(padding_mask)
        if padding_mask is None:
            return attention_mask
        if tuple(padding_mask.shape) != tuple(x.shape[:2]):
            raise ShapeError(
                f"{self}: the padding mask does not fit", expected=x.shape[:2], received=padding_mask.shape,
                fix="True where a step counts: ids != 0",
            )  # fmt: skip
        keys = ops.expand_dims(padding_mask, 1)
        return keys if attention_mask is None else ops.logical_and(keys, as_boolean(attention_mask))


class TransformerEncoder(_Block):
    r"""Each step looks at all others, then goes through a small network of its own; both are added to what it was.

    a = norm(x + MultiHeadAttention(x, x)), y = norm(a + W₂ f(W₁ a + b₁) + b₂); with `normalize_first`
    a = x + MultiHeadAttention(norm(x), norm(x)), y = a + W₂ f(W₁ norm(a) + b₁) + b₂, which trains more easily.

    Arguments:
        intermediate_dim: size of the hidden layer of the network.
        num_heads: H; a head has C // H features.
        dropout: share dropped in training, of the attention weights and of both branches.
        activation: f. layer_norm_epsilon: ε of both normalizations.
        kernel_initializer, bias_initializer: of all dense layers.
        normalize_first: see above.

    Call with `inputs` (N, T, C), `padding_mask` (N, T), True where a step counts (that of the inputs by default), and
    `attention_mask` (N, T, T). Source: Vaswani et al. (2017), Attention Is All You Need, section 3; normalized first:
    Xiong et al. (2020), On Layer Normalization in the Transformer Architecture.

    >>> TransformerEncoder(intermediate_dim=32, num_heads=2)(np.ones((2, 5, 8))).shape
    (2, 5, 8)
    """

    formula = "a = norm(x + attention(x)), y = norm(a + dense(f(dense(a))))"

    def build(self, inputs_shape: Any) -> None:
        self.self_attention_layer = self._attention("self_attention_layer", inputs_shape, inputs_shape)
        self.self_attention_layer_norm = self._norm("self_attention_layer_norm", inputs_shape)
        self._build_feedforward(inputs_shape)

    def call(
        self, inputs: Any, padding_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False
    ) -> Any:
        keys, x, scores = self._keys(inputs, padding_mask, attention_mask), without_mask(inputs), []

        def attend(x: Any) -> Any:
            if not return_attention_scores:
                return self.self_attention_layer(x, x, attention_mask=keys)
            y, weights = self.self_attention_layer(x, x, attention_mask=keys, return_attention_scores=True)
            scores.append(weights)
            return y

        x = self._around(x, self.self_attention_layer_norm, attend)
        x = self._around(x, self.feedforward_layer_norm, self._feedforward)
        return (x, scores[0]) if return_attention_scores else x


class TransformerDecoder(_Block):
    r"""An encoder block whose steps look only back; with a second sequence they also look at all of that one.

    a = norm(x + causal attention(x)), b = norm(a + attention(a, encoder)), y = norm(b + W₂ f(W₁ b + b₁) + b₂).

    Arguments: those of TransformerEncoder.

    Call with `decoder_sequence` (N, T, C) and, for translation, `encoder_sequence` (N, S, C), each with its
    `*_padding_mask` (N, T) or (N, S) and `*_attention_mask` (N, T, T) or (N, T, S); `use_causal_mask=False` lets every
    step see all others. Source: Vaswani et al. (2017), Attention Is All You Need, section 3.

    >>> TransformerDecoder(intermediate_dim=32, num_heads=2)(np.ones((2, 5, 8)), np.ones((2, 7, 8))).shape
    (2, 5, 8)
    """

    formula = "a = norm(x + causal(x)), b = norm(a + attention(a, e)), y = norm(b + dense(f(dense(b))))"

    def build(self, decoder_sequence_shape: Any, encoder_sequence_shape: Any = None) -> None:
        shape, encoder_shape = decoder_sequence_shape, encoder_sequence_shape
        self.self_attention_layer = self._attention("self_attention", shape, shape)
        self.self_attention_layer_norm = self._norm("self_attention_layer_norm", shape)
        self.has_cross_attention = encoder_shape is not None
        if self.has_cross_attention:
            self.cross_attention_layer = self._attention("cross_attention", shape, encoder_shape)
            self.cross_attention_layer_norm = self._norm("cross_attention_layer_norm", shape)
        self._build_feedforward(shape)

    def call(
        self, decoder_sequence: Any, encoder_sequence: Any = None, decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None, encoder_padding_mask: Any = None, encoder_attention_mask: Any = None,
        use_causal_mask: bool = True,
    ) -> Any:  # fmt: skip
        if self.has_cross_attention != (encoder_sequence is not None):
            raise ArgumentError(
                f"{self}: it was built {'with' if self.has_cross_attention else 'without'} an encoder_sequence",
                received="none" if encoder_sequence is None else "one", fix="make a second decoder for the other use",
            )  # fmt: skip
        keys = self._keys(decoder_sequence, decoder_padding_mask, decoder_attention_mask)
        x = self._around(
            without_mask(decoder_sequence), self.self_attention_layer_norm,
            lambda x: self.self_attention_layer(x, x, attention_mask=keys, use_causal_mask=use_causal_mask),
        )  # fmt: skip
        if encoder_sequence is not None:
            seen = self._keys(encoder_sequence, encoder_padding_mask, encoder_attention_mask)
            memory = without_mask(encoder_sequence)
            x = self._around(
                x, self.cross_attention_layer_norm,
                lambda x: self.cross_attention_layer(x, memory, attention_mask=seen),
            )  # fmt: skip
        return self._around(x, self.feedforward_layer_norm, self._feedforward)
