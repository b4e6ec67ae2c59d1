"""Finishes: what surfaces are made of, each drawn anew within what the real one varies.

Albedos are linear light. Most real things are grey, brown or off-white, so strong colours are the smaller share; a
finish that has a colour everybody would name says so, for referring expressions.
"""

from __future__ import annotations

from collections.abc import Callable

from vision_banana_ros.world import colors
from vision_banana_ros.world.colors import Albedo
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Finish, Stage

WOODS: tuple[tuple[str, Albedo, Albedo], ...] = (
    ("birch", (0.62, 0.48, 0.32), (0.52, 0.38, 0.23)),
    ("oak", (0.44, 0.29, 0.16), (0.32, 0.19, 0.09)),
    ("beech", (0.52, 0.34, 0.20), (0.43, 0.26, 0.14)),
    ("walnut", (0.20, 0.11, 0.06), (0.12, 0.06, 0.03)),
    ("mahogany", (0.22, 0.07, 0.035), (0.14, 0.04, 0.02)),
    ("grey oak", (0.32, 0.27, 0.22), (0.22, 0.18, 0.15)),
    ("pine", (0.58, 0.40, 0.21), (0.46, 0.28, 0.12)),
    ("wenge", (0.07, 0.045, 0.03), (0.04, 0.025, 0.018)),
)


def one_of(stage: Stage, *makers: Callable[[Stage], Finish]) -> Finish:
    """A finish by any of `makers`; name one twice to make it twice as likely."""
    return stage.pick(makers)(stage)


def wood(stage: Stage, *, planks: bool = False) -> Finish:
    """Veneer or boards; brown for everybody unless it is very light or nearly black."""
    _, light, dark = stage.pick(WOODS, (3, 4, 3, 2, 1, 2, 3, 1))
    tone = stage.uniform(0.8, 1.2)
    color = "brown" if 0.08 < light[0] * tone < 0.47 else ""
    number = stage.build.material(
        color=colors.shade(light, tone),
        color_b=colors.shade(dark, tone),
        pattern=Pattern.PLANKS if planks else Pattern.WOOD,
        scale=stage.uniform(3, 7) if planks else stage.uniform(1.2, 4),
        roughness=stage.uniform(0.25, 0.7),
        specular=stage.pick((0.0, 0.02, 0.04)),
    )
    return Finish(number, color, "wooden")


def painted(stage: Stage, color: str | None = None, *, vivid: float = 0.3, gloss: float | None = None) -> Finish:
    """Lacquer or plastic of one named colour."""
    name = colors.any_name(stage.rng, vivid=vivid) if color is None else color
    shine = stage.uniform(0, 1) if gloss is None else gloss
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(
        color=albedo, roughness=0.65 - 0.55 * shine, specular=0.04 if shine > 0.3 else 0.02, color_b=albedo
    )
    return Finish(number, name)


def plastic(stage: Stage, color: str | None = None) -> Finish:
    finish = painted(stage, color, vivid=0.5, gloss=stage.uniform(0.3, 0.9))
    return Finish(finish.number, finish.color, "plastic")


def fabric(stage: Stage, color: str | None = None, *, vivid: float = 0.35) -> Finish:
    """Upholstery and clothes: woven, striped, checked or plain."""
    name = colors.any_name(stage.rng, vivid=vivid) if color is None else color
    albedo = colors.paint(stage.rng, name)
    pattern = stage.pick(
        (Pattern.FABRIC, Pattern.SPECKLE, Pattern.STRIPES, Pattern.NOISE, Pattern.DOTS, Pattern.PLAIN),
        (6, 3, 1, 1, 0.5, 3),
    )
    scales = {Pattern.STRIPES: (6, 30), Pattern.DOTS: (8, 30), Pattern.NOISE: (2, 10), Pattern.SPECKLE: (20, 60)}
    low, high = scales.get(pattern, (60, 160))
    busy = pattern in (Pattern.STRIPES, Pattern.DOTS)
    second = colors.shade(albedo, stage.uniform(0.55, 0.85))
    if busy and stage.chance(0.5):
        name, second = "", colors.paint(stage.rng, colors.any_name(stage.rng, vivid=0.3))
    number = stage.build.material(
        color=albedo,
        color_b=second,
        pattern=pattern,
        scale=stage.uniform(low, high),
        roughness=0.95,
        bump=stage.uniform(0, 0.3),
    )
    return Finish(number, name)


