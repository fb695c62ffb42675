"""Model files: architecture, weights, optimizer and settings in one `.glassnet` archive, and weights alone.

Nothing in a file is executed: classes come from registries, arrays are plain `.npy`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import losses, metrics, optimizers, saving
from glassnet.autograd.functional import map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor
from glassnet.errors import GlassnetError, SavingError
from glassnet.layers import BinaryConv2D, BinaryDense, registry
from glassnet.registry import _CUSTOM
from glassnet.typing import Array

_OPTIMIZER = "optimizer/"
_WEIGHTS = "weights/"
_BITS = "bits/"


def _checked_path(filepath: str | Path, overwrite: bool) -> Path:
    path = Path(filepath)
    if path.suffix != ".glassnet":
        raise SavingError("a model file ends in .glassnet", received=str(path), fix=f"save to {path.name}.glassnet")
    if path.exists() and not overwrite:
        raise SavingError(f"{path} exists already", fix="pass overwrite=True or choose another name")
    return path


def _weights_of(model: Any) -> dict[str, Any]:
    if not model.built:
        raise SavingError(f"{model} has no weights yet", fix="build it: start with gn.Input, or call it once on data")
    found: dict[str, Any] = model.named_variables()
    return found


def _places(model: Any) -> dict[Any, str]:
    """By which name a file knows each variable: not by its path, whose numbers depend on what was made before."""
    return {variable: name for name, variable in _weights_of(model).items()}


def save_model(model: Any, filepath: str | Path, overwrite: bool = True, extras: dict[str, Any] | None = None) -> None:
    """Write a model file.

    Arguments:
        extras: further plain data, for example class names or the name of the data set; `read_extras` returns it.
    """
    path = _checked_path(filepath, overwrite)
    arrays: dict[str, Array] = {_WEIGHTS + name: v.numpy() for name, v in _weights_of(model).items()}
    config = {"kind": "model", "model": registry.serialize(model), "built_for": _plain_specs(model._built_for),
              "compile": _compile_config(model), "extras": extras or {}}  # fmt: skip
    if model.compiled and model.optimizer.built:
        arrays |= {_OPTIMIZER + name: array for name, array in model.optimizer.state(_places(model)).items()}
    saving.write_archive(path, config, arrays)


def save_packed(model: Any, filepath: str | Path, overwrite: bool = True) -> None:
    """Write a model file for inference: of the weights of binary layers their signs alone, one bit each.

    `load_model` and `load_weights` read it; the latent weights come back as -1 and +1, so training would begin anew.
    """
    path = _checked_path(filepath, overwrite)
    named = _weights_of(model)
    kernels = {id(layer.kernel) for layer in model.flatten_layers() if isinstance(layer, (BinaryConv2D, BinaryDense))}
    binary = {name: variable.numpy() for name, variable in named.items() if id(variable) in kernels}
    arrays: dict[str, Array] = {_WEIGHTS + name: v.numpy() for name, v in named.items() if name not in binary}
    arrays |= {_BITS + name: np.packbits(latent >= 0) for name, latent in binary.items()}
    config = {"kind": "model", "model": registry.serialize(model), "built_for": _plain_specs(model._built_for),
              "packed": {name: latent.shape for name, latent in binary.items()}}  # fmt: skip
    saving.write_archive(path, config, arrays)


def _weights_in(config: dict[str, Any], arrays: dict[str, Array], source: str) -> dict[str, Array]:
    """The weights of a file, packed ones as -1 and +1."""
    found, shapes = _under(arrays, _WEIGHTS), config.get("packed")
    for name, packed in _under(arrays, _BITS).items():
        shape = shapes.get(name) if isinstance(shapes, dict) else None
        sizes = shape if isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape) else [-1]
        count = math.prod(sizes)
        if packed.dtype != np.uint8 or packed.shape != (-(-count // 8),):
            raise SavingError(
                f"{source}: the bits of {name} do not fit its shape", expected=f"one bit for each cell of {shape}",
                received=f"{packed.dtype} {packed.shape}", fix="save the model again",
            )  # fmt: skip
        bits = np.unpackbits(packed, count=count).reshape(sizes)
        found[name] = bits.astype("float32") * 2 - 1
    return found


def _plain_specs(specs: Any) -> Any:
    """What a model of the user's own was built for, as plain data."""
    return map_structure(lambda s: s and {"shape": list(s.shape), "dtype": s.dtype.name}, specs)


def _symbolic_inputs(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_symbolic_inputs(part) for part in plain]
    if set(plain) == {"shape", "dtype"}:
        return Tensor(Spec(tuple(plain["shape"]), np.dtype(plain["dtype"])))
    return {key: _symbolic_inputs(part) for key, part in plain.items()}


