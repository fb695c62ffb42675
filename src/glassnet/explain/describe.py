"""What a trace says in words and names: symbols of tensors, steps, sentences."""

from __future__ import annotations

import inspect
import itertools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from glassnet.autograd.rules import Expr, Name, Read, children, parse
from glassnet.autograd.worked import format_number
from glassnet.explain.sequences import axes_of, symbol_of
from glassnet.explain.trace import TracedOp, TracedTensor, TraceStep

_KIND = {"kernel": "W", "bias": "b"}
_STEP_STATE = {"iterations": "t", "learning_rate": "η"}
_WEIGHT_AXES = {1: ("O",), 2: ("I", "O")}
_BATCH_AXES = {1: ("N",), 2: ("N", "O"), 3: ("N", "H", "W"), 4: ("N", "H", "W", "C")}
_INFIX = {"add": " + ", "subtract": " − ", "multiply": " · ", "divide": " / ", "matmul": " "}
_SAME = ("get_item", "broadcast_to", "reshape", "cast", "identity", "one_hot")
_LONGEST_SYMBOL = 24
_PROBABILITIES = ("softmax", "sigmoid")
_MULTIPLYING = ("linear", "matmul", "einsum", "convolution", "biased_convolution", "convolution_transpose")


def without_model(path: str, model: str) -> str:
    """A layer's path without the name of the outermost model: sequential/dense/kernel -> dense/kernel."""
    return "" if path == model else path.removeprefix(f"{model}/")


# ---------------------------------------------------------------- tensors


@dataclass
class Versions:
    """Weights and the optimizer's state: unique names, and the numbers of the tensors before and after the update."""

    names: list[str]
    slot_of: list[int | None]
    """Beside which weight of this list a slot of the optimizer lies."""
    before: list[int]
    after: list[int]


def versions_of(model: Any, optimizer: Any) -> tuple[list[Any], Versions]:
    """The variables that a step changes, and their names; the numbers are still to come."""
    weights = list(model.variables)
    used: Counter[str] = Counter()
    names = []
    for variable in weights:
        used[variable.path] += 1
        names.append(variable.path if used[variable.path] == 1 else f"{variable.path}#{used[variable.path]}")
    found = Versions(names, [None] * len(weights), [], [])
    slots = {
        id(slot): (place, name)
        for place, v in enumerate(weights)
        for name, slot in (optimizer.slots_of(v) or {}).items()
    }
    for variable in optimizer.variables:
        place, name = slots.get(id(variable), (None, variable.path))
        found.names.append(name if place is None else f"{names[place]}:{name}")
        found.slot_of.append(place)
    return [*weights, *optimizer.variables], found


def name_tensors(
    tensors: list[TracedTensor], ops: list[TracedOp], inputs: dict[int, str], versions: Versions, loss: int | None
) -> None:
    """Give every tensor its role, name, symbol, axes and unique ref."""
    _name_state(tensors, versions)
    _name_weight_axes(tensors, ops)
    for number, role in inputs.items():
        name = {"input": "x", "target": "y"}[role]
        tensors[number].name, tensors[number].symbol, tensors[number].role = name, name, role
        tensors[number].axes = _BATCH_AXES.get(tensors[number].array.ndim, ())
        if role == "input" and tensors[number].array.ndim == 2:
            tensors[number].axes = ("N", "I")
    _name_settings(tensors, ops)
    _name_results(tensors, ops, loss)
    _name_constants(tensors, ops)
    _name_ways(tensors, [op for op in ops if op.phase in ("forward", "loss")])
    _name_gradients(tensors)
    _name_ways(tensors, ops)
    used: Counter[str] = Counter()
    for tensor in tensors:
        ref = tensor.name if tensor.version is None else f"{tensor.name}@{tensor.version}"
        used[ref] += 1
        tensor.ref = ref if used[ref] == 1 else f"{ref}#{used[ref]}"


def _name_state(tensors: list[TracedTensor], versions: Versions) -> None:
    """Weights W1, b1, W2, ... and the optimizer's numbers beside them."""
    layers: dict[str, int] = {}
    for version, listed in ((0, versions.before), (1, versions.after)):
        for name, place_of, number in zip(versions.names, versions.slot_of, listed):
            tensor = tensors[number]
            if tensor.role:
                continue  # what does not change is both versions at once
            tensor.version, tensor.name = version, name
            if place_of is not None:
                tensor.role, tensor.symbol, tensor.of = "opt", name.rpartition(":")[2], versions.before[place_of]
            elif name in _STEP_STATE:
                tensor.role, tensor.symbol = "opt", _STEP_STATE[name]
            else:
                layer, _, kind = name.partition("#")[0].rpartition("/")
                layer_number = layers.setdefault(f"{layer}{name.partition('#')[2]}", len(layers) + 1)
                tensor.role, tensor.symbol = "param", f"{_KIND.get(kind, kind)}{layer_number}"
            tensor.axes = _WEIGHT_AXES.get(tensor.array.ndim, ())


