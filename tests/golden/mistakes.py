"""Classic mistakes with dense networks, data, models and files: a case is a function that makes one mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.saving.archive import write_archive
from glassnet.training.data import Sequence

CASES: dict[str, Callable[[], Any]] = {}

Case = Callable[[], Any]


def case(mistake: Case) -> Case:
    """Decorator: one classic mistake."""
    CASES[mistake.__name__] = mistake
    return mistake


# ---------------------------------------------------------------- what goes right


def images(count: int = 8) -> np.ndarray:
    return np.linspace(0, 1, count * 64, dtype="float32").reshape(count, 8, 8)


def rows(count: int = 8, features: int = 4) -> np.ndarray:
    return np.linspace(-1, 1, count * features, dtype="float32").reshape(count, features)


def labels(count: int = 8, classes: int = 3) -> np.ndarray:
    return np.arange(count) % classes


def classifier(units: int = 3, loss: Any = "sparse_categorical_crossentropy", activation: str = "softmax") -> Any:
    """A compiled net: 4 features, some classes."""
    model = gn.Sequential(
        [gn.Input((4,)), gn.layers.Dense(5, "relu", name="hidden"), gn.layers.Dense(units, activation, name="classes")]
    )
    model.compile("sgd", loss)
    return model


def fit(model: Any, x: Any = None, y: Any = None, **arguments: Any) -> Any:
    return model.fit(rows() if x is None else x, labels() if y is None else y, verbose=0, **arguments)


# ---------------------------------------------------------------- shapes


@case
def one_sample_without_a_batch_axis():
    model = gn.Sequential([gn.Input((784,)), gn.layers.Dense(10, name="classes")])
    model(np.zeros(784, "float32"))


@case
def wrong_number_of_features():
    fit(classifier(), rows(features=5))


@case
def wrong_number_of_features_in_a_nested_layer():
    inner = gn.Sequential([gn.layers.Dense(2, name="first")], name="encoder")
    model = gn.Sequential([inner, gn.layers.Dense(1)], name="net")
    model(rows(features=4))
    model(rows(features=6))


@case
def forgotten_flatten():
    model = gn.Sequential([gn.Input((8, 8)), gn.layers.Dense(10, "softmax", name="classes")])
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, images(), labels(8, 10))


@case
def images_for_a_flat_network():
    model = gn.Sequential([gn.Input((64,)), gn.layers.Dense(10, name="classes")])
    model.predict(images())


@case
def inputs_of_a_functional_model_swapped():
    a, b = gn.Input((3,), name="left"), gn.Input((5,), name="right")
    model = gn.Model([a, b], gn.layers.Dense(1)(gn.layers.concatenate([a, b])), name="two_inputs")
    model([rows(features=5), rows(features=3)])


@case
def one_of_two_inputs_missing():
    a, b = gn.Input((3,), name="left"), gn.Input((5,), name="right")
    model = gn.Model([a, b], gn.layers.Dense(1)(gn.layers.concatenate([a, b])), name="two_inputs")
    model(rows(features=3))


@case
def adding_layers_of_different_width():
    x = gn.Input((4,))
    gn.layers.add([gn.layers.Dense(3)(x), gn.layers.Dense(2)(x)])


# ---------------------------------------------------------------- labels and losses


@case
def label_out_of_range():
    fit(classifier(3), y=np.array([0, 1, 2, 0, 1, 2, 0, 7]))


@case
def labels_that_start_at_1():
    fit(classifier(3), y=labels() + 1)


@case
def one_hot_labels_against_a_sparse_loss():
    fit(classifier(), y=gn.utils.to_categorical(labels(), 3))


@case
def integer_labels_against_categorical_crossentropy():
    fit(classifier(loss="categorical_crossentropy"))


@case
def wrong_number_of_units_for_the_loss():
    fit(classifier(units=2, loss="categorical_crossentropy"), y=gn.utils.to_categorical(labels(), 3))


@case
def class_labels_against_binary_crossentropy():
    fit(classifier(units=3, loss="binary_crossentropy", activation="sigmoid"))


@case
def labels_above_1_against_binary_crossentropy():
    fit(classifier(units=1, loss="binary_crossentropy", activation="sigmoid"))


@case
def softmax_over_one_unit():
    fit(classifier(units=1, loss="binary_crossentropy"), y=labels(classes=2))


@case
def one_unit_with_a_sparse_loss():
    fit(classifier(units=1, activation="sigmoid"), y=labels(classes=2))


@case
def fractions_as_labels_of_a_sparse_loss():
    fit(classifier(), y=labels() + 0.5)


@case
def targets_forgotten():
    classifier().fit(rows(), verbose=0)


@case
def loss_forgotten():
    model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3)])
    model.compile("sgd")
    fit(model)


@case
def loss_function_that_forgets_to_return():
    def my_loss(y_true, y_pred):
        gn.ops.mean(y_pred, axis=-1)

    fit(classifier(loss=my_loss))


@case
def loss_function_without_a_gradient():
    fit(classifier(loss=lambda y_true, y_pred: gn.ops.cast(gn.ops.argmax(y_pred, axis=-1) != y_true, "float32")))


@case
def one_loss_too_few_for_the_outputs():
    x = gn.Input((4,))
    model = gn.Model(x, [gn.layers.Dense(1, name="price")(x), gn.layers.Dense(1, name="risk")(x)])
    model.compile("sgd", ["mse"])
    fit(model, y=[rows(features=1), rows(features=1)])


@case
def loss_for_an_output_that_does_not_exist():
    x = gn.Input((4,))
    model = gn.Model(x, {"price": gn.layers.Dense(1)(x)})
    model.compile("sgd", {"prize": "mse"})
    fit(model, y={"price": rows(features=1)})


# ---------------------------------------------------------------- data


@case
def strings_as_labels():
    fit(classifier(), y=np.array(["cat", "dog"] * 4))


@case
def strings_as_inputs():
    fit(classifier(), np.array([["a", "b", "c", "d"]] * 8))


@case
def nan_in_the_data():
    x = rows()
    x[3, 2] = np.nan
    fit(classifier(), x)


@case
def infinity_in_the_targets():
    y = rows(features=1)
    y[5, 0] = np.inf
    fit(classifier(units=1, loss="mse", activation="linear"), y=y)


@case
def empty_arrays():
    fit(classifier(), np.zeros((0, 4), "float32"), np.zeros(0, "int64"))


@case
def rows_of_unequal_length():
    fit(classifier(), [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0]], [0, 1])


@case
def x_and_y_of_different_length():
    fit(classifier(), rows(8), labels(7))


@case
def sample_weight_of_the_wrong_length():
    fit(classifier(), sample_weight=np.ones(5))


@case
def class_weight_that_lacks_a_class():
    fit(classifier(), class_weight={0: 1.0, 1: 2.0})


@case
def generator_that_is_used_up():
    batches = iter([(rows(), labels())])
    classifier().fit(batches, epochs=3, verbose=0)


@case
def generator_together_with_targets():
    classifier().fit(((rows(), labels()) for _ in range(3)), labels(), verbose=0)


@case
def sequence_without_a_length():
    class Batches(Sequence):
        def __getitem__(self, index):
            return rows(), labels()

    classifier().fit(Batches(), verbose=0)


@case
def a_number_instead_of_an_array():
    classifier().predict(3.0)


# ---------------------------------------------------------------- names


@case
def unknown_optimizer():
    gn.Sequential([gn.layers.Dense(1)]).compile("adamm", "mse")


@case
def unknown_loss():
    gn.Sequential([gn.layers.Dense(1)]).compile("adam", "crossentropy_sparse_categorical")


@case
def misspelt_loss():
    gn.Sequential([gn.layers.Dense(1)]).compile("adam", "sparse_categorical_cross_entropy")


@case
def metrics_in_the_place_of_loss_weights():
    gn.Sequential([gn.layers.Dense(1)]).compile("adam", "mse", ["accuracy"])


@case
def unknown_metric():
    model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acuracy"])
    fit(model)


@case
def unknown_activation():
    gn.layers.Dense(3, activation="rellu")


@case
def unknown_initializer():
    gn.layers.Dense(3, kernel_initializer="he_norml")


@case
def unknown_layer_in_a_config():
    gn.layers.deserialize({"class_name": "Dens", "config": {"units": 3}})


@case
def unknown_layer_argument():
    gn.layers.Dense(3, activaton="relu")


@case
def get_layer_by_a_wrong_name():
    classifier().get_layer("hiden")


# ---------------------------------------------------------------- arguments


@case
def negative_units():
    gn.layers.Dense(-3, name="classes")


@case
def units_as_a_float():
    gn.layers.Dense(64 / 2, name="hidden")


@case
def dropout_rate_above_1():
    gn.layers.Dropout(1.5)


@case
def dropout_rate_in_percent():
    gn.layers.Dropout(50)


@case
def batch_size_0():
    fit(classifier(), batch_size=0)


@case
def negative_epochs():
    fit(classifier(), epochs=-1)


@case
def validation_split_2():
    fit(classifier(), validation_split=2)


@case
def negative_learning_rate():
    gn.optimizers.SGD(learning_rate=-0.1)


@case
def learning_rate_as_text():
    gn.optimizers.Adam("fast")


@case
def callback_class_instead_of_an_instance():
    fit(classifier(), callbacks=[gn.callbacks.TerminateOnNaN])


@case
def reshape_to_another_number_of_cells():
    gn.layers.Reshape((3, 5), name="square")(rows(features=16))


# ---------------------------------------------------------------- building models


@case
def fit_before_compile():
    fit(gn.Sequential([gn.Input((4,)), gn.layers.Dense(3)]))


@case
def fit_without_layers():
    model = gn.Sequential()
    model.compile("sgd", "mse")
    fit(model)


@case
def model_without_call():
    class Net(gn.Model):
        def forward(self, x):
            return x

    Net()(rows())


@case
def model_without_super_init():
    class Net(gn.Model):
        def __init__(self):
            self.dense = gn.layers.Dense(3)

    Net()(rows())


@case
def saving_a_model_without_weights():
    gn.Sequential([gn.layers.Dense(3)]).save("net.glassnet")


@case
def output_shape_of_an_unbuilt_model():
    _ = gn.Sequential([gn.layers.Dense(3)]).output_shape


@case
def duplicate_layer_names():
    gn.Sequential([gn.layers.Dense(3, name="dense"), gn.layers.Dense(3, name="dense")])


@case
def layer_class_instead_of_an_instance():
    gn.Sequential([gn.Input((4,)), gn.layers.Dense(3), gn.layers.ReLU])


@case
def activation_function_as_a_layer():
    gn.Sequential([gn.layers.Dense(3), gn.ops.relu])


@case
def layer_used_twice_in_a_stack():
    layer = gn.layers.Dense(4)
    gn.Sequential([layer, gn.layers.ReLU(), layer])


@case
def input_not_first():
    gn.Sequential([gn.layers.Dense(3), gn.Input((4,))])


@case
def output_that_does_not_depend_on_the_input():
    a, b = gn.Input((3,), name="used"), gn.Input((3,), name="forgotten")
    gn.Model(a, gn.layers.Add()([a, b]))


@case
def array_instead_of_an_input():
    gn.Model(rows(), gn.layers.Dense(3)(rows()))


@case
def variable_outside_of_a_layer():
    x, w = gn.Input((3,)), gn.Variable([1.0, 2.0, 3.0], name="scale")
    gn.Model(x, x * w)


# ---------------------------------------------------------------- tensors, variables, gradients


@case
def two_float_types_mixed():
    gn.Tensor([1.0], dtype="float32") + gn.Tensor([1.0], dtype="float64")


@case
def matrices_that_do_not_fit():
    gn.Tensor(rows(2, 3)) @ gn.Tensor(rows(4, 5))


@case
def writing_into_a_tensor():
    x = gn.Tensor([1.0, 2.0])
    x[0] = 3.0


@case
def backward_on_a_vector():
    x = gn.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).backward()


@case
def backward_without_a_graph():
    gn.ops.sum(gn.Tensor([1.0, 2.0])).backward()


@case
def weight_changed_between_forward_and_backward():
    w = gn.Variable([1.0, 2.0], name="w")
    loss = gn.ops.sum(w * w)
    w.assign([0.0, 0.0])
    loss.backward()


@case
def gradient_of_an_integer_tensor():
    gn.Tensor([1, 2], requires_grad=True)


@case
def assign_of_another_shape():
    gn.Variable([1.0, 2.0], name="bias").assign([1.0, 2.0, 3.0])


@case
def number_of_a_symbolic_tensor():
    float(gn.ops.sum(gn.Input((3,))))


@case
def set_weights_with_one_missing():
    model = classifier()
    model.set_weights(model.get_weights()[:-1])


@case
def set_weights_of_another_shape():
    model = classifier()
    model.set_weights([w.T for w in model.get_weights()])


@case
def optimizer_without_gradients():
    w = gn.Variable([1.0], name="w")
    gn.optimizers.SGD(0.1).apply([None], [w])


@case
def custom_train_step_without_backward():
    class Net(gn.Sequential):
        def train_step(self, data):
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
            return {}

    model = Net([gn.Input((4,)), gn.layers.Dense(1)])
    model.compile("sgd", "mse")
    fit(model)


# ---------------------------------------------------------------- files


@case
def weights_of_another_model():
    classifier(3).save_weights("three.glassnet")
    classifier(4).load_weights("three.glassnet")


@case
def file_of_another_kind():
    Path("net.glassnet").write_text("not a model")
    gn.models.load_model("net.glassnet")


@case
def file_that_is_not_there():
    gn.models.load_model("nowhere.glassnet")


@case
def file_name_with_another_ending():
    classifier().save("net.keras")


@case
def weights_where_a_model_was_expected():
    classifier().save_weights("net.glassnet")
    gn.models.load_model("net.glassnet")


@case
def model_with_a_lambda_is_saved():
    gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x * 2, name="double")]).save("net.glassnet")


@case
def model_from_a_newer_version():
    write_archive(Path("net.glassnet"), {"kind": "model", "model": {"class_name": "FutureLayer", "config": {}}}, {})
    gn.models.load_model("net.glassnet")
