"""Vector values with operators: `a * b + c` writes the instructions for as many numbers as a register holds.

A `Lanes` is one number per lane: float32, float64, int64, int32, uint8 or bool, `width` of them; other types are only
read and copied. Python numbers take the type of the lanes beside them. Sums of products are contracted to one rounding
(fma); nothing else is reordered, so NaN and infinity behave as in NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from glassnet.kernels.llvm import I1, I8, I16, I32, I64, POINTER, external
from glassnet.typing import DType

TYPES: dict[str, Any] = {
    "float32": ir.FloatType(), "float64": ir.DoubleType(), "int64": I64, "int32": I32, "uint8": I8, "bool": I1,
    "float16": ir.HalfType(), "int8": I8, "int16": I16, "uint16": I16, "uint32": I32, "uint64": I64,
}  # fmt: skip
_CONTRACT = ("contract",)
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


@functools.cache
def vector_type(dtype: DType, width: int) -> Any:
    """The type of a register; one lane is a scalar."""
    element = TYPES[dtype.name]
    return ir.VectorType(element, width) if width > 1 else element


@dataclass(frozen=True)
class Lanes:
    """Numbers side by side in a register."""

    builder: Any
    value: Any
    dtype: DType
    width: int

    # ------------------------------------------------------------ making
    def new(self, value: Any, dtype: DType | None = None) -> Lanes:
        """As many lanes with another content."""
        return Lanes(self.builder, value, dtype or self.dtype, self.width)

    def full(self, number: float, dtype: DType | None = None) -> Lanes:
        """The same number in every lane."""
        return full(self.builder, number, dtype or self.dtype, self.width)

    def _other(self, other: Lanes | float) -> Any:
        return other.value if isinstance(other, Lanes) else self.full(other).value

    @property
    def is_float(self) -> bool:
        """Whether the numbers are float32 or float64."""
        return self.dtype.kind == "f"

    # ------------------------------------------------------------ arithmetic
    def __add__(self, other: Lanes | float) -> Lanes:
        return self._arithmetic("add", other)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._arithmetic("sub", other)

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._arithmetic("mul", other)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._arithmetic("div", other)

    def __rsub__(self, other: float) -> Lanes:
        return self.full(other) - self

    def __rtruediv__(self, other: float) -> Lanes:
        return self.full(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Lanes:
        return self.new(self.builder.fneg(self.value)) if self.is_float else self.full(0) - self

    def _arithmetic(self, name: str, other: Lanes | float) -> Lanes:
        if self.is_float:
            return self.new(getattr(self.builder, f"f{name}")(self.value, self._other(other), flags=_CONTRACT))
        return self.new(getattr(self.builder, {"div": "sdiv"}.get(name, name))(self.value, self._other(other)))

    def truncated_rest(self, divisor: Lanes) -> Lanes:
        """What division leaves when the quotient is rounded towards 0."""
        return self.new(self.builder.frem(self.value, divisor.value))

    def fma(self, factor: Lanes, summand: Lanes) -> Lanes:
        """Self · factor + summand, rounded once where the processor can."""
        if not self.is_float:
            return self * factor + summand
        return self.intrinsic("fmuladd", factor, summand)

    def intrinsic(self, name: str, *others: Lanes) -> Lanes:
        """An LLVM intrinsic with one type throughout."""
        kind = vector_type(self.dtype, self.width)
        element = {"float32": "f32", "float64": "f64"}[self.dtype.name]
        suffix = f"v{self.width}{element}" if self.width > 1 else element
        function = external(self.builder, f"llvm.{name}.{suffix}", kind, [kind] * (1 + len(others)))
        return self.new(self.builder.call(function, [self.value, *[x.value for x in others]]))

    # ------------------------------------------------------------ comparing and choosing
    def compare(self, how: str, other: Lanes | float) -> Lanes:
        """lt, le, gt, ge, eq or ne, lane by lane; as in NumPy a NaN is unequal to everything."""
        sign, right = _SIGNS[how], self._other(other)
        if not self.is_float:
            signed = self.dtype.kind == "i"
            found = (self.builder.icmp_signed if signed else self.builder.icmp_unsigned)(sign, self.value, right)
        elif how == "ne":
            found = self.builder.fcmp_unordered(sign, self.value, right)
        else:
            found = self.builder.fcmp_ordered(sign, self.value, right)
        return self.new(found, np.dtype(bool))

    def where(self, yes: Lanes, no: Lanes) -> Lanes:
        """`yes` in the lanes where self (bool) is true, else `no`."""
        return yes.new(self.builder.select(self.value, yes.value, no.value))

    def __and__(self, other: Lanes) -> Lanes:
        return self.new(self.builder.and_(self.value, other.value))

    def __or__(self, other: Lanes) -> Lanes:
        return self.new(self.builder.or_(self.value, other.value))

    def differs(self, other: Lanes) -> Lanes:
        """Where two conditions are not the same."""
        return self.new(self.builder.xor(self.value, other.value))

    def any(self) -> Any:
        """Whether a condition holds in some lane, as one bit."""
        if self.width == 1:
            return self.value
        bits = ir.IntType(self.width)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(self.value, bits), ir.Constant(bits, 0))

    def maximum(self, other: Lanes) -> Lanes:
        """The larger one; NaN where either is NaN."""
        return (self.compare("gt", other) | self.isnan()).where(self, other)

    def minimum(self, other: Lanes) -> Lanes:
        """The smaller one; NaN where either is NaN."""
        return (self.compare("lt", other) | self.isnan()).where(self, other)

    def isnan(self) -> Lanes:
        """Where there is no number."""
        return self.compare("ne", self) if self.is_float else self.full(0, np.dtype(bool))

    # ------------------------------------------------------------ other types
    def to(self, dtype: DType) -> Lanes:
        """The same numbers in another type; true is 1."""
        if dtype == self.dtype:
            return self
        kind = vector_type(dtype, self.width)
        return self.new(self._converted(dtype, kind), dtype)

    def _converted(self, dtype: DType, kind: Any) -> Any:
        build, value = self.builder, self.value
        if dtype.kind == "b":
            return self.compare("ne", 0).value
        if dtype.kind == "f":
            if self.is_float:
                return (build.fpext if dtype.itemsize > self.dtype.itemsize else build.fptrunc)(value, kind)
            return (build.sitofp if self.dtype.kind == "i" else build.uitofp)(value, kind)
        if self.is_float:
            small = dtype.itemsize < 4  # the lowest bits of a number that fits
            return self.to(np.dtype("int32")).to(dtype).value if small else build.fptosi(value, kind)
        if dtype.itemsize <= self.dtype.itemsize and self.dtype.kind != "b":
            return build.trunc(value, kind)
        return (build.sext if self.dtype.kind == "i" else build.zext)(value, kind)

    def bits(self, dtype: DType) -> Lanes:
        """The same bits, read as another type of that size."""
        return self.new(self.builder.bitcast(self.value, vector_type(dtype, self.width)), dtype)

    def wide(self, width: int) -> Lanes:
        """One number in all of `width` lanes."""
        if self.width == width:
            return self
        empty = ir.Constant(vector_type(self.dtype, width), ir.Undefined)
        first = self.builder.insert_element(empty, self.value, I32(0))
        spread = self.builder.shuffle_vector(first, empty, _order((0,) * width))
        return Lanes(self.builder, spread, self.dtype, width)

    def element(self, lane: int) -> Any:
        """The number in one lane."""
        return self.value if self.width == 1 else self.builder.extract_element(self.value, I32(lane))

    def by_lane(self, of_lane: Callable[[int], Any]) -> Lanes:
        """As many lanes, each computed on its own."""
        if self.width == 1:
            return self.new(of_lane(0))
        value = ir.Constant(self.value.type, ir.Undefined)
        for lane in range(self.width):
            value = self.builder.insert_element(value, of_lane(lane), I32(lane))
        return self.new(value)

    def halves(self) -> tuple[Lanes, Lanes]:
        """The first and the second half of the lanes."""
        half = self.width // 2
        return self.part(0, half), self.part(half, half)

    def part(self, start: int, width: int) -> Lanes:
        """`width` lanes from `start` on."""
        if width == self.width:
            return self
        if width == 1:
            return Lanes(self.builder, self.element(start), self.dtype, 1)
        chosen = _order(tuple(range(start, start + width)))
        return Lanes(self.builder, self.builder.shuffle_vector(self.value, self.value, chosen), self.dtype, width)


def full(builder: Any, number: float, dtype: DType, width: int) -> Lanes:
    """A constant in every lane."""
    value = float(dtype.type(number)) if dtype.kind == "f" else int(number)
    return Lanes(builder, _constant(dtype, width, repr(value)), dtype, width)


@functools.cache
def _constant(dtype: DType, width: int, number: str) -> Any:
    """A constant, made once for all kernels: as text, in which 0 differs from -0."""
    value = float(number) if dtype.kind == "f" else int(number)
    return ir.Constant(vector_type(dtype, width), [value] * width if width > 1 else value)


@functools.cache
def _order(lanes: tuple[int, ...]) -> Any:
    """Which lanes a shuffle takes."""
    return ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))


def first_lanes(builder: Any, address: Any, dtype: DType, width: int, count: int) -> Lanes:
    """The first `count` lanes from memory, 0 in the others: what stands behind is not read."""
    kind, flags = vector_type(dtype, width), ir.VectorType(I1, width)
    suffix = f"v{width}{'f' if dtype.kind == 'f' else 'i'}{8 * dtype.itemsize}"
    # LLVM from 22 on prints the alignment with the address, and still reads it as an argument
    load = external(builder, f"llvm.masked.load.{suffix}.p0", kind, [POINTER, I32, flags, kind])
    mask = ir.Constant(flags, [lane < count for lane in range(width)])
    nothing = full(builder, 0, dtype, width)
    return nothing.new(builder.call(load, [address, I32(dtype.itemsize), mask, nothing.value]))


def transposed(rows: list[Lanes]) -> list[Lanes]:
    """As many registers as they have lanes, read as columns.

    Halves are exchanged between registers that lie half as far apart each time: lane j of register i ends up as lane i
    of register j, bit by bit of i and j.
    """
    width, found = rows[0].width, list(rows)
    distance = width // 2
    while distance:
        low = _order(tuple(lane if not lane & distance else width + (lane ^ distance) for lane in range(width)))
        high = _order(tuple(lane | distance if not lane & distance else width + lane for lane in range(width)))
        for i in range(width):
            if not i & distance:
                a, b, build = found[i], found[i + distance], rows[0].builder
                found[i] = a.new(build.shuffle_vector(a.value, b.value, low))
                found[i + distance] = a.new(build.shuffle_vector(a.value, b.value, high))
        distance //= 2
    return found
