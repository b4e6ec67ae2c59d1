"""MobileNetV2, the student's eye: an image in, features at strides 2, 4, 8, 16 and 32 out.

Reference: Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018. Its ImageNet weights come
from a quantised model in which batch normalisation is folded into the convolutions. From stride 16 on it is put back:
without it nothing holds the scale of the deep features, they grew until ReLU6 cut them all off, and the deepest map was
the same for every image. The weights were trained with TensorFlow's padding (at stride 2 one pixel right and below,
none left and above); here the padding is even, which shifts the sampling grid by a pixel and spares the run-time a copy
of each padded map.

Convention
    Input (B, 3, H, W), RGB in [-1, 1]; H and W multiples of 32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import Depthwise

#: (expansion, channels, blocks, first stride) of the paper's table 2.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_STEM = 32
#: Of the blocks that are normalised: stride 16 and more.
_FIRST_NORMED = 6
#: The last block before each halving of the resolution: its output is handed to the decoder.
_HANDED_OVER = (0, 2, 5, 12, 16)
CHANNELS = (16, 24, 32, 96, 320)


def convolution(inputs: int, outputs: int, size: int = 1, stride: int = 1, *, depthwise: bool = False) -> nn.Conv2d:
    if depthwise:
        return Depthwise(inputs, size, stride)
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)


class InvertedResidual(nn.Module):
    """Widen, look around, narrow; the narrow ends are linear."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, *, normed: bool) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(channels) if normed else nn.Identity() for channels in (hidden, hidden, outputs)
        )
        self.widen = convolution(inputs, hidden) if expansion > 1 else None
        self.look = convolution(hidden, hidden, 3, stride, depthwise=True)
        self.narrow = convolution(hidden, outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.widen is None else F.relu6(self.norms[0](self.widen(x)))
        y: Tensor = self.norms[2](self.narrow(F.relu6(self.norms[1](self.look(wide)))))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """Width 1.0, without the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(3, _STEM, 3, 2)
        blocks: list[InvertedResidual] = []
        channels = _STEM
        for expansion, outputs, count, stride in _STAGES:
            for i in range(count):
                normed = len(blocks) >= _FIRST_NORMED
                blocks.append(InvertedResidual(channels, outputs, stride if i == 0 else 1, expansion, normed=normed))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        x = F.relu6(self.stem(x))
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _HANDED_OVER:
                features.append(x)
        return features

    def convolutions(self) -> list[nn.Conv2d]:
        """In the order in which a TFLite file of this network lists them."""
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]


def normalise(rgb_uint8: Tensor) -> Tensor:
    """(B, 3, H, W) of 0..255 in any dtype to [-1, 1]."""
    return rgb_uint8.to(torch.float32) / 127.5 - 1
