"""Our names, arguments and defaults are Keras's, except where `docs/keras-differences.md` says so and why.

Keras's side is `golden/keras_api.json`. Ours is whatever each module's `__all__` exports: a name that Keras
does not have is our own and free, a name that both have must agree. Arguments agree when a call written for
Keras, by position or by keyword, means the same here.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import pytest
from golden.make_keras_api import JSON_FILE, MODULES, Arguments, Entry, member_entry, object_entry, render

DOCS = Path(__file__).parents[1] / "docs" / "keras-differences.md"
HEADER = "| name | difference | reason |"
KERAS: dict[str, Entry] = json.loads(JSON_FILE.read_text(encoding="utf-8"))["names"]
Difference = tuple[str, str]  # (name, what differs)

# Keras's layers pass these to `Layer` through **kwargs; ours may do so too, or name them in the signature.
LAYER_ARGUMENTS: Arguments = [["name", "None"], ["dtype", "None"], ["trainable", "True"]]

# The core of dense networks: what a script in the style of Keras's guides needs. Lacking one is a difference.
CORE = {
    "": "Initializer Input Layer Loss Metric Model Optimizer Regularizer Sequential Variable",
    "layers": """Activation Add BatchNormalization Concatenate Dense Dropout ELU Flatten GaussianNoise
        Identity Input InputLayer Lambda Layer LayerNormalization LeakyReLU Normalization PReLU ReLU Rescaling
        Reshape Softmax add concatenate deserialize serialize""",
    "layers.Layer": """__call__ add_loss add_weight build call compute_output_shape count_params from_config
        get_config get_weights set_weights""",
    "layers.Normalization": "adapt",
    "models": "Model Sequential load_model save_model",
    "models.Model": """compile compute_loss evaluate fit get_layer load_weights predict predict_on_batch
        predict_step save save_weights summary test_on_batch test_step train_on_batch train_step""",
    "models.Sequential": "add pop",
    "activations": """deserialize elu gelu get leaky_relu linear log_softmax relu serialize sigmoid silu
        softmax softplus swish tanh""",
    "losses": """BinaryCrossentropy CategoricalCrossentropy Hinge Huber KLDivergence Loss MeanAbsoluteError
        MeanSquaredError SparseCategoricalCrossentropy binary_crossentropy categorical_crossentropy
        deserialize get hinge huber kl_divergence mean_absolute_error mean_squared_error serialize
        sparse_categorical_crossentropy""",
    "losses.Loss": "__call__ call from_config get_config",
    "metrics": """AUC Accuracy BinaryAccuracy CategoricalAccuracy Mean MeanAbsoluteError MeanSquaredError
        Metric Precision Recall RootMeanSquaredError SparseCategoricalAccuracy SparseTopKCategoricalAccuracy
        Sum TopKCategoricalAccuracy deserialize get serialize""",
    "metrics.Metric": """__call__ add_variable add_weight from_config get_config reset_state result
        update_state""",
    "optimizers": "AdamW Adagrad Adam Optimizer RMSprop SGD deserialize get serialize",
    "optimizers.Optimizer": "apply apply_gradients build from_config get_config update_step",
    "optimizers.schedules": """CosineDecay ExponentialDecay LearningRateSchedule PiecewiseConstantDecay
        deserialize serialize""",
    "callbacks": """BackupAndRestore CSVLogger Callback CallbackList EarlyStopping History LambdaCallback
        LearningRateScheduler ModelCheckpoint ProgbarLogger ReduceLROnPlateau TerminateOnNaN""",
    "callbacks.Callback": """on_batch_begin on_batch_end on_epoch_begin on_epoch_end on_predict_batch_begin
        on_predict_batch_end on_predict_begin on_predict_end on_test_batch_begin on_test_batch_end
        on_test_begin on_test_end on_train_batch_begin on_train_batch_end on_train_begin on_train_end
        set_model set_params""",
    "initializers": """Constant GlorotNormal GlorotUniform HeNormal HeUniform Initializer LecunNormal
        LecunUniform Ones RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros deserialize get
        serialize""",
    "initializers.Initializer": "__call__ from_config get_config",
    "regularizers": "L1 L1L2 L2 Regularizer deserialize get serialize",
    "constraints": "Constraint MaxNorm deserialize get serialize",
    "datasets.mnist": "load_data",
    "datasets.fashion_mnist": "load_data",
    "random": "SeedGenerator categorical dropout normal randint shuffle truncated_normal uniform",
    "saving": """custom_object_scope deserialize_keras_object get_custom_objects get_registered_name
        get_registered_object load_model load_weights register_keras_serializable save_model save_weights
        serialize_keras_object""",
    "utils": """Progbar PyDataset Sequence get_file model_to_dot normalize plot_model set_random_seed
        to_categorical""",
    "config": "epsilon floatx image_data_format set_epsilon set_floatx set_image_data_format",
    "ops": """abs absolute add all amax amin any append arange arccos arcsin arctan arctan2 argmax argmin
        argsort array average binary_crossentropy broadcast_to cast categorical_crossentropy clip concatenate
        convert_to_numpy convert_to_tensor copy cos cosh cumsum divide dot dtype einsum elu empty empty_like
        equal exp expand_dims expm1 eye flip full gelu get_item greater greater_equal hstack is_tensor
        isfinite isinf isnan leaky_relu less less_equal linspace log log10 log1p log2 log_softmax logical_and
        logical_not logical_or logical_xor logsumexp matmul max maximum mean min minimum moveaxis multiply
        ndim negative nonzero normalize not_equal one_hot ones ones_like outer pad power prod ravel relu
        repeat reshape roll rsqrt scatter shape sigmoid sign silu sin sinh size slice softmax softplus sort
        sparse_categorical_crossentropy split sqrt square squeeze stack std stop_gradient subtract sum
        swapaxes swish take take_along_axis tan tanh tensordot tile top_k transpose tril triu var vstack where
        zeros zeros_like""",
}


def core_names() -> Iterator[str]:
    for path, names in CORE.items():
        yield from (f"{path}.{name}".lstrip(".") for name in names.split())


# --- comparing two signatures -------------------------------------------------------------------------------


def plain(arguments: Arguments) -> dict[str, str | None]:
    """Argument -> default, without the markers `*`, `*args` and `**kwargs`."""
    return {str(name): default for name, default in arguments if not str(name).startswith("*")}


def positional(arguments: Arguments) -> list[str]:
    """The arguments that a call may give by position."""
    names = [str(name) for name, _ in arguments]
    end = next((i for i, name in enumerate(names) if name.startswith("*")), len(names))
    return names[:end]


def collects_keywords(arguments: Arguments) -> bool:
    return any(str(name).startswith("**") for name, _ in arguments)


def same_default(a: str | None, b: str | None) -> bool:
    """Equal text, or equal numbers (0 and 0.0); a bool is not a number."""
    try:
        x, y = ast.literal_eval(a or ""), ast.literal_eval(b or "")
    except (SyntaxError, ValueError):  # None (required), or an object's <type>
        return a == b
    numbers = type(x) in (int, float) and type(y) in (int, float)
    return bool(x == y) if numbers else a == b


def default_difference(name: str, ours: str | None, keras: str | None) -> str:
    here = f"`{name}` is required" if ours is None else f"`{name}` defaults to `{ours}`"
    there = "it is required" if keras is None else f"it defaults to `{keras}`"
    return f"{here}, in Keras {there}"


def differences(ours: Entry, keras: Entry, passed_on: Arguments) -> list[str]:
    """What a caller who knows Keras would trip over; `passed_on` is what Keras's **kwargs stands for."""
    if ours["kind"] != keras["kind"]:
        return [f"is a {ours['kind']}, in Keras a {keras['kind']}"]
    if "arguments" not in keras:
        return []
    here, there = ours["arguments"], keras["arguments"]
    if {"*args", "**kwargs"} <= {name for name, _ in there}:
        return []  # Keras accepts anything: there is nothing to compare with
    mine, theirs = plain(here), plain(there)
    if collects_keywords(there):
        theirs = {**plain(passed_on), **theirs}
    lacking = theirs.keys() - mine.keys() - (plain(passed_on).keys() if collects_keywords(here) else set())
    both = [name for name in theirs if name in mine]
    unequal = [name for name in both if not same_default(mine[name], theirs[name])]
    found = [f"lacks `{name}`" for name in theirs if name in lacking]
    found += [f"adds `{name}`" for name in mine if name not in theirs]
    found += [default_difference(name, mine[name], theirs[name]) for name in unequal]
    expected = [name for name in positional(there) if name in mine]
    received = positional(here)[: len(expected)]
    if received != expected:
        found.append(f"positional order `{', '.join(received)}`, in Keras `{', '.join(expected)}`")
    return found


