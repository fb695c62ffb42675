"""The checker is checked: healthy derivatives pass, each planted fault is caught and named."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.autograd.gradcheck import check_gradients
from glassnet.autograd.op import Op, apply
from glassnet.errors import ArgumentError, DTypeError, GradientError, NonFiniteError
from glassnet.ops.activation import Mish, Relu, Softplus, Tanh
from glassnet.ops.elementwise import Add, Multiply
from glassnet.ops.linalg import Linear, Matmul
from glassnet.ops.reduction import Sum
from glassnet.ops.shape import Reshape, Transpose


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def report_on(function: Any, *inputs: Any, **options: Any) -> Any:
    return check_gradients(function, *inputs, raise_on_failure=False, **options)


# ---------------------------------------------------------------- healthy functions pass


class Sine(Op):
    rule = "y = sin(x + phase)"
    kind = "elementwise"
    saves = ("x",)
    phase: float = 0.0

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sin(x + self.phase)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        return g * apply(Sine(self.phase + np.pi / 2), x)


def sine(x: Any) -> Any:
    return apply(Sine(), x)


CURVES = [ops.relu, sine, lambda x: x * x, lambda x: 3 * x + 1, lambda x: x * x * x, ops.tanh, ops.softplus, ops.mish]


def random_function(seed: int, curves: list[Any]) -> tuple[Any, list[Any]]:
    """A composition of random curves and products on inputs of very different sizes."""
    rng = np.random.default_rng(seed)
    first, second = curves[rng.integers(len(curves))], curves[rng.integers(len(curves))]
    reduce = [lambda y: y, lambda y: y.sum(), lambda y: y.sum(axis=0), lambda y: ops.transpose(y) * 0.5][
        rng.integers(4)
    ]
    n, i, o = rng.integers(1, 6, 3)

    def function(x: Any, w: Any, b: Any) -> Any:
        return reduce(second(0.3 * first(ops.linear(x, w, b)) + ops.matmul(x, w)))

    size = 10.0 ** rng.integers(-2, 2)
    return function, [size * rng.normal(size=(n, i)), rng.normal(size=(i, o)), rng.normal(size=o)]


@pytest.mark.parametrize("seed", range(50))
def test_noise_gives_no_false_alarm(seed: int) -> None:
    order = 1 + seed % 2
    function, inputs = random_function(seed, CURVES if order == 1 else CURVES[:5])
    report = check_gradients(function, *inputs, order=order, seed=seed)
    assert report.ok
    assert set(report.errors) == {"x", "w", "b"}


def test_every_floating_input_is_checked_and_integers_are_not() -> None:
    report = check_gradients(
        lambda x, i, pair: x * i + pair["a"] * pair["b"][0], [1.0, 2.0], [3, 4], {"a": 1.5, "b": [normal(2)]}
    )
    assert list(report.errors) == ["x", "pair['a']", "pair['b'][0]"]


class HalfSquaredError:
    name = "half_squared_error"

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        difference = y_pred + -1.0 * y_true
        return (0.5 * difference * difference).sum()


def test_a_loss_is_checked_in_the_prediction_and_in_floating_targets() -> None:
    report = check_gradients(HalfSquaredError(), normal(4, 2), normal(4, 2, seed=1), order=2)
    assert (report.function, list(report.errors)) == ("half_squared_error", ["y_true", "y_pred"])
    assert list(check_gradients(HalfSquaredError(), np.eye(4, dtype=int), normal(4, 4)).errors) == ["y_pred"]


def test_a_gradient_of_zero_is_no_failure() -> None:
    shifted = lambda x, b: (x + b) + -1.0 * b  # noqa: E731  # b has no effect, up to rounding
    assert check_gradients(shifted, normal(3), normal(3)).ok
    assert check_gradients(lambda x, b: x, normal(3), normal(3)).ok  # None, and rightly so


def test_large_arrays_are_sampled_and_empty_ones_pass() -> None:
    report = check_gradients(lambda x, y: (x * x).sum() + y.sum(), normal(30, 30), np.zeros((0, 3)), per_entry=10)
    assert [(a.entries, a.directions) for a in report.arrays] == [(10, 4), (0, 0)]


def test_a_dtype_of_32_bits_is_checked_in_64() -> None:
    assert check_gradients(ops.tanh, normal(3).astype("float32"), tolerance=1e-9).ok


# ---------------------------------------------------------------- kinks


def test_a_kink_at_the_point_is_reported_not_failed() -> None:
    report = check_gradients(ops.relu, [-1.0, 0.0, 2.0])
    assert report.ok
    assert (report.arrays[0].entries, report.arrays[0].kinks, report.arrays[0].directions) == (2, 1, 4)


def test_a_symmetric_kink_is_seen_although_its_central_difference_is_smooth() -> None:
    absolute = lambda x: ops.relu(x) + ops.relu(-1.0 * x)  # noqa: E731
    assert check_gradients(absolute, [0.0, 1.0]).kinks == 1


def test_a_kink_nearby_falls_out_of_reach_of_a_smaller_step() -> None:
    report = check_gradients(ops.relu, [1e-5, -1e-5, 2e-3])
    assert (report.arrays[0].entries, report.kinks) == (3, 0)


def test_directions_avoid_kinks_that_no_entry_check_found() -> None:
    x = np.where(np.arange(400) % 50 == 0, 0.0, 1.0)
    report = check_gradients(ops.relu, x, per_entry=0)
    assert report.ok
    assert report.arrays[0].directions > 0
    assert report.arrays[0].kinks > 0


def test_nothing_compared_is_not_a_pass() -> None:
    with pytest.raises(GradientError, match="nothing could be compared: the function has a kink at every entry"):
        check_gradients(ops.relu, np.zeros(3))


# ---------------------------------------------------------------- a derivative that is slightly wrong

OPS = [
    (Linear(), (5, 3), (3, 2), (2,)), (Matmul(), (2, 3), (3, 4)), (Multiply(), (3, 4), (4,)), (Add(), (3,), (2, 3)),
    (Relu(), (3, 4)), (Tanh(), (5,)), (Softplus(), (5,)), (Mish(), (2, 2)), (Sum((0,), False), (3, 4)),
    (Transpose((1, 0)), (3, 4)), (Reshape((6,)), (2, 3)),
]  # fmt: skip
ONE_IN_2000 = [(op, shapes, n) for op, *shapes in OPS for n in range(len(shapes))]


def slightly_wrong(op: Op, number: int) -> Op:
    class Wrong(type(op)):  # type: ignore[misc]
        def vjp(self, F: Any, g: Any, y: Any, *inputs: Any, needed: Any) -> Any:
            found = super().vjp(F, g, y, *inputs, needed=needed)
            found = found if isinstance(found, tuple) else (found,)
            return tuple(1.0005 * c if i == number else c for i, c in enumerate(found))

    return Wrong(**op.attributes)


@pytest.mark.parametrize(("op", "shapes", "number"), ONE_IN_2000, ids=lambda x: repr(x) if isinstance(x, Op) else None)
def test_a_derivative_wrong_by_a_twentieth_of_a_percent_is_caught(op: Op, shapes: Any, number: int) -> None:
    inputs = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    assert check_gradients(op, *inputs).ok
    report = report_on(slightly_wrong(op, number), *inputs)
    assert [a.ok for a in report.arrays] == [i != number for i in range(len(shapes))]
    assert "analytic = numeric x 1.0005" in report.diagnosis


def test_one_wrong_entry_is_caught_and_located() -> None:
    class Scale(Op):
        def shapes(self, x: Any) -> Any:
            return x.shape

        def forward(self, xp: Any, x: Any) -> Any:
            return 2 * x

        def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
            wrong = np.full(x.shape, 2.0)
            wrong[:, 1] = 2.1, 2.2, 2.3
            return g * wrong

    report = report_on(lambda x: apply(Scale(), x).sum(), normal(3, 4))
    assert "3 of 12 entries differ, all in x[:, 1]" in report.diagnosis
    assert "x[2, 1]: analytic 2.3, numeric 2\n" in report.diagnosis


class Double(Op):
    rule = "y = 2*x"
    kind = "elementwise"
    factor: float

    def forward(self, xp: Any, x: Any) -> Any:
        return 2 * x

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        return self.factor * g


class Square(Op):
    rule = "y = x*x"
    kind = "elementwise"
    saves = ("x",)
    factor: float

    def forward(self, xp: Any, x: Any) -> Any:
        return x * x

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: Any) -> Any:
        return g * apply(Double(self.factor), x)


def test_a_wrong_second_derivative_is_caught() -> None:
    assert check_gradients(Square(2.0), normal(4), order=2).ok
    assert check_gradients(Square(2.001), normal(4), order=1).ok
    with pytest.raises(GradientError, match=r"(?s)wrong second derivative for x.*x \(4,\), second derivative"):
        check_gradients(Square(2.001), normal(4), order=2)


# ---------------------------------------------------------------- diagnoses of an op


class FaultyLinear(Linear):
    """x w + b whose vjp passes through `fault(g, x, dx, dw, db)`."""

    fault: Any

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, b: Any, needed: Any) -> Any:
        return self.fault(g, x, g @ w.T, x.T @ g, g.sum(axis=0))


LINEAR_FAULTS = {
    "sign": (lambda g, x, dx, dw, db: (dx, -dw, db), r"w \(3, 3\): analytic = numeric x -1: the sign"),
    "transposed": (lambda g, x, dx, dw, db: (dx, dw.T, db), r"w \(3, 3\): the analytic gradient is transposed"),
    "one per sample": (lambda g, x, dx, dw, db: (dx, dw, g), r"b \(3,\): a missing sum over the batch: .* \(10, 3\)"),
    "last sample": (lambda g, x, dx, dw, db: (dx, dw, g[-1]), r"b \(3,\): a missing sum .*: only the last sample"),
    "first sample": (
        lambda g, x, dx, dw, db: (dx, x[:1].T @ g[:1], db), r"w \(3, 3\): a missing sum .*: only the first sample",
    ),
    "mean over batch": (lambda g, x, dx, dw, db: (dx, dw, db / 10), r"b .*x 0.1: 1/n once too often \(n = 10 is axis"),
    "sum": (lambda g, x, dx, dw, db: (dx, 10 * dw, db), r"w .*x 10: a missing 1/n \(n = 10 is axis 0 of x, the b"),
    "half": (lambda g, x, dx, dw, db: (dx / 2, dw, db), r"x .*numeric x 0.5: a missing 2"),
    "twice": (lambda g, x, dx, dw, db: (-2 * dx, dw, db), r"x .*numeric x -2: the sign and a 2 too many"),
    "zero": (lambda g, x, dx, dw, db: (dx, 0 * dw, db), r"w \(3, 3\): the analytic gradient is 0 everywhere"),
    "none": (lambda g, x, dx, dw, db: (dx, None, db), r"w \(3, 3\): no gradient arrives \(None\)"),
    "nan": (lambda g, x, dx, dw, db: (dx, dw, db / 0), r"b \(3,\): the analytic gradient is not finite at b\[0\]"),
    "shape": (lambda g, x, dx, dw, db: (dx, dw[:2], db), r"gradient has shape \(2, 3\), the array \(3, 3\)"),
    "nonlinear": (lambda g, x, dx, dw, db: (dx * dx, dw, db), r"x .*: twice the incoming gradient does not give twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR_FAULTS)
def test_a_planted_fault_is_named(name: str) -> None:
    fault, words = LINEAR_FAULTS[name]
    with pytest.raises(GradientError, match=f"(?s){words}") as caught:
        check_gradients(FaultyLinear(fault), normal(10, 3), normal(3, 3, seed=1), normal(3, seed=2))
    assert len(caught.value.problem.split(" for ")[1].split(", ")) == 1, "the healthy inputs are not accused"


def test_a_transposed_gradient_of_another_shape_is_named_too() -> None:
    op = FaultyLinear(lambda g, x, dx, dw, db: (dx, dw.T, db))
    with pytest.raises(GradientError, match=r"w \(3, 2\): the analytic gradient is transposed: shape \(2, 3\)"):
        check_gradients(op, normal(5, 3), normal(3, 2), normal(2))


class HalfMeanSquare(Op):
    """Nielsen's cost, sum of squares / 2n, whose vjp takes its own factor."""

    formula = "y"
    saves = ("a",)
    factor: float
    ignores_g: bool = False

    def shapes(self, a: Any) -> Any:
        return ()

    def forward(self, xp: Any, a: Any) -> Any:
        return xp.sum(a * a) / (2 * len(a))

    def vjp(self, F: Any, g: Any, y: Any, a: Any, needed: Any) -> Any:
        return self.factor * a if self.ignores_g else self.factor * a * g


