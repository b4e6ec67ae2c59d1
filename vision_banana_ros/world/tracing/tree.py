"""A bounding volume hierarchy: built by the surface area heuristic, walked without a stack.

The walk keeps one bit per level that says whether the sibling of the present node is still to be visited (Hapala et
al. 2011, Barringer & Akenine-Moeller 2013), so it needs no memory of its own and is the same code on a GPU. Children
are neighbours (left 2k + 1, right 2k + 2), the nearer one is entered first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from vision_banana_ros.world.tracing.flat import reciprocal
from vision_banana_ros.world.tracing.layout import ALL_PARTS, BOUNDED, CHILD, FIRST, NUMBER, PARENT, SHADOW, World
from vision_banana_ros.world.tracing.shapes import meet
from vision_banana_ros.world.tracing.vectors import MISS, ZERO, Real, Table, Vector, device, larger, smaller

BINS = 12
LEAF_PARTS = 1
DEEPEST = 60  # levels that fit into the 64-bit trail


@device
def _enter(boxes: Table, node: int, o: Vector, inv: Vector, near: Real, far: Real) -> Real:
    """t at which a ray enters a node's box, or MISS."""
    ax, bx = (boxes[node, 0] - o[0]) * inv[0], (boxes[node, 3] - o[0]) * inv[0]
    ay, by = (boxes[node, 1] - o[1]) * inv[1], (boxes[node, 4] - o[1]) * inv[1]
    az, bz = (boxes[node, 2] - o[2]) * inv[2], (boxes[node, 5] - o[2]) * inv[2]
    enter = larger(larger(smaller(ax, bx), smaller(ay, by)), larger(smaller(az, bz), near))
    leave = smaller(smaller(larger(ax, bx), larger(ay, by)), smaller(larger(az, bz), far))
    return enter if enter <= leave else MISS


@device
def _next_up(links: Table, node: int, pending: int) -> tuple[int, int]:
    """Climb to the nearest ancestor whose sibling waits, and step over to it; node -1 when all is done."""
    if pending == 0:
        return -1, 0
    while pending & 1 == 0:
        pending >>= 1
        node = links[node, PARENT]
    return (node + 1 if node & 1 else node - 1), pending ^ 1


@device
def closest(world: World, origin: Vector, direction: Vector, near: Real, far: Real) -> tuple[Real, int, int]:
    """(t, part, face) of the first surface with near < t < far; (MISS, -1, 0) when there is none."""
    best, part, face = far, -1, 0
    parts, links, boxes = world.parts, world.links, world.boxes
    inv = (reciprocal(direction[0]), reciprocal(direction[1]), reciprocal(direction[2]))
    node, pending = (0, 0) if world.counts[BOUNDED] > 0 else (-1, 0)
    while node >= 0:
        if links[node, NUMBER] > 0:
            first = links[node, FIRST]
            for i in range(first, first + links[node, NUMBER]):
                t, f = meet(parts, i, origin, direction, near, best, False)
                if t < best:
                    best, part, face = t, i, f
        else:
            left = links[node, CHILD]
            a, b = _enter(boxes, left, origin, inv, near, best), _enter(boxes, left + 1, origin, inv, near, best)
            if a < MISS or b < MISS:
                pending = (pending << 1) | (1 if a < MISS and b < MISS else 0)
                node = left if a <= b else left + 1
                continue
        node, pending = _next_up(links, node, pending)
        while node >= 0 and _enter(boxes, node, origin, inv, near, best) == MISS:
            node, pending = _next_up(links, node, pending)
    for i in range(world.counts[BOUNDED], world.counts[ALL_PARTS]):
        t, f = meet(parts, i, origin, direction, near, best, False)
        if t < best:
            best, part, face = t, i, f
    return (best, part, face) if part >= 0 else (MISS, -1, 0)


