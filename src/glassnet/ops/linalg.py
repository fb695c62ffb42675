r"""Products of matrices: `linear` (a dense layer's mathematics), `matmul`, and their general form `einsum`.

Letters: N samples, I inputs, O outputs. Everything here follows from one identity. For Y = X W and any cotangent G of
the shape of Y, a small change of the inputs changes the result's inner product with G by

    <G, dX W> + <G, X dW>  =  <G Wᵀ, dX> + <Xᵀ G, dW>,

so the cotangent of X is G Wᵀ and the cotangent of W is Xᵀ G: multiply by the other factor, transposed, on the same
side.
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from typing import Any

from glassnet.autograd.op import Op, apply, operand
from glassnet.autograd.operators import F
from glassnet.autograd.spec import Spec
from glassnet.config import epsilon as default_epsilon
from glassnet.errors import ArgumentError, ShapeError
from glassnet.ops.shape import expand_dims, ordered_axes, ravel, squeeze, transpose

__all__ = ["dot", "einsum", "linear", "matmul", "normalize", "outer", "tensordot"]


def _rows(x: Any) -> Any:
    """All leading axes as one axis of samples."""
    return x if len(x.shape) == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _transposed_product(x: Any, g: Any) -> Any:
    """The product xᵀ g; of a single sample it is an outer product, twice as fast without BLAS."""
    return x.T * g if x.shape[0] == 1 else x.T @ g


def _product(xp: Any, a: Any, b: Any, out: Any = None) -> Any:
    """Matrix product; many matrices times one are a single product of all their rows, which is up to twice as fast."""
    if a.ndim <= 2 or b.ndim != 2:
        return xp.matmul(a, b, out=out)
    y = xp.empty((*a.shape[:-1], b.shape[1]), a.dtype) if out is None else out
    xp.matmul(_rows(a), b, out=_rows(y))
    return y


class Linear(Op):
    r"""y = x w + b, the weighted sums of a dense layer, in one pass.

    Derivation, with L the loss and ȳ = ∂L/∂y:

    1. One cell: y[n,o] = Σᵢ x[n,i] w[i,o] + b[o].
    2. x[n,i] enters every y[n,o] with factor w[i,o], so x̄[n,i] = Σₒ ȳ[n,o] w[i,o]: x̄ = ȳ wᵀ.
    3. w[i,o] enters y[n,o] of every sample n with factor x[n,i], so w̄[i,o] = Σₙ x[n,i] ȳ[n,o]: w̄ = xᵀ ȳ.
    4. b[o] enters y[n,o] of every sample with factor 1, so b̄[o] = Σₙ ȳ[n,o]: a sum over the batch.

    The bias is not saved: no cotangent reads it. Source: Nielsen, Neural Networks and Deep Learning, ch. 2, BP1-BP4.
    """

    formula = r"y = x\,w + b"
    gradient = (r"\bar x = \bar y\,w^\top", r"\bar w = x^\top \bar y", r"\bar b = \sum_n \bar y_n")
    rule = "y[...,o] = sum_i x[...,i]*w[i,o] + b[o]"
    kind = "contraction"
    saves = ("x", "w")

    def forward(self, xp: Any, x: Any, w: Any, b: Any, out: Any = None) -> Any:
        y = _product(xp, x, w, out)
        y += b
        return y

    def vjp(self, F: Any, g: Any, y: Any, x: Any, w: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        return (
            F.matmul(g, w.T) if needed[0] else None,
            _transposed_product(_rows(x), _rows(g)) if needed[1] else None,
            _rows(g).sum(axis=0) if needed[2] else None,
        )

    def compose(self, F: Any, x: Any, w: Any, b: Any) -> Any:
        return x @ w + b


def linear(x: Any, w: Any, b: Any) -> Any:
    """Weighted sums and bias, x w + b, of a dense layer.

    Arguments:
        x: shape (N, ..., I).
        w: shape (I, O).
        b: shape (O,).

    Returns: shape (N, ..., O).

    >>> linear(np.array([[1.0, 2.0]]), np.array([[10.0], [100.0]]), np.array([0.5]))
    array([[210.5]])
    """
    x = operand(x)
    if len(x.shape) < 2:
        raise ShapeError(
            "linear: x has no batch axis",
            expected="shape (N, ..., I)",
            received=f"shape {tuple(x.shape)}",
            fix="x[None]",
        )
    return apply(Linear(), x, w, b)


class Matmul(Op):
    r"""Matrix product y = a b over the last two axes, with leading axes broadcast.

    1. One cell: y[n,o] = Σᵢ a[n,i] b[i,o].
    2. By the identity at the top of this file ā = ȳ bᵀ and b̄ = aᵀ ȳ.
    3. Leading axes are independent copies. Where one side was broadcast over such an axis, its cotangent is summed
       over the copies.
    """

    formula = r"y = a\,b"
    gradient = (r"\bar a = \bar y\,b^\top", r"\bar b = a^\top \bar y")
    rule = "y[...,n,o] = sum_i a[...,n,i]*b[...,i,o]"
    kind = "contraction"
    saves = ("a", "b")

    def forward(self, xp: Any, a: Any, b: Any, out: Any = None) -> Any:
        return _product(xp, a, b, out)

    def vjp(self, F: Any, g: Any, y: Any, a: Any, b: Any, needed: tuple[bool, ...]) -> Any:
        a_bar = F.sum_to(F.matmul(g, F.swapaxes(b, -1, -2)), a.shape) if needed[0] else None
        if not needed[1]:
            return a_bar, None
        if len(b.shape) == 2:  # one matrix behind every copy: the rows of all copies at once
            return a_bar, _rows(a).T @ _rows(g)
        return a_bar, F.sum_to(F.swapaxes(a, -1, -2) @ g, b.shape)


def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes; a vector on either side is taken as one row or column.

    Arguments:
        x1: shape (..., N, I) or (I,).
        x2: shape (..., I, O) or (I,).

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    x1, x2 = operand(x1), operand(x2)
    if len(x1.shape) >= 2 and len(x2.shape) >= 2:
        return apply(Matmul(), x1, x2)
    rows = expand_dims(x1, 0) if len(x1.shape) == 1 else x1
    columns = expand_dims(x2, -1) if len(x2.shape) == 1 else x2
    y = apply(Matmul(), rows, columns)
    if len(x2.shape) == 1:
        y = squeeze(y, -1)
    return squeeze(y, -1 if len(x2.shape) == 1 else -2) if len(x1.shape) == 1 else y


# ---------------------------------------------------------------- sums of products over named axes


class Einsum(Op):
    r"""Sum of products over named axes, for two arrays: "ni,io->no" is the matrix product.

    1. Every letter is an axis. Y[out] = Σ A[a] B[b], summed over the letters that are not in `out`.
    2. A[a] enters every Y[out] with factor B[b], so Ā[a] = Σ Ȳ[out] B[b], summed over the letters that are not in a:
       again a sum of products, with the three names exchanged: "out,b->a".
    3. In the same way B̄ is "out,a->b".

    Each letter of one array is also in the other or in `out`; the function `einsum` sums the others first. Letters in
    both arrays and not in `out` make it a matrix product, once the axes are in order.
    """

    gradient = (r"\bar A = \sum \bar Y\,B", r"\bar B = \sum \bar Y\,A")
    kind = "contraction"
    outputs = ("Y",)
    saves = ("A", "B")

    subscripts: str

    @property
    def letters(self) -> tuple[str, str, str]:
        """The letters of A, of B and of the result."""
        inputs, out = self.subscripts.split("->")
        a, b = inputs.split(",")
        return a, b, out

    def rule_for(self, A: Spec, B: Spec) -> str:
        a, b, out = self.letters
        summed = "".join(dict.fromkeys(c for c in a + b if c not in out))
        return f"Y[{','.join(out)}] = {f'sum_{summed} ' if summed else ''}A[{','.join(a)}]*B[{','.join(b)}]"

    def forward(self, xp: Any, A: Any, B: Any) -> Any:
        a, b, out = self.letters
        both = [c for c in a if c in b and c in out]
        inner = [c for c in a if c in b and c not in out]
        rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]
        if not inner or not (rows or columns):
            return xp.einsum(self.subscripts, A, B)
        y = xp.matmul(_matrices(A, a, both, rows, inner), _matrices(B, b, both, inner, columns))
        order = [*both, *rows, *columns]
        sizes = dict(zip(a + b, A.shape + B.shape))
        return y.reshape([sizes[c] for c in order]).transpose([order.index(c) for c in out])

    def vjp(self, F: Any, g: Any, y: Any, A: Any, B: Any, needed: tuple[bool, ...]) -> Any:
        a, b, out = self.letters
        return (
            F.einsum(f"{out},{b}->{a}", g, B) if needed[0] else None,
            F.einsum(f"{out},{a}->{b}", g, A) if needed[1] else None,
        )


def _matrices(x: Any, letters: str, *groups: list[str]) -> Any:
    """The axes of x in the order of three groups of letters, each group as one axis."""
    ordered = x.transpose([letters.index(c) for group in groups for c in group])
    return ordered.reshape([math.prod([x.shape[letters.index(c)] for c in group]) for group in groups])


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum of products over named axes (Einstein's notation), two arrays after the other from the left.

    Arguments:
        subscripts: one letter per axis, such as "ni,io->no"; letters that the result does not name are summed.
            Without "->" the result has the letters that occur once, in alphabetical order. `...` stands for any leading
            axes. A letter twice in one array (a diagonal) is not supported.

    >>> einsum("ni,io->no", np.array([[1.0, 2.0]]), np.array([[10.0], [100.0]]))
    array([[210.]])
    """
    arrays = [operand(x) for x in operands]
    terms, out = _parse(subscripts, tuple([len(x.shape) for x in arrays]))
    letters, result = terms[0], arrays[0]
    for position in range(1, len(terms)):
        later = out + "".join(terms[position + 1 :])
        other, x = terms[position], arrays[position]
        letters, result = _sum_out(letters, result, later + other)
        other, x = _sum_out(other, x, later + letters)
        kept = "".join(dict.fromkeys(c for c in letters + other if c in later))
        new = out if position == len(terms) - 1 else kept
        letters, result = new, apply(Einsum(f"{letters},{other}->{new}"), result, x)
    letters, result = _sum_out(letters, result, out)
    return result if letters == out else transpose(result, [letters.index(c) for c in out])


