"""Wrappers: layers around another layer. Bidirectional, TimeDistributed, and their base."""

from __future__ import annotations

from typing import Any

from glassnet import ops
from glassnet.autograd.functional import leaves
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import wrap
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.brick import as_layer
from glassnet.layers.recurrent.cells import from_config
from glassnet.typing import Shape

__all__ = ["Bidirectional", "TimeDistributed", "Wrapper"]


class Wrapper(Layer):
    """Base of layers that hold another one: it builds the layer inside, and saves it with itself.

    Arguments:
        layer: the layer inside.

    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(gn.layers.Activation("exponential"))(np.zeros((1, 1))).numpy().round(3)
    array([[2.718]], dtype=float32)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        inside = as_layer(layer)
        super().__init__(**{"dtype": inside.dtype, **kwargs})
        self.layer = inside

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from `get_config`."""
        return super().from_config({**config, "layer": from_config(config["layer"])})


class TimeDistributed(Wrapper):
    """The same layer for every step of a sequence: yₜ = layer(xₜ).

    The steps of all samples go through the layer as one batch. So a BatchNormalization inside takes its statistics over
    samples and steps together.

    Arguments:
        layer: takes one step, (N, ...).

    Input (N, T, ...), output (N, T, ...). A mask (N, T) goes on to the output; what a mask has beyond the time axis goes
    to the layer.

    >>> TimeDistributed(gn.layers.Dense(4))(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    formula = "yₜ = layer(xₜ)"
    makes_masks = False

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, input_shape: Any) -> None:
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, mask: Any = None) -> Any:
        samples, steps = inputs.shape[:2]
        if mask is not None and any(None not in (m, n) and m != n for m, n in zip(mask.shape[:2], inputs.shape)):
            raise ShapeError(
                f"{self}: the mask needs one truth value per step", expected=inputs.shape[:2], received=mask.shape
            )
        inside = {}
        if mask is not None and mask.ndim > 2 and "mask" in self.layer._call_names:
            inside["mask"] = _regrouped(mask, (_together(samples, steps), *mask.shape[2:]))
        y = self.layer(_regrouped(inputs, (_together(samples, steps), *inputs.shape[2:])), **inside)
        return _regrouped(y, (samples, steps, *y.shape[1:]))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """One truth value per step: whether anything of it counts."""
        if previous_mask is None or previous_mask.ndim == 2:
            return previous_mask
        return ops.any(previous_mask, axis=tuple(range(2, previous_mask.ndim)))


def _together(samples: int | None, steps: int | None) -> int | None:
    return None if samples is None or steps is None else samples * steps


def _regrouped(x: Any, shape: Shape) -> Any:
    """The same cells in another shape; where sizes are open only the shape is known."""
    return wrap(Spec(shape, x.dtype), None) if None in shape else ops.reshape(x, shape)


MERGES: dict[str | None, Any] = {
    "concat": lambda y, back: ops.concatenate([y, back], axis=-1),
    "sum": lambda y, back: y + back,
    "ave": lambda y, back: (y + back) / 2,
    "mul": lambda y, back: y * back,
    None: lambda y, back: (y, back),
}


class Bidirectional(Layer):
    """A sequence read by two recurrent layers, one from its beginning and one from its end.

    Arguments:
        layer: an RNN, SimpleRNN, LSTM or GRU; the two inside are new ones made like it, with weights of their own.
        merge_mode: how their outputs become one: "concat", "sum", "ave", "mul", or None for both, (forward, backward).
        weights: first weights, those of the forward layer first.
        backward_layer: the layer that reads from the end (go_backwards=True); one like `layer` by default.

    With return_sequences the outputs of one step stand side by side, and are 0 where the mask skips it. initial_state is
    the list of the forward states, then of the backward states; so are the states that return_state adds.

    Source: Schuster and Paliwal (1997), Bidirectional Recurrent Neural Networks.

    >>> Bidirectional(gn.layers.LSTM(4, return_sequences=True))(np.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    formula = "yₜ = [forwardₜ, backwardₜ]"
    makes_masks = False

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": getattr(layer, "dtype", None), **kwargs})
        for part in (layer, *([] if backward_layer is None else [backward_layer])):
            if not isinstance(part, Layer) or not hasattr(part, "go_backwards"):
                raise ArgumentError(
                    f"{self}: not a recurrent layer", expected="an RNN, LSTM, GRU, ...", received=repr(part),
                    fix="Bidirectional(LSTM(32))",
                )  # fmt: skip
        if merge_mode not in MERGES:
            raise ArgumentError(
                f"{self}: merge_mode", expected="concat, sum, ave, mul or None", received=repr(merge_mode)
            )
        self.merge_mode = merge_mode
        name = layer._local_name
        self.forward_layer = _made_like(layer, name=f"forward_{name.removeprefix('forward_')}")
        self.backward_layer = backward_layer or _made_like(
            layer, name=f"backward_{name.removeprefix('backward_')}", go_backwards=not layer.go_backwards
        )
        self._check_pair()
        self.stateful, self.return_sequences, self.return_state = (
            layer.stateful,
            layer.return_sequences,
            layer.return_state,
        )
        for part in (self.forward_layer, self.backward_layer):
            part.zero_output_for_mask = self.return_sequences
        self.input_spec = layer.input_spec
        self._first_weights = weights

    def _check_pair(self) -> None:
        """Both layers give the same kind of result, in opposite directions."""
        for name in ("stateful", "return_sequences", "return_state"):
            ours, theirs = getattr(self.forward_layer, name), getattr(self.backward_layer, name)
            if ours != theirs:
                raise ArgumentError(
                    f"{self}: the two layers differ in {name}",
                    expected=f"backward_layer with {name}={ours}",
                    received=theirs,
                )
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ArgumentError(
                f"{self}: both layers read in the same direction",
                fix=f"backward_layer with go_backwards={not self.forward_layer.go_backwards}",
            )

    def build(self, input_shape: Any) -> None:
        for part in (self.forward_layer, self.backward_layer):
            if not part.built:
                part.build(input_shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        first: tuple[Any, Any] = (None, None)
        if initial_state is not None:
            half = len(initial_state) // 2
            first = initial_state[:half], initial_state[half:]
        y = self.forward_layer(sequences, initial_state=first[0], mask=mask)
        back = self.backward_layer(sequences, initial_state=first[1], mask=mask)
        states: tuple[Any, ...] = ()
        if self.return_state:
            (y, *own), (back, *others) = y, back
            states = (*own, *others)
        if self.return_sequences:
            back = ops.flip(back, 1)
        merged = MERGES[self.merge_mode](y, back)
        if not states:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    @property
    def states(self) -> Any:
        """The state variables of stateful layers, forward ones first, once they are built; else None."""
        own, others = self.forward_layer.states, self.backward_layer.states
        return None if own is None else [*own, *others]

    def reset_state(self) -> None:
        """Forget the last batch."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """`reset_state`, as Keras called it before."""
        self.reset_state()

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask goes on with sequences; single outputs and states have none."""
        output = previous_mask if self.return_sequences else None
        outputs = [output, output] if self.merge_mode is None else [output]
        return [*outputs, *[None] * (2 * len(leaves(self.forward_layer.state_size)))] if self.return_state else outputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("weights", None)  # of the layer as it was made; a file has the present ones
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        layers: dict[str, Any] = {
            name: from_config(config[name]) for name in ("layer", "backward_layer") if name in config
        }
        return super().from_config({**config, **layers})


def _made_like(layer: Any, **changes: Any) -> Any:
    """A new layer with the arguments of another, but for these."""
    try:
        return type(layer).from_config({**layer.get_config(), **changes})
    except ArgumentError as error:
        raise ArgumentError(
            f"Bidirectional: no second layer like {layer} can be made", received=error.problem,
            fix="decorate your class with @gn.saving.register_keras_serializable()",
        ) from None  # fmt: skip
