"""From what a picture shows to metres: the canonical camera, and the lens that leads back from it.

What the pixels say is a *canonical* depth c: how far a thing would be if the canvas were seen with a focal length of
FOCAL_PX pixels. Then the size of a thing in pixels says all, and every crop, zoom and camera teaches one function.

    z = k c,   k = e^s f / FOCAL_PX        f: the focal length in pixels of the canvas, width / (2 tan(hfov / 2))

f is told, or else guessed from the image as a whole. s is a small correction of the whole image's scale, one for told
lenses and one for guessed ones: where the picture does not tell its lens, the distances that rooms usually have do
better than the guess alone. Neither depends on the lens that is told, so metres follow it exactly.

Depth is a place on the code's curve, q = 1 - (1 + z / 10)^-2 (codecs/curve.py), so the lens is a shift along the walk:

    q = 1 - (1 + k ((1 - p)^-1/2 - 1))^-2
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.boxes import for_prompts

#: Pixels: between the wide and the long lenses of the canvases that robots use.
FOCAL_PX = 160.0
#: A canonical place nearer to the end than this lies beyond 3 km: all such are painted there.
_LAST = 1 - 1e-5


@dataclass(frozen=True)
class Guess:
    """About whole images, (B,) each."""

    lens: Tensor  # log(width / f)
    told: Tensor  # s where the lens is told
    untold: Tensor  # s where it is guessed


class Lens(nn.Module):
    """The three numbers that only the whole image tells."""

    def __init__(self, glance: int) -> None:
        super().__init__()
        self.think = nn.Linear(glance, glance)
        self.say = nn.Linear(glance, 3)
        nn.init.normal_(self.say.weight, std=1e-2)
        nn.init.zeros_(self.say.bias)

    def forward(self, glance: Tensor) -> Guess:
        return Guess(*self.say(F.relu(self.think(glance))).unbind(1))


def log_shift(guess: Guess, lens: Tensor, width: Tensor | int, image_of: Tensor | None = None) -> Tensor:
    """log k of each prompt (N,): `lens` (N, 2) is its token, whether a lens is told and log(width / f)."""
    told = lens[:, 0]
    share = told * lens[:, 1] - told * for_prompts(guess.told, lens, image_of)
    free = for_prompts(guess.lens - guess.untold, lens, image_of) * (1 - told)
    return _log(width) - math.log(FOCAL_PX) - share - free


def log_focal(lens: Tensor, width: int) -> Tensor:
    """log(f / FOCAL_PX) for log(width / f)."""
    return math.log(width / FOCAL_PX) - lens


def shifted(place: Tensor, log_k: Tensor) -> Tensor:
    """Canonical places (N, h, w) to places in metres."""
    away = (1 - place.clamp(0, _LAST)).rsqrt() - 1
    near = 1 / (1 + away * log_k.exp()[:, None, None])
    return 1 - near * near


def _log(width: Tensor | int) -> Tensor | float:
    """While a graph is traced a size is a tensor, and has to stay one for other sizes."""
    return torch.log(width.float()) if isinstance(width, Tensor) else math.log(width)
