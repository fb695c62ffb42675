"""A trace is one real training step as data: the numbers of the engine, named, and the model unchanged."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, DataError, GraphError, SavingError, ShapeError
from glassnet.explain import Trace, load_trace, narrate, record, trace
from glassnet.explain.trace import replay, updated

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
Y = np.array([[0], [1], [1], [0]], "float32")


def xor_net() -> Any:
    gn.utils.set_random_seed(1)
    hidden = gn.layers.Dense(3, activation="tanh", name="dense")
    return gn.Sequential([hidden, gn.layers.Dense(1, activation="sigmoid", name="dense_1")])


def classifier(optimizer: Any = "adam") -> tuple[Any, Any, Any]:
    gn.utils.set_random_seed(2)
    model = gn.Sequential([
        gn.layers.Rescaling(1 / 16), gn.layers.Flatten(), gn.layers.Dense(6, activation="relu"),
        gn.layers.Dropout(0.4), gn.layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer, "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (5, 4, 4)).astype("float32"), rng.integers(0, 3, 5)
    model.train_on_batch(x, y)
    return model, x, y


def both() -> list[Trace]:
    model, x, y = classifier()
    return [trace(xor_net(), X, Y, "mse", "sgd"), trace(model, x, y)]


def test_every_gradient_is_the_engines():
    model = xor_net()
    step = trace(model, X, Y, "mse", "sgd")
    loss = gn.ops.mean((model(X) - Y) ** 2)
    loss.backward()
    assert step.facts["loss_before"] == float(loss)
    for variable in model.trainable_variables:
        found = step.tensors[step[f"{variable.path}@0"].grad]
        np.testing.assert_array_equal(found.array, variable.grad.numpy())
        assert found.of == step.tensors.index(step[f"{variable.path}@0"])


def residual() -> Any:
    inputs = gn.Input((4,))
    hidden = gn.layers.Dense(4, activation="tanh")(inputs)
    added = gn.layers.add([hidden, gn.layers.Dense(4, activation="tanh")(hidden)])
    return gn.Model(inputs, gn.layers.Dense(2)(gn.layers.add([added, added])))


def normalized() -> Any:
    return gn.Sequential([gn.Input((4,)), gn.layers.Dense(4), gn.layers.BatchNormalization(), gn.layers.Dense(2)])


def squared() -> Any:
    square = gn.layers.Lambda(lambda x: x * x - gn.ops.mean(x))
    return gn.Sequential([gn.Input((4,)), gn.layers.Dense(4, activation="softplus"), square, gn.layers.Dense(2)])


@pytest.mark.parametrize("make", [residual, normalized, squared])
def test_every_gradient_agrees_with_differences_where_a_tensor_is_used_twice(make):
    gn.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    step = trace(make(), rng.normal(size=(3, 4)), rng.normal(size=(3, 2)), "mse", "sgd")
    loss, checked = step.tensors.index(step[step.facts["loss_ref"]]), 0
    of_values = [
        number
        for number, tensor in enumerate(step.tensors)
        if tensor.grad is not None and tensor.role in ("param", "act")
    ]
    for number in of_values:
        array, gradient = step.tensors[number].array.astype("float64"), step.tensors[step.tensors[number].grad].array
        for cell in [tuple(rng.integers(0, size) for size in array.shape) for _ in range(3)]:
            losses = []
            for way in (-1e-5, 1e-5):
                moved = array.copy()
                moved[cell] += way
                losses.append(float(replay(step, {number: moved}, "float64")[loss]))
            slope = (losses[1] - losses[0]) / 2e-5
            assert slope == pytest.approx(
                float(gradient[cell]), rel=2e-3, abs=2e-5 * float(np.abs(gradient).max()) + 1e-6
            )
            checked += 1
    assert checked > 20


def test_weights_of_one_name_in_two_models_are_told_apart():
    gn.utils.set_random_seed(0)
    inner = gn.Sequential([gn.layers.Dense(4, name="dense")], name="inner")
    model = gn.Sequential([inner, gn.layers.Dense(4, name="dense")], name="dense")
    model.compile(gn.optimizers.SGD(0.1, momentum=0.9), "mse")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4)).astype("float32")
    model.train_on_batch(x, x)
    step = trace(model, x, x)
    model.train_on_batch(x, x)
    after = [step[f"dense/kernel{mark}@1"].array for mark in ("", "#2")]
    for found, variable in zip(after, [v for v in model.trainable_variables if v.path == "dense/kernel"], strict=True):
        np.testing.assert_array_equal(found, variable.numpy())
    slots = [t for t in step.tensors if t.name.startswith("dense/kernel") and t.role == "opt" and t.version == 0]
    assert [step.tensors[t.of].name for t in slots] == [t.name.rpartition(":")[0] for t in slots]
    assert step.facts["loss_after"] == pytest.approx(model.test_on_batch(x, x), rel=1e-6)


def test_a_model_may_learn_to_give_back_its_input():
    x = np.arange(6).reshape(3, 2)
    step = trace([gn.layers.Dense(2)], x, x, "mse")
    assert (step["x"].role, step["y"].role) == ("input", "target")


def test_layers_that_draw_for_themselves_and_foreign_optimizers_are_found_unchanged():
    class Noise(gn.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.own = gn.random.SeedGenerator(0)

        def call(self, inputs: Any) -> Any:
            return inputs + gn.random.normal((2,), seed=self.own) + gn.random.normal((2,))

    model = gn.Sequential([gn.Input((2,)), Noise(), gn.layers.Dense(1)])
    optimizer = gn.optimizers.Adam()
    optimizer.build([gn.Variable(np.ones(3, "float32"), name="other")])
    first, second = (trace(model, X, Y, "mse", optimizer) for _ in range(2))
    assert first.facts["loss_before"] == second.facts["loss_before"]
    assert len(optimizer.variables) == 4


def test_the_update_is_the_one_that_training_makes():
    model, x, y = classifier()
    step = trace(model, x, y)
    model.train_on_batch(x, y)
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(step[f"{variable.path}@1"].array, variable.numpy())


def test_the_model_is_found_unchanged_down_to_its_random_bits():
    model, x, y = classifier()
    model.trainable_variables[0].leaf.grad = kept = np.ones((16, 6), "float32")
    before = [v.numpy() for v in [*model.variables, *model.optimizer.variables]]
    versions = [v.version for v in model.variables]
    first = trace(model, x, y)
    second = trace(model, x, y)
    for old, variable in zip(before, [*model.variables, *model.optimizer.variables], strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    assert model.trainable_variables[0].leaf.grad is kept
    assert versions == [v.version for v in model.variables]
    assert all(a.ref == b.ref and np.array_equal(a.array, b.array) for a, b in zip(first.tensors, second.tensors))


def test_the_states_of_stateful_layers_are_found_unchanged():
    lstm = gn.layers.LSTM(3, stateful=True)
    model = gn.Sequential([gn.Input((4, 2), batch_size=2), lstm, gn.layers.Dense(1)])
    x, y = np.arange(16, dtype="float32").reshape(2, 4, 2) / 16, np.ones((2, 1), "float32")
    model(x)
    before = [state.numpy() for state in lstm.states]
    first, second = (trace(model, x, y, "mse", "sgd") for _ in range(2))
    for old, state in zip(before, lstm.states, strict=True):
        np.testing.assert_array_equal(state.numpy(), old)
    assert first.facts["loss_before"] == second.facts["loss_before"]


def test_a_hand_written_brick_is_found_unchanged_too():
    class Shift:
        def __init__(self) -> None:
            self.b, self.calls = np.zeros(2), 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return x + self.b

        def backward(self, output_gradient: Any, learning_rate: float) -> Any:
            self.b -= learning_rate * output_gradient.sum(axis=0)
            return output_gradient

    brick = Shift()
    held = brick.b
    model = gn.Sequential([brick, gn.layers.Dense(1)])
    model(X)
    calls = brick.calls
    step = trace(model, X, Y, "mse", gn.optimizers.SGD(0.5))
    assert brick.b is held
    assert not held.any()
    assert brick.calls == calls  # the step left no mark
    assert "run_brick" in [op.name for op in step.in_phase("forward")]


def test_every_rule_gives_the_recorded_numbers():
    rng, checked = np.random.default_rng(0), 0
    for step in both():
        for op in step.ops:
            for output, number in enumerate(op.writes):
                array = step.tensors[number].array
                for cell in [tuple(rng.integers(0, size) for size in array.shape) for _ in range(3)]:
                    worked = step.work(op, cell, output)
                    if worked is not None:
                        assert worked.value == pytest.approx(float(array[cell]), rel=1e-5, abs=1e-6), (op.name, cell)
                        checked += 1
    assert checked > 150


def test_every_operation_of_a_dense_network_has_a_rule():
    assert [op.name for step in both() for op in step.ops if not op.rule] == []


def test_steps_go_forward_loss_backward_update_and_cover_every_operation():
    for step in both():
        assert [name for name, _ in itertools.groupby(s.phase for s in step.steps)] == [
            "forward", "loss", "backward", "update",
        ]  # fmt: skip
        covered = [number for s in step.steps for number in s.ops]
        assert sorted(covered) == [n for n, op in enumerate(step.ops) if op.inside_of is None]


def test_backward_reads_only_weights_from_before_the_update():
    for step in both():
        read = [step.tensors[number] for op in step.in_phase("backward") for number in op.reads]
        assert {t.version for t in read if t.version is not None} == {0}
        written = [step.tensors[number] for op in step.in_phase("update") for number in op.writes]
        assert {t.version for t in written} == {1}


def test_symbols_and_axes_are_those_of_the_textbook():
    step = trace(xor_net(), X, Y, "mse", "sgd")
    symbols = {t.ref: t.symbol for t in step.tensors}
    assert (symbols["dense/kernel@0"], symbols["dense_1/bias@0"], symbols["dense/linear"]) == ("W1", "b2", "z1")
    assert (symbols["dense/tanh"], symbols["dense_1/sigmoid"], symbols["loss/mean"]) == ("a1", "p", "L")
    assert step.tensors[step["dense/kernel@0"].grad].symbol == "∂L/∂W1"
    assert (step["x"].axes, step["dense/kernel@0"].axes) == (("N", "I"), ("I", "O"))
    ways = [t.symbol for t in step.tensors]
    assert {"W2ᵀ", "p − y", "1 − p", "p · (1 − p)"} <= set(ways)


def test_names_are_unique():
    for step in both():
        refs = [t.ref for t in step.tensors]
        assert len(set(refs)) == len(refs)


def test_a_fused_operation_is_opened_into_parts_that_end_in_the_same_numbers():
    step = both()[1]
    for number, op in enumerate(step.ops):
        parts = [part for part in step.ops if part.inside_of == number]
        if op.name in ("linear", "sparse_softmax_crossentropy"):
            assert len(parts) > 1
            whole, end = (step.tensors[o.writes[0]].array for o in (op, parts[-1]))
            np.testing.assert_allclose(end, whole, rtol=1e-5, atol=1e-6)


def test_replay_gives_the_same_bits_with_the_same_dropout():
    model, x, y = classifier()
    step = trace(model, x, y)
    again = replay(step, {})
    for op in [*step.in_phase("forward"), *step.in_phase("loss")]:
        for number in op.writes:
            np.testing.assert_array_equal(again[number], step.tensors[number].array)
    number = step.tensors.index(step[step.facts["loss_ref"]])
    assert step.facts["loss_after"] == float(replay(step, updated(step))[number]) < step.facts["loss_before"]


def test_a_shared_layer_adds_up_its_gradients():
    shared = gn.layers.Dense(2, activation="tanh", name="dense")
    inputs = gn.Input((2,))
    model = gn.Model(inputs, shared(shared(inputs)))
    step = trace(model, X, X, "mse", "sgd")
    gn.ops.mean((model(X) - X) ** 2).backward()
    np.testing.assert_array_equal(step.tensors[step["dense/kernel@0"].grad].array, shared.kernel.grad.numpy())


def test_a_constraint_is_part_of_the_update():
    model = gn.Sequential([gn.layers.Dense(1, kernel_constraint=gn.constraints.MaxNorm(0.01), name="dense")])
    step = trace(model, X, np.ones((4, 1), "float32"), "mse", "sgd")
    assert np.linalg.norm(step["dense/kernel@1"].array) <= 0.010001
    assert next(op.name for op in step.in_phase("update")) == "sgd_update"


def test_code_lines_are_those_of_the_operation_the_layer_and_the_user():
    class Mine(gn.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return gn.ops.tanh(inputs)  # my line

    model = gn.Sequential([gn.layers.Dense(2), Mine()])
    ops = list(trace(model, X, X, "mse", "sgd").in_phase("forward"))
    assert ops[0].code["forward"].file == "glassnet/ops/linalg.py"
    assert "def forward" in ops[0].code["forward"].text
    assert ops[0].code["layer"].file == "glassnet/layers/core.py"
    assert "user" not in ops[0].code
    assert ops[1].code["user"].file == "test_trace.py"
    assert "my line" in ops[1].code["user"].text
    assert "def vjp" in ops[1].code["vjp"].text


def test_a_saved_trace_comes_back_whole(tmp_path):
    for step in both():
        step.save(tmp_path / "step.trace")
        again = load_trace(tmp_path / "step.trace")
        assert (again.steps, again.ops, again.facts) == (step.steps, step.ops, step.facts)
        for a, b in zip(step.tensors, again.tensors, strict=True):
            np.testing.assert_array_equal(a.array, b.array)
            assert (a.ref, a.role, a.axes, a.of, a.grad, a.version) == (b.ref, b.role, b.axes, b.of, b.grad, b.version)
        with pytest.raises(GraphError, match="a trace that was read from a file has no operations"):
            replay(again, {})


def test_other_files_are_refused(tmp_path):
    model = xor_net()
    model(X)
    model.save(tmp_path / "model.glassnet")
    with pytest.raises(SavingError, match="is not a trace of this version"):
        load_trace(tmp_path / "model.glassnet")


def test_any_operations_can_be_recorded():
    step = record(lambda: gn.ops.relu(gn.Tensor([-1.0, 2.0])))
    assert (step.ops[0].name, step.work(step.ops[0], (1,)).text) == ("relu", "max(2, 0)")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda m: trace("net", X, Y, "mse"), ArgumentError, "trace: this is not a model"),
        (lambda m: trace(m, X, Y), ArgumentError, "trace: there is no loss"),
        (lambda m: trace(m, X, Y[:3], "mse"), DataError, "x and y are one batch"),
        (lambda m: trace(m, [X, X], Y, "mse"), ArgumentError, "one input and one target are traced"),
        (lambda m: trace(m, X[:0], Y[:0], "mse"), DataError, "x and y are one batch"),
        (
            lambda m: trace(m, X[:, :1], Y, "mse") if m(X) is not None else 0,
            ShapeError,
            "the input has the wrong shape",
        ),
        (lambda m: trace([gn.layers.Activation("tanh")], X, Y, "mse"), GraphError, "without trainable weights"),
        (lambda m: trace(m, X, Y, "mse", "sgd")["dens"], ArgumentError, "the trace has no tensor 'dens'"),
    ],
)
def test_bad_input_is_refused_in_words(call, kind, text):
    with pytest.raises(kind, match=text):
        call(xor_net())


def test_a_label_that_the_loss_cannot_mean_is_refused():
    model, x, _ = classifier()
    with pytest.raises(DataError, match="a label is not a whole number"):
        trace(model, x[:1], np.array([1.5]))
    with pytest.raises(DataError, match="label"):
        trace(model, x[:1], np.array([7]))


def test_the_text_of_an_update_names_each_number_as_the_rule_does():
    gn.utils.set_random_seed(0)
    step = trace([gn.layers.Dense(1, use_bias=False, name="unit")], X[1:2], Y[1:2], "mse", gn.optimizers.Adam(0.25))
    lines = narrate(step).splitlines()
    told = {
        line.split("[")[0].strip(): line.rpartition("= ")[2]
        for line in lines
        if line.strip()[:3] in ("m2[", "v2[", "w2[")
    }
    gradient = step.tensors[step["unit/kernel@0"].grad].array[1, 0]
    assert float(told["m2"].replace("−", "-")) == pytest.approx(0.1 * gradient, rel=1e-3)
    assert float(told["v2"].replace("−", "-")) == pytest.approx(0.001 * gradient**2, rel=1e-3)
    assert float(told["w2"].replace("−", "-")) == pytest.approx(float(step["unit/kernel@1"].array[1, 0]), rel=1e-3)
