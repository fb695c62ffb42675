"""Winograd's minimal filtering F(2x2, 3x3): 3x3 convolutions with 16 products where the definition has 36.

Along one axis, two neighbouring results of three taps need four products instead of six:

    y0 = d0 g0 + d1 g1 + d2 g2 = m0 + m1 + m2        m0 = (d0 - d2) g0              m1 = (d1 + d2) (g0 + g1 + g2) / 2
    y1 = d1 g0 + d2 g1 + d3 g2 = m1 - m2 - m3        m3 = (d1 - d3) g2              m2 = (d2 - d1) (g0 - g1 + g2) / 2

as matrices y = Aᵀ[(G g) ⊙ (Bᵀ d)], and along both axes of an image Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. The image is cut into
tiles of 2x2 results, which read 4x4 cells; the products of all tiles and channels are 16 matrix products

    M[k,t,o] = sum_c V[k,t,c] U[k,c,o]        k one of the 16 places of a tile, t a tile

The gradient of the image is such a convolution too, by the turned kernel. That of the kernel is the linear maps above
backwards: Ū[k,c,o] = sum_t V[k,t,c] M̄[k,t,o] with M̄ = A Ȳ Aᵀ, and w̄ = Gᵀ Ū G. Rounding is no worse than that of the
definition: fewer numbers are added. Sources: S. Winograd, Arithmetic Complexity of Computations (1980); A. Lavin and
S. Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from glassnet.autograd.spec import Spec
from glassnet.graph.ir import Call
from glassnet.kernels.nest import Lowering, Nest
from glassnet.ops.convolution import Convolution, ConvolutionKernel, ConvolutionTranspose

Matrix = Sequence[Sequence[float]]
B_T: Matrix = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G: Matrix = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
A_T: Matrix = ((1, 1, 1, 0), (0, 1, -1, -1))
_LEAST_CHANNELS = 16
"""Fewer channels make matrix products so small that the sums around them cost more than is saved."""
_TILES = 256
"""Tiles that the kernel's gradient takes together: enough for its matrix products, few enough for the cache."""


def fewer_products(call: Call, lowering: Lowering) -> list[Nest]:
    """The nests of a 3x3 convolution or of one of its gradients; none where the definition is taken."""
    op = call.op
    if not isinstance(op, (Convolution, ConvolutionTranspose, ConvolutionKernel)) or not _is_suitable(call, lowering):
        return []
    x, other, *bias = call.inputs
    (y,) = call.results
    work = _Work(lowering, y)
    if isinstance(op, ConvolutionKernel):
        border = op.border(lowering.shape(x)[1:3], op.kernel)
        return [*work.kernel_gradient(x, other, (border[0][0], border[1][0]))]
    if isinstance(op, ConvolutionTranspose):
        border = op.border(op.size, (3, 3))
        return [*work.convolved(x, other, (2 - border[0][0], 2 - border[1][0]), turned=True)]
    border = op.border(lowering.shape(x)[1:3], (3, 3))
    return [*work.convolved(x, other, (border[0][0], border[1][0]), turned=False, bias=bias)]


def _is_suitable(call: Call, lowering: Lowering) -> bool:
    """3x3 taps on neighbouring cells, 2x2 tiles that cover the result, and enough channels."""
    op, shapes = call.op, [lowering.shape(value) for value in (*call.inputs, *call.results)]
    kernel, results = (shapes[-1], shapes[1]) if isinstance(op, ConvolutionKernel) else (shapes[1], shapes[-1])
    if op.rank != 2 or op.grouped or {*op.strides, *op.dilation} != {1} or kernel[:2] != (3, 3):
        return False
    if lowering.specs[call.results[0]].dtype != "float32" or len(call.inputs) == 3 and len(shapes[2]) != 1:
        return False
    return min(kernel[2:]) >= _LEAST_CHANNELS and not any(size % 2 for size in results[1:3])