def leather(stage: Stage) -> Finish:
    name = stage.pick(("black", "brown", "brown", "white", "red", "beige"), (4, 3, 3, 1, 0.6, 1))
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(
        color=albedo, pattern=Pattern.NOISE, scale=25, color_b=colors.shade(albedo, 0.8), roughness=0.4, specular=0.04
    )
    return Finish(number, name, "leather")


def metal(stage: Stage, *, polished: float | None = None) -> Finish:
    """Bare steel, aluminium, brass: a coloured mirror, more or less rough."""
    shine = stage.uniform(0, 1) if polished is None else polished
    base = stage.pick(((0.62, 0.61, 0.58), (0.75, 0.75, 0.76), (0.35, 0.34, 0.33), (0.72, 0.55, 0.28)), (4, 4, 2, 1))
    number = stage.build.material(
        color=base, roughness=0.55 - 0.5 * shine, specular=0.7, metal=True, pattern=Pattern.PLAIN, color_b=base
    )
    return Finish(number, "", "metal")


def dark_metal(stage: Stage) -> Finish:
    """Powder-coated frames and legs: mostly black, grey or white."""
    finish = painted(stage, stage.pick(("black", "grey", "white"), (4, 2, 2)), gloss=0.5)
    return Finish(finish.number, finish.color, "metal")


def ceramic(stage: Stage, color: str | None = None) -> Finish:
    name = color or stage.pick(("white", "white", "white", "blue", "green", "red", "yellow", "beige", "black", "grey"))
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(color=albedo, color_b=albedo, roughness=0.12, specular=0.05)
    return Finish(number, name, "ceramic")


def glass(stage: Stage, *, tint: Albedo = (0.92, 0.96, 0.94), clarity: float = 0.88) -> Finish:
    number = stage.build.material(color=tint, color_b=tint, roughness=0.02, specular=0.05, transparency=clarity)
    return Finish(number, "", "glass")


def mirror(stage: Stage) -> Finish:
    silver = (0.88, 0.9, 0.89)
    return Finish(stage.build.material(color=silver, color_b=silver, roughness=0.0, specular=0.9, metal=True))


def cardboard(stage: Stage) -> Finish:
    tone = stage.uniform(0.8, 1.25)
    number = stage.build.material(
        color=colors.shade((0.40, 0.27, 0.15), tone),
        color_b=colors.shade((0.35, 0.23, 0.13), tone),
        pattern=Pattern.NOISE,
        scale=6,
        roughness=0.9,
    )
    return Finish(number, "brown", "cardboard")


def paper(stage: Stage, *, printed: bool = True) -> Finish:
    number = stage.build.material(
        color=(0.82, 0.81, 0.78),
        color_b=(0.08, 0.08, 0.1),
        pattern=Pattern.PRINT if printed else Pattern.PLAIN,
        scale=stage.uniform(60, 160),
        roughness=0.9,
    )
    return Finish(number, "white", "paper")


def packaging(stage: Stage) -> Finish:
    """Printed cartons and labels: what stands in shops and kitchens."""
    name = colors.any_name(stage.rng, vivid=0.7)
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(
        color=albedo,
        color_b=colors.paint(stage.rng, colors.any_name(stage.rng, vivid=0.4)),
        pattern=stage.pick((Pattern.PLAIN, Pattern.PRINT, Pattern.STRIPES, Pattern.ABSTRACT, Pattern.DOTS)),
        scale=stage.uniform(8, 30),
        detail=stage.uniform(0.6, 0.9),
        roughness=stage.uniform(0.1, 0.7),
        specular=0.03,
    )
    return Finish(number, name)


def book_cover(stage: Stage) -> Finish:
    name = colors.any_name(stage.rng, vivid=0.5)
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(
        color=albedo,
        color_b=colors.paint(stage.rng, colors.any_name(stage.rng, vivid=0.2)),
        pattern=stage.pick((Pattern.PLAIN, Pattern.PLAIN, Pattern.STRIPES, Pattern.ABSTRACT)),
        scale=stage.uniform(8, 20),
        detail=0.85,
        roughness=stage.uniform(0.2, 0.8),
        specular=0.02,
    )
    return Finish(number, name)


def picture(stage: Stage) -> Finish:
    """Something to look at: prints, paintings, posters, a picture on a screen."""
    pattern = stage.pick((Pattern.ABSTRACT, Pattern.NOISE, Pattern.PATCHWORK, Pattern.MARBLE), (6, 1, 1, 1))
    number = stage.build.material(
        color=colors.paint(stage.rng, colors.any_name(stage.rng, vivid=0.5)),
        color_b=colors.paint(stage.rng, colors.any_name(stage.rng, vivid=0.5)),
        pattern=pattern,
        scale=stage.uniform(1.5, 7),
        roughness=stage.uniform(0.1, 0.8),
    )
    return Finish(number)


