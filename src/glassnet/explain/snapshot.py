"""Do something to a model, and find it unchanged afterwards: weights, lasting states, optimizer, random bits, gradients."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassnet.autograd.functional import leaves
from glassnet.layers.brick import Brick
from glassnet.layers.recurrent import RNN
from glassnet.random import default_generator


@contextmanager
def unchanged(model: Any, optimizer: Any) -> Iterator[None]:
    """Restore every state of model and optimizer when the block ends, however it ends.

    >>> import glassnet as gn
    >>> model = gn.Sequential([gn.layers.Dense(1)])
    >>> _ = model(np.ones((1, 2)))
    >>> before = model.get_weights()[0]
    >>> with unchanged(model, gn.optimizers.SGD()):
    ...     model.weights[0].assign(before + 1)
    >>> bool((model.get_weights()[0] == before).all())
    True
    """
    lasting = [v for layer in model.flatten_layers() if isinstance(layer, RNN) for v in leaves(layer.states or [])]
    variables = {id(v): v for v in [*model.variables, *optimizer.variables, *lasting]}.values()
    arrays = [(v, v.array.copy(), v.leaf.grad, v.leaf.changed_at, v.leaf.changed_line) for v in variables]
    default = default_generator()
    generators = [*model.state_generators.values(), *([] if default is None else [default])]
    states = [(generator, generator.state) for generator in generators]
    bricks = [
        (vars(layer.brick), dict(vars(layer.brick)), copy.deepcopy(vars(layer.brick)))
        for layer in model.flatten_layers()
        if type(layer) is Brick
    ]
    try:
        yield
    finally:
        for variable, array, gradient, changed_at, changed_line in arrays:
            np.copyto(variable.array, array)
            leaf = variable.leaf
            leaf.grad, leaf.changed_at, leaf.changed_line = gradient, changed_at, changed_line
        for generator, state in states:
            generator.state = state
        made = default_generator()
        if made is not None and made is not default:
            made.restart()  # made by the first call without a seed inside the block
        for own, values, copies in bricks:
            own.clear()
            own.update(copies)
            for name, value in values.items():  # the user may hold the object itself
                if isinstance(value, np.ndarray):
                    np.copyto(value, copies[name])
                    own[name] = value
                elif isinstance(value, list):
                    value[:] = copies[name]
                    own[name] = value
