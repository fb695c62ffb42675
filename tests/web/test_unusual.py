"""Networks that are no plain chain of known layers: what the page says of operations without a rule, of a step of the
model's own, and of pushes over several paths and through curves. Oracles are `predict` and differences of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from web.viewkit import DONE, go

import glassnet as gn
from glassnet.autograd.op import Op
from glassnet.explain import explain

Opened = Callable[..., Any]
XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR_Y = np.array([[0], [1], [1], [0]], "float32")


def test_a_recorded_infinity_agrees_only_with_itself(kit: Any) -> None:
    agrees = """async ([recorded, found, dtype]) => (await import("/selfcheck.js")).agrees(
      { data: [recorded], dtype }, 0, found, 0)"""
    for recorded in (np.inf, -np.inf, np.nan):
        for dtype in ("float32", "float64"):
            assert not kit.evaluate(agrees, [recorded, 5, dtype])
            assert kit.evaluate(agrees, [recorded, recorded, dtype])
    assert kit.evaluate(agrees, [np.inf, 1e39, "float32"])  # beyond the largest float32
    assert not kit.evaluate(agrees, [np.inf, 1e39, "float64"])


class Riddle(Op):
    saves = ("x",)

    def shapes(self, x: Any) -> Any:
        return x.shape

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sort(x)[..., ::-1].copy()

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        return g


class Riddled(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        from glassnet.autograd.op import apply

        return apply(Riddle(), inputs)


def test_an_operation_without_a_rule_gets_a_generic_card(ready: Opened) -> None:
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3), Riddled(name="riddle"), gn.layers.Dense(1)], name="odd")
    tab = ready(explain(model, XOR_X, XOR_Y, loss="mse", optimizer="sgd").html)
    go(tab, step=1)
    assert "as recorded" in tab.inner_text("[data-testid=card-numbers]")
    assert "No formula is known" in tab.inner_text("[data-testid=card-formula]")
    assert "def forward" in tab.inner_text("[data-testid=card-code]")
    assert tab.inner_text(DONE).startswith("✓")
    assert tab.get_attribute(DONE, "title").endswith(
        "all agree. 1 operation has no rule, or too few numbers in this page, and was not checked."
    )


@pytest.mark.parametrize("name", ["constructor", "toString"])
def test_an_operation_may_have_any_name(ready: Opened, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(Riddle, "name", name)
    model = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3), Riddled(name="riddle"), gn.layers.Dense(1)], name="odd")
    tab = ready(explain(model, XOR_X, XOR_Y, loss="mse", optimizer="sgd").html)
    go(tab, step=1)
    signs = tab.locator(".explain-stage .stage-sign").all_inner_texts()
    assert signs == [f"{name} →"]


def test_a_model_with_a_step_of_its_own_is_told_that_the_standard_one_is_shown(ready: Opened) -> None:
    class Own(gn.Sequential):
        def train_step(self, *args: Any) -> Any:
            return super().train_step(*args)

    for kind, count in ((gn.Sequential, 0), (Own, 1)):
        model = kind([gn.Input((2,)), gn.layers.Dense(1)])
        tab = ready(explain(model, XOR_X, XOR_Y, loss="mse", optimizer="sgd").html)
        assert tab.get_by_text("This model has its own train_step").count() == count


class Square(gn.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * inputs


def pushed(kind: str) -> tuple[Any, Any]:
    """A network in which scores are more than a chain of ReLU layers, and its input."""
    gn.utils.set_random_seed(1)
    inputs = gn.Input((20,))
    hidden = gn.layers.Dense(20, "relu" if kind == "square" else kind.partition("+")[0], name="a")(inputs)
    if kind == "square":
        hidden = Square(name="square")(hidden)
    if kind.endswith("+"):
        hidden = gn.layers.Add(name="add")([hidden, gn.layers.Dense(20, "relu", name="b")(hidden)])
    model = gn.Model(inputs, gn.layers.Dense(10, name="c")(hidden))
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.3, weight.shape).astype("float32") for weight in model.get_weights()])
    return model, rng.normal(size=(1, 20)).astype("float32")


BENDS = {"relu": set(), "tanh": {"tanh"}, "relu+": set(), "tanh+": {"tanh"}, "square": {"multiply"}}


@pytest.mark.parametrize("kind", BENDS)
def test_pushes_are_the_slopes_over_all_paths_and_with_biases_and_bends_add_up_to_the_score(modules, kind):
    model, x = pushed(kind)
    made = explain(model, x, np.array([3]), gn.losses.SparseCategoricalCrossentropy(from_logits=True), "sgd")
    found = modules(made).evaluate("""async () => {
      const { pushesOf, pushOf } = await import("/pushes.js");
      const { trace } = window.__glass;
      const { slopes, bends } = pushesOf(trace, 0);
      const leaves = [...slopes].filter(([tensor]) => !trace.opWriting(tensor));
      return { slopes: [...slopes.get(trace.tensor("x"))], bends: [...bends], leaves: leaves.map((leaf) => pushOf(...leaf)) };
    }""")

    def score(inputs: Any) -> Any:
        return model.predict(inputs, verbose=0)[:, 3].astype(float)

    step = 1e-2 * np.eye(20, dtype="float32")
    assert found["slopes"] == pytest.approx(list((score(x + step) - score(x - step)) / 2e-2), rel=2e-3, abs=2e-3)
    assert {name for name, _ in found["bends"]} == BENDS[kind]
    assert sum(found["leaves"]) + sum(value for _, value in found["bends"]) == pytest.approx(score(x)[0], rel=1e-4)
