"""The student: one look at the image, then one canvas per prompt, all in one pass.

    image --MobileNetV2--> features at 1/2 .. 1/32
          --context------> what the place is like as a whole (attention at 1/32)
          --trunk--------> maps at 1/16, 1/8, 1/4: shared by all prompts, computed once
          --glance-------> one vector about the whole: above all, through which lens it was seen
    box   --reader-------> with the glance a vector that steers (FiLM) the painter, and a key for each paint
          --painter------> per prompt: 1/16 -> 1/8 -> 1/4 -> 1/2, steered at each step
                           feature . key -> softmax over the paints = the mixture at each pixel
                           mixture of colours, or colour at the mixture of places along a walk
                           doubled by learned choice -> canvas

There is no head per task: a depth canvas differs from a segmentation by the paints in its box alone (paintbox.py).

Convention
    image (B, 3, H, W) of 0..255, H and W multiples of 32; boxes (B, K, ...) as in `PaintBoxes`; canvases 0..1.
    Inside, the prompts of all images lie in one row: N = B * K, image by image. One image is not copied for its prompts
    but broadcast, in four dimensions: with a fifth, OpenVINO turns the large maps around, half of its time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import coordinates, sharp_double
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.encoder import CHANNELS, MobileNetV2, normalise
from vision_banana_ros.student.mixer import Mixer, Mixture, walk
from vision_banana_ros.student.paintbox import KNOT
from vision_banana_ros.student.painter import Painter
from vision_banana_ros.student.reading import Reader
from vision_banana_ros.student.seeing import Context, Glance, Trunk


@dataclass(frozen=True)
class StudentConfig:
    """Widths; the defaults meet the size and latency budgets."""

    context: int = 256
    trunk: tuple[int, int, int] = (160, 128, 64)  # at 1/16, 1/8, 1/4
    painter: tuple[int, int, int, int] = (128, 96, 64, 32)  # at 1/16, 1/8, 1/4, 1/2
    prompt: int = 96
    glance: int = 96


@dataclass(frozen=True)
class Seen:
    """What is known of an image before anything is asked."""

    maps: list[Tensor]  # the trunk's, at 1/16, 1/8, 1/4
    detail: Tensor  # the encoder's, at 1/2
    where: Tensor  # coordinates at 1/2
    glance: Tensor  # (B, G)


@dataclass(frozen=True)
class Sketch:
    """Canvases at half size, and how to double them."""

    color: Tensor  # (N, 3, H/2, W/2) in 0..1
    mixture: Mixture
    lens: Tensor  # (B,) a guess at log(2 tan(hfov / 2))


@dataclass(frozen=True)
class Painting:
    """What the losses look at."""

    canvas: Tensor  # (B, K, 3, H, W) in 0..1
    place: Tensor  # (B, K, H/2, W/2) position along the walk, 0..1; 0 for boxes without knots
    free: Tensor  # (B, K, 3, H/2, W/2) the network's own colour, 0..1, before anything is mixed
    logits: Tensor  # (B, K, P, H/2, W/2): their softmax over P are the paints' shares
    lens: Tensor  # (B,) as in `Sketch`


class Student(nn.Module):
    """Image and boxes in, canvases out."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = config or StudentConfig()
        self.encoder = MobileNetV2()
        self.context = Context(CHANNELS[4], self.config.context)
        self.trunk = Trunk(self.config.context, self.config.trunk)
        self.glance = Glance(self.config.context, self.config.glance)
        self.reader = Reader(self.config.prompt, self.config.painter[-1], self.config.glance)
        self.painter = Painter(self.config.trunk, self.config.painter, self.config.prompt)
        self.mixer = Mixer(self.config.painter[-1])

    def forward(self, image: Tensor, boxes: Boxes) -> Painting:
        return self.paint(self.see(image), boxes)

    def paint(self, seen: Seen, boxes: Boxes) -> Painting:
        sketch = self.draw(seen, boxes.in_a_row())
        mixture = sketch.mixture
        canvas = sharp_double(sketch.color, mixture.choice)
        images, prompts = boxes.task.shape[:2]

        def per_image(x: Tensor) -> Tensor:
            return x.reshape(images, prompts, *x.shape[1:])

        return Painting(
            per_image(canvas),
            per_image(mixture.place),
            per_image(mixture.free),
            per_image(mixture.logits),
            sketch.lens,
        )

    def sketch(self, image: Tensor, boxes: Boxes) -> Sketch:
        """Boxes (N, ...), N a multiple of the images."""
        return self.draw(self.see(image), boxes)

    def see(self, image: Tensor) -> Seen:
        features = self.encoder(normalise(image))
        context = self.context(features[4])
        where = coordinates(features[0])
        glance = self.glance(context, F.avg_pool2d(where, 16))
        return Seen(self.trunk(context, features), features[0], where, glance)

    def draw(self, seen: Seen, boxes: Boxes) -> Sketch:
        prompt, key = self.reader(boxes, seen.glance)
        mixture = self.mixer(self.painter(seen.maps, seen.detail, seen.where, prompt), key, boxes)
        knots = boxes.kind[..., KNOT].sum(1)
        along_walk = walk(mixture.place, boxes.color, knots)
        color = torch.where(knots[:, None, None, None] > 0, along_walk, mixture.color)
        return Sketch(color, mixture, self.glance.lens(seen.glance)[:, 0])