def has_attribute(cls: object, attribute: str) -> TypeGuard[type]:
    """Whether the class or a parent defines it; `hasattr(cls, "__call__")` would find the metaclass's."""
    return isinstance(cls, type) and any(attribute in vars(parent) for parent in cls.__mro__)


def all_differences(
    ours: Mapping[str, object], keras: Mapping[str, Entry], core: Iterable[str] = ()
) -> set[Difference]:
    """(name, difference) for all public objects and methods that both have, and core names that we lack."""
    found: set[Difference] = set()
    for name, entry in keras.items():
        owner, _, attribute = name.rpartition(".")
        if name in ours:
            if entry["kind"] == "alias" and entry["of"] in ours:
                if ours[name] is not ours[entry["of"]]:
                    found.add((name, f"is not the same object as `{entry['of']}`"))
                continue
            entry, mine = keras[entry["of"]] if entry["kind"] == "alias" else entry, object_entry(ours[name])
        elif has_attribute(cls := ours.get(owner), attribute):
            mine = member_entry(cls, attribute)
        else:
            continue
        passed_on = LAYER_ARGUMENTS if name.startswith("layers.") and mine["kind"] != "method" else []
        found.update((name, difference) for difference in differences(mine, entry, passed_on))
    for name in core:
        owner, _, attribute = name.rpartition(".")
        if owner in keras:  # a method; when its class is absent too, the class's row says so
            absent = owner in ours and not has_attribute(ours[owner], attribute)
        else:
            absent = name not in ours
        if absent:
            found.add((name, "absent"))
    return found


