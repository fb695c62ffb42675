"""The Independent Code: digits from 1,000 images, a brick of one's own in three forms, softmax with any loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.functional import grad, jacobian
from glassnet.autograd.gradcheck import check_gradients
from glassnet.initializers import Constant, GlorotUniform, RandomNormal
from glassnet.lab.data import flat_images, percent_right
from glassnet.lab.row import Row
from glassnet.layers import Brick, Dense, Input, Layer, Softmax
from glassnet.losses import categorical_crossentropy, mean_squared_error
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.typing import Array
from glassnet.utils import set_random_seed, to_categorical

SOURCE = "The Independent Code, Neural Network from Scratch"
RATE = 0.1

# ---------------------------------------------------------------- IC3: digits


def digit_network(pixels: int, weights: Any, biases: Any) -> Sequential:
    """One hidden layer of 40, tanh throughout."""
    stack = [Dense(n, "tanh", kernel_initializer=weights, bias_initializer=biases) for n in (40, 10)]
    return Sequential([Input((pixels,)), *stack])


def train_digits(weights: Any, biases: Any, quick: bool) -> float:
    """Squared error, the first 1,000 images one at a time; the accuracy on all 10,000 test images."""
    (x, y), (x_test, y_test) = flat_images("mnist", quick)
    x, y = x[:1000], y[:1000]
    model = digit_network(x.shape[1], weights, biases)
    model.compile(SGD(RATE), loss="mse")
    model.fit(x, to_categorical(y, 10), batch_size=1, epochs=1 if quick else 100, shuffle=False, verbose=0)
    return percent_right(model.predict(x_test, batch_size=1000), y_test)


def digits_from_1000_images(seed: int, quick: bool) -> dict[str, Any]:
    """The lesson's own first weights, N(0, 1), and Glorot's."""
    set_random_seed(seed)
    normal = RandomNormal(stddev=1.0)
    return {
        "settings": {
            "network": "784-40-10 tanh", "loss": "mse", "optimizer": f"SGD({RATE})", "batch_size": 1, "train": 1000,
            "epochs": 1 if quick else 100, "shuffle": False,
        },
        "obtained": {
            "params": digit_network(784, "zeros", "zeros").count_params(),
            "normal_test": train_digits(normal, normal, quick),
            "glorot_test": train_digits(GlorotUniform(), "zeros", quick),
        },
    }  # fmt: skip


# ---------------------------------------------------------------- IC5: one's own bricks


class OwnLayer(Layer):
    """The formula alone; the derivatives come from the ops in it."""

    def __init__(self, weights: Array, bias: Array) -> None:
        super().__init__(dtype="float64")
        self.start = weights, bias

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        weights, bias = self.start
        self.kernel = self.add_weight(weights.shape, Constant(weights), name="kernel")
        self.bias = self.add_weight(bias.shape, Constant(bias), name="bias")

    def call(self, inputs: Any) -> Any:
        """The output, tanh(x W + b)."""
        return ops.tanh(inputs @ self.kernel + self.bias)


class HandWritten:
    """Forward and backward by hand, on batches; the optimizer updates it."""

    parameters = ("weights", "bias")

    def __init__(self, weights: Array, bias: Array) -> None:
        self.weights, self.bias = weights.copy(), bias.copy()

    def forward(self, x: Any) -> Any:
        """The output, tanh(x W + b)."""
        self.x, self.y = x, np.tanh(x @ self.weights + self.bias)
        return self.y

    def backward(self, output_gradient: Any) -> Any:
        """The slope in x; those in the parameters are left in `gradients`."""
        slope = output_gradient * (1 - self.y**2)
        self.gradients = {"weights": self.x.T @ slope, "bias": slope.sum(axis=0)}
        return slope @ self.weights.T


class FromTheLesson:
    """The lesson's own form: one sample as a column, and a backward that updates at once."""

    def __init__(self, weights: Array, bias: Array) -> None:
        self.weights, self.bias = weights.T.copy(), bias.reshape(-1, 1).copy()

    def forward(self, x: Any) -> Any:
        """The output, tanh(W x + b)."""
        self.x, self.y = x, np.tanh(self.weights @ x + self.bias)
        return self.y

    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        """The slope in x, taken before the weights move."""
        slope = output_gradient * (1 - self.y**2)
        found = self.weights.T @ slope
        self.weights -= learning_rate * slope @ self.x.T
        self.bias -= learning_rate * slope
        return found


