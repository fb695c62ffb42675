"""Rules in the page: the numbers of `glassnet.autograd.rules.evaluate` and the cells and texts of `work_cell`.

The oracle is Python's own evaluator. Every rule of every op is tried on the inputs of the op's contract table, and
every construct of the language on random shapes.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import ops
from glassnet.autograd import rules, worked
from glassnet.autograd.op import Op
from glassnet.ops.elementwise import Cast
from glassnet.web.payload import encode_array, rule_to_json

from helpers.contract import Case, rule_of, run

OPS = Path(__file__).parents[1] / "ops"
WITHOUT_RULES = {"test_creation", "test_recurrent"}
FAMILIES = sorted(path.stem for path in OPS.glob("test_*.py") if path.stem not in WITHOUT_RULES)
TERMS = 4

WORK = """async (jobs) => {
  const { evaluate, workCell } = await import("/rules.js");
  const { formulaWithNumbers } = await import("/formula.js");
  const { decode } = await import("/payload.js");
  const load = async (arrays) => Object.fromEntries(await Promise.all(
    Object.entries(arrays).map(async ([name, array]) => [name, { shape: array.shape, data: await decode(array) }])));
  const done = [];
  for (const { statements, inputs, attributes, shapes, cells } of jobs) {
    const arrays = await load(inputs);
    const found = evaluate(statements, arrays, attributes, shapes);
    const worked = cells.map(([target, cell]) => workCell(statements, target, { ...found, ...arrays }, attributes, cell));
    done.push({
      values: Object.fromEntries(Object.entries(found).map(([name, { shape, data }]) => [name, { shape, data: [...data] }])),
      cells: worked.map((cell) => ({
        value: cell.value, sources: cell.sources.map(({ array, cell }) => [array, cell]),
        addends: cell.addends.map((part) => part.value),
        numbers: [...formulaWithNumbers(cell, { terms: 4 }).querySelectorAll("mn")].map(
          (node) => [node.textContent, node.getAttribute("data-ref")]),
      })),
    });
  }
  return done;
}"""


def encoded(array: Any) -> dict[str, Any]:
    array = np.asarray(array)
    return {"shape": list(array.shape), "dtype": array.dtype.name, "buffer": encode_array(array)}


def wide(array: Any) -> Any:
    """Floats as float64: the page computes nothing in float32."""
    array = np.asarray(array)
    return array.astype("float64") if array.dtype.kind == "f" else array


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as a trace writes them: what JSON can say."""
    return json.loads(json.dumps(attributes, default=str))


