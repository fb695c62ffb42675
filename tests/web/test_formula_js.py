"""Formulas: symbols as in the trace, brackets where they are needed, every number linked to its cell, nothing too small."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from glassnet.autograd.worked import work_cell
from glassnet.web.payload import rule_to_json

WRITE = """async ({ rule, arrays, attributes, target, cell, symbols, refs, terms }) => {
  const { formula, formulaWithNumbers } = await import("/formula.js");
  const { workCell } = await import("/rules.js");
  if (!document.querySelector("link")) {
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: "/theme.css" });
    document.head.append(style);
    await new Promise((done) => style.addEventListener("load", done));
  }
  const shapes = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.shape]));
  const worked = cell && workCell(rule, target, arrays, attributes, cell);
  const node = terms ? formulaWithNumbers(worked, { refs, terms })
    : formula(rule, { symbols, refs, shapes, places: worked ? worked.letters : {} });
  document.body.replaceChildren(node);
  const linear = (element) => element.nodeType === 3 ? element.textContent : {
    msub: ([a, b]) => `${a}_{${b}}`, msup: ([a, b]) => `${a}^{${b}}`, msubsup: ([a, b, c]) => `${a}_{${b}}^{${c}}`,
    mfrac: ([a, b]) => `<${a}|${b}>`, msqrt: ([a]) => `root{${a}}`,
  }[element.localName]?.([...element.children].map(linear)) ?? [...element.childNodes].map(linear).join("");
  return {
    text: [...node.children].map(linear).join("\\n").replace(/[\\u200b]/g, "").replace(/\\u00a0/g, " "),
    arrays: [...node.querySelectorAll("[data-array]")].map((part) => [
      part.getAttribute("data-array"), part.getAttribute("data-part"), part.getAttribute("data-ref")]),
    numbers: [...node.querySelectorAll("mn[data-ref]")].map((part) => [part.textContent, part.getAttribute("data-ref")]),
    pieces: node.querySelectorAll("math").length,
    idle: [...node.querySelectorAll(".is-idle")].map((part) => part.textContent),
    smallest: Math.min(...[...node.querySelectorAll("mi, mn, mo, mtext")].map(
      (part) => parseFloat(getComputedStyle(part).fontSize))),
  };
}"""


def written(kit: Any, rule: str, arrays: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    sent = {n: {"shape": list(np.shape(a)), "data": np.ravel(a).tolist()} for n, a in (arrays or {}).items()}
    job = {"rule": rule_to_json(rule), "arrays": sent, "attributes": {}, "target": "y", "cell": None}
    return kit.evaluate(WRITE, {**job, "symbols": {}, "refs": {}, "terms": 0, **given})


X, W, B = np.array([[0.5, -2.0]]), np.array([[3.0, 0.25, 1.0], [-4.0, 8.0, 0.125]]), np.array([0.5, 1.5, -7.0])
DENSE = "y[...,o] = sum_i x[...,i]*w[i,o] + b[o]"
LAYER = {"x": X, "w": W, "b": B, "y": X @ W + B}

SYMBOLS = {
    "y = a*b - (c + 1)": "y=a·b−(c+1)",
    "y = -(a + b)*-2": "y=(−(a+b))·(−2)",
    "y = (a + b) / (c*d)": "y=<a+b|c·d>",
    "y = a/b/c + 1/(1 + exp(-x))": "y=<a/b|c>+<1|1+exp(−x)>",
    "y = (a/b)**2 - x**(c + 1)": "y=(a/b)^{2}−x^{c+1}",
    "y = beta_1**t + alpha": "y=β_{1}^{t}+α",
    "y = where(x >= 0 and a != b, sqrt(x), abs(x) % 2)": "y=root{x} if x≥0 and a≠b, otherwise |x| mod 2",
    "y = 2*where(x > 0, 1, where(a, b, c))": "y=2·(1 if x>0, otherwise (b if a, otherwise c))",
    "y = [u >= rate]*log1p(x)": "y=[u≥rate]·log1p(x)",
    "y[n] = (sum_ij x[n,i*s+j]) - max_i x[n,i]": "y_{n}=∑_{i,j}x_{n,i·s+j}−max_{i}x_{n,i}",
    "y[...,k] = x[...,k] - z[...,t[...]]": "y_{…,k}=x_{…,k}−z_{…,t}",
    "m = negative_slope*x; y = m": "m=negative slope·x\ny=m",
}


@pytest.mark.parametrize("rule", SYMBOLS)
def test_a_rule_in_symbols_has_brackets_where_they_are_needed(kit, rule):
    assert written(kit, rule)["text"] == SYMBOLS[rule]


def test_arrays_carry_their_symbols_names_and_tensors(kit):
    refs = {"x": "input", "w": "dense/kernel@0", "b": "dense/bias@0", "y": "dense/out"}
    found = written(kit, DENSE, LAYER, symbols={"w": "W1", "b": "b1", "y": "z1"}, refs=refs)
    assert found["text"] == "z1_{o}=∑_{i}x_{i}·W1_{i,o}+b1_{o}"  # the only sample is not counted
    assert found["arrays"] == [
        ["y", "target", "dense/out"], ["x", "read", "input"], ["w", "read", "dense/kernel@0"],
        ["b", "read", "dense/bias@0"],
    ]  # fmt: skip


def test_at_a_cell_the_places_stand_in_the_symbols_and_lead_to_the_cells(kit):
    found = written(kit, DENSE, LAYER, cell=[0, 2], refs={"w": "W@0", "b": "b@0", "y": "z"})
    assert found["text"] == "y_{2}=∑_{i}x_{i}·w_{i,2}+b_{2}"
    assert found["arrays"] == [
        ["y", "target", "z[0,2]"], ["x", "read", None], ["w", "read", "W@0"], ["b", "read", "b@0[2]"],
    ]  # fmt: skip
    batch = {**LAYER, "x": np.repeat(X, 2, axis=0), "y": np.zeros((2, 3))}
    assert written(kit, DENSE, batch, cell=[1, 2])["text"] == "y_{1,2}=∑_{i}x_{1,i}·w_{i,2}+b_{2}"


def test_what_is_put_together_stands_in_brackets_when_it_has_an_index(kit):
    symbols = {"g": "∂L/∂W1", "w": "W1", "y": "ŷ"}
    arrays = {"w": W, "g": W, "y": W}
    assert written(kit, "y = w - g", arrays, symbols=symbols)["text"] == "ŷ=W1−∂L/∂W1"
    assert written(kit, "y = w - g", arrays, symbols=symbols, cell=[1, 2])["text"] == "ŷ_{1,2}=W1_{1,2}−(∂L/∂W1)_{1,2}"


NUMBERS = [
    (DENSE, [0, 0], 4, "0.5·3+(−2)·(−4)+0.5=10"),
    (DENSE, [0, 1], 1, "(−2)·8+(1 other: 0.125)+1.5=−14.38"),
    ("y = max(w, 0) - 1/3", [1, 0], 4, "max(−4,0)−<1|3>=−0.3333"),
    ("y = where(w > 0, w, 0.1*w)", [1, 0], 4, "−4 if −4>0, otherwise 0.1·(−4)=−0.4"),
    ("y = w**2 / 2", [1, 0], 4, "<(−4)^{2}|2>=8"),
    ("y[i] = max_o w[i,o]", [0], 2, "max(3,1,…)=3"),
    ("y[i] = log(sum_o exp(w[i,o])) - w[i,t[i]]", [0], 4, "log(exp(3)+exp(0.25)+exp(1))−1=2.182"),
    ("y[n] = b[n+1] + 0*b[n]", [2], 4, "0+0·(−7)=0"),
    ("y[i] = (sum_o w[i,o]) / 3", [0], 4, "<3+0.25+1|3>=1.417"),
]


@pytest.mark.parametrize(("rule", "cell", "terms", "text"), NUMBERS)
def test_a_cell_in_numbers_reads_as_arithmetic(kit, rule, cell, terms, text):
    found = written(kit, rule, {"x": X, "w": W, "b": B, "t": np.array([2, 0])}, cell=cell, terms=terms)
    assert found["text"] == text


def test_it_is_pythons_text(kit):
    for terms in (1, 2, 6):
        expected = work_cell(DENSE, {"x": X, "w": W, "b": B}, {}, (0, 1), terms).text
        found = written(kit, DENSE, LAYER, cell=[0, 1], terms=terms)["text"]
        assert re.split("[=≈]", found)[0].replace(" ", "") == expected.replace(" ", "")


def test_every_number_leads_to_its_cell(kit):
    refs = {"x": "input", "w": "dense/kernel@0", "b": "dense/bias@0", "y": "dense/out"}
    assert written(kit, DENSE, LAYER, cell=[0, 2], refs=refs, terms=4)["numbers"] == [
        ["0.5", "input[0,0]"], ["1", "dense/kernel@0[0,2]"], ["−2", "input[0,1]"], ["0.125", "dense/kernel@0[1,2]"],
        ["−7", "dense/bias@0[2]"], ["−6.75", "dense/out[0,2]"],
    ]  # fmt: skip


def test_the_branch_that_was_not_taken_steps_back(kit):
    found = written(kit, "y = where(w > 0, w, 0.1*w)", {"w": W}, cell=[0, 1], terms=4)
    assert found["idle"] == ["0.1·0.25"]
    assert written(kit, "y = where(w > 0, w, 0.1*w)", {"w": W})["idle"] == []


def test_a_long_sum_may_break_between_its_terms_and_nothing_is_smaller_than_12_px(kit):
    x, w = np.linspace(-1, 1, 1000), np.cos(np.arange(1000.0))
    found = written(kit, "y = sum_i x[i]*w[i]", {"x": x, "w": w}, cell=[], terms=6)
    assert found["pieces"] == 8  # six terms, the others, the result
    assert "(994 others:" in found["text"]
    nested = "y[n] = a[n,t[n,u[n]]]**(b[n]/c[n]) / sqrt(b[n]**2 + c[n])"
    assert min(found["smallest"], written(kit, nested)["smallest"]) >= 12
