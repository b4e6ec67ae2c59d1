"""Light: the sky, what sun, lamps and windows send to a point, and what comes along a ray after one more bounce.

Units: radiance such that a surface of reflectance 1 under a uniform sky of radiance 1 shines with 1. `arriving`
estimates E, light received over pi, so that a matt surface shines with colour * E.

Random numbers are a Kronecker sequence: dimension k of sample i is frac(shift_k + i alpha_k), where pairs that are used
together have the alphas of Roberts's R2 sequence (2018) and what follows them has square roots. Samples are numbered
along a Z curve through the image, so that any small block of pixels, as the denoiser averages it, holds well-spread
samples (Ahmed & Wonka 2020).
"""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.noise import MASK, fractal_noise, scramble, unit_float
from vision_banana_ros.world.tracing.patterns import mean_color, surface
from vision_banana_ros.world.tracing.shapes import into_frame, local_normal, local_point, out_of_frame, pattern_point
from vision_banana_ros.world.tracing.tree import closest, occluded
from vision_banana_ros.world.tracing.vectors import (
    INV_PI,
    MISS,
    ONE,
    TWO_PI,
    ZERO,
    F,
    Real,
    Vector,
    add,
    along,
    basis,
    blend,
    clip,
    device,
    dot,
    larger,
    luminance,
    product,
    smoothstep,
    sub,
    times,
    triple,
    unit,
)

SUN, LIGHT, CHOICE, BOUNCE, GLOSS, SECOND, ASIDE, CHANCE = 0, 2, 4, 5, 7, 9, 10, 4  # first dimension of each decision
R2 = (0.7548776662466927, 0.5698402909980532)
STEPS = tuple(
    int(2**32 * (alpha % 1)) for alpha in (*R2, *R2, 2**0.5, *R2, *R2, 3**0.5, 5**0.5, 7**0.5, 11**0.5, 13**0.5)
)
LENGTHENED = F(1e-4)
FIREFLY = F(12)
PANES = 3  # of glass behind each other that light gets through


@device
def random(seed: int, index: int, dimension: int) -> Real:
    """Sample `index` of the sequence that `seed` shifts, in [0, 1)."""
    shift = scramble((seed + dimension * 0x9E3779B9) & MASK)
    return unit_float((shift + index * STEPS[dimension]) & MASK)


