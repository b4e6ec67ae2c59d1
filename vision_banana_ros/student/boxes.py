"""`PaintBoxes` as tensors: what the network reads beside the image."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True)
class Boxes:
    """(B, K, ...), or (N, ...) with the prompts of all images in one row; fields as in `PaintBoxes`.

    Without `image_of` (N,) each image has as many prompts, image by image.
    """

    task: Tensor
    lens: Tensor
    text: Tensor
    kind: Tensor
    place: Tensor
    color: Tensor
    image_of: Tensor | None = None

    def in_a_row(self) -> Boxes:
        """(B, K, ...) to (B * K, ...)."""
        return Boxes(*(x.flatten(0, 1) for field in fields(self) if (x := getattr(self, field.name)) is not None))


def for_prompts(shared: Tensor, own: Tensor, image_of: Tensor | None = None) -> Tensor:
    """(B, ...) of images, so that it meets (N, ...) of their prompts; a single image is broadcast, not copied."""
    if image_of is not None:
        return shared.index_select(0, image_of)
    if shared.shape[0] == 1:
        return shared
    return shared.repeat_interleave(own.shape[0] // shared.shape[0], dim=0)
