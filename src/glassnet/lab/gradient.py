"""3Blue1Brown: the gradient in 13,002 dimensions, and what a picture of the cost needs beyond it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.functional import grad, no_grad
from glassnet.callbacks import LambdaCallback
from glassnet.lab import three_blue
from glassnet.lab.data import flat_images, rounded
from glassnet.lab.row import Row
from glassnet.lab.sixteen import PLANS
from glassnet.losses import mean_squared_error
from glassnet.models import Sequential
from glassnet.optimizers import SGD
from glassnet.typing import Array
from glassnet.utils import set_random_seed, to_categorical

SOURCE = three_blue.ROW.source
PLAN = PLANS["scaled_weights"]
SLOPE_IMAGES, CHECKED, H = 500, 100, 0.01
BATCH, EPOCHS, POINTS, CELLS, SLICE_IMAGES = 100, 10, 60, 51, 2000


# ---------------------------------------------------------------- the gradient


def cost(parameters: Any, x: Array, targets: Array) -> Any:
    """The lesson's cost: the squared errors of the ten outputs, summed, and averaged over the images.

    Arguments:
        parameters: [(weights, biases), ...], one pair per layer.
    """
    a: Any = x
    for weights, biases in parameters:
        a = ops.sigmoid(a @ weights + biases)
    return ((a - targets) ** 2).sum(axis=1).mean()


def numerical_slope(function: Callable[[], float], array: Array, index: tuple[int, ...]) -> float:
    """The slope of a function in array[index], from four values around it; the error falls with the fourth power of H."""
    here = array[index]

    def at(step: float) -> float:
        array[index] = here + step
        return function()

    slope = (8 * (at(H) - at(-H)) - (at(2 * H) - at(-2 * H))) / (12 * H)
    array[index] = here
    return slope


def all_slopes(seed: int, quick: bool) -> dict[str, Any]:
    """Before training: all slopes by one backward pass, 100 of them again by moving the weight a little."""
    rng = np.random.default_rng(seed)
    set_random_seed(seed)
    (x, y), _ = flat_images("mnist", quick)
    x, targets = x[:SLOPE_IMAGES].astype("float64"), np.eye(10)[y[:SLOPE_IMAGES]]
    arrays = [array.astype("float64") for array in PLAN.network(x.shape[1]).get_weights()]
    parameters = list(zip(arrays[::2], arrays[1::2]))
    gradient = [part.numpy() for pair in grad(cost)(parameters, x, targets) for part in pair]
    sizes = np.abs(np.concatenate([part.ravel() for part in gradient]))

    def value() -> float:
        with no_grad():
            return float(cost(parameters, x, targets))

    errors = []
    places = [(number, index) for number, array in enumerate(arrays) for index in np.ndindex(array.shape)]
    for number, index in (places[k] for k in rng.choice(len(places), CHECKED, replace=False)):
        exact, measured = gradient[number][index], numerical_slope(value, arrays[number], index)
        errors.append(abs(exact - measured) / (abs(exact) or 1.0))  # a dark pixel's slope is 0 both ways
    return {
        "settings": {
            "network": f"{x.shape[1]}-16-16-10 sigmoid before training", "cost": "quadratic", "images": len(x),
            "dtype": "float64", "step": H,
        },
        "obtained": {
            "slopes": sizes.size,
            "checked": len(errors),
            "largest_relative_error": max(errors),
            "slopes_of_zero": int((sizes == 0).sum()),
            "steepest_over_median": float(sizes.max() / np.median(sizes[sizes > 0])),
            "fall_over_foretold": fall_over_foretold(value, arrays, gradient),
        },
        "figure": {
            f"layer_{k}": histogram(part) for k, part in enumerate(gradient[::2], 1)
        } | {"steepest_unit": rounded(steepest_column(gradient[0]), 6)},
    }  # fmt: skip


def fall_over_foretold(value: Callable[[], float], arrays: list[Array], gradient: list[Array]) -> float:
    """A small step against the gradient lowers the cost by the rate times the gradient's squared length: 1, if so."""
    before, rate = value(), 1e-3
    for array, slope in zip(arrays, gradient):
        array -= rate * slope
    return (before - value()) / (rate * sum(float((slope**2).sum()) for slope in gradient))


def histogram(slopes: Array) -> dict[str, list[float]]:
    """How many slopes have which power of ten."""
    powers = np.log10(np.abs(slopes[slopes != 0]))
    counts, edges = np.histogram(powers, bins=30)
    return {"powers": rounded(edges, 3), "counts": counts.tolist()}


def steepest_column(slopes: Array) -> Array:
    """The slopes of the unit that has the steepest one: an image of what it wants to see more and less of."""
    return np.asarray(slopes[:, np.abs(slopes).max(axis=0).argmax()])


