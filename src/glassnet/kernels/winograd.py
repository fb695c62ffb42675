"""Winograd's minimal filtering: 3x3 convolutions with 16 products per 2x2 results where the definition has 36.

Along one axis, two neighbouring results of three taps need four products instead of six:

    y0 = d0 g0 + d1 g1 + d2 g2 = m0 + m1 + m2        m0 = (d0 - d2) g0              m1 = (d1 + d2) (g0 + g1 + g2) / 2
    y1 = d1 g0 + d2 g1 + d3 g2 = m1 - m2 - m3        m3 = (d1 - d3) g2              m2 = (d2 - d1) (g0 - g1 + g2) / 2

as matrices y = Aᵀ[(G g) ⊙ (Bᵀ d)], and along both axes of an image Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. The image is cut into
tiles of 2x2 results, which read 4x4 cells; the products of all tiles and channels are 16 matrix products

    M[k,t,o] = sum_c V[k,t,c] U[k,c,o]        k one of the 16 places of a tile, t a tile

The gradient of the image is such a convolution too, by the turned kernel. That of the kernel is the linear maps above
backwards: Ū[k,c,o] = sum_t V[k,t,c] M̄[k,t,o] with M̄ = A Ȳ Aᵀ, and w̄ = Gᵀ Ū G. Rounding is that of the definition, up
to a factor of two either way. With tiles of 4x4 results (36 products instead of 144) the maps have larger factors, and
rounding is about ten times the definition's: `gn.config.set_convolution_tile(4)` asks for them. NaN stays with the
results that read it; an infinity becomes NaN. Sources: S. Winograd, Arithmetic Complexity of Computations
(1980); A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks (2016), sections 4.1 and 4.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from glassnet import config
from glassnet.autograd.spec import Spec
from glassnet.graph.ir import Call
from glassnet.kernels.nest import Lowering, Nest
from glassnet.ops.convolution import Convolution, ConvolutionKernel, ConvolutionTranspose, Sizes

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Tile:
    """How `size` neighbouring results of three taps are computed: Aᵀ[(G g) ⊙ (Bᵀ d)]."""

    size: int
    B_T: Matrix
    G: Matrix
    A_T: Matrix

    @property
    def places(self) -> int:
        """Products per tile of an image."""
        return len(self.G) ** 2

    def areas(self, size: int) -> list[tuple[int, int, int]]:
        """An axis of results as tiles: (first tile, how many, results of each); the last tile may reach beyond the axis.

        >>> TILES[2].areas(13)
        [(0, 6, 2), (6, 1, 1)]
        """
        whole, rest = divmod(size, self.size)
        return [area for area in ((0, whole, self.size), (whole, 1, rest)) if area[1] and area[2]]


TILES = {
    2: Tile(
        2,
        B_T=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        G=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
        A_T=((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
    4: Tile(
        4,
        B_T=((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0),
             (0, 4, 0, -5, 0, 1)),
        G=((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6),
           (1 / 24, -1 / 12, 1 / 6), (0, 0, 1)),
        A_T=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    ),
}  # fmt: skip
_LEAST_CHANNELS = 16
"""Fewer channels make matrix products so small that the sums around them cost more than is saved."""
_LEAST_IMAGES = 8
"""Images are what threads share; fewer of them are shared row by row, which the definition allows."""
_TOGETHER = 256
"""Tiles that the kernel's gradient takes together: enough for its matrix products, few enough for the cache."""


def fewer_products(call: Call, lowering: Lowering) -> list[Nest]:
    """The nests of a 3x3 convolution or of one of its gradients; none where the definition is taken."""
    op = call.op
    if not isinstance(op, (Convolution, ConvolutionTranspose, ConvolutionKernel)) or not _is_suitable(
        op, call, lowering
    ):
        return []
    x, other, *bias = call.inputs
    (y,) = call.results
    work = _Work(lowering, y, TILES[config.convolution_tile()])
    if isinstance(op, ConvolutionKernel):
        border = op.border(lowering.shape(x)[1:3], op.kernel)
        return [*work.kernel_gradient(x, other, (border[0][0], border[1][0]))]
    if isinstance(op, ConvolutionTranspose):
        border = op.border(op.size, (3, 3))
        return [*work.convolved(x, other, (2 - border[0][0], 2 - border[1][0]), turned=True)]
    border = op.border(lowering.shape(x)[1:3], (3, 3))
    return [*work.convolved(x, other, (border[0][0], border[1][0]), turned=False, bias=bias)]


