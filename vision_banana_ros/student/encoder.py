"""EfficientNet-Lite0, the student's eye: an image in, features at strides 2, 4, 8, 16 and 32 out.

References: Tan and Le, "EfficientNet", 2019, and its Lite variants of 2020: ReLU6, no squeeze-and-excite, so that every
engine runs it as it is. The last stage (192 to 320 channels) and the classifier are left out. Its ImageNet weights come
as ordinary floats with their normalisation (training/start.py), which stays as it is while it learns on: then it is a
factor of the weights, and costs nothing (blocks.py). The weights were trained with TensorFlow's padding (at stride 2
one pixel right and below, none left and above); here the padding is even, which shifts the sampling grid by a pixel and
spares the run-time a copy of each padded map.

Convention
    Input (B, 3, H, W), RGB in [-1, 1]; H and W multiples of 32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_banana_ros.student.blocks import ConvNorm

#: (expansion, channels, blocks, first stride, size of the kernel).
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
)
_STEM = 32
#: The last block before each halving of the resolution: its output is handed to the decoder.
_HANDED_OVER = (0, 2, 4, 10, 14)
CHANNELS = (16, 24, 40, 112, 192)
#: Of the original: a different one would change what the weights mean.
_EPS = 1e-3


class InvertedResidual(nn.Module):
    """Widen, look around, narrow; the narrow ends are linear."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, size: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.widen = ConvNorm(inputs, hidden, act="relu6", eps=_EPS) if expansion > 1 else nn.Identity()
        self.look = ConvNorm(hidden, hidden, size, stride=stride, depthwise=True, act="relu6", eps=_EPS)
        self.narrow = ConvNorm(hidden, outputs, act=None, eps=_EPS)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(self.look(self.widen(x)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """Lite0 without its end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, _STEM, 3, stride=2, act="relu6", eps=_EPS)
        blocks: list[nn.Module] = []
        channels = _STEM
        for expansion, outputs, count, stride, size in _STAGES:
            for i in range(count):
                blocks.append(InvertedResidual(channels, outputs, stride if i == 0 else 1, expansion, size))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _HANDED_OVER:
                features.append(x)
        return features


def normalise(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) of 0..255 in any dtype to [-1, 1]."""
    return rgb.to(torch.float32) / 127.5 - 1
