"""glassnet: neural networks you can see through.

A Keras-like library from scratch in readable Python on NumPy. `import glassnet as gn`, or `import glassnet as keras` in a
script that was written for Keras. The levels and what stands where: docs/design.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from glassnet import activations as activations
from glassnet import callbacks as callbacks
from glassnet import config as config
from glassnet import constraints as constraints
from glassnet import initializers as initializers
from glassnet import layers as layers
from glassnet import losses as losses
from glassnet import metrics as metrics
from glassnet import models as models
from glassnet import ops as ops
from glassnet import optimizers as optimizers
from glassnet import regularizers as regularizers
from glassnet import saving as saving
from glassnet import utils as utils
from glassnet.autograd.functional import grad, hessian, hvp, jacobian, no_grad, value_and_grad, vjp
from glassnet.autograd.hooks import NanGuard, OpHook, Timer
from glassnet.autograd.op import Op
from glassnet.autograd.tensor import Tensor
from glassnet.autograd.variable import Variable
from glassnet.graph.jit import jit
from glassnet.initializers import Initializer
from glassnet.layers import Input, Layer
from glassnet.losses import Loss
from glassnet.metrics import Metric
from glassnet.models import Model, Sequential
from glassnet.optimizers import Optimizer
from glassnet.regularizers import Regularizer
from glassnet.version import __version__

__all__ = [
    "Initializer", "Input", "Layer", "Loss", "Metric", "Model", "NanGuard", "Op", "OpHook", "Optimizer", "Regularizer",
    "Sequential", "Tensor", "Timer", "Variable", "__version__",
    "activations", "animate", "callbacks", "check_gradients", "config", "constraints", "datasets", "explain", "grad", "hessian",
    "hvp", "initializers", "jacobian", "jit", "lab", "layers", "losses", "metrics", "models", "no_grad", "ops",
    "optimizers", "plot", "random", "regularizers", "saving", "trace", "utils", "value_and_grad", "vjp",
]  # fmt: skip

if TYPE_CHECKING:
    from glassnet.autograd.gradcheck import check_gradients as check_gradients
    from glassnet.explain.recording import trace as trace

    explain: Any
    """A package that can be called: see `glassnet/explain/__init__.py`."""

_LAZY_MODULES = {"animate", "datasets", "explain", "lab", "plot", "random"}
_LAZY_FUNCTIONS = {"check_gradients": "autograd.gradcheck", "trace": "explain.recording"}


def __getattr__(name: str) -> Any:
    """What few programs need is imported when it is first named."""
    if name in _LAZY_MODULES:
        return importlib.import_module(f"glassnet.{name}")
    if name in _LAZY_FUNCTIONS:
        return getattr(importlib.import_module(f"glassnet.{_LAZY_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'glassnet' has no attribute {name!r}")
