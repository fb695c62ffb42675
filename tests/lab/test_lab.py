"""The lab: every row runs, what is exact is exact, and the stored results and their page are what the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import lab
from glassnet.cli import recipe, sources
from glassnet.errors import ArgumentError
from glassnet.lab import Row, bot_academy, digits, nielsen, results
from glassnet.lab.__main__ import main

ROOT = Path(__file__).parents[2]
IDS = [row.id for row in lab.rows()]
EXACT = ["A1", "BA2", "BA5", "BA6", "IC5", "IC6", "N7", "TB1"]
PARAMS = {
    "A2T": 204_571,
    "BA1": 15_910,
    "GC1": 118_282,
    "GC2": 118_282,
    "IC1": 13,
    "IC3": 31_810,
    "BN1": 1_205_800,
    "N1": 23_860,
    "N4": 7_850,
    "TB1": 13_002,
}


@pytest.fixture(autouse=True)
def no_downloaded_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever asks for MNIST fails: the folder that should hold it is empty."""
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "nothing"))


def numbers(found: dict[str, Any]) -> dict[str, Any]:
    """What was obtained, without texts and without what the clock says."""
    return {
        name: value
        for name, value in found["obtained"].items()
        if not isinstance(value, str) and "seconds" not in name and name != "speedup"
    }


# ---------------------------------------------------------------- the rows


def test_every_row_that_is_asked_for_is_there():
    lessons = "BA1 BA2 BA3 BA4 BA5 BA6 GC1 GC2 TB1 TB2 TB3 TB4 TB5 TB6 TB7 TB8 IC1 IC2 IC3 IC4 IC5 IC6 OA1 OA2 OA3 OA4"
    books, anchors, wishes = "N1 N4 N7 N26 NF1 NF2 FM1", "A1 A2G A2T A3 digits", "RL1 RL2 RL3 BN1"
    assert sorted(IDS) == sorted(f"{lessons} {books} {anchors} {wishes}".split())


@pytest.mark.parametrize("id", IDS)
def test_a_row_runs_in_quick_mode_without_any_download(id: str):
    found = lab.run(id, seed=0, quick=True)
    row = next(row for row in lab.rows() if row.id == id)
    assert {name for name, _, _ in row.comparisons} <= found["obtained"].keys()
    assert all(np.isfinite(value) for value in numbers(found).values())
    assert found["settings"]
    json.dumps(found)  # all of it is plain data


@pytest.mark.parametrize("id", EXACT)
def test_what_needs_no_training_data_holds_in_quick_mode_too(id: str):
    for seed in range(3):
        assert lab.run(id, seed, quick=True)["holds"]


@pytest.mark.parametrize("id", PARAMS)
def test_the_number_of_parameters_is_that_of_the_lesson(id: str):
    assert lab.run(id, quick=True)["obtained"]["params"] == PARAMS[id]


@pytest.mark.parametrize("id", ["BA3", "GC1", "TB2", "TB5", "TB6", "IC1", "IC3", "N1", "digits", "RL1", "BN1"])
def test_a_seed_decides_the_run(id: str):
    found = []
    for seed in (1, 1, 2):
        gn.utils.clear_session()  # automatic layer names stand in the files whose sizes are obtained
        found.append(numbers(lab.run(id, seed, quick=True)))
    assert found[0] == found[1] != found[2]


def test_an_unknown_row_is_named_with_the_known_ones():
    with pytest.raises(
        ArgumentError, match=r"no such row\n  expected: BA1, .*\n  received: 'N77'\n  fix:      did you mean 'N7'"
    ):
        lab.run("N77")


# ---------------------------------------------------------------- the recipes say what the lessons say


