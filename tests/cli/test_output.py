"""What the command line prints fits 80 columns, a pipe and a Windows code page."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.samples import Cli

import glassnet as gn
from glassnet.cli.app import app, run
from glassnet.cli.render import folded, interval, side_by_side, spelled

COMMANDS = [command.callback.__name__ for command in app.registered_commands]
COMMANDS += [group.name for group in app.registered_groups]
LINES_OF_CODE = re.compile(r"glassnet/\S+\.py:\d+")


def too_wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > 80]


@pytest.mark.parametrize("data", ["digits", "spiral", "mnist", "my häuser.csv"])
def test_train_fits_eighty_columns_and_a_pipe(cli: Cli, kept: dict[str, Path], data: str) -> None:
    folder = kept["houses"].parent
    options = {"mnist": ("--data", folder / "data"), "my häuser.csv": ("--label", "price")}.get(data, ())
    name = folder / data if data.endswith(".csv") else data
    out = cli("train", name, "--epochs", "2", "--out", "r", *options).out
    assert too_wide(out) == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)
    assert not re.search(" +$", out, re.MULTILINE)


@pytest.mark.parametrize("command", ["summary RUN", "evaluate RUN", "predict RUN --sample 1", "explain RUN --text"])
@pytest.mark.parametrize("name", ["digits", "houses"])
def test_what_is_told_of_a_run_fits_eighty_columns(cli: Cli, kept: dict[str, Path], command: str, name: str) -> None:
    ended = cli(*[kept[name] if word == "RUN" else word for word in command.split()])
    assert ended.out
    assert too_wide(ended.out) == []


def test_show_fits_eighty_columns_down_to_the_lines_of_code(cli: Cli) -> None:
    for name in ("linear", "dropout", "BatchNormalization", "LayerNormalization", "gelu", "softmax"):
        if name in gn.layers.__all__ or name.islower():
            told = LINES_OF_CODE.split(cli("show", name).out)[0]
            assert too_wide(told) == [], name


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_plain_text_of_eighty_columns(cli: Cli, command: str) -> None:
    ended = cli(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: glassnet {command}")
    assert too_wide(ended.out) == []
    assert ended.out.isascii()


def test_without_a_command_all_commands_are_listed(cli: Cli) -> None:
    ended = cli()
    assert ended == cli("--help")
    assert re.findall(r"^  (\w+)  +\S.*[^.]\.$", ended.out.split("Commands:")[1], re.MULTILINE) == COMMANDS
    assert "Exit status: 0 done" in ended.out


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"glassnet {gn.__version__}\n"


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252"])
def test_any_code_page_can_show_all_of_it(
    kept: dict[str, Path], monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    commands = [
        ("train", "digits", "--epochs", "2"), ("train", "moons", "--epochs", "2"), ("predict", kept["digits"], "--sample", 1),
        ("explain", kept["digits"], "--text"), ("summary", kept["digits"]), ("show", "batch_normalization"),
        ("show", "gelu"), ("check", kept["xor"]),
    ]  # fmt: skip
    for command in commands:
        page = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", page)
            assert run([str(word) for word in command]) == 0, command
        page.flush()
        text = page.buffer.getvalue().decode(encoding)
        assert text.isascii() or encoding != "ascii"
        assert "?" not in text, command


def test_an_error_with_a_foreign_name_reaches_a_foreign_terminal() -> None:
    command = [sys.executable, "-m", "glassnet", "evaluate", "läufe/日本"]
    done = subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "cp437", "PYTHONUTF8": "1"}
    )
    assert done.returncode == 2
    assert done.stderr.decode("cp437").startswith("error: there is no run 'läufe/??'")


def test_letters_are_spelled_only_where_the_encoding_lacks_them() -> None:
    text = "σ² ± ½ − x̄ ⌊xᵀ⌋ λ"
    assert spelled(text, "utf-8") == text
    assert spelled(text, "cp1252") == "sigma² ± ½ - x_bar floor(x^T) lambda"
    assert spelled("█ ▄ − ½ 日", "cp437") == "█ ▄ - ½ ?"


def test_long_lines_are_broken_and_short_ones_left_alone() -> None:
    line = "     y[0] = " + " + ".join(["0.25·3"] * 20)
    first, *rest = folded(f"{line}\nshort  line").split("\n")
    assert first.startswith("     y[0] = 0.25·3 + ")
    assert rest[0].startswith("         0.25·3")
    assert rest[-1] == "short  line"
    assert " ".join("".join([first, *rest[:-1]]).split()) == " ".join(line.split()).replace("\n", "")


# ---------------------------------------------------------------- pictures and numbers


def test_pictures_stand_side_by_side_with_captions_below() -> None:
    assert side_by_side([np.eye(2), np.ones((2, 2))], [["a"], ["be"]]) == "  ▀▄    ██\n  a     be"


@pytest.mark.parametrize(("correct", "total", "low", "high"), [(350, 360, 0.9496, 0.9848), (8, 10, 0.4902, 0.9433)])
def test_the_interval_is_half_of_wilsons(correct: int, total: int, low: float, high: float) -> None:
    assert interval(correct, total) == pytest.approx(50 * (high - low), abs=0.01)
