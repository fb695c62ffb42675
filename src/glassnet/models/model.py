"""Model: a Layer that can be compiled, trained, described and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassnet.autograd.tensor import Tensor
from glassnet.errors import GraphError
from glassnet.layers.base import Layer
from glassnet.models.summary import summary_text
from glassnet.training.trainer import Trainer


class Model(Trainer, Layer):
    """A network. Three ways to make one: `Sequential([...])`, `Model(inputs, outputs)`, and a subclass with `call`.

    Arguments:
        inputs, outputs: symbolic tensors (or lists or dictionaries of them) of a functional model.

    >>> import glassnet as gn
    >>> x = gn.Input((4,))
    >>> model = gn.Model(x, gn.layers.Dense(2)(x))
    >>> model.count_params()
    10
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs):
            from glassnet.models.functional import Functional

            return Layer.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None) -> None:
        Layer.__init__(self, name=name, trainable=trainable, dtype=dtype)
        Trainer.__init__(self)

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, in order."""
        return self.sublayers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or position."""
        layers = self.layers
        if index is not None and -len(layers) <= index < len(layers):
            return layers[index]
        found = [layer for layer in layers if layer.name == name]
        if not found:
            raise GraphError(
                f"{self} has no such layer", expected=", ".join(layer.name for layer in layers),
                received=repr(name) if index is None else f"index {index}",
            )  # fmt: skip
        return found[0]

    def summary(self, line_length: int | None = None, print_fn: Any = None) -> None:
        """Print layers, output shapes, formulas and parameter counts."""
        (print_fn or print)(summary_text(self, line_length or 80))

    # ------------------------------------------------------------ files
    def save(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write architecture, weights, optimizer state and settings to a `.glassnet` file."""
        from glassnet.models.files import save_model

        save_model(self, filepath, overwrite)

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write the weights alone."""
        from glassnet.models.files import save_weights

        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | Path) -> None:
        """Read weights; every missing, extra or misshapen name is listed in one error, and then nothing is changed."""
        from glassnet.models.files import load_weights

        load_weights(self, filepath)

    @property
    def input_shape(self) -> Any:
        """Shape of the input, with None for open sizes; known once the model is built."""
        return self._known_shape("input")

    @property
    def output_shape(self) -> Any:
        """Shape of the output, with None for open sizes."""
        return self._known_shape("output")

    def _known_shape(self, which: str) -> Any:
        symbolic: Any = getattr(self, f"{which}s", None)
        if isinstance(symbolic, Tensor):
            return symbolic.shape
        if symbolic is not None:
            return [tensor.shape for tensor in symbolic]
        raise GraphError(f"{self}: the {which} shape is not known", fix="call the model once, or start it with an Input")
