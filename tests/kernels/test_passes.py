"""The passes over the nests of a step, each before and after; and what the verifier between them refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.autograd.rules import Binary, Name, Number, Read
from glassnet.autograd.spec import Spec
from glassnet.graph import trace

pytest.importorskip("llvmlite", reason="the compiler is the optional extra `fast`")

from glassnet.kernels.copies import with_prepared_factors, with_staged_sums
from glassnet.kernels.fuse import Group, fused
from glassnet.kernels.memory import contiguous
from glassnet.kernels.nest import Assignment, Lowering, Nest, Repetition, is_own_cell
from glassnet.kernels.recompute import recomputed
from glassnet.kernels.show import formulas
from glassnet.kernels.stages import Program
from glassnet.kernels.verify import BrokenPass, Verifier

from helpers.formulas import Numbers

ops = gn.ops


def texts(nests: list[Nest]) -> list[str]:
    return [formula for nest in nests for formula in formulas(nest, Numbers())]


def lowered(function: Any, *shapes: tuple[int, ...]) -> tuple[Lowering, list[Nest], Program]:
    graph, _ = trace(function, *[np.zeros(shape, "float32") for shape in shapes])
    lowering = Lowering([value.spec for value in graph.values], {})
    return lowering, [nest for call in graph.calls for nest in lowering.nests(call)], Program(graph)


def test_a_long_sum_is_taken_in_parts_and_a_short_one_at_once() -> None:
    lowering, nests, _ = lowered(lambda x: [ops.sum(x, axis=(0, 1)), ops.sum(x, axis=(1, 2))], (64, 100, 5))
    assert texts(nests) == ["v1[i] = sum_{a<64,b<100} v0[a,b,i]", "v2[i] = sum_{b<100,c<5} v0[i,b,c]"]
    assert texts(with_staged_sums(nests, lowering)) == [
        "v3[i,j] = sum_{b<100} v0[i,b,j]", "v1[i] = sum_{a<64} v3[a,i]", "v2[i] = sum_{b<100,c<5} v0[i,b,c]",
    ]  # fmt: skip


def test_a_sum_of_products_over_samples_is_taken_in_at_most_sixteen_parts() -> None:
    lowering, nests, _ = lowered(lambda x, g: ops.einsum("nti,nto->io", x, g), (32, 200, 3), (32, 200, 5))
    parts, total = with_staged_sums(nests, lowering)
    assert parts.extents == (16, 3, 5)
    assert texts([parts, total]) == [
        "v3[i,j,k] = sum_{n<2,t<200} v0[2 * i + n,t,j] * v1[2 * i + n,t,k]", "v2[i,j] = sum_{n<16} v3[n,i,j]",
    ]  # fmt: skip
    assert total.extents == (3, 5)


def test_a_factor_that_is_read_down_its_columns_is_laid_out_anew() -> None:
    lowering, nests, program = lowered(lambda x, w: ops.einsum("ni,oi->no", x, w), (8, 4), (6, 4))
    (product,) = nests
    copy, prepared = with_prepared_factors(nests, program.place, lowering)
    assert copy.extents == (4, 6)
    assert is_own_cell(Read("", tuple(map(Name, copy.letters))), 2)
    assert f"v{copy.targets[0]}" in texts([prepared])[0]
    assert f"v{copy.targets[0]}" not in texts([product])[0]


def test_a_copy_is_repeated_with_the_nest_that_reads_it() -> None:
    lowering, nests, program = lowered(lambda x, w: ops.einsum("ni,oi->no", x, w), (8, 4), (6, 4))
    repeated = replace(nests[0], repetition=Repetition(5))
    copy, prepared = with_prepared_factors([repeated], program.place, lowering)
    assert copy.repetition is prepared.repetition is repeated.repetition


def test_nests_share_loops_only_if_they_are_repeated_together() -> None:
    _, nests, _ = lowered(lambda x: ops.tanh(ops.exp(x)), (8,))
    first, second = Repetition(5), Repetition(5)
    for repetitions, groups in (((first, first), 1), ((first, second), 2), ((first, None), 2), ((None, first), 2)):
        assert len(fused([replace(n, repetition=r) for n, r in zip(nests, repetitions)], {})) == groups


def test_what_only_the_next_round_reads_is_kept_for_it() -> None:
    """In every round: x = state + 1, and the state becomes 2 x; only x is asked for."""
    specs, repetition = [Spec((8,), np.dtype("float32"))] * 3, Repetition(5)
    places = [contiguous(0, specs[0]), contiguous(1, specs[1]), contiguous(0, specs[2])]
    bodies = {1: Binary("+", Read("0", (Name("0"),)), Number(1)), 2: Binary("*", Read("1", (Name("0"),)), Number(2))}
    groups = [Group([Nest((8,), (Assignment(v, body),), repetition=repetition)]) for v, body in bodies.items()]
    assert [group.targets for group in recomputed(groups, places.__getitem__, [1], [])] == [{1}, {2}]


def test_a_large_factor_is_cut_into_panels_of_columns_where_many_rows_use_it() -> None:
    def factors(*shapes: tuple[int, ...]) -> list[str]:
        lowering, nests, program = lowered(ops.matmul, *shapes)
        return texts(with_prepared_factors(nests, program.place, lowering))

    assert factors((1024, 512), (512, 576)) == [
        "v3[i,j,k] = v1[j,64 * i + k]", "v2[j,k] = sum_{i<512} v0[j,i] * v3[floor(k / 64),i,k % 64]",
    ]  # fmt: skip
    assert "48 * i" in factors((1024, 512), (512, 528))[0]
    assert len(factors((128, 512), (512, 576))) == len(factors((1024, 512), (512, 577))) == 1


def test_an_image_is_framed_once_for_a_convolution_that_reads_beyond_it() -> None:
    lowering, nests, program = lowered(lambda x, w: ops.conv(x, w, padding="same"), (2, 5, 5, 3), (3, 3, 3, 4))
    frame, product = with_prepared_factors(nests, program.place, lowering)
    assert "where" in texts(nests)[0]
    assert "where" not in texts([product])[0]
    assert frame.extents == (2, 7, 7, 3)


def test_what_reads_its_own_cell_is_computed_in_the_same_loops() -> None:
    _, nests, _ = lowered(lambda x, w: ops.relu(x @ w), (8, 4), (4, 3))
    assert [len(group.nests[0].assignments) for group in fused(nests, {})] == [2]
    _, nests, _ = lowered(lambda x: ops.sum(x, axis=1) * 2.0, (8, 4))
    assert [len(group.nests[0].assignments) for group in fused(nests, {})] == [2]
    _, nests, _ = lowered(lambda x: ops.sum(x * 2.0, axis=0), (8, 4))
    assert [len(group.nests) for group in fused(nests, {})] == [1, 1]


CELL = (Name("0"), Name("1"))
BROKEN = {
    "later": (Read("9", CELL), "later: %9 is read before it is computed"),
    "axes": (Read("0", (Name("0"),)), "axes: %0 has 2 axes and is read at 1 indices"),
    "letter": (Read("0", (Name("0"), Name("k"))), "letter: an index of %0 names k, which is no loop"),
    "reach": (Read("0", (Number(8), Name("1"))), "reach: an index of %0 reaches from 8 to 8 along an axis of 8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_pass_that_reads_what_is_not_there_is_named(name: str) -> None:
    _, _, program = lowered(lambda x: [ops.relu(x), *[x * float(k) for k in range(5)]], (8, 4))
    read, problem = BROKEN[name]
    with pytest.raises(BrokenPass, match=f"^{problem}$"):
        Verifier(program.place).verify(name, [Group([Nest((8, 4), (Assignment(1, read),))])], {0})


def test_rows_that_are_not_complete_may_not_be_read() -> None:
    _, nests, program = lowered(lambda x: ops.softmax(x), (8, 4))
    group = Group([replace(nest, follows=position > 0) for position, nest in enumerate(nests[:2])])
    Verifier(program.place).verify("rows", [group], {0})
    turned = Assignment(nests[1].targets[0], Read(str(nests[0].targets[0]), (Name("1"),)))
    with pytest.raises(BrokenPass, match=r"rows: %\d+ is read outside the row that the group is in"):
        Verifier(program.place).verify("rows", [Group([nests[0], Nest((8, 4), (turned,), follows=True)])], {0})
