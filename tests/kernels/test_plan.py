"""Whole training steps as compiled plans: the numbers of NumPy, on one thread or two, and safe when a kernel is wrong."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.graph.executor import ProvedPlan
from glassnet.kernels import driver, kernel, recompute, team
from glassnet.kernels.llvm import I64, Module, machine
from glassnet.kernels.plan import CompiledPlan
from glassnet.kernels.team import Team, thread_limit

L = gn.layers
RNG = np.random.default_rng(0)
IMAGES, ROWS = RNG.random((24, 12, 12, 1), "float32"), RNG.random((40, 20), "float32")
CLASSES = RNG.integers(0, 5, 40)


@pytest.fixture(autouse=True)
def llvm() -> Iterator[None]:
    gn.config.set_executor("llvm")
    yield
    gn.config.set_executor("auto")


def dense(*, hidden: str = "relu", last: str = "softmax", **options: Any) -> Any:
    layers = [L.Dense(33, hidden), L.Dropout(0.2), L.Dense(17, hidden, kernel_regularizer="l2"), L.Dense(5, last)]
    return gn.Sequential([gn.Input((20,)), *layers]), {"loss": "sparse_categorical_crossentropy", **options}


def convolutional() -> Any:
    layers = [
        L.Conv2D(6, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(9, 3, padding="same"),
        L.Flatten(),
        L.Dense(5, "softmax"),
    ]
    return gn.Sequential([gn.Input((12, 12, 1)), *layers]), {"loss": "sparse_categorical_crossentropy", "x": IMAGES}


def shared_and_frozen() -> Any:
    x, twice = gn.Input((20,)), L.Dense(20, "tanh")
    y = L.Dense(5, "softmax")(twice(L.Dense(20, "sigmoid", trainable=False)(twice(x))))
    return gn.Model(x, y), {"loss": "sparse_categorical_crossentropy"}


def normalized() -> Any:
    """Without the bias that the normalization takes off again: its gradient is 0, and Adam would divide rounding by itself."""
    layers = [
        L.Dense(16, use_bias=False),
        L.BatchNormalization(),
        L.Activation("gelu"),
        L.LayerNormalization(),
        L.Dense(5, "softmax"),
    ]
    return gn.Sequential([gn.Input((20,)), *layers]), {"loss": "sparse_categorical_crossentropy"}


def recurrent() -> Any:
    """The mask stays unknown until the step runs: it comes with the data."""
    layers = [
        L.Reshape((5, 4)),
        L.Masking(0.5),
        L.LSTM(7, return_sequences=True),
        L.GRU(6, return_sequences=True, reset_after=False),
        L.Bidirectional(L.GRU(5, return_sequences=True)),
        L.SimpleRNN(4),
        L.Dense(5, "softmax"),
    ]
    return gn.Sequential([gn.Input((20,)), *layers]), {"loss": "sparse_categorical_crossentropy"}


def transformer() -> Any:
    """Trained without dividing by a gradient's size: that of the bias of keys is 0, and rounding alone would decide."""
    layers = [
        L.Embedding(9, 8),
        L.TransformerDecoder(16, 2, 0.1, "gelu", normalize_first=True),
        L.RMSNormalization(),
        L.GlobalAveragePooling1D(),
        L.Dense(5, "softmax"),
    ]
    model = gn.Sequential([gn.Input((20,), dtype="int64"), *layers])
    optimizer = gn.optimizers.SGD(0.1, momentum=0.9)
    return model, {"loss": "sparse_categorical_crossentropy", "optimizer": optimizer, "x": (9 * ROWS).astype("int64")}


def strided() -> Any:
    layers = [
        L.ZeroPadding2D(1),
        L.Conv2D(8, 3, strides=2, use_bias=False),
        L.GroupNormalization(4),
        L.DepthwiseConv2D(3, padding="same", activation="relu"),
        L.Conv2DTranspose(6, 3, strides=2, padding="same"),
        L.Conv2D(4, 3, dilation_rate=2, activation="silu"),
        L.GlobalAveragePooling2D(),
        L.Dense(5, "softmax"),
    ]
    model, optimizer = gn.Sequential([gn.Input((12, 12, 1)), *layers]), gn.optimizers.SGD(0.1)
    return model, {"loss": "sparse_categorical_crossentropy", "optimizer": optimizer, "x": IMAGES}


