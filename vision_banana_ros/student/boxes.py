"""`PaintBoxes` as tensors: what the network reads beside the image."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True)
class Boxes:
    """(B, K, ...), or (N, ...) with the prompts of all images in one row; fields as in `PaintBoxes`."""

    task: Tensor
    lens: Tensor
    text: Tensor
    kind: Tensor
    place: Tensor
    color: Tensor

    def in_a_row(self) -> Boxes:
        """(B, K, ...) to (B * K, ...)."""
        return Boxes(*(getattr(self, field.name).flatten(0, 1) for field in fields(self)))


def for_prompts(shared: Tensor, own: Tensor) -> Tensor:
    """(B, ...) of images, so that it meets (N, ...) of their prompts; a single image is broadcast, not copied."""
    if shared.shape[0] == 1:
        return shared
    return shared.repeat_interleave(own.shape[0] // shared.shape[0], dim=0)