@device
def occluded(world: World, origin: Vector, direction: Vector, far: Real, filled: bool) -> bool:
    """Whether anything that casts a shadow lies before far; where `filled`, also whether the origin is inside a solid
    with flat sides. Glass and lamp bodies cast none. There is no least distance: `offset` keeps an origin off its own
    surface, and what lies nearer to it in a corner is another one's."""
    parts, links, boxes = world.parts, world.links, world.boxes
    inv = (reciprocal(direction[0]), reciprocal(direction[1]), reciprocal(direction[2]))
    node, pending = (0, 0) if world.counts[BOUNDED] > 0 else (-1, 0)
    while node >= 0:
        if links[node, NUMBER] > 0:
            first = links[node, FIRST]
            for i in range(first, first + links[node, NUMBER]):
                if parts[i, SHADOW] > ZERO and meet(parts, i, origin, direction, ZERO, far, filled)[0] < far:
                    return True
        else:
            left = links[node, CHILD]
            a, b = _enter(boxes, left, origin, inv, ZERO, far), _enter(boxes, left + 1, origin, inv, ZERO, far)
            if a < MISS or b < MISS:
                pending = (pending << 1) | (1 if a < MISS and b < MISS else 0)
                node = left if a <= b else left + 1
                continue
        node, pending = _next_up(links, node, pending)
    for i in range(world.counts[BOUNDED], world.counts[ALL_PARTS]):
        if parts[i, SHADOW] > ZERO and meet(parts, i, origin, direction, ZERO, far, filled)[0] < far:
            return True
    return False


@njit(cache=True, error_model="numpy")
def build_tree(lower: Any, upper: Any) -> Any:
    """(boxes, links, order) of a hierarchy over the boxes lower..upper (P, 3); leaves are ranges of `order`."""
    count = len(lower)
    order = np.arange(count)
    boxes = np.zeros((max(1, 2 * count), 6), np.float32)
    links = np.zeros((max(1, 2 * count), 4), np.int32)
    middle = 0.5 * (lower + upper)
    stack = np.zeros((DEEPEST + 4, 4), np.int64)  # node, start, stop, depth
    stack[0, 2] = count
    waiting, nodes = 1, 1
    while waiting > 0:
        waiting -= 1
        node, start, stop, depth = stack[waiting]
        for k in range(3):
            low, high = math.inf, -math.inf
            for i in range(start, stop):
                low, high = min(low, lower[order[i], k]), max(high, upper[order[i], k])
            slack = 1e-5 * (abs(low) + abs(high)) + 1e-6
            boxes[node, k], boxes[node, 3 + k] = low - slack, high + slack
        cut = -1
        if stop - start > LEAF_PARTS and depth < DEEPEST:
            cut = _split(lower, upper, middle, order, start, stop)
        if cut < 0:
            links[node, FIRST], links[node, NUMBER] = start, stop - start
            continue
        links[node, CHILD] = nodes
        for child, first, last in ((nodes, start, cut), (nodes + 1, cut, stop)):
            links[child, PARENT] = node
            stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3] = child, first, last, depth + 1
            waiting += 1
        nodes += 2
    return boxes[:nodes], links[:nodes], order


@njit(cache=True, error_model="numpy")
def _split(lower: Any, upper: Any, middle: Any, order: Any, start: int, stop: int) -> int:
    """Order start..stop around the cheapest of the binned planes and return where the right half starts, or -1."""
    best_cost, best_axis, best_plane = math.inf, -1, 0.0
    for axis in range(3):
        low, high = math.inf, -math.inf
        for i in range(start, stop):
            low, high = min(low, middle[order[i], axis]), max(high, middle[order[i], axis])
        if high - low < 1e-9:
            continue
        for b in range(1, BINS):
            plane = low + (high - low) * b / BINS
            cost = _cost(lower, upper, middle, order, start, stop, axis, plane)
            if cost < best_cost:
                best_cost, best_axis, best_plane = cost, axis, plane
    if best_axis < 0:
        return -1
    cut = start
    for i in range(start, stop):
        if middle[order[i], best_axis] < best_plane:
            order[i], order[cut] = order[cut], order[i]
            cut += 1
    return cut if start < cut < stop else -1


@njit(cache=True, error_model="numpy")
def _cost(lower: Any, upper: Any, middle: Any, order: Any, start: int, stop: int, axis: int, plane: float) -> float:
    """Area times number on both sides: how much a random ray would have to test."""
    cost = 0.0
    for side in range(2):
        x0, y0, z0, x1, y1, z1 = math.inf, math.inf, math.inf, -math.inf, -math.inf, -math.inf
        number = 0
        for i in range(start, stop):
            p = order[i]
            if (middle[p, axis] < plane) == (side == 0):
                number += 1
                x0, y0, z0 = min(x0, lower[p, 0]), min(y0, lower[p, 1]), min(z0, lower[p, 2])
                x1, y1, z1 = max(x1, upper[p, 0]), max(y1, upper[p, 1]), max(z1, upper[p, 2])
        if number == 0:
            return math.inf
        dx, dy, dz = x1 - x0, y1 - y0, z1 - z0
        cost += number * (dx * dy + dy * dz + dz * dx)
    return cost
