"""Where a ray enters a shape with flat sides, in the shape's own frame.

Every function gets origin `o`, direction `d`, the window (near, far) of t that counts, and returns (t, face); t is
MISS when nothing is met. Solids are seen from outside only: a ray that starts inside leaves without a hit, unless it is
`filled`: then a window that opens inside is met at once, at `near`. Shadows need that where solids reach into each
other, because a point of one face, moved off it or along it, may lie in the other solid.
"""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing.vectors import MISS, ONE, ZERO, F, Real, Vector, device, larger, smaller

SIDE_X, SIDE_Y, SIDE_Z = 0, 1, 2  # faces across an axis
TOP, BOTTOM, RIGHT, LEFT, BACK, FRONT = 0, 1, 2, 3, 4, 5  # faces of a tapered box


@device
def reciprocal(x: Real) -> Real:
    """1 / x that stays finite, so that a ray along a face gives no NaN."""
    if abs(x) > F(1e-12):
        return ONE / x
    return F(1e12) if x >= ZERO else F(-1e12)


@device
def meet_box(
    o: Vector, d: Vector, hx: Real, hy: Real, hz: Real, near: Real, far: Real, filled: bool
) -> tuple[Real, int]:
    """Three slabs: the ray is inside from the last entry to the first exit."""
    ix, iy, iz = reciprocal(d[0]), reciprocal(d[1]), reciprocal(d[2])
    kx, ky, kz = abs(ix) * hx, abs(iy) * hy, abs(iz) * hz
    mx, my, mz = -o[0] * ix, -o[1] * iy, -o[2] * iz
    enter = larger(larger(mx - kx, my - ky), mz - kz)
    leave = smaller(smaller(mx + kx, my + ky), mz + kz)
    if enter > leave or enter >= far:
        return MISS, SIDE_X
    if enter <= near:
        return (near, SIDE_X) if filled and near < leave else (MISS, SIDE_X)
    if enter == mx - kx:
        return enter, SIDE_X
    return enter, SIDE_Y if enter == my - ky else SIDE_Z


@device
def meet_round_box(
    o: Vector, d: Vector, hx: Real, hy: Real, hz: Real, radius: Real, near: Real, far: Real, filled: bool
) -> tuple[Real, int]:
    """A smaller box swept by a ball. The entry into the outer box decides: on a flat face it is the answer; next to an
    edge or a corner the ray meets one of the three rods along the edges there, ends included, or nothing. By symmetry
    the entry is mirrored into x, y, z > 0."""
    t, face = meet_box(o, d, hx, hy, hz, F(-1e29), F(1e29), False)
    if t == MISS or t >= far:
        return MISS, face
    bx, by, bz = hx - radius, hy - radius, hz - radius
    if filled and t <= near:
        px, py, pz = abs(o[0] + near * d[0]) - bx, abs(o[1] + near * d[1]) - by, abs(o[2] + near * d[2]) - bz
        px, py, pz = larger(px, ZERO), larger(py, ZERO), larger(pz, ZERO)
        if px * px + py * py + pz * pz < radius * radius:
            return near, face
    sx = ONE if o[0] + t * d[0] >= ZERO else -ONE
    sy = ONE if o[1] + t * d[1] >= ZERO else -ONE
    sz = ONE if o[2] + t * d[2] >= ZERO else -ONE
    ox, oy, oz = o[0] * sx, o[1] * sy, o[2] * sz
    dx, dy, dz = d[0] * sx, d[1] * sy, d[2] * sz
    outside = 0
    for over in (ox + t * dx > bx, oy + t * dy > by, oz + t * dz > bz):
        outside += 1 if over else 0
    if outside <= 1:
        return (t, face) if t > near else (MISS, face)
    best = _ball(ox - bx, oy - by, oz - bz, dx, dy, dz, radius)
    best = smaller(best, _ball(ox + bx, oy - by, oz - bz, dx, dy, dz, radius))
    best = smaller(best, _ball(ox - bx, oy + by, oz - bz, dx, dy, dz, radius))
    best = smaller(best, _ball(ox - bx, oy - by, oz + bz, dx, dy, dz, radius))
    best = smaller(best, _edge(oy - by, oz - bz, dy, dz, ox, dx, bx, radius))
    best = smaller(best, _edge(oz - bz, ox - bx, dz, dx, oy, dy, by, radius))
    best = smaller(best, _edge(ox - bx, oy - by, dx, dy, oz, dz, bz, radius))
    return (best, face) if near < best < far else (MISS, face)


