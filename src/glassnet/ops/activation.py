r"""Activation functions: element-wise curves between two layers, and softmax.

For an element-wise y = f(x) a change of one input moves only its own output, so the cotangent is x̄ = f'(x) ȳ, cell by
cell. Each class states f, f' and how f' follows; where f' is cheap in terms of y, y is saved instead of x.
"""

from __future__ import annotations

from typing import Any

from glassnet.autograd.op import Domain, Op, apply


class Relu(Op):
    r"""Rectified linear unit: y = max(x, 0).

    1. For x > 0 the curve is y = x, with slope 1; for x < 0 it is y = 0, with slope 0.
    2. At x = 0 the slope is not defined; 0 is taken, so a unit that is exactly off learns nothing there.
    3. x̄ = ȳ where x > 0, else 0. As y > 0 exactly where x > 0, y is enough and x need not be kept.

    NaN stays NaN. Source: Nair and Hinton (2010), Rectified Linear Units Improve Restricted Boltzmann Machines.
    """

    formula = r"y = \max(x, 0)"
    gradient = r"\bar x = [x > 0]\,\bar y"
    rule = "y = max(x, 0)"
    kind = "elementwise"
    saves = ("y",)
    inplace = {"y": "x"}
    domain = {"x": Domain(kinks=(0.0,))}

    def forward(self, xp: Any, x: Any, out: Any = None) -> Any:
        return xp.maximum(x, 0, out=out)

    def vjp(self, F: Any, g: Any, y: Any, x: Any, needed: tuple[bool, ...]) -> Any:
        return g * (y > 0)


def relu(x: Any) -> Any:
    """max(x, 0), cell by cell.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return apply(Relu(), x)
