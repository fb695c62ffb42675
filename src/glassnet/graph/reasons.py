"""For which calls a traced function has its plans, and why it was traced once more, in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from glassnet import config
from glassnet.autograd.state import STATE
from glassnet.autograd.tensor import as_tensor
from glassnet.autograd.variable import Variable
from glassnet.graph.trace import is_array


def described(function: Callable[..., Any], arguments: Sequence[Any]) -> dict[str, str]:
    """What selects a plan, part by part: shape and dtype of data, everything else itself.

    >>> import numpy as np
    >>> described(lambda x, power: x, (np.zeros((2, 3)), 2))
    {'x': 'float64[2, 3]', 'power': '2', 'executor': 'auto'}
    """
    named = zip(_names(function, len(arguments)), arguments)
    found = dict(part for name, argument in named for part in _parts(name, argument))
    training = {} if STATE.training is None else {"training": str(STATE.training)}
    tile = "" if config.convolution_tile() == 2 else f" with convolution tiles of {config.convolution_tile()}"
    return found | training | {"executor": config.executor() + tile}


def why_traced(call: dict[str, str], known: Iterable[dict[str, str]]) -> str:
    """What tells a call from the one it is most like among those that have a plan; the latest of several."""
    differences = [_difference(old, call) for old in known]
    if not differences:
        return "it is the first call"
    least: list[str] = min(reversed(differences), key=len)
    return "; ".join(least) or "the arguments are nested in another way"


def newly_trainable(variables: Iterable[Variable], before: Iterable[bool]) -> str:
    """Which variables are trainable now and were not, or the reverse."""
    changed = [variable for variable, was in zip(variables, before) if variable.trainable != was]
    return "; ".join(f"{v.path} is {'trainable' if v.trainable else 'frozen'} now" for v in changed)


def _difference(old: dict[str, str], new: dict[str, str]) -> list[str]:
    changed = [name for name in old | new if old.get(name) != new.get(name)]
    return [f"{name} was {old.get(name, 'not there')}, is {new.get(name, 'not there')}" for name in changed]


def _names(function: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its arguments."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C have no signature
        parameters = []
    own = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    rest = next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), "argument")
    return own + [f"{rest}[{position}]" for position in range(count - len(own))]


def _parts(name: str, structure: Any) -> Iterator[tuple[str, str]]:
    if isinstance(structure, (list, tuple)):
        for position, part in enumerate(structure):
            yield from _parts(f"{name}[{position}]", part)
    elif isinstance(structure, dict):
        for key, part in structure.items():
            yield from _parts(f"{name}[{key!r}]", part)
    elif is_array(structure):
        tensor = as_tensor(structure)
        yield name, f"{tensor.dtype}{list(tensor.shape)}"
    else:
        yield name, repr(structure)
