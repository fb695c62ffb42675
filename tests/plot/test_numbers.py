"""The numbers behind curves, networks, activations, gradients, landscapes, races and graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection

import glassnet as gn
from glassnet import plot
from glassnet.errors import ArgumentError, GradientError, GraphError, ShapeError
from glassnet.lab.micrograd import expression
from glassnet.plot.graph import computation, lay_out
from glassnet.plot.landscape import loss_slice, random_axes
from glassnet.plot.layers import layer_outputs, weight_gradients
from glassnet.plot.race import SURFACES, race


class Own(gn.Model):
    """A model that does not say how its layers are joined."""

    def call(self, inputs: Any) -> Any:
        return inputs


# ------------------------------------------------------------ curves
def test_curves_show_every_metric_and_ring_the_best_epoch() -> None:
    logs = {"loss": [0.9, 0.4, 0.5], "val_loss": [0.8, 0.7, 0.6], "accuracy": [0.1, 0.9, 0.8], "lr": [1.0, 1.0, 0.1]}
    loss, accuracy, rate = plot.curves(logs).axes[1:]
    assert [ax.get_ylabel() for ax in (loss, accuracy, rate)] == ["loss", "accuracy", "lr"]
    train, best, validation, _ = loss.get_lines()
    np.testing.assert_allclose(train.get_xydata(), [[1, 0.9], [2, 0.4], [3, 0.5]])
    np.testing.assert_allclose(validation.get_ydata(), [0.8, 0.7, 0.6])
    assert best.get_xydata().tolist() == [[2, 0.4]]
    assert accuracy.get_lines()[1].get_xydata().tolist() == [[2, 0.9]]


def test_validation_every_second_epoch_stands_at_its_epochs() -> None:
    ax = plot.curves({"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [3.5, 1.5]}).axes[1]
    assert ax.get_lines()[2].get_xdata().tolist() == [2, 4]


def test_curves_without_an_epoch_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"nothing to draw\n.*\n.*no epochs\n.*plot\.curves\(model\.fit"):
        plot.curves({})
    with pytest.raises(ArgumentError, match=r"nothing to draw\n.*\n.*list"):
        plot.curves([0.5])


# ------------------------------------------------------------ network
def test_edges_are_as_wide_as_the_root_of_their_weight_and_dashed_below_zero(xor: Any) -> None:
    ax = plot.network(xor.model).axes[0]
    edges = [c for c in ax.collections if isinstance(c, LineCollection)]
    kernels = [layer.kernel.numpy() for layer in xor.model.layers]
    strongest = max(np.abs(kernel).max() for kernel in kernels)
    drawn = {(round(float(c.get_linewidth()[0]), 4), c.get_linestyle()[0][1] is not None) for c in edges}
    weights = np.concatenate([kernel.ravel() for kernel in kernels])
    assert drawn == {(round(0.35 + 3.65 * float(np.sqrt(abs(w) / strongest)), 4), w < 0) for w in weights}
    texts = [text.get_text() for text in ax.texts]
    assert {f"b {b:.3g}" for layer in xor.model.layers for b in layer.bias.numpy()} <= set(texts)


def test_a_long_layer_shows_its_ends_and_an_ellipsis(mlp: Any) -> None:
    texts = [text.get_text() for text in plot.network(mlp.model, max_units=5).axes[0].texts]
    assert [text for text in texts if text.startswith("x")] == ["x0", "x1", "x62", "x63"]
    assert texts.count("⋮") == 3
    assert {"input\n64", "dense · relu\n12", "dense_1 · softmax\n10"} <= set(texts)


def test_networks_that_cannot_be_drawn_are_refused(mlp: Any) -> None:
    with pytest.raises(GraphError, match=r"has no weights to draw\n.*\n.*begin with an Input"):
        plot.network(gn.Sequential([gn.layers.Dense(2)]))
    with pytest.raises(GraphError, match=r"plot\.network draws Dense layers"):
        plot.network(gn.Sequential([gn.Input((2,)), gn.layers.Activation("relu")]))
    with pytest.raises(ArgumentError, match=r"max_units must be at least 3"):
        plot.network(mlp.model, max_units=2)
    x = gn.Input((2,))
    branches = gn.Model(x, gn.layers.concatenate([gn.layers.Dense(3)(x), gn.layers.Dense(4)(x)]))
    with pytest.raises(GraphError, match=r"one chain of Dense layers.*\n.*3 inputs\n.*2 inputs"):
        plot.network(branches)


# ------------------------------------------------------------ activations and gradients
def test_layer_outputs_are_those_of_each_layer_also_in_a_functional_model() -> None:
    x = gn.Input((3,))
    hidden = gn.layers.Dense(4, "tanh", name="hidden")(x)
    model = gn.Model(x, gn.layers.Dense(2, name="out")(gn.layers.Dropout(0.5, name="drop")(hidden)))
    data = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    found = layer_outputs(model, data)
    (w, b), (v, c) = model.get_layer("hidden").get_weights(), model.get_layer("out").get_weights()
    np.testing.assert_allclose(found["hidden"], np.tanh(data @ w + b), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["drop"], found["hidden"])
    np.testing.assert_allclose(found["out"], np.tanh(data @ w + b) @ v + c, rtol=1e-4, atol=1e-6)


def test_activation_panels_hold_the_outputs_and_probabilities_a_scale_from_0_to_1(mlp: Any) -> None:
    figure = plot.activations(mlp.model, mlp.x[:6])
    panels = [ax for ax in figure.axes if ax.images]
    np.testing.assert_array_equal(panels[2].images[0].get_array(), mlp.model.predict(mlp.x[:6]))
    assert panels[2].images[0].get_clim() == (0, 1)
    low, high = panels[1].images[0].get_clim()
    assert low == -high


def test_gradients_are_the_slopes_of_the_loss_and_nothing_is_left_behind(xor: Any) -> None:
    before = xor.model.get_weights()
    loss, found = weight_gradients(xor.model, xor.x, xor.y)
    assert loss == pytest.approx(xor.model.evaluate(xor.x, xor.y, verbose=0)[0], rel=1e-5)
    said = xor.model.predict(xor.x)
    hidden = np.tanh(xor.x @ before[0] + before[1])
    np.testing.assert_allclose(found["dense_1/kernel"], hidden.T @ (said - xor.y) / 4, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found["dense_1/bias"], (said - xor.y).mean(axis=0), rtol=1e-3, atol=1e-7)
    assert list(found) == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    assert all(variable.grad is None or not np.any(variable.grad) for variable in xor.model.variables)
    widths = [bar.get_width() for bar in plot.gradients(xor.model, xor.x, xor.y).axes[1].patches]
    np.testing.assert_allclose(widths, [np.linalg.norm(gradient) for gradient in found.values()])


def test_what_has_no_activations_or_gradients_is_refused(mlp: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"holds the samples to show\n.*1 to 24 samples.*\n.*\(700, 64\)\n.*x\[:8\]"
    ):
        plot.activations(mlp.model, mlp.x)
    with pytest.raises(ArgumentError, match=r"add a batch axis: x\[None\]"):
        plot.activations(mlp.model, mlp.x[0])
    with pytest.raises(GraphError, match=r"does not say how its layers are joined\n.*\n.*a Own with its own call"):
        plot.activations(Own(), np.ones((1, 2)))
    with pytest.raises(GraphError, match=r"has no loss yet\n.*\n.*model\.compile"):
        plot.gradients(gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)]), np.ones((1, 2)), np.ones((1, 1)))


# ------------------------------------------------------------ landscape
@pytest.mark.parametrize("path", [False, True])
def test_the_middle_is_the_model_and_other_cells_are_direct_evaluations(xor: Any, path: bool) -> None:
    before = xor.model.get_weights()
    found = loss_slice(xor.model, xor.x, xor.y, path=xor.path if path else None, n=9)
    for old, new in zip(before, xor.model.get_weights()):
        np.testing.assert_array_equal(old, new)
    assert found.losses[4, 4] == pytest.approx(xor.model.evaluate(xor.x, xor.y, verbose=0)[0], rel=1e-5)
    assert (found.steps[0][4], found.steps[1][4]) == (0, 0)
    if path:
        np.testing.assert_allclose(found.path[-1], 0, atol=1e-6)
        assert 0.9 < found.share <= 1


def test_the_path_lies_on_the_map_at_the_losses_that_it_had(xor: Any) -> None:
    """A path in a plane is shown without loss: the map at its recorded points is the loss of those weights."""
    end = [w.astype(np.float64) for w in xor.path[-1]]
    rng = np.random.default_rng(0)
    sides = [[rng.standard_normal(w.shape) for w in end] for _ in range(2)]
    mixes = [(1.0, 0.0), (0.6, 0.5), (0.2, 0.7), (0.0, 0.0)]
    path = [[w + a * p + b * q for w, p, q in zip(end, *sides)] for a, b in mixes]
    xor.model.set_weights(xor.path[-1])
    found = loss_slice(xor.model, xor.x, xor.y, path=path, n=3)
    assert found.share == pytest.approx(1)
    flat = [np.concatenate([(w - e).ravel() for w, e in zip(weights, end)]) for weights in path]
    np.testing.assert_allclose(np.linalg.norm(found.path, axis=1), np.linalg.norm(flat, axis=1), atol=1e-5)


def test_random_directions_are_scaled_unit_by_unit_and_repeat_with_their_seed(xor: Any) -> None:
    first, _ = random_axes(xor.model, seed=3)
    kernel = first[:4].reshape(2, 2)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), np.linalg.norm(xor.kernel, axis=0), rtol=1e-5)
    one, two, other = (loss_slice(xor.model, xor.x, xor.y, n=3, seed=seed).losses for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_the_title_says_that_it_is_a_slice(xor: Any) -> None:
    ax = plot.landscape(xor.model, xor.x, xor.y).axes[0]
    assert ax.get_title(loc="left") == "Slice of the loss, 1\u2009681 evaluations"
    assert ax.texts[0].get_text().startswith("training never sees this map: it is 2 of 9 dimensions")


def test_wrong_landscapes_are_refused(xor: Any) -> None:
    with pytest.raises(ArgumentError, match=r"n must be odd"):
        plot.landscape(xor.model, xor.x, xor.y, n=4)
    with pytest.raises(ArgumentError, match=r"directions\n.*at least 3 recorded weights\n.*'path' with 0 recorded"):
        plot.landscape(xor.model, xor.x, xor.y, directions="path")
    with pytest.raises(ArgumentError, match=r"a straight line or a point"):
        plot.landscape(xor.model, xor.x, xor.y, path=[xor.model.get_weights()] * 3)
    with pytest.raises(ShapeError, match=r"path does not hold weights of this model\n.*9 numbers per step\n.*\[2\]"):
        plot.landscape(xor.model, xor.x, xor.y, path=[[np.ones(2)]] * 3)
    with pytest.raises(GraphError, match=r"has no loss yet"):
        plot.landscape(gn.Sequential([gn.layers.Dense(1)]), xor.x, xor.y)


# ------------------------------------------------------------ race
def test_the_optimizers_of_a_race_are_the_real_ones() -> None:
    found = race({"plain": gn.optimizers.SGD(0.1), "adam": "adam"}, "valley", start=(2.0, 1.0), steps=2)
    u, v = 2.0, 1.0
    for k in (1, 2):
        u, v = u - 0.1 * u / 10, v - 0.1 * 2 * v  # slopes of u²/20 + v²
        np.testing.assert_allclose(found["plain"][k], [u, v], rtol=1e-6)
    np.testing.assert_allclose(found["adam"][1], [2 - 0.001, 1 - 0.001], atol=1e-6)  # Adam's first step is the rate


def test_a_race_leaves_the_given_optimizer_as_it_was_and_shows_divergence() -> None:
    optimizer = gn.optimizers.SGD(10.0)
    ax = plot.optimizer_race({"too fast": optimizer}, "rosenbrock", steps=50).axes[0]
    assert not optimizer.built
    assert ax.get_legend().get_texts()[0].get_text() == "too fast\ndiverged"


@pytest.mark.parametrize("name", SURFACES)
def test_the_minima_of_a_surface_are_minima(name: str) -> None:
    surface = SURFACES[name]
    for u, v in surface.minima:
        around = [surface.height(u + 1e-3 * np.cos(t), v + 1e-3 * np.sin(t)) for t in np.linspace(0, 6, 9)]
        assert surface.height(u, v) < min(around)


def test_wrong_races_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no such surface\n.*rosenbrock, .*\n.*'vally'\n.*did you mean 'valley'"):
        plot.optimizer_race(surface="vally")
    with pytest.raises(ArgumentError, match=r"steps must be at least 1"):
        plot.optimizer_race(steps=0)
    with pytest.raises(ArgumentError, match=r"start\n.*two numbers"):
        plot.optimizer_race(start=(1.0, 2.0, 3.0))


# ------------------------------------------------------------ graph
def test_microgradients_expression_has_its_published_value_and_slopes() -> None:
    nodes = computation(expression, -4.0, 2.0)
    leaves = {node.label: node for node in nodes if not node.parents}
    assert round(nodes[0].value, 4) == 24.7041
    assert (round(leaves["a"].gradient, 4), round(leaves["b"].gradient, 4)) == (138.8338, 645.5773)


def test_every_number_in_between_has_its_value_its_slope_and_its_constants() -> None:
    nodes = {node.label: node for node in computation(lambda a, b: gn.ops.relu(2 * a + b) / b, 3.0, 4.0)}
    assert {label: (node.value, node.gradient) for label, node in nodes.items()} == {
        "÷": (2.5, 1.0), "relu": (10.0, 0.25), "+": (10.0, 0.25), "2 × ·": (6.0, 0.25), "a": (3.0, 0.5),
        "b": (4.0, 0.25 - 10 / 16),
    }  # fmt: skip


def test_boxes_of_a_graph_do_not_touch_and_stand_behind_their_parents() -> None:
    nodes = computation(expression, -4.0, 2.0)
    lay_out(nodes)
    for k, one in enumerate(nodes):
        assert all(parent.layer < one.layer for parent in one.parents)
        assert all(one.layer != other.layer or abs(one.height - other.height) > 0.99 for other in nodes[:k])


def test_expressions_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"must compute one number\n.*float"):
        plot.graph(lambda a: 2.0, 1.0)
    with pytest.raises(ArgumentError, match=r"must compute one number\n.*\(2,\)"):
        plot.graph(lambda a: gn.ops.stack([a, a]), 1.0)
    with pytest.raises(ArgumentError, match=r"draws single numbers\n.*sum of \[\(2,\)\]"):
        plot.graph(lambda a: gn.ops.stack([a, a]).sum(), 1.0)
    with pytest.raises(GradientError, match=r"does not depend on the numbers"):
        plot.graph(lambda a: gn.Tensor(1.0) + 1.0, 1.0)
    with pytest.raises(ArgumentError, match=r"too large for one picture\n.*at most 60 numbers\n.*82"):
        plot.graph(lambda a: sum((a * k for k in range(40)), start=a * 0.5), 1.0)
