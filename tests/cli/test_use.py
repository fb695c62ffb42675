"""The commands that use a kept run, and those that look around."""

from __future__ import annotations

import json
import math
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.samples import Cli, write_mnist

import glassnet as gn
from glassnet import datasets, layers, ops
from glassnet.cli import sources
from glassnet.datasets import export_images
from glassnet.errors import DownloadError
from glassnet.ops.activation import Tanh
from glassnet.registry import snake_case

IMAGES_AND_TABLES = ["digits", "xor", "houses", "plane", "mnist"]


def test_a_sample_is_predicted_with_its_picture_its_classes_and_the_truth(cli: Cli, kept: dict[str, Path]) -> None:
    out = cli("predict", kept["digits"], "--sample", 3).out
    assert "sample 3\n" in out
    assert out.count(" %") == 5
    assert "\nit is " in out


def test_the_predicted_probabilities_are_those_of_the_model(cli: Cli, kept: dict[str, Path]) -> None:
    model = gn.models.load_model(kept["digits"] / "model.glassnet")
    (_, _), (x_test, _) = datasets.digits.load_data("stratified", seed=0)
    (row,) = json.loads(cli("predict", kept["digits"], "--sample", 7, "--json").out)["rows"]
    assert list(row["probabilities"].values()) == pytest.approx(model.predict(x_test[7:8])[0].tolist(), rel=1e-6)
    assert row["class"] == max(row["probabilities"], key=row["probabilities"].get)


@pytest.mark.parametrize("form", ["png", "pgm"])
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_an_exported_picture_gets_the_prediction_of_its_sample(
    cli: Cli, kept: dict[str, Path], empty_folder: Path, name: str, form: str
) -> None:
    options = json.loads((kept[name] / "run.json").read_text("utf-8"))["data"]
    source = sources.load_again(options, None)
    (path,) = export_images(
        source.x_test[5:6].astype("uint8"), None, empty_folder, form, max_value=int(source.task.max_value)
    )  # fmt: skip
    (of_file,) = json.loads(cli("predict", kept[name], path, "--json").out)["rows"]
    (of_sample,) = json.loads(cli("predict", kept[name], "--sample", 5, "--json").out)["rows"]
    assert of_file["class"] == of_sample["class"]
    expected = list(of_sample["probabilities"].values())
    assert list(of_file["probabilities"].values()) == pytest.approx(expected, abs=0.02)  # 16 levels in 255


def test_a_photograph_is_made_to_fit_and_each_change_is_told(
    cli: Cli, kept: dict[str, Path], empty_folder: Path
) -> None:
    photo = np.full((1, 60, 40, 3), 250, np.uint8)
    photo[0, 10:50, 18:22] = 20
    (path,) = export_images(photo, None, empty_folder)
    first = cli("predict", kept["mnist"], path).out.splitlines()[0]
    told = [
        "read 40 x 60",
        "made grey",
        "inverted, because the background is light",
        "made square",
        "resized to 28 x 28",
    ]
    assert first == ", ".join(told)


def test_resizing_keeps_the_mean_brightness() -> None:
    image = np.random.default_rng(0).random((50, 50))
    assert sources._resized(image, (28, 28)).mean() == pytest.approx(image.mean(), rel=1e-12)


def test_a_table_is_predicted_row_by_row(cli: Cli, kept: dict[str, Path], empty_folder: Path) -> None:
    (empty_folder / "new.csv").write_text("town,size\nKöln,100\nUlm,\n", "utf-8")
    rows = json.loads(cli("predict", kept["houses"], "new.csv", "--json").out)["rows"]
    assert [row["name"] for row in rows] == ["row 1", "row 2"]
    assert rows[0]["value"] == pytest.approx(250_000, rel=0.2)  # 2000 per square metre, and 50,000 for Köln
    assert cli("predict", kept["houses"], "new.csv").out.startswith("row 1: 2")


def test_of_a_long_table_twenty_rows_are_shown(cli: Cli, kept: dict[str, Path]) -> None:
    lines = cli("predict", kept["plane"], kept["plane"].parent / "plane.csv").out.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... 80 more rows; --json prints all"


