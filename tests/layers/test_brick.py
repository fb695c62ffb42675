"""Hand-written bricks in both forms: the lessons' classes work wherever a layer does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.gradcheck import check_gradients
from glassnet.errors import ArgumentError, GradientError, SavingError, ShapeError
from glassnet.layers import Brick


class RowDense:
    """The form that leaves its gradients: rows are samples."""

    parameters = ("weights", "bias")

    def __init__(self, inputs: int, units: int) -> None:
        rng = np.random.default_rng(3)
        self.weights, self.bias = rng.normal(size=(inputs, units)), rng.normal(size=units)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, output_gradient: Any) -> Any:
        self.gradients = {"weights": self.x.T @ output_gradient, "bias": output_gradient.sum(axis=0)}
        return output_gradient @ self.weights.T


class ColumnDense:
    """The lessons' first form: one sample as a column, and backward updates at once."""

    def __init__(self, inputs: int, units: int) -> None:
        rng = np.random.default_rng(4)
        self.weights, self.bias = rng.normal(size=(units, inputs)), rng.normal(size=(units, 1))

    def forward(self, x: Any) -> Any:
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        gradient = self.weights.T @ output_gradient
        self.weights -= learning_rate * output_gradient @ self.x.T
        self.bias -= learning_rate * output_gradient
        return gradient


class ColumnWithGradients(ColumnDense):
    """Columns, but the gradients are left for an optimizer."""

    parameters = ("weights", "bias")

    def backward(self, output_gradient: Any) -> Any:  # type: ignore[override]  # the other form
        self.gradients = {"weights": output_gradient @ self.x.T, "bias": output_gradient}
        return self.weights.T @ output_gradient


class Tanh:
    def forward(self, x: Any) -> Any:
        self.y = np.tanh(x)
        return self.y

    def backward(self, output_gradient: Any) -> Any:
        return output_gradient * (1 - self.y**2)


X, Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([[0], [1], [1], [0]], "float32")


