"""Triples of float32, and the decorator that makes a function callable from CPU and CUDA kernels alike.

A function compiled for the CPU by `device` is compiled again for CUDA when a CUDA kernel calls it. Vectors are plain
tuples: LLVM keeps them in registers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
Real: TypeAlias = Any  # float32 in compiled code
Vector: TypeAlias = Any  # three float32
Table: TypeAlias = Any  # array of float32 or int32

F = np.float32

#: NaN and infinity keep their meaning; the rest may be reordered and contracted.
FAST_MATH = frozenset({"contract", "arcp", "nsz", "afn", "reassoc"})
MISS = F(1e30)
ZERO = F(0)
ONE = F(1)
BLACK = (ZERO, ZERO, ZERO)
TWO_PI = F(2 * math.pi)
INV_PI = F(1 / math.pi)


def device(function: Function) -> Function:
    """Compile lazily, without checks for division by zero (they would cost a branch each)."""
    compiled: Function = njit(error_model="numpy", fastmath=set(FAST_MATH), _nrt=False)(function)
    return compiled


@device
def add(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@device
def sub(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@device
def times(a: Vector, s: Real) -> Vector:
    return a[0] * s, a[1] * s, a[2] * s


@device
def along(origin: Vector, direction: Vector, t: Real) -> Vector:
    """origin + t * direction"""
    return origin[0] + t * direction[0], origin[1] + t * direction[1], origin[2] + t * direction[2]


@device
def product(a: Vector, b: Vector) -> Vector:
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@device
def dot(a: Vector, b: Vector) -> Real:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@device
def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@device
def unit(a: Vector) -> Vector:
    return times(a, ONE / math.sqrt(dot(a, a) + F(1e-30)))


@device
def blend(a: Vector, b: Vector, share: Real) -> Vector:
    """a where share is 0, b where it is 1"""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


@device
def smaller(a: Real, b: Real) -> Real:
    """min(a, b), which the CUDA target of some Numba releases cannot type."""
    return a if a < b else b


@device
def larger(a: Real, b: Real) -> Real:
    return a if a > b else b


@device
def clip(x: Real, low: Real, high: Real) -> Real:
    return smaller(larger(x, low), high)


@device
def smoothstep(low: Real, high: Real, x: Real) -> Real:
    t = clip((x - low) / (high - low), ZERO, ONE)
    return t * t * (F(3) - F(2) * t)


@device
def floor(x: Real) -> int:
    """math.floor would be a library call."""
    i = int(x)
    return i - 1 if F(i) > x else i


@device
def triple(table: Table, row: int, column: int) -> Vector:
    return table[row, column], table[row, column + 1], table[row, column + 2]


@device
def luminance(a: Vector) -> Real:
    return F(0.2126) * a[0] + F(0.7152) * a[1] + F(0.0722) * a[2]


@device
def basis(n: Vector) -> tuple[Vector, Vector]:
    """Two unit vectors at right angles to the unit vector `n` and to each other (Duff et al. 2017)."""
    sign = ONE if n[2] >= ZERO else -ONE
    a = -ONE / (sign + n[2])
    b = n[0] * n[1] * a
    return (ONE + sign * n[0] * n[0] * a, sign * b, -sign * n[0]), (b, sign + n[1] * n[1] * a, -n[1])