@pytest.mark.parametrize("name", IMAGES_AND_TABLES)
def test_evaluate_repeats_the_score_of_the_training(cli: Cli, kept: dict[str, Path], name: str) -> None:
    told = json.loads((kept[name] / "run.json").read_text("utf-8"))["results"]
    told.pop("file_order", None)
    ended = cli("evaluate", kept[name], "--json")
    assert (ended.code, json.loads(ended.out)) == (0, told)
    assert cli("evaluate", kept[name]).out.startswith("test loss")


@pytest.mark.parametrize("name", IMAGES_AND_TABLES)
def test_the_model_file_alone_is_a_run_too(cli: Cli, kept: dict[str, Path], name: str) -> None:
    file = kept[name] / "model.glassnet"
    assert cli("summary", file).out == cli("summary", kept[name]).out
    assert cli("predict", file, "--sample", 0).code == 0


@pytest.mark.parametrize("name", IMAGES_AND_TABLES)
def test_explain_tells_forward_loss_backward_and_update(cli: Cli, kept: dict[str, Path], name: str) -> None:
    out = cli("explain", kept[name], "--sample", 1, "--text").out
    places = [out.find(f"{phase}\n") for phase in ("FORWARD", "LOSS", "BACKWARD", "UPDATE")]
    assert -1 not in places
    assert places == sorted(places)


def test_the_page_knows_the_learning_rate_to_which_the_schedule_has_come(
    cli: Cli, kept: dict[str, Path], empty_folder: Path
) -> None:
    record = json.loads((kept["digits"] / "run.json").read_text("utf-8"))
    assert cli("explain", kept["digits"], "--out", "page.html").code == 0
    text = (empty_folder / "page.html").read_text("utf-8")
    meta = json.loads(re.search(r'id="trace">(.*?)</script>', text, re.DOTALL)[1])["meta"]
    settings = record["settings"]
    steps = settings["epochs"] * math.ceil(0.9 * 1438 / settings["batch_size"])
    expected = settings["learning_rate"] / (1 + settings["decay"] * steps)
    assert meta["optimizer_config"]["learning_rate"] == pytest.approx(expected, rel=1e-6)
    assert expected < settings["learning_rate"]


# ---------------------------------------------------------------- where the data are


