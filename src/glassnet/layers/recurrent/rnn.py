"""RNN: a cell through a sequence, in one operation where it can, else step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassnet import ops
from glassnet.autograd.functional import leaves, map_structure
from glassnet.autograd.spec import Spec
from glassnet.autograd.tensor import Tensor, wrap
from glassnet.autograd.variable import Variable
from glassnet.errors import ArgumentError, ShapeError
from glassnet.layers.base import InputSpec, Layer
from glassnet.layers.masking import as_boolean
from glassnet.layers.recurrent.cells import (
    Cell,
    StackedRNNCells,
    checked_cell,
    from_config,
    initial_state_of,
    one_mask_per_sequence,
)
from glassnet.ops.recurrent import kept


@dataclass(frozen=True)
class _Lasting:
    """The state variables of a stateful layer; in an object of its own, because they are no weights, as in Keras."""

    variables: Any


class RNN(Layer):
    """A cell through a sequence: at each step it gets xₜ and its own last state, and gives an output and a new state.

    Arguments:
        cell: a layer with `call(inputs, states)`, which returns (output, new states), and `state_size`, the width of its
            state or a list of several; a list of cells is stacked.
        return_sequences: the outputs of all steps (N, T, O) instead of the last one (N, O).
        return_state: return (output, *last states).
        go_backwards: read the sequence from its end; outputs come in the order in which they were made.
        stateful: start where the batch before has ended, sample by sample, until `reset_state`; the batch size is fixed.
        unroll: every step as operations of its own, never the whole sequence in one; slower, and each step can be seen.
        zero_output_for_mask: at a step that the mask skips put out 0 instead of the last output again.

    Call arguments: sequences (N, T, I), initial_state (a list; zeros by default), mask (N, T), False where a step is
    skipped: the state stays as it is.

    >>> class Adding(Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         total = inputs + states[0]
    ...         return total, [total]
    >>> RNN(Adding())(np.ones((1, 5, 3))).numpy().tolist()
    [[5.0, 5.0, 5.0]]
    """

    formula = "yₜ, sₜ = cell(xₜ, sₜ₋₁)"
    makes_masks = False

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, **shared(kwargs))
        super().__init__(**{"dtype": getattr(cell, "dtype", None), **kwargs})
        self.cell = checked_cell(cell, str(self))
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.input_spec = InputSpec(min_ndim=3)
        self._lasting: _Lasting | None = None

    @property
    def state_size(self) -> list[Any]:
        """The width of each state."""
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    # ------------------------------------------------------------ states
    @property
    def states(self) -> Any:
        """The state variables of a stateful layer, once it is built; else None."""
        return None if self._lasting is None else self._lasting.variables

    def get_initial_state(self, batch_size: int | None) -> list[Any]:
        """The states with which a sequence starts unless told otherwise."""
        return initial_state_of(self.cell, batch_size)

    def reset_state(self) -> None:
        """Forget the last batch: all states of a stateful layer are 0 again."""
        if not self.stateful:
            raise ArgumentError(f"{self}: there is no state to reset", expected="stateful=True")
        for variable in [] if self.states is None else leaves(self.states):
            variable.assign(ops.zeros_like(variable.value))

    def reset_states(self) -> None:
        """`reset_state`, as Keras called it before."""
        self.reset_state()

    def build(self, input_shape: Any) -> None:
        self.input_spec = InputSpec(ndim=len(input_shape), axes={-1: input_shape[-1]})
        if not self.cell.built:
            self.cell.build((input_shape[0], *input_shape[2:]))
        if self.stateful:
            self._lasting = _Lasting(self._state_variables(input_shape[0]))

    def _state_variables(self, batch_size: int | None) -> Any:
        if batch_size is None:
            raise ShapeError(
                f"{self}: stateful=True needs a fixed batch size", received="an open one",
                fix="Input(shape, batch_size=32)",
            )  # fmt: skip
        return map_structure(
            lambda state: Variable(state.numpy(), trainable=False, name="state", path=f"{self.name}/state"),
            self.get_initial_state(batch_size),
        )

    def _first_states(self, sequences: Any, given: Any) -> list[Any]:
        """The states to start from: the given ones, those of the last batch, or zeros."""
        if given is None and not self.stateful:
            return self.get_initial_state(sequences.shape[0])
        if given is None:
            first = leaves(self.states)[0]
            if sequences.shape[0] not in (None, first.shape[0]):
                raise ShapeError(
                    f"{self}: a stateful layer keeps one state per sample of the batch", expected=f"{first.shape[0]} samples",
                    received=f"{sequences.shape[0]} samples", fix="a batch_size that divides the number of samples",
                )  # fmt: skip
            given = map_structure(lambda variable: ops.copy(variable.value), self.states)  # assigned before backward
        states = list(given) if isinstance(given, (list, tuple)) else [given]
        sizes, widths = leaves(self.state_size), [state.shape[-1] for state in leaves(states)]
        if len(widths) != len(sizes) or any(isinstance(size, int) and size != w for size, w in zip(sizes, widths)):
            raise ArgumentError(
                f"{self}: initial_state", expected=f"{len(sizes)} of width {sizes}",
                received=f"{len(widths)} of width {widths}",
                fix="give the states that return_state=True adds to the output, in their order",
            )  # fmt: skip
        return states

    # ------------------------------------------------------------ running
    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        self._check_steps(sequences, mask)
        states = self._first_states(sequences, initial_state)
        mask = None if mask is None else as_boolean(mask)
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), None if mask is None else ops.flip(mask, 1)
        with one_mask_per_sequence(self.cell):
            run = self._in_one if self._is_fused(training) else self._step_by_step
            outputs, last, states = run(sequences, states, mask, training)
        if mask is not None and (self.zero_output_for_mask or initial_state is not None or self.stateful):
            outputs, last = self._without_skipped(outputs, last, mask)
        if self.stateful:
            for variable, state in zip(leaves(self.states), leaves(states)):
                variable.assign(state)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _check_input(self, spec: InputSpec, x: Any) -> None:
        if isinstance(x, Tensor) and x.ndim == 2:
            raise ShapeError(
                f"{self}: the input is not a sequence", expected="(batch, time, features)", received=tuple(x.shape),
                fix="return_sequences=True in the recurrent layer before it; of one number per step: x[..., None]",
            )  # fmt: skip
        super()._check_input(spec, x)

    def _check_steps(self, sequences: Any, mask: Any) -> None:
        shape = tuple(sequences.shape)
        if shape[1] == 0 or (shape[1] is None and self.unroll):
            raise ShapeError(
                f"{self}: the number of time steps must be {'known and ' if self.unroll else ''}not 0",
                expected="(batch, time, features)", received=shape,
            )  # fmt: skip
        fits = mask is None or all(None in (m, n) or m == n for m, n in zip(mask.shape, shape))
        if mask is not None and (len(mask.shape) != 2 or not fits):
            raise ShapeError(
                f"{self}: the mask needs one truth value per step", expected=shape[:2], received=tuple(mask.shape),
                fix="a mask is True where a step counts and False at padding: ids != 0",
            )  # fmt: skip

    def _is_fused(self, training: bool) -> bool:
        cell = self.cell
        return (
            not self.unroll and isinstance(cell, Cell) and cell.is_standard
            and not (training and cell.recurrent_dropout)
        )  # fmt: skip

    def _in_one(self, sequences: Any, states: Any, mask: Any, training: bool) -> tuple[Any, Any, Any]:
        """The whole sequence as one operation."""
        sequences = self.cell.dropped("inputs", sequences, self.cell.dropout, training)
        outputs, states = self.cell.whole(sequences, states, mask)
        return outputs, states[0], states

    def _step_by_step(self, sequences: Any, states: Any, mask: Any, training: bool) -> tuple[Any, Any, Any]:
        """The cell once per step."""
        steps = sequences.shape[1]
        outputs: list[Any] = []
        for t in range(1 if steps is None else steps):
            output, after = self.cell(sequences[:, t], states)
            after = after if isinstance(after, (list, tuple)) else [after]
            if mask is not None:
                output = kept(mask, t, output, outputs[-1] if outputs else ops.zeros_like(output))
                after = _kept_states(mask, t, after, states)
            outputs.append(output)
            states = list(after)
        if steps is None:  # a model is being built: one step shows the shapes of all
            return _of_open_length(outputs[0]), outputs[0], states
        return ops.stack(outputs, axis=1) if self.return_sequences else None, outputs[-1], states

    def _without_skipped(self, outputs: Any, last: Any, mask: Any) -> tuple[Any, Any]:
        """0 in place of an output that no step of the sample has made yet, or that its step has not made."""
        valid = mask if self.zero_output_for_mask else ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0
        if outputs is not None:
            outputs = ops.where(_wide(valid, outputs.ndim), outputs, ops.zeros_like(outputs))
        return outputs, ops.where(_wide(valid[:, -1], last.ndim), last, ops.zeros_like(last))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask goes on with a sequence; a single output and states have none."""
        output = previous_mask if self.return_sequences else None
        return [output, *[None] * len(leaves(self.state_size))] if self.return_state else output

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from `get_config`."""
        return super().from_config({**config, "cell": from_config(config["cell"])} if "cell" in config else config)


def _kept_states(mask: Any, t: int, new: Any, old: Any) -> Any:
    """The states after step t, in the structure of the new ones."""
    before = iter(leaves(old))
    return map_structure(lambda state: kept(mask, t, state, next(before)), new)


def _wide(mask: Any, ndim: int) -> Any:
    """A mask with axes of size 1 behind it."""
    return ops.expand_dims(mask, tuple(range(mask.ndim, ndim)))


def _of_open_length(output: Any) -> Tensor:
    return wrap(Spec((output.shape[0], None, *output.shape[1:]), output.dtype), None)


def of_cell(name: str) -> Any:
    """A property that reads the cell's attribute of this name."""
    return property(lambda layer: getattr(layer.cell, name), doc=f"The cell's `{name}`.")


class CellArguments(RNN):
    """A layer whose arguments are those of its cell, and can be read on the layer too."""

    units, activation, use_bias = of_cell("units"), of_cell("activation"), of_cell("use_bias")
    kernel_initializer, recurrent_initializer = of_cell("kernel_initializer"), of_cell("recurrent_initializer")
    bias_initializer, bias_regularizer = of_cell("bias_initializer"), of_cell("bias_regularizer")
    kernel_regularizer, recurrent_regularizer = of_cell("kernel_regularizer"), of_cell("recurrent_regularizer")
    kernel_constraint, recurrent_constraint = of_cell("kernel_constraint"), of_cell("recurrent_constraint")
    bias_constraint, seed = of_cell("bias_constraint"), of_cell("seed")
    dropout, recurrent_dropout = of_cell("dropout"), of_cell("recurrent_dropout")


def shared(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer that its cell gets too."""
    return {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
