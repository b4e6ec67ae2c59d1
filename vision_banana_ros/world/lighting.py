"""Light: suns, skies and lamps as they are met, from noon to night, clear to overcast.

Units: a white wall under a bright sky is about 1; the sun's strength is the irradiance of a surface that faces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.layout import Room
from vision_banana_ros.world.scene import Color
from vision_banana_ros.world.stage import Finish, Stage


class Hour(Enum):
    """The state of the sky."""

    CLEAR = "clear"
    CLOUDY = "cloudy"
    OVERCAST = "overcast"
    LOW_SUN = "low sun"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class _Air:
    zenith: Color
    horizon: Color
    sun: Color
    strength: tuple[float, float]
    elevation_deg: tuple[float, float]
    radius_deg: float
    clouds: tuple[float, float]


_AIRS: dict[Hour, _Air] = {
    Hour.CLEAR: _Air((0.22, 0.42, 0.85), (0.62, 0.74, 0.9), (1.0, 0.94, 0.84), (2.5, 5.0), (25, 70), 0.4, (0.0, 0.25)),
    Hour.CLOUDY: _Air((0.35, 0.5, 0.8), (0.75, 0.8, 0.88), (1.0, 0.95, 0.88), (1.0, 3.0), (20, 65), 2.0, (0.3, 0.75)),
    Hour.OVERCAST: _Air((0.72, 0.75, 0.8), (0.85, 0.87, 0.9), (1.0, 1.0, 1.0), (0.1, 0.4), (40, 80), 30.0, (0.8, 1.0)),
    Hour.LOW_SUN: _Air((0.25, 0.38, 0.65), (0.95, 0.72, 0.5), (1.0, 0.68, 0.38), (1.5, 3.5), (4, 18), 0.6, (0.0, 0.5)),
    Hour.DUSK: _Air((0.06, 0.09, 0.2), (0.32, 0.24, 0.26), (1.0, 0.6, 0.4), (0.0, 0.05), (1, 4), 10.0, (0.1, 0.6)),
    Hour.NIGHT: _Air(
        (0.004, 0.006, 0.014), (0.02, 0.018, 0.02), (0.6, 0.7, 1.0), (0.005, 0.03), (20, 70), 0.5, (0, 0.6)
    ),
}


def daylight(stage: Stage, hours: tuple[Hour, ...] | None = None) -> Hour:
    """Set sun, sky and sometimes fog; returns the hour that was drawn."""
    hour = stage.pick(hours) if hours else stage.pick(tuple(Hour), (5, 4, 4, 2.5, 0.8, 0.8))
    air, build = _AIRS[hour], stage.build
    build.sun(
        elevation_deg=stage.uniform(*air.elevation_deg),
        azimuth_deg=stage.uniform(0, 360),
        color=air.sun,
        strength=stage.uniform(*air.strength),
        radius_deg=air.radius_deg,
    )
    glare = stage.uniform(0.8, 1.2)
    grey = sum(air.horizon) / 3
    build.sky(
        zenith=_scaled(air.zenith, glare),
        horizon=_scaled(air.horizon, glare),
        clouds=stage.uniform(*air.clouds),
        cloud_color=(grey * 1.05, grey * 1.05, grey * 1.05),
    )
    return hour


def weather(stage: Stage, hour: Hour) -> None:
    """Haze always, fog seldom; its colour is that of the horizon."""
    horizon = _AIRS[hour].horizon
    fog = stage.log_uniform(0.0003, 0.003) if stage.chance(0.85) else stage.log_uniform(0.006, 0.05)
    stage.build.weather(fog_per_m=fog, fog_color=_scaled(horizon, 0.95), ambient=0.06)


def room_light(stage: Stage, room: Room, *, windows: bool) -> Hour:
    """Daylight through the windows, ceiling lights, or both; without windows always the lights."""
    mode = stage.pick(("day", "mixed", "evening"), (4, 3.5, 2.5)) if windows else "evening"
    hour = daylight(stage, (Hour.NIGHT, Hour.DUSK) if mode == "evening" else tuple(Hour)[:4])
    warm = stage.uniform(0, 1)
    tint = (1.0, 0.95 - 0.14 * warm, 0.88 - 0.36 * warm)
    strength = {"day": 0.0, "mixed": stage.uniform(0.3, 1.0), "evening": stage.log_uniform(0.25, 1.4)}[mode]
    ceiling_lights(stage, room, tint, strength)
    stage.build.weather(ambient=0.05 if mode == "day" else 0.08)
    return hour


def ceiling_lights(stage: Stage, room: Room, tint: Color, strength: float) -> None:
    """A grid of panels, tubes, spots, globes or one pendant; `strength` 0 leaves them dark, 1 is a bright room."""
    kind = stage.pick(("panel", "tube", "pendant", "spots", "globe"))
    area = room.area_m2
    per_light = {"panel": 9.0, "tube": 8.0, "pendant": 16.0, "spots": 4.0, "globe": 14.0}[kind]
    wanted = min(max(1, round(area / per_light)), 12)
    wide, deep = room.x1 - room.x0, room.y1 - room.y0
    columns = max(1, round((wanted * wide / deep) ** 0.5))
    rows = max(1, round(wanted / columns))
    lit = strength > 0
    # A lamp of this intensity at 2 m gives what a bright sky gives; share it among the lights of the room.
    power = strength * 5.0 * max(1.0, area / 14.0) / (rows * columns)
    skin = finishes.glow(stage, tint, 2.5 * strength + 0.5) if lit else finishes.painted(stage, "white")
    for i in range(columns):
        for j in range(rows):
            x = room.x0 + wide * (i + 0.5) / columns
            y = room.y0 + deep * (j + 0.5) / rows
            drop = _ceiling_light(stage, kind, x, y, room.height, skin)
            if lit:
                stage.build.lamp((x, y, room.height - drop), _scaled(tint, power), radius=0.1)


def _ceiling_light(stage: Stage, kind: str, x: float, y: float, height: float, skin: Finish) -> float:
    """Draw one; returns how far below the ceiling its light sits, free of its own body."""
    build = stage.build
    body = finishes.one_of(stage, finishes.dark_metal, finishes.metal)
    with stage.at(x, y, height), stage.thing("ceiling light", body):
        if kind == "panel":
            build.box((0, 0, -0.01), (0.31, 0.31, 0.012), body.number)
            build.box((0, 0, -0.013), (0.29, 0.29, 0.012), skin.number)
            return 0.14
        if kind == "tube":
            build.box((0, 0, -0.03), (0.6, 0.06, 0.03), body.number)
            for sy in (-1, 1):
                build.rod((-0.58, sy * 0.03, -0.075), (0.58, sy * 0.03, -0.075), 0.013, skin.number)
            return 0.2
        if kind == "spots":
            build.cylinder((0, 0, -0.03), 0.05, 0.03, body.number)
            build.cylinder((0, 0, -0.062), 0.04, 0.003, skin.number)
            return 0.18
        if kind == "globe":
            build.cylinder((0, 0, -0.015), 0.09, 0.015, body.number)
            build.bowl((0, 0, -0.03), (0.17, 0.17, 0.11), skin.number)
            return 0.26
        hang = min(stage.uniform(0.3, 0.9), height - 1.85)
        build.rod((0, 0, 0), (0, 0, -hang), 0.005, body.number)
        radius = stage.uniform(0.13, 0.25)
        if stage.chance(0.5):
            build.bowl((0, 0, -hang - 0.02), (radius, radius, radius * 0.8), body.number, turn(roll_deg=180))
            build.sphere((0, 0, -hang + 0.0), 0.045, skin.number)
            return hang + 0.12
        build.sphere((0, 0, -hang - radius * 0.6), radius * 0.6, skin.number)
        return hang + radius * 1.2 + 0.15


def _scaled(color: Color, factor: float) -> Color:
    return color[0] * factor, color[1] * factor, color[2] * factor