def test_a_missing_one_over_n_of_a_mean_loss_is_named_with_its_axis() -> None:
    assert check_gradients(HalfMeanSquare(1 / 10), normal(10, 4)).ok
    with pytest.raises(
        GradientError, match=r"analytic = numeric x 10: a missing 1/n \(n = 10 is axis 0 of a, the batch"
    ):
        check_gradients(HalfMeanSquare(1.0), normal(10, 4))


def test_a_scalar_that_ignores_its_incoming_gradient_is_caught() -> None:
    with pytest.raises(
        GradientError, match=r"(?s)twice the incoming gradient.*40 entries looked at agree, a random dir"
    ):
        check_gradients(HalfMeanSquare(1 / 10, True), normal(10, 4))


def test_numpy_inside_a_function_cuts_the_tape() -> None:
    with pytest.raises(
        GradientError, match=r"(?s)no gradient arrives \(None\).*fix: +x: use gn.ops from input to result"
    ):
        check_gradients(lambda x: gn.Tensor(np.sin(x.numpy())), normal(3))


def test_float32_inside_a_function_is_named() -> None:
    with pytest.raises(GradientError, match="computes in float32 inside"):
        check_gradients(lambda x: ops.tanh(x.astype("float32")).astype("float64"), [0.5, 1.0])


