"""glassnet: neural networks you can see through."""

from glassnet import ops as ops
from glassnet.autograd.functional import grad, hessian, hvp, jacobian, no_grad, value_and_grad, vjp
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.variable import Variable
from glassnet.graph.jit import jit
from glassnet.version import __version__

__all__ = [
    "Tensor", "Variable", "__version__", "grad", "hessian", "hvp", "jacobian", "jit", "no_grad", "ops",
    "value_and_grad", "vjp",
]  # fmt: skip
