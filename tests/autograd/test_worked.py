"""Rules for people: the numbers of a cell add up to its value, its sources are named, brackets stand where needed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glassnet.autograd.rules import evaluate
from glassnet.autograd.worked import format_number, latex, work_cell


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0314, "−0.0314"), (2.0, "2"), (1 / 3, "0.3333"), (True, "1"), (np.bool_(False), "0"), (-61234, "−61234"),
     (np.int64(61234), "61234"), (61234.0, "6.123e+04"), (1e-7, "1e−07"), (np.float32(-np.inf), "−inf")],
)  # fmt: skip
def test_a_number_is_short_and_an_integer_is_whole(value: object, text: str):
    assert format_number(value) == text


X = np.array([[1.0, -2.0], [3.0, 4.0]])
CELLS = [
    ("y[n,i] = x[n,i]*x[n,i] + c", (0, 1), "(−2)·(−2) + 10", 14.0, [("x", (0, 1)), ("x", (0, 1))]),
    ("y[n] = sum_i x[n,i]*w[i]", (0,), "1·5 + (−2)·6", -7.0, [("x", (0, 0)), ("w", (0,)), ("x", (0, 1)), ("w", (1,))]),
    ("y[n] = (sum_i x[n,i])*c", (1,), "(3 + 4)·10", 70.0, [("x", (1, 0)), ("x", (1, 1))]),
    ("y = max(x, 0)", (0, 1), "max(−2, 0)", 0.0, [("x", (0, 1))]),
    ("y = x*w", (1, 1), "4·6", 24.0, [("x", (1, 1)), ("w", (1,))]),
    ("y[n] = max_i x[n,i]", (1,), "max(3, 4)", 4.0, [("x", (1, 0)), ("x", (1, 1))]),
    ("y[n] = x[n,t[n]]", (1,), "3", 3.0, [("t", (1,)), ("x", (1, 0))]),
    ("y[n] = w[n+1] + w[n]", (1,), "0 + 6", 6.0, [("w", (1,))]),
    ("y[n,i] = [x[n,i] >= n]*i", (1, 1), "[4 >= 1]·1", 1.0, [("x", (1, 1))]),
    ("y[n] = sum_i [i > 5]*x[n,i]", (0,), "0", 0.0, []),  # none of these places is a term
    ("y[n] = sum_i [i > 0]*x[n,i]", (0,), "[1 > 0]·(−2)", -2.0, [("x", (0, 1))]),
]


@pytest.mark.parametrize(("rule", "cell", "text", "value", "sources"), CELLS)
def test_a_cell_shows_its_numbers_and_its_sources(rule, cell, text, value, sources):
    found = work_cell(rule, {"x": X, "w": np.array([5.0, 6.0]), "t": np.array([1, 0])}, {"c": 10}, cell)
    assert (found.text, found.value, found.sources) == (text, value, sources)


def as_python(text: str) -> float:
    """The value of a worked text, read as arithmetic by Python."""
    text = re.sub(r"\(\d+ others?: ([^)]*)\)", r"(\1)", text)
    return float(eval(text.replace("·", "*").replace("−", "-").replace("^", "**"), {}))


BODIES = [
    "a - (b - c)", "a - (b + c)", "(a + b)*c", "a/(b*c)", "a/b/c", "a*(b/c)", "(a + b)**2", "-(a - b)", "a - -b",
    "-a**2", "(-a)**2", "2**(a - c)", "(b**2)**2", "a % (b*c)", "(a - c)*-b", "2*(a and b) + 1", "[a < b] + [b > c]",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_text_is_arithmetic_with_the_right_brackets(body: str, sign: float):
    found = work_cell(f"y = {body}", {"a": np.array(3 * sign), "b": np.array(4.0), "c": np.array(5 * sign)}, {}, ())
    if "and" not in body and "[" not in body:  # Python's `and` returns an operand, its brackets make a list
        assert as_python(found.text) == pytest.approx(found.value, rel=2e-3)
    assert found.value == evaluate(f"y = {body}", {"a": 3 * sign, "b": 4.0, "c": 5 * sign}, {}, {"y": ()})["y"]


@pytest.mark.parametrize("terms", [1, 3, 19, 20, 30])
def test_the_visible_terms_and_the_remainder_add_up(terms: int):
    x = np.random.default_rng(0).integers(-99, 99, 20).astype(float)
    found = work_cell("y = sum_i x[i]", {"x": x}, {}, (), terms)
    assert as_python(found.text) == found.value == x.sum()
    assert found.text.count(" + ") == min(terms + 1, 20) - 1
    assert len(found.sources) == 20


def test_a_shortened_sum_shows_the_largest_terms_and_a_maximum_its_winner():
    x = {"x": np.array([1.0, -50.0, 2.0, 40.0])}
    assert work_cell("y = sum_i x[i]", x, {}, (), 2).text == "(−50) + 40 + (2 others: 3)"
    assert work_cell("y = sum_i x[i]", x, {}, (), 3).text == "(−50) + 2 + 40 + (1 other: 1)"
    assert work_cell("y = max_i x[i]", x, {}, (), 2).text == "max(2, 40, …)"
    assert work_cell("y = min_i x[i]", x, {}, (), 1).text == "min(−50, …)"


def test_a_named_target_of_several_statements_is_worked():
    known = {"x": np.array([1.0, 3.0]), "m": np.array(2.0)}
    assert work_cell("m = sum_i x[i]/2; y[i] = x[i] - m", known, {}, (1,)).text == "3 − 2"
    assert work_cell("m = sum_i x[i]/2; y[i] = x[i] - m", known, {}, (), target="m").text == "1 / 2 + 3 / 2"


LATEX = {
    "y[n,o] = sum_i x[n,i]*w[i,o] + b[o]": r"y_{n,o} = \sum_{i} x_{n,i}\,w_{i,o} + b_{o}",
    "y = (a - b)*(a + b)": r"y = (a - b)\,(a + b)",
    "y = a - (b - c)": "y = a - (b - c)",
    "y = (a + b) - c": "y = a + b - c",
    "y = -(a + b)": "y = -(a + b)",
    "y = (-a)**2 - a**2": "y = (-a)^{2} - a^{2}",
    "y = (a/b)**(c + 1)": r"y = (\frac{a}{b})^{c + 1}",
    "y = (a + b)/(c*d)*e": r"y = \frac{a + b}{c\,d}\,e",
    "y = (a or b) and c": r"y = (a \vee b) \wedge c",
    "y[n] = (max_i x[n,i])*c[n]": r"y_{n} = (\max_{i} x_{n,i})\,c_{n}",
    "y[n] = (sum_i x[n,i])**2": r"y_{n} = (\sum_{i} x_{n,i})^{2}",
    "y = sum_n sum_i (x[n,i] - m[n])": r"y = \sum_{n} \sum_{i} (x_{n,i} - m_{n})",
    "y[...,k] = x[...,k] - max_j x[...,j]": r"y_{\dots,k} = x_{\dots,k} - \max_{j} x_{\dots,j}",
    "y = x*[u >= rate] % 2": r"y = (x\,[u \ge \mathrm{rate}]) \bmod 2",
    "y = where(x > 0, sqrt(x), alpha*abs(x))": (
        r"y = \begin{cases} \sqrt{x} & x > 0 \\ \alpha\,\lvert x \rvert & \text{else} \end{cases}"
    ),
    "s = exp(my_rate); y = erf(s)": r"s = \exp(\mathrm{my\_rate}),\quad y = \operatorname{erf}(s)",
}


@pytest.mark.parametrize("rule", LATEX)
def test_latex_has_brackets_exactly_where_they_are_needed(rule: str):
    assert latex(rule) == LATEX[rule]
