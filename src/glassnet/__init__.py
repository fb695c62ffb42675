"""glassnet: neural networks you can see through."""

from glassnet import activations, constraints, initializers, layers, losses, metrics, models, ops, optimizers, regularizers
from glassnet.autograd.functional import grad, hessian, hvp, jacobian, no_grad, value_and_grad, vjp
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.variable import Variable
from glassnet.graph.jit import jit
from glassnet.layers import Input, Layer
from glassnet.models import Model, Sequential
from glassnet.version import __version__

__all__ = [
    "Input", "Layer", "Model", "Sequential", "Tensor", "Variable", "__version__", "grad", "hessian", "hvp", "jacobian", "jit", "no_grad", "ops", "activations", "constraints", "initializers", "layers", "losses", "metrics", "models", "optimizers", "regularizers",
    "value_and_grad", "vjp",
]  # fmt: skip