# ---------------------------------------------------------------- layers


class Noise:
    """A source of randomness in the way of SeedGenerator."""

    def __init__(self) -> None:
        self.state = 0

    def draw(self, shape: Any) -> Any:
        self.state += 1
        return np.random.default_rng(self.state).uniform(0.5, 1.5, shape)


class NoisyScale:
    """A lazy layer with a weight, a running count, noise and a float type; it casts its input, as layers do."""

    name = "scale"

    def __init__(self) -> None:
        self.built, self.dtype, self.noise, self.variables = False, np.dtype("float32"), Noise(), []

    trainable_variables = property(lambda self: [v for v in self.variables if v.trainable])
    seed_generators = property(lambda self: {"noise": self.noise})

    def flatten_layers(self) -> Any:
        return [self]

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        inputs = ops.cast(inputs, self.dtype)
        if not self.built:
            factor = np.linspace(0.1, 1, inputs.shape[-1], dtype=self.dtype)
            self.factor = gn.Variable(factor, name="factor", path="scale/factor")
            self.count = gn.Variable(np.zeros((), self.dtype), trainable=False, name="count")
            self.variables, self.built = [self.factor, self.count], True
        if training:
            self.count.assign(self.count + 1.0)
            inputs = inputs * gn.Tensor(self.noise.draw(inputs.shape).astype(self.dtype))
        return sine(inputs * self.factor)


