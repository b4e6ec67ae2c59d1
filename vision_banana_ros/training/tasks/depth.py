"""DEPTH: the canonical place along the walk, what it means in metres, and the colours themselves.

    L = 1.0 |log (c + e) / (t + e)|    canonical metres, relative: near and far count alike; e = 5 cm
      + 0.7 |d - mean d|               d: that log error; the shape, whatever the scale (after Eigen et al. 2014)
      + 1.0 |p - q|                    place along the walk, half size
      + 0.15 CE(paints, q)             the two knots around the true place: keeps the whole walk in use
      + 0.25 |grad log c - grad log t| edges stay edges; over 1, 4 and 16 pixels
      + 0.5 |rgb - walk(z)|            the canvas at full size, in its own encoding, in metres through the true lens

What the whole image tells has losses of its own (`scale_loss`), which do not touch what its pixels say: m, the mean of
d as it is painted, must be undone by the corrections s of student/lens.py, and the lens be guessed where it is usual.

    told    |m + s_told|        untold  |m + s_untold + (guess of log f) - log f|        lens  |guess - log f|

A plain loss on RGB breaks silently: a channel may die, and then nothing beyond some depth is ever painted; or bright
regions are painted white, the end of the walk. Here a place on the walk is mixed from knots and then coloured, so no
channel can die alone, and the terms in metres see any depth that is far off. Sky and unknown pixels are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np
import torch
from torch import Tensor

from vision_banana_ros.codecs.curve import uncurve
from vision_banana_ros.core import DEPTH_ENCODINGS, FloatArray, Task
from vision_banana_ros.student.mixer import looked_up
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import KINDS, KNOT
from vision_banana_ros.tasks.depth import KNOTS, knot_colors
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.tasks.room import Asker, Exercise, Facts, Part, Question, masked_mean

#: How often the lens is told though it is a usual one, and how often the colours are those that are shipped.
_TELL_SHARE, _CUBE_SHARE = 0.3, 0.85
_NEAR_M = 0.05
#: Where a map at half size looks: one pixel of each four.
HALF = np.s_[..., 1::2, 1::2]
#: 190 m: beyond it the curve is so flat that a step of the place says nothing.
FARTHEST_PLACE = 0.9975


class Depth(Exercise):
    task, always = Task.DEPTH, True

    def ask(self, facts: Facts, asker: Asker) -> Question:
        encoding = "cube" if asker.rng.random() < _CUBE_SHARE else str(asker.rng.choice(DEPTH_ENCODINGS))
        kind = np.zeros((KNOTS, KINDS), np.float32)
        kind[:, KNOT] = 1
        told = asker.rng.random() < _TELL_SHARE or not facts.usual_lens
        return Question(self.task, kind, _colors_of(encoding), encoding=encoding, told=told)

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("depth", 1.0, depth_loss(painting, batch))
            yield Part("scale", 0.5, scale_loss(painting, batch))


@cache
def _colors_of(encoding: str) -> FloatArray:
    colors: FloatArray = knot_colors(encoding)
    return colors


def depth_loss(painting: Painting, batch: Batch) -> Tensor:
    rows = batch.rows[Task.DEPTH]
    image = rows[0]
    place = painting.place[rows]
    target = batch.place(canonical=True, at=HALF)[image]
    known = (target >= 0).to(place.dtype)
    target = target.clamp(min=0)
    error = log_metres(place) - log_metres(target)
    loss = masked_mean(error.abs() + (place - target).abs(), known)
    loss = loss + 0.7 * shape_loss(error, known)
    coarse, seen = target[:, ::2, ::2], known[:, ::2, ::2]
    loss = loss + 0.15 * masked_mean(_two_knots(painting.logits[rows][:, :KNOTS], coarse), seen)
    loss = loss + 0.25 * _edges(error, known)
    full = batch.place(canonical=False)[image]
    color = batch.boxes.color[rows]
    painted = walked(full.clamp(min=0), color)
    off = (painting.canvas[rows] - painted).abs().mean(1)
    return loss + 0.5 * masked_mean(off, (full >= 0).to(off.dtype))


def walked(place: Tensor, color: Tensor) -> Tensor:
    """As mixer.walk for boxes of all knots, (N, P, 3)."""
    ends = color[:, :KNOTS].transpose(1, 2)
    return looked_up(place * (KNOTS - 1), ends[..., :-1], ends[..., 1:] - ends[..., :-1])


def scale_loss(painting: Painting, batch: Batch) -> Tensor:
    """What the whole image tells."""
    image, question = batch.rows[Task.DEPTH]
    place = painting.place[image, question].detach().float()
    target = batch.place(canonical=True, at=HALF)[image]
    known = (target >= 0).float()
    count = known.sum((1, 2))
    error = (log_metres(place) - log_metres(target.clamp(min=0))) * known
    mean = error.sum((1, 2)) / count.clamp(min=1)
    guess, there = painting.guess, (count > 0).float()
    told = (mean + guess.told[image].float()).abs()
    lens = guess.lens[image].float() - batch.lens[image]
    usual = there * batch.usual[image]
    untold = (mean + guess.untold[image].float() - lens).abs()
    return masked_mean(told, there) + masked_mean(untold, usual)


def log_metres(place: Tensor) -> Tensor:
    return torch.log(uncurve(place.float().clamp(0, FARTHEST_PLACE)) + _NEAR_M)


def _two_knots(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy against shares of the two knots beside the true place, in proportion to their nearness."""
    log_share = torch.log_softmax(logits.float(), dim=1)
    position = target * (KNOTS - 1)
    before = position.floor().clamp(max=KNOTS - 2)
    after_share = position - before
    index = before.long()[:, None]
    first, second = log_share.gather(1, index)[:, 0], log_share.gather(1, index + 1)[:, 0]
    return -((1 - after_share) * first + after_share * second)


def shape_loss(error: Tensor, known: Tensor) -> Tensor:
    """How far off pixels are beside their image: no picture tells its scale, and that must not drown the rest."""
    mean = (error * known).sum((1, 2), keepdim=True) / known.sum((1, 2), keepdim=True).clamp(min=1)
    return masked_mean((error - mean).abs(), known)


def _edges(error: Tensor, known: Tensor) -> Tensor:
    """Mean absolute difference of the error between neighbours, near and further off."""
    total = error.new_zeros(())
    for step, axis in product((1, 4, 16), (-1, -2)):
        size = error.shape[axis]
        length = max(0, size - step)
        both = known.narrow(axis, size - length, length) * known.narrow(axis, 0, length)
        change = error.narrow(axis, size - length, length) - error.narrow(axis, 0, length)
        total = total + masked_mean(change.abs(), both)
    return total / 2


EXERCISE = Depth()