def _name_weight_axes(tensors: list[TracedTensor], ops: list[TracedOp]) -> None:
    """The axes of a kernel have the letters by which the rule of its operation reads it: w[u,v,c,o]."""
    for op in ops:
        for name, number in zip(op.inputs, op.reads):
            weight = tensors[number]
            if weight.role == "param" and not weight.axes and op.rule:
                axes = _letters_of(name, [statement.body for statement in parse(op.rule)])
                for tensor in tensors:
                    if tensor.name == weight.name or tensor.of == number:
                        tensor.axes = axes


def _letters_of(array: str, parts: Iterable[Expr]) -> tuple[str, ...]:
    """The letters with which a rule reads an array; none where it reads it in another way."""
    for part in parts:
        if isinstance(part, Read) and part.array == array and all(isinstance(index, Name) for index in part.indices):
            return tuple(index.name.upper() for index in part.indices if isinstance(index, Name))
        if found := _letters_of(array, children(part)):
            return found
    return ()


def _name_results(tensors: list[TracedTensor], ops: list[TracedOp], loss: int | None) -> None:
    """z1, a1, z2, a2, ..., p for the output, ℓ per sample and L for the loss."""
    layer, last = 0, _last_output(ops)
    closing = {op.path: op for op in ops if op.phase == "forward" and op.inside_of is None}  # the last of each path
    for op in ops:
        path = op.path or ("loss" if op.phase == "loss" else "")
        if op.name in _MULTIPLYING and op.phase == "forward" and op.inside_of is None:
            layer += 1
        for output, number in zip(op.outputs, op.writes):
            tensor = tensors[number]
            if tensor.role:
                continue
            suffix = "" if len(op.outputs) == 1 else f".{output}"
            tensor.name = "/".join(filter(None, (path, op.name))) + suffix
            if op.inside_of is not None or op.phase not in ("forward", "loss"):
                tensor.role = "grad" if op.phase == "backward" else "act"
                tensor.name = f"{'inside' if op.inside_of is not None else op.phase} {tensor.name}"
                continue
            same_target = op.name in _SAME and tensors[op.reads[0]].role == "target"
            tensor.role = "target" if same_target else "act"
            tensor.axes = axes_of(op, output, tensors[op.reads[0]], tensor.array.shape)
            if (not layer or op.name == "reshape") and op.phase == "forward" and tensor.array.ndim == 2:
                tensor.axes = ("N", "I")
            if output not in op.targets:
                tensor.symbol = output  # what only the vjp sees
            elif same_target:
                tensor.symbol = tensors[op.reads[0]].symbol
            elif op.phase == "loss":
                tensor.symbol = "L" if number == loss else _fresh("ℓ", tensors)
            elif op is not last and symbol_of(op, output):
                tensor.symbol = _fresh(symbol_of(op, output), tensors)
            elif op is last:
                tensor.symbol = "p" if op.name in _PROBABILITIES else "ŷ"
            elif layer:
                tensor.symbol = _fresh(f"{'z' if op.name in _MULTIPLYING else 'a'}{layer}", tensors)
            elif op is closing[op.path] and (op.name not in _SAME or tensors[op.reads[0]].role == "input"):
                tensor.symbol = _fresh("x", tensors)


def _fresh(symbol: str, tensors: list[TracedTensor]) -> str:
    """The symbol with as many primes as tell it apart: a1, a1′, a1″."""
    taken = {tensor.symbol for tensor in tensors}
    return next((symbol + p for p in ("", "′", "″", "‴") if symbol + p not in taken), f"{symbol}⁗")


def _name_settings(tensors: list[TracedTensor], ops: list[TracedOp]) -> None:
    """The learning rate and the number of the step, as the update reads them."""
    for op in ops:
        for name, number in zip(op.inputs, op.reads):
            setting = {"rate": "learning_rate", "t": "iterations"}.get(name, "")
            if op.phase == "update" and setting and not tensors[number].role:
                tensors[number].role, tensors[number].name = "opt", f"{setting} of this step"
                tensors[number].symbol = _STEP_STATE[setting]


def _last_output(ops: list[TracedOp]) -> Any:
    outputs = [op for op in ops if op.phase == "forward" and op.inside_of is None]
    return outputs[-1] if outputs else None


