"""Networks that learn from a text: `glassnet train FILE.txt` and `glassnet sample`."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.samples import Cli

import glassnet as gn
from glassnet.cli import prediction, sources
from glassnet.cli.app import run

LINES = "One, two, buckle my shoe;\nThree, four, knock at the door;\nFive, six, pick up sticks;\n"
SMALL = ("--layers", "16", "--epochs", "1")


@pytest.fixture(scope="session")
def rhyme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a network that has learned from a rhyme; read only."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "rhyme.txt").write_text(LINES * 200, "utf-8")
    command = ["train", folder / "rhyme.txt", "--layers", "32", "--epochs", "12", "--learning-rate", "0.01"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert run([*map(str, command), "--out", str(folder / "a run"), "--json"]) == 0
    return folder / "a run"


def test_a_learned_rhyme_is_said_by_heart(cli: Cli, rhyme: Path) -> None:
    ended = cli("sample", rhyme, "--prompt", "Three, four,", "--length", 47, "--temperature", 0)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "Three, four, knock at the door;\nFive, six, pick up sticks;\n\n"


def test_train_shows_the_text_the_network_what_it_writes_and_the_next_commands(cli: Cli, empty_folder: Path) -> None:
    (empty_folder / "my rhyme.txt").write_text(LINES * 20, "utf-8")
    ended = cli("train", "my rhyme.txt", *SMALL)
    assert (ended.code, ended.err) == (0, "")
    parts = [
        "my rhyme: 1,472 characters to learn from, 128 to test on, 29 different", "TransformerDecoder", "epoch 1/1",
        "test accuracy", "nats per character (3.367 for a guess)", "kept in", "glassnet sample 'runs/my rhyme'",
        "glassnet evaluate 'runs/my rhyme'",
    ]  # fmt: skip
    places = [ended.out.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert {path.name for path in Path("runs/my rhyme").iterdir()} == {"history.csv", "model.glassnet", "run.json"}


def test_what_is_tested_on_is_the_last_tenth_of_the_text_and_nothing_learned_from_reaches_into_it(
    empty_folder: Path,
) -> None:
    text = "".join(chr(ord("A") + i % 50) for i in range(3000))[:2700] + "".join(f"{i:03}" for i in range(100))
    (empty_folder / "counted.txt").write_text(text, "utf-8")
    source = sources.load("counted.txt")
    names = source.task.class_names or []
    assert names == sorted(set(text))
    read = ["".join(names[i] for i in row) for row in source.x_test]
    assert "".join(read) == text[2700 : 2700 + 4 * 64]
    for x, y in ((source.x_train, source.y_train), (source.x_test, source.y_test)):
        np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert not {names[i] for i in source.y_train.reshape(-1)} & set("0123456789")


@pytest.mark.parametrize("name", sources.TEXTS)
def test_a_downloaded_text_is_found_in_the_data_folder_and_again_by_its_run(
    cli: Cli, empty_folder: Path, name: str
) -> None:
    (empty_folder / "data" / "text").mkdir(parents=True)
    (empty_folder / "data" / "text" / f"{name}.txt").write_text(LINES.lower() * 20, "utf-8")
    assert cli("train", name, "--data", "data", *SMALL).out.startswith(f"loading {name}\n{name}: 1,")
    assert cli("evaluate", f"runs/{name}").out.startswith("test loss")
    assert json.loads((empty_folder / f"runs/{name}/run.json").read_text("utf-8"))["data"]["name"] == name


def test_a_seed_decides_what_is_written_and_top_k_1_is_temperature_0(cli: Cli, rhyme: Path) -> None:
    def written(*options: object) -> str:
        return cli("sample", rhyme, "--length", 40, *options).out

    assert (
        written("--temperature", 3)
        == written("--temperature", 3, "--seed", 0)
        != written("--temperature", 3, "--seed", 1)
    )
    assert written("--top-k", 1, "--seed", 5) == written("--temperature", 0)
    assert written("--temperature", 3, "--top-k", 2) != written("--temperature", 3)


def test_a_model_file_alone_is_enough_to_write(cli: Cli, rhyme: Path, empty_folder: Path) -> None:
    shutil.copy(rhyme / "model.glassnet", empty_folder / "given away.glassnet")
    options = ("--length", 30, "--temperature", 0)
    assert cli("sample", "given away.glassnet", *options).out == cli("sample", rhyme, *options).out
    assert b"text0" not in (empty_folder / "given away.glassnet").read_bytes()  # the folder that the text was in


def test_the_accuracy_counts_characters(cli: Cli, rhyme: Path) -> None:
    found = json.loads(cli("evaluate", rhyme, "--json").out)
    model = gn.models.load_model(rhyme / "model.glassnet")
    source = sources.load(str(rhyme.parent / "rhyme.txt"))
    z = model.predict(source.x_test).astype("float64")
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.take_along_axis(log_p, source.y_test[..., None], axis=-1)
    assert found["samples"] == source.y_test.size
    assert found["correct"] == (z.argmax(axis=-1) == source.y_test).sum()
    assert found["loss"] == pytest.approx(-right.mean(), rel=1e-5)


def test_check_leaves_the_ids_whole_numbers(rhyme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []
    monkeypatch.setattr(prediction, "check_gradients", lambda loss, x, **_: checked.append((x, float(loss(x)))))
    prediction.gradient_report(str(rhyme), 2, None)
    (x, loss) = checked[0]
    assert (x.shape, x.dtype.kind) == ((2, 64), "i")
    assert 0 < loss < 3


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sample {run} --prompt Zwölf", "not in the vocabulary; .*; received: 'Z', 'ö'; fix: leave them out"),
        ("sample {run} --temperature -1", "bad temperature; expected: 0 or a positive number; received: -1.0"),
        ("sample {run} --top-k 0", "bad top_k; expected: at least 1"),
        ("sample {run} --length -1", "--length.*; see glassnet sample --help"),
        ("sample nowhere", "there is no run 'nowhere'"),
        ("predict {run} --sample 0", "learned from a text, and writes one; fix: glassnet sample '"),
        ("draw {run}", "did not learn from pictures"),
        ("train rhyme.txt --layers 16,32", "bad --layers for a text; .*; received: 16,32"),
        ("train rhyme.txt --layers 0", "bad --layers for a text"),
        ("train rhyme.txt --layers 30", "a multiple of 4 heads; received: 30"),
        ("train short.txt", "too short a text to learn from; expected: at least 1,280 characters; received: 8"),
        ("train names --label x", "--label names a column of a CSV file; names has none"),
        ("train rhyme.txt --data .", "rhyme.txt needs none"),
        ("train name", "there is no data set 'name'.*did you mean 'names'"),
        ("train names --data .", "names: the file is missing, and no network is used"),
    ],
)
def test_bad_input_is_one_clear_line(cli: Cli, rhyme: Path, empty_folder: Path, command: str, message: str) -> None:
    (empty_folder / "rhyme.txt").write_text(LINES * 20, "utf-8")
    (empty_folder / "short.txt").write_text("too bad\n", "utf-8")
    ended = cli(*(str(rhyme) if word == "{run}" else word for word in command.split()))
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended
    assert re.search(message, ended.err), ended.err
    assert not (empty_folder / "runs").exists()


def test_a_run_of_pictures_writes_no_text(cli: Cli, kept: dict[str, Path]) -> None:
    assert "learned from digits, which is no text" in cli("sample", kept["digits"]).err