# --- the table in the docs ----------------------------------------------------------------------------------


def rows(text: str) -> list[tuple[list[str], list[str], str]]:
    """(names, differences, reason) of each row of the table; `lacks` and `adds` may list several."""
    parsed = []
    for line in text.partition(HEADER)[2].strip().splitlines()[1:]:
        if not line.startswith("|"):
            break
        names, parts, reason = (cell.strip() for cell in line.strip("|").split(" | "))
        found = []
        for part in parts.split("; "):
            verb, _, arguments = part.partition(" ")
            each = [f"{verb} {argument}" for argument in arguments.split(", ")]
            found += each if verb in ("lacks", "adds") else [part]
        parsed.append(([name.strip("`") for name in names.split(", ")], found, reason))
    return parsed


def documented(text: str) -> set[Difference]:
    return {(name, difference) for names, found, _ in rows(text) for name in names for difference in found}


def table(found: set[Difference]) -> str:
    """Rows to paste: names of one module or class with the same differences share a row."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, difference in sorted(found):
        by_name[name].append(difference)
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, parts in by_name.items():
        cells = [part for part in parts if not part.startswith(("lacks ", "adds "))]
        for verb in ("adds ", "lacks "):
            arguments = ", ".join(part.removeprefix(verb) for part in parts if part.startswith(verb))
            cells = [verb + arguments, *cells] if arguments else cells
        shared[name.rpartition(".")[0], "; ".join(cells)].append(f"`{name}`")
    return "\n".join(f"| {', '.join(names)} | {cell} | REASON |" for (_, cell), names in shared.items())


# --- our side -----------------------------------------------------------------------------------------------


def our_module(path: str) -> ModuleType | None:
    """`glassnet.<path>`, also where it is an attribute of its parent; None if there is none yet."""
    full_name = f"glassnet.{path}".rstrip(".")
    parent, _, last = full_name.rpartition(".")
    try:
        return importlib.import_module(full_name)
    except ModuleNotFoundError as error:
        if not full_name.startswith(str(error.name)):
            raise  # the module exists, but something that it imports does not
        attribute = getattr(our_module(parent.partition(".")[2]), last, None) if path else None
        return attribute if isinstance(attribute, ModuleType) else None


def our_objects() -> dict[str, object]:
    """(name, object) of everything that our modules export under the module names of Keras."""
    objects: dict[str, object] = {}
    for path in MODULES:
        module = our_module(path)
        for name in getattr(module, "__all__", ()):
            if not isinstance(value := getattr(module, name), ModuleType):
                objects[f"{path}.{name}".lstrip(".")] = value
    return objects


# --- the claims ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> set[Difference]:
    return all_differences(our_objects(), KERAS, core_names())


def test_every_difference_from_keras_stands_in_the_docs(found: set[Difference]) -> None:
    missing = found - documented(DOCS.read_text(encoding="utf-8"))
    if missing:
        text = f"mend these, or paste them into {DOCS.name} with a reason:\n{table(missing)}"
        pytest.fail(text, pytrace=False)


def test_the_docs_list_no_difference_that_is_gone(found: set[Difference]) -> None:
    gone = documented(DOCS.read_text(encoding="utf-8")) - found
    if gone:
        text = "\n".join(f"{name}: {difference}" for name, difference in sorted(gone))
        pytest.fail(f"no longer so, take out of {DOCS.name}:\n{text}", pytrace=False)


def test_every_row_of_the_docs_gives_a_reason_and_no_row_repeats_another() -> None:
    parsed = rows(DOCS.read_text(encoding="utf-8"))
    assert [names for names, _, reason in parsed if reason in ("", "REASON")] == []
    pairs = [(name, difference) for names, found, _ in parsed for name in names for difference in found]
    assert sorted(pairs) == sorted(set(pairs))


def test_every_core_name_is_a_name_of_keras() -> None:
    assert [name for name in core_names() if name not in KERAS] == []


def test_the_json_is_exactly_what_the_script_writes() -> None:
    text = JSON_FILE.read_text(encoding="utf-8")
    content = json.loads(text)
    assert text == render(content["keras_version"], content["names"])


# --- the comparison can fail --------------------------------------------------------------------------------


class Fake:
    def __init__(self, units: int, name: str | None = None) -> None: ...
    def build(self, shape: tuple[int, ...]) -> None: ...
    @classmethod
    def from_config(cls, config: dict[str, object]) -> None: ...
    @property
    def weights(self) -> list[object]:
        return []


def with_kwargs(rate: float, **kwargs: object) -> None: ...


@pytest.mark.parametrize(
    ("ours", "keras", "expected"),
    [
        (lambda a, b=1: 0, lambda a, b=1: 0, []),
        (lambda a, b=0: 0, lambda a, b=0.0: 0, []),
        (Fake, lambda units, name=None: 0, ["is a class, in Keras a function"]),
        (lambda a: 0, lambda a, b=1, *, c=2: 0, ["lacks `b`", "lacks `c`"]),
        (lambda a, b=1: 0, lambda a: 0, ["adds `b`"]),
        (lambda a=2: 0, lambda a=1: 0, ["`a` defaults to `2`, in Keras it defaults to `1`"]),
        (lambda a=1: 0, lambda a=True: 0, ["`a` defaults to `1`, in Keras it defaults to `True`"]),
        (lambda a: 0, lambda a=None: 0, ["`a` is required, in Keras it defaults to `None`"]),
        (lambda a=None: 0, lambda a: 0, ["`a` defaults to `None`, in Keras it is required"]),
        (lambda b, a: 0, lambda a, b: 0, ["positional order `b, a`, in Keras `a, b`"]),
        (lambda a, *, b: 0, lambda a, b: 0, ["positional order `a`, in Keras `a, b`"]),
        (lambda a, n, b: 0, lambda a, b: 0, ["adds `n`", "positional order `a, n`, in Keras `a, b`"]),
        (lambda a, b: 0, lambda a, *, b: 0, []),
        (lambda a, b, c: 0, lambda *args, **kwargs: 0, []),
        (lambda rate, *, name=None, dtype=None, trainable=True: 0, with_kwargs, []),
        (lambda rate, **kwargs: 0, with_kwargs, []),
        (lambda rate, *, name=None, dtype=None: 0, with_kwargs, ["lacks `trainable`"]),
        (lambda rate, *, name=None, **kwargs: 0, lambda rate, name=None, dtype=None: 0,
         ["positional order `rate`, in Keras `rate, name`"]),
    ],
)  # fmt: skip
def test_the_comparison_names_each_difference(ours: object, keras: object, expected: list[str]) -> None:
    assert differences(object_entry(ours), object_entry(keras), LAYER_ARGUMENTS) == expected


def test_methods_and_properties_are_compared_without_self() -> None:
    keras: dict[str, Entry] = {
        "Fake.build": {"kind": "method", "arguments": [["input_shape", None]]},
        "Fake.from_config": {"kind": "method", "arguments": [["config", None]]},
        "Fake.weights": {"kind": "method", "arguments": []},
        "Fake.call": {"kind": "method", "arguments": []},
    }
    assert all_differences({"Fake": Fake}, keras) == {
        ("Fake.build", "lacks `input_shape`"),
        ("Fake.build", "adds `shape`"),
        ("Fake.weights", "is a property, in Keras a method"),
    }


def test_a_second_name_must_be_the_same_object() -> None:
    keras = {"losses.mse": object_entry(with_kwargs), "losses.MSE": {"kind": "alias", "of": "losses.mse"}}
    assert all_differences({"losses.mse": with_kwargs, "losses.MSE": with_kwargs}, keras) == set()
    assert all_differences({"losses.MSE": lambda rate: 0}, keras) == set()
    assert all_differences({"losses.MSE": lambda error: 0}, keras) == {
        ("losses.MSE", "lacks `rate`"),
        ("losses.MSE", "adds `error`"),
    }
    two = {"losses.mse": with_kwargs, "losses.MSE": lambda rate: 0}
    assert all_differences(two, keras) == {("losses.MSE", "is not the same object as `losses.mse`")}


def test_an_absent_core_name_is_a_difference_and_an_absent_class_hides_its_methods() -> None:
    keras = {"Fake": object_entry(Fake), "Fake.call": {"kind": "method", "arguments": []}}
    assert all_differences({}, keras, keras) == {("Fake", "absent")}
    assert all_differences({"Fake": Fake}, keras, keras) == {("Fake.call", "absent")}


def test_rows_to_paste_are_read_back_as_the_same_differences() -> None:
    optimizers = ["optimizers.SGD", "optimizers.Adam"]
    found = {
        *[(name, f"lacks `{argument}`") for name in optimizers for argument in ("a", "b")],
        ("ops.top_k", "`k` defaults to `1`, in Keras it is required"),
        ("ops.top_k", "adds `axis`"),
    }
    text = f"# Page\n\n{HEADER}\n|---|---|---|\n{table(found)}\n\nMore | text.\n"
    assert "| `optimizers.Adam`, `optimizers.SGD` | lacks `a`, `b` | REASON |" in text
    assert documented(text) == found