@device
def _ball(x: Real, y: Real, z: Real, dx: Real, dy: Real, dz: Real, radius: Real) -> Real:
    """First meeting with a ball at the origin; the direction has length 1."""
    b = x * dx + y * dy + z * dz
    px, py, pz = x - b * dx, y - b * dy, z - b * dz
    room = radius * radius - (px * px + py * py + pz * pz)
    return -b - math.sqrt(room) if room > ZERO else MISS


@device
def _edge(y: Real, z: Real, dy: Real, dz: Real, x: Real, dx: Real, reach: Real, radius: Real) -> Real:
    """First meeting with a cylinder along x, where |x| <= reach and it bulges outwards."""
    a = dy * dy + dz * dz
    if a < F(1e-12):
        return MISS
    b = (y * dy + z * dz) / a
    py, pz = y - b * dy, z - b * dz
    room = radius * radius - (py * py + pz * pz)
    if room <= ZERO:
        return MISS
    t = -b - math.sqrt(room / a)
    return t if abs(x + t * dx) <= reach else MISS


@device
def meet_taper(
    o: Vector,
    d: Vector,
    hx: Real,
    hy: Real,
    hz: Real,
    tx: Real,
    ty: Real,
    shift: Real,
    near: Real,
    far: Real,
    filled: bool,
) -> tuple[Real, int]:
    """Six half spaces. At height z the section is |x - middle(z)| <= wide(z), |y| <= deep(z), all linear in z."""
    up = F(0.5) / hz
    x_slope, y_slope, lean = (tx - hx) * up, (ty - hy) * up, shift * up
    wide, deep, middle = F(0.5) * (hx + tx), F(0.5) * (hy + ty), F(0.5) * shift
    enter, leave, face = F(-1e29), F(1e29), TOP
    for side in range(6):
        if side == TOP:
            distance, speed = o[2] - hz, d[2]
        elif side == BOTTOM:
            distance, speed = -o[2] - hz, -d[2]
        elif side == RIGHT:
            distance = o[0] - middle - wide - (lean + x_slope) * o[2]
            speed = d[0] - (lean + x_slope) * d[2]
        elif side == LEFT:
            distance = -o[0] + middle - wide + (lean - x_slope) * o[2]
            speed = -d[0] + (lean - x_slope) * d[2]
        elif side == BACK:
            distance, speed = o[1] - deep - y_slope * o[2], d[1] - y_slope * d[2]
        else:
            distance, speed = -o[1] - deep - y_slope * o[2], -d[1] - y_slope * d[2]
        t = -distance * reciprocal(speed)
        if speed < ZERO:
            if t > enter:
                enter, face = t, side
        else:
            leave = smaller(leave, t)
    if enter > leave or enter >= far:
        return MISS, face
    if enter <= near:
        return (near, face) if filled and near < leave else (MISS, face)
    return enter, face


@device
def taper_normal(face: int, hx: Real, hy: Real, hz: Real, tx: Real, ty: Real, shift: Real) -> Vector:
    """Outward, not of unit length."""
    up = F(0.5) / hz
    if face == TOP:
        return ZERO, ZERO, ONE
    if face == BOTTOM:
        return ZERO, ZERO, -ONE
    if face == RIGHT:
        return ONE, ZERO, -(shift + tx - hx) * up
    if face == LEFT:
        return -ONE, ZERO, (shift - tx + hx) * up
    return ZERO, ONE if face == BACK else -ONE, -(ty - hy) * up


@device
def meet_plane(o: Vector, d: Vector, near: Real, far: Real) -> tuple[Real, int]:
    if abs(d[2]) < F(1e-9):
        return MISS, SIDE_Z
    t = -o[2] / d[2]
    return (t, SIDE_Z) if near < t < far else (MISS, SIDE_Z)
