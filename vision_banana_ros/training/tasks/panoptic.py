"""PANOPTIC: stuff in the prompt's colours, every thing of the named classes in one of its own, on one canvas.

Stuff is learnt as SEMANTIC is, by its paints. Of several classes of things each has its share of the circle of hues
(tasks/panoptic.py), and the network's own colour is pulled there:

    m_i    mean own colour of thing i,  k the place of its class among n,  c_s the colours that are taken by stuff
    hint   hue (k + 0.3 sin a) / n, value 0.7 + 0.3 cos a, saturation 0.6 + 0.4 y, with a = 2 pi (2 x + y) of the
           thing's middle: the colour where it may start, so that neighbours of one class differ (instance.py)
    share  mean over things of max(0, cos 0.35 (2 pi / n) - cos(hue of m_i - k / n)),  0 where n = 1
    stuff  mean over things of the worst max(0, M - ||m_i - c_s||)^2 / M^2,  M = 0.3
    L      pull + 0.7 push + 0.5 hint of instance.py + share + stuff;  and the palette loss of paints.py, for all

A run asks it where its `asked_in_turn` names it; its network then hears of one task more than the usual student's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from vision_banana_ros.core import UNLABELLED, Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KINDS, TARGET
from vision_banana_ros.tasks.panoptic import MOST_CLASSES
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.instance import coloring_loss, middles
from vision_banana_ros.training.tasks.paints import numbers_of, paints_of, palette_loss
from vision_banana_ros.training.tasks.room import (
    BY_INSTANCE,
    OPEN,
    SMALLEST_CLASS,
    Answer,
    Asker,
    Cameras,
    Exercise,
    Facts,
    Part,
    Question,
)
from vision_banana_ros.training.tasks.semantic import ASKED_SHARE, BACKGROUND_SHARE

_MARGIN = 0.3
#: Of a class's share of the hues, to either side of its middle: the rest is left between the classes.
_WITHIN = 0.35


class Panoptic(Exercise):
    task = Task.PANOPTIC

    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        """Stuff first, as instructions name it; a thing that is absent gets its paint too, and must be nowhere."""
        large = facts.large_instances()
        countable = [i for i in np.unique(facts.class_of[large]).tolist() if asker.is_thing(i)]
        things = asker.rng.permutation(countable)[:MOST_CLASSES].astype(int).tolist()
        seen = np.flatnonzero(facts.classes[:UNLABELLED] >= SMALLEST_CLASS * facts.pixels).tolist()
        stuff = [i for i in seen if not asker.is_thing(i) and asker.rng.random() < ASKED_SHARE]
        if not stuff or not things:
            return None
        stuff = stuff[: asker.most_targets - len(things)]
        for missing in asker.absent(facts, asker.most_targets - len(stuff) - len(things)):
            if not asker.is_thing(missing):
                stuff.append(missing)
            elif len(things) < MOST_CLASSES:
                things.append(missing)
        classes = [*stuff, *things]
        words = tuple(asker.wording(i) for i in classes)
        if len(set(words)) < len(words):  # two classes said in one word
            return None
        with_background = bool(asker.rng.random() < BACKGROUND_SHARE) and not facts.real
        kind = np.zeros((len(classes) + with_background, KINDS), np.float32)
        kind[: len(stuff), TARGET] = kind[len(stuff) : len(classes), FREE] = kind[len(classes) :, BACKGROUND] = 1
        color = asker.colors(len(kind))
        color[len(stuff) : len(classes)] = 0
        by_class = np.full(256, len(classes) if with_background else OPEN, np.int16)
        by_class[stuff], by_class[things], by_class[UNLABELLED] = np.arange(len(stuff)), BY_INSTANCE, OPEN
        by_instance, numbers = np.full(256, OPEN, np.int16), np.zeros(256, np.int16)
        for paint, class_id in enumerate(things, start=len(stuff)):
            by_instance[large & (facts.class_of == class_id)] = paint
        told_apart = np.flatnonzero(by_instance != OPEN)
        numbers[told_apart] = np.arange(1, len(told_apart) + 1)
        return Question(self.task, kind, color, words, by_class=by_class, by_instance=by_instance, numbers=numbers)

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        return Answer(paints_of(seen, rows, questions), numbers_of(seen, rows, questions))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("panoptic", 0.5, palette_loss(painting, batch, self.task))
            yield Part("things", 1.0, things_loss(painting, batch))


def things_loss(painting: Painting, batch: Batch) -> Tensor:
    """Of the network's own colours, before they are mixed with those of stuff and background."""
    rows = batch.rows[Task.PANOPTIC]
    canvas = painting.free[rows].float()
    numbers, paints = (answers[Task.PANOPTIC][:, 2::4, 2::4] for answers in (batch.numbers, batch.paints))
    kind, color = batch.boxes.kind[rows], batch.boxes.color[rows]
    background = (color * kind[..., BACKGROUND : BACKGROUND + 1]).sum(1)

    share, kept, middle = middles(numbers)
    colors = canvas.flatten(2) @ share  # (N, 3, M)
    # which paint a thing has, and so the place of its class among the free paints of its box
    paint = (paints.clamp(min=0).flatten(1)[:, None].to(canvas.dtype) @ share)[:, 0].round().long()
    place = (kind[..., FREE].cumsum(1) - 1).gather(1, paint.clamp(max=kind.shape[1] - 1))
    classes = kind[..., FREE].sum(1, keepdim=True).clamp(min=1)
    goal = hint(middle, place / classes, classes)

    off = torch.cos(_WITHIN * 2 * torch.pi / classes) - torch.cos(hue(colors) - 2 * torch.pi * place / classes)
    outside = off.clamp(min=0) * (classes > 1)
    given = kind[..., TARGET]
    gap = (colors[..., None] - color.transpose(1, 2)[:, :, None]).square().sum(1).clamp(min=1e-8).sqrt()  # (N, M, P)
    taken = (((_MARGIN - gap).clamp(min=0) / _MARGIN).square() * given[:, None]).amax(2)
    apart = ((outside + taken) * kept).sum() / kept.sum().clamp(min=1)
    return coloring_loss(canvas, numbers, background, goal) + apart


def hint(middle: Tensor, turn: Tensor, classes: Tensor) -> Tensor:
    """(N, 3, M) colours for things at (N, 2, M), x and y of 0..1, of classes whose middles lie at `turn` (N, M)."""
    x, y = middle.unbind(1)
    angle = 2 * torch.pi * (2 * x + y)
    hue_of = (turn + 0.3 * torch.sin(angle) / classes) % 1
    saturation, value = 0.6 + 0.4 * y, 0.7 + 0.3 * torch.cos(angle)
    channels = []
    for start in (5, 3, 1):
        k = (start + 6 * hue_of) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=1)


def hue(colors: Tensor) -> Tensor:
    """(N, M) angles of colours (N, 3, M) around the grey axis; within a degree those of HSV. Of grey it is that of red.

    The gradient of an angle at grey is infinite: what is that near counts as a little red.
    """
    red, green, blue = colors.unbind(1)
    across, up = red - (green + blue) / 2, 3**0.5 / 2 * (green - blue)
    grey = across.square() + up.square() < 1e-4
    return torch.atan2(
        torch.where(grey, torch.zeros_like(up), up), torch.where(grey, torch.full_like(up, 1e-2), across)
    )


EXERCISE = Panoptic()
