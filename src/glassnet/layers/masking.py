"""Masks: boolean Tensors of shape (batch, time), True where a step counts, that travel along with the data.

A mask lies on the Tensor that it belongs to, as `_keras_mask` (Keras's name). Only `Layer.__call__` moves it: from the
inputs into `call(mask=...)`, and through `compute_mask` to the outputs. Ops know nothing of masks: `x + 1` has none.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.autograd.functional import leaves, map_structure
from glassnet.autograd.tensor import Tensor, as_tensor, wrap
from glassnet.errors import ShapeError

if TYPE_CHECKING:
    from glassnet.layers.base import Layer


class _Use:
    """Whether this process has seen a mask; before that a layer's call does not look for any."""

    any = False


USE = _Use()


def mask_of(x: Any) -> Any:
    """The mask of a Tensor, or None."""
    return getattr(x, "_keras_mask", None) if USE.any and type(x) is Tensor else None


def masks_of(structure: Any) -> Any:
    """The masks of all tensors of a structure, in the same structure; None where there is none."""
    return map_structure(mask_of, structure) if USE.any else None


def may_carry_masks(inputs: tuple[Any, ...]) -> bool:
    """Whether it is worth looking for masks: not where the inputs are plain tensors without one."""
    return any(type(x) is not Tensor or hasattr(x, "_keras_mask") for x in inputs)


def any_mask(masks: Any) -> bool:
    """Whether a structure of masks holds one."""
    return any(mask is not None for mask in leaves(masks))


def with_mask(x: Any, mask: Any) -> Tensor:
    """The same Tensor with this mask; the given one stays as it is, because others may hold it too."""
    tensor = as_tensor(x)
    if mask is None:
        return tensor
    masked, USE.any = wrap(tensor.data, tensor.creator), True
    masked._keras_mask = _fitting(as_boolean(mask), tensor.shape)
    return masked


def without_mask(x: Any) -> Any:
    """The same Tensor without its mask, for layers inside that have nothing to do with it."""
    return x if mask_of(x) is None else wrap(x.data, x.creator)


def with_masks(structure: Any, masks: Any) -> Any:
    """Every tensor of a structure with its mask; a tensor that has one keeps it where None is given."""
    if masks is None or not any_mask(masks):
        return structure
    following = itertools.chain(leaves(masks), itertools.repeat(None))
    return map_structure(lambda x: with_mask(x, next(following)), structure)


def as_boolean(mask: Any) -> Tensor:
    """A mask as a boolean Tensor."""
    tensor = as_tensor(mask)
    return tensor if tensor.dtype == np.bool_ else tensor.astype("bool")


def _fitting(mask: Tensor, shape: Sequence[int | None]) -> Tensor:
    """The mask, if it has one entry per step: the leading sizes of the data, or 1."""
    fits = all(None in (size, wanted) or size in (1, wanted) for size, wanted in zip(mask.shape, shape))
    if not 0 < mask.ndim <= len(shape) or not fits:
        raise ShapeError(
            "the mask does not fit the data", expected=f"one entry per step, shape {tuple(shape[:2])}",
            received=mask.shape, fix="a mask is True where a step counts and False at padding: ids != 0",
        )  # fmt: skip
    return mask


def masks_for_call(names: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """The masks that ride on the inputs, as arguments of `call`: `mask` for the first input, `value_mask` for `value`.

    Arguments:
        names: the parameters of `call`.
        given: the arguments by name; a mask among them wins.
    """
    found: dict[str, Any] = {}
    for position, (name, value) in enumerate(given.items()):
        target = f"{name}_mask" if f"{name}_mask" in names else "mask" if position == 0 else ""
        if target in names and given.get(target) is None:
            masks = masks_of(value)
            if any_mask(masks):
                found[target] = masks
    return found


def pass_masks(layer: Layer, inputs: Any, previous: Any, result: Any) -> Any:
    """The outputs of a layer with their masks, which `layer.compute_mask` makes of those of its first input."""
    outputs = [mask_of(x) for x in leaves(result)]
    if outputs and all(mask is not None for mask in outputs):  # made inside `call`
        return result
    if layer.supports_masking:
        return with_masks(result, layer.compute_mask(inputs, previous))
    if any_mask(previous):
        warnings.warn(
            f"{layer} got an input with a mask but does not support masking: the mask ends here, and the layers after "
            "it see padding as data (a layer of yours passes masks on with supports_masking = True)",
            stacklevel=4,
        )
    return result
