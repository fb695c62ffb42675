"""Model: a Layer that can be compiled, trained, described and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from glassnet.autograd.functional import map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE
from glassnet.errors import ArgumentError, GraphError, did_you_mean
from glassnet.layers.base import Layer, symbolic_of, tensors_in
from glassnet.layers.masking import with_masks
from glassnet.models.functional import LayerGraph
from glassnet.models.summary import summary_text
from glassnet.training.trainer import Trainer


class _replaceable:  # noqa: N801  # used like `property`
    """A property whose name a subclass may still give to an attribute: `self.output = Dense(10)` is too natural to refuse."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function, self.__doc__ = function, function.__doc__

    def __get__(self, model: Any, owner: type) -> Any:
        return self if model is None else self.function(model)


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

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        Layer.__init__(self, name=name, trainable=trainable, dtype=dtype)
        Trainer.__init__(self)
        self._built_for: Any = None
        """Specs of the inputs for which the weights were made, with an open batch size."""
        self._graph: LayerGraph | None = None
        if inputs is None and outputs is None:
            return
        self._graph = LayerGraph(inputs, outputs, str(self))
        self._layers = self._graph.layers
        self.built = True
        if not trainable:
            self.trainable = False

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Compute the output; a subclass without symbolic inputs and outputs defines it."""
        if self._graph is None:
            name = type(self).__name__
            raise ArgumentError(
                f"{name} must define call(self, inputs)", received="a subclass of Model without it",
                fix="write what it computes in call, or make the model with Model(inputs, outputs)",
            )  # fmt: skip
        return self._graph.run(with_masks(inputs, mask))

    def build(self, input_shape: Any = None) -> None:
        """Create all weights for inputs of this shape (batch axis first), by a run on symbolic tensors."""
        if self.built or STATE.layers[-1:] == [self.name]:
            return  # inside a call, which builds the layers as it reaches them
        if input_shape is None:
            raise ArgumentError(
                f"{self}: build needs the shape of the input", expected="a shape with the batch axis first",
                received=input_shape, fix="model.build((None, 784))",
            )  # fmt: skip
        self.compute_output_spec(symbolic_of(input_shape, self.dtype))

    def _with_masks(self, args: tuple[Any, ...], passed: dict[str, Any], result: Any) -> Any:
        """The layers inside have put masks on the result, unless the model says with `compute_mask` which it has."""
        return super()._with_masks(args, passed, result) if self.makes_masks else result

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._built_for = map_structure(lambda t: Spec((None, *t.shape[1:]), t.dtype), args[0])
        self.build(map_structure(lambda t: tuple(t.shape), args[0]))
        self.built = False  # until the whole call has succeeded: it builds the layers inside

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, in order."""
        return self.sublayers if self._graph is None else list(self._graph.layers)

    @property
    def output_names(self) -> list[str] | None:
        """What the outputs are called in losses, metrics and targets: keys, or the layers that make them; None if unknown."""
        return None if self._graph is None else self._graph.output_names

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
                fix=did_you_mean(str(name), [layer.name for layer in layers]),
            )  # fmt: skip
        return found[0]

    def summary(self, line_length: int | None = None, print_fn: Any = None) -> None:
        """Print layers, output shapes, formulas and parameter counts."""
        (print_fn or print)(summary_text(self, line_length or 80))

    # ------------------------------------------------------------ files
    def get_config(self) -> dict[str, Any]:
        """The graph of a model made from tensors, else the constructor arguments."""
        made = self._constructed_with
        if self._graph is None or not tensors_in([*made.args, *made.kwargs.values()]):
            return super().get_config()
        return {"name": self.name, **self._graph.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A model from `get_config`, with new weights."""
        if "calls" not in config:
            return super().from_config(config)
        return cls(*LayerGraph.tensors_from_config(config), name=config["name"])

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

    # ------------------------------------------------------------ symbolic ends
    def _ends(self) -> tuple[Any, Any] | None:
        """The symbolic input and output (a tensor, or a list or dictionary of them); None where they are not known."""
        return None if self._graph is None else (self._graph.inputs, self._graph.outputs)

    def _known_ends(self) -> tuple[Any, Any]:
        ends = self._ends()
        if ends is None:
            raise GraphError(
                f"{self}: its input and output are not known", expected="a model with an input shape",
                received="a model that has seen no input", fix="begin with an Input, or call the model once",
            )  # fmt: skip
        return ends

    @_replaceable
    def input(self) -> Any:
        """The symbolic input, in the structure in which the model takes it; further models can be built on it."""
        return self._known_ends()[0]

    @_replaceable
    def output(self) -> Any:
        """The symbolic output, in the structure in which the model gives it."""
        return self._known_ends()[1]

    @_replaceable
    def inputs(self) -> Any:
        """All symbolic inputs as a list; None where they are not known."""
        ends = self._ends()
        return None if ends is None else tensors_in(ends[0])

    @_replaceable
    def outputs(self) -> Any:
        """All symbolic outputs as a list; None where they are not known."""
        ends = self._ends()
        return None if ends is None else tensors_in(ends[1])

    @property
    def input_shape(self) -> Any:
        """Shape of the input, with None for open sizes."""
        return map_structure(lambda tensor: tensor.shape, self._known_ends()[0])

    @property
    def output_shape(self) -> Any:
        """Shape of the output, with None for open sizes."""
        return map_structure(lambda tensor: tensor.shape, self._known_ends()[1])
