"""Arrays cross into the page without losing a bit, rules without losing a part."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from glassnet.web.payload import encode_array, encode_change, rule_to_json

DECODE = """async (payloads) => {
  const { decode } = await import("/payload.js");
  return Promise.all(payloads.map(async (payload) => {
    const data = await decode(payload);
    return { type: data.constructor.name, bytes: [...new Uint8Array(data.buffer)], numbers: [...data].map(Number) };
  }));
}"""
DTYPES = ["float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32", "bool"]


def decoded(kit: Any, *arrays: Any) -> list[dict[str, Any]]:
    return kit.evaluate(DECODE, [{"buffer": encode_array(a), "dtype": a.dtype.name} for a in arrays])


@pytest.mark.parametrize("shape", [(3, 5), (0, 4), (), (1,)])
def test_every_dtype_arrives_bit_for_bit(kit, shape):
    rng = np.random.default_rng(0)
    arrays = [np.asarray(rng.normal(scale=50, size=shape)).astype(dtype) for dtype in DTYPES]
    for array, got in zip(arrays, decoded(kit, *arrays), strict=True):
        kind = "uint8" if array.dtype == bool else array.dtype.name
        assert got["type"].lower() == f"{kind}array"
        assert bytes(got["bytes"]) == array.tobytes()


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_wide_integers_are_exact_up_to_53_bits(kit, dtype):
    numbers = np.array([0, 9, 2**53 - 1], dtype)
    assert decoded(kit, numbers)[0]["numbers"] == numbers.tolist()


def test_special_numbers_strides_and_byte_order_do_not_matter(kit):
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
    table = np.arange(12.0).reshape(3, 4)
    found = decoded(kit, special, table[:, ::2].T, table.astype(">f8"))
    expected = [special, np.ascontiguousarray(table[:, ::2].T), table]
    assert [bytes(got["bytes"]) for got in found] == [array.tobytes() for array in expected]


ADD = """async ({ before, change, factor, added, power }) => {
  const { addChange, decode } = await import("/payload.js");
  const old = await decode({ buffer: before, dtype: "float32" });
  const difference = await decode({ buffer: change, dtype: "uint32" });
  const news = added && (await decode({ buffer: added, dtype: "float32" }));
  return [...new Uint8Array(addChange(old, difference, factor, news, power).buffer)];
}"""


@pytest.mark.parametrize("special", [[], [-0.0, 1e-45, 3e-39, 3.4e38], [np.nan, np.inf]])
def test_what_is_stored_as_a_change_arrives_bit_for_bit(kit, special):
    rng = np.random.default_rng(0)
    before = np.concatenate([rng.normal(size=1000) * 10.0 ** rng.integers(-44, 38, 1000), special]).astype("float32")
    after = before * np.float32(0.9)
    after[::3] += np.float32(0.1)
    factor, power, change = encode_change(before, after, [0.999, 0.9])
    assert (factor, power) == (0.9 if np.isfinite(special).all() else 1, 0)
    got = kit.evaluate(ADD, {"before": encode_array(before), "change": change, "factor": factor})
    assert bytes(got) == after.tobytes()


@pytest.mark.parametrize("power", [1, 2])
def test_a_running_mean_is_stored_by_what_it_took_in_and_arrives_bit_for_bit(kit, power):
    rng = np.random.default_rng(1)
    before, new = (
        rng.normal(size=2000).astype("float32") * np.float32(10.0) ** rng.integers(-12, 9, 2000) for _ in "ab"
    )
    before, new = before.astype("float32"), new.astype("float32")
    after = before * np.float32(0.999) + new**power * np.float32(1 - 0.999)
    after[:3] = [np.nan, -0.0, 7.0]  # whatever really was recorded
    factor, found, change = encode_change(before, after, [0.9, 0.999], new)
    assert (factor, found) == (0.999, power)
    assert len(change) < 200
    texts = {"before": encode_array(before), "change": change, "added": encode_array(new)}
    assert bytes(kit.evaluate(ADD, {**texts, "factor": factor, "power": found})) == after.tobytes()


def test_an_unknown_dtype_is_named(kit):
    with pytest.raises(Exception, match="payload: cannot read dtype complex64"):
        kit.evaluate(DECODE, [{"buffer": "", "dtype": "complex64"}])


def test_shuffled_bytes_are_smaller():
    weights = np.random.default_rng(0).normal(scale=0.05, size=(784, 128)).astype("float32")
    assert len(encode_array(weights)) < 0.88 * weights.nbytes * 4 / 3


def test_every_kind_of_expression_is_written():
    rule = "y[...,o] = -max_ij [x[...,i+1] > 0]*exp(x[t[o],2]) ** c; z = y"
    assert json.loads(json.dumps(rule_to_json(rule))) == [
        {
            "target": "y",
            "indices": [["dots"], ["name", "o"]],
            "body": ["negative", ["reduce", "max", "ij", ["binary", "*",
                ["guard", ["binary", ">", ["read", "x", [["dots"], ["binary", "+", ["name", "i"], ["number", 1.0]]]],
                           ["number", 0.0]]],
                ["binary", "**", ["call", "exp", [["read", "x", [["read", "t", [["name", "o"]]], ["number", 2.0]]]]],
                 ["name", "c"]]], []]],
        },
        {"target": "z", "indices": [["dots"]], "body": ["name", "y"]},
    ]  # fmt: skip