def test_nielsens_step_is_that_of_his_formulas(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    x, y = rng.random((10, 6)).astype("float32"), np.arange(10)
    monkeypatch.setattr(
        nielsen, "flat_images", lambda name, quick: ((x[[*range(10), 0, 0]], y[[*range(10), 0, 0]]), (x, y))
    )
    weights: list[Any] = []
    build = nielsen.network

    def network(sizes: list[int], scaled: bool = False) -> gn.Sequential:
        model = build(sizes, scaled)
        weights.append((model, model.get_weights()))
        return model

    monkeypatch.setattr(nielsen, "network", network)
    monkeypatch.setattr(nielsen, "QUICK_EPOCHS", 1)
    nielsen.train([4], 3.0, 0, quick=True)  # 12 images, 2 of them held out: one step on a batch of 10
    model, (W1, b1, W2, b2) = weights[0]
    h = 1 / (1 + np.exp(-(x @ W1 + b1)))
    a = 1 / (1 + np.exp(-(h @ W2 + b2)))
    delta_2 = (a - np.eye(10)[y]) * a * (1 - a)  # BP1 with the cost |y - a|^2 / 2
    delta_1 = delta_2 @ W2.T * h * (1 - h)  # BP2
    slopes = [x.T @ delta_1, delta_1.sum(axis=0), h.T @ delta_2, delta_2.sum(axis=0)]  # BP4, BP3
    for found, start, slope in zip(model.get_weights(), (W1, b1, W2, b2), slopes, strict=True):
        np.testing.assert_allclose(found, start - 3.0 / 10 * slope, atol=1e-5)


def test_bot_academys_batches_are_the_lessons_steps_scaled_to_their_size():
    for batch_size in (1, 32):
        assert bot_academy.settings(batch_size)["optimizer"] == f"SGD({0.1 * batch_size:g})"


def test_the_digits_row_trains_the_network_of_glassnet_train_digits():
    source = sources.load("digits")
    settings = recipe.settings_for(source, epochs=1)
    theirs = recipe.build(source, settings)
    recipe.train(theirs, source, settings, None, 0)
    gn.utils.set_random_seed(0)
    ours = digits.network()
    ours.fit(source.x_train, source.y_train, batch_size=digits.BATCH, epochs=1, validation_split=0.1, verbose=0)
    whole = recipe.settings_for(source)
    assert (whole.epochs, whole.batch_size) == (digits.EPOCHS, digits.BATCH)
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


# ---------------------------------------------------------------- criteria and records


@pytest.mark.parametrize(
    ("criterion", "obtained", "holds"),
    [
        ("a >= 2", {"a": 2}, True), ("a > 2", {"a": 2}, False), ("a <= 2", {"a": 2}, True), ("a < 2", {"a": 1.9}, True),
        ("a == 1", {"a": True}, True), ("a == 1, b >= -0.5", {"a": 1, "b": -0.6}, False),
        ("a <= 1e-12", {"a": 0.0}, True),        ("a >= 0", {"a": float("nan")}, False),
    ],
)  # fmt: skip
def test_a_criterion_is_all_of_its_comparisons(criterion: str, obtained: dict[str, Any], holds: bool):
    assert Row("X", "source", "reported", criterion).holds(obtained) is holds


def test_a_criterion_that_cannot_be_read_is_an_error():
    with pytest.raises(ArgumentError, match="row X: the criterion cannot be read"):
        Row("X", "source", "reported", "about 93 %").holds({})


def test_the_criterion_is_judged_by_the_mean_over_the_seeds():
    runs = [{"a": 90.0, "n": 13, "text": "first"}, {"a": 96.0, "n": 13, "text": "second"}]
    assert results.average(runs) == {"a": 93.0, "n": 13, "text": "first"}


def test_a_record_tells_what_it_needs_to_be_judged_by():
    record = results.measure("IC1", seeds=2, quick=True)
    assert record["seeds"] == [0, 1]
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert record["holds"] is False, "100 of 10,000 epochs do not learn XOR"
    assert {"reported", "criterion", "settings", "machine", "versions", "files"} <= record.keys()
    assert record["versions"].keys() >= {"python", "numpy", "glassnet", "blas"}
    assert record["files"].keys() == {"xor.py"}


def test_no_seed_is_an_error():
    with pytest.raises(ArgumentError, match="at least one seed is needed"):
        results.measure("A1", seeds=0)


def test_a_result_older_than_its_experiment_is_marked_stale():
    record = results.measure("A1", seeds=1)
    assert "stale" not in results.page([record]).splitlines()[-1]
    record["files"]["micrograd.py"] = "0" * 64
    assert results.page([record]).splitlines()[-1].count("yes (*stale*)") == 1


# ---------------------------------------------------------------- the command


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_lists_all_rows(capsys: pytest.CaptureFixture[str]):
    main([])
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if not line.startswith(" ")] == IDS


def test_a_run_is_stored_and_rendered(checkout: Path, capsys: pytest.CaptureFixture[str]):
    main(["run", "A1", "--seeds", "1"])
    assert (
        "criterion                 g == 24.7041, dg_da == 138.8338, dg_db == 645.5773: holds" in capsys.readouterr().out
    )
    assert json.loads((checkout / "results/lab/A1.json").read_text("utf-8"))["obtained"]["g"] == 24.7041
    main(["--render"])
    text = (checkout / "docs/lab.md").read_text("utf-8")
    assert "| A1 | micrograd, README | g = 24.7041" in text
    assert "g 24.7041<br>" in text


def test_a_quick_run_is_not_stored(checkout: Path, capsys: pytest.CaptureFixture[str]):
    main(["run", "IC2", "--quick", "--seeds", "1"])
    assert "nothing is stored" in capsys.readouterr().out
    assert list(checkout.iterdir()) == []


def test_an_error_is_one_line():
    with pytest.raises(SystemExit, match="error: lab: there is no such row; expected: BA1, "):
        main(["run", "N77"])


# ---------------------------------------------------------------- what is stored in the repository


def test_every_row_has_a_full_result():
    records = results.stored(ROOT / "results" / "lab")
    assert [record["id"] for record in records] == IDS
    assert not any(record["quick"] for record in records)
    for record in records:
        row = next(row for row in lab.rows() if row.id == record["id"])
        assert (record["source"], record["reported"], record["criterion"]) == (row.source, row.reported, row.criterion)
        assert record["holds"] == row.holds(record["obtained"])


def test_the_page_is_what_the_stored_results_say():
    written = (ROOT / "docs" / "lab.md").read_text("utf-8")
    assert written == results.page(results.stored(ROOT / "results" / "lab")), "python -m glassnet.lab --render"