SCHEDULE = gn.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
STEPS: dict[str, Callable[[], Any]] = {
    "adam": lambda: dense(optimizer="adam", metrics=["accuracy"]),
    "sgd with a schedule": lambda: dense(hidden="tanh", optimizer=gn.optimizers.SGD(SCHEDULE, momentum=0.9)),
    "clipped norm": lambda: dense(hidden="sigmoid", optimizer=gn.optimizers.RMSprop(0.01, clipnorm=0.1)),
    "global norm": lambda: dense(optimizer=gn.optimizers.AdamW(0.01, global_clipnorm=0.1)),
    "mean squared error": lambda: dense(last="linear", loss="mse", optimizer="nadam"),
    "convolution": convolutional,
    "shared and frozen": shared_and_frozen,
    "normalized": normalized,
    "recurrent": recurrent,
    "transformer": transformer,
    "strided": strided,
}


def trained(name: str, executor: str, epochs: int = 3) -> tuple[dict[str, list[float]], list[np.ndarray], Any]:
    """History, weights and model after a short training; the last batch of an epoch is smaller."""
    gn.config.set_executor(executor)
    gn.utils.set_random_seed(1)
    model, options = STEPS[name]()
    x = options.pop("x", ROWS)
    model.compile(**{"optimizer": "adam", **options})
    y = CLASSES[: len(x)] if "sparse" in options["loss"] else np.eye(5, dtype="float32")[CLASSES[: len(x)]]
    validation = (x, y) if name == "adam" else None  # more plans to compile
    history = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, validation_data=validation).history
    return history, model.get_weights(), model


@pytest.mark.parametrize("name", STEPS)
def test_training_gives_the_numbers_of_numpy(name: str) -> None:
    history, weights, model = trained(name, "llvm")
    expected, wanted, _ = trained(name, "numpy")
    plans = [compiled.plan for step in model._steps.values() for compiled in step._compiled.values()]
    assert all(plan.is_proved and "NumPy runs" not in plan.report() for plan in plans)
    for key in expected:
        np.testing.assert_allclose(history[key], expected[key], rtol=2e-4, err_msg=key)
    for got, weight in zip(weights, wanted):
        assert np.max(np.abs(got - weight)) <= 2e-3 * max(np.max(np.abs(weight)), 0.1)


@pytest.mark.parametrize("name", ["normalized", "recurrent", "transformer", "strided"])
def test_training_gives_the_numbers_of_numpy_whatever_is_computed_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recompute, "_SMALL", 8)
    test_training_gives_the_numbers_of_numpy(name)


def test_one_thread_and_two_give_the_same_bits() -> None:
    def results(threads: int) -> list[np.ndarray]:
        gn.utils.set_random_seed(3)
        model = gn.Sequential([gn.Input((300,)), L.Dense(200, "relu"), L.Dense(64, "relu"), L.Dense(10)])
        model.compile("adam", "mse")
        x, y = np.random.default_rng(5).random((128, 300), "float32"), np.ones((128, 10), "float32")
        model._prepare((x, y, None))
        graph, _ = trace(lambda *data: model.train_step(data), x, y)
        plan = CompiledPlan(graph, threads)
        return [*plan.run(x, y), *plan.run(x, y), *model.get_weights()]

    for one, two in zip(results(1), results(2)):
        np.testing.assert_array_equal(one, two)


@pytest.mark.usefixtures("empty_cache")
def test_a_wrong_kernel_is_noticed_in_the_first_step_and_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    right = kernel.Emitter.store

    def wrong(emitter: Any, target: Any, position: Any, cell: Any, lanes: Any) -> None:
        right(emitter, target, position, cell, lanes * 1.01 if lanes.is_float else lanes)

    monkeypatch.setattr(kernel.Emitter, "store", wrong)
    with pytest.warns(UserWarning, match=r"compiled kernels are off: in the first step .*; NumPy goes on"):
        history, weights, _ = trained("adam", "llvm")
    expected, wanted, _ = trained("adam", "numpy")
    assert history == expected
    for got, weight in zip(weights, wanted):
        np.testing.assert_array_equal(got, weight)


