"""`glassnet kernels show`: the compiled step of any kept network, in eighty columns."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.samples import Cli

import glassnet as gn

llvm = pytest.importorskip("glassnet.kernels.llvm", reason="the compiler is the optional extra `fast`")

L = gn.layers


def test_the_training_step_of_a_run_is_shown_for_a_batch_size(cli: Cli, kept: dict[str, Path]) -> None:
    ended = cli("kernels", "show", kept["xor"], "--batch", "4")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"^ +kernel 0: 4 x 3, about \d+ operations, one thread$", ended.out, re.MULTILINE)
    assert "sum_{i<2} input0[j,i] * hidden_1/kernel[i,k] +" in ended.out
    assert "m/adam/hidden_1/kernel'[j,k] = 0.9 * m/adam/hidden_1/kernel[j,k] + " in ended.out
    assert "kernel 0: 32 x 3" in cli("kernels", "show", kept["xor"]).out


@pytest.mark.parametrize("name", ["digits", "houses", "mnist"])
def test_the_report_fits_eighty_columns(cli: Cli, kept: dict[str, Path], name: str) -> None:
    ended = cli("kernels", "show", kept[name])
    assert "NumPy runs" not in ended.out
    assert "sparse_softmax_crossentropy" in ended.out or name == "houses"
    assert [line for line in ended.out.splitlines() if len(line) > 80] == []


def test_a_network_without_loss_shows_its_prediction(cli: Cli, tmp_path: Path) -> None:
    gn.Sequential([gn.Input((None, 3)), L.Dense(2, name="each")]).save(tmp_path / "m.glassnet")
    out = cli("kernels", "show", tmp_path / "m.glassnet", "--batch", "2").out
    assert "1 operations: 1 assignment in 1 kernel" in out
    assert "kernel 0: 2 x 16 x 2" in out


def test_a_network_with_two_outputs_gets_targets_for_both(cli: Cli, tmp_path: Path) -> None:
    x = gn.Input((3,))
    model = gn.Model(x, [L.Dense(2, name="a")(x), L.Dense(4, "softmax", name="b")(x)])
    model.compile("sgd", {"a": "mse", "b": "sparse_categorical_crossentropy"})
    model.fit(np.zeros((4, 3)), {"a": np.zeros((4, 2)), "b": np.zeros(4, int)}, verbose=0)
    model.save(tmp_path / "m.glassnet")
    out = cli("kernels", "show", tmp_path / "m.glassnet").out
    assert "a/kernel'" in out
    assert "b/kernel'" in out


def test_a_kernel_is_printed_as_ir_or_as_assembly(cli: Cli, kept: dict[str, Path]) -> None:
    lanes = llvm.machine().lanes
    assert f"<{lanes} x float>" in cli("kernels", "show", kept["digits"], "--ir", "1").out
    assert ".globl\tkernel_1" in cli("kernels", "show", kept["digits"], "--assembly", "1").out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("kernels show RUN --ir 99", "there is no such kernel; expected: 0 to \\d+; received: 99"),
        ("kernels show RUN --ir 1 --assembly 1", "--ir and --assembly both print a kernel; fix: give one"),
        ("kernels show RUN --batch 0", "--batch.*see glassnet kernels show --help"),
        ("kernels show none", "there is no run 'none'"),
        ("kernels", "Missing command; see glassnet kernels --help"),
    ],
)
def test_bad_input_ends_in_one_line(cli: Cli, kept: dict[str, Path], command: str, words: str) -> None:
    ended = cli(*[kept["xor"] if word == "RUN" else word for word in command.split()])
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(f"error: .*{words}.*\n", ended.err)


def test_without_llvmlite_the_extra_is_named(cli: Cli, kept: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "glassnet.kernels.plan", None)
    ended = cli("kernels", "show", kept["xor"])
    assert ended.code == 2
    assert ended.err.startswith("error: glassnet kernels needs llvmlite; ")
    assert ended.err.endswith("fix: pip install 'glassnet[fast]'\n")