def _sum_out(letters: str, x: Any, needed: str) -> tuple[str, Any]:
    """Sum over the letters that nobody needs."""
    axes = tuple(axis for axis, c in enumerate(letters) if c not in needed)
    return "".join(c for c in letters if c in needed), F.sum(x, axes) if axes else x


@functools.lru_cache(maxsize=1024)
def _parse(subscripts: str, ranks: tuple[int, ...]) -> tuple[list[str], str]:
    """The letters of every array and of the result, with `...` written out in letters of its own."""
    text = subscripts.replace(" ", "")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    free = [c for c in string.ascii_letters if c not in text and c not in "ABY"]  # A, B and Y are arrays in the rule
    renamed = {c: free.pop() for c in "ABY" if c in text}
    leading = max([0, *(rank - len(term) + 3 for term, rank in zip(terms, ranks) if "..." in term)])
    dots = "".join(free[:leading])
    full = []
    for term, rank in zip(terms, ranks):
        own = rank - len(term) + 3 if "..." in term else 0
        full.append(_renamed(term.replace("...", dots[leading - own :]), renamed))
    if not arrow:
        once = sorted(c for c in set(left) if left.count(c) == 1 and c.isalpha())
        out = ("..." if dots else "") + "".join(once)
    out = _renamed(out.replace("...", dots), renamed)
    _check(subscripts, full, ranks, len(terms), out)
    return full, out