@pytest.mark.usefixtures("empty_cache")
def test_a_compiler_that_fails_leaves_numpy_in_charge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.Kernel, "_write", lambda self: 1 / 0)
    with pytest.warns(UserWarning, match=r"could not be compiled \(ZeroDivisionError.*\); NumPy goes on"):
        history, *_ = trained("adam", "llvm", epochs=1)
    assert history == trained("adam", "numpy", epochs=1)[0]
    assert gc.isenabled()


@pytest.mark.usefixtures("empty_cache")
def test_a_missing_barrier_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second thread idles at every barrier between kernels; the first goes on and reads what is not there yet."""
    right = driver.Driver._run

    def hasty(builder: Any, control: Any, arrivals: Any) -> None:
        team.arrive(builder, control)
        with builder.if_then(builder.icmp_signed("==", builder.function.args[-1], I64(1))):
            team.wait_until(builder, team.field(builder, control, team.ARRIVED), I64(2**62), 10_000)

    def run(self: Any, *arguments: Any) -> None:
        with monkeypatch.context() as between_kernels:
            between_kernels.setattr(driver, "meet", hasty)
            right(self, *arguments)

    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    monkeypatch.setattr(driver.Driver, "_run", run)
    with pytest.warns(UserWarning, match="compiled kernels are off"):
        trained("adam", "llvm", epochs=1)


def test_what_has_no_kernel_runs_with_numpy_and_the_report_says_so() -> None:
    sort = gn.jit(lambda x: gn.ops.sort(x * 2.0) + 1.0)
    np.testing.assert_array_equal(sort(ROWS).numpy(), np.sort(ROWS * 2, axis=-1) + 1)
    plan = next(iter(sort._compiled.values())).plan
    assert isinstance(plan, ProvedPlan)
    assert "NumPy runs argsort" in plan.report()
    assert "kernels, " in plan.report()
    rows = np.arange(40).reshape(10, 4)
    np.testing.assert_array_equal(sort.scan(rows, ROWS).numpy(), (np.sort(ROWS * 2) + 1).reshape(10, 4, 20))


def test_a_label_that_is_out_of_range_is_refused_in_any_step() -> None:
    _, _, model = trained("adam", "llvm", epochs=1)
    with pytest.raises(DataError, match="label is out of range"):
        model.train_on_batch(ROWS[:16], np.full(16, 5))


def test_nan_and_infinity_are_those_of_numpy() -> None:
    def step(x: Any) -> list[Any]:
        return [gn.ops.relu(x), gn.ops.softmax(x), gn.ops.sum(x, axis=0), gn.ops.max(x, axis=1), gn.ops.tanh(x) / x]

    x = np.array([[1, np.nan, 2], [np.inf, 1, -1], [-np.inf, 0, 3], [1, 2, 3]], "float32")
    compiled = gn.jit(step)
    gn.config.set_executor("numpy")
    with np.errstate(all="ignore"):
        expected = gn.jit(step)(x)
        gn.config.set_executor("llvm")
        for got, wanted in zip(compiled(x), expected):
            np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5)


def test_arrays_are_read_as_they_lie_in_memory() -> None:
    """A constant in Fortran's order, a reversed view, and truth values that are counted."""
    turned = np.arange(12, dtype="float32").reshape(4, 3).T
    x = np.arange(8, dtype="float32").reshape(4, 2)
    product, backwards, count = gn.jit(lambda x: (turned @ x, x[::-1] * 2, gn.ops.sum(x > 2.0, axis=0)))(x)
    np.testing.assert_array_equal(product.numpy(), turned @ x)
    np.testing.assert_array_equal(backwards.numpy(), x[::-1] * 2)
    np.testing.assert_array_equal(count.numpy(), (x > 2).sum(axis=0))


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("turned", [False, True])
def test_large_products_are_those_of_numpy(turned: bool, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their factor goes through panels of 48 columns."""
    monkeypatch.setattr(machine(), "lanes", min(lanes, machine().lanes))
    x, w = RNG.normal(size=(1024, 512)).astype("float32"), RNG.normal(size=(512, 528)).astype("float32")
    product = gn.jit(lambda x, w: gn.ops.relu(gn.ops.matmul(x, gn.ops.transpose(w) if turned else w)))
    found = product(x, w.T.copy() if turned else w)
    assert "/ 48" in product.report()
    exact = np.maximum(x.astype("float64") @ w, 0)
    np.testing.assert_allclose(found, exact, rtol=0, atol=2e-6 * exact.max())


def test_an_unknown_executor_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"set_executor: unknown executor\n.*'auto', 'numpy' or 'llvm'\n.*'cuda'"):
        gn.config.set_executor("cuda")


def test_a_thread_limit_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert thread_limit() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_trains_with_a_team_of_its_own() -> None:
    _, _, model = trained("adam", "llvm", epochs=1)
    before = model.evaluate(ROWS, CLASSES, verbose=0, return_dict=True)
    child = os.fork()
    if child == 0:
        again = model.evaluate(ROWS, CLASSES, verbose=0, return_dict=True)
        os._exit(0 if again == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_goes_on_with_a_plan_whose_team_stayed_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    product = gn.jit(lambda x: x @ gn.ops.transpose(x))
    before = product(ROWS).numpy()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # rather than wait for ever
        os._exit(0 if np.array_equal(product(ROWS).numpy(), before) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_models_are_trained_by_several_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    monkeypatch.setattr(team, "_teams", {})
    team._library.cache_clear()

    def train(position: int) -> None:
        model = gn.Sequential([gn.Input((20,)), L.Dense(32, "tanh"), L.Dense(5, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        ends[position] = model.fit(ROWS, CLASSES, batch_size=20, epochs=20, verbose=0).history["loss"][-1]

    ends = [np.inf] * 4
    threads = [threading.Thread(target=train, args=(position,)) for position in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(ends) < np.log(5)


def test_a_team_that_slept_wakes_for_the_next_step_and_can_be_let_go() -> None:
    module, three, table = Module(), Team(3), np.zeros(1, np.int64)
    function, builder = module.function("count", team.DRIVER_ARGUMENTS)
    builder.atomic_rmw("add", function.args[0], I64(1), "seq_cst")
    builder.ret_void()
    library = module.compile()
    for wanted in (3, 6):
        until(lambda: three._fields[team.SLEEPERS].value == 2)  # both workers have lost their patience
        three.run(library.address("count"), table.ctypes.data, library)
        until(lambda wanted=wanted: table[0] == wanted)
    three.stop()
    assert not any(worker.is_alive() for worker in three._workers)


def until(reached: Callable[[], bool]) -> None:
    """Wait for what other threads do, but not for ever."""
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_code_stays_until_the_slowest_thread_has_left_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may be interrupted behind the last barrier: it has surely left when all meet in another step."""
    monkeypatch.setattr(driver, "_WORTH_SHARING", 1)
    plans = [CompiledPlan(trace(lambda x, k=k: x * k, ROWS)[0], threads=2) for k in (2.0, 3.0)]
    plans[0].run(ROWS)
    code = weakref.ref(plans[0]._machine_code)
    del plans[0]
    gc.collect()
    assert code() is not None
    plans[0].run(ROWS)
    assert code() is None


def test_a_weight_that_is_read_after_its_update_keeps_its_old_value() -> None:
    w, x = gn.Variable(np.ones((3, 3), "float32")), np.arange(9, dtype="float32").reshape(3, 3)

    def step(x: Any) -> Any:
        old = w.value
        w.assign(old - 0.5 * x)
        return gn.ops.matmul(x, old)

    np.testing.assert_array_equal(gn.jit(step)(x).numpy(), x @ np.ones((3, 3)))
    np.testing.assert_array_equal(w.numpy(), 1 - 0.5 * x)


def test_a_view_of_a_weight_that_was_updated_in_place_shows_the_new_weight() -> None:
    w, x = gn.Variable(np.ones((3, 2), "float32")), np.arange(6, dtype="float32").reshape(2, 3)

    def step(x: Any) -> Any:
        w.assign(w.value - 0.5)
        return x @ w.value, gn.ops.transpose(w.value)

    compiled = gn.jit(step)
    for left in (0.5, 0.0):
        product, turned = compiled(x)
        np.testing.assert_array_equal(product.numpy(), x @ np.full((3, 2), left, "float32"))
        np.testing.assert_array_equal(turned.numpy(), np.full((2, 3), left))


def test_variables_that_exchange_their_contents_do_not_overwrite_each_other() -> None:
    a, b, c = (gn.Variable(np.full(3, start, "float32")) for start in (1.0, 2.0, 3.0))

    def step(x: Any) -> Any:
        old_a, old_b, old_c = a.value, b.value, c.value
        a.assign(old_b)
        b.assign(old_a)
        c.assign(old_c * x)
        a_before = old_a * 1.0
        return a_before, old_c

    compiled = gn.jit(step)
    for wanted in ([2, 1, 6], [1, 2, 12], [2, 1, 24]):
        compiled(np.float32([2.0]))
        assert [float(v.numpy()[0]) for v in (a, b, c)] == wanted


@pytest.mark.parametrize("turned", ["flip", "transpose"])
def test_a_variable_may_become_a_view_of_itself(turned: str) -> None:
    """The copy would read cells that it has written already."""
    x = RNG.random((20, 20), "float32")
    w = gn.Variable(x)
    CompiledPlan(trace(lambda: w.assign(getattr(gn.ops, turned)(w.value)))[0]).run()
    np.testing.assert_array_equal(w.numpy(), getattr(np, turned)(x))


def test_a_variable_that_another_one_takes_over_is_not_updated_in_place() -> None:
    new, old = gn.Variable(np.zeros(3, "float32")), gn.Variable(np.zeros(3, "float32"))

    def step(x: Any) -> Any:
        old.assign(new.value)
        new.assign(new.value + x)

    compiled = gn.jit(step)
    for _ in range(3):
        compiled(np.ones(3, "float32"))
    assert (new.numpy().tolist(), old.numpy().tolist()) == ([3.0] * 3, [2.0] * 3)


# ---------------------------------------------------------------- many steps in one call


@pytest.mark.parametrize("executor", ["numpy", "llvm"])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_many_steps_in_one_call_give_the_bits_of_single_steps(executor: str, batch_size: int) -> None:
    gn.config.set_executor(executor)

    def results(*callbacks: Any) -> list[Any]:
        gn.utils.set_random_seed(4)
        model, options = dense(optimizer=gn.optimizers.SGD(SCHEDULE, momentum=0.9), metrics=["accuracy"])
        model.compile(**options)
        history = model.fit(ROWS, CLASSES, batch_size, epochs=2, verbose=0, callbacks=callbacks, validation_split=0.1)
        return [*history.history.values(), *model.get_weights(), model.predict(ROWS, batch_size)]

    heard: list[int] = []
    watched = results(gn.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append(batch)))
    assert heard == [*range(-(-36 // batch_size))] * 2
    for one, many in zip(watched, results(), strict=True):
        np.testing.assert_array_equal(one, many)


def test_a_scan_steps_over_the_given_rows_and_stacks_the_results() -> None:
    total, x = gn.Variable(0.0), np.arange(6, dtype="float32")

    def add(x: Any) -> Any:
        total.assign(total.value + gn.ops.sum(x))
        return {"double": x * 2, "total": total.value}

    found = gn.jit(add).scan(np.array([[0, 5], [1, 1], [4, 2]]), x)
    np.testing.assert_array_equal(found["double"].numpy(), [[0, 10], [2, 2], [8, 4]])
    np.testing.assert_array_equal(found["total"].numpy(), [5, 7, 13])


def test_the_last_batch_of_a_scan_is_checked_for_labels_like_the_first() -> None:
    labels = CLASSES.copy()
    labels[-1] = 9
    _, _, model = trained("adam", "llvm", epochs=1)
    with pytest.raises(DataError, match="label is out of range"):
        model._step("train").scan(np.arange(40).reshape(5, 8), ROWS, labels)


def test_rows_are_picked_from_arrays_however_they_lie_in_memory() -> None:
    double = gn.jit(lambda x: x * 2)
    for x in (np.asfortranarray(ROWS), ROWS[::-1], ROWS[:, ::3]):
        rows = np.arange(40).reshape(10, 4)
        np.testing.assert_array_equal(double.scan(rows, x).numpy(), (2 * x).reshape(10, 4, -1))


def test_a_scan_over_a_single_number_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"scan picks rows of every array\n.*an axis of rows in front"):
        gn.jit(lambda x, y: x * y).scan([[0]], ROWS, np.float32(2.0))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0, 1], r"needs the rows of every batch\n.*\(steps, batch\) integers"),
        ([[0.5]], r"needs the rows of every batch"),
        ([[-1]], r"needs the rows of every batch"),
        ([[0, 40]], r"picks a row that is not there\n.*rows below 40\n.*40"),
    ],
)
def test_rows_that_are_not_there_are_refused(rows: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        gn.jit(lambda x: x * 2).scan(rows, ROWS)
