"""Bad input: one clear line on standard error, exit code 2, nothing half-written; never a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.samples import Cli, Ended, plane, write_csv

import glassnet as gn
from glassnet.cli import prediction, runs, tell
from glassnet.saving.archive import write_archive

COMMANDS = {
    "no such data set": ("train moon", "there is no data set 'moon'.*did you mean 'moons'"),
    "no data set": ("train", "name a data set"),
    "two of them": ("train xor --resume runs/xor", "name a data set, or a run to --resume"),
    "a folder as data": ("train .", "received: a folder"),
    "no such table": ("train none.csv --label a", "none.csv: the file does not exist"),
    "no label": ("train none.csv", "which column.*--label COLUMN"),
    "a label without table": ("train xor --label a", "--label names a column of a CSV file; xor has none"),
    "data for digits": ("train digits --data .", "--data is the folder of mnist, .*; digits needs none"),
    "data not there": ("train mnist --data .", "train-images-idx3-ubyte.gz"),
    "words as layers": ("train xor --layers many", "bad --layers.*such as 128,128; received: many"),
    "layers below zero": ("train xor --layers 3,-1", "bad --layers"),
    "no epochs": ("train xor --epochs 0", "bad --epochs; expected: at least 1; received: 0"),
    "half an epoch": ("train xor --epochs 0.5", "--epochs.*; see glassnet train --help"),
    "negative batch": ("train xor --batch-size -1", "bad --batch-size"),
    "rate of zero": ("train xor --learning-rate 0", "bad --learning-rate"),
    "rate not a number": ("train xor --learning-rate nan", "bad --learning-rate"),
    "negative decay": ("train xor --decay -1", "bad --decay"),
    "all dropped": ("train xor --dropout 1", "bad --dropout"),
    "all watched": ("train moons --validation 1", "bad --validation"),
    "nearly all watched": ("train moons --validation 0.999", "validation_split leaves one side empty"),
    "negative seed": ("train xor --seed -1", "--seed.*; see glassnet train --help"),
    "no such activation": ("train xor --activation rely", "unknown activation 'rely'.*did you mean 'relu'"),
    "no such optimizer": ("train xor --optimizer adm", "unknown optimizer 'adm'.*did you mean 'adam'"),
    "a file as folder": ("train xor --out taken", "--out must be a folder; received: taken, a file"),
    "below a file": ("train xor --out taken/run", "taken/run: Not a directory"),
    "no run to resume": ("train --resume nowhere", "there is no run in nowhere"),
    "options of a resumed run": ("train --resume r --epochs 3 --seed 0", "keeps its settings; received: --epochs, --seed"),
    "no such run": ("predict nowhere --sample 0", "there is no run 'nowhere'.*fix: glassnet train digits"),
    "no such command": ("trian xor", "No such command 'trian'.*see glassnet --help"),
    "no such option": ("train xor --epoch 3", "No such option: --epoch.*see glassnet train --help"),
    "no name": ("show", "Missing argument 'NAME'; see glassnet show --help"),
    "no such op": ("show relo", "there is no op or layer 'relo'.*did you mean 'relu'"),
}  # fmt: skip


def is_refused(ended: Ended, match: str) -> None:
    assert ended.code == 2, ended
    assert re.fullmatch(rf"error: [^\n]*{match}[^\n]*\n", ended.err), ended.err


@pytest.mark.parametrize(("command", "match"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_bad_command_is_refused_in_one_line_and_leaves_nothing_behind(
    cli: Cli, empty_folder: Path, command: str, match: str
) -> None:
    (empty_folder / "taken").write_text("a file")
    is_refused(cli(*command.split()), match)
    assert {path.name for path in empty_folder.rglob("*")} <= {"taken", "runs"}


USES = {
    "neither file nor sample": ("predict RUN", "give a file or --sample N"),
    "both": ("predict RUN x.png --sample 0", "give a file or --sample N"),
    "a sample too far": ("predict RUN --sample 359", "no such sample; expected: 0 to 358; received: 359"),
    "a sample below zero": ("explain RUN --sample -1 --text", "no such sample"),
    "explain to print and to write": ("explain RUN --text --out p.html", "--text prints, it writes no page"),
    "explain into a folder that is missing": (
        "explain RUN --out no/p.html",
        "no/p.html: the page cannot be written; expected: a folder that exists; .*; fix: create the folder no first",
    ),
    "draw into a folder that is missing": ("draw RUN --out no/p.html", "fix: create the folder no first"),
    "explain over a folder": ("explain RUN --out .", "cannot be written; .*choose another file or folder"),
    "a sample that is no number": ("explain RUN --sample x", "--sample.*; see glassnet explain --help"),
    "check of nothing": ("check RUN --samples 0", "--samples.*see glassnet check --help"),
    "data for digits": ("evaluate RUN --data .", "--data is the folder of mnist"),
    "data with a file": ("predict RUN x.png --data .", "--data goes with --sample"),
    "no such picture": ("predict RUN none.png", "none.png: the file does not exist"),
    "a folder as picture": ("predict RUN .", "the file is a folder"),
    "a table as picture": ("predict RUN table.csv", "not a known image file; expected: PNG or PGM"),
    "half a picture": ("predict RUN half.png", "not a whole PNG file"),
    "a finished run": ("train --resume RUN", "is finished"),
}


@pytest.mark.parametrize(("command", "match"), USES.values(), ids=USES.keys())
def test_a_bad_use_of_a_run_is_refused_in_one_line(
    cli: Cli, kept: dict[str, Path], empty_folder: Path, command: str, match: str
) -> None:
    plane(empty_folder / "table.csv")
    (path,) = gn.datasets.export_images(np.zeros((1, 8, 8), np.uint8), None, empty_folder)
    (empty_folder / "half.png").write_bytes(path.read_bytes()[:50])
    is_refused(cli(*[kept["digits"] if word == "RUN" else word for word in command.split()]), match)


# ---------------------------------------------------------------- tables

TABLES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "names only": (b"a,b\n", "no rows below the column names"),
    "two rows": (b"a,b\n1,x\n2,y\n", "too few rows"),
    "one class": (b"a,b\n1,x\n2,x\n3,x\n", "column 'b' has a single value"),
    "latin-1": (b"a,b\n1,caf\xe9\n", "line 2: the file is not UTF-8"),
    "bytes": (bytes(range(256)), "the file is not UTF-8"),
    "rows of unequal length": (b"a,b\n1,2\n3\n", "line 3: a row of another length"),
    "no such column": (b"a,c\n1,2\n3,4\n", "no column 'b' for the label"),
    "a missing label": (b"a,b\n1,x\n2,\n3,y\n4,x\n", "line 3, column 'b': the cell is missing"),
    "text among numbers": (b"a,b\n1,x\n2,y\nthree,x\n", "line 4, column 'a': text in a column of numbers"),
}


@pytest.mark.parametrize(("content", "match"), TABLES.values(), ids=TABLES.keys())
def test_a_bad_table_is_refused_in_one_line(cli: Cli, empty_folder: Path, content: bytes, match: str) -> None:
    (empty_folder / "t.csv").write_bytes(content)
    is_refused(cli("train", "t.csv", "--label", "b"), match)
    assert not (empty_folder / "runs").exists()


def test_a_table_with_other_columns_is_refused(cli: Cli, kept: dict[str, Path], empty_folder: Path) -> None:
    write_csv(empty_folder / "t.csv", "a,c", [(1, 2)])
    is_refused(cli("predict", kept["plane"], "t.csv"), "no column 'b'")


def test_a_category_that_the_run_has_never_seen_is_refused(cli: Cli, kept: dict[str, Path], empty_folder: Path) -> None:
    (empty_folder / "t.csv").write_text("size,town\n100,Bonn\n", "utf-8")
    is_refused(cli("predict", kept["houses"], "t.csv"), "unknown category")


def test_a_run_on_points_takes_no_files(cli: Cli, kept: dict[str, Path]) -> None:
    is_refused(cli("predict", kept["xor"], "x.png"), "learned neither from pictures nor from a table")


def test_a_table_that_has_changed_since_the_run_is_refused(cli: Cli, empty_folder: Path) -> None:
    plane(empty_folder / "p.csv")
    cli("train", "p.csv", "--label", "where", "--epochs", "1")
    plane(empty_folder / "p.csv", count=90)
    is_refused(cli("evaluate", "runs/p"), "runs/p: the data have changed since the run")
    (empty_folder / "p.csv").unlink()
    is_refused(cli("evaluate", "runs/p"), "p.csv: the file does not exist")


# ---------------------------------------------------------------- broken runs


def from_python(file: Path) -> None:
    gn.Sequential([gn.Input((2,)), gn.layers.Dense(1)]).save(file)


def from_the_future(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(json.loads(members["config.json"]) | {"format_version": 99}).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


MODELS = {
    "truncated": (lambda file: file.write_bytes(file.read_bytes()[:-500]), "damaged or incomplete"),
    "one bit flipped": (lambda file: flip_a_bit(file), "damaged or incomplete"),
    "garbage": (lambda file: file.write_bytes(b"garbage" * 100), "not a glassnet model file"),
    "empty": (lambda file: file.write_bytes(b""), "an empty file"),
    "weights only": (lambda file: write_archive(file, {"kind": "weights"}, {}), "does not say on which data|holds no model"),
    "made in Python": (from_python, "does not say on which data it was trained"),
    "of a newer version": (from_the_future, "needs glassnet"),
}  # fmt: skip


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("command", ["evaluate RUN", "predict RUN --sample 0", "explain RUN --text", "check RUN"])
@pytest.mark.parametrize(("spoil", "match"), MODELS.values(), ids=MODELS.keys())
def test_a_broken_model_file_is_refused_in_one_line(
    cli: Cli, kept: dict[str, Path], empty_folder: Path, spoil: Callable[[Path], object], match: str, command: str
) -> None:
    file = Path(shutil.copy(kept["plane"] / "model.glassnet", empty_folder / "m.glassnet"))
    spoil(file)
    is_refused(cli(*command.replace("RUN", "m.glassnet").split()), f"(?:{match})")


def test_a_model_made_in_python_still_has_a_summary(cli: Cli, empty_folder: Path) -> None:
    from_python(empty_folder / "m.glassnet")
    assert "3 parameters" in cli("summary", "m.glassnet").out


RECORDS = {
    "garbage": "garbage", "no object": "[]", "without settings": "{}", "a word": '{"settings": {"layers": "many"}}',
    "unknown settings": '{"settings": {"layers": [3], "wings": 2}}', "no data": '{"settings": {"layers": [3]}}',
    "a setting out of range": '{"settings": {"layers": [3], "epochs": 0}}',
}  # fmt: skip


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS.keys())
def test_a_broken_record_is_not_resumed(cli: Cli, empty_folder: Path, text: str) -> None:
    (empty_folder / "r").mkdir()
    (empty_folder / "r/run.json").write_text(text, "utf-8")
    is_refused(cli("train", "--resume", "r"), "(?:is broken|does not say on which data)")
    assert [path.name for path in empty_folder.rglob("*")] == ["r", "run.json"]


def test_the_newest_five_runs_are_named_where_none_is_found(cli: Cli, empty_folder: Path) -> None:
    for number in range(7):
        (empty_folder / f"runs/{number}").mkdir(parents=True)
        (empty_folder / f"runs/{number}/run.json").write_text("{}")
        os.utime(empty_folder / f"runs/{number}/run.json", (number, number))
    is_refused(cli("evaluate", "runs/9"), "runs here: runs/6, runs/5, runs/4, runs/3, runs/2 and 2 more")


# ---------------------------------------------------------------- what nobody expects


def test_no_permission_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(runs.Path, "mkdir", refuse)
    is_refused(cli("train", "xor"), "runs/xor: Permission denied")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ZeroDivisionError("one\ntwo"), 1, r"internal error: ZeroDivisionError: one two \(\w+.py, line \d+\)\n"),
        (MemoryError("80 GiB"), 2, "error: not enough memory; 80 GiB\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
    ids=["a bug", "memory", "Ctrl-C"],
)
def test_any_other_end_is_one_line_too(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def fail(name: str) -> str:
        raise error

    monkeypatch.setattr(tell, "tell", fail)
    ended = cli("show", "relu")
    assert ended.code == code
    assert re.fullmatch(line, ended.err)


def test_a_warning_is_one_line(cli: Cli, kept: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def warned(run: str, sample: int, data: str | None) -> str:
        warnings.warn("take care", stacklevel=2)
        return "explained"

    monkeypatch.setattr(prediction, "explanation", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        ended = cli("explain", kept["xor"], "--text")
    assert (ended.out, ended.err) == ("explained\n", "warning: take care\n")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "glassnet", "show", "Dense"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