@device
def z_index(x: int, y: int) -> int:
    """The number of a pixel along a Z curve: the bits of x and y in turn."""
    index = 0
    for bit in range(12):
        index |= ((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)
    return index


@device
def sky(world: World, d: Vector) -> Vector:
    """Radiance from direction `d`: a gradient, clouds, and below the horizon a dull ground."""
    s = world.settings
    horizon, zenith = triple_of(s, at.HORIZON), triple_of(s, at.ZENITH)
    if d[2] < ZERO:
        return times(horizon, F(0.5))
    color = blend(horizon, zenith, math.sqrt(clip(d[2], ZERO, ONE)))
    clouds = s[at.CLOUDS]
    if clouds > ZERO and d[2] > F(0.02):
        flat = F(1.2) / (d[2] + F(0.1))
        f = fractal_noise((d[0] * flat, d[1] * flat, s[at.SKY_SEED] * F(0.13)), 4, 9)
        cover = smoothstep(F(0.65) - F(0.35) * clouds, F(0.85) - F(0.35) * clouds, f) * smoothstep(
            F(0.02), F(0.2), d[2]
        )
        color = blend(color, triple_of(s, at.CLOUD_COLOR), cover)
    return color


@device
def triple_of(settings: Vector, first: int) -> Vector:
    return settings[first], settings[first + 1], settings[first + 2]


@device
def from_sun(world: World, x: Vector, n: Vector, u1: Real, u2: Real, filled: bool) -> Vector:
    """A shadow ray to a random point of the sun's disc; for `filled` see `occluded`."""
    s = world.settings
    centre = triple_of(s, at.SUN_DIRECTION)
    side, up = basis(centre)
    radius, angle = s[at.SUN_RADIUS] * math.sqrt(u1), TWO_PI * u2
    to_sun = unit(add(centre, add(times(side, radius * math.cos(angle)), times(up, radius * math.sin(angle)))))
    cosine = dot(n, to_sun)
    if cosine <= ZERO or occluded(world, x, to_sun, MISS, filled):
        return ZERO, ZERO, ZERO
    return times(triple_of(s, at.SUN_COLOR), cosine)


@device
def _reach(world: World, light: int, x: Vector, n: Vector) -> Real:
    """About how much a light can give to a point: what the choice among many lights goes by."""
    lights = world.lights
    to_light = sub(triple(lights, light, at.LIGHT_CENTER), x)
    d2 = dot(to_light, to_light) + F(0.05)
    power = luminance(triple(lights, light, at.LIGHT_COLOR))
    if lights[light, at.LIGHT_KIND] > ZERO:
        power *= lights[light, at.LIGHT_AREA] * INV_PI
        behind = -dot(triple(lights, light, at.LIGHT_NORMAL), to_light)
        reach = math.sqrt(lights[light, at.LIGHT_AREA])
        power *= clip((behind + F(0.1) * reach) / math.sqrt(d2), ZERO, ONE)
        d2 += lights[light, at.LIGHT_AREA] * F(0.5)
        facing = (dot(n, to_light) + reach) / math.sqrt(d2)
    else:
        facing = dot(n, to_light) / math.sqrt(d2) + F(0.1)
    return power * clip(facing, ZERO, ONE) / d2 + F(1e-6) * power


@device
def from_lights(world: World, x: Vector, n: Vector, u0: Real, u1: Real, u2: Real) -> Vector:
    """One light, chosen by its reach, and a shadow ray to a random point of it."""
    lights, total = world.lights, ZERO
    for light in range(world.counts[at.ALL_LIGHTS]):
        total += _reach(world, light, x, n)
    if total <= ZERO:
        return ZERO, ZERO, ZERO
    rest, chosen, weight = u0 * total, 0, ZERO
    for light in range(world.counts[at.ALL_LIGHTS]):
        reach = _reach(world, light, x, n)
        if reach > ZERO:
            chosen, weight = light, reach
        rest -= reach
        if rest < ZERO:
            break
    centre, kind = triple(lights, chosen, at.LIGHT_CENTER), int(lights[chosen, at.LIGHT_KIND])
    if kind == at.LAMP:
        z, angle = F(2) * u1 - ONE, TWO_PI * u2
        ring = math.sqrt(larger(ZERO, ONE - z * z)) * lights[chosen, at.LIGHT_RADIUS]
        spot = add(centre, (ring * math.cos(angle), ring * math.sin(angle), z * lights[chosen, at.LIGHT_RADIUS]))
    else:
        across = times(triple(lights, chosen, at.LIGHT_U), F(2) * u1 - ONE)
        spot = add(add(centre, across), times(triple(lights, chosen, at.LIGHT_V), F(2) * u2 - ONE))
    to_spot = sub(spot, x)
    d2 = dot(to_spot, to_spot)
    distance = math.sqrt(d2)
    to_spot = times(to_spot, ONE / (distance + F(1e-9)))
    geometry = dot(n, to_spot)
    if kind != at.LAMP:
        behind = -dot(triple(lights, chosen, at.LIGHT_NORMAL), to_spot)
        geometry = geometry * lights[chosen, at.LIGHT_AREA] * INV_PI if behind > ZERO else ZERO
        geometry *= behind
    if geometry <= ZERO:
        return ZERO, ZERO, ZERO
    until = MISS if kind == at.PORTAL else distance - F(5e-3)
    if occluded(world, x, to_spot, until, True):
        return ZERO, ZERO, ZERO
    color = triple(lights, chosen, at.LIGHT_COLOR)
    if kind == at.PORTAL:
        color = product(color, sky(world, to_spot))
    soft = lights[chosen, at.LIGHT_RADIUS] * lights[chosen, at.LIGHT_RADIUS] + F(4e-3)
    return times(color, geometry * total / (weight * (d2 + soft)))


@device
def ambient(world: World, n: Vector) -> Vector:
    """What further bounces would bring: a share of the sky's colour where that is what lights the scene."""
    s = world.settings
    mean = blend(triple_of(s, at.HORIZON), triple_of(s, at.ZENITH), F(0.5) + F(0.3) * n[2])
    return times(mean, s[at.AMBIENT])


@device
def offset(x: Vector, n: Vector, t: Real) -> Vector:
    """A point just off its surface, so that it does not shadow itself."""
    return along(x, n, F(3e-4) + F(1e-4) * t)


@device
def lobe(n: Vector, u1: Real, u2: Real) -> Vector:
    """A direction around `n`, as probable as its cosine."""
    side, up = basis(n)
    radius, angle = math.sqrt(u1), TWO_PI * u2
    flat = add(times(side, radius * math.cos(angle)), times(up, radius * math.sin(angle)))
    return unit(along(flat, n, math.sqrt(larger(ZERO, ONE - u1))))


@device
def incoming(world: World, origin: Vector, direction: Vector, diffuse: bool, seed: int, index: int) -> Vector:
    """Radiance along a ray that bounced or went through glass: the surface it meets is lit directly, plus the rest."""
    passed, t, part, face = ONE, ZERO, -1, 0
    for _ in range(PANES + 1):
        t, part, face = closest(world, origin, direction, t + LENGTHENED, MISS)
        if part < 0 or world.materials[world.tags[part, at.MATERIAL], at.TRANSPARENCY] <= ZERO:
            break
        passed *= world.materials[world.tags[part, at.MATERIAL], at.TRANSPARENCY]
    if part < 0:
        if diffuse and world.counts[at.HAS_PORTAL]:
            return ZERO, ZERO, ZERO  # the windows were sampled on their own
        return times(sky(world, direction), passed)
    material = world.tags[part, at.MATERIAL]
    color, glow = mean_color(world, material), world.materials[material, at.EMISSION]
    p = local_point(world.parts, part, origin, direction, t)
    d_local = into_frame(world.parts, part, direction)
    n_local = local_normal(world.parts, part, face, p, d_local)
    if not diffuse:  # seen in a mirror or through a window: with its pattern
        color, _ = surface(world, material, pattern_point(world.parts, part, p), n_local, F(0.01) * t)
    if glow > ZERO:
        return (ZERO, ZERO, ZERO) if diffuse else times(color, glow * passed)  # lamps and panels light in its place
    n = out_of_frame(world.parts, part, n_local)
    received = direct(world, offset(along(origin, direction, t), n, t), n, diffuse, seed, index)
    light = times(product(color, received), passed)
    peak = larger(light[0], larger(light[1], light[2]))
    return light if peak < FIREFLY else times(light, FIREFLY / peak)


@device
def direct(world: World, x: Vector, n: Vector, frugal: bool, seed: int, index: int) -> Vector:
    """E at the second surface of a path: sun, one light, and an ambient rest for all further bounces.

    Where there are both and the denoiser follows (`frugal`), a coin picks one of the two: a sixth less time for a
    twentieth more noise. What is seen in mirrors and through glass is hardly denoised and gets both.
    """
    received = ambient(world, n)
    has_sun, has_lights = world.counts[at.HAS_SUN] > 0, world.counts[at.ALL_LIGHTS] > 0
    coin, toss = frugal and has_sun and has_lights, random(seed, index, SECOND + 3)
    heads, weight = toss < F(0.5), F(2) if coin else ONE
    if has_sun and (heads or not coin):
        sun = from_sun(world, x, n, random(seed, index, SECOND), random(seed, index, SECOND + 1), True)
        received = along(received, sun, weight)
    if has_lights and not (heads and coin):
        choice = F(2) * toss - ONE if coin else toss
        lamp = from_lights(world, x, n, choice, random(seed, index, SECOND + 2), random(seed, index, SECOND + 4))
        received = along(received, lamp, weight)
    return received


@device
def sunlight(world: World, x: Vector, aside: Vector, n: Vector, seed: int, index: int) -> Vector:
    """One sample of the sun's part of E at x + aside, somewhere in the pixel: that smooths the borders of shadows."""
    if world.counts[at.HAS_SUN] == 0:
        return ZERO, ZERO, ZERO
    u1, u2 = random(seed, index, SUN), random(seed, index, SUN + 1)
    # Not filled: a place that lies in another solid says nothing about this surface, not that it is dark.
    light = from_sun(world, add(x, aside), n, u1, u2, False)
    length = math.sqrt(dot(aside, aside)) + F(1e-9)
    if light[1] > ZERO and occluded(world, x, times(aside, ONE / length), length + LENGTHENED, True):
        return from_sun(world, x, n, u1, u2, True)  # the place aside lies inside or behind something else
    return light


@device
def lamplight(world: World, x: Vector, n: Vector, seed: int, index: int) -> Vector:
    """One sample of what lamps, panels and windows add to E at a point just off a surface."""
    if world.counts[at.ALL_LIGHTS] == 0:
        return ZERO, ZERO, ZERO
    u0, u1, u2 = random(seed, index, CHOICE), random(seed, index, LIGHT), random(seed, index, LIGHT + 1)
    return from_lights(world, x, n, u0, u1, u2)


@device
def bounced(n: Vector, seed: int, index: int) -> Vector:
    """The direction in which a path goes on from a matt surface."""
    return lobe(n, random(seed, index, BOUNCE), random(seed, index, BOUNCE + 1))


@device
def reflected(n: Vector, d: Vector, roughness: Real, seed: int, index: int) -> Vector:
    """About the mirror direction, spread by the roughness."""
    mirror = sub(d, times(n, F(2) * dot(d, n)))
    spread = roughness * roughness
    side, up = basis(mirror)
    radius, angle = spread * math.sqrt(random(seed, index, GLOSS)), TWO_PI * random(seed, index, GLOSS + 1)
    jittered = add(mirror, add(times(side, radius * math.cos(angle)), times(up, radius * math.sin(angle))))
    direction = unit(jittered)
    return direction if dot(direction, n) > F(0.01) else mirror


@device
def mirror_share(specular: Real, roughness: Real, cosine: Real) -> Real:
    """Schlick's Fresnel term, dulled by the roughness."""
    if specular <= ZERO:
        return ZERO
    k = ONE - clip(cosine, ZERO, ONE)
    k2 = k * k
    return specular + (larger(ONE - roughness, specular) - specular) * k2 * k2 * k
