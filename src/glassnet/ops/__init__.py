"""L2, the mathematics: one file per family, one class per operation.

NumPy arrays in, NumPy arrays out; a Tensor, Variable, list or number in, a Tensor out. Names and arguments are those
of `keras.ops`. Each family file lists its public functions in `__all__`.
"""

from __future__ import annotations

from glassnet.autograd.op import Op
from glassnet.autograd.operators import F
from glassnet.ops import (
    activation,
    attention,
    binary,
    convolution,
    creation,
    elementwise,
    functions,
    indexing,
    joining,
    linalg,
    logic,
    loss,
    normalization,
    optimization,
    pooling,
    random,
    recurrent,
    reduction,
    resampling,
    sampling,
)
from glassnet.ops import image as image  # no family: `ops.image` is a namespace of its own, as in Keras
from glassnet.ops import shape as shape_family
from glassnet.ops.activation import *
from glassnet.ops.attention import *
from glassnet.ops.binary import *
from glassnet.ops.convolution import *
from glassnet.ops.creation import *
from glassnet.ops.elementwise import *
from glassnet.ops.functions import *
from glassnet.ops.indexing import *
from glassnet.ops.joining import *
from glassnet.ops.linalg import *
from glassnet.ops.logic import *
from glassnet.ops.loss import *
from glassnet.ops.normalization import *
from glassnet.ops.optimization import *
from glassnet.ops.pooling import *
from glassnet.ops.random import *
from glassnet.ops.recurrent import *
from glassnet.ops.reduction import *
from glassnet.ops.resampling import *
from glassnet.ops.shape import *

_FAMILIES = (
    elementwise, functions, logic, creation, linalg, reduction, shape_family, joining, indexing, activation, loss, random,
    optimization, convolution, pooling, normalization, resampling, recurrent, attention, binary,
)  # fmt: skip

__all__ = [name for family in _FAMILIES for name in family.__all__]

F.register({name: globals()[name] for name in __all__})


def op_classes() -> list[type[Op]]:
    """Every Op class of the package, in the order of the family files."""
    families = (*_FAMILIES, sampling)
    return [value for family in families for value in vars(family).values() if _is_op_of(value, family.__name__)]


def _is_op_of(value: object, module: str) -> bool:
    own = isinstance(value, type) and issubclass(value, Op) and value.__module__ == module
    return own and not getattr(value, "__name__", "_").startswith("_")