def _compile_config(model: Any) -> Any:
    """What compile was given, as plain data; None where it holds code that a file cannot."""
    if not model.compiled:
        return None
    given = model._compile_arguments
    try:
        return {
            "optimizer": optimizers.serialize(model.optimizer),
            "loss": _plain(given["loss"], losses.serialize),
            "loss_weights": given["loss_weights"],
            "metrics": _plain(given["metrics"], metrics.serialize),
            "weighted_metrics": _plain(given["weighted_metrics"], metrics.serialize),
            "run_eagerly": given["run_eagerly"],
            "jit_compile": given["jit_compile"],
        }
    except SavingError as error:
        error.where = "compile"
        raise


def _plain(given: Any, serialize: Any) -> Any:
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, dict):
        return {key: _plain(part, serialize) for key, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [_plain(part, serialize) for part in given]
    return serialize(given)


def load_model(filepath: str | Path, custom_objects: dict[str, Any] | None = None, compile: bool = True) -> Any:
    """Read a model file.

    Arguments:
        custom_objects: classes and functions of yours by the name under which the file mentions them.
        compile: whether to restore optimizer (with its state), loss and metrics.
    """
    config, arrays = saving.read_archive(filepath)
    if config.get("kind") != "model":
        raise SavingError(
            f"{filepath} holds no model", received=f"kind {config.get('kind')!r}",
            fix="model.load_weights(path), after making the model anew",
        )  # fmt: skip
    with _named(custom_objects):
        try:
            model = registry.deserialize(config["model"])
            if not model.built and config["built_for"] is not None:
                model.compute_output_spec(_symbolic_inputs(config["built_for"]))
        except GlassnetError as error:
            error.where = error.where or f"model file '{filepath}'"
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise SavingError(f"{filepath}: the model's description is broken", received=repr(error)) from None
        _assign_weights(model, _weights_in(config, arrays, str(filepath)), str(filepath))
        if compile and config.get("compile"):
            model.compile(**_restored(config["compile"]))
            state = _under(arrays, _OPTIMIZER)
            if state:
                model.optimizer.build(model.trainable_variables)
                model.optimizer.load_state(state, _places(model))
    return model


@contextmanager
def _named(custom_objects: dict[str, Any] | None) -> Iterator[None]:
    """Classes and functions that the file may name, also deep inside of others, while it is read."""
    before = dict(_CUSTOM)
    _CUSTOM.update(custom_objects or {})
    try:
        yield
    finally:
        _CUSTOM.clear()
        _CUSTOM.update(before)


def read_extras(config: dict[str, Any]) -> dict[str, Any]:
    """The `extras` of a model file's config."""
    extras: dict[str, Any] = config.get("extras", {})
    return extras


def _restored(config: dict[str, Any]) -> dict[str, Any]:
    def back(value: Any, deserialize: Any) -> Any:
        if isinstance(value, dict) and "class_name" not in value:
            return {key: back(part, deserialize) for key, part in value.items()}
        if isinstance(value, list):
            return [back(part, deserialize) for part in value]
        if isinstance(value, str):
            return _CUSTOM.get(value, value)
        return deserialize(value) if isinstance(value, dict) else value

    return {
        **config,
        "optimizer": optimizers.deserialize(config["optimizer"]),
        "loss": back(config["loss"], losses.deserialize),
        "metrics": back(config["metrics"], metrics.deserialize),
        "weighted_metrics": back(config["weighted_metrics"], metrics.deserialize),
    }


def _under(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def save_weights(model: Any, filepath: str | Path, overwrite: bool = True) -> None:
    """Write the weights alone."""
    path = _checked_path(filepath, overwrite)
    arrays = {_WEIGHTS + name: v.numpy() for name, v in _weights_of(model).items()}
    saving.write_archive(path, {"kind": "weights"}, arrays)


def load_weights(model: Any, filepath: str | Path) -> None:
    """Read weights from a weight file or a model file."""
    config, arrays = saving.read_archive(filepath)
    _assign_weights(model, _weights_in(config, arrays, str(filepath)), str(filepath))


def _assign_weights(model: Any, arrays: dict[str, Array], source: str) -> None:
    """Assign all weights, or none: every missing, extra or misshapen name is listed."""
    variables = _weights_of(model)
    problems = [f"missing {name}" for name in variables if name not in arrays]
    problems += [f"extra {name}" for name in arrays if name not in variables]
    for name in variables:
        if name in arrays and arrays[name].shape != variables[name].shape:
            problems.append(f"{name} has shape {arrays[name].shape}, the model {variables[name].shape}")
    if problems:
        raise SavingError(
            f"the weights in {source} do not fit {model}", expected="the weights of the same architecture",
            received="; ".join(problems), fix="build the layers with the sizes and names of the saved model",
        )  # fmt: skip
    for name, variable in variables.items():
        variable.assign(np.asarray(arrays[name]))
