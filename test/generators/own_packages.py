"""Stand-ins for the packages `moge` and `depth_anything_3` with the signatures that those document, and nothing else.

Both packages are on PyPI, but declare gradio, open3d, xformers and an old NumPy, so no test environment has them. What
our loading calls is here as small real networks of PyTorch, whose answers are known: the picture's red tells depth.

    z = 1 + red,  red in 0..1, metres         (a network that is fed 0..255 or BGR gives another depth)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

#: MoGe's points are affine: z is too small by SHIFT, and all of it by SCALE.
SHIFT, SCALE = 0.4, 2.5
#: The camera of the picture that MoGe is shown: width, height, focal length, in pixels; its centre is the picture's.
WH, FOCAL = (65, 48), 60.0


class MoGeModel(torch.nn.Module):
    """moge.model.v2: forward(image (B, 3, H, W) in 0..1, num_tokens) -> points, normal, mask, metric_scale."""

    def __init__(
        self,
        encoder: dict[str, Any],
        neck: dict[str, Any],
        points_head: dict[str, Any] | None = None,
        mask_head: dict[str, Any] | None = None,
        normal_head: dict[str, Any] | None = None,
        scale_head: dict[str, Any] | None = None,
        remap_output: str = "linear",
        num_tokens_range: list[int] | None = None,
    ) -> None:
        super().__init__()
        assert encoder
        assert neck
        assert points_head
        assert scale_head
        self.remap_output = remap_output
        self.num_tokens_range = num_tokens_range or [1200, 3600]
        self.weight = torch.nn.Parameter(torch.zeros(1))  # 1 in a checkpoint: what was not loaded gives no depth
        if mask_head is not None:
            self.mask_head = torch.nn.Identity()
        if normal_head is not None:
            self.normal_head = torch.nn.Identity()

    def forward(self, image: torch.Tensor, num_tokens: int) -> dict[str, torch.Tensor]:
        assert self.num_tokens_range[0] <= num_tokens <= self.num_tokens_range[1]
        assert self.remap_output == "exp"
        assert image.dtype is torch.float32
        batch, _, height, width = image.shape
        z = (1 + image[:, 0]) * self.weight
        x = (torch.arange(width) - (WH[0] - 1) / 2) / FOCAL
        y = ((torch.arange(height) - (WH[1] - 1) / 2) / FOCAL)[:, None]
        points = torch.stack([x * z, y * z, z - SHIFT], -1) / SCALE
        out = {"points": points, "metric_scale": torch.full((batch,), SCALE)}
        if hasattr(self, "mask_head"):
            out["mask"] = (image[:, 2] < 0.9).float()  # blue is sky
        if hasattr(self, "normal_head"):
            out["normal"] = torch.tensor([0.0, 0.6, -0.8]).expand(batch, height, width, 3)
        return out


class Backbone(torch.nn.Module):
    """DinoV2 of depth_anything_3.model: x (B, N, 3, H, W), normalised as ImageNet's pictures are."""

    def forward(
        self, x: torch.Tensor, cam_token: Any = None, export_feat_layers: Any = ()
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        assert cam_token is None
        assert list(export_feat_layers) == []
        assert x.ndim == 5
        assert x.shape[3] % 14 == x.shape[4] % 14 == 0
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        return [x * std + mean], []


class Head(torch.nn.Module):
    """DPT of depth_anything_3.model: depth that is metres * 300 / focal length, and how much a pixel is sky."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(
        self,
        feats: list[torch.Tensor],
        H: int,
        W: int,
        patch_start_idx: int,
        chunk_size: int = 8,  # noqa: ARG002
    ) -> dict[str, torch.Tensor]:
        assert patch_start_idx == 0
        rgb = feats[0]
        assert rgb.shape[-2:] == (H, W)
        return {"depth": (1 + rgb[:, :, 0]) * self.weight, "sky": (rgb[:, :, 2] > 0.9).float()}


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = Backbone(), Head()


def moge_checkpoint(path: Path, *, normals: bool = True, mask: bool = True, refiner: bool = False) -> Path:
    """As the authors write them: one file of torch."""
    config: dict[str, Any] = {
        "encoder": {"backbone": "dinov2_vits14"}, "neck": {"dim": 1}, "points_head": {"dim": 1},
        "scale_head": {"dims": [1]}, "num_tokens_range": [1200, 3600],
    }  # fmt: skip
    config |= {"normal_head": {"dim": 1}} if normals else {}
    config |= {"mask_head": {"dim": 1}} if mask else {}
    config |= {"refiner": {"depth": 3}, "refiner_depth_resolution": 256} if refiner else {"remap_output": "exp"}
    state = {"weight": torch.ones(1)} | ({"refiner.weight": torch.ones(1)} if refiner else {})
    torch.save({"model_config": config, "model": state}, path)
    return path


def da3_folder(folder: Path, name: str = "da3metric-large") -> Path:
    """As PyTorchModelHubMixin writes them: config.json and model.safetensors, all keys below `model.`"""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_name": name}))
    save_file({"model.head.weight": torch.ones(1)}, folder / "model.safetensors")
    return folder


def install(patch: pytest.MonkeyPatch) -> None:
    """import moge.model.v2, depth_anything_3.cfg and .registry as if they were installed."""
    modules = {
        "moge": {}, "moge.model": {}, "moge.model.v2": {"MoGeModel": MoGeModel},
        "depth_anything_3": {},
        "depth_anything_3.registry": {"MODEL_REGISTRY": {"da3metric-large": "metric.yaml", "da3-small": "small.yaml"}},
        "depth_anything_3.cfg": {"load_config": lambda path: {"path": path}, "create_object": lambda _config: Net()},
    }  # fmt: skip
    for name, members in modules.items():
        module = ModuleType(name)
        module.__path__ = []
        for key, value in members.items():
            setattr(module, key, value)
        patch.setitem(sys.modules, name, module)
