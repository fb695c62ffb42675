"""L2, the mathematics: one file per family, one class per operation.

NumPy arrays in, NumPy arrays out; a Tensor, Variable, list or number in, a Tensor out. Names and arguments are those
of `keras.ops`.
"""

from __future__ import annotations

from glassnet.autograd.operators import F
from glassnet.ops.activation import relu
from glassnet.ops.elementwise import add, cast, greater, identity, multiply
from glassnet.ops.linalg import linear, matmul
from glassnet.ops.reduction import broadcast_to, sum, sum_to
from glassnet.ops.shape import expand_dims, reshape, squeeze, swapaxes, transpose

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("F", "annotations")]

F.register({name: globals()[name] for name in __all__})
