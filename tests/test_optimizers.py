"""Optimizers: each against a reference in plain NumPy, eager and replayed; memory, state, clipping, schedules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import optimizers
from glassnet.errors import ArgumentError, GradientError, SavingError
from glassnet.optimizers import (
    LBFGS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
    schedules,
)

STEPS = 5
SHAPES = [(3, 2), (2,), (), (2, 1)]
Reference = Callable[[Any, list[Any]], Any]

# ---------------------------------------------------------------- references: w and its gradients -> w after all steps


def sgd(rate: float = 0.01, mu: float = 0.0, nesterov: bool = False, decay: float = 0.0) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        v = np.zeros_like(w)
        for g in gradients:
            v = mu * v - rate * g
            w = w - rate * decay * w + (mu * v - rate * g if nesterov else v)
        return w

    return run


def adagrad(rate: float, start: float = 0.1, eps: float = 1e-7) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        s = np.full_like(w, start)
        for g in gradients:
            s = s + g * g
            w = w - rate * g / np.sqrt(s + eps)
        return w

    return run


def rmsprop(rate: float, rho: float = 0.9, mu: float = 0.0, centered: bool = False, eps: float = 1e-7) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        s, a, v = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
        for g in gradients:
            s, a = rho * s + (1 - rho) * g * g, rho * a + (1 - rho) * g
            v = mu * v + rate * g / np.sqrt(s - (a * a if centered else 0) + eps)
            w = w - v
        return w

    return run


def adam(
    rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-7, decay: float = 0.0, amsgrad: bool = False
) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        m, v, h = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
        for t, g in enumerate(gradients, 1):
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            h = np.maximum(h, v) if amsgrad else v
            w = w - rate * decay * w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(h) + eps)
        return w

    return run


def adamax(rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-7, decay: float = 0.0) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        m, u = np.zeros_like(w), np.zeros_like(w)
        for t, g in enumerate(gradients, 1):
            m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, abs(g))
            w = w - rate * decay * w - rate / (1 - b1**t) * m / (u + eps)
        return w

    return run


def nadam(rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-7) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        m, v, product = np.zeros_like(w), np.zeros_like(w), 1.0
        for t, g in enumerate(gradients, 1):
            now, ahead = b1 * (1 - 0.5 * 0.96**t), b1 * (1 - 0.5 * 0.96 ** (t + 1))
            product *= now
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            mean = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
            w = w - rate * mean / (np.sqrt(v / (1 - b2**t)) + eps)
        return w

    return run


def adadelta(rate: float, rho: float = 0.95, eps: float = 1e-7) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        s, a = np.zeros_like(w), np.zeros_like(w)
        for g in gradients:
            s = rho * s + (1 - rho) * g * g
            d = np.sqrt(a + eps) / np.sqrt(s + eps) * g
            w, a = w - rate * d, rho * a + (1 - rho) * d * d
        return w

    return run


def lion(rate: float, b1: float = 0.9, b2: float = 0.99, decay: float = 0.0) -> Reference:
    def run(w: Any, gradients: list[Any]) -> Any:
        m = np.zeros_like(w)
        for g in gradients:
            w = w - rate * decay * w - rate * np.sign(b1 * m + (1 - b1) * g)
            m = b2 * m + (1 - b2) * g
        return w

    return run


def accumulated(reference: Reference, every: int) -> Reference:
    """The reference on the means of every few gradients; what is left over waits."""
    return lambda w, g: reference(w, [sum(g[i : i + every]) / every for i in range(0, len(g) - every + 1, every)])


TABLE: list[tuple[Callable[[], Optimizer], Reference]] = [
    (lambda: SGD(0.1), sgd(0.1)),
    (lambda: SGD(0.1, weight_decay=0.5), sgd(0.1, decay=0.5)),
    (lambda: SGD(0.1, momentum=0.95), sgd(0.1, 0.95)),
    (lambda: SGD(0.1, 0.9, nesterov=True, weight_decay=0.5), sgd(0.1, 0.9, True, 0.5)),
    (lambda: Adagrad(0.1), adagrad(0.1)),
    (lambda: Adagrad(0.1, initial_accumulator_value=0.0, epsilon=1e-3), adagrad(0.1, 0.0, 1e-3)),
    (lambda: RMSprop(0.1), rmsprop(0.1)),
    (lambda: RMSprop(0.1, rho=0.5, epsilon=1e-3), rmsprop(0.1, 0.5, eps=1e-3)),
    (lambda: RMSprop(0.1, momentum=0.8), rmsprop(0.1, mu=0.8)),
    (lambda: RMSprop(0.1, momentum=0.8, centered=True, epsilon=1e-3), rmsprop(0.1, 0.9, 0.8, True, 1e-3)),
    (lambda: RMSprop(0.1, centered=True, epsilon=1e-3), rmsprop(0.1, centered=True, eps=1e-3)),
    (lambda: Adam(0.1), adam(0.1)),
    (lambda: Adam(0.1, 0.5, 0.7, 1e-3), adam(0.1, 0.5, 0.7, 1e-3)),
    (lambda: Adam(0.1, beta_2=0.5, amsgrad=True), adam(0.1, b2=0.5, amsgrad=True)),
    (lambda: Adam(0.1, weight_decay=0.3), adam(0.1, decay=0.3)),
    (lambda: AdamW(0.1), adam(0.1, decay=0.004)),
    (lambda: AdamW(0.1, 0.3, amsgrad=True), adam(0.1, decay=0.3, amsgrad=True)),
    (lambda: Adamax(0.1), adamax(0.1)),
    (lambda: Adamax(0.1, 0.5, 0.7, 1e-3, weight_decay=0.3), adamax(0.1, 0.5, 0.7, 1e-3, 0.3)),
    (lambda: Nadam(0.1), nadam(0.1)),
    (lambda: Nadam(0.1, 0.5, 0.7, 1e-3), nadam(0.1, 0.5, 0.7, 1e-3)),
    (lambda: Adadelta(1.0), adadelta(1.0)),
    (lambda: Adadelta(0.5, 0.5, 1e-3), adadelta(0.5, 0.5, 1e-3)),
    (lambda: Lion(0.1), lion(0.1)),
    (lambda: Lion(0.1, 0.5, 0.7, weight_decay=0.3), lion(0.1, 0.5, 0.7, 0.3)),
    (lambda: Adam(0.1, use_ema=True, ema_momentum=0.5), adam(0.1)),
    (lambda: Adam(0.1, gradient_accumulation_steps=2), accumulated(adam(0.1), 2)),
    (lambda: SGD(0.1, 0.9, gradient_accumulation_steps=3, use_ema=True), accumulated(sgd(0.1, 0.9), 3)),
]
NAMES = ["SGD", "SGD decay", "momentum", "Nesterov decay", "Adagrad", "Adagrad epsilon", "RMSprop", "RMSprop rho",
         "RMSprop momentum", "RMSprop all", "RMSprop centered", "Adam", "Adam betas", "Adam amsgrad", "Adam decay",
         "AdamW", "AdamW amsgrad", "Adamax", "Adamax all", "Nadam", "Nadam all", "Adadelta", "Adadelta all", "Lion",
         "Lion all", "EMA", "accumulation", "accumulation EMA"]  # fmt: skip
every_optimizer = pytest.mark.parametrize("make", [make for make, _ in TABLE], ids=NAMES)


def weights(dtype: str = "float32", shapes: Any = None) -> list[gn.Variable]:
    rng = np.random.default_rng(0)
    return [gn.Variable(rng.normal(size=shape).astype(dtype), name=f"w{i}") for i, shape in enumerate(shapes or SHAPES)]


def slopes(dtype: str = "float32", steps: int = STEPS, shapes: Any = None) -> list[list[Any]]:
    """Gradients per step and variable; the scales differ widely, as they do between layers."""
    rng = np.random.default_rng(1)
    return [
        [np.asarray(10.0 ** (i - 1) * rng.normal(size=shape), dtype) for i, shape in enumerate(shapes or SHAPES)]
        for _ in range(steps)
    ]


def values(variables: list[gn.Variable]) -> list[Any]:
    return [v.numpy() for v in variables]


def assert_same_bits(a: Any, b: Any) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def stepper(optimizer: Optimizer, variables: list[gn.Variable], replayed: bool = False) -> Any:
    """A function of the gradients that takes one step; traced once where `replayed`."""

    def step(*gradients: Any) -> None:
        optimizer.apply(list(gradients), variables)

    return gn.jit(step) if replayed else step


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("make", "reference"), TABLE, ids=NAMES)
def test_steps_are_those_of_the_reference(make: Any, reference: Reference, dtype: str) -> None:
    variables, steps = weights(dtype), slopes(dtype)
    start = [v.numpy().astype("float64") for v in variables]
    optimizer = make()
    for gradients in steps:
        optimizer.apply(gradients, variables)
    for i, variable in enumerate(variables):
        expected = reference(start[i], [np.asarray(g[i], "float64") for g in steps])
        tolerance = {"float32": 2e-6, "float64": 1e-12}[dtype]
        assert variable.dtype == dtype
        np.testing.assert_allclose(variable.numpy(), expected, rtol=tolerance, atol=tolerance)


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replayed_step_gives_the_eager_bits(make: Any, dtype: str) -> None:
    results = []
    for replayed in (False, True):
        variables = weights(dtype)
        optimizer = make()
        step = stepper(optimizer, variables, replayed)
        for gradients in slopes(dtype):
            step(*gradients)
        results.append([*values(variables), *optimizer.state().values()])
    assert step.traces == 1
    assert_same_bits(*results)


@every_optimizer
def test_steps_under_a_hook_give_the_same_bits(make: Any) -> None:
    results = []
    for hooked in (False, True):
        variables, optimizer = weights(), make()
        for gradients in slopes():
            if not hooked:
                optimizer.apply(gradients, variables)
                continue
            with gn.NanGuard():
                optimizer.apply(gradients, variables)
        results.append(values(variables))
    assert_same_bits(*results)


def test_adam_counts_steps_over_several_fits_and_saves_the_count(tmp_path: Any) -> None:
    # the defect of a well-known program: its step counter started anew in every epoch
    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.zeros((12, 1))
    model = gn.Sequential([gn.Input((3,)), gn.layers.Dense(1)])
    model.compile("adam", "mse")
    for _ in range(3):
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 18
    model.save(tmp_path / "model.glassnet")
    assert int(gn.saving.load_model(tmp_path / "model.glassnet").optimizer.iterations) == 18


# ---------------------------------------------------------------- learning rate


def test_the_learning_rate_reads_as_a_number_and_is_set_by_assignment() -> None:
    optimizer = SGD(0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate.assign(0.125)
    assert optimizer.current_rate() == 0.125
    optimizer.learning_rate = schedules.InverseTimeDecay(1.0, 1, 1.0)
    assert float(optimizer.learning_rate) == 1.0
    optimizer.apply([[1.0]], [gn.Variable([0.0])])
    assert float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("replayed", [False, True])
def test_a_changed_rate_and_a_schedule_act_without_a_new_trace(replayed: bool) -> None:
    w = gn.Variable([0.0])
    optimizer = SGD(1.0)
    step = stepper(optimizer, [w], replayed)
    step(np.float32([-1.0]))
    optimizer.learning_rate = 0.5
    step(np.float32([-1.0]))
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([2], [0.25, 0.125])
    step(np.float32([-1.0]))  # step 2 is still 0.25, step 3 is 0.125
    step(np.float32([-1.0]))
    assert w.numpy() == [1.875]
    if replayed:
        assert step.traces == 1


def test_a_schedule_counts_every_one_of_several_steps_in_a_plan() -> None:
    paths = []
    for replayed in (False, True):
        w, optimizer = gn.Variable([0.0]), SGD(schedules.ExponentialDecay(1.0, 1, 0.5))

        def three_steps(g: Any, w: Any = w, optimizer: Any = optimizer) -> Any:
            for _ in range(3):
                optimizer.apply([g], [w])
            return optimizer.learning_rate

        step = gn.jit(three_steps) if replayed else three_steps
        rates = [float(step(np.float32([-1.0]))) for _ in range(2)]
        paths.append([*rates, float(w.numpy()[0])])
    assert paths[0] == paths[1] == [1 / 8, 1 / 64, 2 - 1 / 32]


@pytest.mark.parametrize(
    ("rate", "path"),
    [
        (lambda step: 1 / (1 + step), [1.0, 1.5]),
        (lambda: 0.25, [0.25, 0.5]),
        (schedules.ExponentialDecay(1.0, 1, 0.5), [1.0, 1.5]),
    ],
    ids=["of the step", "of nothing", "schedule"],
)
def test_a_function_may_be_the_learning_rate(rate: Any, path: list[float]) -> None:
    w = gn.Variable([0.0])
    optimizer = SGD(rate)
    found = []
    for _ in path:
        optimizer.apply([[-1.0]], [w])
        found.append(float(w.numpy()[0]))
    assert found == path


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf")])
def test_a_rate_must_be_a_number_that_is_not_negative(rate: float) -> None:
    with pytest.raises(ArgumentError, match=r"Adam: learning_rate must be a number >= 0\n"):
        Adam(rate)


# ---------------------------------------------------------------- clipping, decay, constraints


def clipped(kind: str, limit: float) -> list[Any]:
    """The gradients that reach a rule: what SGD with rate 1 moves the weights by."""
    variables, gradients = weights("float64"), slopes("float64", 1)[0]
    before = values(variables)
    SGD(1.0, **{kind: limit}).apply(gradients, variables)  # type: ignore[arg-type]  # one of the three clippings
    return [a - b for a, b in zip(before, values(variables), strict=True)]


def test_clipvalue_cuts_every_entry() -> None:
    for found, g in zip(clipped("clipvalue", 0.5), slopes("float64", 1)[0], strict=True):
        np.testing.assert_allclose(found, np.clip(g, -0.5, 0.5), rtol=1e-9)


def test_clipnorm_shortens_single_variables_that_are_too_long() -> None:
    for found, g in zip(clipped("clipnorm", 0.5), slopes("float64", 1)[0], strict=True):
        np.testing.assert_allclose(found, g * min(1, 0.5 / np.linalg.norm(g)), rtol=1e-9)


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_global_clipnorm_shortens_all_by_one_factor(limit: float) -> None:
    gradients = slopes("float64", 1)[0]
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    for found, g in zip(clipped("global_clipnorm", limit), gradients, strict=True):
        np.testing.assert_allclose(found, g * min(1, limit / norm), rtol=1e-9, atol=1e-12)


def test_a_gradient_of_zeros_is_not_divided_by_its_length() -> None:
    for kind in ("clipnorm", "global_clipnorm"):
        w = gn.Variable([1.0, 2.0])
        SGD(1.0, **{kind: 1.0}).apply([[0.0, 0.0]], [w])  # type: ignore[arg-type]  # one of the clippings
        np.testing.assert_array_equal(w.numpy(), [1.0, 2.0])


def test_only_one_clipping_may_be_set_and_it_must_be_positive() -> None:
    with pytest.raises(ArgumentError, match=r"SGD: only one clipping may be set\n.*'clipnorm': 1\.0"):
        SGD(clipnorm=1.0, clipvalue=0.5)
    with pytest.raises(ArgumentError, match=r"Adam: clipvalue must be positive\n.*clipvalue=0"):
        Adam(clipvalue=0)


@pytest.mark.parametrize("replayed", [False, True])
def test_constraints_act_after_the_step_and_keep_neighbours_free(replayed: bool) -> None:
    variables = weights(shapes=[(2,), (3,), (2,)])
    variables[1].constraint = lambda w: gn.ops.clip(w, 0.0, 0.25)
    expected = values(variables)
    step = stepper(SGD(0.1), variables, replayed)
    for gradients in slopes(shapes=[(2,), (3,), (2,)]):
        step(*gradients)
        expected = [w - np.float32(0.1) * g for w, g in zip(expected, gradients, strict=True)]
        expected[1] = np.clip(expected[1], 0, 0.25)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5)


# ---------------------------------------------------------------- memory


def test_variables_are_packed_once_and_what_lies_in_a_block_is_not_moved() -> None:
    first, second = weights(shapes=[(3,), (2, 2)]), weights(shapes=[(4,)])
    before = values(first)
    Adam().build(first)
    assert_same_bits(values(first), before)
    assert first[0].block is first[1].block
    assert np.shares_memory(first[0].array, first[0].block.array)
    places = [v.array.ctypes.data for v in first]
    Adam().build([*first, *second])
    assert [v.array.ctypes.data for v in first] == places
    assert second[0].block is not first[0].block


@every_optimizer
@pytest.mark.parametrize("replayed", [False, True])
def test_how_variables_are_packed_does_not_change_a_bit(make: Any, replayed: bool) -> None:
    results = []
    for groups in ([[0, 1, 2, 3]], [[0, 2], [3, 1]], [[3], [2], [1], [0]]):
        variables = weights()
        for group in groups:
            SGD().build([variables[i] for i in group])
        step = stepper(make(), variables, replayed)
        for gradients in slopes():
            step(*gradients)
        results.append(values(variables))
    assert_same_bits(results[0], results[1])
    assert_same_bits(results[0], results[2])


@every_optimizer
def test_two_optimizers_over_disjoint_variables_do_not_touch_each_other(make: Any) -> None:
    both, alone = weights(), weights()
    SGD().build(both)  # one block for all, as in a generator and a discriminator of one model
    ours, theirs, reference = make(), make(), make()
    for gradients in slopes():
        ours.apply(gradients[::2], both[::2])
        theirs.apply([10 * g for g in gradients[1::2]], both[1::2])
        reference.apply(gradients[::2], alone[::2])
    assert_same_bits(values(both[::2]), values(alone[::2]))
    assert not np.array_equal(both[1].numpy(), alone[1].numpy())


@every_optimizer
def test_a_variable_without_gradient_stays_with_its_slots(make: Any) -> None:
    variables, optimizer = weights(), make()
    first, second, *_ = slopes()
    for _ in range(optimizer.gradient_accumulation_steps or 1):
        optimizer.apply(first, variables)
    weight, state = variables[1].numpy(), optimizer.state()
    optimizer.apply([second[0], None, *second[2:]], variables)
    np.testing.assert_array_equal(variables[1].numpy(), weight)
    kept = [name for name in state if name.endswith("/w1")]
    assert_same_bits([optimizer.state()[name] for name in kept], [state[name] for name in kept])
    assert not np.array_equal(variables[0].numpy(), weights()[0].numpy())


@pytest.mark.parametrize("jit", [False, True])
def test_frozen_layers_stay_and_learn_after_they_are_unfrozen(jit: bool) -> None:
    layers = [gn.layers.Dense(3, name=f"d{i}") for i in range(3)]
    model = gn.Sequential([gn.Input((3,)), *layers])
    layers[1].trainable = False
    model.compile(Adam(0.1), "mse", jit_compile=jit)
    x, y = np.random.default_rng(0).normal(size=(2, 8, 3))
    before = [layer.kernel.numpy() for layer in layers]
    model.train_on_batch(x, y)
    moved = [not np.array_equal(a, layer.kernel.numpy()) for a, layer in zip(before, layers, strict=True)]
    assert moved == [True, False, True]
    layers[1].trainable = True
    model.train_on_batch(x, y)
    assert not np.array_equal(before[1], layers[1].kernel.numpy())
    assert "m/d0/kernel" in model.optimizer.state()
    assert "m/d1/kernel" in model.optimizer.state()


def test_a_shared_layer_is_updated_once_by_the_sum_of_its_gradients() -> None:
    w = gn.Variable([2.0])
    with_twice = w * 3.0 + w * 4.0
    with_twice.sum().backward()
    SGD(1.0).apply([w.grad], [w])
    assert w.numpy() == [2.0 - 7.0]


# ---------------------------------------------------------------- state and configuration


@every_optimizer
@pytest.mark.parametrize("replayed", [False, True])
def test_training_goes_on_with_the_same_bits_from_a_saved_state(make: Any, replayed: bool) -> None:
    steps = slopes(steps=6)
    straight = weights()
    step = stepper(make(), straight, replayed)
    for gradients in steps:
        step(*gradients)
    variables, optimizer = weights(), make()
    for gradients in steps[:3]:
        optimizer.apply(gradients, variables)
    resumed, other = weights(), make()
    for old, new in zip(variables, resumed, strict=True):
        new.assign(old.numpy())
    other.build(resumed)
    other.load_state(optimizer.state())
    step = stepper(other, resumed, replayed)
    for gradients in steps[3:]:
        step(*gradients)
    assert_same_bits(values(resumed), values(straight))


def test_state_lists_every_slot_by_the_path_of_its_variable_and_tells_equal_paths_apart() -> None:
    optimizer = Adam()
    optimizer.build([gn.Variable([1.0], name="a"), gn.Variable([1.0, 2.0], name="a")])
    assert set(optimizer.state()) == {"iterations", "learning_rate", "m/a", "v/a", "m/a#2", "v/a#2"}
    assert [v.path for v in optimizer.variables] == [
        "iterations", "learning_rate", "m/adam/a", "v/adam/a", "m/adam/a", "v/adam/a",
    ]  # fmt: skip


def test_a_state_that_does_not_fit_is_refused_whole() -> None:
    optimizer = Adam()
    optimizer.build([gn.Variable([1.0, 2.0], name="w")])
    before = optimizer.state()
    bad = {**before, "iterations": np.array(9), "m/w": np.zeros(3), "m/u": np.zeros(2)}
    del bad["v/w"]
    with pytest.raises(SavingError, match=r"missing v/w; extra m/u; m/w has shape \(3,\), not \(2,\)"):
        optimizer.load_state(bad)
    assert_same_bits(optimizer.state().values(), before.values())


@every_optimizer
def test_an_optimizer_survives_a_file(make: Any) -> None:
    own = make()
    own.learning_rate = schedules.CosineDecay(0.1, 10)
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(own))))
    assert type(again) is type(own)
    assert again.get_config() == own.get_config()
    assert again.current_rate() == own.current_rate()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", SGD), ("adam", Adam), ("Adam", Adam), ("rmsprop", RMSprop), ("RMSprop", RMSprop), ("adamw", AdamW),
     ("adagrad", Adagrad), ("adadelta", Adadelta), ("adamax", Adamax), ("nadam", Nadam), ("lion", Lion), ("LBFGS", LBFGS)],
)  # fmt: skip
def test_names_of_keras_are_understood(name: str, kind: type) -> None:
    assert type(optimizers.get(name)) is kind


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(
        ArgumentError, match=r"unknown optimizer 'adagard'\n.*adagrad, adam.*\n.*did you mean 'adagrad'\?"
    ):
        optimizers.get("adagard")


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ([[1.0]], r"sgd: one gradient per variable\n.*2\n.*1"),
        ([None, None], r"sgd: no variable has a gradient\n.*is the loss computed from the model's output"),
        ([[1.0], [1.0]], r"the gradient of b has another shape\n.*\(2,\)\n.*\(1,\)\n.*in the same order\?"),
    ],
)
def test_gradients_that_do_not_fit_are_refused(grads: Any, message: str) -> None:
    variables = [gn.Variable([1.0], name="a"), gn.Variable([1.0, 2.0], name="b")]
    optimizer = SGD()
    with pytest.raises(GradientError, match=message):
        optimizer.apply(grads, variables)
    assert int(optimizer.iterations) == 0
    assert_same_bits(values(variables), [[1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(momentum=1.0), r"SGD: momentum must be in \[0, 1\)\n.*momentum=1\.0"),
        (lambda: Adam(beta_1=1.0), r"Adam: beta_1 must be in \[0, 1\)"),
        (lambda: AdamW(beta_2=-0.1), r"AdamW: beta_2 must be in \[0, 1\)"),
        (lambda: RMSprop(rho=1.5), r"RMSprop: rho must be in \[0, 1\)"),
        (lambda: Adagrad(initial_accumulator_value=-1.0), "Adagrad: initial_accumulator_value must be >= 0"),
        (lambda: Lion(beta_2=1.0), r"Lion: beta_2 must be in \[0, 1\)"),
        (lambda: Adadelta(rho=1.0), r"Adadelta: rho must be in \[0, 1\)"),
        (lambda: SGD(use_ema=True, ema_momentum=1.5), r"SGD: ema_momentum must be in \[0, 1\]\n.*1\.5"),
        (lambda: SGD(ema_overwrite_frequency=5), r"SGD: ema_overwrite_frequency must be .*, with use_ema=True"),
        (
            lambda: SGD(gradient_accumulation_steps=1),
            r"gradient_accumulation_steps must be a whole number of at least 2",
        ),
        (lambda: LBFGS(history_size=0), r"LBFGS: history_size must be a whole number of at least 1"),
        (lambda: SGD(weight_decay=-1.0), "SGD: weight_decay must be >= 0"),
        (lambda: AdamW(weight_decay=None), r"AdamW: weight_decay must be a number(.|\n)*Adam is AdamW without decay"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


# ---------------------------------------------------------------- an optimizer of one's own


class HeavyBall(Optimizer):
    slots = ("v",)

    def update_step(self, gradient: Any, variable: gn.Variable, learning_rate: Any) -> None:
        velocity = self.slot("v", variable)
        velocity.assign(0.9 * velocity - learning_rate * gradient)
        variable.assign_add(velocity)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("replayed", [False, True])
def test_an_optimizer_of_ones_own_moves_variable_by_variable(dtype: str, replayed: bool) -> None:
    variables, steps = weights(dtype), slopes(dtype)
    start = values(variables)
    optimizer = HeavyBall(0.1, weight_decay=0.5)
    step = stepper(optimizer, variables, replayed)
    for gradients in steps:
        step(*gradients)
    for i, variable in enumerate(variables):
        expected = sgd(0.1, 0.9, decay=0.5)(start[i].astype("float64"), [g[i].astype("float64") for g in steps])
        tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
        np.testing.assert_allclose(variable.numpy(), expected, rtol=tolerance, atol=tolerance)
    assert "v/w0" in optimizer.state()


def test_an_optimizer_without_a_rule_says_what_to_define() -> None:
    with pytest.raises(ArgumentError, match=r"Optimizer has no rule\n.*define update_step\(self, gradient, variable"):
        Optimizer(0.1).apply([[1.0]], [gn.Variable([1.0])])


def test_apply_gradients_takes_pairs_and_apply_remembers_the_built_variables() -> None:
    pairs, listed = weights(), weights()
    optimizer = SGD(0.1)
    optimizer.build(listed[:2])
    optimizer.build(listed)
    gradients = slopes()[0]
    SGD(0.1).apply_gradients(zip(gradients, pairs, strict=True))
    optimizer.apply(gradients)
    assert_same_bits(values(pairs), values(listed))