def _name_gradients(tensors: list[TracedTensor]) -> None:
    for tensor in tensors:
        if tensor.of is not None and tensor.role != "opt":
            of = tensors[tensor.of]
            tensor.role, tensor.symbol, tensor.name = "grad", f"∂L/∂{of.symbol}", f"grad({of.name})"
            tensor.axes = of.axes


def _name_constants(tensors: list[TracedTensor], ops: list[TracedOp]) -> None:
    """Numbers that no operation wrote: 2, random bits u."""
    for op in ops:
        for name, number in zip(op.inputs, op.reads):
            tensor = tensors[number]
            if not tensor.role:
                tensor.role, tensor.name = "const", f"{op.path or op.phase}/{op.name}:{name}"
                tensor.symbol = format_number(tensor.array[()]) if tensor.array.ndim == 0 else name


def _name_ways(tensors: list[TracedTensor], ops: list[TracedOp]) -> None:
    """What is computed on the way to something else is called by its formula: 1 − p, p · (1 − p), W2ᵀ."""
    for op in ops:
        parts = [_bracketed(tensors[number].symbol or op.name) for number in op.reads]
        for number in op.writes:
            tensor, first = tensors[number], tensors[op.reads[0]]
            if tensor.symbol:
                continue
            if tensor.role == "grad":  # what backward makes of values alone, such as W2ᵀ, is no gradient
                read = [tensors[number].role for number in op.reads]
                tensor.role = read[0] if len(read) == 1 else "grad" if "grad" in read else "act"
            if tensor.name.endswith("_bar"):
                tensor.symbol = f"∂L/∂{tensor.name.rpartition('.')[2].removesuffix('_bar')}"
                continue
            if op.name == "transpose":
                tensor.symbol, tensor.axes = f"{parts[0]}ᵀ", first.axes[::-1]
                continue
            tensor.axes = tensor.axes or (first.axes if first.array.shape == tensor.array.shape else ())
            if op.name in _INFIX:
                tensor.symbol = _INFIX[op.name].join(parts)
            else:
                tensor.symbol = first.symbol if op.name in _SAME else f"{op.name}({', '.join(parts)})"
            if len(tensor.symbol) > _LONGEST_SYMBOL:
                tensor.symbol = op.name


def _bracketed(symbol: str) -> str:
    return f"({symbol})" if " " in symbol and not symbol.endswith(")") else symbol


# ---------------------------------------------------------------- steps


def steps(ops: list[TracedOp], tensors: list[TracedTensor]) -> list[TraceStep]:
    """Neighbouring operations of one phase and one layer belong together."""
    found = []
    numbered = [(number, op) for number, op in enumerate(ops) if op.inside_of is None]
    for (phase, path), group in itertools.groupby(numbered, key=lambda pair: _group(pair[1], ops, tensors)):
        members = list(group)
        written = {tensor for _, op in members for tensor in op.writes}
        reads = dict.fromkeys(tensor for _, op in members for tensor in op.reads if tensor not in written)
        writes = dict.fromkeys(tensor for _, op in members for tensor in op.writes)
        title = path or {"loss": "loss", "update": "optimizer"}.get(phase, "model")
        found.append(
            TraceStep(
                phase, path, title, _words_of_step(phase, [op for _, op in members], ops),
                tuple(number for number, _ in members), tuple(reads), tuple(writes),
            )
        )  # fmt: skip
    return found


def _group(op: TracedOp, ops: list[TracedOp], tensors: list[TracedTensor]) -> tuple[str, str]:
    if op.phase == "backward" and op.backward_of is not None:
        forward = ops[op.backward_of]
        return "backward", "loss" if forward.phase == "loss" else forward.path
    if op.phase == "update":
        changed = [tensors[number] for number in op.reads if tensors[number].role == "param"]
        return "update", changed[0].name.rpartition("/")[0] if changed else ""
    return op.phase, op.path


# ---------------------------------------------------------------- words