def test_a_layer_is_built_and_its_variables_are_checked() -> None:
    layer = NoisyScale()
    report = check_gradients(layer, normal(4, 3), order=2)
    assert list(report.errors) == ["inputs", "scale/factor"]
    assert report.function == "scale"


def test_a_layer_is_given_back_bit_for_bit() -> None:
    layer = NoisyScale()
    layer(gn.Tensor(normal(4, 3).astype("float32")), training=True)
    (layer(gn.Tensor(normal(4, 3).astype("float32"))) * 1.0).sum().backward()
    array, bits, grad = layer.factor.array, layer.factor.array.tobytes(), layer.factor.grad.numpy()
    check_gradients(functools.partial(layer, training=True), normal(4, 3))
    assert layer.factor.array is array
    assert array.tobytes() == bits
    assert (layer.factor.grad.numpy() == grad).all()
    assert (layer.dtype, layer.noise.state, float(layer.count)) == (np.float32, 1, 1.0)
    assert gn.Tensor(1.0).dtype == np.float32


def test_layers_that_a_function_names_are_checked_with_their_noise_held_still() -> None:
    layer, weight = NoisyScale(), gn.Variable([2.0, 3.0, 4.0], path="w")
    report = check_gradients(lambda x: (layer(x, training=True) * weight).sum(), normal(4, 3))
    assert list(report.errors) == ["x", "scale/factor", "w"]