def screen(stage: Stage, *, on: bool) -> Finish:
    """A display: black glass, or glowing with a desktop, a text or a film."""
    if not on:
        black = (0.012, 0.012, 0.014)
        return Finish(stage.build.material(color=black, color_b=black, roughness=0.05, specular=0.04), "black")
    pattern = stage.pick((Pattern.ABSTRACT, Pattern.PRINT, Pattern.PATCHWORK, Pattern.GRID))
    number = stage.build.material(
        color=stage.pick(((0.75, 0.78, 0.85), (0.1, 0.2, 0.45), (0.06, 0.06, 0.08))),
        color_b=stage.pick(((0.2, 0.3, 0.5), (0.7, 0.7, 0.75), (0.1, 0.3, 0.25))),
        pattern=pattern,
        scale={Pattern.PRINT: 55.0, Pattern.GRID: 12.0}.get(pattern, 4.0),
        emission=stage.uniform(0.5, 1.6),
    )
    return Finish(number)


def glow(stage: Stage, color: Albedo, strength: float) -> Finish:
    """The visible body of a light."""
    return Finish(stage.build.material(color=color, color_b=color, emission=strength))


def rubber(stage: Stage) -> Finish:
    black = (0.02, 0.02, 0.021)
    return Finish(stage.build.material(color=black, color_b=black, roughness=0.8), "black", "rubber")


def leaf(stage: Stage, *, autumn: float = 0.0) -> Finish:
    """Leaves; with probability `autumn` yellow to red."""
    hue = stage.uniform(18, 52) if stage.chance(autumn) else stage.uniform(72, 125)
    albedo = colors.hsv(hue, stage.uniform(0.4, 0.75), stage.uniform(0.28, 0.55))
    number = stage.build.material(
        color=albedo,
        color_b=colors.shade(albedo, stage.uniform(0.4, 0.7)),
        pattern=Pattern.NOISE,
        scale=stage.uniform(4, 14),
        roughness=0.7,
        specular=0.02,
    )
    return Finish(number, "green" if hue > 70 else "")


def bark(stage: Stage) -> Finish:
    tone = stage.uniform(0.6, 1.5)
    number = stage.build.material(
        color=colors.shade((0.17, 0.13, 0.10), tone),
        color_b=colors.shade((0.08, 0.06, 0.05), tone),
        pattern=Pattern.NOISE,
        scale=stage.uniform(6, 16),
        roughness=0.95,
        bump=0.8,
    )
    return Finish(number, "brown")


def stone(stage: Stage) -> Finish:
    albedo = colors.hsv(stage.uniform(20, 60), stage.uniform(0.02, 0.2), stage.uniform(0.4, 0.7))
    number = stage.build.material(
        color=albedo,
        color_b=colors.shade(albedo, 0.6),
        pattern=stage.pick((Pattern.NOISE, Pattern.SPECKLE, Pattern.MARBLE)),
        scale=stage.uniform(2, 8),
        roughness=0.9,
        bump=stage.uniform(0.3, 1.0),
    )
    return Finish(number, "grey", "stone")


def concrete(stage: Stage) -> Finish:
    albedo = colors.hsv(stage.uniform(25, 60), stage.uniform(0.0, 0.08), stage.uniform(0.5, 0.75))
    number = stage.build.material(
        color=albedo,
        color_b=colors.shade(albedo, stage.uniform(0.7, 0.9)),
        pattern=stage.pick((Pattern.SPECKLE, Pattern.NOISE)),
        scale=stage.uniform(1, 6),
        roughness=0.9,
        bump=0.2,
    )
    return Finish(number, "grey", "concrete")


def skin(stage: Stage) -> Finish:
    tone = stage.uniform(0.16, 1.1)
    number = stage.build.material(
        color=colors.shade((0.62, 0.38, 0.27), tone), color_b=(0.4, 0.2, 0.15), roughness=0.55, specular=0.02
    )
    return Finish(number)


def hair(stage: Stage) -> Finish:
    base = stage.pick(((0.02, 0.015, 0.012), (0.09, 0.05, 0.03), (0.3, 0.2, 0.09), (0.4, 0.39, 0.38)), (4, 3, 1, 1))
    number = stage.build.material(
        color=base, color_b=colors.shade(base, 0.6), pattern=Pattern.SPECKLE, scale=40, roughness=0.6, specular=0.03
    )
    return Finish(number)