def loaded(path: Path) -> Any:
    """A test file as a module, for its tables."""
    spec = importlib.util.spec_from_file_location(f"tables_of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases_of(family: str) -> list[Case]:
    """The distinct rows of an op family's contract table whose op has a rule."""
    pairs = [pair for mark in loaded(OPS / f"{family}.py").test_contract.pytestmark for pair in mark.args[1]]
    return [case for case in {id(case): case for case, _ in pairs}.values() if rule_of(case, case.arrays())]


class Job:
    """One rule with its inputs, what Python makes of it, and three cells of every target."""

    def __init__(
        self, name: str, rule: str, inputs: dict[str, Any], attributes: dict[str, Any], shapes: dict[str, Any]
    ):
        self.name, self.rule, self.inputs, self.attributes = name, rule, inputs, attributes
        self.expected = rules.evaluate(rule, inputs, attributes, shapes)
        self.shapes = shapes
        rng = np.random.default_rng(0)
        self.cells = [
            (target, tuple(int(rng.integers(n)) for n in value.shape))
            for target, value in self.expected.items()
            if value.size
            for _ in range(3)
        ]

    @classmethod
    def of_case(cls, case: Case, arrays: list[Any]) -> Job:
        names = case.op.input_names(len(arrays))
        shapes = {name: np.shape(y) for name, y in zip(case.op.outputs, run(case.op, *arrays), strict=True)}
        return cls(case.id, rule_of(case, arrays), dict(zip(names, arrays, strict=True)), case.op.attributes, shapes)

    def sent(self) -> dict[str, Any]:
        return {
            "statements": rule_to_json(self.rule), "inputs": {n: encoded(a) for n, a in self.inputs.items()},
            "attributes": plain(self.attributes), "shapes": self.shapes, "cells": self.cells,
        }  # fmt: skip

    def check(self, found: dict[str, Any]) -> None:
        assert found["values"].keys() == self.expected.keys()
        for name, expected in self.expected.items():
            got = np.array(found["values"][name]["data"], dtype=float).reshape(found["values"][name]["shape"])
            assert_close(got, expected, f"{self.name}: {name} of {self.rule}")
        known = {name: wide(a) for name, a in {**self.expected, **self.inputs}.items()}
        for (target, cell), got in zip(self.cells, found["cells"], strict=True):
            expected = worked.work_cell(self.rule, known, self.attributes, cell, TERMS, target)
            what = f"{self.name}: {target}{cell} of {self.rule}"
            assert_close(np.float64(got["value"]), np.float64(expected.value), what)
            assert [(array, tuple(place)) for array, place in got["sources"]] == expected.sources, what
            assert_close(np.sum(got["addends"]), np.float64(expected.value), f"sum of the parts of {what}", 1e-11)
            *numbers, (result, place) = got["numbers"]
            assert sizes(text for text, _ in numbers) == sizes(NUMBERS.findall(expected.text)), what
            assert (short(as_float(result)), place) == (short(expected.value), ref(target, cell)), what
            for text, place in numbers:
                assert place is None or short(as_float(text)) == short(number_at(known, place)), what


NUMBERS = re.compile(r"(?<!\w)(?!\d+ others?:)−?(?:\d+\.?\d*(?:e[+−]?\d+)?|inf|nan)(?!\w)")
"""Numbers in a worked text; how many others there are is none of them."""
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def as_float(text: str) -> float:
    """A number as Python or the page writes it."""
    return float(text.replace("×10", "e").translate(SUPERSCRIPTS).replace("∞", "inf"))


def short(value: float) -> str:
    """Four significant digits, and one zero."""
    return f"{value + 0.0:.4g}"


def sizes(texts: Iterable[str]) -> list[str]:
    """Numbers without their signs, which stand in an operator of their own where the rule has a minus."""
    return sorted(short(abs(as_float(text))) for text in texts)


def ref(array: str, cell: tuple[int, ...]) -> str:
    return f"{array}[{','.join(map(str, cell))}]" if cell else array


def number_at(known: dict[str, Any], place: str) -> float:
    """The number that a ref names."""
    array, _, cell = place.partition("[")
    return float(known[array][tuple(int(at) for at in cell.rstrip("]").split(",") if at)])


def assert_close(got: Any, expected: Any, what: str, tolerance: float = 1e-12) -> None:
    assert np.shape(got) == np.shape(expected), what
    expected = np.asarray(expected, dtype=float)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, expected), err_msg=what)
    got, expected = np.where(finite, got, 0), np.where(finite, expected, 0)
    scale, error = np.max(np.abs(expected), initial=1e-300), np.max(np.abs(got - expected), initial=0.0)
    assert error <= tolerance * scale, f"{what}: off by {error:.3g}, largest number {scale:.3g}"


