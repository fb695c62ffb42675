"""Derivatives of functions: grad, value_and_grad, vjp, jacobian, hessian, hvp; and switches of the tape.

Arguments may be arrays, numbers, or nested lists, tuples and dictionaries of them (a pytree); a gradient has the same
structure. Inside the function the differentiated arguments are Tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from glassnet.autograd.backward import pullback
from glassnet.autograd.operators import F, Operators
from glassnet.autograd.state import STATE, recording
from glassnet.autograd.tensor import Leaf, Tensor, as_tensor, wrap
from glassnet.config import floatx
from glassnet.errors import ArgumentError, GradientError

ArgNums = int | tuple[int, ...]


def no_grad() -> AbstractContextManager[None]:
    """Inside this block nothing is recorded.

    >>> import glassnet as gn
    >>> x = gn.Tensor([3.0], requires_grad=True)
    >>> with gn.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return recording(False)


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """The same nested structure with `function` applied to every leaf."""
    if isinstance(structure, dict):
        return {key: map_structure(function, part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [map_structure(function, part) for part in structure]
        if hasattr(structure, "_fields"):
            return type(structure)(*parts)
        return type(structure)(parts)
    return function(structure)


def _with_arrays(structure: Any) -> Any:
    """Lists of numbers become arrays; lists of anything else stay structures."""
    if isinstance(structure, list) and structure and not any(isinstance(x, (dict, tuple)) for x in structure):
        flat = leaves(structure)
        if flat and all(isinstance(x, (bool, int, float)) for x in flat):
            return as_tensor(structure)
    if isinstance(structure, dict):
        return {key: _with_arrays(part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [_with_arrays(part) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return structure


def leaves(structure: Any) -> list[Any]:
    """Everything in a nested structure that is not itself a structure, in order."""
    found: list[Any] = []
    map_structure(found.append, structure)
    return found


def _is_tracked(x: Any) -> bool:
    return isinstance(x, Operators) and as_tensor(x).requires_grad


def _tracked(value: Any, recorded: bool) -> Tensor:
    """A Tensor of its own node: a fresh leaf, or an identity of a tensor that is itself being differentiated."""
    tensor = as_tensor(value)
    if tensor.dtype.kind != "f":
        tensor = F.cast(tensor, floatx())
    if recorded and tensor.requires_grad:
        return as_tensor(F.identity(tensor))
    return wrap(tensor.data, Leaf("argument", tracked=True))


def _differentiate(
    function: Callable[..., Any], argnums: ArgNums, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[Any, list[Any], Callable[..., list[Any]]]:
    """Run `function` on tracked arguments; returns its result, those arguments and the pullback to them.

    The pullback is itself recorded where something else could still be differentiated through it.
    """
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if any(not -len(arguments) <= n < len(arguments) for n in numbers):
        raise ArgumentError("argnums points past the arguments", expected=f"0..{len(arguments) - 1}", received=argnums)
    arguments = tuple(_with_arrays(argument) for argument in arguments)
    recorded = any(_is_tracked(x) for x in leaves(arguments))
    with recording(True):
        tracked = list(arguments)
        for number in numbers:
            tracked[number] = map_structure(lambda x: _tracked(x, recorded), arguments[number])
        result = function(*tracked, **keywords)
    chosen = [tracked[number] for number in numbers]
    targets = [tensor.creator for tensor in leaves(chosen)]

    def pull(results: list[Tensor], cotangents: list[Any]) -> list[Any]:
        others = any(_is_tracked(c) for c in cotangents) or _comes_from_others(results, targets)
        create_graph = STATE.recording and others
        found = pullback(results, cotangents, [t for t in targets if t is not None], create_graph)
        gradients = iter(
            np.zeros(leaf.shape, leaf.dtype) if t is None or t not in found else found[t]
            for t, leaf in zip(targets, leaves(chosen), strict=True)
        )
        return [map_structure(lambda _: _as_gradient(next(gradients)), part) for part in chosen]

    return result, chosen, pull


def _comes_from_others(results: list[Tensor], targets: list[Any]) -> bool:
    """Whether a tracked leaf other than the fresh ones stands behind the results."""
    fresh, seen = set(targets), set()
    stack = [r.creator for r in results if r.creator is not None]
    while stack:
        node = stack.pop()
        if node in seen or not node.tracked:
            continue
        seen.add(node)
        if isinstance(node, Leaf) and node not in fresh:
            return True
        stack.extend(parent for parent in node.parents if parent is not None)
    return False


def _as_gradient(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value), None)


def value_and_grad(
    function: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that returns `(value, gradient)` of a scalar function.

    Arguments:
        argnums: which positional argument(s) to differentiate; a tuple gives a tuple of gradients.
        has_aux: `function` returns `(scalar, anything)` and only the scalar is differentiated.

    >>> import glassnet as gn
    >>> gn.value_and_grad(lambda x: x * x)(3.0)
    (Tensor(9., dtype=float32), Tensor(6., dtype=float32))
    """

    def wrapped(*arguments: Any, **keywords: Any) -> tuple[Any, Any]:
        result, _, pull = _differentiate(function, argnums, arguments, keywords)
        value = result[0] if has_aux else result
        if not isinstance(value, Tensor) or value.shape not in ((), (1,)):
            raise GradientError(
                "grad needs a function that returns a scalar tensor",
                received=f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__,
                fix="reduce it (.sum(), .mean()), or use gn.jacobian",
            )
        gradients = pull([value], [None])
        return result, gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return wrapped


def grad(function: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function, as a function; it can be differentiated again.

    >>> import glassnet as gn
    >>> gn.grad(gn.grad(lambda x: x**3))(2.0)
    Tensor(12., dtype=float32)
    """
    both = value_and_grad(function, argnums, has_aux)

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        result, gradient = both(*arguments, **keywords)
        return (gradient, result[1]) if has_aux else gradient

    return wrapped


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """`function(*primals)` and the map from a cotangent of the result to cotangents of the primals.

    >>> import glassnet as gn
    >>> y, pull = gn.vjp(lambda x: x * x, [1.0, 2.0])
    >>> pull([1.0, 10.0])[0]
    Tensor([ 2., 40.], dtype=float32)
    """
    result, _, pull = _differentiate(function, tuple(range(len(primals))), primals, {})

    def pull_back(cotangent: Any) -> tuple[Any, ...]:
        results = leaves(result)
        cotangents = [cotangent] if isinstance(result, Tensor) else leaves(_with_arrays(cotangent))
        if len(cotangents) != len(results):
            raise ArgumentError(
                "vjp: one cotangent per result is needed", expected=len(results), received=len(cotangents)
            )
        return tuple(pull(results, cotangents))

    return result, pull_back


def jacobian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Tensor]:
    """All first derivatives: shape (*output shape, *input shape), one reverse pass per output cell.

    >>> import glassnet as gn
    >>> gn.jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]], dtype=float32)
    """

    def wrapped(*arguments: Any) -> Tensor:
        result, chosen, pull = _differentiate(function, argnums, arguments, {})
        if not isinstance(result, Tensor) or not isinstance(chosen[0], Tensor):
            raise GradientError(
                "jacobian needs a function from one tensor to one tensor",
                received=f"{type(chosen[0]).__name__} to {type(result).__name__}",
                fix="use gn.vjp for structures of tensors",
            )
        rows = []
        for cell in range(result.size):
            unit = np.zeros(result.size, result.dtype)
            unit[cell] = 1
            rows.append(pull([result], [unit.reshape(result.shape)])[0])
        shape = (*result.shape, *chosen[0].shape)
        return F.reshape(F.stack(rows), shape) if rows else wrap(np.zeros(shape, result.dtype), None)

    return wrapped


def hessian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Tensor]:
    """All second derivatives of a scalar function: shape (*input shape, *input shape).

    >>> import glassnet as gn
    >>> gn.hessian(lambda x: (x**3).sum())([1.0, 2.0])
    Tensor([[ 6.,  0.],
            [ 0., 12.]], dtype=float32)
    """
    return jacobian(grad(function, argnums), argnums)


def hvp(function: Callable[..., Any], primals: Iterable[Any], vectors: Iterable[Any]) -> tuple[Any, ...]:
    """Hessian times vector without the Hessian: the vjp of grad f at v, one extra reverse pass.

    >>> import glassnet as gn
    >>> gn.hvp(lambda x: (x**3).sum(), ([1.0, 2.0],), ([1.0, 1.0],))[0]
    Tensor([ 6., 12.], dtype=float32)
    """
    points = tuple(primals)
    _, pull = vjp(grad(function, tuple(range(len(points)))), *points)
    return pull(tuple(vectors))
