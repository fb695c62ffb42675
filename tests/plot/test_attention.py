"""Attention as a figure: the arrays behind it, its masks and names, and what is said when there is nothing to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, GraphError

L = gn.layers
IDS = np.array([[1, 5, 2, 0, 4]])


@pytest.fixture(scope="module")
def model() -> Any:
    gn.utils.set_random_seed(1)
    blocks = [L.TransformerDecoder(8, 2, name="first"), L.TransformerEncoder(8, 3, name="second")]
    return gn.Sequential([gn.Input((5,), dtype="int64"), L.Embedding(6, 6, name="letters"), *blocks])


def weights(model: Any, block: str, path: str, causal: bool) -> np.ndarray:
    """The weights of a block, worked out from its queries and keys."""
    x = model.get_layer("letters")(IDS).numpy()
    if block == "second":
        x = model.get_layer("first")(x).numpy()
    layer = getattr(model.get_layer(block), path)
    q, k = (part(x).numpy() for part in (layer.query_dense, layer.key_dense))
    z = np.einsum("nthd,nshd->hts", q, k) / np.sqrt(q.shape[-1])
    if causal:
        z = np.where(np.tri(5, dtype=bool), z, -np.inf)
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("layer", "block", "path", "causal"),
    [
        (None, "first", "self_attention_layer", True),
        ("second/self_attention_layer", "second", "self_attention_layer", False),
    ],
)
def test_each_picture_holds_the_weights_of_one_head(
    model: Any, layer: str | None, block: str, path: str, causal: bool
) -> None:
    figure = plot.attention(model, IDS, layer)
    ax, bar = figure.axes
    want = weights(model, block, path, causal)
    assert len(ax.images) == len(want)
    for image, head in zip(ax.images, want):
        shown = image.get_array()
        np.testing.assert_allclose(shown.filled(0), head, atol=1e-6)
        np.testing.assert_array_equal(
            np.ma.getmaskarray(shown), ~np.tri(5, dtype=bool) if causal else np.zeros((5, 5), bool)
        )
        assert image.get_clim() == pytest.approx((0, want.max()), rel=1e-5)
    assert bar.get_ylabel() == "weight"
    assert figure.alt_text.startswith(f"Weights of {block}/self_attention")
    assert ("masked pairs are hatched" in figure.alt_text) == causal


def test_one_head_and_names_of_steps(model: Any) -> None:
    figure = plot.attention(model, IDS[0], head=-1, tokens=["a", "<b>", "c", "d", "a long word"])
    [image] = figure.axes[0].images
    np.testing.assert_allclose(
        image.get_array().filled(0), weights(model, "first", "self_attention_layer", True)[1], atol=1e-6
    )
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names.count("<b>") == names.count("a long …") == 2
    assert "head 1" in names


def test_what_cannot_be_drawn_is_refused(model: Any) -> None:
    with pytest.raises(ArgumentError, match=r"no such head\n.*0 to 1\n.*2"):
        plot.attention(model, IDS, head=2)
    with pytest.raises(ArgumentError, match=r"tokens name every step\n.*5 names\n.*2"):
        plot.attention(model, IDS, tokens="ab")
    with pytest.raises(ArgumentError, match=r"one sequence\n.*a batch of one"):
        plot.attention(model, np.repeat(IDS, 2, axis=0))
    with pytest.raises(GraphError, match=r"'third' of .* is attention\n.*one of first/self_attention.*, second/self"):
        plot.attention(model, IDS, "third")
    with pytest.raises(GraphError, match=r"no layer of .* is attention\n.*MultiHeadAttention"):
        plot.attention(gn.Sequential([gn.Input((5, 2)), L.Dense(2)]), np.ones((1, 5, 2)))
