"""A compiled plan as text: its kernels as formulas, what NumPy runs and why, and where the numbers lie.

    kernel 0: 32 x 10, about 20,800 operations, one thread
      dense/linear[j,k] = sum_{i<64} input0[j,i] * dense/kernel[i,k] + dense/bias[k]  (in registers)
      dense/relu[j,k] = max(dense/linear[j,k], 0)

The formulas are the very ones that were compiled. A variable has its path, its new content a stroke behind it
(`dense/kernel'`), any other value the layer and the op that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glassnet.autograd import rules
from glassnet.autograd.rules import Binary, Expr, Guard, Name, Negative, Number, Read, Reduce
from glassnet.autograd.worked import ATOM, PRODUCT, REDUCTION, SUM, level_of, needed_levels
from glassnet.errors import ArgumentError
from glassnet.graph.ir import Call
from glassnet.kernels.driver import is_shared
from glassnet.kernels.kernel import Kernel
from glassnet.kernels.llvm import Module, assembly
from glassnet.kernels.nest import Nest, value_of
from glassnet.kernels.stages import Program

if TYPE_CHECKING:
    from glassnet.kernels.compilation import Compilation

_LETTERS = "ijklmnopqrstuvwxyz"
_EXACT = 1e16
"""Below it a float64 tells whole numbers apart."""


def report(plan: Compilation) -> list[str]:
    """The whole plan, line by line."""
    kernels, names = plan.kernels, Names(plan.program)
    first: dict[str, int] = {}
    twins = [first.setdefault(kernel.signature, number) for number, kernel in enumerate(kernels)]
    assignments = sum(len(nest.assignments) for kernel in kernels for nest in kernel.group.nests)
    lines = [
        f"{len(plan.graph.calls)} operations: {_counted(assignments, 'assignment')} in {_counted(len(kernels), 'kernel')}, "
        f"{_counted(len(first), 'function')}",
        f"memory of its own: {plan.arena_bytes:,} bytes; values that take turns save {plan.saved_bytes:,}",
        *_updates(plan.program),
    ]
    number = 0
    for position, stage in enumerate(plan.stages):
        lines.append(f"stage {position}")
        if stage.call is not None:
            layer = f" of {stage.call.layers}" if stage.call.layers else ""
            lines.append(f"  NumPy runs {stage.call.op.name}{layer}: {stage.reason}")
        for _ in stage.groups:
            lines += [f"  {line}" for line in _kernel(plan, number, twins[number], names)]
            number += 1
    return lines


def intermediate(plan: Compilation, number: int) -> str:
    """What LLVM is given for a kernel."""
    if not 0 <= number < len(plan.kernels):
        raise ArgumentError(
            "there is no such kernel", expected=f"0 to {len(plan.kernels) - 1}" if plan.kernels else "a plan with kernels",
            received=number,
        )  # fmt: skip
    module = Module()
    Kernel(plan.kernels[number].group, plan.place, plan.stored).write(module, f"kernel_{number}")
    return str(module.module)


def machine_code(plan: Compilation, number: int) -> str:
    """What LLVM makes of a kernel, as assembly of this processor."""
    return assembly(intermediate(plan, number))


def _updates(program: Program) -> Iterator[str]:
    """What becomes of the variables that the step changes."""
    overwritten = set(program.updated_in_place.values())
    contents = dict(program.graph.variables)
    changed = [(variable.path, contents[variable] in overwritten) for variable, _ in program.graph.assigns]
    for title, here in (("updated in place", True), ("copied when the step ends", False)):
        paths = [path for path, in_place in changed if in_place == here]
        if paths:
            yield f"{title}: {', '.join(paths)}"


def _kernel(plan: Compilation, number: int, twin: int, names: Names) -> Iterator[str]:
    """A kernel: its loops, its work and its formulas."""
    kernel = plan.kernels[number]
    loops = dict.fromkeys(" x ".join(map(str, nest.extents)) or "1" for nest in kernel.group.nests)
    threads = f"shared by {plan.threads} threads" if is_shared(kernel, plan.threads) else "one thread"
    same = "" if twin == number else f", the function of kernel {twin}"
    rounds = f", {kernel.group.repetition.rounds} rounds" if kernel.group.repetition else ""
    yield f"kernel {number}: {' and '.join(loops)}, about {kernel.work:,} operations, {threads}{same}{rounds}"
    if same:
        yield f"  gives {', '.join(names[v] for nest in kernel.group.nests for v in nest.targets if plan.stored(v))}"
        return
    for nest in kernel.group.nests:
        for target, formula in zip(nest.targets, formulas(nest, names)):
            yield f"  {formula}{'' if plan.stored(target) else '  (in registers)'}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


# ---------------------------------------------------------------- names


class Names:
    """What the values of a step are called; no two have one name."""

    def __init__(self, program: Program) -> None:
        self.program, self.graph = program, program.graph
        self._taken: dict[str, int] = {}
        self._names: dict[int, str] = {}
        for role, numbers in (
            ("input", self.graph.inputs),
            ("feed", [feed.value for feed in self.graph.feeds]),
            ("constant", [number for _, number in self.graph.constants]),
        ):
            self._names |= {number: self._unique(f"{role}{position}") for position, number in enumerate(numbers)}
        contents = dict(self.graph.variables)
        self._names |= {number: self._unique(variable.path) for variable, number in self.graph.variables}
        for variable, number in self.graph.assigns:
            self._names.setdefault(number, f"{self._names[contents[variable]]}'")
        self._calls = {id(call): self._name_results(call) for call in self.graph.calls}
        for stage in program.stages:
            for group in stage.groups:
                for nest in group.nests:
                    self._name_the_rest(nest)

    def __getitem__(self, value: int) -> str:
        if value in self.program.lowering.parts:
            part = self.program.lowering.parts[value]
            indices = map(_part_of_axis, part.index, part.moves)
            return f"{self[part.whole]}[{','.join(indices)}]"
        return self._names[value]

    def _unique(self, name: str) -> str:
        self._taken[name] = count = self._taken.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def _name_results(self, call: Call) -> str:
        """Name what a call gives: after its source, if it is a view, else after layer and op."""
        if call.op.kind == "view" and self.program.place(call.results[0]).memory != call.results[0]:
            base = self._unique(f"{self[call.inputs[0]]}.{call.op.name}")
        else:
            layer = call.layers.partition("/")[2] or call.layers  # the outermost name is the model's
            phase = "" if call.phase == "forward" else call.phase
            base = self._unique("/".join(part for part in (phase, layer, call.op.name) if part))
        for name, number in zip(call.op.results, call.results):
            self._names.setdefault(number, base if len(call.results) == 1 else f"{base}.{name}")
        return base

    def _name_the_rest(self, nest: Nest) -> None:
        """Name what the graph does not have: steps of a rule, copies, parts of long sums, what is given out."""
        contents = {number for _, number in self.graph.variables}
        for assignment in nest.assignments:
            target = assignment.target
            if target in self._names or target in self.program.lowering.parts:
                continue
            call, letter = self.program.made_for.get(target), self.program.lowering.letters.get(target)
            if call is not None and letter is not None:
                name = self._unique(f"{self._calls[id(call)]}.{letter}")
            elif target in self.program.outputs:
                name = f"output{self.program.outputs.index(target)}"
            elif self.program.place(target).memory in contents:
                name = f"{self[self.program.place(target).memory]}'"
            else:
                word = "parts" if isinstance(assignment.body, Reduce) else "copy"
                name = self._unique(f"{self[value_of(assignment.reads()[-1])]}.{word}")
            self._names[target] = name


def _part_of_axis(index: Any, move: int) -> str:
    """An index as NumPy writes it; of a step that is repeated, with the rounds before."""
    if not isinstance(index, slice):
        return f"{index}{'+' if move > 0 else '-'}round" if move else str(index)
    start, stop = ("" if end is None else str(end) for end in (index.start, index.stop))
    return f"{start}:{stop}"


# ---------------------------------------------------------------- formulas


def formulas(nest: Nest, names: Names) -> Iterator[str]:
    """The assignments of a nest in the language of rules, with letters for its axes."""
    bound = {
        letter for a in nest.assignments for e in rules.walk(a.body) if isinstance(e, Reduce) for letter in e.letters
    }
    letters = dict(zip(nest.letters, (letter for letter in _LETTERS if letter not in bound)))
    own = tuple(map(Name, nest.letters))
    for assignment in nest.assignments:
        target = Read(str(assignment.target), own if assignment.at is None else assignment.at)
        yield f"{_text(target, letters, names)} = {_text(assignment.body, letters, names)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < _EXACT else repr(value)


def _text(expr: Expr, letters: dict[str, str], names: Names) -> str:
    def at(part: Expr, needed: int) -> str:
        level = REDUCTION if isinstance(part, Reduce) else level_of(part)
        text = _text(part, letters, names)
        return f"({text})" if level < needed else text

    def listed(parts: tuple[Expr, ...], comma: str) -> str:
        return comma.join(_text(part, letters, names) for part in parts)

    match expr:
        case Number(value):
            return _number(value)
        case Name(name):
            return letters.get(name, name)
        case Read(_, indices):
            return names[value_of(expr)] + (f"[{listed(indices, ',')}]" if indices else "")
        case rules.Call("inside", (index,)):
            return _text(index, letters, names)
        case rules.Call(function, arguments):
            return f"{function}({listed(arguments, ', ')})"
        case Binary("**", left, right):
            return f"{at(left, ATOM)}**{at(right, ATOM)}"
        case Binary("+", left, Number(value)) if value < 0:
            return f"{at(left, SUM)} - {_number(-value)}"
        case Binary("-", left, Number(value)) if value < 0:
            return f"{at(left, SUM)} + {_number(-value)}"
        case Binary(operator, left, right):
            return f"{at(left, needed_levels(operator)[0])} {operator} {at(right, needed_levels(operator)[0] + 1)}"
        case Negative(operand):
            return f"-{at(operand, PRODUCT)}"
        case Guard(condition):
            return f"[{_text(condition, letters, names)}]"
        case Reduce(kind, bound, body, extents):
            over = ",".join(f"{letter}<{extent}" for letter, extent in zip(bound, extents))
            return f"{kind}_{{{over}}} {at(body, PRODUCT)}"
    raise AssertionError(f"{expr} is no part of a resolved rule")
