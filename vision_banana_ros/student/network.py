"""The student: one look at the image, then one canvas per prompt, all in one pass.

    image --EfficientNet---> features at 1/2 .. 1/32
          --context--------> what the place is like as a whole (attention at 1/32)
          --trunk----------> maps at 1/16, 1/8, 1/4: shared by all prompts, computed once
          --detail, edges--> what is finer than that, and how canvases are doubled along the picture's edges
          --glance---------> one vector about the whole
          --lens-----------> from it: through which lens it was seen, and how large everything is
    box   --reader---------> with the glance a vector that steers (FiLM) the painter, and a key for each paint
          --painter--------> per prompt: 1/16 -> 1/8 -> 1/4, steered at each step
                             feature . key -> softmax over the paints = the mixture at each pixel of 1/4
                             colours and canonical places, doubled by learned choice
                             places brought to metres by the lens, and coloured along their walk
                             doubled by learned choice -> canvas

There is no head per task: a depth canvas differs from a segmentation by the paints in its box alone (paintbox.py).

Convention
    image (B, 3, H, W) of 0..255, H and W multiples of 32; boxes (B, K, ...) as in `PaintBoxes`; canvases 0..1.
    Inside, the prompts of all images lie in one row: N = B * K, image by image. One image is not copied for its prompts
    but broadcast, in four dimensions: with a fifth, OpenVINO turns the large maps around, half of its time. Where
    `Boxes.image_of` says which image each prompt is about, their numbers may differ, and maps are copied by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import coordinates, sharp_double
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.encoder import CHANNELS, EfficientNetLite, normalise
from vision_banana_ros.student.lens import Guess, Lens, log_shift, shifted
from vision_banana_ros.student.mixer import Mixer, Mixture, walk
from vision_banana_ros.student.paintbox import KNOT, TASKS
from vision_banana_ros.student.painter import Painter
from vision_banana_ros.student.reading import Reader
from vision_banana_ros.student.seeing import Context, Detail, Edges, Glance, Seen, Trunk


@dataclass(frozen=True)
class StudentConfig:
    """Widths; the defaults meet the size and latency budgets."""

    context: int = 192
    trunk: tuple[int, int, int] = (144, 112, 64)  # at 1/16, 1/8, 1/4
    painter: tuple[int, int, int] = (112, 96, 64)  # at 1/16, 1/8, 1/4
    prompt: int = 96
    glance: int = 128
    tasks: tuple[str, ...] = tuple(map(str, TASKS))  # that it is told, in the order of its input


@dataclass(frozen=True)
class Sketch:
    """Canvases at half size, and how to double them."""

    color: Tensor  # (N, 3, H/2, W/2) in 0..1
    edges: Tensor  # (B, 16, H/2, W/2), or (N, ...) with image_of
    place: Tensor  # (N, H/2, W/2) canonical
    mixture: Mixture
    guess: Guess


@dataclass(frozen=True)
class Painting:
    """What the losses look at."""

    canvas: Tensor  # (B, K, 3, H, W) in 0..1
    place: Tensor  # (B, K, H/2, W/2) canonical position along the walk, 0..1; 0 for boxes without knots
    free: Tensor  # (B, K, 3, H/4, W/4) the network's own colour, 0..1, before anything is mixed
    logits: Tensor  # (B, K, P, H/4, W/4): their softmax over P are the paints' shares
    guess: Guess


class Student(nn.Module):
    """Image and boxes in, canvases out."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = config or StudentConfig()
        self.encoder = EfficientNetLite()
        self.context = Context(CHANNELS[4], self.config.context)
        self.trunk = Trunk(self.config.context, self.config.trunk)
        self.detail = Detail(self.config.painter[-1])
        self.edges = Edges(self.config.trunk[-1], self.config.painter[-1])
        self.glance = Glance(self.config.context, self.config.glance)
        self.lens = Lens(self.config.glance)
        self.reader = Reader(len(self.config.tasks), self.config.prompt, self.config.painter[-1], self.config.glance)
        self.painter = Painter(self.config.trunk, self.config.painter, self.config.prompt)
        self.mixer = Mixer(self.config.painter[-1])

    def forward(self, image: Tensor, boxes: Boxes) -> Painting:
        return self.paint(self.see(image), boxes)

    def paint(self, seen: Seen, boxes: Boxes, log_k: Tensor | None = None) -> Painting:
        """`log_k` (B,): the true shift of each image, where training knows it; else what the network thinks."""
        prompts = boxes.task.shape[1]
        sketch = self.draw(seen, boxes.in_a_row(), None if log_k is None else log_k.repeat_interleave(prompts))
        mixture = sketch.mixture
        canvas = sharp_double(sketch.color, seen.edges)

        def per_image(x: Tensor) -> Tensor:
            return x.reshape(-1, prompts, *x.shape[1:])

        return Painting(
            per_image(canvas),
            per_image(sketch.place),
            per_image(mixture.free),
            per_image(mixture.logits),
            sketch.guess,
        )

    def sketch(self, image: Tensor, boxes: Boxes) -> Sketch:
        """Boxes (N, ...), N a multiple of the images, or with `image_of`."""
        return self.draw(self.see(image), boxes)

    def see(self, image: Tensor) -> Seen:
        pixels = normalise(image)
        features = self.encoder(pixels)
        context = self.context(features[4])
        where = coordinates(features[1])
        glance = self.glance(context, F.avg_pool2d(where, 8))
        maps = self.trunk(context, features)
        detail = self.detail(features[0], pixels)
        return Seen(maps, detail, self.edges(maps[-1], detail), where, glance)

    def draw(self, seen: Seen, boxes: Boxes, log_k: Tensor | None = None) -> Sketch:
        prompt, key = self.reader(boxes, seen.glance)
        mixture = self.mixer(self.painter(seen, prompt, boxes.image_of), key, boxes)
        guess = self.lens(seen.glance)
        if log_k is None:
            log_k = log_shift(guess, boxes.lens, 4 * seen.where.shape[3], boxes.image_of)
        half = sharp_double(mixture.mixed, mixture.choice)
        knots = boxes.kind[..., KNOT].sum(1)
        place = half[:, 3]
        along_walk = walk(shifted(place, log_k), boxes.color, knots)
        color = torch.where(knots[:, None, None, None] > 0, along_walk, half[:, :3])
        edges = seen.edges if boxes.image_of is None else seen.edges.index_select(0, boxes.image_of)
        return Sketch(color, edges, place, mixture, guess)
