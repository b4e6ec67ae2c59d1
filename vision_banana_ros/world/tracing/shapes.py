"""One part against one ray: into the part's frame, the switch over its kind, and the normal where it was met.

These take the table of parts alone and not the whole `World`: eight arrays are seventy arguments to a compiled call.
"""

from __future__ import annotations

from vision_banana_ros.world.scene import Shape
from vision_banana_ros.world.tracing import curved, flat, terrain
from vision_banana_ros.world.tracing.layout import ANCHOR, AXES, CENTER, KIND, SIZES
from vision_banana_ros.world.tracing.vectors import (
    MISS,
    ONE,
    ZERO,
    Real,
    Table,
    Vector,
    add,
    along,
    device,
    dot,
    larger,
    smaller,
    sub,
    times,
    triple,
    unit,
)

BOX, ROUND_BOX, ELLIPSOID = int(Shape.BOX), int(Shape.ROUND_BOX), int(Shape.ELLIPSOID)
FRUSTUM, CAPSULE, TUBE, TAPER = int(Shape.FRUSTUM), int(Shape.CAPSULE), int(Shape.TUBE), int(Shape.TAPER)
FOLIAGE, PLANE, TERRAIN = int(Shape.FOLIAGE), int(Shape.PLANE), int(Shape.TERRAIN)


@device
def into_frame(parts: Table, part: int, v: Vector) -> Vector:
    """A world direction in the part's frame."""
    x, y, z = triple(parts, part, AXES), triple(parts, part, AXES + 3), triple(parts, part, AXES + 6)
    return dot(x, v), dot(y, v), dot(z, v)


@device
def out_of_frame(parts: Table, part: int, v: Vector) -> Vector:
    x, y, z = triple(parts, part, AXES), triple(parts, part, AXES + 3), triple(parts, part, AXES + 6)
    return add(add(times(x, v[0]), times(y, v[1])), times(z, v[2]))


@device
def meet(
    parts: Table, part: int, origin: Vector, direction: Vector, near: Real, far: Real, filled: bool
) -> tuple[Real, int]:
    """(t, face) with near < t < far, or (MISS, 0). `direction` has length 1. `filled`, for solids with flat sides: a
    ray that is inside at `near` meets them there."""
    kind = int(parts[part, KIND])
    to_origin = sub(origin, triple(parts, part, CENTER))
    # Measured from the closest approach to the centre: see `curved`. Unbounded shapes have no meaningful centre.
    shift = -dot(to_origin, direction) if kind < PLANE else ZERO
    o = into_frame(parts, part, along(to_origin, direction, shift))
    d = into_frame(parts, part, direction)
    low, high = near - shift, far - shift
    a, b, c = parts[part, SIZES], parts[part, SIZES + 1], parts[part, SIZES + 2]
    if kind == BOX:
        t, face = flat.meet_box(o, d, a, b, c, low, high, filled)
    elif kind == FRUSTUM:
        t, face = curved.meet_frustum(o, d, a, b, c, low, high)
    elif kind == ROUND_BOX:
        t, face = flat.meet_round_box(o, d, a, b, c, parts[part, SIZES + 3], low, high, filled)
    elif kind == ELLIPSOID:
        t, face = curved.meet_ellipsoid(o, d, a, b, c, parts[part, SIZES + 3], low, high)
    elif kind == CAPSULE:
        t, face = curved.meet_capsule(o, d, a, c, low, high)
    elif kind == TUBE:
        t, face = curved.meet_tube(o, d, a, b, c, parts[part, SIZES + 3], low, high)
    elif kind == TAPER:
        top_x, top_y, lean = parts[part, SIZES + 3], parts[part, SIZES + 4], parts[part, SIZES + 5]
        t, face = flat.meet_taper(o, d, a, b, c, top_x, top_y, lean, low, high, filled)
    elif kind == FOLIAGE:
        t, face = curved.meet_foliage(o, d, a, b, c, parts[part, SIZES + 3], parts[part, SIZES + 4], low, high)
    elif kind == PLANE:
        t, face = flat.meet_plane(o, d, low, high)
    else:
        t, face = terrain.meet_terrain(o, d, parts, part, low, high)
    return (t + shift, face) if t < MISS else (MISS, 0)


@device
def local_point(parts: Table, part: int, origin: Vector, direction: Vector, t: Real) -> Vector:
    """The point at t in the part's frame, by way of the closest approach as in `meet`."""
    to_origin = sub(origin, triple(parts, part, CENTER))
    shift = -dot(to_origin, direction) if parts[part, KIND] < PLANE else ZERO
    return into_frame(parts, part, along(along(to_origin, direction, shift), direction, t - shift))


@device
def local_normal(parts: Table, part: int, face: int, p: Vector, d: Vector) -> Vector:
    """The unit normal at the local point `p` that faces a ray of local direction `d`."""
    kind = int(parts[part, KIND])
    a, b, c = parts[part, SIZES], parts[part, SIZES + 1], parts[part, SIZES + 2]
    if kind in (BOX, PLANE):
        n = (
            ONE if face == flat.SIDE_X else ZERO,
            ONE if face == flat.SIDE_Y else ZERO,
            ONE if face == flat.SIDE_Z else ZERO,
        )
    elif kind == ROUND_BOX:
        n = _from_core(p, a, b, c, parts[part, SIZES + 3])
    elif kind in (ELLIPSOID, FOLIAGE):
        n = p[0] / (a * a), p[1] / (b * b), p[2] / (c * c)
    elif kind in (FRUSTUM, TUBE):
        n = curved.cone_normal(p, a, b, c, face)
    elif kind == CAPSULE:
        n = curved.capsule_normal(p, c, face)
    elif kind == TAPER:
        n = flat.taper_normal(face, a, b, c, parts[part, SIZES + 3], parts[part, SIZES + 4], parts[part, SIZES + 5])
    else:
        n = terrain.terrain_normal(p[0], p[1], parts, part)
    n = unit(n)
    return times(n, -ONE) if dot(n, d) > ZERO else n


@device
def _from_core(p: Vector, hx: Real, hy: Real, hz: Real, radius: Real) -> Vector:
    """From the nearest point of the inner box, around which the rounded one lies at a constant distance."""
    x, y, z = hx - radius, hy - radius, hz - radius
    return p[0] - smaller(larger(p[0], -x), x), p[1] - smaller(larger(p[1], -y), y), p[2] - smaller(larger(p[2], -z), z)


@device
def pattern_point(parts: Table, part: int, p: Vector) -> Vector:
    """Where a local point lies in the pattern of its material."""
    return add(p, triple(parts, part, ANCHOR))