_OP_WORDS = {
    "linear": "{Units} adds up {inputs}, each times its own weight, and its bias.",
    "biased_convolution": "{Filters} moves over the image; what it covers, each cell times its own weight, adds up "
    "with its bias to one number of its map.",
    "convolution": "{Filters} moves over the image; what it covers, each cell times its own weight, adds up to one number "
    "of its map.",
    "convolution_transpose": "Every cell puts a copy of the kernel, times its own number, onto the larger image; copies "
    "add up where they overlap.",
    "convolution_kernel": "A weight met many cells: their numbers, each times the error of the place where they met, add "
    "up.",
    "max_pooling": "Of every {window} window only the largest number stays.",
    "max_unpooling": "The error goes to the cell that won its window; every other cell gets 0.",
    "attention": "Every step looks at all steps that it may see, and takes the mean of their values, weighted by how "
    "well their keys fit its query.",
    "relu": "What is negative becomes 0; what is positive passes unchanged.",
    "tanh": "Every number is squeezed into the range from −1 to 1.",
    "sigmoid": "Every number is squeezed into the range from 0 to 1.",
    "softmax": "The scores become probabilities: all positive, adding up to 1.",
    "squared_error": "The difference between output and target, squared, so that its sign does not matter.",
    "sparse_softmax_crossentropy": "How surprised the network is by the true class: minus the logarithm of its probability.",
    "softmax_crossentropy": "How surprised the network is by the true class: minus the logarithm of its probability.",
    "sigmoid_crossentropy": "How surprised the network is by the true answer: minus the logarithm of its probability.",
    "mean": "The mean over {numbers}: this is where 1/n comes from.",
    "dropout": "A random share of the numbers is set to 0; the others grow, so that the expected sum stays.",
    "reshape": "The same numbers in another shape; nothing is computed.",
    "cast": "The same numbers, stored in another type.",
    "add": "Two numbers are added, cell by cell.",
    "subtract": "One number minus the other, cell by cell.",
    "multiply": "Number times number, cell by cell.",
    "divide": "One number divided by the other, cell by cell.",
    "sqrt": "The square root of every number.",
    "square": "Every number times itself.",
    "sgd_update": "Each weight moves against its gradient: uphill is where the gradient points, so minus is downhill.",
    "momentum_update": "Each weight moves by its velocity, an average of the steps so far.",
    "adam_update": "Each weight moves against the average m of its gradients, divided by their usual size √v.",
}
_BACKWARD_WORDS = {
    "linear": "The error flows back through the same weights; input times error gives each weight's share of the blame.",
    "biased_convolution": "A weight's gradient adds up, over all places, what it met times the error there. The error goes "
    "back through the same kernel, flipped.",
    "convolution": "A weight's gradient adds up, over all places, what it met times the error there. The error goes back "
    "through the same kernel, flipped.",
    "max_pooling": "The error goes back only to the cell that won its window; the others had no part in the result.",
    "relu": "The error passes where the input was positive, and stops where it was not.",
    "tanh": "The error is multiplied by the slope of tanh, 1 − a².",
    "sigmoid": "The error is multiplied by the slope of the sigmoid, a(1 − a).",
    "sparse_softmax_crossentropy": "The derivative by the scores is simply p − y: what was said minus what is true.",
    "softmax_crossentropy": "The derivative by the scores is simply p − y: what was said minus what is true.",
    "sigmoid_crossentropy": "The derivative by the score is simply p − y: what was said minus what is true.",
    "squared_error": "The derivative of the square: twice the difference, p − y.",
    "mean": "Each of the n numbers has the share 1/n in the mean.",
    "dropout": "The error passes only where the number had passed, enlarged in the same way.",
}


def words_of_op(op: TracedOp, tensors: list[TracedTensor]) -> str:
    """What an operation does, in at most two sentences."""
    known = _OP_WORDS.get(op.name) or _first_sentence(op.op)
    if "{" not in known:
        return known
    read, written = tensors[op.reads[0]].array.shape, tensors[op.writes[0]].array.shape
    units, inputs = (written or (1,))[-1], (read or (1,))[-1]
    merged = math.prod(read) // max(1, math.prod(written))
    return known.format(
        Units="The unit" if units == 1 else f"Each of the {units} units",
        Filters="The filter" if units == 1 else f"Each of the {units} filters",
        window="×".join(map(str, op.attributes.get("pool_size", ()))),
        inputs="its input" if inputs == 1 else f"{inputs} inputs",
        numbers="one number" if merged == 1 else f"{merged} numbers",
    )


def _first_sentence(op: Any) -> str:
    """The docstring's first sentence: a user's own operation explains itself the same way."""
    text = " ".join((inspect.getdoc(type(op)) or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".:;") + "." if text else ""


def _words_of_step(phase: str, members: list[TracedOp], ops: list[TracedOp]) -> str:
    if phase == "update":
        return members[0].words
    if phase != "backward":
        told = [op for op in members if op.name != "cast"] or members
        return " ".join(dict.fromkeys(op.words for op in told[:2] if op.words))
    through = dict.fromkeys(op.backward_of for op in members if op.backward_of is not None)
    return " ".join(dict.fromkeys(_backward_words(ops[number].name) for number in list(through)[:2]))


def _backward_words(name: str) -> str:
    return _BACKWARD_WORDS.get(name, f"The chain rule through {name}: the error times its derivative.")
