"""Depth-Anything-V2-Small as an ONNX graph: the yardstick of the model's speed.

The `transformers` configuration of the published network (Yang et al. 2024) with random weights: time does not depend
on them. The image size is a constant of the graph, which is how such networks are deployed.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class _DepthAlone(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        depth: Tensor = self.network(pixel_values=pixels).predicted_depth
        return depth


def write_graph(path: Path, side: int) -> None:
    """ImportError without `transformers`, which is no dependency of this package."""
    transformers: Any = importlib.import_module("transformers")

    backbone = transformers.Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_indices=[3, 6, 9, 12],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=14,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
        head_hidden_size=32,
    )
    config.backbone_config._attn_implementation = "eager"
    network = _DepthAlone(transformers.DepthAnythingForDepthEstimation(config)).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, side, side),),
            str(path),
            input_names=["pixels"],
            output_names=["depth"],
            opset_version=17,
            dynamo=False,
        )
