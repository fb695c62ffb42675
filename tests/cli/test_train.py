"""`glassnet train`: what it shows, what it keeps, and that an interruption loses nothing."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.samples import Cli, houses, plane, write_csv, write_mnist

from glassnet.callbacks import LambdaCallback
from glassnet.cli import recipe, sources

KEPT = {"explain-N.html", "history.csv", "model.glassnet", "report.html", "run.json"}


def names_in(folder: Path) -> set[str]:
    return {re.sub(r"^explain-\d+", "explain-N", path.name) for path in folder.iterdir()}


def next_commands(out: str) -> list[list[str]]:
    """The commands that stand behind `next:`, as argument lists."""
    return [shlex.split(line.split("glassnet ", 1)[1]) for line in out.split("next:")[1].splitlines() if line.strip()]


# ---------------------------------------------------------------- what it shows


def test_digits_shows_data_network_progress_results_and_mistakes_in_this_order(cli: Cli) -> None:
    ended = cli("train", "digits", "--epochs", "3")
    assert (ended.code, ended.err) == (0, "")
    parts = [
        "digits: 1438 samples", "▄", "Sequential digits", "y = softmax(x W + b)", "17,226 parameters", "epoch 1/3",
        "epoch 3/3", "3 epochs. loss fell", "test accuracy", "in file order", "the most confident mistakes:", "said",
        "kept in runs/digits/", "next: glassnet predict runs/digits --sample",
    ]  # fmt: skip
    places = [ended.out.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert re.search(r"test accuracy  \d\d\.\d % ± \d\.\d  \(\d+ of 359; 95 % interval\)", ended.out)


@pytest.mark.parametrize("name", sources.TOYS)
def test_a_toy_set_is_drawn_and_its_map_stands_beside_it_in_the_end(cli: Cli, name: str) -> None:
    out = cli("train", name).out
    drawn, mapped = out.split("Sequential")[0], out.split("test accuracy")[1]
    assert drawn.count("|") == 2 * 12
    assert mapped.count("|") == 4 * 10
    assert "samples                   model\n" in mapped


@pytest.mark.parametrize(
    ("name", "least"), [("xor", 1.0), ("moons", 0.9), ("circles", 0.9), ("spiral", 0.9), ("blobs", 0.9)]
)
def test_the_default_recipe_learns_the_toy_set(cli: Cli, name: str, least: float) -> None:
    assert json.loads(cli("train", name, "--json").out)["results"]["accuracy"] >= least


def test_every_line_of_progress_has_its_sparkline_and_there_are_at_most_twenty(cli: Cli) -> None:
    lines = [line for line in cli("train", "moons", "--epochs", "100").out.splitlines() if line.startswith("epoch")]
    assert len(lines) == 20
    assert all(re.search("  [▁▂▃▄▅▆▇█]{2,8}$", line) for line in lines)


def test_a_table_with_text_and_gaps_is_learned_in_the_units_of_its_column(cli: Cli, empty_folder: Path) -> None:
    ended = cli("train", houses(empty_folder / "houses.csv"), "--label", "price")
    error, of_the_mean = (float(re.search(rf"{row} +(\S+)", ended.out)[1]) for row in ("test error", "for comparison"))
    assert error < of_the_mean / 2
    assert "from: size, town=Köln, town=Ulm" in ended.out


def test_a_table_of_two_columns_is_drawn_with_the_names_of_its_classes(cli: Cli, empty_folder: Path) -> None:
    out = cli("train", plane(empty_folder / "p.csv"), "--label", "where", "--epochs", "2").out
    assert out.count("o in  + out") == 2


def test_a_table_without_column_names_is_learned(cli: Cli, empty_folder: Path) -> None:
    path = write_csv(empty_folder / "t.csv", "0,1", [(k, k % 2) for k in range(20)])
    assert json.loads(cli("train", path, "--label", "column2", "--json").out)["results"]["samples"] == 4


def test_mnist_trains_from_the_data_folder_with_the_options_of_the_readme(cli: Cli, empty_folder: Path) -> None:
    options = ["--layers", "128,128", "--optimizer", "adam", "--epochs", "2", "--seed", "0"]
    ended = cli("train", "mnist", *options, "--data", write_mnist(empty_folder / "d"), "--out", "here")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("loading mnist\nmnist: 40 samples")
    assert "118,282 parameters" in ended.out
    assert names_in(empty_folder / "here") == KEPT


def test_without_hidden_layers_the_network_is_a_single_layer(cli: Cli) -> None:
    assert "hidden" not in cli("train", "moons", "--layers", "0", "--epochs", "1").out


# ---------------------------------------------------------------- next


@pytest.mark.parametrize("data", ["digits", "xor", "a plane.csv", "mnist"])
def test_the_commands_behind_next_exist_and_run(cli: Cli, empty_folder: Path, data: str) -> None:
    options: list[object] = ["--epochs", "2", "--layers", "8", "--out", "my run"]
    if data == "mnist":
        options += ["--data", write_mnist(empty_folder / "d")]
    if data.endswith(".csv"):
        options += ["--label", "where"]
        plane(empty_folder / data)
    commands = next_commands(cli("train", data, *options).out)
    draw = ["draw"] if data in ("digits", "mnist") else []
    assert [command[0] for command in commands] == ["predict", "explain", *draw, "check", "show"]
    for command in commands:
        ended = cli(*command)
        assert (ended.code, ended.err) == (0, ""), command
        assert ended.out, command


# ---------------------------------------------------------------- what it keeps


def test_a_second_run_goes_into_a_folder_of_its_own(cli: Cli, empty_folder: Path) -> None:
    cli("train", "xor", "--epochs", "2")
    first = (empty_folder / "runs/xor/model.glassnet").read_bytes()
    assert "kept in runs/xor-2/" in cli("train", "xor", "--epochs", "3").out
    assert (empty_folder / "runs/xor/model.glassnet").read_bytes() == first
    assert names_in(empty_folder / "runs") == {"xor", "xor-2"}
    assert names_in(empty_folder / "runs/xor") == KEPT


def test_a_folder_of_the_users_own_is_never_written_into(cli: Cli, empty_folder: Path) -> None:
    (empty_folder / "mine").mkdir()
    (empty_folder / "mine/thesis.txt").write_text("precious")
    assert "kept in mine-2/" in cli("train", "xor", "--epochs", "2", "--out", "mine").out
    assert names_in(empty_folder / "mine") == {"thesis.txt"}


def test_json_is_one_object_and_nothing_else(cli: Cli, empty_folder: Path) -> None:
    ended = cli("train", "digits", "--epochs", "2", "--json")
    record = json.loads(ended.out)
    assert ended.err == ""
    assert record["run"] == "runs/digits"
    assert record["results"]["file_order"]["samples"] == 359
    stored = json.loads((empty_folder / "runs/digits/run.json").read_text("utf-8"))
    assert {name: stored[name] for name in record} == record


def test_a_loss_that_became_nan_is_null_in_json(cli: Cli) -> None:
    ended = cli("train", "circles", "--learning-rate", "1e30", "--optimizer", "sgd", "--epochs", "3", "--json")
    assert json.loads(ended.out, parse_constant=pytest.fail)["results"]["loss"] is None


def test_the_same_seed_gives_the_same_model_and_another_seed_another(cli: Cli, empty_folder: Path) -> None:
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        cli("train", "moons", "--epochs", "2", "--seed", seed, "--out", out)
    a, b, c = ((empty_folder / out / "model.glassnet").read_bytes() for out in "abc")
    assert a == b
    assert a != c


# ---------------------------------------------------------------- interruption

LONG = ("train", "spiral", "--epochs", "200")


def stopped_at(epoch: int, number: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A training in a process of its own, to which a signal is sent once it has told of that epoch."""
    command = [sys.executable, "-m", "glassnet", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stdout.readline, "")
        seen = next(line for line in lines if line.startswith(f"epoch {epoch}/"))
        process.send_signal(number)
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, seen + out, err)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training without a break."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    command = [sys.executable, "-m", "glassnet", *LONG, "--out", str(folder), "--json"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_a_killed_training_is_resumed_to_the_same_bytes(cli: Cli, empty_folder: Path, whole: Path) -> None:
    assert stopped_at(160, signal.SIGKILL, *LONG).returncode == -signal.SIGKILL
    cut = empty_folder / "runs/spiral"
    assert names_in(cut) == {"backup", "history.csv", "run.json"}
    assert "fix: glassnet train --resume runs/spiral" in cli("evaluate", "runs/spiral").err
    ended = cli("train", "--resume", "runs/spiral")
    assert (ended.code, ended.err) == (0, "")
    assert "going on after epoch" in ended.out
    assert names_in(cut) == KEPT
    for name in ("model.glassnet", "history.csv"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    results = [json.loads((folder / "run.json").read_text("utf-8"))["results"] for folder in (cut, whole)]
    assert results[0] == results[1]


def test_ctrl_c_keeps_a_usable_run_and_says_how_to_go_on(cli: Cli, empty_folder: Path, whole: Path) -> None:
    ended = stopped_at(160, signal.SIGINT, *LONG)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")
    assert re.search(
        r"interrupted in epoch 1[67]\d of 200; the network is kept as it is and can be used\n", ended.stdout
    )
    commands = next_commands(ended.stdout)
    assert commands.pop(0) == ["train", "--resume", "runs/spiral"]
    assert cli("evaluate", "runs/spiral").code == 0
    assert [cli(*command).code for command in commands] == [0, 0, 0, 0]
    assert json.loads(cli("train", "--resume", "runs/spiral", "--json").out)["finished"]
    for name in ("model.glassnet", "history.csv"):
        assert (empty_folder / "runs/spiral" / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_killed_before_its_first_backup_starts_anew(cli: Cli, empty_folder: Path) -> None:
    cli("train", "moons", "--epochs", "3", "--out", "whole")
    cli("train", "moons", "--epochs", "3", "--out", "cut")
    cut = empty_folder / "cut"
    record = json.loads((cut / "run.json").read_text("utf-8")) | {"finished": False}
    (cut / "run.json").write_text(json.dumps(record), "utf-8")
    (cut / "model.glassnet").unlink()  # history.csv has rows of which no backup knows
    assert cli("train", "--resume", "cut").code == 0
    for name in ("model.glassnet", "history.csv"):
        assert (cut / name).read_bytes() == (empty_folder / "whole" / name).read_bytes()


def test_ctrl_c_in_the_second_training_of_digits_leaves_its_score_out(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = recipe.train

    def interrupted(model: Any, source: Any, settings: Any, folder: Path | None, verbose: Any) -> Any:
        if folder is None:
            ctrl_c = LambdaCallback(on_train_batch_end=lambda batch, logs: signal.raise_signal(signal.SIGINT))
            fit = model.fit
            monkeypatch.setattr(model, "fit", lambda *data, **options: fit(*data, **options | {"callbacks": [ctrl_c]}))
        return train(model, source, settings, folder, verbose)

    monkeypatch.setattr(recipe, "train", interrupted)
    ended = cli("train", "digits", "--epochs", "1", "--json")
    record = json.loads(ended.out)
    assert (ended.code, record["finished"], record["results"]["file_order"]) == (0, True, None)