def test_layers_are_restored_after_an_error() -> None:
    layer = NoisyScale()
    with pytest.raises(GradientError):
        check_gradients(lambda x: gn.Tensor(layer(x).numpy()), normal(4, 3))
    assert layer.factor.dtype == np.float32
    assert gn.Tensor(1.0).dtype == np.float32


def test_a_list_of_layers_is_one_network() -> None:
    assert list(check_gradients([NoisyScale(), ops.mish], normal(4, 3)).errors) == ["inputs", "scale/factor"]


# ---------------------------------------------------------------- the lessons' bricks


class Dense:
    """A hand-written brick on columns that leaves its gradients behind."""

    parameters = ("weights", "bias")

    def __init__(self) -> None:
        self.weights, self.bias = normal(2, 3), normal(2, 1, seed=1)

    def forward(self, x: Any) -> Any:
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, output_gradient: Any) -> Any:
        self.gradients = {"weights": output_gradient @ self.x.T, "bias": output_gradient.sum(axis=1, keepdims=True)}
        return self.weights.T @ output_gradient


class UpdatingDense(Dense):
    """The lessons' other form: it updates itself."""

    parameters = None

    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        x_gradient = super().backward(output_gradient)
        self.weights -= learning_rate * self.gradients["weights"]
        self.bias -= learning_rate * self.gradients["bias"]
        return x_gradient


class Sigmoid:
    def forward(self, x: Any) -> Any:
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, output_gradient: Any) -> Any:
        return output_gradient * self.y * (1 - self.y)


class Forgetful(Dense):
    def backward(self, output_gradient: Any) -> Any:
        super().backward(output_gradient)
        del self.gradients["bias"]


class Stale(UpdatingDense):
    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        super().backward(output_gradient, learning_rate)
        return self.weights.T @ output_gradient


class NoRate(UpdatingDense):
    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        return super().backward(output_gradient, 1.0)


class Uphill(UpdatingDense):
    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        return super().backward(output_gradient, -learning_rate)


class Unsummed(UpdatingDense):
    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        self.bias = self.bias - learning_rate * output_gradient
        return self.weights.T @ output_gradient


@pytest.mark.parametrize("brick", [Dense, UpdatingDense])
def test_both_forms_of_a_brick_are_checked_and_left_alone(brick: Any) -> None:
    made = brick()
    report = check_gradients(made, normal(3, 4))
    assert list(report.errors) == ["x", "weights", "bias"]
    assert (made.weights == normal(2, 3)).all()
    assert not hasattr(made, "x")


def test_a_list_of_bricks_is_one_network() -> None:
    report = check_gradients([UpdatingDense(), Sigmoid()], normal(3, 4))
    assert list(report.errors) == ["x", "[0].weights", "[0].bias"]


