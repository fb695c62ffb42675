"""Attention and rows of a table: contract table, naive loops, masks, Jacobian of a softmax row, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import DataError, DTypeError, ShapeError
from glassnet.ops.attention import Attention, Lookup

from helpers.contract import Case, close, contract_test

RNG = np.random.default_rng(0)
NO_MASK, NO_BITS = np.ones((1, 1, 1, 1), bool), np.full((1, 1, 1, 1), 0.5)
MASK = RNG.random((2, 1, 3, 5)) < 0.6
MASK[..., 0] = True
BITS = RNG.choice([0.1, 0.8], (2, 2, 3, 5))
QKV = (2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 6)


def loops(op: Attention) -> Any:
    """Attention cell by cell, as the formula reads."""

    def attend(q: Any, k: Any, v: Any, m: Any, u: Any) -> Any:
        (n, t, h, _), s, e = q.shape, k.shape[1], v.shape[3]
        m, u = np.broadcast_to(m, (n, h, t, s)), np.broadcast_to(u, (n, h, t, s))
        y, p = np.zeros((n, t, h, e)), np.zeros((n, h, t, s))
        for i, j, head in np.ndindex(n, t, h):
            served = head * k.shape[2] // h
            seen = [r for r in range(s) if m[i, head, j, r] and (not op.causal or r <= j)]
            scores = np.array([op.scale * np.dot(q[i, j, head], k[i, r, served]) for r in seen])
            if not seen:
                seen, scores = list(range(s)), np.zeros(s)
            for r, weight in zip(seen, np.exp(scores) / np.exp(scores).sum(), strict=True):
                p[i, head, j, r] = weight
                if u[i, head, j, r] >= op.rate:
                    y[i, j, head] += weight / (1 - op.rate) * v[i, r, served]
        return y, p

    return attend


def row(op: Attention, *inputs: Any, **settings: Any) -> Case:
    return Case(op, *inputs, oracle=loops(op), **settings)


test_contract = contract_test(
    [
        row(Attention(0.5, masked=False), *QKV, NO_MASK, NO_BITS),
        row(Attention(0.5, causal=True, masked=False), (2, 4, 1, 3), (2, 4, 1, 3), (2, 4, 1, 3), NO_MASK, NO_BITS),
        row(Attention(0.5), *QKV, MASK, NO_BITS),
        row(Attention(0.5, causal=True), *QKV, MASK, NO_BITS),
        row(Attention(1.0, rate=0.25), *QKV, MASK, BITS),
        row(Attention(1.0, masked=False), (2, 3, 4, 2), (2, 5, 2, 2), (2, 5, 2, 3), NO_MASK, NO_BITS, label="grouped"),
        row(Attention(1.0), (1, 2, 3, 2), (1, 1, 1, 2), (1, 1, 1, 1), np.ones((1, 3, 2, 1), bool), NO_BITS),
        row(Attention(1.0), *QKV, MASK & (np.arange(3) != 1)[:, None], NO_BITS, label="a row of nothing"),
        row(
            Attention(1.0, masked=False), *QKV, NO_MASK, NO_BITS, label="no queries",
            empty=[(2, 0, 2, 4), (2, 5, 2, 4), (2, 5, 2, 6), NO_MASK, NO_BITS],
        ),
        Case(Lookup(), (4, 3), np.array([[3, 0], [3, 3]]), empty=[(4, 3), np.zeros((0, 2), int)]),
        Case(Lookup(), (1, 2), np.array(0), label="a single id"),
    ]
)  # fmt: skip


def test_a_softmax_row_has_the_jacobian_of_the_textbook() -> None:
    z = np.array([0.3, -1.0, 0.7])
    p = np.exp(z) / np.exp(z).sum()
    one, keys = np.ones((1, 1, 1, 1)), gn.Tensor(z.reshape(1, 3, 1, 1), requires_grad=True)
    jacobian = []
    for cell in range(3):
        _, weights = ops.attention_and_weights(one, keys, np.zeros((1, 3, 1, 1)), scale=1.0)
        keys.zero_grad()
        weights[0, 0, 0, cell].backward()
        jacobian.append(keys.grad.numpy().reshape(-1))
    np.testing.assert_allclose(jacobian, np.diag(p) - np.outer(p, p), rtol=0, atol=1e-15)


def test_a_query_that_may_look_nowhere_gets_the_mean_of_the_values_and_no_gradient_of_its_own() -> None:
    q, k, v = (gn.Tensor(RNG.normal(size=(1, 2, 1, 3)).astype("float32"), requires_grad=True) for _ in range(3))
    mask = np.array([[[[True, True], [False, False]]]])
    y = ops.dot_product_attention(q, k, v, mask=mask)
    np.testing.assert_allclose(y.numpy()[0, 1, 0], v.numpy()[0, :, 0].mean(axis=0), rtol=1e-6)
    y[:, 1].sum().backward()
    assert not q.grad.numpy().any()
    assert not k.grad.numpy().any()


@pytest.mark.parametrize("settings", [{"is_causal": True}, {"mask": MASK}, {"mask": MASK, "is_causal": True}, {}])
def test_bias_and_soft_cap_go_through_the_same_mathematics(settings: dict[str, Any]) -> None:
    q, k, v = (RNG.normal(size=shape) for shape in ((2, 3, 4, 4), (2, 5, 2, 4), (2, 5, 2, 6)))
    plain = ops.dot_product_attention(q, k, v, **settings)
    close(ops.dot_product_attention(q, k, v, bias=np.zeros((1, 1, 1, 1)), **settings), plain, "a bias of 0")
    close(ops.dot_product_attention(q, k, v, attn_logits_soft_cap=1e5, **settings), plain, "a cap out of reach", 1e-7)
    forbidden = np.array([0.0, -1e9, 0.0, 0.0, -1e9])
    masked = ops.dot_product_attention(q, k, v, mask=forbidden == 0)
    close(ops.dot_product_attention(q, k, v, bias=forbidden), masked, "a bias as a mask")


def test_extreme_scores_stay_finite() -> None:
    x = gn.Tensor(np.array([1e4, -1e4, 0.0], "float32").reshape(1, 3, 1, 1), requires_grad=True)
    y = ops.dot_product_attention(x, x, x, scale=1.0)
    y.sum().backward()
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize(
    ("shapes", "mask", "text"),
    [
        (((1, 2, 3), (1, 2, 3), (1, 2, 3)), None, "attention: query, key and value need 4 axes"),
        (((1, 2, 1, 3), (1, 2, 1, 4), (1, 2, 1, 4)), None, "query and key need the same number of features"),
        (((1, 2, 1, 3), (1, 2, 1, 3), (1, 3, 1, 3)), None, "each key needs one value"),
        (((1, 2, 3, 3), (1, 2, 2, 3), (1, 2, 2, 3)), None, "must be a multiple of those of the key"),
        (((1, 2, 1, 3),) * 3, np.ones((1, 1, 2, 3), bool), r"the mask does not fit\n  expected: .*\(1, 1, 2, 2\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(shapes: Any, mask: Any, text: str) -> None:
    tensors = [gn.Tensor(np.ones(shape)) for shape in shapes]
    with pytest.raises(ShapeError, match=text):
        ops.dot_product_attention(*tensors, mask=mask)


def test_two_float_types_are_refused() -> None:
    x = gn.Tensor(np.ones((1, 2, 1, 3)))
    with pytest.raises(DTypeError, match="one float type"):
        ops.dot_product_attention(x, x, x.astype("float32"))


@pytest.mark.parametrize(("ids", "text"), [([[0, 1], [4, 0]], "4 at position [1, 0]"), ([-1], "-1 at position [0]")])
def test_an_id_out_of_range_is_named_with_its_place_and_the_vocabulary(ids: Any, text: str) -> None:
    with pytest.raises(DataError) as raised:
        ops.embedding_lookup(np.ones((4, 2)), np.array(ids))
    assert text in str(raised.value)
    assert "a vocabulary of 4" in str(raised.value)