def _renamed(term: str, names: dict[str, str]) -> str:
    return "".join(names.get(c, c) for c in term)


def _check(subscripts: str, terms: list[str], ranks: tuple[int, ...], count: int, out: str) -> None:
    """Refuse subscripts that do not fit the arrays, or that need a diagonal."""
    problem = None
    if count != len(ranks):
        problem = f"{count} groups of letters for {len(ranks)} arrays"
    elif (wrong := next((i for i, term in enumerate(terms) if len(term) != ranks[i]), None)) is not None:
        problem = f"array {wrong} has {ranks[wrong]} axes"
    elif not all(c in string.ascii_letters for term in [*terms, out] for c in term):
        problem = "something that is neither a letter, a comma, `...` nor `->`"
    elif any(len(set(term)) < len(term) for term in [*terms, out]):
        problem = "a letter twice in one group; diagonals and traces are not supported"
    elif not set(out) <= set("".join(terms)):
        problem = "a letter in the result that no array has"
    if problem:
        raise ArgumentError(
            "einsum: the subscripts do not fit the arrays",
            expected="one letter per axis, such as 'ni,io->no'",
            received=f"{subscripts!r}: {problem}",
        )


# ---------------------------------------------------------------- other names of products


def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Any:
    """Sum of products over pairs of axes; the result has the other axes of x1, then those of x2.

    Arguments:
        axes: how many of the last axes of x1 and first axes of x2; or two lists of axes, paired in order.

    >>> tensordot(np.ones((2, 3)), np.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    x1, x2 = operand(x1), operand(x2)
    n1, n2 = len(x1.shape), len(x2.shape)
    pairs = (range(n1 - axes, n1), range(axes)) if isinstance(axes, int) else axes
    first, second = ordered_axes(pairs[0], n1, "tensordot"), ordered_axes(pairs[1], n2, "tensordot")
    if len(set(first)) != len(second) or len(set(second)) != len(first):
        raise ArgumentError(
            "tensordot: every summed axis of x1 needs one of x2",
            received=f"axes={axes} for shapes {tuple(x1.shape)} and {tuple(x2.shape)}",
        )
    a, b = list(string.ascii_lowercase[:n1]), list(string.ascii_lowercase[n1 : n1 + n2])
    for i, j in zip(first, second):
        b[j] = a[i]
    out = [c for c in a if c not in b] + [c for c in b if c not in a]
    return einsum(f"{''.join(a)},{''.join(b)}->{''.join(out)}", x1, x2)


def dot(x1: Any, x2: Any) -> Any:
    """NumPy's dot: the product of numbers, vectors and matrices; x2's axis before the last is summed over.

    >>> dot(np.array([[1.0, 2.0]]), np.array([10.0, 100.0]))
    array([210.])
    """
    x1, x2 = operand(x1), operand(x2)
    if not x1.shape or not x2.shape:
        return F.multiply(x1, x2)
    return matmul(x1, x2) if len(x2.shape) <= 2 else tensordot(x1, x2, (-1, -2))


def outer(x1: Any, x2: Any) -> Any:
    """Every cell of x1 (a row each) times every cell of x2 (a column each).

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    return F.multiply(expand_dims(ravel(x1), 1), ravel(x2))


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """Vectors along `axis` divided by their length.

    Arguments:
        order: the length is (Σ |x|^order)^(1/order): 2 is the usual one, 1 the sum of sizes.
        epsilon: the least length that is divided by (1e-7 by default), so that zeros stay zeros.

    >>> normalize(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """
    if not isinstance(order, int) or order < 1:
        raise ArgumentError("normalize: order is a whole number of at least 1", received=f"order={order}")
    least = default_epsilon() if epsilon is None else epsilon
    x = operand(x)
    # the largest size first: its powers would overflow, and it cancels, so it may count as a constant
    size = F.stop_gradient(F.maximum(F.max(F.abs(x), axis, keepdims=True), least))
    x = F.divide(x, size)
    power = F.maximum(F.sum(F.power(F.abs(x), order), axis, keepdims=True), F.power(F.divide(least, size), order))
    return F.divide(x, F.power(power, 1 / order))