BRICK_FAULTS = [
    (Stale, r"for x\n.*x \(3, 4\): the gradient is taken through already updated weights"),
    (NoRate, r"for weights, bias\n.*weights \(2, 3\): the update ignores learning_rate"),
    (Uphill, r"for weights, bias\n.*weights \(2, 3\): analytic = numeric x -1: the sign"),
    (Unsummed, r"weights \(2, 3\): the analytic gradient is 0 .*bias \(2, 1\): a missing sum over the batch"),
    (Forgetful, r"for x, bias\n.*backward must return it.*backward must set self.gradients\['bias'\]"),
]


@pytest.mark.parametrize(("brick", "words"), BRICK_FAULTS, ids=lambda x: getattr(x, "__name__", None))
def test_a_planted_fault_of_a_brick_is_named(brick: Any, words: str) -> None:
    with pytest.raises(GradientError, match=f"(?s){words}"):
        check_gradients(brick(), normal(3, 4))


# ---------------------------------------------------------------- the report and errors


def test_a_report_is_a_table() -> None:
    report = check_gradients(Relu(), [0.0, 1.0])
    lines = str(report).split("\n")
    assert lines[0] == "gradients of relu, tolerance 1e-06"
    assert lines[1].split("  ")[0] == "array"
    assert lines[2].startswith("x      (2,)   1      1        4           1      ")
    assert lines[2].endswith("ok")
    assert report.diagnosis == ""


def test_a_failed_report_tells_the_same_as_the_error() -> None:
    op, inputs = FaultyLinear(LINEAR_FAULTS["sign"][0]), [normal(5, 3), normal(3, 2), normal(2)]
    report = report_on(op, *inputs)
    assert not report.ok
    assert "WRONG\n" in str(report)
    assert report.diagnosis.startswith("w (3, 2): analytic = numeric x -1: the sign\n  6 of 6 entries differ\n  w[")
    with pytest.raises(GradientError) as caught:
        check_gradients(op, *inputs)
    assert caught.value.received.startswith(report.diagnosis.split("\n")[0])
    assert caught.value.fix == "w: multiply it by -1"


class TwoParts(Dense):
    parameters = ("weights", "offset")


MISUSE = [
    (lambda: check_gradients(3, [1.0]), ArgumentError, r"(?s)cannot be called.*received: 3"),
    (lambda: check_gradients(Relu, [1.0]), ArgumentError, r"(?s)cannot be called.*make one first: Relu\(...\)"),
    (lambda: check_gradients(ops.relu, [1, 2]), DTypeError, r"(?s)relu: nothing to check.*pass floats"),
    (lambda: check_gradients(lambda x: x > 0, [1.0]), DTypeError, "returns no floating tensor"),
    (lambda: check_gradients(lambda x: x.astype("float32"), [1.0]), DTypeError, r"(?s)not float64.*float32"),
    (lambda: check_gradients(lambda x: x * np.ones(1, "float32"), [1.0]), DTypeError, "computes in float64: pass"),
    (lambda: check_gradients(ops.relu, [1.0, np.nan]), NonFiniteError, r"(?s)x is not finite.*nan at index \(1,\)"),
    (lambda: check_gradients(lambda x: x * 1e308 * 10.0, [1.0]), NonFiniteError, r"(?s)the result is not finite.*inf"),
    (lambda: check_gradients(ops.relu, [1.0], order=3), ArgumentError, r"(?s)order must be 1 or 2.*order=3"),
    (lambda: check_gradients(ops.relu, [1.0], tolerance=0), ArgumentError, "tolerance must be positive"),
    (lambda: check_gradients(Dense(), normal(3, 1), order=2), ArgumentError, "no second derivative"),
    (lambda: check_gradients(Dense(), normal(3, 1), normal(3, 1)), ArgumentError, "forward takes one input"),
    (lambda: check_gradients(TwoParts(), normal(3, 1)), ArgumentError, "TwoParts.parameters names 'offset'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), MISUSE)
def test_misuse_is_explained(call: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_a_random_function_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(
        GradientError, match=r"(?s)two calls with the same inputs give different values.*draw them outside"
    ):
        check_gradients(lambda x: x * rng.normal(), [1.0])