def own_bricks(seed: int, quick: bool) -> dict[str, Any]:
    """XOR with each form, from the same weights: they end with the same outputs."""
    rng = np.random.default_rng(seed)
    sizes = ((2, 3), (3, 1))
    start = [(rng.standard_normal(size), rng.standard_normal(size[1])) for size in sizes]
    forms: dict[str, list[Any]] = {
        "autograd": [OwnLayer(*pair) for pair in start],
        "hand_written": [Brick(HandWritten(*pair), dtype="float64") for pair in start],
        "lesson": [Brick(FromTheLesson(*pair), columns=True, dtype="float64") for pair in start],
    }
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    checked = {name: check_gradients(forms[name][0], x).ok for name in ("autograd", "hand_written")}
    outputs = {}
    for name, bricks in forms.items():
        model = Sequential([[bricks[0]], bricks[1]])  # a plain list stands for a Sequential
        model.compile(SGD(RATE), loss="mse", jit_compile=False)
        model.fit(x, x.sum(axis=1, keepdims=True) == 1, batch_size=1, epochs=100, shuffle=False, verbose=0)
        outputs[name] = model.predict(x)
    differences = [np.abs(outputs[name] - outputs["autograd"]).max() for name in outputs]
    return {
        "settings": {"network": "2-3-1 tanh", "epochs": 100, "dtype": "float64", "forms": list(forms)},
        "obtained": {"largest_difference": float(max(differences)), "gradients_right": all(checked.values())},
    }


# ---------------------------------------------------------------- IC6: softmax with any loss


def softmax_jacobian(seed: int, quick: bool) -> dict[str, Any]:
    """Softmax as a layer of its own has its full Jacobian, so any loss may follow."""
    rng = np.random.default_rng(seed)
    logits, softmax = rng.normal(0, 3, (4, 5)), Softmax(dtype="float64")
    targets = np.eye(5)[rng.integers(0, 5, 4)]
    p = softmax(logits[0]).numpy()
    full = jacobian(softmax)(logits[0]).numpy()
    through_jacobian = grad(lambda z: -ops.sum(targets * ops.log(softmax(z))))(logits).numpy()
    fused = grad(lambda z: ops.sum(categorical_crossentropy(targets, z, from_logits=True)))(logits).numpy()
    squared = check_gradients(lambda z: mean_squared_error(targets, softmax(z)), logits, raise_on_failure=False)
    return {
        "settings": {"batch": 4, "classes": 5, "dtype": "float64"},
        "obtained": {
            "jacobian_difference": float(np.abs(full - (np.diag(p) - np.outer(p, p))).max()),
            "fused_difference": float(np.abs(through_jacobian - fused).max()),
            "squared_error_right": squared.ok,
        },
    }


ROWS = {
    Row("IC3", SOURCE, "prints 20 predictions; no accuracy",
        "params == 31810, normal_test >= 50, glorot_test >= 85"): digits_from_1000_images,
    Row("IC5", SOURCE, "one class per layer, with forward and backward",
        "gradients_right == 1, largest_difference <= 1e-10"): own_bricks,
    Row("IC6", SOURCE, "softmax with its full Jacobian works with any loss",
        "jacobian_difference <= 1e-10, fused_difference <= 1e-10, squared_error_right == 1"): softmax_jacobian,
}  # fmt: skip