@pytest.fixture
def from_folder(cli: Cli, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of mnist with the folder that GLASSNET_DATA named then; now it names none."""
    monkeypatch.setenv("GLASSNET_DATA", str(write_mnist(empty_folder / "then")))
    assert cli("train", "mnist", "--epochs", "1", "--layers", "8", "--out", "run").code == 0
    monkeypatch.delenv("GLASSNET_DATA")
    return empty_folder


USES_OF_DATA = ["explain run", "predict run --sample 1", "evaluate run", "check run", "explain run --text"]


@pytest.mark.parametrize("command", USES_OF_DATA)
def test_a_run_remembers_the_folder_of_its_data(cli: Cli, from_folder: Path, command: str) -> None:
    ended = cli(*command.split())
    assert (ended.code, ended.err) == (0, "")


def test_the_folder_of_now_goes_before_the_folder_of_then(
    cli: Cli, from_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"in {from_folder / 'mnist'}" in cli("evaluate", "run", "--data", from_folder).err
    monkeypatch.setenv("GLASSNET_DATA", str(from_folder))
    assert f"in {from_folder / 'mnist'}" in cli("evaluate", "run").err


def test_data_that_are_not_those_of_then_are_refused(
    cli: Cli, from_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(from_folder / "then")
    monkeypatch.setattr("glassnet.datasets.idx.get_file", unreachable)
    assert "could not be downloaded" in cli("evaluate", "run").err
    write_mnist(from_folder / "then", count=30)
    ended = cli("evaluate", "run")
    assert (ended.code, ended.err[:42]) == (2, "error: run: the data have changed since th")


def unreachable(*_: Any, **__: Any) -> str:
    raise DownloadError("no network")


@pytest.mark.parametrize("name", ["mnist", "houses", "plane"])
def test_a_model_file_names_no_folder_of_this_computer(cli: Cli, kept: dict[str, Path], name: str) -> None:
    with zipfile.ZipFile(kept[name] / "model.glassnet") as members:
        text = json.dumps(json.loads(members.read("config.json")), ensure_ascii=False)
    assert {"mnist": '"mnist"', "houses": '"my häuser.csv"', "plane": '"plane.csv"'}[name] in text
    for folder in (kept[name].parent, Path.cwd(), Path(gn.__file__).parents[2]):
        assert str(folder) not in text
    assert str(kept[name].parent) in (kept[name] / "run.json").read_text("utf-8")


def test_a_model_file_without_its_record_finds_a_table_of_that_name_here(
    cli: Cli, kept: dict[str, Path], empty_folder: Path
) -> None:
    shutil.copy(kept["plane"] / "model.glassnet", "given.glassnet")
    assert "plane.csv: the file does not exist" in cli("evaluate", "given.glassnet").err
    shutil.copy(kept["plane"].parent / "plane.csv", "plane.csv")
    assert cli("evaluate", "given.glassnet").out == cli("evaluate", kept["plane"]).out


def test_the_loss_that_explain_ends_its_forward_pass_with_is_the_loss_of_the_sample(
    cli: Cli, kept: dict[str, Path]
) -> None:
    (row,) = json.loads(cli("predict", kept["xor"], "--sample", 1, "--json").out)["rows"]
    told = cli("explain", kept["xor"], "--sample", 1, "--text").out.split("BACKWARD")[0].split("= ")[-1]
    assert float(told.replace("−", "-")) == pytest.approx(-np.log(row["probabilities"]["1"]), rel=1e-3)


@pytest.mark.parametrize("name", IMAGES_AND_TABLES)
def test_check_proves_the_gradients_of_every_weight(cli: Cli, kept: dict[str, Path], name: str) -> None:
    ended = cli("check", kept[name], "--samples", 2)
    assert ended.code == 0, ended.out
    assert "output/kernel" in ended.out
    assert "WRONG" not in ended.out


def test_a_wrong_gradient_ends_check_with_1(cli: Cli, kept: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    right = Tanh.vjp
    monkeypatch.setattr(Tanh, "vjp", lambda self, F, g, *rest, **named: right(self, F, 1.01 * g, *rest, **named))
    assert cli("check", kept["xor"]).code == 1


# ---------------------------------------------------------------- looking around


def test_datasets_lists_what_train_accepts(cli: Cli) -> None:
    names = [*sources.IMAGES, *sources.TOYS, *sources.TEXTS]
    assert list(json.loads(cli("datasets", "--json").out)) == names
    first_words = [line.split()[0] for line in cli("datasets").out.splitlines() if not line.startswith(" ")]
    assert first_words == [*names, "FILE.csv", "FILE.txt"]


def test_every_operation_every_layer_and_every_function_can_be_shown(cli: Cli) -> None:
    operations = [snake_case(cls.__name__) for cls in ops.op_classes()]
    for name in {*operations, *layers.registry.classes, *ops.__all__}:
        ended = cli("show", name)
        assert (ended.code, ended.err) == (0, ""), name
        assert "def " in ended.out, name
    assert len(operations) > 50


def test_show_tells_formula_derivative_derivation_and_the_lines_of_code(cli: Cli) -> None:
    out = cli("show", "linear").out
    for part in (
        "rule      y[...,o] = sum_i",
        r"\bar x = \bar y\,w^\top",
        "1. One cell:",
        "glassnet/ops/linalg.py:",
        "def vjp(",
    ):
        assert part in out
    assert out == cli("show", "Linear").out


def test_show_gives_a_layer_its_signature_without_the_quotes_of_the_source(cli: Cli) -> None:
    out = cli("show", "Dense").out
    assert "Dense(units: int, activation: Any = None" in out
    assert "def call(self, inputs: Any)" in out
