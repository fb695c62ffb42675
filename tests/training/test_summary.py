"""summary(): layers, shapes, formulas, and parameters by kind."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.layers.base import clear_session
from glassnet.models.summary import formula_of, summary_text


class Affine(gn.layers.Layer):
    formula = "y = x W, a formula that is far too long for any line of eighty characters to hold it"

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], 5), name="kernel")

    def call(self, inputs: Any) -> Any:
        return gn.ops.matmul(inputs, self.kernel.value)


class Unknown(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


def cells(model: Any) -> dict[str, list[str]]:
    """The table by layer name, and below them the lines of the totals."""
    _, _, header, *lines = summary_text(model).splitlines()
    assert header.split() == ["layer", "type", "output", "parameters", "formula"]
    return {parts[0]: parts[1:] for parts in (re.split(r" {2,}", line.strip()) for line in lines)}


def test_tb1_thirteen_thousand_and_two_parameters_split_into_weights_and_biases() -> None:
    layers = [gn.layers.Dense(units, "sigmoid", name=f"d{units}") for units in (16, 10)]
    model = gn.Sequential([gn.Input((784,)), gn.layers.Dense(16, "sigmoid", name="d"), *layers], name="net")
    text = summary_text(model)
    assert text.splitlines()[0] == "Sequential net: input (None, 784), output (None, 10)"
    assert text.endswith("\n13,002 parameters: 12,960 weights + 42 biases")
    table = cells(model)
    assert [table[name][:3] for name in ("d", "d16", "d10")] == [
        ["Dense", "(None, 16)", "12,560"], ["Dense", "(None, 16)", "272"], ["Dense", "(None, 10)", "170"],
    ]  # fmt: skip


def test_frozen_layers_and_statistics_are_counted_apart() -> None:
    frozen = gn.layers.Dense(3, name="a")
    model = gn.Sequential(
        [gn.Input((2,)), frozen, gn.layers.BatchNormalization(name="b"), gn.layers.Dense(1, name="c")]
    )
    frozen.trainable = False
    text = summary_text(model)
    # kernels 6 + 3, gamma 3; biases 3 + 1, beta 3 counted as a weight of the normalization; mean and variance 3 + 3
    assert text.endswith("25 parameters: 15 weights + 4 biases + 6 statistics\n10 trained, 9 frozen")
    assert [line for line in text.splitlines() if "[frozen]" in line] == [text.splitlines()[3]]


def test_a_brick_that_updates_itself_is_marked() -> None:
    clear_session()  # so that it is called `scale`, whatever was made before

    class Scale:
        factor = 2.0

        def forward(self, x: Any) -> Any:
            return x * self.factor

        def backward(self, output_gradient: Any, learning_rate: float) -> Any:
            return output_gradient * self.factor

    text = summary_text(gn.Sequential([gn.Input((2,)), Scale()]))
    assert re.search(r"scale  Scale  \(None, 2\) +0  .*\[updates itself\]\n", text)
    assert text.endswith("0 parameters\nnot counted: what scale updates by itself")


def test_nested_models_are_indented_and_shared_layers_counted_once() -> None:
    block = gn.Sequential([gn.layers.Dense(4, name="inner")], name="block")
    x = gn.Input((4,), name="x")
    first = block(x)
    model = gn.Model(x, [block(first), first + x], name="twice")
    lines = summary_text(model).splitlines()
    assert lines[0] == "Model twice: input (None, 4), output (None, 4), (None, 4)"
    rows = [line.split("  ") for line in lines[3:-2]]
    names = [next(part for part in row if part) for row in rows]
    assert names[:3] == ["x", "block", "inner"]
    assert lines[5].startswith("  inner ")
    assert lines[-1] == "20 parameters: 16 weights + 4 biases"


def test_layers_without_weights_yet_say_so() -> None:
    model = gn.Sequential([gn.layers.Dense(3, name="a")])
    assert cells(model)["a"][:3] == ["Dense", "not built", "?"]
    assert "not built: weights come with the first call" in summary_text(model)
    model(np.ones((2, 4)))
    assert cells(model)["a"][:3] == ["Dense", "(None, 3)", "15"]


def test_a_subclass_tells_the_shapes_of_its_layers_once_it_has_run() -> None:
    class Two(gn.Model):
        def __init__(self) -> None:
            super().__init__(name="two")
            self.a, self.b = gn.layers.Dense(3, name="a"), gn.layers.Dense(2, name="b")

        def call(self, inputs: Any) -> Any:
            return self.b(self.a(inputs))

    class NeedsNumbers(Two):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs * float(gn.ops.sum(inputs)))

    for kind, shape in ((Two, "(None, 3)"), (NeedsNumbers, "?")):
        model = kind()
        assert cells(model)["a"][1] == "not built"
        model(np.ones((2, 5)))
        assert cells(model)["a"][:3] == ["Dense", shape, "18"]


def test_every_line_fits_and_the_mark_survives_where_the_formula_is_cut() -> None:
    long = Affine(name="a_layer_with_quite_a_long_name_indeed", trainable=False)
    model = gn.Sequential([gn.Input((1000,)), long])
    for width in (80, 72):
        lines = summary_text(model, width).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[3].endswith(".. [frozen]")
        assert "y = x W, a" in lines[3]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (gn.layers.Dense(3, "relu"), "y = relu(x W + b)"),
        (gn.layers.Dense(3, use_bias=False), "y = x W"),
        (gn.layers.Dense(3, lambda x: x), "y = f(x W + b)"),
        (gn.layers.Dense(3, gn.layers.ReLU()), "y = re_lu(x W + b)"),
        (gn.layers.Activation("tanh"), "y = tanh(x)"),
        (Unknown(), "y = unknown(x)"),
    ],
)
def test_the_formula_names_the_activation_and_leaves_out_an_absent_bias(layer: Any, expected: str) -> None:
    assert formula_of(layer) == expected


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "y = √γ₁ · x² ∘ é"), ("cp1252", "y = sqrtgamma1 · x² ? é"), ("ascii", "y = sqrtgamma1 * x^2 ? e?")],
)
def test_a_code_page_gets_greek_letters_by_name(encoding: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = gn.layers.Identity(name="a")
    layer.formula = "y = √γ₁ · x² ∘ é"
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert summary_text(gn.Sequential([gn.Input((1,)), layer])).splitlines()[3].endswith(expected)