class _Work:
    """Writes the nests for one result."""

    def __init__(self, lowering: Lowering, result: int) -> None:
        self.lowering, self.result = lowering, result
        self.dtype = lowering.specs[result].dtype

    def convolved(self, x: int, w: int, border: tuple[int, int], turned: bool, bias: Sequence[int] = ()) -> Iterator[Nest]:
        """The convolution of images x with a kernel; `turned` exchanges its channels and reads it backwards."""
        (N, H, W, O), C = self.lowering.shape(self.result), self.lowering.shape(x)[-1]
        rows, columns = H // 2, W // 2
        U, V, M = self._new(16, C, O), self._new(N, 16, rows * columns, C), self._new(N, 16, rows * columns, O)
        if turned:
            w, flat = self._new(3, 3, C, O), w
            yield from self._written("w[u,v,c,o] = f[u,v,o,c]", {"f": flat}, {"w": w})
        tap = "w[{},{},c,o]" if not turned else "w[2-{},2-{},c,o]"
        yield self._transformed(G, tap, "U[{k},c,o]", (C, O), {"w": w}, {"U": U})
        cell, tile = f"x[n,2*i+{{}}-{border[0]},2*j+{{}}-{border[1]},c]", f"{columns}*i+j"
        yield self._transformed(B_T, cell, f"V[n,{{k}},{tile},c]", (N, rows, columns, C), {"x": x}, {"V": V})
        for nest in self._written("M[n,k,t,o] = sum_c V[n,k,t,c]*U[k,c,o]", {"V": V, "U": U}, {"M": M}):
            yield replace(nest, follows=True)
        place, shift = "y[n,2*i+{a},2*j+{b},o]", " + b[o]" if bias else ""
        arrays, extents = {"M": M} | {"b": number for number in bias}, (N, rows, columns, O)
        found = self._transformed(
            A_T, f"M[n,{{k}},{tile},o]", place, extents, arrays, {"y": self.result}, shift
        )
        yield replace(found, follows=True)

    def kernel_gradient(self, x: int, delta: int, border: tuple[int, int]) -> Iterator[Nest]:
        """The gradient of the kernel: first for some samples at a time, then summed."""
        (N, H, W, O), C = self.lowering.shape(delta), self.lowering.shape(x)[-1]
        rows, columns = H // 2, W // 2
        together = max(k for k in range(1, N + 1) if N % k == 0 and (k == 1 or k * rows * columns <= _TILES))
        parts, tiles = N // together, together * rows * columns
        V, D, U = self._new(parts, 16, tiles, C), self._new(parts, 16, tiles, O), self._new(parts, 16, C, O)
        sample, tile = f"{together}*m+r", f"{rows * columns}*r+{columns}*i+j"
        cell = f"x[{sample},2*i+{{}}-{border[0]},2*j+{{}}-{border[1]},c]"
        some = (parts, together, rows, columns)
        yield self._transformed(B_T, cell, f"V[m,{{k}},{tile},c]", (*some, C), {"x": x}, {"V": V}, letters="mrijc")
        error = f"e[{sample},2*i+{{}},2*j+{{}},o]"
        A = tuple(zip(*A_T))
        found = self._transformed(A, error, f"D[m,{{k}},{tile},o]", (*some, O), {"e": delta}, {"D": D}, letters="mrijo")
        yield replace(found, follows=True)
        for nest in self._written("U[m,k,c,o] = sum_t V[m,k,t,c]*D[m,k,t,o]", {"V": V, "D": D}, {"U": U}):
            yield replace(nest, follows=True)
        total = self._new(16, C, O)
        yield from self._written("T[k,c,o] = sum_m U[m,k,c,o]", {"U": U}, {"T": total})
        G_T = tuple(zip(*G))
        yield self._transformed(G_T, "T[{k},c,o]", "y[{a},{b},c,o]", (C, O), {"T": total}, {"y": self.result})

    # ------------------------------------------------------------ writing
    def _new(self, *shape: int) -> int:
        return self.lowering.new_value(Spec(shape, self.dtype))

    def _written(self, rule: str, arrays: dict[str, int], results: dict[str, int]) -> list[Nest]:
        return self.lowering.written(rule, arrays, results, {})

    def _transformed(
        self, matrix: Matrix, source: str, target: str, extents: tuple[int, ...], arrays: dict[str, int],
        results: dict[str, int], shift: str = "", letters: str = "",
    ) -> Nest:  # fmt: skip
        """target = matrix · source · matrixᵀ for every cell of the extents, as one nest."""
        letters = ",".join(letters or {2: "co", 4: "nij" + source[-2]}[len(extents)])
        height, width = len(matrix), len(matrix[0])
        statements, half = list[str](), dict[str, int]()
        for a, row in enumerate(matrix):
            for q in range(width):
                half[name := f"h{a}{q}"] = self._new(*extents)
                cells = [source.format(r, q, k=width * r + q) for r in range(width)]
                statements.append(f"{name}[{letters}] = {_combined(row, cells)}")
        for a in range(height):
            for b, row in enumerate(matrix):
                cells = [f"h{a}{q}[{letters}]" for q in range(width)]
                place = target.format(a=a, b=b, k=height * a + b)
                statements.append(f"{place} = {_combined(row, cells)}{shift}")
        nests = self._written("; ".join(statements), arrays, half | results)
        return Nest(extents, tuple(nest.assignments[0] for nest in nests))


def _combined(factors: Sequence[float], cells: Sequence[str]) -> str:
    """A sum with these factors: `d0 - d2`, `0.5*g0 + 0.5*g1`."""
    terms = [(factor, cell) for factor, cell in zip(factors, cells) if factor]
    text = "".join(f" {'-' if f < 0 else '+'} {'' if abs(f) == 1 else f'{abs(f)}*'}{cell}" for f, cell in terms)
    return text.removeprefix(" + ") if not text.startswith(" - ") else "-" + text.removeprefix(" - ")