# ---------------------------------------------------------------- the cost as a landscape


class CountedCost:
    """The quadratic cost, which counts how often it is computed."""

    def __init__(self) -> None:
        self.evaluations = 0

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        """The mean squared error of every image."""
        self.evaluations += 1
        return mean_squared_error(y_true, y_pred)


def descend(x: Array, targets: Array, epochs: int, counted: CountedCost) -> tuple[Sequential, Array]:
    """The trained network, and the points of 13,002 numbers that it passed."""
    model = PLAN.network(x.shape[1])
    every = max(1, epochs * (len(x) // BATCH) // POINTS)
    path = [flat(model)]

    def keep(batch: int, logs: Any) -> None:
        if batch % every == 0:
            path.append(flat(model))

    model.compile(SGD(PLAN.rate), loss=counted, run_eagerly=True)  # a replayed step would not count
    callbacks = [LambdaCallback(on_train_batch_end=keep)]
    model.fit(x, targets, batch_size=BATCH, epochs=epochs, callbacks=callbacks, verbose=0)
    return model, np.stack([*path, flat(model)])


def flat(model: Sequential) -> Array:
    """All weights and biases as one vector."""
    return np.concatenate([array.ravel() for array in model.get_weights()])


def set_flat(model: Sequential, vector: Array) -> None:
    """The opposite of `flat`."""
    shapes = [array.shape for array in model.get_weights()]
    parts = np.split(vector, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes)])


def plane_of(path: Array) -> tuple[Array, Array, float]:
    """The plane through the last point that comes nearest to the others.

    Returns: two directions (2, parameters), the path's coordinates (points, 2), and the percent of its extent that
    lies in the plane.
    """
    steps = (path - path[-1]).astype("float64")
    _, lengths, directions = np.linalg.svd(steps, full_matrices=False)
    return directions[:2], steps @ directions[:2].T, float(100 * (lengths[:2] ** 2).sum() / (lengths**2).sum())


def landscape_slice(seed: int, quick: bool) -> dict[str, Any]:
    """Training looks at the cost of one point per step; the slice is computed afterwards, for the picture alone."""
    set_random_seed(seed)
    (x, y), _ = flat_images("mnist", quick)
    epochs, cells = (2, 5) if quick else (EPOCHS, CELLS)
    targets, counted = to_categorical(y, 10), CountedCost()
    model, path = descend(x, targets, epochs, counted)
    in_training, steps = counted.evaluations, int(model.optimizer.iterations)

    directions, coordinates, share = plane_of(path)
    across, upwards = (np.linspace(-reach, reach, cells) for reach in 1.2 * np.abs(coordinates).max(axis=0))
    shown = (x[:SLICE_IMAGES], targets[:SLICE_IMAGES])
    heights = cost_in_plane(model, counted, shown, path[-1], (across, upwards), directions)
    return {
        "settings": {
            **PLAN.settings(), "batch_size": BATCH, "epochs": epochs, "train": len(x),
            "slice": f"{cells} x {cells}, the first {len(shown[0])} training images",
        },
        "obtained": {
            "params": path.shape[1],
            "steps": steps,
            "evaluations_in_training": in_training,
            "evaluations_per_step": in_training / steps,
            "evaluations_for_slice": counted.evaluations - in_training,
            "digits_of_everywhere": int(path.shape[1] * np.log10(2)) + 1,
            "centre_cost": float(heights[cells // 2, cells // 2]),
            "lowest_cost": float(heights.min()),
            "path_in_plane": share,
        },
        "figure": {
            "first": rounded(across, 4),
            "second": rounded(upwards, 4),
            "cost": rounded(heights, 5),
            "path": rounded(coordinates, 4),
        },
    }  # fmt: skip


def cost_in_plane(
    model: Sequential, cost: Any, shown: tuple[Array, Array], origin: Array, axes: tuple[Array, Array], directions: Array
) -> Array:  # fmt: skip
    """The cost of the shown images at origin + a * first direction + b * second: a row for every b, a column for a."""
    x, targets = shown

    def height(a: float, b: float) -> float:
        set_flat(model, (origin + a * directions[0] + b * directions[1]).astype("float32"))
        with no_grad():
            return float(cost(targets, model(x)).mean())

    return np.array([[height(a, b) for a in axes[0]] for b in axes[1]])


ROWS = {
    Row("TB5", SOURCE, "the gradient tells how sensitive the cost is to each of 13,002 weights and biases",
        "slopes == 13002, checked == 100, largest_relative_error < 1e-6, fall_over_foretold >= 0.99"): all_slopes,
    Row("TB6", SOURCE, "viewers ask whether the cost is computed everywhere",
        "params == 13002, evaluations_per_step == 1, evaluations_for_slice == 2601"): landscape_slice,
}  # fmt: skip