def _is_suitable(op: Convolution | ConvolutionTranspose | ConvolutionKernel, call: Call, lowering: Lowering) -> bool:
    """3x3 taps on neighbouring cells, enough channels and images, and one bias per channel."""
    shapes = [lowering.shape(value) for value in (*call.inputs, *call.results)]
    kernel = shapes[-1] if isinstance(op, ConvolutionKernel) else shapes[1]
    return (
        config.convolution_tile() in TILES
        and lowering.specs[call.results[0]].dtype == "float32"
        and (op.rank, op.grouped, {*op.strides, *op.dilation}, kernel[:2]) == (2, False, {1}, (3, 3))
        and min(kernel[2:]) >= _LEAST_CHANNELS
        and shapes[0][0] >= _LEAST_IMAGES
        and all(len(shape) == 1 for shape in shapes[2:-1])
    )


class _Work:
    """Writes the nests for one result."""

    def __init__(self, lowering: Lowering, result: int, tile: Tile) -> None:
        self.lowering, self.result, self.tile = lowering, result, tile
        self.dtype = lowering.specs[result].dtype

    def convolved(self, x: int, w: int, border: Sizes, turned: bool, bias: Sequence[int] = ()) -> Iterator[Nest]:
        """The convolution of images x with a kernel; `turned` exchanges its channels and reads it backwards."""
        (N, H, W, filters), C, tile = self.lowering.shape(self.result), self.lowering.shape(x)[-1], self.tile
        K, m, rows, columns = tile.places, tile.size, -(-H // tile.size), -(-W // tile.size)
        U, V, M = self._new(K, C, filters), self._new(N, K, rows * columns, C), self._new(N, K, rows * columns, filters)
        tap = "w[{r},{q},c,o]"
        if turned:
            tap, flat, w = "w[2-{r},2-{q},c,o]", w, self._new(3, 3, C, filters)
            yield from self._written("w[u,v,c,o] = f[u,v,o,c]", {"f": flat}, {"w": w})
        yield self._transformed((tile.G, tile.G), tap, "U[{k},c,o]", {"c": C, "o": filters}, {"w": w}, {"U": U})
        cell, whole = f"x[n,{m}*i+{{r}}-{border[0]},{m}*j+{{q}}-{border[1]},c]", {"n": N, "i": rows, "j": columns}
        maps, place = (tile.B_T, tile.B_T), f"V[n,{{k}},{columns}*i+j,c]"
        yield self._transformed(maps, cell, place, whole | {"c": C}, {"x": x}, {"V": V})
        for nest in self._written("M[n,k,t,o] = sum_c V[n,k,t,c]*U[k,c,o]", {"V": V, "U": U}, {"M": M}):
            yield replace(nest, follows=True)
        arrays, shift = {"M": M} | dict(zip("b", bias)), " + b[o]" if bias else ""
        for (top, height, down), (left, width, across) in itertools.product(tile.areas(H), tile.areas(W)):
            product = f"M[n,{{k}},{columns}*i+j+{columns * top + left},o]"
            place = f"y[n,{m}*i+{m * top}+{{a}},{m}*j+{m * left}+{{b}},o]"
            maps, area = (tile.A_T[:down], tile.A_T[:across]), {"n": N, "i": height, "j": width, "o": filters}
            yield replace(
                self._transformed(maps, product, place, area, arrays, {"y": self.result}, shift), follows=True
            )

    def kernel_gradient(self, x: int, delta: int, border: Sizes) -> Iterator[Nest]:
        """The gradient of the kernel: first for some samples at a time, then summed."""
        (N, H, W, filters), C, tile = self.lowering.shape(delta), self.lowering.shape(x)[-1], self.tile
        K, m, rows, columns = tile.places, tile.size, -(-H // tile.size), -(-W // tile.size)
        some = max(s for s in range(1, N + 1) if N % s == 0 and (s == 1 or s * rows * columns <= _TOGETHER))
        V, D = (self._new(N // some, K, some * rows * columns, channels) for channels in (C, filters))
        S, U = self._new(N // some, K, C, filters), self._new(K, C, filters)
        place = f"[p,{{k}},{rows * columns}*s+{columns}*i+j,"
        cells = {"p": N // some, "s": some, "i": rows, "j": columns}
        cell = f"x[{some}*p+s,{m}*i+{{r}}-{border[0]},{m}*j+{{q}}-{border[1]},c]"
        yield self._transformed((tile.B_T, tile.B_T), cell, f"V{place}c]", cells | {"c": C}, {"x": x}, {"V": V})
        A, error = tuple(zip(*tile.A_T)), f"e[{some}*p+s,{m}*i+{{r}},{m}*j+{{q}},o]"
        found = self._transformed((A, A), error, f"D{place}o]", cells | {"o": filters}, {"e": delta}, {"D": D})
        yield replace(found, follows=True)
        for nest in self._written("S[p,k,c,o] = sum_t V[p,k,t,c]*D[p,k,t,o]", {"V": V, "D": D}, {"S": S}):
            yield replace(nest, follows=True)
        yield from self._written("U[k,c,o] = sum_p S[p,k,c,o]", {"S": S}, {"U": U})
        G_T, taps = tuple(zip(*tile.G)), {"c": C, "o": filters}
        yield self._transformed((G_T, G_T), "U[{k},c,o]", "y[{a},{b},c,o]", taps, {"U": U}, {"y": self.result})

    # ------------------------------------------------------------ writing
    def _new(self, *shape: int) -> int:
        return self.lowering.new_value(Spec(shape, self.dtype))

    def _written(self, rule: str, arrays: dict[str, int], results: dict[str, int]) -> list[Nest]:
        return self.lowering.written(rule, arrays, results, {})

    def _transformed(
        self, matrices: tuple[Matrix, Matrix], source: str, target: str, cells: dict[str, int],
        arrays: dict[str, int], results: dict[str, int], shift: str = "",
    ) -> Nest:  # fmt: skip
        """A nest for target = matrix · source · matrixᵀ for each of these cells.

        Places of the source are r, q and k = (number of columns) r + q; places of the target a, b and likewise k.
        """
        down, across = matrices
        letters, extents = ",".join(cells), tuple(cells.values())
        inner, width, statements, half = len(down[0]), len(across[0]), list[str](), dict[str, int]()
        for a, q in itertools.product(range(len(down)), range(width)):
            half[f"h{a}{q}"] = self._new(*extents)
            column = [source.format(r=r, q=q, k=width * r + q) for r in range(inner)]
            statements.append(f"h{a}{q}[{letters}] = {_combined(down[a], column)}")
        for a, b in itertools.product(range(len(down)), range(len(across))):
            row = [f"h{a}{q}[{letters}]" for q in range(width)]
            place = target.format(a=a, b=b, k=len(across) * a + b)
            statements.append(f"{place} = {_combined(across[b], row)}{shift}")
        nests = self._written("; ".join(statements), arrays, half | results)
        return Nest(extents, tuple(nest.assignments[0] for nest in nests))


def _combined(factors: Sequence[float], cells: Sequence[str]) -> str:
    """A sum of cells with these factors.

    >>> _combined((0.5, 0, -1), ("x[0]", "x[1]", "x[2]"))
    '0.5*x[0] - x[2]'
    """
    terms = [(factor, cell) for factor, cell in zip(factors, cells) if factor]
    signed = [f"{'-' if f < 0 else '+'} {'' if abs(f) == 1 else f'{abs(f)}*'}{cell}" for f, cell in terms]
    return " ".join(signed).removeprefix("+ ")