def check_all(kit: Any, jobs: list[Job]) -> None:
    for job, found in zip(jobs, kit.evaluate(WORK, [job.sent() for job in jobs]), strict=True):
        job.check(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rule_of_every_op_gives_pythons_numbers_cells_and_formula(kit, family):
    cases = cases_of(family)
    assert cases
    check_all(kit, [Job.of_case(case, case.arrays(dtype)) for case in cases for dtype in ("float64", "float32")])


def test_no_op_with_a_rule_is_left_out():
    tried = {type(case.op) for family in FAMILIES for case in cases_of(family)}
    with_rule = {op for op in ops.op_classes() if op.rule or op.rule_for is not Op.rule_for}
    assert with_rule - tried == {Cast}  # it has no table; its rules are among those with special numbers


def test_every_construct_of_the_language_gives_pythons_numbers_cells_and_formula(kit):
    language = loaded(OPS.parent / "autograd" / "test_rules.py")
    arrays = vars(language.A)
    attributes = {"alpha": 0.25, "stride": 2, "sizes": (3, 3)}
    check_all(
        kit,
        [
            Job(name, rule, arrays, attributes, {"y": np.shape(expected)})
            for name, (rule, expected) in language.EVALUATED.items()
        ],
    )


SPECIAL = [
    "y = round(x)", "y = x % b", "y = sign(x)", "y = b**x", "y = where(x, 1, 2)", "y = x and b", "y = x or b",
    "y = max(x, b)", "y = isnan(x) + 2*isinf(x)", "y = erf(x)", "y[n] = max_i x[n,i]", "y[n] = x[n,t[n]]",
    "y = x", "y = x != 0", "y = sign(x)*floor(abs(x))",
]  # fmt: skip


@pytest.mark.parametrize("rule", SPECIAL)
def test_special_numbers_are_pythons(kit, rule):
    x = np.array([[np.nan, np.inf, -np.inf, 0.5, 1.5, -2.5], [0.0, -0.0, 5.9, -7.0, 1e-9, 3.0]])
    arrays = {"x": x, "b": np.array([1.0, -3.0, 2.0, 3.0, 0.0, -2.0]), "t": np.array([9, -1])}
    rank = 1 if rule.startswith("y[n]") else 2
    check_all(kit, [Job(rule, rule, arrays, {}, {"y": x.shape[:rank]})])


def test_rules_of_nothing_have_pythons_shapes(kit):
    cases = [case for family in FAMILIES for case in cases_of(family) if case.empty is not None]
    assert len(cases) > 50
    check_all(kit, [Job.of_case(case, case.arrays(given=case.empty)) for case in cases])


ERRORS = [
    ("y = alhpa*x", "'alhpa' is neither an input, nor an axis letter, nor a number among the attributes"),
    ("y = sizes*x", "'sizes' is neither"),
    ("y = sine(x)", "unknown function 'sine'"),
    ("y[n] = z[n]", "there is no array 'z' to read"),
    ("y[n] = x[n]", "x has the wrong number of axes"),
    ("y[n] = sum_u x[n,n+u]", "nothing says how far 'u' runs"),
    ("y[n,m] = x[n,m+1]", "nothing says how far 'm' runs"),
]


@pytest.mark.parametrize(("rule", "text"), ERRORS)
def test_a_rule_that_cannot_be_evaluated_says_why(kit, rule, text):
    given = {"statements": rule_to_json(rule), "attributes": {"sizes": [2, 3]}}
    with pytest.raises(Exception, match=text):
        kit.evaluate(
            """async ({ statements, attributes }) => (await import("/rules.js")).evaluate(
                statements, { x: { shape: [2, 2], data: [1, 2, 3, 4] } }, attributes)""",
            given,
        )


def test_a_dense_layer_reads_every_weight_once(kit):
    reads = kit.evaluate(
        """async (statements) => {
          const { compile } = await import("/rules.js");
          const reads = { x: 0, w: 0, b: 0 };
          const array = (name, ...shape) => {
            const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
            const get = (found, key) => { reads[name] += Number(/^\\d+$/.test(String(key))); return found[key]; };
            return { shape, data: new Proxy(data, { get }) };
          };
          const [kernel] = compile(statements, { x: array("x", 1, 7), w: array("w", 7, 5), b: array("b", 5) });
          kernel.all();
          return reads;
        }""",
        rule_to_json("y[...,o] = sum_i x[...,i]*w[i,o] + b[o]"),
    )
    assert reads == {"x": 35, "w": 35, "b": 5}


def test_kernels_follow_their_arrays_and_check_single_cells(kit):
    found = kit.evaluate(
        """async (statements) => {
          const { compile } = await import("/rules.js");
          const x = { shape: [2, 3], data: new Float64Array([1, 2, 3, 4, 5, 6]) };
          const [sum, share] = compile(statements, { x });
          const before = [...sum.all()];
          x.data[0] = 10;
          return [before, [...sum.all()], share.cell([0, 0]), sum.cell([1])];
        }""",
        rule_to_json("s[n] = sum_i x[n,i]; y[n,i] = x[n,i] / s[n]"),
    )
    assert found == [[6, 15], [15, 15], 10 / 15, 15]


SIMPLIFIED = [
    ("y = w*(1 - rate*decay) - rate*g", {"decay": 0.0}, "y = w - rate*g"),
    ("y = w*(1 - rate*decay) - rate*g", {"decay": 0.1}, "y = w*(1 - rate*decay) - rate*g"),
    ("y = momentum*v + g", {"momentum": 0}, "y = g"),
    ("y[n] = sum_i (x[n,i] + momentum)", {"momentum": 0}, "y[n] = sum_i x[n,i]"),
    ("y = max(w, 0) - 0.5", {}, "y = max(w, 0) - 0.5"),
]


@pytest.mark.parametrize(("rule", "attributes", "expected"), SIMPLIFIED)
def test_what_an_attribute_of_zero_switches_off_is_left_out(kit, rule, attributes, expected):
    found = kit.evaluate(
        "async ([s, a]) => (await import('/language.js')).simplified(s, a)", [rule_to_json(rule), attributes]
    )
    assert found == rule_to_json(expected)
