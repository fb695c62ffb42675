"""glassnet: neural networks you can see through."""

from glassnet import ops
from glassnet.autograd.functional import grad, hessian, hvp, jacobian, no_grad, value_and_grad, vjp
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.variable import Variable
from glassnet.version import __version__
