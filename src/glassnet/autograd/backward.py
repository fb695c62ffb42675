"""The reverse sweep: from a result back to the leaves, each node once, after all its consumers.

One sweep serves two purposes. On raw arrays nothing is recorded: this is training. On Tensors the same `vjp` lines
are recorded or traced: second derivatives, and the backward half of a traced step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.autograd.state import STATE, recording
from glassnet.autograd.tensor import Leaf, Node, Output, Tensor, as_tensor, wrap
from glassnet.errors import GradientError, ShapeError


def backward(result: Tensor, gradient: Any, create_graph: bool) -> None:
    """Add the gradient of `result` to every tracked leaf."""
    cotangents = pullback([result], [gradient], None, create_graph)
    for node, cotangent in cotangents.items():
        if isinstance(node, Leaf):
            if not create_graph and type(cotangent) is Tensor and not cotangent.is_symbolic:
                cotangent = cotangent.data  # a sweep that hooks watched
            node.grad = cotangent if node.grad is None else node.grad + cotangent


def pullback(
    results: list[Tensor], gradients: list[Any], targets: Iterable[Node] | None, create_graph: bool
) -> dict[Node, Any]:
    """Cotangents of the target nodes (of all leaves when `targets` is None).

    They are raw arrays, or Tensors when `create_graph` is set, a trace is running or hooks want to see every operation.
    """
    on_tensors = create_graph or STATE.tracer is not None or bool(STATE.hooks)
    roots: list[tuple[Node, Any]] = []
    for result, gradient in zip(results, gradients, strict=True):
        if result.creator is not None and result.creator.tracked:
            roots.append((result.creator, _seed(result, gradient, on_tensors)))
    before = STATE.phase, STATE.recording
    STATE.phase, STATE.recording = "backward", create_graph
    try:
        return _Sweep(on_tensors, create_graph, targets).run(roots)
    finally:
        STATE.phase, STATE.recording = before


def _seed(result: Tensor, gradient: Any, on_tensors: bool) -> Any:
    if gradient is None:
        if result.shape not in ((), (1,)):
            raise GradientError(
                "backward() of a tensor with more than one element needs a cotangent",
                expected="a scalar, or gradient=array of the same shape",
                received=f"shape {result.shape}",
                fix="reduce to a scalar first: loss.mean() or loss.sum()",
            )
        if not on_tensors and not result.shape:
            return result.dtype.type(1)
        gradient = np.ones(result.shape, result.dtype)
    elif not isinstance(gradient, Tensor):
        gradient = np.array(gradient)  # a copy: the caller may change his
    cotangent = as_tensor(gradient)
    if cotangent.shape != result.shape:
        raise ShapeError(
            "backward(): the cotangent has the wrong shape", expected=result.shape, received=cotangent.shape
        )
    if cotangent.dtype != result.dtype:
        cotangent = F.cast(cotangent, result.dtype)
    return cotangent if on_tensors else cotangent.data


def _order(roots: Iterable[Node]) -> list[Node]:
    """All tracked nodes behind the roots except leaves, each before its parents (Kahn's algorithm: no recursion)."""
    waiting = dict.fromkeys(roots, 0)
    stack = list(waiting)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent.tracked and parent.parents:
                if parent in waiting:
                    waiting[parent] += 1
                else:
                    waiting[parent] = 1
                    stack.append(parent)
    order = [node for node, consumers in waiting.items() if consumers == 0]
    for node in order:  # grows while it is walked
        for parent in node.parents:
            if parent in waiting:
                waiting[parent] -= 1
                if waiting[parent] == 0:
                    order.append(parent)
    return order


def _leading_to(order: list[Node], targets: set[Node]) -> set[Node]:
    """The nodes of which some target is an ancestor (or which are targets themselves)."""
    useful = set(targets)
    for node in reversed(order):
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    return useful


class _Sweep:
    """One reverse pass: the cotangent of every visited node, and which of them the pass may add to in place."""

    def __init__(self, on_tensors: bool, create_graph: bool, targets: Iterable[Node] | None) -> None:
        self.on_tensors, self.create_graph = on_tensors, create_graph
        self.targets = None if targets is None else set(targets)
        self.cotangents: dict[Node, Any] = {}
        self.owned: set[Node] = set()

    def run(self, roots: list[tuple[Node, Any]]) -> dict[Node, Any]:
        for node, cotangent in roots:
            self.add(node, cotangent)
        order = _order(list(self.cotangents))
        useful = None if self.targets is None else _leading_to(order, self.targets)
        for node in order:
            cotangent = self.cotangents.get(node)
            if cotangent is None or not node.parents or (useful is not None and node not in useful):
                continue
            if self.targets is None or node not in self.targets:
                del self.cotangents[node]
            if type(node) is Output:
                self.collect_output(node, cotangent)
            else:
                self.step(node, cotangent, useful)
        if self.targets is not None:
            return {node: c for node, c in self.cotangents.items() if node in self.targets}
        return self.cotangents

    def add(self, node: Node, cotangent: Any) -> None:
        """The first contribution is taken as it is, the second allocates the sum, further ones add in place."""
        old = self.cotangents.get(node)
        if old is None:
            self.cotangents[node] = cotangent
        elif self.on_tensors:
            self.cotangents[node] = F.add(old, cotangent)
        elif node in self.owned and type(old) is np.ndarray:
            np.add(old, cotangent, out=old)
        else:
            self.cotangents[node] = old + cotangent
            self.owned.add(node)

    def collect_output(self, node: Output, cotangent: Any) -> None:
        """Put the cotangent of one of several outputs into its place beside the others."""
        (parent,) = node.parents
        assert parent is not None
        collected = self.cotangents.setdefault(parent, [None] * len(parent.op.outputs))
        old = collected[node.position]  # the op's own saved output may have been used as well
        collected[node.position] = cotangent if old is None else old + cotangent

    def step(self, node: Node, cotangent: Any, useful: set[Node] | None) -> None:
        """Run one vjp and hand its results to the parents."""
        needed, op, parents, inputs = [], node.op, node.parents, node.inputs
        for parent, x in zip(parents, inputs):
            if parent is None:
                needed.append(False)
                continue
            needed.append(parent.tracked and x.dtype.kind == "f" and (useful is None or parent in useful))
            if parent.base is not None and parent.base.changed_at > node.stamp:
                _check_version(node, parent.base, x)
        if len(op.outputs) > 1:
            cotangent = tuple(cotangent)
        if self.on_tensors:
            found = self.vjp_on_tensors(node, cotangent, tuple(needed))
        else:
            found = run_vjp(op, cotangent, node.results, inputs, tuple(needed))
        for parent, need, x, g in zip(parents, needed, inputs, found):
            if need and g is not None:
                if g.shape != x.shape or g.dtype != x.dtype:
                    g = self.fitted(node, g, x)
                if parent in self.cotangents:
                    self.add(parent, g)
                else:
                    self.cotangents[parent] = g  # type: ignore[index]  # what is needed has a parent

    def vjp_on_tensors(self, node: Node, cotangent: Any, needed: tuple[bool, ...]) -> tuple[Any, ...]:
        """The same vjp on Tensors, which are recorded, traced or observed."""
        op, inputs, results = node.op, node.inputs, node.results
        if self.create_graph and op.order == 1:
            return _vjp_of_compose(node, cotangent, needed)
        names = op.inputs if len(op.inputs) == len(inputs) else op.inputs * len(inputs)
        inputs = tuple([self.as_input(x, n in op.saves, p) for x, n, p in zip(inputs, names, node.parents)])
        results = tuple(
            [self.as_result(y, n in op.saves, node, i) for i, (y, n) in enumerate(zip(results, op.results))]
        )
        if STATE.hooks:
            return _observed_vjp(node, cotangent, results, inputs, needed)
        return run_vjp(op, cotangent, results, inputs, needed)

    @staticmethod
    def as_input(x: Any, kept: bool, parent: Node | None) -> Any:
        return wrap(x, parent) if kept else Spec.of(x)

    @staticmethod
    def as_result(y: Any, kept: bool, node: Node, position: int) -> Any:
        if not kept:
            return Spec.of(y)
        if len(node.op.outputs) == 1 and position == 0:
            return wrap(y, node)
        return wrap(y, Output(node, position) if position < len(node.op.outputs) else None)

    def fitted(self, node: Node, g: Any, spec: Spec) -> Any:
        """Undo broadcasting for an element-wise op; any other mismatch is a mistake in the vjp."""
        if g.dtype != spec.dtype or node.op.kind != "elementwise":
            raise GradientError(
                f"{node.op.name}: its vjp returned a cotangent that does not fit the input",
                expected=f"shape {spec.shape}, dtype {spec.dtype}",
                received=f"shape {tuple(g.shape)}, dtype {g.dtype}",
            )
        return F.sum_to(g, spec.shape)


def run_vjp(
    op: Any, g: Any, results: tuple[Any, ...], inputs: tuple[Any, ...], needed: tuple[bool, ...]
) -> tuple[Any, ...]:
    """Call `op.vjp` with its result passed alone where there is only one, and its answer always as a tuple."""
    found = op.vjp(F, g, results if len(results) > 1 else results[0], *inputs, needed=needed)
    if type(found) is not tuple:
        found = (found,)
    if len(found) != len(inputs):
        raise GradientError(
            f"{op.name}: vjp must return one cotangent per input", expected=len(inputs), received=len(found)
        )
    answers: tuple[Any, ...] = found
    return answers


def _observed_vjp(node: Node, g: Any, results: Any, inputs: Any, needed: tuple[bool, ...]) -> tuple[Any, ...]:
    before = STATE.layers
    STATE.layers = node.place.split("/") if node.place else []
    try:
        for hook in STATE.hooks:
            hook.before_vjp(node, g)
        found = run_vjp(node.op, g, results, inputs, needed)
        for hook in reversed(STATE.hooks):
            hook.after_vjp(node, g, found)
        return found
    finally:
        STATE.layers = before


def _vjp_of_compose(node: Node, g: Any, needed: tuple[bool, ...]) -> tuple[Any, ...]:
    """The vjp of a fused op through its composition, so that it can be differentiated again."""
    fresh = [F.identity(wrap(x, parent)) for x, parent in zip(node.inputs, node.parents, strict=True)]
    if not node.op.is_fused:
        raise GradientError(
            f"{node.op.name}: its vjp cannot be differentiated", expected="a compose method, or order = 2"
        )
    with recording(True):
        composed = node.op.compose(F, *fresh)
    results = list(composed) if isinstance(composed, tuple) else [composed]
    cotangents = list(g) if isinstance(g, tuple) else [g]
    paired = [(r, c) for r, c in zip(results, cotangents, strict=True) if c is not None]
    targets = [t.creator for t, need in zip(fresh, needed, strict=True) if need and t.creator is not None]
    found = pullback([r for r, _ in paired], [c for _, c in paired], targets, create_graph=True)
    return tuple(
        found.get(t.creator) if need and t.creator is not None else None for t, need in zip(fresh, needed, strict=True)
    )


def _check_version(node: Node, leaf: Leaf, x: Any) -> None:
    """A gradient through values that were overwritten since would be silently wrong: refuse it."""
    if type(x) is not Spec:
        raise GradientError(
            f"backward through {node.op.name}: {leaf.name} has been changed since it was used",
            expected="backward() before the update",
            received=f"used in {node.place}, changed at {leaf.changed_line}",
            fix="compute all gradients first, then assign",
        )
