"""The student with what helps it to learn and stays behind when it is exported.

A painter answers one question at a time, and costs most of a step. So the map that all painters share, at 1/8 of the
image, is also asked directly, by one layer each: how far, which way does it face, which of all classes is it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.network import Painting, Student
from vision_banana_ros.tasks import vocabulary

#: Of the shared map that is asked, in pixels of the image.
STRIDE = 8
#: Of the image, where that map looks: the middles of its squares.
MIDDLES = (..., slice(STRIDE // 2, None, STRIDE), slice(STRIDE // 2, None, STRIDE))
_MIDDLE = 1  # of the trunk's maps
_USUAL_LOG_M = 1.0  # canonical


@dataclass(frozen=True)
class Sight:
    """What the shared map says of all images, at 1/8."""

    log_depth: Tensor  # (B, h, w) canonical
    normals: Tensor  # (B, 3, h, w), not yet unit long
    classes: Tensor  # (B, C, h, w) logits of the vocabulary
    features: Tensor | None = None  # (B, C, h, w) in the space of another encoder, where one is learnt from


class Trainee(nn.Module):
    """`student` is what counts. `features`: how long the vectors of an encoder are that it is pulled towards, or 0."""

    def __init__(self, student: Student, *, features: int = 0) -> None:
        super().__init__()
        self.student = student
        channels = student.config.trunk[_MIDDLE]
        self.log_depth = nn.Conv2d(channels, 1, 1)
        self.normals = nn.Conv2d(channels, 3, 1)
        self.classes = nn.Conv2d(channels, len(vocabulary.labels()), 1)
        self.features = nn.Conv2d(channels, features, 1) if features else None
        nn.init.constant_(self.log_depth.bias, _USUAL_LOG_M)  # type: ignore[arg-type]  # it has one

    def forward(self, image: Tensor, boxes: Boxes, log_k: Tensor) -> tuple[Painting, Sight]:
        """`log_k` (B,): with the true lens, canvases show what is right and wrong with the drawing alone."""
        seen = self.student.see(image)
        painting = self.student.paint(seen, boxes, log_k)
        shared = seen.maps[_MIDDLE]
        features = None if self.features is None else self.features(shared)
        sight = Sight(self.log_depth(shared)[:, 0], self.normals(shared), self.classes(shared), features)
        return painting, sight

    def learn(self, *, frozen_blocks: int, batch_norms: bool) -> None:
        """Training mode. The encoder keeps its statistics, which come from a million photographs; the rest keeps its
        own unless `batch_norms`, and then computes as it will when it is used (but for the mixer's choice).
        """
        self.train()
        encoder = self.student.encoder
        for module in self.modules() if not batch_norms else encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        for part in (encoder.stem, *encoder.blocks[: max(0, frozen_blocks)]) if frozen_blocks else ():
            part.requires_grad_(False)

    def helpers(self) -> dict[str, Tensor]:
        """The weights that stay behind."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("student.")}