def test_bricks_train_exactly_like_our_own_layers() -> None:
    bricks = gn.Sequential([RowDense(2, 3), Tanh(), RowDense(3, 1)])
    ours = gn.Sequential([gn.Input((2,)), gn.layers.Dense(3, "tanh"), gn.layers.Dense(1)])
    ours.set_weights(bricks.get_weights())
    for model in (bricks, ours):
        model.compile(gn.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.fit(X, Y, batch_size=2, epochs=5, shuffle=False, verbose=0)
    for a, b in zip(bricks.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_a_trained_brick_holds_its_trained_arrays() -> None:
    brick = RowDense(2, 1)
    model = gn.Sequential([brick])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(X, Y, epochs=1, verbose=0)
    model(X)
    np.testing.assert_array_equal(brick.weights, model.get_weights()[0])


@pytest.mark.parametrize("brick", [RowDense(2, 3), Tanh(), Brick(ColumnWithGradients(2, 3), columns=True)])
def test_the_gradients_of_a_brick_are_checked_inside_a_model(brick: Any) -> None:
    model = gn.Sequential([gn.layers.Dense(2), brick, gn.layers.Dense(2)])
    report = check_gradients(model, np.random.default_rng(0).normal(size=(4, 2)))
    assert len(report.arrays) == 1 + len(model.trainable_variables)


def test_a_column_brick_gets_columns_and_sums_its_gradients_over_the_batch() -> None:
    brick = ColumnWithGradients(2, 3)
    layer = Brick(brick, columns=True)
    y = layer(X)
    assert y.shape == (4, 3)
    np.testing.assert_allclose(y.numpy(), X @ brick.weights.T + brick.bias.T, rtol=1e-5)
    y.sum().backward()
    np.testing.assert_array_equal(layer.trainable_variables[1].grad.numpy(), np.full((3, 1), 4.0))


def test_a_self_updating_brick_moves_by_its_own_rate_when_the_loss_goes_backward() -> None:
    brick = ColumnDense(2, 1)
    model = gn.Sequential([Brick(brick, columns=True, learning_rate=0.25), Tanh()])
    assert model.trainable_variables == []
    before, error = brick.weights.copy(), np.tanh(brick.forward(X[1:2].T)) - Y[1:2]
    ((model(X[1:2]) - Y[1:2]) ** 2).sum().backward()
    slope = 2 * error * (1 - (error + Y[1:2]) ** 2)
    np.testing.assert_allclose(brick.weights, before - 0.25 * slope @ X[1:2], rtol=1e-6)


def test_a_self_updating_brick_takes_the_optimizers_rate_in_fit() -> None:
    fast, slow = ColumnDense(2, 1), ColumnDense(2, 1)
    for brick, rate in ((fast, 0.5), (slow, 0.25)):
        model = gn.Sequential([gn.layers.Dense(2, kernel_initializer="identity"), Brick(brick, columns=True)])
        model.compile(gn.optimizers.SGD(rate), "mse", jit_compile=False)
        model.fit(X[1:2], Y[1:2], batch_size=1, verbose=0)
    start = ColumnDense(2, 1).weights
    np.testing.assert_allclose(fast.weights - start, 2 * (slow.weights - start), rtol=1e-6)
    assert np.abs(slow.weights - start).max() > 0.01


def test_a_network_of_nothing_but_self_updating_bricks_learns_xor() -> None:
    bricks = [
        Brick(ColumnDense(2, 3), columns=True),
        Brick(Tanh(), columns=True),
        Brick(ColumnDense(3, 1), columns=True),
    ]
    model = gn.Sequential(bricks)
    model.compile(gn.optimizers.SGD(0.1), "mse", jit_compile=False)
    model.fit(X, Y, batch_size=1, epochs=150, shuffle=False, verbose=0)
    assert np.abs(model.predict(X) - Y).max() < 0.1


def test_a_frozen_self_updating_brick_stays_as_it_is() -> None:
    brick = ColumnDense(2, 1)
    layer = Brick(brick, columns=True, trainable=False)
    layer(X).sum().backward()
    np.testing.assert_array_equal(brick.weights, ColumnDense(2, 1).weights)


def test_a_brick_that_is_applied_twice_goes_backward_through_each() -> None:
    layer, x = Brick(Tanh()), gn.Tensor(np.array([[0.3, -0.8]]), requires_grad=True, dtype="float32")
    (layer(x) * 3.0 + layer(x * 2.0)).sum().backward()
    t = np.array([[0.3, -0.8]])
    expected = 3 * (1 - np.tanh(t) ** 2) + 2 * (1 - np.tanh(2 * t) ** 2)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-6)


def test_bricks_of_one_class_get_different_names_and_paths_of_their_own() -> None:
    model = gn.Sequential([RowDense(2, 3), Tanh(), RowDense(3, 1), Tanh()])
    assert list(model.named_variables()) == [
        "row_dense/weights", "row_dense/bias", "row_dense_1/weights", "row_dense_1/bias",
    ]  # fmt: skip


def test_bricks_work_in_a_functional_model_with_an_open_batch() -> None:
    x = gn.Input((2,))
    model = gn.Model(x, Brick(RowDense(2, 3))(x))
    assert model.output_shape == (None, 3)
    assert model(X).shape == (4, 3)


def test_weights_of_bricks_are_saved_but_not_their_code(tmp_path: Any) -> None:
    model, other = gn.Sequential([RowDense(2, 3)]), gn.Sequential([RowDense(2, 3)])
    model.set_weights([np.ones((2, 3)), np.ones(3)])
    model(X)
    other(X)
    model.save_weights(tmp_path / "w.glassnet")
    other.load_weights(tmp_path / "w.glassnet")
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())
    with pytest.raises(SavingError, match=r"a hand-written brick cannot be saved in a file\n  fix: .*save_weights"):
        model.save(tmp_path / "m.glassnet")


# ---------------------------------------------------------------- error texts


def test_a_backward_without_gradients_is_named() -> None:
    class Forgetful(RowDense):
        def backward(self, output_gradient: Any) -> Any:
            return output_gradient @ self.weights.T

    with pytest.raises(
        GradientError, match=r"Brick 'b': backward left no gradient for weights, bias\n  expected: self.g"
    ):
        Brick(Forgetful(2, 1), name="b")(X).sum().backward()


def test_a_backward_of_another_shape_is_named() -> None:
    class Sideways(Tanh):
        def backward(self, output_gradient: Any) -> Any:
            return output_gradient.T

    x = gn.Tensor(np.ones((2, 3), "float32"), requires_grad=True)
    with pytest.raises(ShapeError, match=r"Brick 'b': backward returned another shape\n  expected: \(2, 3\)"):
        Brick(Sideways(), name="b")(x).sum().backward()


def test_a_parameter_that_is_no_array_is_named() -> None:
    class Listed(Tanh):
        parameters = ("weights",)
        weights = [1.0]

    with pytest.raises(ArgumentError, match=r"Brick 'b': parameter 'weights' is not an array of the brick"):
        Brick(Listed(), name="b")


@pytest.mark.parametrize(
    ("thing", "fix"),
    [(gn.layers.Dense, r"Dense is a class, not a layer\n  fix: +write Dense\(...\)"),
     (np.tanh, r"not a layer(.*\n)*  fix: +gn.layers.Lambda\(function\)"), ("dense", "this is not a layer")],
)  # fmt: skip
def test_what_is_no_layer_is_refused_with_a_hint(thing: Any, fix: str) -> None:
    with pytest.raises(ArgumentError, match=fix):
        gn.Sequential([thing])
