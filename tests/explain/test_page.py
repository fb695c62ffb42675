"""The explain page as Python writes it: what is in the file, what is not, and what is refused.

The oracle of the embedded numbers is a decoder of its own: base64, zlib and bytes put back side by side with NumPy.
"""

from __future__ import annotations

import base64
import html
import inspect
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.app import run
from glassnet.explain import explain, trace
from glassnet.explain.page import MOST_LETTERS, page

XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR_Y = np.array([[0], [1], [1], [0]], "float32")


def xor(optimizer: Any = "sgd", dtype: str = "float32") -> Any:
    gn.utils.set_random_seed(0)
    model = gn.Sequential(
        [
            gn.Input((2,), dtype=dtype),
            gn.layers.Dense(3, activation="tanh", dtype=dtype, name="hidden"),
            gn.layers.Dense(1, activation="sigmoid", dtype=dtype, name="output"),
        ],
        name="xor",
    )
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    return model


def embedded(text: str) -> dict[str, Any]:
    """The payload of a page."""
    found = re.search(r'<script type="application/json" id="trace">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def decoded(tensors: list[dict[str, Any]], number: int) -> Any:
    """The array of a tensor, by the description of the format alone."""
    tensor = tensors[number]
    dtype = np.dtype("uint32" if tensor["base"] is not None else tensor["dtype"]).newbyteorder("<")
    raw = np.frombuffer(zlib.decompress(base64.b64decode(tensor["buffer"])), np.uint8)
    array = raw.reshape(dtype.itemsize, -1).T.copy().view(dtype).reshape(tensor["shape"])
    if tensor["base"] is None:
        return array
    told = decoded(tensors, tensor["base"]).reshape(tensor["shape"])  # a base may have another shape
    told = told if tensor["factor"] == 1 else told * np.float32(tensor["factor"])
    if tensor["power"]:
        told = told + decoded(tensors, tensor["added"]) ** tensor["power"] * np.float32(1 - tensor["factor"])
    return (array + told.view(np.uint32)).view(np.float32)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_embedded_tensor_is_the_traced_array_bit_for_bit(optimizer: str, dtype: str) -> None:
    model = xor(optimizer, dtype)
    model.fit(XOR_X, XOR_Y, epochs=3, verbose=0)
    step = trace(model, XOR_X, XOR_Y)
    tensors = embedded(page(step))["tensors"]
    assert [tensor["ref"] for tensor in tensors] == [tensor.ref for tensor in step.tensors]
    for number, tensor in enumerate(step.tensors):
        assert decoded(tensors, number).tobytes() == tensor.array.tobytes(), tensor.ref


def test_the_same_model_sample_and_seed_give_the_same_bytes() -> None:
    first, second = (explain(xor("adam"), XOR_X, XOR_Y).html for _ in range(2))
    assert first == second


def test_the_page_says_nothing_about_this_machine() -> None:
    text = explain(xor(), XOR_X, XOR_Y).html
    for place in (Path.cwd(), Path.home(), Path(gn.__file__).parent):
        assert str(place) not in text


def test_explain_leaves_the_model_as_it_was() -> None:
    model = xor("adam")
    model(XOR_X)
    before = model.get_weights()
    explain(model, XOR_X, XOR_Y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_one_sample_needs_no_batch_axis() -> None:
    assert explain(xor(), XOR_X[1], XOR_Y[1]).html == explain(xor(), XOR_X[1:2], XOR_Y[1:2]).html


def test_the_package_is_the_function_and_still_a_package() -> None:
    assert gn.explain(xor(), XOR_X, XOR_Y).html == explain(xor(), XOR_X, XOR_Y).html
    assert list(inspect.signature(gn.explain).parameters) == list(inspect.signature(explain).parameters)
    assert gn.explain.trace is trace


def test_a_notebook_gets_the_whole_page_in_a_frame() -> None:
    made = explain(xor(), XOR_X, XOR_Y, title='"><script>')
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" title="([^"]*)" style="[^"]*"></iframe>', made._repr_html_())
    assert html.unescape(frame[1]) == made.html
    assert html.unescape(frame[2]) == '"><script>'


def test_save_writes_the_page(tmp_path: Path) -> None:
    made = explain(xor(), XOR_X, XOR_Y)
    made.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == made.html
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_what_the_backward_pass_makes_only_of_values_is_no_gradient() -> None:
    roles = {tensor["symbol"]: tensor["role"] for tensor in embedded(explain(xor(), XOR_X, XOR_Y).html)["tensors"]}
    assert (roles["W2ᵀ"], roles["a1ᵀ"], roles["xᵀ"]) == ("param", "act", "input")
    assert (roles["1 − (a1 · a1)"], roles["∂L/∂z1"], roles["∂L/∂W1"]) == ("act", "grad", "grad")


def test_a_page_of_mnist_size_with_adam_is_under_3_megabytes() -> None:
    gn.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = (rng.random((256, 784)) * (rng.random((256, 784)) < 0.2)).astype("float32")
    y = rng.integers(0, 10, 256)
    hidden = [gn.layers.Dense(128, activation="relu") for _ in range(2)]
    model = gn.Sequential([*hidden, gn.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, verbose=0)
    text = explain(model, x[:1], y[:1]).html
    assert len(text) <= 3_000_000
    factors = {
        t["ref"].partition("/kernel")[2]: t["factor"] for t in embedded(text)["tensors"] if t["base"] is not None
    }
    assert (factors["@1"], factors[":m@1"], factors[":v@1"]) == (1, 0.9, 0.999)


def test_the_letters_of_the_numbers_are_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = embedded(explain(xor(), XOR_X, XOR_Y).html)
    letters = sum(len(tensor["buffer"]) for tensor in whole["tensors"])
    monkeypatch.setattr("glassnet.explain.page.MOST_LETTERS", letters // 2)
    found = embedded(explain(xor(), XOR_X, XOR_Y).html)
    kept = [tensor for tensor in found["tensors"] if tensor["buffer"] is not None]
    assert letters // 3 < sum(len(tensor["buffer"]) for tensor in kept) <= letters // 2
    assert found["meta"]["embedded"] == sum(np.prod(tensor["shape"]) for tensor in kept) < found["meta"]["values"]
    assert all(found["tensors"][tensor["base"]] in kept for tensor in kept if tensor["base"] is not None)


def test_a_page_with_as_many_letters_as_may_be_is_under_5_megabytes() -> None:
    assert len(explain(xor("adam"), XOR_X, XOR_Y).html) + MOST_LETTERS < 5_000_000


def test_the_largest_tensors_are_left_out_of_a_page_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.explain.page.MOST_VALUES", 60)
    found = embedded(explain(xor(), XOR_X, XOR_Y).html)
    kept = [tensor for tensor in found["tensors"] if tensor["buffer"] is not None]
    left = [tensor for tensor in found["tensors"] if tensor["buffer"] is None]
    size = [np.prod(tensor["shape"]) for tensor in kept]
    assert 0 < sum(size) == found["meta"]["embedded"] <= 60 < found["meta"]["values"]
    assert min(np.prod(tensor["shape"]) for tensor in left) >= max(size)
    assert found["wiggle"] == []


def test_half_precision_is_embedded_exactly_as_single() -> None:
    step = trace(xor(), XOR_X, XOR_Y)
    step.tensors[0].array = step.tensors[0].array.astype("float16")
    tensors = embedded(page(step))["tensors"]
    assert tensors[0]["dtype"] == "float32"
    np.testing.assert_array_equal(decoded(tensors, 0), XOR_X)


def test_names_and_shapes_may_be_arrays_and_names_numbers() -> None:
    model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3)], name="größe")
    made = explain(
        model, np.ones(4), np.zeros(3), "mse", classes=np.arange(3), columns=["ä", "中", "", 4], image=np.array([2, 2]),
        title=7,
    )  # fmt: skip
    meta = embedded(made.html)["meta"]
    assert [meta[name] for name in ("classes", "columns", "image", "title", "model")] == [
        ["0", "1", "2"], ["ä", "中", "", "4"], [2, 2], "7", "größe",
    ]  # fmt: skip


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_embedded_as_they_are(broken: float) -> None:
    model = xor("adam")
    model.train_on_batch(XOR_X, XOR_Y)
    model.set_weights([np.full_like(w, broken) for w in model.get_weights()])
    made = explain(model, XOR_X, XOR_Y)
    tensors = embedded(made.html)["tensors"]
    for number, tensor in enumerate(made.trace.tensors):
        assert decoded(tensors, number).tobytes() == tensor.array.tobytes(), tensor.ref


def test_a_page_that_cannot_be_written_names_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    made = explain(xor(), XOR_X, XOR_Y)
    with pytest.raises(gn.errors.SavingError, match=r"the folder .*nowhere first$") as missing:
        made.save(tmp_path / "nowhere" / "page.html")
    assert ".tmp" not in str(missing.value)
    (tmp_path / "file").write_text("a file")
    with pytest.raises(gn.errors.SavingError, match=r"cannot be written(.|\n)*received: Not a directory"):
        made.save(tmp_path / "file" / "page.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(gn.errors.SavingError, match=r"cannot be written(.|\n)*choose another file or folder"):
        made.save(tmp_path / "folder")
    assert {path.name for path in tmp_path.rglob("*")} == {"file", "folder"}


REFUSED: dict[str, tuple[Any, str]] = {
    "a label beyond the classes": (
        lambda model: explain(model, np.ones((1, 4)), np.array([7])), r"label is out of range\n *expected: integers 0\.\.2",
    ),
    "an input of the wrong shape": (
        lambda model: explain(model, np.ones((1, 5)), np.array([0])),
        r"the input has the wrong shape\n *expected: \(batch, 4\)",
    ),
    "no sample at all": (lambda model: explain(model, np.ones((0, 4)), np.ones(0, int)), "x and y are one batch"),
    "more labels than samples": (lambda model: explain(model, np.ones((1, 4)), np.array([0, 1])), "x and y are one batch"),
    "words instead of numbers": (lambda model: explain(model, [["a"] * 4], np.array([0])), "strings cannot become a tensor"),
    "no model": (lambda model: explain("digits", np.ones((1, 4)), np.array([0])), "this is not a model"),
    "names for too few classes": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), classes=["a", "b"]),
        r"classes must name every output\n *expected: 3 names\n *received: 2",
    ),
    "names for too few columns": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), columns=["a"]), "columns must name every input",
    ),
    "one text instead of names": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), classes="abc"),
        r"classes must name every output\n *expected: 3 names\n *received: 'abc'",
    ),
    "a number instead of names": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), columns=4),
        r"columns must name every input\n *expected: 4 names\n *received: 4",
    ),
    "rows of unequal length": (
        lambda model: explain(model, [[1, 2, 3, 4], [1]], np.array([0, 1])), r"x is no array\n *expected: rows of equal",
    ),
    "an image of one number": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), image=4), r"two numbers with product 4\n.*: 4$",
    ),
    "an image of negative size": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), image=(-2, -2)), r"received: \(-2, -2\)",
    ),
    "an image of another size": (
        lambda model: explain(model, np.ones((1, 4)), np.array([0]), image=(3, 3)), "two numbers with product 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attempt", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_explained_is_refused_in_words(attempt: Any, words: str) -> None:
    model = gn.Sequential([gn.Input((4,)), gn.layers.Dense(3, activation="softmax")])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    with pytest.raises(gn.errors.GlassnetError, match=words):
        attempt(model)


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "xor"
    assert run(["train", "xor", "--epochs", "2", "--out", str(folder)]) == 0
    return folder


def test_the_command_writes_the_page_into_the_folder_of_the_run(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", str(kept), "--sample", "2"]) == 0
    assert str(kept / "explain-2.html") in capsys.readouterr().out
    facts = embedded((kept / "explain-2.html").read_text("utf-8"))["meta"]
    assert (facts["title"], facts["samples"]) == ("xor, test sample 2", 1)


def test_the_command_writes_the_page_where_it_is_told(kept: Path, tmp_path: Path) -> None:
    assert run(["explain", str(kept), "--out", str(tmp_path / "p.html")]) == 0
    assert (tmp_path / "p.html").read_text("utf-8").startswith("<!doctype html>")
